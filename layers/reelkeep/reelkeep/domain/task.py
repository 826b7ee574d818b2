"""A task, from submission to its end: its values, and the only ways in which it may move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from reelkeep.domain import ids


class State(StrEnum):
    """In this order only; a task never moves back."""

    CREATED = "created"
    QUEUEING = "queueing"
    PROCESSING = "processing"
    ARCHIVING = "archiving"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = frozenset({State.SUCCESS, State.FAILED, State.CANCELLED, State.EXPIRED})
_RANK = {State.CREATED: 0, State.QUEUEING: 1, State.PROCESSING: 2, State.ARCHIVING: 3} | dict.fromkeys(_TERMINAL, 4)


class Kind(StrEnum):
    """What is asked for. The words are Vidu's, which has the longest list of them."""

    TEXT2VIDEO = "text2video"
    IMG2VIDEO = "img2video"
    REFERENCE2VIDEO = "reference2video"
    START_END2VIDEO = "start-end2video"
    TEMPLATE2VIDEO = "template2video"
    EXTEND = "extend"
    UPSCALE = "upscale"
    LIP_SYNC = "lip-sync"
    MULTIFRAME = "multiframe"


_KINDS_WITH_MODELS = frozenset({Kind.TEXT2VIDEO, Kind.IMG2VIDEO, Kind.REFERENCE2VIDEO, Kind.START_END2VIDEO})


class DispatchStatus(StrEnum):
    """How far the one billable call has come."""

    STARTED = "started"  # the call is about to be made, or is under way
    WAITING = "waiting"  # certainly not accepted yet: it may be made (again)
    UNKNOWN = "unknown"  # the answer was lost: it must never be made again blindly
    ACCEPTED = "accepted"  # the provider has the task, and we have its id there
    REFUSED = "refused"  # the provider said no: there is nothing to look for


class Priority(StrEnum):
    """Which of an owner's tasks goes first if there is no room at the provider. The most urgent is the first word."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class FailureClass(StrEnum):
    """Why a task did not succeed, in words that a program can act on."""

    POLICY = "policy"
    INPUT = "input"
    CREDIT = "credit"
    THROTTLED = "throttled"
    PROVIDER = "provider"
    EXPIRED = "expired"
    LOST = "lost"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"


# What a word of a newer release is read as. The record keeps the word.
OF_NEWER_RELEASE: Mapping[type[StrEnum], StrEnum] = {
    type(word): word
    for word in (
        State.PROCESSING, Kind.TEXT2VIDEO, DispatchStatus.UNKNOWN, Priority.NORMAL, FailureClass.PROVIDER
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A value that is stored. What a newer release has written and this one does not know stays in it."""

    extra: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure(Record):
    reason: FailureClass
    code: str = ""  # the provider's own word, such as CreationPolicyViolation
    message: str = ""  # a sentence for a person
    retryable: bool = False  # could submitting the same once more succeed?


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Record):
    """What the client asked for. `body` is what it sent, word for word; the rest is what we understood of it."""

    dialect: str  # the wire format it was written in
    kind: Kind
    model: str = ""
    prompt: str = ""
    images: tuple[str, ...] = ()  # URLs or data: URIs
    video_url: str = ""  # the source of an upscale, an extension, a lip-sync
    video_input: bool = False  # a video is among what it refers to, which some providers charge otherwise
    creation_id: str = ""  # the same, by the id of an earlier creation
    template: str = ""
    duration: int | None = None  # seconds
    resolution: str = ""  # as clients write it: 720p
    aspect_ratio: str = ""
    codec: str = ""  # of the video: h265
    seed: int | None = None
    audio: bool | None = None
    watermark: bool | None = None
    last_frame: bool = False  # the last frame is wanted as a picture, too
    off_peak: bool = False  # cheaper, finished within 48 h
    expires_after: int | None = None  # seconds that the provider itself may take, if the client said so
    payload: str = ""  # echoed to the client unchanged
    provider: str = ""  # by name, if the client insists
    priority: Priority = Priority.NORMAL  # among its owner's tasks that wait for room at the provider
    tags: tuple[str, ...] = ()  # the client's own words, which it may change later
    callback_url: str = ""  # receives the changes of this task alone; no provider gets it
    body: Mapping[str, Any] = field(default_factory=dict)
    presumed: tuple[str, ...] = ()  # which of the words above are what its dialect usually makes: it did not say
    unexpressed: tuple[str, ...] = ()  # fields of the body that the words above have no place for
    payload_omitted: bool = False  # too big for the table: it lies in the archive

    @property
    def lacks_model(self) -> bool:
        """Whether it names no model, and is of a kind that several models make."""
        return not self.model and self.kind in _KINDS_WITH_MODELS

    def with_default_model(self, model: str) -> Request:
        """With this one in the place of the model that is lacking, if it is."""
        if not model or not self.lacks_model:
            return self
        return replace(self, model=model)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedFile(Record):
    """One file in the archive, verified."""

    key: str
    bytes: int
    sha256: str  # hexadecimal, as sha256sum prints it; empty for a big file, which has a crc32 instead
    crc32: str = ""  # hexadecimal; S3 keeps it with the object, too
    content_type: str
    duration: float | None = None  # seconds
    fps: float | None = None
    width: int | None = None  # pixels
    height: int | None = None
    codec: str = ""  # of the video: h264, hevc, …
    sound: bool | None = None  # whether it has a track of sound; None if it does not say
    link_epoch: int = 0  # its permanent links of earlier ones are revoked


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset(Record):
    """One file of a creation: at the provider until it is archived."""

    name: str  # video, cover, watermarked, moderation-1, last-frame, ...
    source: str = ""  # the provider's link, or a path at the provider that needs its key; forgotten once archived
    expires_at: datetime | None = None  # when that link dies
    optional: bool = False  # the provider may not have it at all; then it is left out
    archived: ArchivedFile | None = None
    quarantined: ArchivedFile | None = None  # what came in its place: bytes that are not recognised as media
    lost: str = ""  # why it was given up
    too_large: bool = False  # that is why
    consecutive_errors: int = 0  # how often in a row it could not be fetched
    dead_link_refreshes: int = 0  # how often in a row the provider had no better link than one that is dead
    last_error: str = ""
    retry_at: datetime | None = None  # when it is tried again

    @property
    def open(self) -> bool:
        """Neither archived nor given up."""
        return self.archived is None and not self.lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation(Record):
    """One generated result of a task."""

    id: str  # ours once the task has it; until then, the provider's
    provider_id: str = ""
    assets: tuple[Asset, ...] = ()
    duration: float | None = None  # what the provider says of the video; what we measured is in `archived`
    fps: float | None = None
    width: int | None = None
    height: int | None = None

    def asset(self, name: str) -> Asset | None:
        return next((asset for asset in self.assets if asset.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Record):
    """What a task costs at its provider, as the price list said when it was submitted."""

    unit: str  # what the provider counts: credits, tokens, units, seconds, videos
    units: Decimal | None = None  # that the task is expected to take; None if only the provider can tell
    each: Decimal | None = None  # money for one of them; None if the list does not say
    currency: str = ""  # of that money, such as USD
    since: str = ""  # the first day of the price, which identifies its version


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation(Record):
    """What its submission added to the counts that limits are checked by."""

    id: str  # of this attempt to record the task: another one was counted, too
    counters: tuple[str, ...] = ()  # "" for the owner's, and the key's by its id
    money: Decimal = Decimal(0)
    currency: str = ""
    number: int = 0  # among the submissions of its owner that were counted; 0 if it was not known yet
    queued: bool = False  # it does not count among its owner's tasks at once: it waits in line until one of them ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption(Record):
    """Why there is a task that nobody submitted here: its provider listed a success that we did not hold."""

    at: datetime
    lost_task: str = ""  # the task of ours that was given up before its provider listed it as made


class Backward(Exception):
    """An attempt to move a task back. Events may be late or repeated; the task stays where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch(Record):
    """The one billable call to the provider."""

    status: DispatchStatus = DispatchStatus.STARTED
    started_at: datetime | None = None  # the last time
    attempts: int = 0  # that may have arrived
    account: str = ""  # the fingerprint of the one that it was made with; operators change addresses and keys
    start_by: datetime | None = None  # if it still waits for its provider then, it ends as expired
    slot: str = ""  # at the provider, which it holds or has held; empty if it waits in line, or needs none
    typical_seconds: float | None = None  # that a task takes there, if the configuration said so when it was sent
    line: str = ""  # of the account that its provider shares with others; empty if the provider has slots of its own

    def is_of(self, account: str) -> bool:
        """Whether that account can tell of it. Records of older releases name none."""
        return self.account in ("", account)


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling(Record):
    """The questions to the provider how the task is doing."""

    polls: int = 0
    consecutive_errors: int = 0
    consecutive_not_found: int = 0
    not_understood_since: datetime | None = None  # its answers say nothing that has a meaning here
    not_understood: int = 0  # so many answers in all, also before ones that were
    next_poll_at: datetime | None = None
    restarts: int = 0  # runs that the sweep has started since the last poll
    called_back_at: datetime | None = None  # when the last poll began that a provider's callback asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcements(Record):
    """What was announced of the task, and to whom."""

    acknowledged_to_client: bool = False  # a repeat was given it before it was known whether the provider refuses it
    announced_at: datetime | None = None  # its end
    possible_repeat_announced_at: datetime | None = None
    announced_files: int | None = None  # that a success named as archived; others may come later
    # To operators:
    links_expiring_announced_at: datetime | None = None
    delay_announced_at: datetime | None = None  # of files that cannot be fetched
    not_understood_announced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task is in the line of those that wait for room at the provider."""

    position: int  # 1 is next
    expected_start: datetime
    at_least: bool = False  # the position is the smallest that it can be, the start the earliest


@dataclass(frozen=True, slots=True)
class Eta:
    """When a task is expected to end at its provider."""

    p50: datetime  # as likely sooner as later
    p90: datetime  # nine of ten end sooner
    ask_in: float  # seconds after which to ask how it is doing
    ask_every: float  # the same for those who ask at equal intervals from the start


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Record):
    id: str
    owner: str
    key_id: str
    provider: str
    provider_task_id: str = ""
    request: Request
    request_key: str = ""  # where in the archive the whole request lies, if it was too big for the table
    source_creation: str = ""  # the provider's id of the creation that this one extends or upscales
    possible_repeat: str = ""  # the earlier task with the same request, shortly before

    created_at: datetime
    updated_at: datetime
    deadline: datetime  # no result by then: the task ends as expired. It begins anew with the billable call
    processing_at: datetime | None = None  # when we first saw the provider work on it, if we did
    succeeded_at: datetime | None = None  # when we saw that the provider was done
    finished_at: datetime | None = None
    removed_at: datetime | None = None  # the owner does not want to see it any more; the archive keeps it
    erased_at: datetime | None = None  # nothing is left of it but this
    starred: bool = False

    state: State = State.CREATED
    dispatch: Dispatch = Dispatch()
    polling: Polling = Polling()
    announcements: Announcements = Announcements()
    executions: int = 0  # the number of the current run, from 0; what a run with a lower one does changes nothing
    copying_until: datetime | None = None  # until then, one invocation alone copies its files
    last_error: str = ""  # what keeps it from going on

    creations: tuple[Creation, ...] = ()
    failure: Failure | None = None
    credits: int | Decimal | None = None  # what its provider took, also where that calls them units
    seed: int | None = None  # the one that was used
    tokens: int | None = None  # what it cost, where the provider counts so
    price: Price | None = None  # None for a model that has no price
    reservation: Reservation | None = None  # None if no limit was to be checked
    adopted: Adoption | None = None
    adopted_as: str = ""  # the task that holds what came of this one after it was given up
    version: int = 0  # of the record; every write names the one it builds on
    place: Place | None = None  # in line, if it was looked for; never recorded
    eta: Eta | None = None  # if it was asked for; never recorded

    def asking(self, request: Request) -> Task:
        """With the whole request, of which the record may hold less. Its tags may have changed since."""
        return self if request is self.request else replace(self, request=replace(request, tags=self.request.tags))

    def with_creations(self, creations: tuple[Creation, ...]) -> Task:
        """The provider's creations under ids of ours, which begin with the id of their task."""
        numbered = (
            replace(creation, id=ids.creation_id(self.id, number), provider_id=creation.id)
            for number, creation in enumerate(creations, 1)
        )
        return replace(self, creations=tuple(numbered))

    def with_dispatch(self, **changes: Any) -> Task:
        return replace(self, dispatch=replace(self.dispatch, **changes))

    def with_polling(self, **changes: Any) -> Task:
        return replace(self, polling=replace(self.polling, **changes))

    def with_announcements(self, **changes: Any) -> Task:
        return replace(self, announcements=replace(self.announcements, **changes))

    @property
    def is_of_newer_release(self) -> bool:
        """It is in a state that this release does not know, and so leaves alone."""
        return "state" in self.extra or "status" in self.dispatch.extra

    @property
    def dispatched_at(self) -> datetime:
        """When the billable call was begun, for the last time."""
        return self.dispatch.started_at or self.created_at

    @property
    def is_generated(self) -> bool:
        """The provider has nothing more to say: it made the task's files, or the task has ended otherwise."""
        return self.state is State.ARCHIVING or self.state.terminal

    @property
    def unfinished(self) -> bool:
        """Its end, or a file that came later, is not announced yet, or a file is still to be fetched."""
        is_announced = self.announcements.announced_at is not None and not self.has_late_files
        return not is_announced or (self.state.terminal and any(asset.open for asset in self.assets))

    @property
    def has_late_files(self) -> bool:
        """Files are in the archive that its success did not name."""
        named = self.announcements.announced_files
        return named is not None and self.archived_files > named

    @property
    def archived_files(self) -> int:
        return sum(asset.archived is not None for asset in self.assets)

    @property
    def assets(self) -> tuple[Asset, ...]:
        return tuple(asset for creation in self.creations for asset in creation.assets)

    @property
    def links_die_at(self) -> datetime | None:
        """When the first link to something that is not kept yet dies, as far as the links say."""
        return min((asset.expires_at for asset in self.assets if asset.open and asset.expires_at), default=None)

    def advanced(self, state: State, now: datetime, **changes: Any) -> Task:
        """The task in a later state (or the same, unfinished one), with these changes.

        Raises Backward for an earlier state, and for any change of a finished task's state.
        """
        if self.is_of_newer_release:
            raise Backward("a newer release has taken it over")
        if _RANK[state] < _RANK[self.state] or (self.state.terminal and state is not self.state):
            raise Backward(f"{self.state} cannot become {state}")
        finished_at = now if state.terminal and not self.state.terminal else self.finished_at
        processing_at = self.processing_at or (now if state is State.PROCESSING else None)
        return replace(
            self, state=state, updated_at=now, processing_at=processing_at, finished_at=finished_at, **changes
        )

    def failed(self, failure: Failure, now: datetime) -> Task:
        """Ended without a result, in the state that fits the reason."""
        state = {
            FailureClass.CANCELLED: State.CANCELLED,
            FailureClass.DEADLINE: State.EXPIRED,
            FailureClass.EXPIRED: State.EXPIRED,
        }.get(failure.reason, State.FAILED)
        return self.advanced(state, now, failure=failure)
