"""The next page is asked for with what the page before showed, in every dialect whose pages follow each other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.dialects import all_dialects
from reelkeep.dialects.dialect import Dialect, Http, List
from reelkeep.domain.errors import ClientError
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import Kind, Request, Task
from reelkeep.domain.wire import Json
from tests.unit.dialects.harness import link_to, task_of

TASK = task_of(Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO))


@dataclass(frozen=True)
class Pages:
    dialect: Dialect
    field: str  # of the query
    shown: Callable[[Json], str]  # in the page before

    @property
    def route(self) -> List:
        return next(route for route in self.dialect.routes if isinstance(route, List))

    def read(self, cursor: str) -> Listing:
        return self.route.parse(Http(method="GET", path=self.route.path, query=((self.field, cursor),)))

    def next_of(self, task: Task, *, last: bool = False) -> str:
        page = Page(tasks=(task,), next_cursor="" if last else task.id)
        return self.shown(self.route.render(page, link_to, Listing()).body)


SPOKEN = {dialect.name: dialect for dialect in all_dialects()}
PAGES = [
    Pages(SPOKEN["reelkeep"], "cursor", lambda body: body["next_cursor"] or ""),
    Pages(SPOKEN["vidu_ent_v2"], "pager.page_token", lambda body: body["next_page_token"]),
    Pages(SPOKEN["openai_videos"], "after", lambda body: body["last_id"] if body["has_more"] else ""),
]
every_dialect = pytest.mark.parametrize("pages", PAGES, ids=lambda pages: pages.dialect.name)
task_ids = st.integers(0, 16**32 - 1).map(lambda number: f"{number:032x}")


@every_dialect
@given(task_id=task_ids)
def test_what_a_page_shows_leads_to_the_next(pages: Pages, task_id: str) -> None:
    shown = pages.next_of(replace(TASK, id=task_id))
    assert pages.read(shown).cursor == task_id


@every_dialect
def test_the_last_page_leads_nowhere(pages: Pages) -> None:
    assert pages.next_of(TASK, last=True) == ""


@every_dialect
@given(task_id=task_ids, data=st.data())
def test_a_cursor_that_was_altered_is_refused_or_names_another_place_exactly(
    pages: Pages, task_id: str, data: st.DataObject
) -> None:
    shown = pages.next_of(replace(TASK, id=task_id))
    at = data.draw(st.integers(0, len(shown)))
    altered = (
        shown[:at]
        + data.draw(st.sampled_from("059afAQgw_-=") | st.text(st.characters(), max_size=2))
        + shown[at + 1 :]
    )
    with suppress(ClientError):
        cursor = pages.read(altered).cursor
        assert not altered or pages.next_of(replace(TASK, id=cursor)) == altered
