"""A provider that is reached over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode, urljoin

from reelkeep.adapters.http.outbound import AnswerLost, BlockedAddress, NoAnswer, NotSent, Outbound
from reelkeep.adapters.providers.configuration import ProviderSettings
from reelkeep.adapters.providers.prices import price_of, public_prices
from reelkeep.domain import provider_callbacks
from reelkeep.domain.drift import AccountBalance
from reelkeep.domain.errors import InvalidRequest, TryLater
from reelkeep.domain.observation import (
    KEY_REFUSED,
    Absent,
    Busy,
    DispatchOutcome,
    Finding,
    Listed,
    ListedPage,
    Missing,
    NotYet,
    Observation,
    Refused,
    Uncertain,
    Unknown,
    Untraceable,
)
from reelkeep.domain.task import Asset, Failure, FailureClass, Price, Request, Task
from reelkeep.domain.upstream import Health
from reelkeep.domain.wire import NoList, OtherTask, ProviderDialect, ProviderRequest, ProviderResponse
from reelkeep.ports.platform import Clock, Report
from reelkeep.ports.providers import NoteTrouble, Source

_DISPATCH_SECONDS = 20.0  # the API answers within 30 s, whatever the provider does
_POLL_SECONDS = 15.0
_CANCEL_SECONDS = 8.0  # after a poll, within those 30 s
_FILE_SECONDS = 10.0
_FIND_SECONDS = 40.0  # for all of its calls: the poll function has 60
_LIST_SECONDS = 30.0
_HOUR = timedelta(hours=1)  # a provider's clock is corrected by whole ones, so that a time is always the same
_FARTHEST_OFF = timedelta(days=1)  # what says to be farther off may be no clock
_OTHER_ACCOUNT = "the provider's address or key was changed since, so this may be another account"
_MOST_PAGES = 1000  # a list that goes round in circles must end


def _now() -> datetime:
    return datetime.now(UTC)


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
        clock: Clock = _now,
        report: Report = lambda *_: None,
        note_trouble: NoteTrouble = lambda *_: None,
        inputs: Callable[[Task], Task] = lambda task: task,
    ) -> None:
        self.name = name
        self.account = _fingerprint(settings)
        self.typical_seconds = settings.typical_seconds
        self.default_model = settings.default_model
        self.slots = settings.slots
        self.line = settings.account or name
        self.adopt_for = settings.adopt_for
        self.lists = dialect.lists
        self.settings = settings
        self.dialect = dialect
        self._outbound = outbound
        self._ticks = ticks  # in seconds
        self._clock = clock
        self._report = report
        self._note_trouble = note_trouble
        self._inputs = inputs
        self.calls_back = bool(calls_back_at) and dialect.callbacks is not None
        self._calls_back_at = calls_back_at  # our own address; empty if it is not to call

    def check(self, task: Task) -> None:
        self.dialect.dispatch(self._inputs(task))

    def price(self, request: Request, now: datetime) -> Price | None:
        own = self.settings.prices
        return price_of(public_prices(self.settings.base_url) if own is None else own, request, now.date())

    def dispatch(self, task: Task) -> DispatchOutcome:
        try:
            call = self._calling_back(self.dialect.dispatch(self._inputs(task)), task)
        except InvalidRequest as wrong:  # the configuration was changed since it was checked, or a file was erased
            return Refused(Failure(reason=FailureClass.INPUT, message=wrong.message))
        except Exception:  # of the table or the secrets, and whatever else: nothing was sent
            return NotYet(reached=False)
        try:
            answer = self._send(call, _DISPATCH_SECONDS)
        except NotSent:
            return NotYet(reached=False)
        except AnswerLost as lost:
            return Unknown(f"the answer to the submission was lost: {lost}")
        except BlockedAddress as blocked:
            return Refused(Failure(reason=FailureClass.PROVIDER, message=f"provider {self.name}: {blocked}"))
        outcome = self.dialect.read_dispatched(answer)
        if isinstance(outcome, Refused):
            if outcome.failure.reason is FailureClass.CREDIT:
                self._report(self.name, "ProviderOutOfCredit", 1)
                self._note_trouble(self.name, Health.OUT_OF_CREDIT, outcome.failure.message)
            self._report_refused_key(outcome.failure.message)
        return outcome

    def observe(self, task: Task) -> Observation:
        try:
            answer = self._send(self.dialect.observe(task), _POLL_SECONDS)
        except NoAnswer as error:
            return Busy(str(error))
        observation = self.dialect.read_observed(answer)
        if isinstance(observation, Busy):
            self._report_refused_key(observation.reason)
        if isinstance(observation, Missing) and not task.dispatch.is_of(self.account):
            return Busy(f"{_OTHER_ACCOUNT}, where this task is not known")
        return observation

    def observe_all(self, tasks: Sequence[Task]) -> Mapping[str, Observation]:
        roll = self.dialect.observe_all(tasks)
        try:
            call = next(roll)
            while True:
                call = roll.send(self._send(call, _POLL_SECONDS))
        except StopIteration as end:
            observed: Mapping[str, Observation] = end.value
            return observed
        except (NoAnswer, NoList) as error:
            raise TryLater(str(error)) from error

    def _report_refused_key(self, message: str) -> None:
        if message.startswith(KEY_REFUSED):
            self._report(self.name, "ProviderKeyRefused", 1)
            self._note_trouble(self.name, Health.KEY_REFUSED, message)

    def successes(self, since: datetime, now: datetime) -> Iterator[Listed]:
        call = next(self.dialect.successes(since), None)
        if not isinstance(call, ProviderRequest):
            return
        first = self._ask_for_list(call)
        off = first.date - now if first.date else timedelta()
        ahead, unreadable, fault = _HOUR * round(off / _HOUR), 0, None
        if abs(off) > _FARTHEST_OFF:  # a clock that is wrong by days, or a Date that never changes: both are possible
            try:
                unreadable += yield from self._list(since + ahead, ahead, lambda at: since <= at <= now + _HOUR)
            except TryLater as error:
                fault = error
            except OverflowError:  # it is no clock
                pass
            ahead = timedelta()
        unreadable += yield from self._list(since + ahead, ahead, first=None if ahead else first)
        if unreadable and fault is None:
            fault = TryLater(f"the provider lists {unreadable} tasks that cannot be read")
        if fault is not None:
            raise fault

    def _list(
        self,
        since: datetime,
        ahead: timedelta,
        is_sane: Callable[[datetime], bool] | None = None,
        first: ProviderResponse | None = None,
    ) -> Generator[Listed, None, int]:
        """By a clock that is so far ahead of ours, those with a sane time only; the number of those that cannot be
        read. `first` is the first page, if it is known."""
        listing, unreadable, calls = self.dialect.successes(since), 0, 0
        try:
            step = next(listing)
            while True:
                if isinstance(step, ListedPage):
                    for listed in step.successes:
                        created_at = listed.created_at - ahead if ahead and listed.created_at else listed.created_at
                        if is_sane is None or (created_at is not None and is_sane(created_at)):
                            yield replace(listed, created_at=created_at)
                    unreadable += step.unreadable
                    step = next(listing)
                elif calls == _MOST_PAGES:
                    raise TryLater(f"the provider's list does not end after {_MOST_PAGES} pages")
                else:
                    answer, first = first or self._ask_for_list(step), None
                    calls, step = calls + 1, listing.send(answer)
        except StopIteration:
            return unreadable
        except NoList as error:
            raise TryLater(str(error)) from error

    def _ask_for_list(self, call: ProviderRequest) -> ProviderResponse:
        try:
            return self._send(call, _LIST_SECONDS)
        except NoAnswer as error:
            raise TryLater(str(error)) from error

    def ask_slots(self) -> int | None:
        answer = self._ask_account()
        return self.dialect.read_slots(answer) if answer else None

    def ask_balance(self) -> AccountBalance | None:
        answer = self._ask_account()
        return self.dialect.read_balance(answer) if answer else None

    def _ask_account(self) -> ProviderResponse | None:
        call = self.dialect.ask_account(self._clock())
        try:
            return self._send(call, _CANCEL_SECONDS) if call else None
        except NoAnswer:
            return None

    def cancel(self, task: Task) -> bool:
        call = self.dialect.cancel(task)
        if call is None:
            return False
        try:
            return self.dialect.read_cancelled(self._send(call, _CANCEL_SECONDS))
        except NoAnswer:
            return False

    def source(self, asset: Asset) -> Source:
        """A reference is resolved against the base URL; the key goes along if it names no host."""
        if asset.source.startswith(("https://", "http://")):
            return Source(asset.source, self.settings.allow_private)
        url = urljoin(f"{self.settings.base_url}/", asset.source)
        key = {} if asset.source.startswith("//") else self._authorization()
        return Source(url, self.settings.allow_private, key)

    def has_file(self, asset: Asset) -> bool:
        source = self.source(asset)
        try:
            with self._outbound.stream(
                source.url, headers=source.headers, seconds=_FILE_SECONDS, allow_private=source.allow_private
            ) as stream:
                return stream.status == 200 and not _is_text(stream.headers.get("content-type", ""))
        except NoAnswer:
            return False

    def find(self, task: Task, other: OtherTask) -> Finding:
        search = self.dialect.find(task, other)
        if search is None:
            return Untraceable()
        deadline = self._ticks() + _FIND_SECONDS
        try:
            call = next(search)
            while (left := deadline - self._ticks()) > 0:
                call = search.send(self._send(call, min(left, _POLL_SECONDS)))
        except StopIteration as end:
            finding: Finding = end.value
            if isinstance(finding, Absent) and not task.dispatch.is_of(self.account):
                return Uncertain(f"{_OTHER_ACCOUNT}, whose list proves nothing")
            return finding
        except (NoAnswer, NoList) as error:
            return Uncertain(str(error))
        return Uncertain("the provider's list is too long to be read in time")

    def gave(self, token: str, task_id: str) -> bool:
        """Whether this is the token that this provider was given with this task."""
        return provider_callbacks.is_token(token, self.name, task_id, self.settings.api_key.get_secret_value())

    def signed(self, task_id: str, headers: Mapping[str, str], now: datetime) -> str | None:
        callbacks = self.dialect.callbacks
        if callbacks is None or callbacks.signature is None:
            return ""
        signature = callbacks.signature(self._callback(task_id), headers)
        if signature is None or not provider_callbacks.is_signed(
            signature, self.settings.api_key.get_secret_value(), now
        ):
            return None
        return provider_callbacks.name_of(signature)

    def _calling_back(self, call: ProviderRequest, task: Task) -> ProviderRequest:
        callbacks = self.dialect.callbacks
        if callbacks is None or not self._calls_back_at:
            return call
        return replace(call, body={**(call.body or {}), callbacks.field: self._callback(task.id)})

    def _callback(self, task_id: str) -> str:
        return self._calls_back_at + provider_callbacks.path_of(
            self.name, task_id, self.settings.api_key.get_secret_value()
        )

    def _send(self, call: ProviderRequest, seconds: float) -> ProviderResponse:
        url = self.settings.base_url + call.path
        if call.query:
            url += "?" + urlencode(call.query)
        headers = self._authorization()
        body = None
        if call.body is not None:
            headers["content-type"] = "application/json"
            body = json.dumps(call.body, ensure_ascii=False).encode()
        unreachable = True
        try:
            answer = self._outbound.request(
                call.method,
                url,
                headers=headers,
                body=body,
                seconds=seconds,
                allow_private=self.settings.allow_private,
            )
            unreachable = answer.status >= 500
            if unreachable:
                self._note_trouble(self.name, Health.UNREACHABLE, f"it answers {answer.status}")
        except NoAnswer as error:
            self._note_trouble(self.name, Health.UNREACHABLE, str(error))
            raise
        finally:
            self._report(self.name, "ProviderUnreachable", float(unreachable))
        return answer

    def _authorization(self) -> dict[str, str]:
        form = self.settings.authorization or self.dialect.authorization
        credential = self.dialect.credential(self.settings.api_key.get_secret_value(), self._clock())
        return {"authorization": form.replace("{key}", credential)}


def _fingerprint(settings: ProviderSettings) -> str:
    """The same for the same address and key. Neither can be read back: a key has 64 random bits or more."""
    account = f"{settings.base_url}\n{settings.api_key.get_secret_value()}"
    return sha256(account.encode()).hexdigest()[:16]


def _is_text(content_type: str) -> bool:
    """An error page, or an error."""
    return content_type.startswith("text/") or "json" in content_type or "xml" in content_type
