"""`python -m local up` and `python -m local demo`."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import NoReturn

from local import cloud, errors
from local.demo import demo
from local.up import up

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description="The local cloud.")
    commands = parser.add_subparsers(dest="command", required=True)
    up_parser = commands.add_parser("up", help="run the local cloud until Ctrl-C")
    up_parser.add_argument("--port", type=int, default=4566, help="of the emulator; the studio takes the next one")
    up_parser.add_argument("--data", type=Path, default=ROOT / ".local", help="where state lives")
    up_parser.add_argument("--providers", type=Path, help="a file of providers to use instead of the studio")
    up_parser.add_argument("--callbacks", action="store_true", help="ask providers to call back when a task changes")
    commands.add_parser("demo", help="see one task through, then stop everything")
    chosen = parser.parse_args(arguments)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        match chosen.command:
            case "up":
                up(planned(chosen))
            case "demo":
                demo(ROOT)
    except errors.CloudError as found:
        for line in errors.last_lines(found.logs):
            print(line, file=sys.stderr)
        print(f"error: {found}", file=sys.stderr)
        return 1
    return 0


def planned(chosen: argparse.Namespace) -> cloud.Plan:
    return cloud.Plan(
        root=ROOT,
        data=chosen.data.resolve(),
        port=chosen.port,
        studio_port=chosen.port + 1,
        providers_file=chosen.providers,
        provider_callbacks=chosen.callbacks,
    )


def stop(number: int, _: object) -> NoReturn:
    """Unwinds everything once; a second signal does not disturb that."""
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(0 if number == signal.SIGINT else 128 + number)


if __name__ == "__main__":
    sys.exit(main())
