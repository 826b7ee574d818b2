"""Money, as it is served to clients: what a task costs, what a submission would cost, what was spent."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from reelkeep.dialects.dialect import AnyRoute, Http, Operation, Reply
from reelkeep.dialects.families.query import Parameter, Query, Words
from reelkeep.dialects.reelkeep.server import query
from reelkeep.dialects.replies import Schema, Shape, fields, shows
from reelkeep.domain import ledger, usage
from reelkeep.domain.errors import wrong
from reelkeep.domain.ledger import Phase
from reelkeep.domain.money import amount
from reelkeep.domain.scopes import Scope
from reelkeep.domain.task import Request, Task

Amount = Annotated[str, Schema(pattern=r"^[0-9]+(\.[0-9]+)?$")]


def _known(value: Decimal | None) -> str | None:
    return None if value is None else amount(value)


def _currency(price: Any) -> str | None:
    return price.currency if price and price.each is not None else None


class Cost(Shape):
    phase: Phase = shows(
        ledger.phase,
        says="`reserved` until the provider is done; then `charged`, or `free` if it failed in a way that is not "
        "billed. A task whose outcome nobody knows counts as charged.",
    )
    unit: str = shows(lambda task: ledger.cost(task)[0], says="What the provider counts: credits, tokens, …")
    units: Amount | None = shows(
        lambda task: _costs(task, ledger.cost(task)[1]), says="As the provider said, or else as expected."
    )
    amount: Amount | None = shows(
        lambda task: _costs(task, ledger.cost(task)[2]),
        says="Money; null for a model without a price, which is not 0.",
    )
    currency: str | None = shows(lambda task: _currency(task.price))


def _costs(task: Task, value: Decimal | None) -> str | None:
    return "0" if value is not None and ledger.phase(task) is Phase.FREE else _known(value)


# --- quotes ---


def _quoted(http: Http) -> Request:
    from reelkeep.dialects.reelkeep.tasks.wire import asked

    return asked(http.json())


class Quote(Shape):
    provider: str = shows("provider")
    possible: bool = shows("reason", write=lambda reason: not reason)
    reason: str | None = shows("reason", None, says="Why this provider cannot do it.")
    unit: str | None = shows(lambda quote: quote.price and quote.price.unit)
    units: Amount | None = shows(
        lambda quote: quote.price and _known(quote.price.units), says="Null if only the provider can tell."
    )
    amount: Amount | None = shows("amount", write=amount, says="Money; null if it is not known, which is not 0.")
    currency: str | None = shows(lambda quote: _currency(quote.price))
    price_since: str | None = shows(lambda quote: quote.price and quote.price.since, says="Its first day.")
    seconds: int = shows("seconds", write=round, says="How long such a task usually takes there.")


class Quotes(Shape):
    """What the submission would cost and take, the cheapest first. Nothing is submitted."""

    quotes: list[Quote] = shows(lambda quotes: [*map(Quote.of, quotes)])


# --- usage ---

_FIRST = Parameter("from", f"The first day, such as 2026-12-01; {usage.USUAL_DAYS} days up to the last without it.")
_LAST = Parameter("to", f"The last day; today without it. There are {usage.MOST_DAYS} days at most.")
_BY = Words("by", "What each row is of; days without it. A task counts for each of its tags.", among=usage.GROUPS)
_USAGE = (_FIRST, _LAST, _BY)


def _asked(http: Http) -> usage.UsageQuery:
    asked = query(http, *_USAGE)
    return usage.UsageQuery(_day(asked, _FIRST), _day(asked, _LAST), _BY.read(asked) or ("day",))


def _day(asked: Query, parameter: Parameter) -> date | None:
    text = parameter.read(asked)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise wrong(parameter.name, "must be a day such as 2026-12-01") from error


class UsageRow(Shape):
    """What is not asked for is left out. Different units and currencies are never added up."""

    day: str = shows(lambda row: row.group.get("day"), optional=True, says="Of the submission, in UTC.")
    owner: str = shows(lambda row: row.group.get("owner"), optional=True)
    key: str = shows(lambda row: row.group.get("key"), optional=True)
    tag: str = shows(
        lambda row: row.group.get("tag"),
        optional=True,
        says="With which it was submitted; empty for tasks without one, `#other` beyond so many a day.",
    )
    provider: str = shows(lambda row: row.group.get("provider"), optional=True)
    model: str = shows(lambda row: row.group.get("model"), optional=True)
    tasks: int = shows("sum.tasks", says="That cost something, or will.")
    tasks_charged: int = shows("sum.tasks_charged")
    tasks_unpriced: int = shows("sum.unpriced", says="Their money is not known, and in no amount.")
    unit: str = shows("unit")
    units_reserved: Amount = shows("sum.units_reserved", write=amount)
    units_charged: Amount = shows("sum.units_charged", write=amount)
    currency: str | None = shows("currency", None, says="Null if no price is known; then the amounts are, too.")
    reserved: Amount | None = shows(lambda row: amount(row.sum.reserved) if row.currency else None)
    charged: Amount | None = shows(lambda row: amount(row.sum.charged) if row.currency else None)


class UsageReport(Shape):
    """What your tasks of these days cost."""

    first_day: str = shows(lambda found: str(found.days[0]))
    last_day: str = shows(lambda found: str(found.days[-1]))
    rows: list[UsageRow] = shows(lambda found: [*map(UsageRow.of, found.rows)])


class _ExportUsage(Operation):
    def render(self, found: usage.Usage, *_: Any) -> Reply:
        text = io.StringIO()
        columns = [*found.query.by, *(name for name in fields(UsageRow) if name not in usage.GROUPS)]
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows({name: _cell(row[name]) for name in columns} for row in map(UsageRow.of, found.rows))
        return Reply(body=text.getvalue(), headers={"content-type": "text/csv; charset=utf-8"})


def _cell(value: Any) -> Any:
    """Spreadsheets take what begins so for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


ROUTES: tuple[AnyRoute, ...] = (
    Operation("/quote", "quoteSubmission", Quotes, method="POST", body="NewTask", parse=_quoted, scope=Scope.READ),
    Operation("/usage", "showUsage", UsageReport, parameters=_USAGE, parse=_asked),
    _ExportUsage("/usage.csv", "exportUsage", parameters=_USAGE, parse=_asked),
)
