"""The policy for SNS matches what the filter describes, for every task, and never a task of another owner."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.notices.notice import News, attributes, differs_attributes
from reelkeep.domain.notices.subscription import (
    FINAL_STATES,
    MAX_COMBINATIONS,
    OPERATOR,
    Channel,
    EndpointRules,
    Filter,
    Subscription,
    check_filter,
    filter_policy,
)
from reelkeep.domain.task import Kind, Request, State, Task
from tests.for_each import for_each
from tests.sns_filters import admits

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MODELS = ("viduq2", "viduq2-pro", "viduq3", "doubao-1", "")
TAGS = ("campaign-7", "campaign-8", "owner", "success")

owners = st.sampled_from(("alice", "alice2", "bob", "success"))


def some(values: Any, most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


filters = st.builds(
    Filter,
    states=some(FINAL_STATES, 4),
    providers=some(("vidu", "ark", "alice")),
    models=some(("viduq2", "viduq2*", "v*", "doubao-1", "success")),
    kinds=some(tuple(Kind)),
    tags=some(TAGS),
)


def task(owner: str, state: State, provider: str, model: str, kind: Kind, tags: tuple[str, ...]) -> Task:
    return Task(
        id="0" * 32,
        owner=owner,
        key_id="k",
        provider=provider,
        request=Request(dialect="reelkeep", kind=kind, model=model, tags=tags),
        created_at=NOON,
        updated_at=NOON,
        deadline=NOON,
        state=state,
    )


tasks = st.builds(
    task,
    owners,
    st.sampled_from(FINAL_STATES),
    st.sampled_from(("vidu", "ark")),
    st.sampled_from(MODELS),
    st.sampled_from(Kind),
    some(TAGS),
)


def subscription(owner: str = "alice", wanted: Filter | None = None, *, active: bool = True) -> Subscription:
    return Subscription(
        id="1" * 32,
        owner=owner,
        protocol=Channel.EMAIL,
        endpoint="a@b.test",
        filter=wanted or Filter(),
        active=active,
        created_at=NOON,
        updated_at=NOON,
    )


def fits(wanted: Filter, found: Task) -> bool:
    """The filter, in plain words."""

    def is_one(model: str) -> bool:
        return any(
            found.request.model.startswith(m[:-1]) if m[-1] == "*" else found.request.model == m
            for m in wanted.models
        )

    return (
        (not wanted.states or found.state in wanted.states)
        and (not wanted.providers or found.provider in wanted.providers)
        and (not wanted.models or is_one(found.request.model))
        and (not wanted.kinds or found.request.kind in wanted.kinds)
        and (not wanted.tags or bool(set(wanted.tags) & set(found.request.tags)))
    )


@given(owners, filters, tasks)
def test_a_policy_admits_what_its_filter_describes_of_its_owner_s_tasks(
    owner: str, wanted: Filter, found: Task
) -> None:
    made = filter_policy(subscription(owner, wanted))
    assert admits(made, attributes(found)) is (found.owner == owner and fits(wanted, found))


@given(filters)
def test_every_filter_that_is_let_in_is_one_that_sns_takes(wanted: Filter) -> None:
    try:
        check_filter(wanted)
    except InvalidRequest:
        return
    made = filter_policy(subscription("alice", wanted))
    assert 1 <= len(made) <= 5
    assert math.prod(len(values) for values in made.values()) <= MAX_COMBINATIONS
    assert all(values for values in made.values())


def test_all_five_fields_fit_beside_the_owner() -> None:
    wanted = Filter(
        states=FINAL_STATES, providers=("vidu",), models=("v*", "sora-2"), kinds=(Kind.EXTEND,), tags=("a",)
    )
    assert filter_policy(subscription("alice", wanted)) == {
        "owner_state": ["alice#success", "alice#failed", "alice#cancelled", "alice#expired"],
        "provider": ["vidu"],
        "model": [{"prefix": "v"}, "sora-2"],
        "kind": ["extend"],
        "tags": ["a"],
    }


def test_news_is_asked_for_among_the_states_and_comes_if_none_is_asked_for() -> None:
    success = task("alice", State.SUCCESS, "vidu", "viduq2", Kind.TEXT2VIDEO, ())
    for wanted, told in (
        (Filter(), [True, True]),
        (Filter(states=(State.SUCCESS,)), [True, False]),
        (Filter(news=(News.DIFFERS,)), [False, True]),
        (Filter(states=(State.SUCCESS,), news=(News.DIFFERS,), providers=("vidu",)), [True, True]),
    ):
        policy = filter_policy(subscription("alice", wanted))
        assert [admits(policy, attributes(success)), admits(policy, differs_attributes(success))] == told
        assert not admits(filter_policy(subscription("mallory", wanted)), differs_attributes(success))


@given(owners, filters, tasks)
def test_nothing_fits_while_it_is_paused(owner: str, wanted: Filter, found: Task) -> None:
    assert not admits(filter_policy(subscription(owner, wanted, active=False)), attributes(found))


def test_an_operator_gets_events_of_all_owners_by_their_type() -> None:
    assert filter_policy(subscription(OPERATOR, Filter(types=("reelkeep.task.failed",)))) == {
        "type": ["reelkeep.task.failed"]
    }
    assert filter_policy(subscription(OPERATOR)) == {}


FOUR: dict[str, Any] = {
    "states": FINAL_STATES,
    "providers": tuple("abcd"),
    "kinds": tuple(Kind)[:4],
    "tags": tuple("abcd"),
}


@pytest.mark.parametrize("field", FOUR)
def test_a_filter_of_more_combinations_than_sns_takes_is_refused_in_numbers(field: str) -> None:
    many = tuple(f"m{number}" for number in range(38))
    four = {field: FOUR[field]}
    check_filter(Filter(models=many[:37], **four))
    with pytest.raises(InvalidRequest, match="152 combinations") as refused:
        check_filter(Filter(models=many, **four))
    assert refused.value.field == "filter"


@pytest.mark.parametrize("model", ["*", "v*q", "**", "v**"])
def test_a_star_that_means_no_beginning_is_refused(model: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_filter(Filter(models=("viduq2", model)))
    assert refused.value.field == "filter.models[1]"


ABROAD = EndpointRules(("https", "sqs", "email", "lambda"), "aws", "eu-west-1", allow_private=False)
AT_HOME = EndpointRules(("https", "sqs"), "aws", "eu-west-1", allow_private=True)


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("https", "https://example.com"),
        ("https", "https://example.com:8443/notices?for=me"),
        ("https", "https://[2606:4700::1111]/x"),
        ("email", "alice+films@mail.example.com"),
        ("sqs", "arn:aws:sqs:eu-west-1:123456789012:films"),
        ("lambda", "arn:aws:lambda:eu-west-1:123456789012:function:films"),
        ("lambda", "arn:aws:lambda:eu-west-1:123456789012:function:films:live"),
    ],
)
def test_an_endpoint_of_its_protocol_s_form_is_taken(protocol: str, endpoint: str) -> None:
    ABROAD.check(Channel(protocol), endpoint)


@for_each(
    "protocol, endpoint",
    [
        ("https", "http://example.com/x"),
        ("https", "https://"),
        ("https", "https://user:secret@example.com/"),
        ("https", "https://example.com/#x"),
        ("https", "https://example.com/a b"),
        ("https", "https://example.com:x/"),
        ("https", "https://exa_mple!.com/"),
        ("https", "ftp://example.com/"),
        ("https", "https://example.com/" + "x" * 2048),
        ("email", "alice"),
        ("email", "alice@localhost"),
        ("email", "a@b.test, c@d.test"),
        ("sqs", "https://sqs.eu-west-1.amazonaws.com/123456789012/films"),
        ("sqs", "arn:aws:sqs:us-east-1:123456789012:films"),
        ("sqs", "arn:aws-cn:sqs:eu-west-1:123456789012:films"),
        ("sqs", "arn:aws:sqs:eu-west-1:123456789012:films.fifo"),
        ("sqs", "arn:aws:lambda:eu-west-1:123456789012:function:films"),
        ("lambda", "arn:aws:sqs:eu-west-1:123456789012:films"),
        ("lambda", "arn:aws:lambda:us-east-1:123456789012:function:films"),
    ],
)
def test_another_endpoint_is_refused(protocol: str, endpoint: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ABROAD.check(Channel(protocol), endpoint)
    assert refused.value.field == "endpoint"
    assert "secret" not in refused.value.message


@given(
    st.sampled_from(Channel),
    st.text(st.characters())
    | st.text("https:/.@[]0:aé#?%").map("https://a.test/".__add__)
    | st.from_regex(r"\A.+@.+\..+"),
)
def test_whatever_is_asked_for_is_an_endpoint_or_refused(protocol: Channel, endpoint: str) -> None:
    with suppress(InvalidRequest):
        ABROAD.check(protocol, endpoint)
        assert endpoint.isascii()
        assert endpoint.isprintable()


def test_a_protocol_that_this_installation_does_not_allow_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="https, sqs") as refused:
        AT_HOME.check(Channel.LAMBDA, "arn:aws:lambda:eu-west-1:123456789012:function:films")
    assert refused.value.field == "protocol"


def test_http_is_taken_where_private_addresses_are_allowed() -> None:
    AT_HOME.check(Channel.HTTPS, "http://127.0.0.1:8080/notices")
