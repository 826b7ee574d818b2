from __future__ import annotations

import gc

from hypothesis import settings

# How far properties are looked into: `quick` at every run, `thorough` by `make chaos`, and with `--hypothesis-profile
# explore` further still, and elsewhere each time. A busy machine is not a wrong answer, and the same code gets the
# same answer.
settings.register_profile("quick", deadline=None, max_examples=15, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=150, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("quick")


def pytest_collection_finish() -> None:
    """What was imported stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
