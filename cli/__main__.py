"""The program `reelkeep`. `python -m cli` in a checkout is the same, also where nothing is installed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn


def run() -> NoReturn:
    layer = Path(__file__).parents[1] / "layers" / "reelkeep"
    if layer.is_dir():
        sys.path.insert(0, str(layer))
    try:
        from cli.main import main

        code = main()
    except ModuleNotFoundError as missing:
        sys.exit(f"error: there is no {missing.name} in {sys.prefix}: run `make setup`, and use .venv/bin/reelkeep")
    except KeyboardInterrupt:  # while all that was loaded
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    run()
