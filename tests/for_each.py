"""One test for many values of the same behaviour: a thousand small tests cost more than what they check."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any


def for_each(names: str, values: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Runs a test with each value in turn, as `parametrize` does, but as one test. What fails names its value.

    Only for what leaves nothing behind: the values share one set of fixtures.
    """
    every, given = list(values), [name.strip() for name in names.split(",")]
    assert every, "a test of no values says nothing"

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @wraps(test)
        def run(**fixtures: Any) -> None:
            for value in every:
                one = dict(zip(given, value if len(given) > 1 else [value], strict=True))
                try:
                    test(**fixtures, **one)
                except BaseException as error:
                    error.add_note(f"with {one!r}")
                    raise

        parameters = inspect.signature(test).parameters
        fixtures = [parameter for name, parameter in parameters.items() if name not in given]
        run.__signature__ = inspect.Signature(fixtures)  # type: ignore[attr-defined]
        return run

    return decorate
