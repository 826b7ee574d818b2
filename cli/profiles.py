"""Profiles: the stacks that a user knows, each with its URL and a key, in a file that only the user can read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from cli.errors import CommandError, KeyRefused, Misused
from cli.world import World

LOCAL: Final = "local"  # always the local cloud of this checkout
FROM_ENVIRONMENT: Final = "environment"


@dataclass(frozen=True)
class Profile:
    name: str
    url: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class Profiles:
    default: str = ""
    known: Mapping[str, Profile] = field(default_factory=dict)

    def with_(self, profile: Profile) -> Profiles:
        """The latest one is the default."""
        return replace(self, default=profile.name, known={**self.known, profile.name: profile})

    def without(self, name: str) -> Profiles:
        known = {each: profile for each, profile in self.known.items() if each != name}
        return Profiles(self.default if self.default in known else next(iter(known), ""), known)


def read(path: Path) -> Profiles:
    """Raises CommandError if the file is not one of ours."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        known = {name: Profile(name, str(each["url"]), str(each["key"])) for name, each in found["profiles"].items()}
        return Profiles(str(found["default"]), known)
    except FileNotFoundError:
        return Profiles()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"{path} is damaged: delete it, and log in again with `reelkeep login`") from error


def write(path: Path, profiles: Profiles) -> None:
    """At once or not at all. Nobody else can read the file, at no moment."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    with suppress(FileNotFoundError):
        new.unlink()
    known = {name: {k: v for k, v in asdict(each).items() if k != "name"} for name, each in profiles.known.items()}
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"default": profiles.default, "profiles": known}, file, indent=2)
    new.replace(path)


def path_of(world: World) -> Path:
    return world.configuration / "profiles.json"


def chosen(world: World, name: str) -> Profile:
    """The profile of that name; without one that of REELKEEP_URL and REELKEEP_KEY, the default, or the local cloud.

    Raises Misused if nobody knows the name, KeyRefused if nobody said which stack to use.
    """
    profiles = read(path_of(world))
    name = name or world.environ.get("REELKEEP_PROFILE", "")
    url, key = world.environ.get("REELKEEP_URL", ""), world.environ.get("REELKEEP_KEY", "")
    if name == LOCAL:
        return local(world)
    if name and name not in profiles.known:
        names = [*profiles.known, LOCAL]
        close = get_close_matches(name, names, 1)
        meant = f"did you mean {close[0]!r}?" if close else f"the known ones are {', '.join(names)}"
        raise Misused(f"there is no profile {name!r}: {meant}")
    if not name and url and key:
        return Profile(FROM_ENVIRONMENT, checked_url(url, "REELKEEP_URL"), key)
    if not (name or profiles.default):
        if url or key:
            given, lacking = ("REELKEEP_URL", "REELKEEP_KEY") if url else ("REELKEEP_KEY", "REELKEEP_URL")
            raise KeyRefused(f"{given} is set and {lacking} is not: set both, or log in with `reelkeep login`")
        if world.stack_file.is_file():
            return local(world)
        raise KeyRefused(
            "no stack is known here yet: log in with `reelkeep login`, or set REELKEEP_URL and REELKEEP_KEY"
        )
    found = profiles.known[name or profiles.default]
    if not name:
        found = replace(found, url=checked_url(url, "REELKEEP_URL") if url else found.url, key=key or found.key)
    return found


def local(world: World) -> Profile:
    """The local cloud's. Raises CommandError if it has never run here."""
    try:
        found = json.loads(world.stack_file.read_text(encoding="utf-8"))
        return Profile(LOCAL, found["api_url"], found["api_key"])
    except FileNotFoundError as error:
        raise CommandError(f"there is no {world.stack_file}: start the local cloud with `reelkeep up`") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(
            f"{world.stack_file} does not say where the local cloud is: run `reelkeep up` again"
        ) from error


def checked_url(text: str, named: str) -> str:
    """Without a slash at its end. Raises Misused."""
    url = text.strip().rstrip("/")
    scheme, _, rest = url.partition("://")
    if scheme not in ("http", "https") or not rest or any(letter.isspace() for letter in url):
        raise Misused(
            f"{named} must be the stack's address, such as https://abc123.execute-api.eu-west-1.amazonaws.com"
        )
    return url
