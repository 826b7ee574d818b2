"""Calls to a provider over HTTP, and what their answers mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from reelkeep.adapters.http.outbound import AnswerLost, BlockedAddress, NotSent
from reelkeep.adapters.providers.configuration import ProviderSettings
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.adapters.providers.provider import HttpProvider
from reelkeep.dialects import upstream
from reelkeep.domain.errors import InvalidRequest, TryLater
from reelkeep.domain.observation import (
    Accepted,
    Busy,
    NotYet,
    Refused,
    Uncertain,
    Unknown,
)
from reelkeep.domain.observation import Missing as NotThere
from reelkeep.domain.task import Asset, Kind, Task
from reelkeep.domain.upstream import Health
from reelkeep.domain.wire import ProviderDialect, ProviderResponse
from reelkeep.ports.providers import Source
from tests.unit.adapters.provider_harness import (
    KEY,
    NOON,
    TASK,
    VIDU,
    FakeOutbound,
    FakeSecret,
    nobody,
    providers,
)


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
    noted: list[tuple[str, Health, str]] = []

    def report(provider: str, name: str, value: float) -> None:
        assert provider == "vidu"
        reported[name] = value

    def note(*trouble: Any) -> None:
        noted.append(trouble)

    secret = FakeSecret(json.dumps({"vidu": VIDU}))
    outbound = FakeOutbound(answer)
    vidu = ConfiguredProviders(secret, upstream, outbound, report=report, note_trouble=note).get("vidu")
    for call, expected in ((vidu.dispatch, dispatched), (vidu.observe, observed)):
        reported.clear()
        noted.clear()
        call(TASK)
        assert reported == {"ProviderUnreachable": 0, **expected}
        words = {f"Provider{kind.title().replace('-', '')}" for _, kind, _ in noted}
        assert words == {*expected}
        assert all(provider == "vidu" and message for provider, _, message in noted)


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


def test_a_task_that_another_account_does_not_know_is_not_missing() -> None:
    answer = ProviderResponse(status=404, body=b'{"reason": "TaskNotFound", "message": "task not found"}')
    provider = providers(FakeOutbound(answer), vidu=VIDU).get("vidu")
    asked = replace(TASK, provider_task_id="7")
    assert isinstance(provider.observe(asked.with_dispatch(account=provider.account)), NotThere)
    assert isinstance(provider.observe(asked.with_dispatch(account="another")), Busy)


def test_what_cannot_be_said_any_more_is_refused_and_nothing_is_sent() -> None:
    outbound = FakeOutbound()
    unsaid = replace(TASK, request=replace(TASK.request, dialect="reelkeep", last_frame=True))
    assert isinstance(providers(outbound, vidu=VIDU).get("vidu").dispatch(unsaid), Refused)
    assert outbound.calls == []


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
