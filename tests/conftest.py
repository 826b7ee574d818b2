from __future__ import annotations

import gc

from hypothesis import settings

# How many examples of each property: `quick` in `make unit`, `thorough` in `make coverage`. The same code gets the
# same ones. With `--hypothesis-profile explore` there are many more, and other ones each time. There is no deadline:
# a busy machine is not a wrong answer.
settings.register_profile("quick", deadline=None, max_examples=15, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=100, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("quick")


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not traverse it again and again."""
    gc.collect()
    gc.freeze()
