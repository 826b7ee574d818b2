"""What a provider knows about a task, in no wire format's words."""

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

from local.simulator.prompt_directives import Directives, read_directives

State = Literal["created", "queueing", "processing", "success", "failed", "cancelled"]


@dataclass(frozen=True)
class VideoSpec:
    """What is to be made: pixels, seconds, with sound or without."""

    width: int
    height: int
    seconds: int
    audio: bool = False
    watermark: bool = False

    fps = 24


@dataclass(frozen=True)
class Order:
    """An accepted request. `fields` is the request as the dialect wants to echo it later."""

    dialect: str
    kind: str
    prompt: str
    video: VideoSpec
    credits: int
    off_peak: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass
class Task:
    id: str
    creation_id: str
    order: Order
    created_at: float
    queued_at: float
    ready_at: float
    takes: float
    started_at: float | None = None
    finishes_at: float | None = None
    cancelled_at: float | None = None
    queries: int = field(default=0, compare=False)
    downloads: int = field(default=0, compare=False)

    @cached_property
    def directives(self) -> Directives:
        return read_directives(self.order.prompt)

    def state(self, now: float) -> State:
        if self.cancelled_at is not None:
            return "cancelled"
        if self.finishes_at is None:
            return "created" if now < self.queued_at else "queueing"
        if now < self.finishes_at:
            return "processing"
        return "failed" if self.directives.fail else "success"

    def assets(self) -> tuple[str, ...]:
        """The file names of the one creation that a task here ends in."""
        watermarked = ("watermarked.mp4",) if self.order.video.watermark else ()
        moderation = tuple(f"moderation-{n}.mp4" for n in range(1, self.directives.moderation + 1))
        return ("video.mp4", "cover.jpeg", *watermarked, *moderation)


def to_json(task: Task) -> dict[str, Any]:
    return asdict(task)


def from_json(row: dict[str, Any]) -> Task:
    order = row["order"]
    return Task(**{**row, "order": Order(**{**order, "video": VideoSpec(**order["video"])})})
