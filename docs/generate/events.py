"""Every event that is published, with its schema and an example made by what publishes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from docs.generate.event_schemas import (
    ATTRIBUTES,
    KIND,
    MOMENT,
    TAGS,
    TASK_ID,
    TEXT,
    TEXT_OR_NULL,
    Schema,
    alert_data,
    array_of,
    attributes_of,
    object_of,
    or_null,
    shared,
    task_attributes,
    task_data,
)
from reelkeep.domain.budgets import THRESHOLDS, BudgetWarning
from reelkeep.domain.drift import Drift
from reelkeep.domain.notices import alerts
from reelkeep.domain.notices.alerts import LOST
from reelkeep.domain.notices.notice import (
    attributes,
    budget_attributes,
    budget_event,
    differs,
    differs_attributes,
    health_event,
    notice,
    possible_repeat,
    possible_repeat_attributes,
    test_event,
    updated,
    updated_attributes,
    webhook_attributes,
)
from reelkeep.domain.notices.subscription import FINAL_STATES
from reelkeep.domain.notices.webhooks import PauseReason, Webhook
from reelkeep.domain.task import (
    ArchivedFile,
    Asset,
    Creation,
    Eta,
    Failure,
    FailureClass,
    Kind,
    Polling,
    Request,
    State,
    Task,
)

Attributes = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One type of event. `payload` is an example of it, with the attributes in `headers`."""

    type: str
    summary: str
    data: Schema
    payload: Mapping[str, Any]
    headers: Attributes
    attributes: Schema  # the schemas of what a subscription can filter by
    channels: tuple[str, ...] = ("notices",)

    @property
    def name(self) -> str:
        return self.type.removeprefix("reelkeep.").replace(".", "-")

    @property
    def schema(self) -> str:
        return "".join(word.capitalize() for word in self.name.split("-"))


# --- the examples: a task in each of its ends ---

_MADE = datetime(2026, 11, 21, 12, tzinfo=UTC)
_ID = "019aa6f1b2c80123456789abcdef0123"
_TASK = Task(
    id=_ID,
    owner="alice",
    key_id="0123456789abcdef",
    provider="vidu",
    provider_task_id="885000000000000777",
    request=Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO, model="viduq3-pro", tags=("campaign-7",)),
    created_at=_MADE,
    updated_at=_MADE + timedelta(seconds=77),
    deadline=_MADE + timedelta(hours=2),
    credits=20,
)
_VIDEO = Asset(
    name="video",
    archived=ArchivedFile(
        key=f"tasks/2026/11/21/{_ID}/1-video.mp4",
        bytes=4_193_280,
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        content_type="video/mp4",
        duration=5.04,
        fps=24.0,
        width=1280,
        height=720,
        codec="h264",
        sound=True,
    ),
)
_WEBHOOK = Webhook(id="wh_0123456789abcdef", owner="alice", created_at=_MADE)
SIGNED: Mapping[str, str] = {  # https://www.standardwebhooks.com
    "webhook-id": "0a1b2c3d4e5f",
    "webhook-timestamp": "1795262400",
    "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
}
SIGNATURE = object_of(**dict.fromkeys(SIGNED, TEXT))
_OPEN = Asset(
    name="video",
    expires_at=_MADE + timedelta(hours=24),
    consecutive_errors=9,
    last_error="video: the provider answers 503",
)
_LOST_COVER = Asset(name="cover", lost="cover: the link is dead (403)")
_WHY = {
    State.FAILED: Failure(
        reason=FailureClass.POLICY, code="CreationPolicyViolation", message="the content rules do not allow it"
    ),
    State.CANCELLED: Failure(reason=FailureClass.CANCELLED, code="UserCancelled", message="cancelled by the client"),
    State.EXPIRED: Failure(reason=FailureClass.DEADLINE, message="no result within its time", retryable=True),
}
_SUMMARIES = {
    State.SUCCESS: "A task succeeded: every video is in the archive, and what keeps another file from it is named.",
    State.FAILED: "A task failed.",
    State.CANCELLED: "A task was cancelled.",
    State.EXPIRED: "A task had no result within its time.",
}


def _with(*assets: Asset) -> tuple[Creation, ...]:
    return (Creation(id=f"{_ID}-1", assets=assets),)


def _link(kept: ArchivedFile) -> str:
    return f"https://reelkeep.example.com/files/Zm9yIGV2ZXIgYW5kIGEgZGF5/{_ID}/{kept.key.rpartition('/')[2]}"


def _end(state: State) -> Event:
    done = replace(_TASK, state=state, finished_at=_TASK.updated_at, failure=_WHY.get(state))
    if state is State.SUCCESS:
        done = replace(done, creations=_with(_VIDEO))
    return Event(
        type=f"reelkeep.task.{state}",
        summary=_SUMMARIES[state],
        data=task_data(state),
        payload=notice(done, _link),
        headers=attributes(done),
        attributes=task_attributes(state),
        channels=("notices", "webhooks"),
    )


def _updated() -> Event:
    """After a success that named one file."""
    picture = ArchivedFile(
        key=f"tasks/2026/11/21/{_ID}/1-cover.jpeg",
        bytes=57_344,
        sha256="60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        content_type="image/jpeg",
        width=1280,
        height=720,
    )
    cover = Asset(name="cover", archived=picture)
    done = replace(_TASK, state=State.SUCCESS, finished_at=_TASK.updated_at, creations=_with(_VIDEO, cover))
    event = updated(done, _link)
    return Event(
        type=event["type"],
        summary="A file that was pending when its task succeeded is in the archive now.",
        data=task_data(State.SUCCESS),
        payload=event,
        headers=updated_attributes(done),
        attributes={
            **task_attributes(State.SUCCESS),
            "properties": {**task_attributes(State.SUCCESS)["properties"], "type": {"const": event["type"]}},
        },
        channels=("notices", "webhooks"),
    )


def _to_webhooks(summary: str, payload: dict[str, Any], data: Schema) -> Event:
    return Event(
        type=payload["type"],
        summary=summary,
        data=data,
        payload=payload,
        headers=SIGNED,
        attributes=SIGNATURE,
        channels=("webhooks",),
    )


def _on_the_way(state: State, summary: str) -> Event:
    data, task = task_data(state), replace(_TASK, state=state)
    if not task.is_generated:
        data["properties"]["eta"] = {
            **object_of(p50=MOMENT, p90=MOMENT),
            "description": "When it is expected to end at its provider: as likely sooner as later; nine times of ten "
            "sooner.",
        }
        task = replace(task, eta=Eta(_MADE + timedelta(seconds=74), _MADE + timedelta(seconds=121), 38.4, 8.5))
    return _to_webhooks(summary, notice(task, _link), data)


def _of_webhook(summary: str, paused: PauseReason | None, after: timedelta, **data: Schema) -> Event:
    event = health_event(replace(_WEBHOOK, failing_since=_MADE, paused=paused), _MADE + after)
    return Event(
        type=event["type"],
        summary=summary,
        data=object_of(webhook_id=TEXT, owner=TEXT, **data),
        payload=event,
        headers=webhook_attributes(event),
        attributes=object_of(type={"const": event["type"]}, owner=TEXT),
    )


def _differs() -> Event:
    """The file is as long as was ordered, and its size is that of another class."""
    ordered = replace(_TASK, request=replace(_TASK.request, duration=5, resolution="1080p"))
    done = replace(ordered, state=State.SUCCESS, finished_at=_TASK.updated_at, creations=_with(_VIDEO))
    event = differs(done)
    about_states = task_attributes(State.SUCCESS)
    return Event(
        type=event["type"],
        summary="A video is not what was ordered, or not what its provider claims. It is archived all the same.",
        data=object_of(
            task_id=TASK_ID,
            owner=TEXT,
            provider=TEXT,
            provider_task_id=TEXT_OR_NULL,
            model=TEXT,
            kind=KIND,
            state={"const": State.SUCCESS.value},
            tags=array_of(TEXT),
            differs=array_of(shared("Difference")),
        ),
        payload=event,
        headers=differs_attributes(done),
        attributes={
            **about_states,
            "properties": {
                **about_states["properties"],
                "type": {"const": event["type"]},
                "owner_state": {"type": "string", "description": "The owner, a # and `differs`."},
            },
        },
        channels=("notices", "webhooks"),
    )


def _possible_repeat(task: Task) -> Event:
    event = possible_repeat(task, _MADE)
    return Event(
        type=event["type"],
        summary="The same owner asked for the same shortly before; an SDK may have repeated the request by itself.",
        data=object_of(
            task_id=TASK_ID,
            owner=TEXT,
            provider=TEXT,
            model=TEXT,
            kind=KIND,
            tags=array_of(TEXT),
            possible_repeat={**TASK_ID, "description": "The earlier task."},
        ),
        payload=event,
        headers=possible_repeat_attributes(task),
        attributes=attributes_of(
            type={"const": event["type"]}, owner=TEXT, **ATTRIBUTES, tags={**array_of(TEXT), "description": TAGS}
        ),
    )


def _alert(summary: str, task: Task, payload: dict[str, Any], data: Schema) -> Event:
    return Event(
        type=payload["type"],
        summary=summary,
        data=data,
        payload=payload,
        headers=alerts.attributes(task, payload),
        attributes=attributes_of(type={"const": payload["type"]}, **ATTRIBUTES),
        channels=("alerts",),
    )


def _budget() -> Event:
    warning = BudgetWarning(
        owner="alice",
        limit="money_a_day",
        period="2026-11-21",
        percent=80,
        spent=Decimal("8.2"),
        most=Decimal(10),
        currency="USD",
    )
    event = budget_event(warning, _MADE)
    return Event(
        type=event["type"],
        summary="An owner's money for a day or a month is used to 50, 80 or 100 %. Sent once for each.",
        data=object_of(
            owner=TEXT,
            limit={"type": "string", "enum": ["money_a_day", "money_a_month"]},
            period={**TEXT, "description": "The day or month, in UTC."},
            percent={"type": "integer", "enum": [*THRESHOLDS]},
            spent={**TEXT, "description": "And reserved."},
            most=TEXT,
            currency=TEXT,
        ),
        payload=event,
        headers=budget_attributes(warning),
        attributes=object_of(type={"const": event["type"]}, owner=TEXT, owner_state=TEXT, percent=TEXT),
        channels=("notices", "webhooks"),
    )


def _drift() -> Event:
    found = Drift(since=_MADE, until=_MADE + timedelta(hours=1), balance=Decimal(8_200), unexplained=Decimal(640))
    event = alerts.drift("vidu", "credits", found)
    return Event(
        type=event["type"],
        summary="A provider's balance fell by more than the ledger has.",
        data=object_of(
            provider=TEXT,
            unit=TEXT,
            since={**MOMENT, "description": "Of the reading before."},
            balance={**TEXT, "description": "What is left."},
            unexplained={**TEXT, "description": "What left the balance and is not in the ledger."},
        ),
        payload=event,
        headers=alerts.provider_attributes(event),
        attributes=object_of(type={"const": event["type"]}, provider=TEXT),
        channels=("alerts",),
    )


def events() -> tuple[Event, ...]:
    """Every type of event; what publishes another adds it here."""
    dying = replace(
        _TASK, state=State.ARCHIVING, creations=_with(_OPEN), last_error="video: the provider answers 503"
    )
    maimed = replace(_TASK, state=State.SUCCESS, finished_at=_TASK.updated_at, creations=_with(_VIDEO, _LOST_COVER))
    warning = alerts.links_expiring(dying, _MADE + timedelta(hours=20))
    loss = alerts.lost(maimed, _TASK.updated_at)
    if loss is None:
        raise LookupError(f"the example of {LOST} has lost nothing")
    repeat = replace(_TASK, possible_repeat="019aa6f1afff0123456789abcdef0123")
    odd = replace(
        _TASK,
        last_error="the provider says 'rendering'",
        polling=Polling(not_understood_since=_MADE),
        state=State.PROCESSING,
    )
    return (
        *(_end(state) for state in FINAL_STATES),
        _updated(),
        _differs(),
        _budget(),
        _possible_repeat(repeat),
        _of_webhook(
            "A webhook has taken nothing for an hour. Sent once, until it takes a message again.",
            None,
            timedelta(hours=1),
            failing_since=MOMENT,
        ),
        _of_webhook(
            "A webhook gets nothing until its owner resumes it: it is gone, or nothing arrived for days.",
            PauseReason.FAILING,
            timedelta(days=5),
            reason={"type": "string", "enum": [PauseReason.GONE.value, PauseReason.FAILING.value]},
            failing_since=or_null(MOMENT),
        ),
        _on_the_way(State.PROCESSING, "A provider began to work on a task."),
        _on_the_way(State.ARCHIVING, "A provider has made what was asked for; it is being copied into the archive."),
        _to_webhooks(
            "An owner tests a webhook.",
            test_event("0a1b2c3d4e5f", _WEBHOOK, _MADE),
            object_of(webhook_id=TEXT, owner=TEXT),
        ),
        _alert(
            "A provider answers in words that are not understood. Sent once per task, while there is still time.",
            odd,
            alerts.not_understood(odd, _MADE + timedelta(minutes=10)),
            alert_data(reason=TEXT, since=MOMENT, deadline=MOMENT),
        ),
        _alert(
            "Files that the provider has made cannot be fetched; nothing is lost yet. Sent once per task.",
            dying,
            alerts.delayed(dying, _MADE + timedelta(minutes=40)),
            alert_data(
                files=array_of(
                    object_of(
                        creation=TEXT,
                        file=TEXT,
                        last_error=TEXT,
                        consecutive_errors={"type": "integer"},
                        quarantined={**TEXT_OR_NULL, "description": "The key of what came in its place."},
                        dies_at=or_null(MOMENT),
                    )
                ),
            ),
        ),
        _alert(
            "Links to files die soon, and the files are not in the archive yet. Sent once per task.",
            dying,
            warning,
            alert_data(
                last_error={**TEXT_OR_NULL, "description": "What was wrong the last time."},
                files=array_of(object_of(creation=TEXT, file=TEXT, dies_at=or_null(MOMENT))),
            ),
        ),
        _alert(
            "What a provider made, or may have made, cannot be fetched any more.",
            maimed,
            loss,
            alert_data(
                reason={
                    **TEXT_OR_NULL,
                    "description": "Why the task has no result; null if it lost a file.",
                },
                files=array_of(object_of(creation=TEXT, file=TEXT, reason=TEXT, quarantined=TEXT_OR_NULL)),
            ),
        ),
        _drift(),
    )
