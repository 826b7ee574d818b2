"""Reelkeep's own API, as it is served to clients: its errors, and what its parts have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any

from reelkeep.dialects.dialect import AnyRoute, Dialect, Http, Operation, Row
from reelkeep.dialects.dialect import Problem as RequestProblem
from reelkeep.dialects.families.query import Parameter, Query, Words
from reelkeep.dialects.reelkeep import NAME, PROBLEMS, problem_type
from reelkeep.dialects.replies import Moment, Schema, Shape, rfc3339, shows
from reelkeep.domain import errors
from reelkeep.domain.errors import ClientError, Conflict, InvalidRequest, Refused, wrong
from reelkeep.domain.scopes import Scope
from reelkeep.domain.task import FailureClass, Kind
from reelkeep.domain.upstream import Health


def query(http: Http, *parameters: Parameter) -> Query:
    """The query, which may hold these parameters. Arrays may have brackets or a plural: `state[]=` and `states=`.

    Raises InvalidRequest for anything else: with a misspelt filter, a listing would show what nobody asked for.
    """
    known = {parameter.name: parameter for parameter in parameters}
    plurals = {f"{name}s": name for name, parameter in known.items() if isinstance(parameter, Words)}
    pairs: list[tuple[str, str]] = []
    for sent, value in http.query:
        name = re.sub(r"\[\d*\]$", "", sent)
        name = plurals.get(name, name)
        if name not in known:
            raise wrong(sent[:64], f"is not a parameter here; {', '.join(sorted(known))} are")
        if not value:
            raise wrong(name, "is empty")
        if not isinstance(known[name], Words) and any(name == other for other, _ in pairs):
            raise wrong(name, "is given more than once")
        pairs.append((name, value))
    return Query(pairs)


class Failure(Shape):
    reason: FailureClass = shows("reason")
    code: str | None = shows("code", None, says="The provider's own word.")
    message: str | None = shows("message", None, says="For a person.")
    retryable: bool = shows("retryable", says="Whether submitting the same once more could succeed.")


# --- providers ---


class Trouble(Shape):
    kind: Health = shows("kind")
    message: str = shows("message", says="For a person.")
    since: Moment = shows("since", write=rfc3339)
    last_at: Moment = shows("last_at", write=rfc3339)


class UsualTime(Shape):
    """How long such tasks took, in seconds."""

    model: str | None = shows("of.model", None)
    kind: Kind = shows("of.kind")
    duration: int | None = shows("of.duration")
    resolution: str | None = shows("of.resolution", None)
    off_peak: bool = shows("of.off_peak")
    seen: int = shows("seen", says="How many of them, the last ones.")
    p50: float = shows("p50")
    p90: float = shows("p90")


class ProviderStatus(Shape):
    """How the provider does at this moment."""

    health: Health = shows("health", says="From what calls showed within ten minutes.")
    troubles: list[Trouble] = shows(
        lambda status: [*map(Trouble.of, status.troubles)],
        says="The latest of each kind within 30 days, also those that are over.",
    )
    slots: int | None = shows("slots", says="How many tasks it takes at once; null if no limit is known.")
    in_flight: int = shows("in_flight", says="Tasks that are there, without off-peak ones.")
    in_line: int = shows("in_line", says="Tasks that wait for room there.")
    at_least: bool = shows("at_least", says="Whether more may be in line: of very many not all are counted.")
    expected_start: Moment = shows("expected_start", write=rfc3339, says="Of a task that is submitted now.")
    times: list[UsualTime] = shows(lambda status: [*map(UsualTime.of, status.times)])


class Provider(Shape):
    name: str = shows("name", says="What a submission calls it by.")
    dialect: str = shows("dialect", says="The wire format that it speaks.")
    models: list[str] = shows("models", write=list, says="Patterns of the models that go to it by themselves.")
    default: bool = shows("default", says="Whether it serves what no pattern claims.")
    stopped: bool = shows("stopped", says="Whether an operator has stopped submissions to it.")
    status: ProviderStatus = shows(
        lambda upstream: upstream.status and ProviderStatus.of(upstream.status),
        optional=True,
        says="For keys with the scope `operate`.",
    )


class Providers(Shape):
    """The providers."""

    providers: list[Provider] = shows(lambda upstreams: [*map(Provider.of, upstreams)])


def _stopping(http: Http) -> tuple[str, bool]:
    name = http.variables["provider"]
    return name, http.path.endswith("/stop")


class StoppedProviders(Shape):
    """All that get no submissions."""

    stopped: list[str] = shows(sorted)


_OPERATED: Any = {"method": "POST", "parse": _stopping, "scope": Scope.OPERATE}
_PROVIDERS = (
    Operation("/providers", "listProviders", Providers),
    Operation("/providers/{provider}/stop", "stopProvider", StoppedProviders, **_OPERATED),
    Operation("/providers/{provider}/start", "startProvider", StoppedProviders, **_OPERATED),
)

# --- errors ---


_ERRORS: Mapping[type[ClientError] | FailureClass, str] = {
    errors.ClientError: "invalid-request",
    errors.Unauthorized: "unauthorized",
    errors.Forbidden: "forbidden",
    errors.OverBudget: "over-budget",
    errors.OverLimit: "over-limit",
    errors.Stopped: "stopped",
    errors.NotFound: "not-found",
    errors.NotAllowed: "method-not-allowed",
    errors.CannotCancel: "cannot-cancel",
    errors.Conflict: "conflict",
    errors.LimitReached: "limit-reached",
    errors.BodyTooLarge: "body-too-large",
    errors.KeyReused: "idempotency-key-reused",
    errors.Refused: "refused-by-provider",
    FailureClass.CREDIT: "no-credit",
    FailureClass.THROTTLED: "throttled-by-provider",
}


class FieldError(Shape):
    field: str = shows(lambda pair: pair[0])
    message: str = shows(lambda pair: pair[1])


def _wrong(problem: RequestProblem) -> list[Any] | None:
    match problem.error:
        case InvalidRequest(wrong=found) if found:
            return [*map(FieldError.of, found)]
        case InvalidRequest(field=field) | Conflict(field=field) if field:
            return [FieldError.of((field, problem.message))]
    return None


def _failure(problem: RequestProblem) -> Any:
    return Failure.of(problem.error.failure) if isinstance(problem.error, Refused) else None


_TYPES = {problem_type(name): f"{status}. {title}." for name, (status, title) in PROBLEMS.items()}
_NAMES = [name.upper().replace("-", "_") for name in PROBLEMS]
_Type = Annotated[str, Schema(**{"enum": [*_TYPES], "x-enum-varnames": _NAMES, "x-enumDescriptions": _TYPES})]


class Problem(Shape):
    """What went wrong, as RFC 9457 has it."""

    type: _Type = shows("code", write=problem_type)
    title: str = shows(lambda problem: PROBLEMS[problem.code][1])
    status: int = shows("status")
    detail: str = shows("message", says="For a person.")
    errors: list[FieldError] = shows(_wrong, optional=True, says="The fields that are wrong.")
    failure: Failure = shows(_failure, optional=True, says="What the provider said.")


class _Server(Dialect):
    """Its parts are loaded when one of them is called: clients of other formats do not wait for them."""

    name = NAME
    prefixes = ("/",)
    error = Problem
    error_headers: Mapping[str, str] = {"content-type": "application/problem+json"}
    errors: Mapping[type[ClientError] | FailureClass, Row] = {
        kind: (PROBLEMS[name][0], name) for kind, name in _ERRORS.items()
    }
    fault = (500, "fault", "Try again in a moment. If the error persists, contact the operator of this service.")
    scheme = 'Bearer realm="reelkeep"'
    not_repeated = frozenset[int]()

    @cached_property
    def routes(self) -> tuple[AnyRoute, ...]:
        from reelkeep.dialects.reelkeep.dead_letters import server as dead_letters
        from reelkeep.dialects.reelkeep.keys import server as keys
        from reelkeep.dialects.reelkeep.money import server as money
        from reelkeep.dialects.reelkeep.owners import server as owners
        from reelkeep.dialects.reelkeep.subscriptions import server as subscriptions
        from reelkeep.dialects.reelkeep.tasks import server as tasks
        from reelkeep.dialects.reelkeep.webhooks import server as webhooks

        return (
            *tasks.ROUTES,
            *money.ROUTES,
            *_PROVIDERS,
            *subscriptions.ROUTES,
            *webhooks.ROUTES,
            *keys.ROUTES,
            *dead_letters.ROUTES,
            *owners.ROUTES,
        )

    def names(self, http: Http) -> Mapping[str, str]:
        return {}  # they bear their own names

    def refined(self, error: ClientError, problem: RequestProblem, http: Http) -> RequestProblem:
        return replace(problem, message=error.message)


dialect = _Server()
