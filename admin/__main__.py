"""`python -m admin`, from a checkout: our package is a layer, and not installed."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    sys.path.insert(0, str(Path(__file__).parents[1] / "layers" / "reelkeep"))
    try:
        from admin import commands

        return commands.main()
    except ModuleNotFoundError as missing:
        sys.exit(
            f"error: there is no {missing.name} in {sys.prefix}: run `make setup`, then `source .venv/bin/activate`"
        )
    except KeyboardInterrupt:
        return 130  # as a shell says it


if __name__ == "__main__":
    sys.exit(main())
