"""The JSON bodies of Reelkeep's own API: what a client may send, one model a kind, and what it gets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, NotRequired

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
)
from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from reelkeep.domain import tags
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.task import FailureClass, Kind, Request, State
from reelkeep.domain.wire import Json

# --- what a client sends ---

_URL = r"^https?://[^\s/?#]\S*$"
_IMAGE = r"^(https?://[^\s/?#]\S*|data:image/[a-zA-Z0-9.+-]+;base64,[a-zA-Z0-9+/]+=*)$"
_RATIO = r"^([1-9][0-9]{0,3}:[1-9][0-9]{0,3}|auto|adaptive)$"
_FORMS = {
    tags.FORM: "must be 1 to 64 letters, digits, '.', '_', ':', '/', '@', '+', '=' or '-'",
    _URL: "must be an http(s) URL",
    _IMAGE: "must be an http(s) URL or a data URI (data:image/…;base64,…)",
    _RATIO: "must be two whole numbers, as in 16:9, or a word that the provider knows (auto, adaptive)",
}

Name = Annotated[StrictStr, Field(min_length=1, max_length=256)]  # may become part of a key in the table
Prompt = Annotated[StrictStr, Field(min_length=1, max_length=5000)]
Url = Annotated[StrictStr, Field(pattern=_URL, max_length=8192, examples=["https://example.com/boat.mp4"])]
Image = Annotated[StrictStr, Field(pattern=_IMAGE, examples=["https://example.com/boat.png"])]
Ratio = Annotated[StrictStr, Field(pattern=_RATIO)]
Seconds = Annotated[StrictInt, Field(ge=1, le=600)]
Tag = Annotated[StrictStr, Field(pattern=tags.FORM)]
Seed = Annotated[StrictInt, Field(ge=0, le=2**32 - 1)]


def _example(kind: Kind, **fields: Json) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [{"kind": kind.value, **fields}]})


class Submission(BaseModel):
    model_config = ConfigDict(
        defer_build=True, extra="forbid", frozen=True, hide_input_in_errors=True, protected_namespaces=()
    )
    of: ClassVar[Kind]

    kind: StrictStr
    model: Name = Field("", description="Decides which provider serves the task, unless `provider` does.")
    provider: Name = Field("", description="The provider to use, by name.")
    payload: StrictStr = Field("", max_length=1_048_576, description="Comes back with the task, unchanged.")
    tags: list[Tag] = Field(
        [], max_length=tags.MOST, description="For subscriptions to filter by.", examples=[["campaign-7"]]
    )
    callback_url: Url = Field(
        "",
        description="Is told of each change of the task's state, signed with the secret of the webhook `callbacks`.",
        examples=["https://example.com/hooks/reelkeep"],
    )


class Generation(Submission):
    """What is made from words and pictures."""

    prompt: Prompt = ""
    duration: Seconds | None = Field(None, description="In seconds.")
    resolution: Name = Field("", examples=["720p"])
    aspect_ratio: Ratio = Field("", examples=["16:9"])
    seed: Seed | None = Field(None, description="The same seed gives a similar video. At random if absent.")
    audio: StrictBool | None = Field(None, description="Whether the video has sound.")
    off_peak: StrictBool = Field(False, description="Cheaper; finished within 48 hours.")


class Text2Video(Generation):
    of = Kind.TEXT2VIDEO
    model_config = _example(of, model="viduq3-pro", prompt="A paper boat on a pond at dawn", duration=5)

    prompt: Prompt


class Img2Video(Generation):
    of = Kind.IMG2VIDEO
    model_config = _example(of, model="viduq2-pro", images=["https://example.com/boat.png"], resolution="720p")

    images: list[Image] = Field(min_length=1, max_length=1, description="The first frame.")


class Reference2Video(Generation):
    of = Kind.REFERENCE2VIDEO
    model_config = _example(of, model="viduq2", prompt="The boat at dusk", images=["https://example.com/boat.png"])

    images: list[Image] = Field(min_length=1, max_length=7, description="What the video shows.")


class StartEnd2Video(Generation):
    of = Kind.START_END2VIDEO
    model_config = _example(
        of, model="viduq2-pro", images=["https://example.com/first.png", "https://example.com/last.png"]
    )

    images: list[Image] = Field(min_length=2, max_length=2, description="The first frame and the last.")


class Template2Video(Generation):
    of = Kind.TEMPLATE2VIDEO
    model_config = _example(of, template="hugging", images=["https://example.com/two.png"])

    template: Name
    images: list[Image] = Field(min_length=1, max_length=7)


class Multiframe(Generation):
    of = Kind.MULTIFRAME
    model_config = _example(
        of, model="viduq2-turbo", images=[f"https://example.com/{number}.png" for number in (1, 2, 3)]
    )

    images: list[Image] = Field(min_length=2, max_length=10, description="The frames that the video goes through.")


_ONE_SOURCE: dict[str, Json] = {"oneOf": [{"required": ["video_url"]}, {"required": ["creation_id"]}]}


class Extend(Generation):
    of = Kind.EXTEND
    model_config = ConfigDict(
        json_schema_extra=_ONE_SOURCE
        | {"examples": [{"kind": of.value, "model": "viduq2-pro", "video_url": "https://example.com/boat.mp4"}]}
    )

    video_url: Url = ""
    creation_id: Name = Field("", description="An earlier creation, instead of `video_url`.")
    images: list[Image] = Field([], max_length=1, description="The last frame.")


class Upscale(Submission):
    of = Kind.UPSCALE
    model_config = ConfigDict(
        json_schema_extra=_ONE_SOURCE
        | {"examples": [{"kind": of.value, "creation_id": "885000000000000777", "resolution": "4K"}]}
    )

    video_url: Url = ""
    creation_id: Name = Field("", description="An earlier creation, instead of `video_url`.")
    resolution: Name = Field("", examples=["4K"])
    duration: Seconds | None = Field(None, description="In seconds, for providers that want to know.")


class LipSync(Submission):
    of = Kind.LIP_SYNC
    model_config = _example(of, video_url="https://example.com/talk.mp4", prompt="Good morning, everyone")

    video_url: Url
    prompt: Prompt = Field(description="What is said.")


KINDS: dict[str, type[Submission]] = {
    body.of.value: body
    for body in (
        Text2Video, Img2Video, Reference2Video, StartEnd2Video, Template2Video, Multiframe, Extend, Upscale,
        LipSync,
    )
}  # fmt: skip


class InvalidFields(InvalidRequest):
    """Everything that is wrong with a body, field by field."""

    def __init__(self, wrong: Iterable[tuple[str, str]], *, missing: bool = False) -> None:
        self.wrong = tuple((field[:200], message) for field, message in wrong)
        field, message = self.wrong[0]
        super().__init__(f"{field} {message}", field=field, missing=missing)


def read(body: Mapping[str, Json]) -> Request:
    """The request that a body stands for. Raises InvalidFields."""
    kinds = f"must be one of {', '.join(KINDS)}"
    if "kind" not in body:
        raise InvalidFields([("kind", f"is required; it {kinds}")], missing=True)
    kind = body["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidFields([("kind", kinds)])
    nulls = [(name, "must not be null: leave it out") for name, value in body.items() if value is None]
    if nulls:
        raise InvalidFields(nulls)
    try:
        submission = KINDS[kind].model_validate(body)
    except ValidationError as error:
        raise refusal(kind, error) from error
    said = submission.model_dump(exclude_unset=True)
    if KINDS[kind] in (Extend, Upscale) and ("video_url" in said) is ("creation_id" in said):
        raise InvalidFields([("video_url", "or creation_id is required, and only one of them")])
    said |= {"images": tuple(said.get("images", ())), "tags": tags.check(said.get("tags", ()), "tags")}
    return Request(dialect="reelkeep", body=body, **said | {"kind": Kind(kind)})


def refusal(what: str, refused: ValidationError) -> InvalidFields:
    """What pydantic found wrong with a body that should be a `what`, in words for who wrote it."""
    found = refused.errors(include_url=False, include_input=False)
    wrong = []
    for error in found:
        field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"])
        match error["type"]:
            case "missing":
                message = "is required"
            case "extra_forbidden":
                message = f"is not a field of {what}"
            case "string_pattern_mismatch":
                message = _FORMS[error["ctx"]["pattern"]]
            case _:
                message = re.sub(r"^\w+ should ", "must ", error["msg"]).replace(" after validation", "")
        wrong.append((field.lstrip("."), message))
    return InvalidFields(wrong[:100], missing=found[0]["type"] == "missing")


# --- what it gets ---

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


def moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


Link = Annotated[str, Field(json_schema_extra={"format": "uri"}, description="Permanent.")]


class File(TypedDict):
    name: Annotated[str, Field(description="video, cover, watermarked, moderation-1, last-frame, …")]
    url: Link
    bytes: int
    sha256: Annotated[str | None, Field(description="Hexadecimal, as sha256sum prints it.")]
    crc32: Annotated[str | None, Field(description="Hexadecimal; instead of sha256 for a file beyond 64 MiB.")]
    content_type: str


class Video(TypedDict):
    duration: Annotated[float | None, Field(description="In seconds.")]
    fps: float | None
    width: Annotated[int | None, Field(description="In pixels.")]
    height: Annotated[int | None, Field(description="In pixels.")]


class Creation(TypedDict):
    """One result. Everything it links to is in the archive, checked, and stays."""

    id: Annotated[str, Field(description="The provider's.")]
    url: Link | None
    cover_url: Link | None
    watermarked_url: Link | None
    last_frame_url: Link | None
    moderation_urls: list[Link]
    video: Video
    files: list[File]


class Failure(TypedDict):
    reason: FailureClass
    code: Annotated[str | None, Field(description="The provider's own word.")]
    message: Annotated[str | None, Field(description="For a person.")]
    retryable: Annotated[bool, Field(description="Whether submitting the same once more could succeed.")]


class Adopted(TypedDict):
    """Why there is a task that nobody submitted here."""

    at: Moment
    provider_task_id: str
    lost_task: Annotated[str | None, Field(description="The task that was given up before its outcome was known.")]


class Task(TypedDict):
    id: str
    state: Annotated[State, Field(description="In this order; the last four are final.")]
    kind: Kind
    provider: str
    model: str | None
    prompt: str | None
    images: Annotated[list[str], Field(description="Of a data URI only its beginning is shown.")]
    video_url: str | None
    creation_id: str | None
    template: str | None
    duration: int | None
    resolution: str | None
    aspect_ratio: str | None
    seed: Annotated[int | None, Field(description="The one that was used, once it is known.")]
    audio: bool | None
    off_peak: bool
    payload: Annotated[str | None, Field(description="A listing leaves out what is very long.")]
    tags: list[str]
    created_at: Moment
    updated_at: Moment
    finished_at: Moment | None
    deadline: Annotated[Moment, Field(description="Without a result by then, the task ends as expired.")]
    credits: Annotated[int | None, Field(description="What the provider charged.")]
    failure: Failure | None
    adopted: Annotated[Adopted | None, Field(description="For what the provider made without us.")]
    creations: Annotated[list[Creation], Field(description="Empty until the task has ended.")]


class TaskPage(TypedDict):
    tasks: list[Task]
    next_cursor: Annotated[str | None, Field(description="Of the page after this one; null on the last.")]


class FieldError(TypedDict):
    field: str
    message: str


# One line each: the last part of its type, its status, its title.
PROBLEMS: dict[str, tuple[int, str]] = {
    "invalid-request": (400, "The request is not valid"),
    "unauthorized": (401, "There is no valid API key"),
    "no-credit": (402, "The provider's account has too few credits"),
    "limit-reached": (403, "There are as many as there may be"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "This method is not served here"),
    "cannot-cancel": (409, "It is too late to cancel"),
    "conflict": (409, "It does not fit what is there already"),
    "body-too-large": (413, "The body is too large"),
    "idempotency-key-reused": (422, "The Idempotency-Key was used for another request"),
    "refused-by-provider": (422, "The provider refused the request"),
    "throttled-by-provider": (429, "The provider takes no more at the moment"),
    "fault": (500, "Something went wrong on our side"),
}


def problem_type(name: str) -> str:
    """Relative to the API's own address, and leads to an explanation."""
    return f"/docs#problem-{name}"


class Problem(TypedDict):
    """What went wrong, as RFC 9457 has it."""

    type: Annotated[
        str,
        Field(
            json_schema_extra={
                "oneOf": [
                    {"const": problem_type(name), "description": f"{status}. {title}."}
                    for name, (status, title) in PROBLEMS.items()
                ]
            }
        ),
    ]
    title: str
    status: int
    detail: Annotated[str, Field(description="For a person.")]
    errors: NotRequired[Annotated[list[FieldError], Field(description="The fields that are wrong.")]]
    failure: NotRequired[Annotated[Failure, Field(description="What the provider said.")]]


def schemas() -> dict[str, Json]:
    """The JSON schemas of all of them, by name."""
    found = described([*KINDS.values()], [Task, TaskPage, Problem])
    for kind, body in KINDS.items():
        found[body.__name__]["properties"]["kind"] = {"type": "string", "const": kind}
    return found


def described(received: Iterable[type[BaseModel]], sent: Iterable[type[Any]]) -> dict[str, Json]:
    """The JSON schemas of bodies, and of what they hold, by name."""
    from pydantic.json_schema import GenerateJsonSchema  # only for the OpenAPI document

    class Plain(GenerateJsonSchema):
        """Without the titles and the defaults that say nothing."""

        def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  pydantic's
            return False

        def sort(self, value: Any, parent_key: str | None = None) -> Any:  # noqa: ARG002  pydantic's
            return value  # examples read best as they were written

        def default_schema(self, schema: Any) -> dict[str, Any]:
            described = super().default_schema(schema)
            if described.get("default") in ("", None, []):
                described.pop("default", None)
            return described

    received = list(received)
    _, found = TypeAdapter.json_schemas(
        [(body.__name__, "validation", TypeAdapter(body)) for body in received]
        + [(body.__name__, "serialization", TypeAdapter(body)) for body in sent],
        ref_template="#/components/schemas/{model}",
        schema_generator=Plain,
    )
    schemas: dict[str, Json] = found["$defs"]
    for body in received:
        fields = schemas[body.__name__]["properties"]
        for name, field in fields.items():  # null is not a way to leave a field out
            inner = [option for option in field.get("anyOf", ()) if option != {"type": "null"}]
            if len(inner) == 1:
                fields[name] = inner[0] | {key: value for key, value in field.items() if key != "anyOf"}
    return schemas
