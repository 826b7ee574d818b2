"""The local cloud: run it, see a task through it, read its logs. What it is made of is in `local`."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from cli.errors import CommandError, Misused
from cli.options import Here, Json
from cli.output import note
from cli.world import require_checkout

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LAST_PORT: Final = 65534  # the simulator takes the next one


def up(
    world: Here,
    port: Annotated[str, typer.Option("--port", metavar="PORT", help="The simulator takes the next one.")] = "4566",
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FOLDER", help="Where its state lives.", show_default=".local")
    ] = None,
    providers: Annotated[
        Path | None, typer.Option("--providers", metavar="FILE", help="Real providers, instead of the simulator.")
    ] = None,
    callbacks: Annotated[
        bool, typer.Option("--callbacks", help="Ask providers to call back when a task changes.")
    ] = False,
    json: Json = False,
) -> None:
    """Run everything on this machine until Ctrl-C: no Docker, no AWS account, no provider's key.

    The next time goes on from there. With --json, the address and a key are printed as JSON once it is up.
    """
    root = require_checkout(world)
    number = _port(port)
    with _stoppable():
        from local import cloud
        from local.up import up as run

        plan = cloud.Plan(
            root=root,
            data=(data or root / ".local").resolve(),
            port=number,
            simulator_port=number + 1,
            providers_file=providers,
            provider_callbacks=callbacks,
            say=note if json else cloud.say,
        )
        run(plan, as_json=json)


def demo(world: Here, json: Json = False) -> None:
    """See one task through, from the call to the file, and stop everything again."""
    del json  # it shows, and says nothing that a program could use
    root = require_checkout(world)
    with _stoppable():
        from local.demo import demo as run

        run(root)


def _port(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 0 < number <= _LAST_PORT:
        raise Misused(f"--port {text!r} is not a port, which is a number from 1 to {_LAST_PORT}")
    return number


@contextmanager
def _stoppable() -> Iterator[None]:
    """A signal unwinds everything, so that it is stopped in order; what the cloud says of a fault is our error."""
    for each in _SIGNALS:
        signal.signal(each, _stop)
    from local.errors import CloudError, last_lines

    try:
        yield
    except CloudError as error:
        for line in last_lines(error.logs):
            note(line)
        raise CommandError(str(error)) from error


def _stop(number: int, _: object) -> NoReturn:
    """Once; a second signal does not disturb that."""
    for other in _SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # the terminal may be gone
        os.write(2, b"\nstopping: a few seconds\n")
    raise SystemExit(0 if number == signal.SIGINT else 128 + number)
