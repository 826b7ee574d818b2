"""The providers' configuration, as an operator writes it down."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Self
from urllib.parse import urlsplit

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

from reelkeep.adapters.providers.prices import PriceList
from reelkeep.domain.addresses import is_public
from reelkeep.domain.errors import Misconfigured
from reelkeep.domain.keys import is_owner
from reelkeep.domain.room import MOST_SLOTS
from reelkeep.domain.wire import ProviderDialect

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

DialectNamed = Callable[[str], ProviderDialect | None]


def _web_address(url: str) -> str:
    parts = urlsplit(url)  # raises ValueError, too
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("an address that begins with https:// is wanted")
    if parts.query or parts.fragment or "@" in parts.netloc or not _is_one_word(url):
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
    """One upstream account."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    dialect: str
    base_url: Annotated[str, AfterValidator(_web_address)]  # what stands before the dialect's own path
    api_key: Annotated[SecretStr, AfterValidator(_key)]
    authorization: Annotated[str, AfterValidator(_authorization)] | None = None  # instead of the dialect's own
    models: tuple[str, ...] = ()  # patterns such as vidu*
    default_model: Annotated[str, Field(max_length=256)] = ""  # of submissions that name none
    default: bool = False  # serves what no pattern claims
    allow_private: bool = False  # it, and the links it hands out, may live on a private or loopback address
    typical_seconds: Annotated[float, Field(gt=0)] | None = None  # how long a task takes there
    slots: Annotated[int, Field(strict=True, gt=0, le=MOST_SLOTS)] | None = None  # how many tasks it takes at once
    account: Annotated[str, Field(pattern="^[A-Za-z0-9_.-]{0,64}$")] = (
        ""  # providers with the same one share its slots
    )
    prices: PriceList | None = None  # instead of the provider's public ones, as far as those are known here
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


def parse_providers(text: str, dialect_named: DialectNamed) -> dict[str, tuple[ProviderSettings, ProviderDialect]]:
    """The providers by name. Raises Misconfigured, saying which field of which provider is wrong, and why."""
    try:
        configured = _configuration().validate_json(text)
    except ValidationError as error:
        raise _wrong(*map(_said_of, error.errors(include_input=False))) from None  # its input holds keys
    providers, wrong = {}, []
    for name, settings in configured.items():
        dialect = dialect_named(settings.dialect)
        if dialect is None:
            wrong.append(f"{name}.dialect: no provider speaks {settings.dialect!r}")
        else:
            providers[name] = settings, dialect
    declared: dict[str, int | None] = {}
    for name, (settings, _) in providers.items():
        if settings.account and declared.setdefault(settings.account, settings.slots) != settings.slots:
            wrong.append(f"{name}.slots: all providers of the account {settings.account} must declare the same")
    if wrong:
        raise _wrong(*wrong)
    return providers


@cache
def _configuration() -> TypeAdapter[dict[str, ProviderSettings]]:
    return TypeAdapter(dict[str, ProviderSettings])


def _said_of(error: ErrorDetails) -> str:
    where, what = ".".join(map(str, error["loc"])), error["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what


def _wrong(*said: str) -> Misconfigured:
    return Misconfigured(f"the providers' configuration is wrong: {'; '.join(said)}")
