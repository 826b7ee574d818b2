"""What is done to an owner's things that are no tasks: made, listed, shown, changed, removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reelkeep.dialects.dialect import Http, Operation, Reply
from reelkeep.domain.wire import Json

Row = tuple[str, str, Mapping[str, Json], str, Callable[[Http], Any], Callable[[Any], Reply]]


def operations(*rows: Row) -> tuple[Operation, ...]:
    """A row each: method, path, description, the name of the service, and how it is asked and answered."""
    return tuple(
        Operation(method=method, path=path, description=description, service=service, parse=parse, render=render)
        for method, path, description, service, parse, render in rows
    )


def nothing(_: Http) -> None:
    """There is nothing to say."""


def gone(_: None) -> Reply:
    return Reply(status=204)


def made(path: str, body: Json) -> Reply:
    return Reply(status=201, body=body, headers={"location": path})
