"""The JSON bodies that a client of ent/v2 gets."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from reelkeep.dialects.grammar.vidu import StateWord


class Size(TypedDict):
    width: int
    height: int


class Facts(TypedDict):
    duration: float
    fps: int
    resolution: Size


class Creation(TypedDict):
    id: str
    url: str
    cover_url: str
    watermarked_url: str
    moderation_url: list[str]
    video: Facts


class Submitted(TypedDict):
    task_id: str
    type: str
    state: StateWord
    model: str
    style: str
    prompt: str
    images: list[str]
    duration: int
    seed: int
    aspect_ratio: str
    resolution: str
    movement_amplitude: str
    payload: str
    bgm: bool
    audio_type: str
    off_peak: bool
    watermark: bool
    wm_position: str | int
    wm_url: str
    meta_data: str
    is_rec: bool
    cus_priority: int
    client_request_id: str
    credits: int
    created_at: str


class TaskCreations(TypedDict):
    id: str
    state: StateWord
    err_code: str
    credits: int
    payload: str
    bgm: bool
    off_peak: bool
    creations: list[Creation]


class ListedTask(TypedDict):
    id: str
    key_id: str
    type: str
    template: NotRequired[str]
    model: str
    prompt: str
    images: list[str]
    duration: int
    resolution: str
    aspect_ratio: str
    state: StateWord
    creations: list[Creation]
    created_at: str
    credits: int


class TaskList(TypedDict):
    next_page_token: str
    tasks: list[ListedTask]


class Nothing(TypedDict):
    pass


class Trace(TypedDict):
    trace_id: str


class Error(TypedDict):
    code: int
    reason: str
    message: str
    metadata: Trace
