"""`python -m cli` from a checkout: the same as `reelkeep`, also where that is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "layers" / "reelkeep"))
    from cli.main import run

    run()
