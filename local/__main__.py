"""`python -m local up` and `python -m local demo`."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Imports take longer than a person needs to think better of it: the signals come first."""
    for number in SIGNALS:
        signal.signal(number, stop)
    try:
        from local import commands
    except ModuleNotFoundError as missing:
        sys.exit(
            f"error: there is no {missing.name} in {sys.prefix}: run `make setup`, then `source .venv/bin/activate`"
        )
    return commands.main()


def stop(number: int, _: object) -> NoReturn:
    """Unwinds everything once; a second signal does not disturb that."""
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # the terminal may be gone
        os.write(2, b"\nstopping: a few seconds\n")
    raise SystemExit(0 if number == signal.SIGINT else 128 + number)


if __name__ == "__main__":
    sys.exit(main())
