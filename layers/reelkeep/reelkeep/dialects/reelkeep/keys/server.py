"""An owner's keys, as they are served to clients."""

from __future__ import annotations

from datetime import date
from typing import Any

from reelkeep.dialects.dialect import AnyRoute, Http, Operation
from reelkeep.dialects.reelkeep.owners.server import OwnerLimits, limits_of
from reelkeep.dialects.replies import Day, Moment, Shape, rfc3339, shows
from reelkeep.domain.keys import KeySettings, NewKey
from reelkeep.domain.scopes import Scope

_LARGEST_BODY = 16_384  # bytes


def _settings(http: Http) -> KeySettings:
    from reelkeep.dialects.reelkeep.keys.wire import KeyRequest
    from reelkeep.dialects.values import read

    body = read(KeyRequest, http.json(_LARGEST_BODY))
    said: dict[str, Any] = body.model_dump(exclude_unset=True)
    if "scopes" in said:
        said["scopes"] = frozenset(said["scopes"])
    if "limits" in said:
        said["limits"] = limits_of(body.limits)
    return KeySettings(**said)


def _id(http: Http) -> str:
    return http.variables["key_id"]


class Key(Shape):
    """The key, without what is secret of it."""

    id: str = shows("key_id")
    name: str = shows("name")
    last_characters: str = shows("last_characters", says="To recognise it by.")
    created_at: Moment = shows("created_at", write=rfc3339)
    last_used_on: Day | None = shows("last_used_on", write=date.isoformat, says="The day (UTC) of its last use.")
    ends_at: Moment | None = shows("ends_at", write=rfc3339, says="From then on it is refused.")
    revoked_at: Moment | None = shows("revoked_at", write=rfc3339)
    scopes: list[Scope] = shows("scopes", write=sorted, says="What it is good for.")
    limits: OwnerLimits = shows("limits", write=OwnerLimits.of, says="Of this key alone.")


class KeyWithSecret(Key):
    """The key itself, and what is known of it."""

    key: str = shows("key", says="It is shown this once.", pattern="^rk_[A-Za-z0-9_-]{43}$")

    @classmethod
    def of(cls, made: NewKey) -> dict[str, Any]:
        return Key.of(made.described) | {"key": made.key}


class Keys(Shape):
    """All of them, oldest first, revoked ones too."""

    keys: list[Key] = shows(lambda found: [*map(Key.of, found)])


ROUTES: tuple[AnyRoute, ...] = (
    Operation("/keys", "createKey", KeyWithSecret, method="POST", body="KeyRequest", parse=_settings, status=201),
    Operation("/keys", "listKeys", Keys),
    Operation("/keys/{key_id}", "revokeKey", Key, method="DELETE", parse=_id),
)
