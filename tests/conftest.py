from __future__ import annotations

from hypothesis import settings

# A busy machine is not a wrong answer, and the same code gets the same answer. `--hypothesis-profile explore` looks
# further, and elsewhere each time.
settings.register_profile("reelkeep", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("reelkeep")
