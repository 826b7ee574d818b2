"""`python -m admin`, from a checkout: our package is a layer, and not installed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "layers" / "reelkeep"))

from admin.commands import main

if __name__ == "__main__":
    sys.exit(main())
