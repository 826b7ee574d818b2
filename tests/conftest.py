from __future__ import annotations

from hypothesis import settings

# A busy machine is not a wrong answer.
settings.register_profile("reelkeep", deadline=None, max_examples=50)
settings.load_profile("reelkeep")
