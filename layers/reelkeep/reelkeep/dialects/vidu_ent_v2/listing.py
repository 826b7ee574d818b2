"""Which tasks a client of ent/v2 asks to have listed."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta

from reelkeep.dialects.dialect import Http
from reelkeep.dialects.grammar import vidu
from reelkeep.dialects.grammar.query import Query
from reelkeep.dialects.vidu_ent_v2 import LARGEST_PAGE
from reelkeep.domain import ids
from reelkeep.domain.errors import InvalidRequest, PageSizeOutOfRange
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.task import State

WINDOW = timedelta(days=7)  # of a listing that names no beginning


def read(http: Http) -> Listing:
    # The seed page writes `paper` where it means `pager`, and clients were made after it.
    query = Query((re.sub(r"^paper\.", "pager.", name), value) for name, value in http.query)
    created_from, created_to = query.moment("created_at.from"), query.moment("created_at.to")
    task_ids = query.words("task_ids")
    if created_to and not created_from and not task_ids:
        created_from = max(created_to, datetime.min.replace(tzinfo=UTC) + WINDOW) - WINDOW
    if created_from and created_to and created_from > created_to:
        raise InvalidRequest("created_at.to lies before created_at.from", field="created_at.to")
    size = query.number("pager.pagesz", 10)
    if not 1 <= size <= LARGEST_PAGE:
        raise PageSizeOutOfRange(f"pager.pagesz must be from 1 to {LARGEST_PAGE}", field="pager.pagesz")
    page = query.number("pager.page", 0)
    if page < 0:
        raise InvalidRequest("pager.page counts from 0", field="pager.page")
    page_token = query.one("pager.page_token")
    return Listing(
        filter=Filter(
            created_from=created_from,
            created_to=created_to,
            task_ids=task_ids,
            states=tuple(state for word in query.words("states") for state in _states(word)),
            models=tuple(_long_name(model) for model in query.words("model_versions")),
            resolutions=query.words("resolutions"),
            templates=query.words("templates"),
        ),
        size=size,
        cursor=_cursor(page_token) if page_token else "",
        skip=0 if page_token else page * size,  # a token knows better where it is
    )


def _states(word: str) -> tuple[State, ...]:
    states = tuple(state for state, shown in vidu.WORDS.items() if shown == word)
    if not states:
        known = ", ".join(dict.fromkeys(vidu.WORDS.values()))
        raise InvalidRequest(f"states must be among {known}", field="states")
    return states


def _long_name(model: str) -> str:
    """Listings are filtered by short names (2.0, q2-pro), tasks carry long ones (vidu2.0, viduq2-pro)."""
    return f"vidu{model}" if re.match(r"q\d|\d\.\d", model) else model


_TOKEN_MARK = b"\x01"  # a version, and what makes it unlikely that any text is taken for a token


def token(cursor: str) -> str:
    if not cursor:
        return ""
    return base64.urlsafe_b64encode(_TOKEN_MARK + bytes.fromhex(cursor)).decode().rstrip("=")


def _cursor(text: str) -> str:
    try:
        read = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        read = b""
    cursor = read[len(_TOKEN_MARK) :].hex()
    if not ids.is_task_id(cursor) or text != token(cursor):
        raise InvalidRequest("pager.page_token is not one that was given out here", field="pager.page_token")
    return cursor
