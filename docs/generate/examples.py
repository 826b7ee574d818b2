"""Tasks as they are on their way and at their end: what the documents' examples are rendered of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from reelkeep.domain import transitions
from reelkeep.domain.claims import key_reused
from reelkeep.domain.counts import Use
from reelkeep.domain.dead_letters import DeadLetter, DeadLetterPage, Execution, Replayed
from reelkeep.domain.durations import Combination
from reelkeep.domain.errors import (
    BodyTooLarge,
    CannotCancel,
    ClientError,
    Conflict,
    InvalidRequest,
    KeyReused,
    LimitReached,
    Missing,
    NotAllowed,
    NotFound,
    OverBudget,
    OverLimit,
    Refused,
    Stopped,
    Unauthorized,
)
from reelkeep.domain.keys import ApiKey, NewKey, Owner
from reelkeep.domain.ledger import Balance
from reelkeep.domain.limits import Limits
from reelkeep.domain.money import Quote
from reelkeep.domain.notices.subscription import Channel, Filter, Status, Subscription, SubscriptionView
from reelkeep.domain.notices.webhooks import Attempt, Delivery, DeliveryPage, Outcome, Webhook, WebhookWithSecret
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.task import (
    ArchivedFile,
    Asset,
    Creation,
    Eta,
    Failure,
    FailureClass,
    Kind,
    Polling,
    Price,
    Request,
    State,
    Task,
)
from reelkeep.domain.upstream import Health, ProviderStatus, Trouble, Upstream, UsualTime
from reelkeep.domain.usage import Usage, UsageQuery, UsageRow

ADDRESS = "https://reelkeep.example.com"  # stands for the stack's own, which puts its own in the place of it
EXAMPLE_ID = "019b91f8d40000112233445566778899"
_AT = datetime(2026, 1, 6, 8, tzinfo=UTC)
_PRICE = Price(unit="credits", units=Decimal(150), each=Decimal("0.005"), currency="USD", since="2025-11-03")


def link(kept: ArchivedFile) -> str:
    return f"{ADDRESS}/files/Zm9yIGV2ZXIgYW5kIGEgZGF5/{EXAMPLE_ID}/{kept.key.rpartition('/')[2]}"


def queueing(request: Request) -> Task:
    return Task(
        id=EXAMPLE_ID,
        owner="alice",
        key_id="0123456789abcdef",
        provider="vidu",
        provider_task_id="885000000000000777",
        request=request,
        price=_PRICE,
        created_at=_AT,
        updated_at=_AT + timedelta(seconds=2),
        polling=Polling(next_poll_at=_AT + timedelta(seconds=7)),
        deadline=_AT + timedelta(hours=2),
        state=State.QUEUEING,
        eta=Eta(_AT + timedelta(seconds=74), _AT + timedelta(seconds=121), ask_in=38.4, ask_every=8.5),
    )


def finished(request: Request) -> Task:
    names = {"video": "video/mp4", "cover": "image/jpeg"}
    if request.last_frame:
        names["last-frame"] = "image/png"
    assets = tuple(Asset(name=name, archived=_kept(name, kind)) for name, kind in names.items())
    ended = queueing(request).advanced(State.SUCCESS, _AT + timedelta(seconds=55), seed=20_231_234, tokens=108_900)
    return replace(ended, creations=(Creation(id=f"{EXAMPLE_ID}-1", assets=assets),), credits=20)


def cancelled(request: Request) -> Task:
    failure = Failure(reason=FailureClass.CANCELLED, code="UserCancelled", message="cancelled by the client")
    return queueing(request).failed(failure, _AT + timedelta(seconds=20))


def _kept(name: str, content_type: str) -> ArchivedFile:
    key = f"tasks/2026/01/06/{EXAMPLE_ID}/1-{name}.{content_type.rpartition('/')[2]}"
    kept = ArchivedFile(key=key, bytes=81_920, sha256="9f86d081884c7d65" * 4, content_type=content_type)
    return replace(kept, duration=5.042, fps=24.0, width=1280, height=720) if name == "video" else kept


# --- what clients are refused ---


def _refused(reason: FailureClass, code: str, message: str, *, retryable: bool = False) -> Refused:
    return Refused(Failure(reason=reason, code=code, message=message, retryable=retryable))


_SOON = timedelta(seconds=10)
ERRORS: Mapping[type[ClientError], tuple[ClientError, ...]] = {
    InvalidRequest: (Missing("prompt is required", field="prompt", wrong=(("prompt", "is required"),)),),
    Unauthorized: (Unauthorized("this API key is not known, or was revoked"),),
    NotFound: (NotFound("there is nothing with this id"),),
    NotAllowed: (NotAllowed("each task says itself where its callbacks go"),),
    CannotCancel: (CannotCancel(State.SUCCESS),),
    Conflict: (Conflict("this endpoint is subscribed already", field="endpoint"),),
    OverBudget: (
        OverBudget(
            "this owner may spend 50 USD a day: 49.5 are spent or reserved, and this costs 0.75. "
            "It opens at 2026-01-07T00:00:00Z",
            "money_a_day",
            timedelta(hours=16),
        ),
    ),
    OverLimit: (
        OverLimit("this owner may have 5 tasks at once. It opens when one of them ends", "tasks_at_once", _SOON),
    ),
    Stopped: (Stopped("an operator has stopped submissions to the provider vidu"),),
    LimitReached: (LimitReached("there are 20 subscriptions, which is as many as an owner may have"),),
    KeyReused: (key_reused(),),
    BodyTooLarge: (BodyTooLarge("the body has 7340032 bytes, the limit is 5242880"),),
    Refused: (
        _refused(FailureClass.CREDIT, "CreditInsufficient", "credits are not enough"),
        _refused(FailureClass.POLICY, "TaskPromptPolicyViolation", "the prompt is against the content rules"),
        _refused(FailureClass.THROTTLED, "QuotaExceeded", "the daily quota is used up", retryable=True),
    ),
}


# --- what they are answered about other things than tasks ---

_URL = "https://example.com/hooks/reelkeep"
_WEBHOOK = Webhook(id=f"wh_{EXAMPLE_ID}", owner="alice", url=_URL, created_at=_AT)
_WITH_SECRET = WebhookWithSecret(_WEBHOOK, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfpZ0g8L0U=")
_WAITING = Delivery(
    id=f"dl_{EXAMPLE_ID}",
    owner="alice",
    webhook_id=_WEBHOOK.id,
    event="success",
    task_id=EXAMPLE_ID,
    url=_URL,
    body=f'{{"specversion": "1.0", "id": "{EXAMPLE_ID}.success", "type": "reelkeep.task.success"}}',
    content_type="application/cloudevents+json",
    created_at=_AT + timedelta(seconds=77),
    next_attempt_at=_AT + timedelta(seconds=77),
)
_DELIVERED = replace(
    _WAITING,
    outcome=Outcome.DELIVERED,
    next_attempt_at=None,
    attempts=(Attempt(at=_AT + timedelta(seconds=78), status=204, milliseconds=86),),
)
_SUBSCRIPTION = Subscription(
    id=EXAMPLE_ID,
    owner="alice",
    protocol=Channel.EMAIL,
    endpoint="alice@example.com",
    filter=Filter(states=(State.FAILED, State.EXPIRED)),
    created_at=_AT,
    updated_at=_AT,
)
_PENDING = SubscriptionView(_SUBSCRIPTION, Status.PENDING)


_KEY = ApiKey(
    key_id="019b91e7fc00a1b2",
    owner="alice",
    name="the editing room",
    last_characters="A" * 4,
    created_at=_AT,
    ends_at=datetime(2030, 1, 1, tzinfo=UTC),
)


def after(service: str, task: Task) -> Task:
    """The task when it was served so."""
    match service:
        case "hide_task":
            return replace(task, removed_at=_AT)
        case "erase_task":
            return transitions.erased(task, _AT)
    return task


_SPENT = Balance(
    tasks=5,
    tasks_charged=4,
    units_reserved=Decimal(150),
    units_charged=Decimal(600),
    reserved=Decimal("0.75"),
    charged=Decimal(3),
)
_USAGE = Usage(UsageQuery(), [_AT.date()], [UsageRow({"day": "2026-01-06"}, "credits", "USD", _SPENT)])
_LETTER = DeadLetter(id="9f8a7b6c-1d2e-4f3a-8b5c-6d7e8f9a0b1c", receipt="", sent_at=_AT, body="", attributes={})
_FAILED = Execution(
    task_id=EXAMPLE_ID, name=EXAMPLE_ID, status="FAILED", reason="Misconfigured: there is no provider 'vidu'"
)
_UNREACHABLE = Trouble(
    kind=Health.UNREACHABLE, message="it answers 503", since=_AT, last_at=_AT + timedelta(minutes=3)
)
_STATUS = ProviderStatus(
    health=Health.OK,
    troubles=(_UNREACHABLE,),
    slots=5,
    in_flight=5,
    in_line=12,
    at_least=False,
    expected_start=_AT + timedelta(minutes=4),
    times=(UsualTime(of=Combination(False, "viduq3-pro", Kind.TEXT2VIDEO, 5, "720p"), seen=48, p50=71.5, p90=118.0),),
)
_LIMITS = Limits(tasks_at_once=5, money_a_day=Decimal(50), money_a_month=Decimal(900), currency="USD")
_OWNER = Owner(
    name="alice",
    keys=2,
    settings=OwnerSettings(limits=_LIMITS),
    use=Use(tasks_at_once=2, money_a_day=Decimal("12.5"), money_a_month=Decimal("340.25")),
)
_OWN = replace(_OWNER, key=Owner(name=_KEY.key_id))
SERVED: Mapping[str, Any] = {  # by the names of services
    "quote_submission": [
        Quote(provider="vidu", seconds=84, price=_PRICE),
        Quote(provider="ark", seconds=84, reason="the provider has no field for priority"),
    ],
    "show_usage": _USAGE,
    "export_usage": _USAGE,
    "list_providers": [Upstream("vidu", "vidu_ent_v2", ("vidu*",), default=True, status=_STATUS)],
    "list_models": [Upstream("vidu", "vidu_ent_v2", ("vidu*",), default=True, default_model="viduq3-pro")],
    "subscribe": _PENDING,
    "list_subscriptions": [_PENDING],
    "show_subscription": _PENDING,
    "change_subscription": SubscriptionView(replace(_SUBSCRIPTION, active=False), Status.PENDING),
    "unsubscribe": None,
    "create_key": NewKey(key=f"rk_{'A' * 43}", described=_KEY),
    "list_keys": [_KEY],
    "revoke_key": replace(_KEY, revoked_at=_AT),
    "list_dead_letters": DeadLetterPage(count=1, letters=((_LETTER, _FAILED),)),
    "replay_dead_letters": [Replayed(_LETTER, _FAILED, done=True, result="restarted")],
    "show_own_limits": _OWN,
    "list_owners": [_OWNER],
    "show_owner": _OWNER,
    "replace_owner": _OWNER,
    "change_owner": _OWNER,
    "stop_provider": frozenset({"vidu"}),
    "start_provider": frozenset[str](),
    "create_webhook": _WITH_SECRET,
    "list_webhooks": [_WEBHOOK],
    "show_webhook": _WEBHOOK,
    "change_webhook": _WEBHOOK,
    "delete_webhook": None,
    "rotate_webhook_secret": _WITH_SECRET,
    "send_test_event": replace(_WAITING, event="test", task_id=""),
    "list_deliveries": DeliveryPage((_DELIVERED,)),
    "show_delivery": _DELIVERED,
    "replay_delivery": _WAITING,
}
