"""Subscriptions on the emulated SNS, SQS and DynamoDB: who gets what is checked against the filters' plain words."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from reelkeep.adapters.dynamodb.subscriptions import TableSubscriptions
from reelkeep.adapters.notices import SnsNotices
from reelkeep.adapters.topic import SnsTopic, endpoint_rules
from reelkeep.domain.errors import Conflict, InvalidRequest, LimitReached, Stale
from reelkeep.domain.ids import new_task_id
from reelkeep.domain.notices.notice import attributes, notice
from reelkeep.domain.notices.subscription import (
    FINAL_STATES,
    MAX_SUBSCRIPTIONS,
    OPERATOR,
    Channel,
    Filter,
    SnsState,
    Status,
    Subscription,
    SubscriptionRequest,
    SubscriptionUpdate,
)
from reelkeep.domain.task import Kind, Request, State, Task
from reelkeep.ports.owners import Caller
from reelkeep.services.subscriptions import ManageSubscriptions

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MODELS = ("viduq2", "viduq2-pro", "viduq3", "doubao-seedance", "")
TAGS = ("campaign-7", "campaign-8", "summer")
KINDS = (Kind.TEXT2VIDEO, Kind.IMG2VIDEO, Kind.UPSCALE)

FILTERS: dict[str, tuple[str, Filter]] = {
    "everything": ("alice", Filter()),
    "failures": ("alice", Filter(states=(State.FAILED, State.EXPIRED))),
    "one model": ("alice", Filter(models=("viduq2",))),
    "models by their beginning": ("alice", Filter(models=("viduq2*", "doubao*"))),
    "one tag of two": ("alice", Filter(tags=("campaign-7", "summer"))),
    "all five fields": (
        "alice",
        Filter(
            states=(State.SUCCESS, State.FAILED),
            providers=("vidu",),
            models=("vidu*",),
            kinds=(Kind.TEXT2VIDEO, Kind.IMG2VIDEO),
            tags=("campaign-7", "campaign-8"),
        ),
    ),
    "one provider": ("bob", Filter(providers=("ark",))),
    "everything of bob's": ("bob", Filter()),
    "another's name as a tag": ("bob", Filter(tags=("alice", "alice#success"))),
    "a name that another's begins with": ("ali", Filter(states=FINAL_STATES)),
}


def fits(wanted: Filter, task: Task) -> bool:
    """The filter in plain words."""
    model = task.request.model
    return (
        (not wanted.states or task.state in wanted.states)
        and (not wanted.providers or task.provider in wanted.providers)
        and (
            not wanted.models
            or any(model.startswith(each[:-1]) if each.endswith("*") else model == each for each in wanted.models)
        )
        and (not wanted.kinds or task.request.kind in wanted.kinds)
        and (not wanted.tags or not set(wanted.tags).isdisjoint(task.request.tags))
    )


def tasks(count: int, seed: int = 7) -> list[Task]:
    chance = random.Random(seed)
    made = []
    for number in range(count):
        owner = chance.choice(("alice", "bob", "ali", "carol"))
        request = Request(
            dialect="reelkeep",
            kind=chance.choice(KINDS),
            model=chance.choice(MODELS),
            tags=tuple(chance.sample(TAGS, chance.randrange(3))) + (("alice",) if number % 50 == 0 else ()),
        )
        task = Task(
            id=new_task_id(NOON + timedelta(seconds=number)),
            owner=owner,
            key_id="k",
            provider=chance.choice(("vidu", "ark")),
            request=request,
            created_at=NOON,
            updated_at=NOON,
            deadline=NOON,
            state=chance.choice(FINAL_STATES),
        )
        made.append(task)
    return made


@dataclass
class Post:
    """A topic, a table, and queues."""

    aws: dict[str, Any]
    table: str
    topic: str
    queues: dict[str, str] = field(default_factory=dict)  # ARN -> URL

    @property
    def manage(self) -> ManageSubscriptions:
        return ManageSubscriptions(
            subscriptions=TableSubscriptions(self.aws["dynamodb"], self.table),
            topic=SnsTopic(self.aws["sns"], self.topic),
            rules=endpoint_rules(self.topic, protocols=("sqs", "https", "email"), allow_private=True),
            resolve=lambda host: ("127.0.0.1",),
            clock=lambda: datetime.now(UTC),
        )

    def queue(self) -> str:
        """The ARN of a new queue, into which this topic may send."""
        url = self.aws["sqs"].create_queue(QueueName=f"subscriber-{uuid.uuid4().hex}")["QueueUrl"]
        arn: str = self.aws["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": self.topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.aws["sqs"].set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        self.queues[arn] = url
        return arn

    def subscribe(
        self, endpoint: str, owner: str = "alice", wanted: Filter | None = None, protocol: str = "sqs"
    ) -> Any:
        request = SubscriptionRequest(Channel(protocol), endpoint, wanted or Filter())
        return self.manage.subscribe(request, Caller(owner, "k"))

    def change(self, id: str, **changes: Any) -> Any:
        return self.manage.change(SubscriptionUpdate(id, **changes), Caller("alice", "k"))

    def tell(self, *told: Task) -> None:
        notices = SnsNotices(lambda: self.aws["sns"], self.topic)
        for task in told:
            notices.publish(notice(task, lambda kept: "https://keep.test/x"), attributes(task))

    def taken(self, queue: str) -> set[str]:
        """The tasks whose notices came since the last reading, each of which came once."""
        found: list[str] = []
        while True:
            answer = self.aws["sqs"].receive_message(QueueUrl=self.queues[queue], MaxNumberOfMessages=10)
            messages = answer.get("Messages", [])
            if not messages:
                assert len(found) == len(set(found))
                return set(found)
            found += [json.loads(json.loads(message["Body"])["Message"])["subject"] for message in messages]
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            self.aws["sqs"].delete_message_batch(QueueUrl=self.queues[queue], Entries=entries)


@pytest.fixture
def post(aws_endpoint: str, dynamodb: DynamoDBClient, table: str) -> Iterator[Post]:
    session = boto3.Session("test", "test", region_name="us-east-1")
    sns = session.client("sns", endpoint_url=aws_endpoint)
    sqs = session.client("sqs", endpoint_url=aws_endpoint)
    topic = sns.create_topic(Name=f"notices-{uuid.uuid4().hex}")["TopicArn"]
    yield Post({"sns": sns, "sqs": sqs, "dynamodb": dynamodb}, table, topic)
    sns.close()
    sqs.close()


def test_of_a_thousand_tasks_each_of_ten_subscriptions_gets_exactly_what_its_filter_describes(post: Post) -> None:
    queues = {name: post.queue() for name in FILTERS}
    for name, (owner, wanted) in FILTERS.items():
        assert post.subscribe(queues[name], owner, wanted).status is Status.ACTIVE
    told = tasks(1000)
    post.tell(*told)
    got = {name: post.taken(queue) for name, queue in queues.items()}
    for name, (owner, wanted) in FILTERS.items():
        assert got[name] == {task.id for task in told if task.owner == owner and fits(wanted, task)}, name
    assert all(got[name] for name in FILTERS)


def test_a_paused_subscription_gets_nothing_and_a_resumed_one_what_comes_then(post: Post) -> None:
    queue = post.queue()
    id = post.subscribe(queue).subscription.id
    first, second, third, fourth = (replace(task, owner="alice", state=State.SUCCESS) for task in tasks(4))
    post.tell(first)
    assert post.taken(queue) == {first.id}
    assert post.change(id, active=False).status is Status.PAUSED
    post.tell(second)
    assert post.taken(queue) == set()
    assert post.change(id, active=True).status is Status.ACTIVE
    post.tell(third)
    assert post.taken(queue) == {third.id}
    post.change(id, filter=Filter(states=(State.FAILED,)))
    post.tell(fourth, replace(first, state=State.FAILED))
    assert post.taken(queue) == {first.id}
    post.manage.unsubscribe(id, Caller("alice", "k"))
    post.manage.unsubscribe(id, Caller("alice", "k"))
    post.tell(replace(second, state=State.FAILED))
    assert post.taken(queue) == set()


def test_an_operator_gets_one_type_of_event_across_owners(post: Post) -> None:
    queue = post.queue()
    post.subscribe(queue, OPERATOR, Filter(types=("reelkeep.task.failed",)))
    told = tasks(40)
    post.tell(*told)
    assert post.taken(queue) == {task.id for task in told if task.state is State.FAILED}


def test_an_endpoint_that_must_confirm_is_pending_until_it_did(post: Post) -> None:
    made = post.subscribe("http://127.0.0.1:9/nobody-listens", protocol="https")
    assert made.status is Status.PENDING
    id, alice = made.subscription.id, Caller("alice", "k")
    assert post.manage.show(id, alice).status is Status.PENDING
    (listed,) = post.manage.list(None, alice)
    assert listed.status is Status.PENDING
    post.aws["sns"].unsubscribe(SubscriptionArn=listed.subscription.arn)
    assert post.manage.show(id, alice).status is Status.GONE


def subscription(**changes: Any) -> Subscription:
    id = new_task_id(datetime.now(UTC))
    plain = Subscription(
        id=id,
        owner="alice",
        protocol=Channel.SQS,
        endpoint=f"arn:aws:sqs:us-east-1:000000000000:{id}",
        created_at=NOON,
        updated_at=NOON,
        filter=Filter(states=(State.FAILED,), kinds=(Kind.EXTEND,), models=("v*",)),
    )
    return replace(plain, **changes)


def test_a_record_is_read_as_it_was_written_by_its_owner_alone(dynamodb: DynamoDBClient, table: str) -> None:
    records = TableSubscriptions(dynamodb, table)
    made = subscription()
    records.add(made)
    assert records.get("alice", made.id) == made
    assert records.of("alice") == [made]
    assert records.get("bob", made.id) is None
    assert records.of("bob") == []


def test_a_record_that_was_changed_meanwhile_is_not_overwritten(dynamodb: DynamoDBClient, table: str) -> None:
    records = TableSubscriptions(dynamodb, table)
    made = subscription()
    records.add(made)
    saved = records.save(replace(made, active=False))
    assert records.get("alice", made.id) == saved
    for write in (records.save, lambda stale: records.remove(stale, NOON)):
        with pytest.raises(Stale):
            write(made)
    records.remove(saved, NOON)
    with pytest.raises(Stale):
        records.remove(saved, NOON)
    removed = records.get("alice", made.id)
    assert removed is not None
    assert (removed.removed_at, records.of("alice")) == (NOON, [])


def test_an_endpoint_is_one_subscription_s_until_that_is_removed(dynamodb: DynamoDBClient, table: str) -> None:
    records = TableSubscriptions(dynamodb, table)
    made = subscription()
    records.add(made)
    with pytest.raises(Conflict, match=made.id):
        records.add(subscription(endpoint=made.endpoint))
    with pytest.raises(Conflict) as refused:
        records.add(subscription(endpoint=made.endpoint, owner="bob"))
    assert made.id not in refused.value.message
    records.remove(made, NOON)
    records.add(subscription(endpoint=made.endpoint, owner="bob"))


def test_an_owner_s_limit_holds_whatever_comes_at_once(dynamodb: DynamoDBClient, table: str) -> None:
    records = TableSubscriptions(dynamodb, table)
    outcomes: list[str] = []
    together = Barrier(8)

    def add(count: int) -> None:
        together.wait()
        for _ in range(count):
            try:
                records.add(subscription())
            except LimitReached:
                outcomes.append("refused")
            else:
                outcomes.append("added")

    threads = [Thread(target=add, args=(4,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("added") == MAX_SUBSCRIPTIONS == len(records.of("alice"))
    assert len(outcomes) == 32
    records.remove(records.of("alice")[0], NOON)
    records.add(subscription())
    records.add(subscription(owner="bob"))


@dataclass
class Refusing:
    """An SNS that answers with an error, as AWS words them."""

    errors: dict[str, tuple[str, str]]
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        def call(**sent: Any) -> Any:
            self.asked.append((name, sent))
            if name in self.errors:
                code, message = self.errors[name]
                raise ClientError({"Error": {"Code": code, "Message": message}}, name)
            return {}

        return call


TOPIC = "arn:aws:sns:us-east-1:000000000000:notices"
ARN = f"{TOPIC}:1"


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        ("FilterPolicyLimitExceeded", "FilterPolicyLimitExceeded", LimitReached),
        ("SubscriptionLimitExceeded", "Subscription limit exceeded", LimitReached),
        (
            "InvalidParameter",
            "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
            Conflict,
        ),
        ("InvalidParameter", "Invalid parameter: Endpoint Reason: Unreachable", InvalidRequest),
        ("AuthorizationError", "User is not authorized to perform: sns:Subscribe", ClientError),
    ],
)
def test_what_sns_refuses_is_said_in_our_words(code: str, message: str, error: type[Exception]) -> None:
    sns: Any = Refusing({"subscribe": (code, message)})
    topic = SnsTopic(sns, TOPIC)
    with pytest.raises(error):
        topic.subscribe(subscription())


def test_what_sns_does_not_end_before_it_is_confirmed_never_delivers() -> None:
    pending = (
        "InvalidParameter",
        "Invalid parameter: Cannot unsubscribe a subscription that is pending confirmation",
    )
    sns: Any = Refusing({"unsubscribe": pending})
    SnsTopic(sns, TOPIC).unsubscribe(ARN)
    assert sns.asked[-1] == (
        "set_subscription_attributes",
        {"SubscriptionArn": ARN, "AttributeName": "FilterPolicy", "AttributeValue": '{"owner":["#nobody"]}'},
    )


def test_what_sns_does_not_know_is_gone() -> None:
    unknown = ("NotFound", "Subscription does not exist")
    calls = ("unsubscribe", "get_subscription_attributes", "set_subscription_attributes")
    sns: Any = Refusing(dict.fromkeys(calls, unknown))
    topic = SnsTopic(sns, TOPIC)
    topic.unsubscribe(ARN)
    topic.set_filter_policy(ARN, {"owner": ["alice"]})
    assert topic.state(ARN) is SnsState.GONE
