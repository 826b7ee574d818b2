"""Logging in and out, and the stacks that are known."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from cli import profiles
from cli.api import Api
from cli.errors import KeyRefused, Misused
from cli.options import Here, Json, ProfileName
from cli.output import Columns, note, print_rows, say
from cli.profiles import Profile


def login(
    world: Here,
    url: Annotated[str, typer.Argument(metavar="URL", help="The stack's address.", show_default=False)] = "",
    profile: Annotated[str, typer.Option("--profile", metavar="NAME", help="What to call it.")] = "default",
    json: Json = False,
) -> None:
    """Remember a stack and a key for it.

    The key is asked for, or read from standard input, so that no list of processes shows it. Both are tried, and then
    kept in a file that only you can read. The stack that you log in to last is the default.
    """
    if profile == profiles.LOCAL:
        raise Misused(f"the profile {profiles.LOCAL!r} always is the local cloud: choose another name with --profile")
    if not url:
        known = profiles.read(profiles.path_of(world)).known.get(profile)
        url = known.url if known else world.environ.get("REELKEEP_URL", "")
    if not url:
        raise Misused("URL is missing: give the stack's address, which `reelkeep deploy` and `reelkeep up` print")
    url = profiles.checked_url(url, "URL")
    key = (world.prompt("Key") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not key:
        raise Misused("the key is missing: type it, or write it to standard input")
    entered = Profile(profile, url, key)
    try:
        Api(entered, transport=world.transport, sleep=world.sleep).get("/tasks", [("limit", "1")])
    except KeyRefused as error:
        raise KeyRefused(f"{url} does not accept this key") from error
    path = profiles.path_of(world)
    profiles.write(path, profiles.read(path).with_(entered))
    say(f"Logged in to {url} as the profile {profile!r}.", {"profile": profile, "url": url}, json=json)


def logout(world: Here, profile: ProfileName = "", json: Json = False) -> None:
    """Forget a stack and its key.

    The key itself goes on working: an operator ends it with `keys revoke`.
    """
    path = profiles.path_of(world)
    found = profiles.read(path)
    name = profile or found.default
    if name not in found.known:
        raise Misused(f"there is no profile {name!r}" if name else "there is no profile to forget")
    profiles.write(path, found.without(name))
    say(f"The profile {name!r} is forgotten.", {"profile": name, "url": found.known[name].url}, json=json)


def env(world: Here, profile: ProfileName = "", json: Json = False) -> None:
    """Print the stack's address and key for a shell: eval "$(reelkeep env)"."""
    chosen = profiles.chosen(world, profile)
    variables = {"REELKEEP_URL": chosen.url, "REELKEEP_KEY": chosen.key}
    lines = (f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    say("\n".join(lines), variables, json=json)


def profiles_(
    world: Here,
    use: Annotated[str, typer.Option("--use", metavar="NAME", help="Make this one the default.")] = "",
    json: Json = False,
) -> None:
    """Show the stacks that are known, without their keys."""
    path = profiles.path_of(world)
    found = profiles.read(path)
    if use:
        chosen = profiles.chosen(world, use)
        if use == profiles.LOCAL:
            raise Misused("the local cloud is used by itself where there is no default, or with --profile local")
        found = found.with_(chosen)
        profiles.write(path, found)
    known = [
        {"profile": each.name, "url": each.url, "default": each.name == found.default}
        for each in found.known.values()
    ]
    columns: Columns = {
        "PROFILE": "profile",
        "URL": "url",
        "DEFAULT": lambda each: "yes" if each["default"] else None,
    }
    print_rows(known, columns, json=json)
    if world.environ.get("REELKEEP_URL") or world.environ.get("REELKEEP_KEY"):
        note("REELKEEP_URL and REELKEEP_KEY are set, and go before the default.")
