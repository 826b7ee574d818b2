"""Logging in and out, and the stacks that are known."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from cli import profiles
from cli.api import Api
from cli.errors import KeyRefused, Misused
from cli.options import Json, ProfileName
from cli.output import note, print_json, print_table
from cli.profiles import Profile
from cli.world import world_of

PANEL = "Your stacks"


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(login)
    app.command(rich_help_panel=PANEL)(logout)
    app.command("profiles", rich_help_panel=PANEL)(list_profiles)
    app.command(rich_help_panel=PANEL)(env)


def login(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="The stack's address.", show_default=False)] = "",
    profile: Annotated[str, typer.Option("--profile", metavar="NAME", help="What to call it.")] = "default",
    json: Json = False,
) -> None:
    """Remember a stack and a key for it.

    The key is asked for, or read from standard input, so that no list of processes shows it. Both are tried, and then
    kept in a file that only you can read. The stack that you log in to last is the default.
    """
    world = world_of(ctx)
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
    if json:
        print_json({"profile": profile, "url": url})
    else:
        print(f"Logged in to {url} as the profile {profile!r}.")


def logout(ctx: typer.Context, profile: ProfileName = "", json: Json = False) -> None:
    """Forget a stack and its key.

    The key itself goes on working: an operator ends it with `keys revoke`.
    """
    world = world_of(ctx)
    path = profiles.path_of(world)
    found = profiles.read(path)
    name = profile or found.default
    if name not in found.known:
        raise Misused(f"there is no profile {name!r}" if name else "there is no profile to forget")
    profiles.write(path, found.without(name))
    if json:
        print_json({"profile": name, "url": found.known[name].url})
    else:
        print(f"The profile {name!r} is forgotten.")


def env(ctx: typer.Context, profile: ProfileName = "", json: Json = False) -> None:
    """Print the stack's address and key for a shell: eval "$(reelkeep env)"."""
    chosen = profiles.chosen(world_of(ctx), profile)
    variables = {"REELKEEP_URL": chosen.url, "REELKEEP_KEY": chosen.key}
    if json:
        print_json(variables)
    else:
        for name, value in variables.items():
            print(f"export {name}={shlex.quote(value)}")


def list_profiles(
    ctx: typer.Context,
    use: Annotated[str, typer.Option("--use", metavar="NAME", help="Make this one the default.")] = "",
    json: Json = False,
) -> None:
    """Show the stacks that are known, without their keys."""
    world = world_of(ctx)
    path = profiles.path_of(world)
    found = profiles.read(path)
    if use:
        chosen = profiles.chosen(world, use)
        if use == profiles.LOCAL:
            raise Misused("the local cloud is used by itself where there is no default, or with --profile local")
        found = found.with_(chosen)
        profiles.write(path, found)
    known = [*found.known.values()]
    if json:
        print_json([{"profile": each.name, "url": each.url, "default": each.name == found.default} for each in known])
        return
    print_table(
        {
            "PROFILE": [each.name for each in known],
            "URL": [each.url for each in known],
            "DEFAULT": ["yes" if each.name == found.default else None for each in known],
        }
    )
    if world.environ.get("REELKEEP_URL") or world.environ.get("REELKEEP_KEY"):
        note("REELKEEP_URL and REELKEEP_KEY are set, and go before the default.")
