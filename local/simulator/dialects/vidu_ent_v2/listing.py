"""The list of ent/v2: which tasks are on a page.

Source: platform.vidu.com/docs/tasks-list. Undocumented, so chosen here: newest first; a page token stands for
the item that its page ended with, and makes `page` void; arrays are repeated keys.
"""

from datetime import timedelta

from starlette.datastructures import QueryParams

from local.simulator.clock import from_rfc3339
from local.simulator.dialects.vidu_ent_v2.bodies import word
from local.simulator.endpoints import RefusedError
from local.simulator.simulator import Simulator
from local.simulator.tasks import Task

_WEEK = timedelta(days=7).total_seconds()
_STATES = frozenset({"created", "queueing", "processing", "success", "failed"})
_FILTERS = ("task_ids", "templates", "model_versions", "resolutions", "states")


def page(simulator: Simulator, query: QueryParams) -> tuple[list[Task], str]:
    """One page of what the filters leave, and the token of the next ("" after the last)."""
    now = simulator.clock.now()
    # Clients keep microseconds of the nanoseconds that they are shown.
    after = _moment(query, "created_at.from", now - _WEEK) - 1e-6
    before = _moment(query, "created_at.to", now) + 1e-6
    wanted = {name: set(values) for name in _FILTERS if (values := query.getlist(name))}
    if odd := wanted.get("states", set()) - _STATES:
        raise RefusedError("FieldInvalid", f"states: {', '.join(sorted(odd))}")
    size, number = _number(query, "pagesz", 10), _number(query, "page", 0)
    if not 1 <= size <= 100:
        raise RefusedError("PageSizeOutOfRange", "pager.pagesz must be between 1 and 100")
    if number < 0:
        raise RefusedError("FieldInvalid", "pager.page must not be negative")

    def fits(task: Task) -> bool:
        known = _facets(task, now) if wanted else {}
        return after <= task.created_at <= before and all(wanted[name] & known[name] for name in wanted)

    rest = [task for task in simulator.tasks() if task.order.dialect == "vidu_ent_v2" and fits(task)]
    token = query.get("pager.page_token", "")
    rest = [task for task in rest if task.id < token] if token else rest[number * size :]
    return rest[:size], rest[size - 1].id if len(rest) > size else ""


def _facets(task: Task, now: float) -> dict[str, set[str]]:
    fields = task.order.fields
    model = str(fields.get("model", ""))
    return {
        "task_ids": {task.id},
        "templates": {str(fields.get("template", ""))},
        # The filter's words are short: q2-pro where a submission says viduq2-pro.
        "model_versions": {model, model.removeprefix("vidu")},
        "resolutions": {str(fields["resolution"])},
        "states": {word(task, task.state(now))},
    }


def _moment(query: QueryParams, name: str, otherwise: float) -> float:
    try:
        return from_rfc3339(query[name]) if query.get(name) else otherwise
    except (ValueError, OverflowError) as wrong:
        raise RefusedError("FieldInvalid", f"{name} is not an RFC 3339 time") from wrong


def _number(query: QueryParams, name: str, otherwise: int) -> int:
    """The documentation of the list says `paper.`, its other pages and the clients `pager.`."""
    given = query.get(f"pager.{name}", query.get(f"paper.{name}"))
    try:
        return int(given) if given else otherwise
    except ValueError as wrong:
        raise RefusedError("FieldInvalid", f"pager.{name} is not a number") from wrong
