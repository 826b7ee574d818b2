"""What the commands use of the machine they run on; tests give them another one."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from cli.errors import CommandError

if TYPE_CHECKING:
    import httpx

CHECKOUT: Final = Path(__file__).parents[1]


@dataclass(frozen=True)
class World:
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    checkout: Path = CHECKOUT  # of the repository; without a template in it, the command was installed
    transport: httpx.BaseTransport | None = None  # httpx's own if None
    sleep: Callable[[float], None] = time.sleep
    browse: Callable[[str], bool] = webbrowser.open
    prompt: Callable[[str], str] = lambda question: str(typer.prompt(question, hide_input=True, err=True))

    @property
    def configuration(self) -> Path:
        """The user's folder for this program's configuration."""
        if sys.platform == "win32" and "APPDATA" in self.environ:
            return Path(self.environ["APPDATA"]) / "reelkeep"
        base = self.environ.get("XDG_CONFIG_HOME") or Path(self.environ.get("HOME") or Path.home()) / ".config"
        return Path(base) / "reelkeep"

    @property
    def stack_file(self) -> Path:
        """Where the local cloud says how to reach it."""
        return self.checkout / ".local" / "stack.json"


def world_of(ctx: typer.Context) -> World:
    found = ctx.find_object(World)
    return found if found is not None else World()


def require_checkout(world: World) -> Path:
    """The repository's folder. Raises CommandError where the command alone is installed."""
    if not (world.checkout / "template.yaml").is_file():
        raise CommandError(
            "this command needs a checkout of Reelkeep: clone the repository, run `make setup` in it, and use its"
            " .venv/bin/reelkeep"
        )
    return world.checkout
