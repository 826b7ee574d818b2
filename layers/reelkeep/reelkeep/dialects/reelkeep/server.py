"""Reelkeep's own API, as it is served to clients: its errors, and what its parts have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from reelkeep.dialects.dialect import AnyRoute, Http, Operation, Reply, row
from reelkeep.dialects.grammar.query import Parameter, Query, Words
from reelkeep.dialects.reelkeep import NAME, PROBLEMS, problem_type
from reelkeep.domain import errors
from reelkeep.domain.errors import ClientError, Conflict, InvalidRequest, NotAllowed, Refused, Unauthorized, wrong
from reelkeep.domain.task import Failure, FailureClass
from reelkeep.domain.upstream import Upstream
from reelkeep.domain.wire import Json

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.reelkeep import wire


class _Server:
    """Its parts are loaded when one of them is called: clients of other formats do not wait for them."""

    name = NAME
    prefixes: tuple[str, ...] = ("/",)

    @cached_property
    def routes(self) -> tuple[AnyRoute, ...]:
        from reelkeep.dialects.reelkeep.subscriptions import server as subscriptions
        from reelkeep.dialects.reelkeep.tasks import server as tasks
        from reelkeep.dialects.reelkeep.webhooks import server as webhooks

        return (*tasks.ROUTES, _PROVIDERS, *subscriptions.ROUTES, *webhooks.ROUTES)

    def render_error(self, error: ClientError, http: Http) -> Reply:
        headers = {}
        if isinstance(error, Unauthorized):
            headers["www-authenticate"] = 'Bearer realm="reelkeep"'
        if isinstance(error, NotAllowed):
            headers["allow"] = ", ".join(self._methods(http.path))
        return _problem(row(_ERRORS, error), error.message, error, headers)

    def _methods(self, path: str) -> list[str]:
        patterns = ((route.method, re.sub(r"\{\w+\}", "[^/]+", route.path)) for route in self.routes)
        return sorted(method for method, pattern in patterns if re.fullmatch(pattern, path)) or ["GET"]

    def render_fault(self, known: str = "") -> Reply:
        return _problem("fault", known or "Try again in a moment; if it stays so, ask whoever runs this service.")


dialect = _Server()


# --- what clients ask ---


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


def nothing(_: Http) -> None:
    """The request says nothing but what its path says."""


# --- what they are answered ---


def located(path: str, body: Json) -> Reply:
    return Reply(status=201, body=body, headers={"location": path})


def gone(_: None) -> Reply:
    return Reply(status=204)


def _problem(
    name: str, detail: str, error: ClientError | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    if isinstance(error, Refused):
        name = _REFUSALS.get(error.failure.reason, name)
    status, title = PROBLEMS[name]
    problem: wire.Problem = {"type": problem_type(name), "title": title, "status": status, "detail": detail}
    match error:
        case InvalidRequest(wrong=found) if found:
            problem["errors"] = [{"field": field, "message": message} for field, message in found]
        case InvalidRequest(field=field) | Conflict(field=field) if field:
            problem["errors"] = [{"field": field, "message": error.message}]
        case Refused(failure=failure):
            problem["failure"] = failure_body(failure)
    return Reply(status=status, body=problem, headers={"content-type": "application/problem+json", **(headers or {})})


def failure_body(failure: Failure) -> wire.Failure:
    return {
        "reason": failure.reason,
        "code": failure.code or None,
        "message": failure.message or None,
        "retryable": failure.retryable,
    }


_ERRORS: Mapping[type[ClientError], str] = {
    errors.ClientError: "invalid-request",
    errors.Unauthorized: "unauthorized",
    errors.NotFound: "not-found",
    errors.NotAllowed: "method-not-allowed",
    errors.CannotCancel: "cannot-cancel",
    errors.Conflict: "conflict",
    errors.LimitReached: "limit-reached",
    errors.BodyTooLarge: "body-too-large",
    errors.KeyReused: "idempotency-key-reused",
    errors.Refused: "refused-by-provider",
}
_REFUSALS = {FailureClass.CREDIT: "no-credit", FailureClass.THROTTLED: "throttled-by-provider"}


# --- providers ---


def _providers(upstreams: Iterable[Upstream]) -> Reply:
    found: list[wire.Provider] = [
        {"name": each.name, "dialect": each.dialect, "models": list(each.models), "default": each.default}
        for each in upstreams
    ]
    return Reply(body={"providers": found})


_PROVIDERS = Operation(
    method="GET",
    path="/providers",
    operation="listProviders",
    summary="List the providers",
    details="In the order of the configuration. The first whose pattern fits a model serves it.",
    reply="Providers",
    parse=nothing,
    render=_providers,
)
