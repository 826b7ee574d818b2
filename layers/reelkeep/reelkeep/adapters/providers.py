"""Providers: which there are, which one serves a request, and how each is spoken to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Self
from urllib.parse import quote, urlencode, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from reelkeep.adapters.http.outbound import AnswerLost, BlockedAddress, NotSent, Outbound
from reelkeep.adapters.secrets import Secret
from reelkeep.domain import wake
from reelkeep.domain.addresses import is_public
from reelkeep.domain.errors import InvalidRequest, Misconfigured, TryLater
from reelkeep.domain.keys import is_owner
from reelkeep.domain.observation import (
    Busy,
    Finding,
    Listed,
    NotYet,
    Observation,
    Placement,
    Refused,
    Uncertain,
    Unknown,
    Untraceable,
)
from reelkeep.domain.task import Asset, Failure, FailureClass, Request, Task
from reelkeep.domain.upstream import Upstream
from reelkeep.domain.wire import Answer, Call, ProviderDialect
from reelkeep.ports import Source

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_PLACE_SECONDS = 20.0  # the API answers within 30 s, whatever the provider does
_LOOK_SECONDS = 15.0
_FIND_SECONDS = 40.0  # for all of its calls: the poll function has 60
_LIST_SECONDS = 30.0
_MOST_PAGES = 1000  # a list that goes round in circles must end

DialectNamed = Callable[[str], ProviderDialect | None]


def _web_address(url: str) -> str:
    parts = urlsplit(url)  # raises ValueError, too
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("an address that begins with https:// is wanted")
    if parts.query or parts.fragment or parts.username or not _is_one_word(url):
        raise ValueError("an address and a path are wanted, and nothing else")
    return url.rstrip("/")


def _key(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    if not _is_one_word(text):
        raise ValueError("a key is wanted, without blanks, line ends and letters beyond ASCII")
    return key


def _authorization(form: str) -> str:
    if form.count("{key}") != 1 or not all(map(_is_one_word, form.split(" "))):
        raise ValueError("what the Authorization header says is wanted, with {key} in it, such as Token {key}")
    return form


def _is_one_word(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _owner_or_nobody(text: str) -> str:
    if text and not is_owner(text):
        raise ValueError("an owner as keys have one is wanted, or nothing")
    return text


class ProviderSettings(BaseModel):
    """One upstream account, as an operator writes it down."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    dialect: str
    base_url: Annotated[str, AfterValidator(_web_address)]  # what stands before the dialect's own path
    api_key: Annotated[SecretStr, AfterValidator(_key)]
    authorization: Annotated[str, AfterValidator(_authorization)] | None = None  # instead of the dialect's own
    models: tuple[str, ...] = ()  # patterns such as vidu*
    default: bool = False  # serves what no pattern claims
    allow_private: bool = False  # it, and the links it hands out, may live on a private or loopback address
    typical_seconds: Annotated[float, Field(gt=0)] | None = None  # how long a task takes there
    adopt_for: Annotated[str, AfterValidator(_owner_or_nobody)] = (
        "adopted"  # who owns what the account made without us; "" leaves that alone
    )

    @model_validator(mode="after")
    def _may_be_reached(self) -> Self:
        host = urlsplit(self.base_url).hostname or ""
        if not self.allow_private and _is_address(host) and not is_public(host):
            raise ValueError("base_url is not a public address: that takes allow_private: true")
        return self


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


class HttpProvider:
    """A provider reached over HTTP in its dialect."""

    def __init__(
        self,
        name: str,
        settings: ProviderSettings,
        dialect: ProviderDialect,
        outbound: Outbound,
        ticks: Callable[[], float] = time.monotonic,
        *,
        calls_back_at: str = "",
    ) -> None:
        self.name = name
        self.typical_seconds = settings.typical_seconds
        self.adopt_for = settings.adopt_for
        self.settings = settings
        self.dialect = dialect
        self._outbound = outbound
        self._ticks = ticks  # in seconds
        self._calls_back_at = calls_back_at  # our own address; empty if it is not to call

    def check(self, task: Task) -> None:
        self.dialect.place(task)

    def place(self, task: Task) -> Placement:
        try:
            answer = self._send(self._calling_back(self.dialect.place(task), task), _PLACE_SECONDS)
        except InvalidRequest as wrong:  # the configuration was changed since it was checked
            return Refused(Failure(reason=FailureClass.INPUT, message=wrong.message))
        except NotSent:
            return NotYet()
        except AnswerLost as lost:
            return Unknown(f"the answer to the submission was lost: {lost}")
        except BlockedAddress as blocked:
            return Refused(Failure(reason=FailureClass.PROVIDER, message=f"provider {self.name}: {blocked}"))
        return self.dialect.read_placed(answer)

    def observe(self, task: Task) -> Observation:
        try:
            answer = self._send(self.dialect.observe(task), _LOOK_SECONDS)
        except (NotSent, AnswerLost, BlockedAddress) as error:
            return Busy(str(error))
        return self.dialect.read_observed(answer)

    def successes(self, since: datetime) -> Iterator[Listed]:
        page, unreadable = "", 0
        for _ in range(_MOST_PAGES):
            call = self.dialect.list_successes(since, page)
            if call is None:
                return
            try:
                answer = self._send(call, _LIST_SECONDS)
            except (NotSent, AnswerLost, BlockedAddress) as error:
                raise TryLater(str(error)) from error
            read = self.dialect.read_successes(answer, since, page)
            if read is None:
                raise TryLater(f"the provider answered {answer.status} when it was asked for its list")
            yield from read.successes
            unreadable += read.unreadable
            if read.next_page in ("", page):
                break
            page = read.next_page
        else:
            raise TryLater(f"the provider's list does not end after {_MOST_PAGES} pages")
        if unreadable:
            raise TryLater(f"the provider lists {unreadable} successes without an id or a time")

    def cancel(self, task: Task) -> bool:
        call = self.dialect.cancel(task)
        if call is None:
            return False
        try:
            return self.dialect.read_cancelled(self._send(call, _LOOK_SECONDS))
        except (NotSent, AnswerLost, BlockedAddress):
            return False

    def source(self, asset: Asset) -> Source:
        if asset.source.startswith("/"):
            url = self.settings.base_url + quote(asset.source, safe="/:@")
            return Source(url, self.settings.allow_private, self._authorization())
        return Source(asset.source, self.settings.allow_private)

    def find(self, task: Task) -> Finding:
        search = self.dialect.find(task)
        if search is None:
            return Untraceable()
        deadline = self._ticks() + _FIND_SECONDS
        try:
            call = next(search)
            while (left := deadline - self._ticks()) > 0:
                call = search.send(self._send(call, min(left, _LOOK_SECONDS)))
        except StopIteration as end:
            finding: Finding = end.value
            return finding
        except (NotSent, AnswerLost, BlockedAddress) as error:
            return Uncertain(str(error))
        return Uncertain("the provider's list is too long to be read in time")

    def gave(self, token: str, task_id: str) -> bool:
        """Whether this is the token that this provider was given with this task."""
        return wake.is_token(token, self.name, task_id, self.settings.api_key.get_secret_value())

    def signed(self, task_id: str, headers: Mapping[str, str], now: datetime) -> bool:
        callbacks = self.dialect.callbacks
        if callbacks is None or callbacks.signature is None:
            return True
        signature = callbacks.signature(self._callback(task_id), headers)
        return signature is not None and wake.is_signed(signature, self.settings.api_key.get_secret_value(), now)

    def _calling_back(self, call: Call, task: Task) -> Call:
        callbacks = self.dialect.callbacks
        if callbacks is None or not self._calls_back_at:
            return call
        return replace(call, body={**(call.body or {}), callbacks.field: self._callback(task.id)})

    def _callback(self, task_id: str) -> str:
        return self._calls_back_at + wake.path_of(self.name, task_id, self.settings.api_key.get_secret_value())

    def _send(self, call: Call, seconds: float) -> Answer:
        url = self.settings.base_url + quote(call.path, safe="/:@")
        if call.query:
            url += "?" + urlencode(call.query)
        headers = self._authorization()
        body = None
        if call.body is not None:
            headers["content-type"] = "application/json"
            body = json.dumps(call.body, ensure_ascii=False).encode()
        return self._outbound.request(
            call.method, url, headers=headers, body=body, seconds=seconds, allow_private=self.settings.allow_private
        )

    def _authorization(self) -> dict[str, str]:
        form = self.settings.authorization or self.dialect.authorization
        return {"authorization": form.replace("{key}", self.settings.api_key.get_secret_value())}


class ConfiguredProviders:
    """The providers of the configuration, in its order."""

    def __init__(
        self,
        secret: Secret,
        dialect_named: DialectNamed,
        outbound: Outbound,
        ticks: Callable[[], float] = time.monotonic,
        *,
        calls_back_at: str = "",
    ) -> None:
        self._secret = secret
        self._dialect_named = dialect_named
        self._outbound = outbound
        self._ticks = ticks
        self._calls_back_at = calls_back_at
        self._text: str | None = None
        self._providers: dict[str, HttpProvider] = {}

    def choose(self, request: Request) -> HttpProvider:
        known = self._known()
        if request.provider:
            if request.provider not in known:
                raise InvalidRequest(f"there is no provider {request.provider!r}", field="provider")
            return known[request.provider]
        # Of two that serve the same model, the one that speaks the client's dialect loses nothing on the way.
        candidates = sorted(known.values(), key=lambda provider: provider.dialect.name != request.dialect)
        for provider in candidates:
            if any(fnmatchcase(request.model, pattern) for pattern in provider.settings.models):
                return provider
        for provider in candidates:
            if provider.settings.default:
                return provider
        raise InvalidRequest(f"no provider is configured for the model {request.model!r}", field="model")

    def get(self, name: str) -> HttpProvider:
        try:
            return self._known()[name]
        except KeyError:
            raise Misconfigured(f"the provider {name!r} is gone from the configuration, but has tasks") from None

    def called(self, token: str, task_id: str) -> HttpProvider | None:
        return next((provider for provider in self._known().values() if provider.gave(token, task_id)), None)

    def all(self) -> list[Upstream]:
        return [
            Upstream(name, provider.dialect.name, provider.settings.models, provider.settings.default)
            for name, provider in self._known().items()
        ]

    def accounts(self) -> list[list[HttpProvider]]:
        accounts: dict[tuple[str, str], list[HttpProvider]] = {}
        for provider in self._known().values():
            settings = provider.settings
            accounts.setdefault((settings.base_url, settings.api_key.get_secret_value()), []).append(provider)
        return list(accounts.values())

    def _known(self) -> dict[str, HttpProvider]:
        text = self._secret.value()
        if text != self._text:
            configured = parse_providers(text, self._dialect_named)
            self._providers = {
                name: HttpProvider(
                    name, settings, dialect, self._outbound, self._ticks, calls_back_at=self._calls_back_at
                )
                for name, (settings, dialect) in configured.items()
            }
            self._text = text
        return self._providers


def parse_providers(text: str, dialect_named: DialectNamed) -> dict[str, tuple[ProviderSettings, ProviderDialect]]:
    """The providers by name. Raises Misconfigured, saying which field of which provider is wrong, and why."""
    try:
        configured = TypeAdapter(dict[str, ProviderSettings]).validate_json(text)
    except ValidationError as error:
        raise _wrong(*map(_said_of, error.errors(include_input=False))) from None  # its input holds keys
    providers, unspoken = {}, []
    for name, settings in configured.items():
        dialect = dialect_named(settings.dialect)
        if dialect is None:
            unspoken.append(f"{name}.dialect: no provider speaks {settings.dialect!r}")
        else:
            providers[name] = settings, dialect
    if unspoken:
        raise _wrong(*unspoken)
    return providers


def _said_of(error: ErrorDetails) -> str:
    where, what = ".".join(map(str, error["loc"])), error["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what


def _wrong(*said: str) -> Misconfigured:
    return Misconfigured(f"the providers' configuration is wrong: {'; '.join(said)}")
