from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from reelkeep.adapters.http.outbound import AnswerLost, BlockedAddress, NotSent, Outbound
from reelkeep.adapters.providers.configuration import ProviderSettings, parse_providers
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.adapters.providers.provider import HttpProvider
from reelkeep.dialects import upstream
from reelkeep.domain.errors import InvalidRequest, Misconfigured, Missing, TryLater
from reelkeep.domain.observation import (
    Absent,
    Accepted,
    Busy,
    Found,
    NotYet,
    Refused,
    Uncertain,
    Unknown,
    Untraceable,
)
from reelkeep.domain.observation import Missing as NotThere
from reelkeep.domain.task import Asset, Dispatch, DispatchStatus, Kind, Request, Task
from reelkeep.domain.wire import ProviderDialect, ProviderResponse
from reelkeep.ports import Source

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = {"authorization": "Token vda_secret"}
VIDU = {"dialect": "vidu_ent_v2", "base_url": "https://api.vidu.test/", "api_key": "vda_secret"}


@dataclass
class FakeOutbound(Outbound):
    answer: ProviderResponse | BaseException | Sequence[ProviderResponse | BaseException] = field(
        default_factory=lambda: ProviderResponse(status=200, body=b'{"task_id": "7"}')
    )
    calls: list[dict[str, Any]] = field(default_factory=list)

    def request(self, method: str, url: str, **rest: Any) -> ProviderResponse:
        self.calls.append({"method": method, "url": url, **rest})
        answer = self.answer
        if isinstance(answer, Sequence):
            answer, *self.answer = answer
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @contextmanager
    def stream(self, url: str, **rest: Any) -> Iterator[Any]:
        yield self.request("GET", url, **rest)


@dataclass
class FakeSecret:
    text: str

    def value(self) -> str:
        return self.text


def providers(outbound: FakeOutbound | None = None, **configured: Mapping[str, Any]) -> ConfiguredProviders:
    secret = FakeSecret(json.dumps(configured))
    return ConfiguredProviders(secret, upstream, outbound or FakeOutbound())


@pytest.mark.parametrize(
    ("answer", "dispatched", "observed"),
    [
        (ProviderResponse(status=200, body=b'{"task_id": "7", "state": "queueing"}'), {}, {}),
        (ProviderResponse(status=429, body=b"{}"), {}, {}),
        (ProviderResponse(status=401, body=b"{}"), {"ProviderKeyRefused": 1}, {"ProviderKeyRefused": 1}),
        (ProviderResponse(status=402, body=b"{}"), {"ProviderOutOfCredit": 1}, {}),
        (ProviderResponse(status=503, body=b""), {"ProviderUnreachable": 1}, {"ProviderUnreachable": 1}),
        (NotSent("no route"), {"ProviderUnreachable": 1}, {"ProviderUnreachable": 1}),
        (AnswerLost("cut"), {"ProviderUnreachable": 1}, {"ProviderUnreachable": 1}),
    ],
)
def test_operators_learn_which_provider_refuses_the_key_has_no_credit_or_is_out_of_reach(
    answer: ProviderResponse | Exception, dispatched: dict[str, int], observed: dict[str, int]
) -> None:
    reported: dict[str, float] = {}

    def report(provider: str, name: str, value: float) -> None:
        assert provider == "vidu"
        reported[name] = value

    secret = FakeSecret(json.dumps({"vidu": VIDU}))
    vidu = ConfiguredProviders(secret, upstream, FakeOutbound(answer), report=report).get("vidu")
    for call, expected in ((vidu.dispatch, dispatched), (vidu.observe, observed)):
        reported.clear()
        call(TASK)
        assert reported == {"ProviderUnreachable": 0, **expected}


def request(model: str = "viduq2", provider: str = "", dialect: str = "reelkeep") -> Request:
    return Request(dialect=dialect, kind=Kind.TEXT2VIDEO, model=model, prompt="a boat", provider=provider)


TASK = Task(
    id="0" * 32,
    owner="alice",
    key_id="k",
    provider="vidu",
    request=request(),
    created_at=NOON,
    updated_at=NOON,
    deadline=NOON + timedelta(hours=2),
)


def test_the_provider_named_by_the_client_serves() -> None:
    known = providers(one={**VIDU, "models": ["*"]}, two=VIDU)
    assert known.choose(request(provider="two")).name == "two"


def test_a_provider_that_does_not_exist_is_the_clients_mistake() -> None:
    with pytest.raises(InvalidRequest, match="no provider 'three'") as caught:
        providers(one=VIDU).choose(request(provider="three"))
    assert caught.value.field == "provider"


def test_the_first_pattern_that_fits_the_model_serves() -> None:
    known = providers(rest={**VIDU, "default": True}, q2={**VIDU, "models": ["viduq2*"]})
    assert known.choose(request("viduq2-pro")).name == "q2"
    assert known.choose(request("viduq3")).name == "rest"


def test_what_names_no_model_goes_to_the_first_provider_that_has_one_for_it() -> None:
    known = providers(rest={**VIDU, "default": True}, usual={**VIDU, "default_model": "viduq3-pro"})
    assert known.choose(request("")).name == "usual"
    assert known.choose(request("")).default_model == "viduq3-pro"
    assert known.choose(request("viduq2")).name == "rest"
    assert known.choose(replace(request(""), kind=Kind.UPSCALE)).name == "rest"  # there is one model for that
    assert providers(rest={**VIDU, "default": True}).choose(request("")).name == "rest"


def test_what_names_no_model_is_refused_where_no_provider_has_one() -> None:
    with pytest.raises(Missing, match=r"^model is required: no provider has a default_model$") as caught:
        providers(one={**VIDU, "models": ["vidu*"]}).choose(request(""))
    assert caught.value.field == "model"


def test_a_model_that_nobody_serves_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="model 'sora'") as caught:
        providers(q2={**VIDU, "models": ["viduq2*"]}).choose(request("sora"))
    assert caught.value.field == "model"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"api_key": "k", "base_url": "https://x.test"}, "one.dialect"),
        ({**VIDU, "base_url": "ftp://x.test"}, "one.base_url"),
        ({**VIDU, "base_url": "https://"}, "one.base_url"),
        ({**VIDU, "base_url": "https://[x.test"}, "one.base_url"),
        ({**VIDU, "base_url": "https://x.test?v=1"}, "one.base_url"),
        ({**VIDU, "base_url": "https://me:vda_secret@x.test"}, "one.base_url"),
        ({**VIDU, "base_url": "https://:vda_secret@x.test"}, "one.base_url"),
        ({**VIDU, "base_url": "https://x.test/a b"}, "one.base_url"),
        ({**VIDU, "base_url": "http://127.0.0.1:4567"}, "one: base_url is not a public address"),
        ({**VIDU, "api_key": ""}, "one.api_key"),
        ({**VIDU, "api_key": "vda_secret\n"}, "one.api_key"),
        ({**VIDU, "api_key": "Token vda_secret"}, "one.api_key"),
        ({**VIDU, "authorization": "Token"}, "one.authorization"),
        ({**VIDU, "authorization": "{key} {key}"}, "one.authorization"),
        ({**VIDU, "authorization": "Token {key}\r\nx: y"}, "one.authorization"),
        ({**VIDU, "authorization": " {key}"}, "one.authorization"),
        ({**VIDU, "modles": ["a"]}, "one.modles"),
        ({**VIDU, "dialect": "klingon"}, "one.dialect: no provider speaks 'klingon'"),
        ({**VIDU, "typical_seconds": 0}, "one.typical_seconds"),
        ({**VIDU, "account": "two words"}, "one.account: String should match"),
        ({**VIDU, "slots": 0}, "one.slots: Input should be greater than 0"),
        ({**VIDU, "slots": -1}, "one.slots: Input should be greater than 0"),
        ({**VIDU, "slots": 2.5}, "one.slots: Input should be a valid integer"),
        ({**VIDU, "slots": "five"}, "one.slots: Input should be a valid integer"),
        ({**VIDU, "slots": True}, "one.slots: Input should be a valid integer"),
        ({**VIDU, "adopt_for": "a#b"}, "one.adopt_for"),
        ("x", "one"),
    ],
)
def test_a_wrong_configuration_says_which_field_of_which_provider(wrong: object, said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        parse_providers(json.dumps({"one": wrong}), upstream)
    assert said in str(caught.value)
    assert "vda_secret" not in str(caught.value)


def test_providers_of_one_account_must_declare_the_same_slots() -> None:
    one, other = ({**VIDU, "account": "main", "slots": slots} for slots in (1, 2))
    assert parse_providers(json.dumps({"one": one, "two": one, "three": VIDU}), upstream)
    with pytest.raises(Misconfigured, match=r"two\.slots: .* the account main must declare the same"):
        parse_providers(json.dumps({"one": one, "two": other}), upstream)


def test_a_configuration_that_is_not_json_is_said_to_be_so() -> None:
    with pytest.raises(Misconfigured, match="Invalid JSON"):
        parse_providers("{", upstream)


def test_a_new_configuration_takes_effect_without_a_restart() -> None:
    secret = FakeSecret(json.dumps({"one": {**VIDU, "default": True}}))
    known = ConfiguredProviders(secret, upstream, FakeOutbound())
    assert known.choose(request()).name == "one"
    secret.text = json.dumps({"two": {**VIDU, "default": True}})
    assert known.choose(request()).name == "two"


def test_a_provider_taken_out_while_it_has_tasks_is_named() -> None:
    with pytest.raises(Misconfigured, match="'gone'"):
        providers(one=VIDU).get("gone")


def test_a_call_carries_the_providers_key_in_the_dialects_words_below_the_base_url() -> None:
    outbound = FakeOutbound()
    assert providers(outbound, vidu=VIDU).get("vidu").dispatch(TASK) == Accepted("7")
    [call] = outbound.calls
    assert call["url"] == "https://api.vidu.test/ent/v2/text2video"
    assert call["headers"]["authorization"] == "Token vda_secret"
    assert call["seconds"] < 29
    assert json.loads(call["body"])["prompt"] == "a boat"


def test_a_poll_and_a_cancellation_after_it_fit_the_time_of_a_function_of_the_api() -> None:
    outbound = FakeOutbound()
    provider = providers(outbound, vidu=VIDU).get("vidu")
    provider.observe(TASK)
    provider.cancel(replace(TASK, provider_task_id="7"))
    assert [call["method"] for call in outbound.calls] == ["GET", "POST"]
    assert sum(call["seconds"] for call in outbound.calls) <= 24  # of 29, which the table needs some of


@pytest.mark.parametrize(
    ("form", "said"),
    [("Bearer {key}", "Bearer vda_secret"), ("{key}", "vda_secret"), ("{0} {key}", "{0} vda_secret")],
)
def test_a_provider_may_want_its_key_in_other_words_than_its_dialect(form: str, said: str) -> None:
    outbound = FakeOutbound()
    found = providers(outbound, vidu={**VIDU, "authorization": form}).get("vidu")
    found.observe(TASK)
    assert outbound.calls[0]["headers"]["authorization"] == said
    source = found.source(Asset(name="video", source="/v1/videos/a/content"))
    assert source.headers == {"authorization": said}


class Signing:
    """A format whose provider wants a token of the moment in the place of the key."""

    def __init__(self, dialect: ProviderDialect) -> None:
        self._dialect = dialect

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dialect, name)

    def credential(self, key: str, now: datetime) -> str:
        return f"{key}@{now:%H:%M}"


@pytest.mark.parametrize(("form", "said"), [(None, "Token vda_secret@12:00"), ("{key}", "vda_secret@12:00")])
def test_a_format_may_make_a_credential_of_the_key_and_the_time(form: str | None, said: str) -> None:
    outbound, spoken = FakeOutbound(), upstream("vidu_ent_v2")
    assert spoken is not None
    settings = ProviderSettings.model_validate({**VIDU, "authorization": form})
    signing: Any = Signing(spoken)
    found = HttpProvider("vidu", settings, signing, outbound, clock=lambda: NOON)
    found.observe(TASK)
    assert outbound.calls[0]["headers"]["authorization"] == said
    assert found.source(Asset(name="video", source="./film.mp4")).headers == {"authorization": said}


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(Misconfigured) as caught:
        parse_providers(json.dumps({"one": {**VIDU, "api_key": ""}, "two": {"dialect": "volc_ark"}}), upstream)
    assert str(caught.value) == (
        "the providers' configuration is wrong: one.api_key: a key is wanted, without blanks, line ends and letters"
        " beyond ASCII; two.base_url: Field required; two.api_key: Field required"
    )


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [(NotSent("refused"), NotYet), (AnswerLost("cut"), Unknown), (BlockedAddress("inside"), Refused)],
)
def test_what_went_wrong_on_the_way_decides_whether_the_call_may_be_repeated(fault: Exception, outcome: type) -> None:
    assert isinstance(providers(FakeOutbound(fault), vidu=VIDU).get("vidu").dispatch(TASK), outcome)


def test_the_provider_is_sent_inputs_as_links_and_nothing_if_they_cannot_be_read_now_or_are_gone() -> None:
    outbound, task = FakeOutbound(), replace(TASK, request=replace(TASK.request, images=("reelkeep:1",)))

    def provider(inputs: Callable[[Task], Task]) -> HttpProvider:
        known = providers(vidu=VIDU).get("vidu")
        return HttpProvider("vidu", known.settings, known.dialect, outbound, inputs=inputs)

    def failing(error: Exception) -> Callable[[Task], Task]:
        def fail(_: Task) -> Task:
            raise error

        return fail

    gone = InvalidRequest("images names no archived file", field="images")
    assert isinstance(provider(failing(gone)).dispatch(task), Refused)
    for fault in (TryLater("the table is busy"), GetParameterError("no secret")):
        assert provider(failing(fault)).dispatch(task) == NotYet(reached=False)
    with pytest.raises(InvalidRequest):
        provider(failing(gone)).check(task)
    assert outbound.calls == []
    linked = replace(task, request=replace(task.request, images=("https://keep.test/1",), kind=Kind.IMG2VIDEO))
    assert isinstance(provider(lambda _: linked).dispatch(task), Accepted)
    assert b"https://keep.test/1" in outbound.calls[0]["body"]


@pytest.mark.parametrize("fault", [NotSent("refused"), AnswerLost("cut"), BlockedAddress("inside")])
def test_a_poll_that_fails_on_the_way_teaches_nothing(fault: Exception) -> None:
    provider = providers(FakeOutbound(fault), vidu=VIDU).get("vidu")
    assert isinstance(provider.observe(TASK), Busy)
    assert not provider.cancel(TASK)
    assert isinstance(provider.find(TASK, nobody), Uncertain)


def nobody(_: str) -> None:
    """There is no other task of ours."""


@pytest.mark.parametrize(
    ("answer", "there"),
    [
        (ProviderResponse(status=200, headers={"content-type": "video/mp4"}), True),
        (ProviderResponse(status=200), True),
        (ProviderResponse(status=200, headers={"content-type": "text/html; charset=utf-8"}), False),
        (ProviderResponse(status=200, headers={"content-type": "application/xml"}), False),
        (ProviderResponse(status=403), False),
        (AnswerLost("cut"), False),
        (BlockedAddress("inside"), False),
    ],
)
def test_a_link_leads_to_a_file_if_it_is_answered_with_something_other_than_text(
    answer: ProviderResponse | Exception, there: bool
) -> None:
    outbound = FakeOutbound(answer)
    provider = providers(outbound, vidu=VIDU).get("vidu")
    assert provider.has_file(Asset(name="video", source="https://files.test/1")) is there
    assert "authorization" not in outbound.calls[0]["headers"]


def test_a_search_goes_on_to_the_last_page_with_the_providers_key() -> None:
    pages = [
        ProviderResponse(status=200, body=b'{"tasks": [{"id": "7", "payload": ""}], "next_page_token": "t1"}'),
        ProviderResponse(status=200, body=json.dumps({"tasks": [{"id": "8", "payload": TASK.id}]}).encode()),
    ]
    outbound = FakeOutbound(pages)
    assert providers(outbound, vidu=VIDU).get("vidu").find(TASK, nobody) == Found("8")
    assert [call["headers"] for call in outbound.calls] == [KEY, KEY]
    assert all(call["seconds"] <= 15 for call in outbound.calls)
    assert "pager.page_token=t1" in outbound.calls[1]["url"]


def test_a_search_says_what_is_certainly_not_there() -> None:
    def of_ours(name: str, minutes: int) -> Task:
        started_at = TASK.dispatched_at + timedelta(minutes=minutes)
        return replace(TASK, id=name, dispatch=Dispatch(status=DispatchStatus.ACCEPTED, started_at=started_at))

    known = {"9": of_ours("later", 30), "5": of_ours("earlier", -30)}
    listed = ProviderResponse(
        status=200, body=b'{"tasks": [{"id": "9", "payload": "later"}, {"id": "5", "payload": "earlier"}]}'
    )
    empty = ProviderResponse(status=200, body=b'{"tasks": []}')
    provider = providers(FakeOutbound([listed, empty] * 20), vidu=VIDU).get("vidu")
    assert provider.find(TASK, known.get) == Absent()
    ours = TASK.with_dispatch(account=provider.account)
    assert provider.find(ours, known.get) == Absent()
    # An operator changed the key meanwhile.
    assert isinstance(provider.find(TASK.with_dispatch(account="another"), known.get), Uncertain)
    known["5"] = known["5"].with_dispatch(account="another")  # and another account's task has this id there
    assert isinstance(provider.find(ours, known.get), Uncertain)


def test_an_account_is_known_by_its_address_and_its_key_and_shows_neither() -> None:
    one, again, key, address = (
        providers(FakeOutbound(), vidu={**VIDU, **changes}).get("vidu").account
        for changes in ({}, {"default": True}, {"api_key": "vda_new"}, {"base_url": "https://other.test"})
    )
    assert one == again
    assert len({one, key, address}) == 3
    assert "vda" not in one


def test_a_task_that_another_account_does_not_know_is_not_missing() -> None:
    answer = ProviderResponse(status=404, body=b'{"reason": "TaskNotFound", "message": "task not found"}')
    provider = providers(FakeOutbound(answer), vidu=VIDU).get("vidu")
    asked = replace(TASK, provider_task_id="7")
    assert isinstance(provider.observe(asked.with_dispatch(account=provider.account)), NotThere)
    assert isinstance(provider.observe(asked.with_dispatch(account="another")), Busy)


def test_a_format_without_a_list_can_never_tell() -> None:
    outbound = FakeOutbound()
    assert providers(outbound, one={**VIDU, "dialect": "vidu_v1"}).get("one").find(TASK, nobody) == Untraceable()
    assert outbound.calls == []


def test_a_list_that_goes_round_in_circles_ends_with_the_time_for_it() -> None:
    ticks = count(0, 5)
    outbound = FakeOutbound(
        ProviderResponse(status=200, body=b'{"tasks": [{"id": "7", "payload": ""}], "next_page_token": "t"}')
    )
    known = ConfiguredProviders(
        FakeSecret(json.dumps({"vidu": VIDU})), upstream, outbound, lambda: float(next(ticks))
    )
    assert known.get("vidu").find(TASK, nobody) == Uncertain("the provider's list is too long to be read in time")
    assert 2 < len(outbound.calls) < 10


def test_what_cannot_be_said_any_more_is_refused_and_nothing_is_sent() -> None:
    outbound = FakeOutbound()
    unsaid = replace(TASK, request=replace(TASK.request, dialect="reelkeep", last_frame=True))
    assert isinstance(providers(outbound, vidu=VIDU).get("vidu").dispatch(unsaid), Refused)
    assert outbound.calls == []


ITEM = {"id": "1", "state": "success", "created_at": "2026-11-21T10:00:00Z", "creations": []}


def vidus_list(*ids: str, token: str = "") -> ProviderResponse:
    body = {"tasks": [{**ITEM, "id": id} for id in ids], "next_page_token": token}
    return ProviderResponse(status=200, body=json.dumps(body).encode())


def listing(*answers: ProviderResponse | BaseException) -> tuple[list[str], FakeOutbound]:
    outbound = FakeOutbound(list(answers))
    found = []
    try:
        for listed in providers(outbound, vidu=VIDU).get("vidu").successes(NOON, NOON):
            found.append(listed.provider_task_id)  # noqa: PERF401  it may end in the middle
    except TryLater as error:
        found.append(str(error))
    return found, outbound


def test_a_list_is_read_page_by_page_to_its_end() -> None:
    found, outbound = listing(vidus_list("1", "2", token="t"), vidus_list("3"), vidus_list())
    assert found == ["1", "2", "3"]
    assert ["page_token=t" in call["url"] for call in outbound.calls] == [False, True, False]


def test_a_list_that_breaks_off_says_so_after_what_could_be_read() -> None:
    assert listing(vidus_list("1", token="t"), AnswerLost("cut"))[0] == ["1", "cut"]
    found, _ = listing(vidus_list("1", token="t"), ProviderResponse(status=503))
    assert found == ["1", "the provider answered 503 when it was asked for its list"]


def test_a_list_that_goes_round_in_circles_ends() -> None:
    assert listing(vidus_list("1", token="t"), vidus_list("2", token="t"))[0] == ["1", "2"]
    found, outbound = listing(*(vidus_list("1", token=f"t{n}") for n in range(1001)))
    assert "does not end" in found[-1]
    assert len(outbound.calls) == 1000


@pytest.mark.parametrize(
    ("date", "since"),
    [
        ("Sat, 21 Nov 2026 12:04:00 GMT", ["2026-11-19T12%3A00%3A00Z"]),
        ("Sat, 21 Nov 2026 20:00:00 GMT", ["2026-11-19T12%3A00%3A00Z", "2026-11-19T20%3A00%3A00Z"]),
        ("Fri, 20 Nov 2026 12:00:00 GMT", ["2026-11-19T12%3A00%3A00Z", "2026-11-18T12%3A00%3A00Z"]),
        ("Mon, 23 Nov 2026 12:00:00 GMT", ["2026-11-19T12%3A00%3A00Z", "2026-11-21T12%3A00%3A00Z"]),
        ("Fri, 31 Dec 9999 22:00:00 GMT", ["2026-11-19T12%3A00%3A00Z", "9999-12-29T22%3A00%3A00Z"]),
        ("Thu, 01 Jan 1970 00:00:00 GMT", ["2026-11-19T12%3A00%3A00Z", "1969-12-30T00%3A00%3A00Z"]),
        ("Mon, 01 Jan 0001 00:00:00 +0200", ["2026-11-19T12%3A00%3A00Z"]),
        ("just now", ["2026-11-19T12%3A00%3A00Z"]),
    ],
)
def test_a_list_is_asked_for_by_the_providers_own_clock(date: str, since: list[str]) -> None:
    page = replace(vidus_list("1"), headers={"date": date})
    found, outbound = listing(page, page, *[replace(vidus_list(), headers={"date": date})] * 2)
    assert set(found) == {"1"}
    asked = [call["url"] for call in outbound.calls]
    assert [url.partition("created_at.from=")[2].partition("&")[0] for url in asked[: len(since)]] == since


@pytest.mark.parametrize("days", [3, -400])
def test_a_clock_that_is_days_off_all_the_time_hides_nothing(days: int) -> None:
    def page(*made_at: datetime) -> ProviderResponse:
        rows = [{**ITEM, "id": str(n), "created_at": at.isoformat()} for n, at in enumerate(made_at)]
        date = format_datetime(NOON + timedelta(days=days), usegmt=True)
        return ProviderResponse(status=200, headers={"date": date}, body=json.dumps({"tasks": rows}).encode())

    by_its_clock = page(NOON + timedelta(days=days, minutes=-30), NOON + timedelta(days=days, hours=-999))
    answers: list[ProviderResponse | BaseException] = [page(), by_its_clock, page(), AnswerLost("cut")]
    found = list(providers(FakeOutbound(answers), vidu=VIDU).get("vidu").successes(NOON - timedelta(days=2), NOON))
    assert [(each.provider_task_id, each.created_at) for each in found] == [("0", NOON - timedelta(minutes=30))]


def test_a_date_that_is_no_clock_hides_nothing() -> None:
    page = replace(vidus_list("1"), headers={"date": "Thu, 01 Jan 1970 00:00:00 GMT"})
    assert listing(page, AnswerLost("cut"), replace(page, body=b'{"tasks": []}'))[0] == ["1", "cut"]


def test_successes_without_an_id_are_said_at_the_end() -> None:
    found, _ = listing(vidus_list("", "2", token="t"), vidus_list("3"), vidus_list())
    assert found == ["2", "3", "the provider lists 1 tasks that cannot be read"]


def test_those_that_use_one_account_are_known_together() -> None:
    known = providers(one=VIDU, two={**VIDU, "models": ["a"]}, three={**VIDU, "api_key": "other"})
    assert [[provider.name for provider in account] for account in known.accounts()] == [["one", "two"], ["three"]]
    assert known.get("one").adopt_for == "adopted"


@pytest.mark.parametrize(
    ("source", "url", "headers"),
    [
        ("/v1/videos/a:1/content", "https://api.vidu.test/v1/videos/a:1/content", KEY),
        ("./v1/videos/a%2F1/content", "https://api.vidu.test/v1/videos/a%2F1/content", KEY),
        ("film.mp4?part=1", "https://api.vidu.test/film.mp4?part=1", KEY),
        ("//evil.test/v.mp4", "https://evil.test/v.mp4", {}),
        ("https://api.vidu.test/v.mp4", "https://api.vidu.test/v.mp4", {}),
        ("https://cdn.test/v.mp4?X-Amz-Signature=c0ffee", "https://cdn.test/v.mp4?X-Amz-Signature=c0ffee", {}),
    ],
)
def test_the_key_goes_with_a_path_at_the_provider_and_never_with_a_link(
    source: str, url: str, headers: dict[str, str]
) -> None:
    found = providers(vidu=VIDU).get("vidu").source(Asset(name="video", source=source))
    assert found == Source(url, allow_private=False, headers=headers)


@pytest.mark.parametrize(
    ("source", "url"),
    [("./v1/videos/a/content", "https://gw.test/ai/v1/videos/a/content"), ("/v.mp4", "https://gw.test/v.mp4")],
)
def test_a_path_below_the_base_url_is_distinguished_from_one_at_its_host(source: str, url: str) -> None:
    provider = providers(gateway={**VIDU, "base_url": "https://gw.test/ai"}).get("gateway")
    assert provider.source(Asset(name="video", source=source)).url == url


@pytest.mark.parametrize("task_id", ["a/b", "../credits", "a b", "a?b=c#d", "100%", "ü", "grok:7f3c"])
def test_an_id_of_any_characters_stays_one_segment_of_the_path(task_id: str) -> None:
    outbound = FakeOutbound()
    providers(outbound, vidu=VIDU).get("vidu").observe(replace(TASK, provider_task_id=task_id))
    [call] = outbound.calls
    *_, segment, last = urlsplit(call["url"]).path.split("/")
    assert (unquote(segment), last) == (task_id, "creations")
