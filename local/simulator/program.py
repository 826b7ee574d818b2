"""The simulator as a program of its own, until it is told to stop."""

import signal
import sys
from argparse import (
    ArgumentDefaultsHelpFormatter,
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
)
from pathlib import Path

from local.simulator import admin, faults, prompt_directives
from local.simulator.server import Server
from local.simulator.simulator import Settings, Simulator


class _Formatter(ArgumentDefaultsHelpFormatter, RawDescriptionHelpFormatter):
    pass


def main() -> int:
    try:
        return _served(_parser().parse_args())
    except OSError as error:  # the folder cannot be written
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1


def _served(arguments: Namespace) -> int:
    settings = Settings(
        data=arguments.data,
        processing_seconds=arguments.processing_seconds,
        queue_seconds=arguments.queue_seconds,
        off_peak_seconds=arguments.off_peak_seconds,
        concurrency=arguments.concurrency,
        link_seconds=arguments.link_seconds,
        cover_link_seconds=arguments.cover_link_seconds,
        credits=arguments.credits,
        keys=frozenset(arguments.key),
        render_threads=arguments.render_threads,
        seconds_behind=arguments.seconds_behind,
    )
    server = Server(
        Simulator(settings),
        host=arguments.host,
        port=arguments.port,
        ready=lambda address: print(f"simulator ready on {address}", flush=True),
    )

    def stop(*_: object) -> None:
        server.should_exit = True

    # uvicorn has handlers of its own while it serves; these hold before, and when it passes a signal on.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run()
    return 0 if server.started else 1


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m local.simulator",
        description="A simulated video-generation provider that makes real MP4 files.",
        epilog="\n".join(str(module.__doc__) for module in (prompt_directives, faults, admin)),
        formatter_class=_Formatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=_port, default=8700, help="0 picks a free one")
    add("--data", type=Path, required=True, help="directory for tasks and media")
    add("--processing-seconds", type=float, default=2.0, help="how long a task is in the making")
    add("--queue-seconds", type=float, default=0.5, help="from submission to the earliest start")
    add("--off-peak-seconds", type=float, default=10.0, help="how much later an off-peak task may start")
    add("--concurrency", type=int, default=5, help="tasks in the making at the same time")
    add("--link-seconds", type=int, default=86400, help="lifetime of a link to a video")
    add("--cover-link-seconds", type=int, default=3600, help="lifetime of a link to a cover")
    add("--credits", type=int, default=1_000_000, help="what the account has to spend")
    add("--key", action="append", default=[], help="an accepted API key, repeatable; none: any is good")
    add("--render-threads", type=int, default=1, help="videos made at the same time")
    add("--seconds-behind", type=float, default=0.0, help="of its clock, at first: to make tasks that are old")
    return parser


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 1 << 16):
        raise ArgumentTypeError(f"{text!r} is not a port, which is a number up to 65535")
    return int(text)
