"""Reads the command line, runs one command, and turns what goes wrong into a sentence."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from local import cloud, errors
from local.demo import demo
from local.up import up

ROOT: Final = Path(__file__).resolve().parents[1]
LAST_PORT: Final = 65534  # the simulator takes the next one


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description="The local cloud.")
    commands = parser.add_subparsers(dest="command", required=True)
    up_parser = commands.add_parser("up", help="run the local cloud until Ctrl-C")
    up_parser.add_argument(
        "--port", type=port, default=4566, help="of the emulator; the simulator takes the next one"
    )
    up_parser.add_argument("--data", type=Path, default=ROOT / ".local", help="where state lives")
    up_parser.add_argument("--providers", type=Path, help="a file of providers to use instead of the simulator")
    up_parser.add_argument("--callbacks", action="store_true", help="ask providers to call back when a task changes")
    commands.add_parser("demo", help="see one task through, then stop everything")
    chosen = parser.parse_args(arguments)

    try:
        match chosen.command:
            case "up":
                up(planned(chosen))
            case "demo":
                demo(ROOT)
    except errors.CloudError as found:
        for line in errors.last_lines(found.logs):
            print(line, file=sys.stderr)
        return failed(str(found))
    except OSError as error:  # no permission, no space, a file where a folder should be
        return failed(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return 0


def port(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 0 < number <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, which is a number from 1 to {LAST_PORT}")
    return number


def planned(chosen: argparse.Namespace) -> cloud.Plan:
    return cloud.Plan(
        root=ROOT,
        data=chosen.data.resolve(),
        port=chosen.port,
        simulator_port=chosen.port + 1,
        providers_file=chosen.providers,
        provider_callbacks=chosen.callbacks,
    )


def failed(reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return 1
