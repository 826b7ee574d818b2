"""Owners, as they are served to operators and to themselves."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from reelkeep.dialects.dialect import AnyRoute, Http, Operation
from reelkeep.dialects.replies import Schema, Shape, shows
from reelkeep.domain.keys import Owner as Found
from reelkeep.domain.limits import Limits, check
from reelkeep.domain.money import amount
from reelkeep.domain.owner_settings import OwnerChange
from reelkeep.domain.scopes import Scope

if TYPE_CHECKING:
    from reelkeep.dialects.reelkeep.owners.wire import LimitsRequest

_LARGEST_BODY = 65_536  # bytes
_Amount = Annotated[str, Schema(pattern=r"^[0-9]+(\.[0-9]+)?$")]


def limits_of(said: LimitsRequest | None) -> Limits:
    """Raises InvalidRequest for limits that cannot be."""
    fields: dict[str, Any] = said.model_dump(exclude_unset=True) if said else {}
    fields |= {name: tuple(fields[name]) for name in ("models", "providers") if name in fields}
    fields |= {name: Decimal(fields[name]) for name in ("money_a_day", "money_a_month") if name in fields}
    limits = Limits(**fields)
    check(limits)
    return limits


def _changing(http: Http) -> OwnerChange:
    from reelkeep.dialects.reelkeep.owners.wire import OwnerRequest
    from reelkeep.dialects.values import read

    body = read(OwnerRequest, http.json(_LARGEST_BODY))
    said: dict[str, Any] = body.model_dump(exclude_unset=True)
    if "limits" in said:
        said["limits"] = limits_of(body.limits)
    return OwnerChange(_name(http), said, whole=http.method == "PUT")


def _name(http: Http) -> str:
    return http.variables["owner"]


def _money(value: Decimal | None) -> str | None:
    return None if value is None else amount(value)


class OwnerLimits(Shape):
    """Null, or nothing, is no limit."""

    models: list[str] = shows("models", write=list, says="Patterns of those that may be used.")
    providers: list[str] = shows("providers", write=list, says="Those that may be used.")
    tasks_at_once: int | None = shows("tasks_at_once")
    submissions_a_minute: int | None = shows("submissions_a_minute")
    videos_a_day: int | None = shows("videos_a_day")
    money_a_day: _Amount | None = shows("money_a_day", write=amount)
    money_a_month: _Amount | None = shows("money_a_month", write=amount)
    currency: str | None = shows("currency", None)
    unpriced: bool = shows("unpriced", says="Whether models without a price may be used.")


def _left(name: str) -> Any:
    def left(found: Found) -> Any:
        most = getattr(found.settings.limits, name)
        rest = None if most is None else max(most - getattr(found.use, name), 0)
        return _money(rest) if name.startswith("money") and rest is not None else rest

    return left


class Use(Shape):
    """Of what is counted at this moment; null for what has no limit."""

    tasks_at_once: int | None = shows(_left("tasks_at_once"))
    submissions_a_minute: int | None = shows(_left("submissions_a_minute"))
    videos_a_day: int | None = shows(_left("videos_a_day"))
    money_a_day: _Amount | None = shows(_left("money_a_day"))
    money_a_month: _Amount | None = shows(_left("money_a_month"))


class Owner(Shape):
    """The owner."""

    name: str = shows("name")
    keys: int = shows("keys", says="That are good.")
    repeat_window: int = shows("settings.repeat_window", says="In seconds.")
    when_full: Literal["refuse", "queue"] = shows(
        "settings.when_full", says="What becomes of a submission beyond `tasks_at_once`."
    )
    stopped: str | None = shows("settings.stopped", None, says="Why it may submit nothing.")
    limits: OwnerLimits = shows("settings.limits", write=OwnerLimits.of)
    left: Use = shows(Use.of, says="Of the limits, right now.")


class Owners(Shape):
    """All of them, by name."""

    owners: list[Owner] = shows(lambda found: [*map(Owner.of, found)])


class OwnLimits(Shape):
    """What may be submitted with this key."""

    owner: str = shows("name")
    when_full: Literal["refuse", "queue"] = shows(
        "settings.when_full", says="What becomes of a submission beyond the owner's `tasks_at_once`."
    )
    stopped: str | None = shows("settings.stopped", None, says="Why nothing may be submitted.")
    limits: OwnerLimits = shows("settings.limits", write=OwnerLimits.of)
    left: Use = shows(Use.of, says="Of the limits, right now.")
    key_limits: OwnerLimits = shows("key.settings.limits", write=OwnerLimits.of, says="Of this key alone.")
    key_left: Use = shows("key", write=Use.of)


_ONE = "/owners/{owner}"
_CHANGE: Any = {"body": "OwnerRequest", "parse": _changing, "scope": Scope.OPERATE}
ROUTES: tuple[AnyRoute, ...] = (
    Operation("/owner", "showOwnLimits", OwnLimits),
    Operation("/owners", "listOwners", Owners, scope=Scope.OPERATE),
    Operation(_ONE, "showOwner", Owner, parse=_name, scope=Scope.OPERATE),
    Operation(_ONE, "replaceOwner", Owner, method="PUT", **_CHANGE),
    Operation(_ONE, "changeOwner", Owner, method="PATCH", **_CHANGE),
)
