"""What is not a task is read as it was written, too. Tasks: test_task_record.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.adapters import documents
from reelkeep.adapters.dynamodb import claims
from reelkeep.domain.claims import Claim
from reelkeep.domain.notices.subscription import Filter, Subscription
from reelkeep.domain.notices.webhooks import Attempt, Delivery, Webhook
from reelkeep.domain.task import Adoption, ArchivedFile, Creation, Request, Task

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(0, 200_000_000_000_000_000).map(lambda at: EPOCH + timedelta(microseconds=at))
st.register_type_strategy(datetime, moments)
KINDS = [Webhook, Attempt, Delivery, Filter, Subscription, Adoption, Creation, ArchivedFile, Request]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_record_is_read_as_it_was_written(kind: type[Any], data: st.DataObject) -> None:
    more: dict[str, Any] = {"body": st.just({})} if kind is Request else {}  # of anything: test_task_record.py
    value = data.draw(st.builds(kind, **more))
    text = documents.write(value)
    assert documents.read(kind, text) == value
    assert documents.read(kind, text.encode()) == value


@given(st.builds(Claim))
def test_a_claim_is_read_as_it_was_written_and_lasts_no_less(claim: Claim) -> None:
    other = replace(claim, fingerprint="", task_id="", expires_at=EPOCH)
    read = claims._from_item(other, claims._to_item(claim))
    assert replace(read, expires_at=claim.expires_at) == claim
    assert timedelta() <= read.expires_at - claim.expires_at < timedelta(seconds=1)


@pytest.mark.parametrize("kind", [*KINDS, Task], ids=lambda kind: kind.__name__)
@given(text=st.binary() | st.text().map(str.encode) | st.sampled_from([b"null", b"[]", b"7", b'"x"', b"{}"]))
def test_what_is_none_of_a_kind_is_refused_as_such(kind: type[Any], text: bytes) -> None:
    try:
        value = documents.read(kind, text)
    except (ValueError, TypeError):
        return
    assert isinstance(value, kind)
