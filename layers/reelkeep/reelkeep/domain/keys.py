"""API keys: 256 random bits that belong to an owner. Only a key's hash is stored: it cannot be read back."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from reelkeep.domain import ids
from reelkeep.domain.counts import NOTHING_USED, Use
from reelkeep.domain.errors import InvalidRequest, wrong
from reelkeep.domain.limits import NO_LIMITS, Limits
from reelkeep.domain.owner_settings import USUAL_SETTINGS, OwnerSettings
from reelkeep.domain.scopes import USUAL, Scope

_KEY = re.compile(r"rk_[A-Za-z0-9_-]{43}")
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")  # it separates index keys, so it has no "#"
_NAME_LENGTH = 100
MAX_KEYS = 100  # of an owner that are good, if it makes them itself
MAX_KEPT_KEYS = (
    500  # of an owner, with those that are good no more and not yet forgotten: each listing reads them all
)
KEPT_FOR = timedelta(days=90)  # a key that was revoked or has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What may be shown of a key."""

    key_id: str  # public; sorts by time
    owner: str
    name: str  # for people
    last_characters: str  # to recognise it by
    created_at: datetime
    last_used_on: date | None = None  # UTC; None for a key that was not used yet
    revoked_at: datetime | None = None
    ends_at: datetime | None = None  # it is refused from then on
    scopes: frozenset[Scope] = USUAL
    limits: Limits = NO_LIMITS  # of its own, below its owner's

    def is_good(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.ends_at is None or now < self.ends_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings:
    """A key that an owner wants to have."""

    name: str = ""
    ends_at: datetime | None = None
    scopes: frozenset[Scope] | None = None  # the usual ones, as far as the key that makes it has them
    limits: Limits = NO_LIMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key as it is shown this once."""

    key: str
    described: ApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whom keys belong to, and what holds for all of them."""

    name: str
    keys: int = 0  # that are good
    settings: OwnerSettings = USUAL_SETTINGS
    use: Use = NOTHING_USED  # of what has limits
    key: Owner | None = None  # the key that asks, with limits of its own


def new_key() -> str:
    return f"rk_{secrets.token_urlsafe(32)}"


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


def is_owner(text: str) -> bool:
    return _OWNER.fullmatch(text) is not None


def hash_of(key: str) -> str:
    """Plain SHA-256 is enough: 256 random bits cannot be guessed, and each request pays for the hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def describe(key: str, owner: str, wanted: KeySettings, now: datetime) -> ApiKey:
    """Raises InvalidRequest for an owner or a name that cannot be, an end that has passed, and no scope at all."""
    if not is_owner(owner):
        raise InvalidRequest(
            "an owner is 1 to 64 letters, digits, '.', '_', '@' or '-', and begins with a letter or digit",
            field="owner",
        )
    if len(wanted.name) > _NAME_LENGTH or not wanted.name.isprintable():
        raise InvalidRequest(f"a name is at most {_NAME_LENGTH} printable characters", field="name")
    if wanted.ends_at and wanted.ends_at <= now:
        raise InvalidRequest("ends_at must be in the future", field="ends_at")
    scopes = USUAL if wanted.scopes is None else wanted.scopes
    if not scopes:
        raise wrong("scopes", f"must have some of {', '.join(Scope)}")
    return ApiKey(
        key_id=ids.new_task_id(now)[:16],
        owner=owner,
        name=wanted.name,
        last_characters=key[-4:],
        created_at=now,
        ends_at=wanted.ends_at,
        scopes=scopes,
        limits=wanted.limits,
    )
