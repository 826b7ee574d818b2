"""API keys: in the table, and as the operator's commands make, show and end them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.main import main
from cli.world import World
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.domain.errors import NotFound
from reelkeep.domain.keys import KeySettings, Owner, hash_of, new_key
from reelkeep.domain.limits import Limits
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.scopes import USUAL, Scope
from reelkeep.ports.owners import Caller

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def window_of(window: timedelta) -> Callable[[OwnerSettings], OwnerSettings]:
    return lambda settings: replace(settings, repeat_window=int(window.total_seconds()))


@pytest.fixture
def keys(dynamodb: DynamoDBClient, table: str) -> TableKeys:
    return TableKeys(dynamodb, table, lambda: NOON)


def test_a_key_names_its_owner_until_it_is_revoked(keys: TableKeys) -> None:
    key, described = keys.create("alice", KeySettings(name="laptop"), NOON)
    assert keys.caller(key) == Caller(owner="alice", key_id=described.key_id)
    revoked = keys.revoke(described.key_id, NOON + timedelta(days=1))
    assert revoked == replace(described, last_used_on=NOON.date(), revoked_at=NOON + timedelta(days=1))
    assert keys.caller(key) is None


def test_the_first_use_of_a_day_is_noted_and_costs_the_others_no_write(dynamodb: DynamoDBClient, table: str) -> None:
    now, writes = [NOON], list[object]()
    dynamodb.meta.events.register("before-call.dynamodb.UpdateItem", lambda **call: writes.append(call["params"]))
    keys = TableKeys(dynamodb, table, lambda: now[0])
    key, described = keys.create("alice", KeySettings(), NOON)
    assert described.last_used_on is None
    for minutes, noted in ((0, 1), (1, 1), (1440, 2), (1441, 2)):
        now[0] = NOON + minutes * MINUTE
        assert keys.caller(key)
        last = keys.all("alice")[0].last_used_on
        assert (last, len(writes)) == (now[0].date(), noted)


def test_revoking_twice_keeps_the_first_time(keys: TableKeys) -> None:
    _, described = keys.create("alice", KeySettings(), NOON)
    first = keys.revoke(described.key_id, NOON)
    assert keys.revoke(described.key_id, NOON + timedelta(days=1)) == first


def test_revoking_one_key_leaves_the_others(keys: TableKeys) -> None:
    kept, _ = keys.create("alice", KeySettings(), NOON)
    _, described = keys.create("alice", KeySettings(), NOON)
    keys.revoke(described.key_id, NOON)
    assert keys.caller(kept) is not None


def test_a_key_ends_at_its_time_and_nobody_else_revokes_it(dynamodb: DynamoDBClient, table: str) -> None:
    now = [NOON]
    keys = TableKeys(dynamodb, table, lambda: now[0])
    key, described = keys.create("alice", KeySettings(name="for a day", ends_at=NOON + timedelta(days=1)), NOON)
    assert keys.all("alice") == [described]
    with pytest.raises(NotFound):
        keys.revoke(described.key_id, NOON, "mallory")
    now[0] = NOON + timedelta(hours=23)
    assert keys.caller(key) == Caller("alice", described.key_id, ends_at=NOON + timedelta(days=1))
    assert [owner.keys for owner in keys.owners()] == [1]
    now[0] = NOON + timedelta(days=1)
    assert keys.caller(key) is None
    assert [owner.keys for owner in keys.owners()] == [0]


def test_a_key_is_forgotten_ninety_days_after_it_was_revoked_or_ended(dynamodb: DynamoDBClient, table: str) -> None:
    keys = TableKeys(dynamodb, table, lambda: NOON)

    def forgotten_after(key: str) -> timedelta | None:
        at = {"pk": {"S": "keys"}, "sk": {"S": hash_of(key)}}
        item = dynamodb.get_item(TableName=table, Key=at, ConsistentRead=True)["Item"]
        return datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC) - NOON if "expires_at" in item else None

    days = [timedelta(days=number) for number in range(94)]
    endless, of_operators = keys.create("alice", KeySettings(), NOON)
    ending, for_a_day = keys.create("alice", KeySettings(ends_at=NOON + days[2]), NOON)
    assert (forgotten_after(endless), forgotten_after(ending)) == (None, days[92])
    keys.settings.change("alice", window_of(MINUTE))
    assert (forgotten_after(endless), forgotten_after(ending)) == (None, days[92])
    for later in (1, 3):
        keys.revoke(of_operators.key_id, NOON + days[later])
        keys.revoke(for_a_day.key_id, NOON + days[later])
        assert (forgotten_after(endless), forgotten_after(ending)) == (days[91], days[91])
    old = {"pk": {"S": "keys"}, "sk": {"S": hash_of(endless)}}  # as earlier releases revoked it
    dynamodb.update_item(TableName=table, Key=old, UpdateExpression="REMOVE expires_at")
    assert keys.caller(endless) is None
    keys.revoke(of_operators.key_id, NOON + days[3])
    assert forgotten_after(endless) == days[91]
    assert keys.create("alice", KeySettings(ends_at=datetime.max.replace(tzinfo=UTC)), NOON)


def test_a_key_has_the_scopes_that_it_was_made_with_and_the_usual_ones_if_none_are_recorded(
    keys: TableKeys, dynamodb: DynamoDBClient, table: str
) -> None:
    key, described = keys.create("alice", KeySettings(scopes=frozenset({Scope.OPERATE})), NOON)
    assert keys.all() == [described]
    assert keys.caller(key) == Caller("alice", described.key_id, scopes=frozenset({Scope.OPERATE}))
    old = {"pk": {"S": "keys"}, "sk": {"S": hash_of(key)}}  # as earlier releases recorded it
    dynamodb.update_item(TableName=table, Key=old, UpdateExpression="REMOVE scopes")
    assert keys.caller(key) == Caller("alice", described.key_id, scopes=USUAL)


def test_an_unknown_key_id_cannot_be_revoked(keys: TableKeys) -> None:
    with pytest.raises(NotFound):
        keys.revoke("0190aa", NOON)


def test_a_key_that_was_never_made_is_nobodys(keys: TableKeys) -> None:
    assert keys.caller(new_key()) is None


def test_what_is_no_key_costs_no_read(new_dynamodb: DynamoDBClient, table: str) -> None:
    calls: list[object] = []
    new_dynamodb.meta.events.register("before-call.dynamodb", lambda **call: calls.append(call))
    keys = TableKeys(new_dynamodb, table)
    assert [keys.caller(text) for text in ("", "rk_short", "vda_" + "x" * 42, "x" * 100_000)] == [None] * 4
    assert len(calls) == 0
    keys.caller(new_key())
    assert len(calls) == 1


def test_the_key_itself_is_nowhere_in_the_table(dynamodb: DynamoDBClient, table: str) -> None:
    key, _ = TableKeys(dynamodb, table).create("alice", KeySettings(name="laptop"), NOON)
    (item,) = dynamodb.scan(TableName=table)["Items"]
    assert item["sk"] == {"S": hash_of(key)}
    assert key[3:-4] not in json.dumps(item)


def test_keys_are_listed_oldest_first_for_all_or_for_one_owner(keys: TableKeys) -> None:
    made = [keys.create(owner, KeySettings(), NOON + timedelta(hours=hour))[1] for hour, owner in enumerate("abab")]
    assert keys.all() == made
    assert keys.all("b") == [made[1], made[3]]
    assert keys.all("nobody") == []


# --- the commands ---


@pytest.fixture
def root(aws_endpoint: str, table: str, tmp_path: Path) -> Path:
    """A folder in which `make up` seems to be running."""
    (tmp_path / ".local").mkdir()
    stack = {"aws_endpoint_url": aws_endpoint, "region": "us-east-1", "table": table}
    (tmp_path / ".local" / "stack.json").write_text(json.dumps(stack))
    return tmp_path


def test_the_created_key_stands_alone_on_standard_output(
    root: Path, keys: TableKeys, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "create", "--owner", "alice", "--local"], World(checkout=root)) == 0
    said = capsys.readouterr()
    caller = keys.caller(said.out.strip())
    assert caller is not None
    assert caller.owner == "alice"
    assert caller.key_id in said.err


def test_the_table_may_be_named_by_the_environment(
    aws_endpoint: str, table: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TABLE_NAME": table,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["keys", "create", "--owner", "alice", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["owner"] == "alice"
    assert main(["keys", "list", "--stack", "nowhere"]) == 1
    assert "there is no stack 'nowhere' in us-east-1" in capsys.readouterr().err


def test_the_list_shows_everything_but_the_keys(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["keys", "create", "--owner", "alice", "--name", "laptop", "--local", "--json"], World(checkout=root))
    created = json.loads(capsys.readouterr().out)
    assert main(["keys", "list", "--local", "--json"], World(checkout=root)) == 0
    assert json.loads(capsys.readouterr().out) == [{n: v for n, v in created.items() if n != "key"}]

    assert main(["keys", "revoke", created["key_id"], "--local"], World(checkout=root)) == 0
    assert main(["keys", "list", "--owner", "alice", "--local"], World(checkout=root)) == 0
    headings, line = capsys.readouterr().out.splitlines()[-2:]
    assert headings.split("  ")[0] == "KEY ID"
    facts = [created["key_id"], "alice", "laptop", "manage", "read", "submit", "-", created["key"][-4:]]
    assert line.split()[: len(facts)] == facts
    assert line.count("UTC") == 2
    assert created["key"] not in line


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (["create", "--owner", "a#b"], "error: --owner: an owner is"),
        (["revoke", "0190aa"], "error: there is no key 0190aa"),
    ],
)
def test_a_mistake_is_answered_with_one_sentence(
    root: Path, capsys: pytest.CaptureFixture[str], command: list[str], complaint: str
) -> None:
    assert main(["keys", *command, "--local"], World(checkout=root)) == (2 if "create" in command else 5)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(complaint)
    assert said.err.count("\n") == 1


def test_without_a_local_cloud_it_says_how_to_start_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "list", "--local"], World(checkout=tmp_path)) == 1
    assert "reelkeep up" in capsys.readouterr().err


# --- owners ---


def test_an_owners_repeat_window_comes_with_each_of_its_keys_those_made_later_too(keys: TableKeys) -> None:
    first, _ = keys.create("alice", KeySettings(), NOON)
    others, _ = keys.create("bob", KeySettings(), NOON)
    keys.settings.change("alice", window_of(MINUTE))
    assert keys.owners() == [
        Owner(name="alice", keys=1, settings=OwnerSettings(repeat_window=60, version=1)),
        Owner(name="bob", keys=1),
    ]
    second, _ = keys.create("alice", KeySettings(), NOON)

    def windows() -> list[timedelta]:
        return [caller.repeat_window for key in (first, second, others) if (caller := keys.caller(key))]

    assert windows() == [MINUTE, MINUTE, timedelta()]
    keys.settings.change("alice", window_of(timedelta()))
    assert windows() == [timedelta()] * 3


def test_a_revoked_key_stays_revoked_when_its_owners_window_changes(keys: TableKeys) -> None:
    key, described = keys.create("alice", KeySettings(), NOON)
    keys.revoke(described.key_id, NOON)
    keys.settings.change("alice", window_of(MINUTE))
    assert [owner.keys for owner in keys.owners()] == [0]
    assert keys.caller(key) is None


def test_owners_are_shown_and_set_by_the_operators_commands(
    root: Path, keys: TableKeys, capsys: pytest.CaptureFixture[str]
) -> None:
    keys.create("alice", KeySettings(), NOON)
    keys.create("bob", KeySettings(), NOON)
    assert main(["owners", "set", "alice", "--repeat-window", "60", "--local"], World(checkout=root)) == 0
    assert main(["owners", "list", "--local"], World(checkout=root)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[-2:]] == [
        ["alice", "1", "60", "s", "-", "-"],
        ["bob", "1", "off", "-", "-"],
    ]
    assert main(["owners", "show", "alice", "--local", "--json"], World(checkout=root)) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["owner"], shown["keys"], shown["repeat_window_seconds"]) == ("alice", 1, 60)


def test_limits_are_set_shown_and_removed_by_command_and_hold_for_keys_made_later(
    root: Path, keys: TableKeys, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str) -> Any:
        assert main(["owners", *words, "--local", "--json"], World(checkout=root)) == 0
        return json.loads(capsys.readouterr().out)

    def limits() -> list[Limits]:
        return [caller.settings.limits for key in (first, later) if (caller := keys.caller(key))]

    run("limit", "*", "videos_a_day=7")
    first, _ = keys.create("alice", KeySettings(), NOON)
    run("limit", "alice", "money_a_month=10.50", "currency=USD", "models=vidu*")
    later, _ = keys.create("alice", KeySettings(), NOON)
    money = Limits(models=("vidu*",), videos_a_day=7, money_a_month=Decimal("10.50"), currency="USD")
    assert limits() == [money, money]
    shown = run("limit", "alice", "videos-a-day=none", "models=none")
    assert shown["limits"] | {"money_a_month": "10.5", "videos_a_day": None, "models": []} == shown["limits"]
    assert shown["use"] == {"money_a_month": "0"}
    assert limits() == [replace(money, models=(), videos_a_day=None)] * 2
    for words, stopped in (("stop", "the invoice is open"), ("start", "")):
        run(words, "alice", *(["--reason", stopped] if stopped else []))
        assert [caller.settings.stopped for key in (first, later) if (caller := keys.caller(key))] == [stopped] * 2
        assert keys.settings.stopped().owners == ({"alice"} if stopped else set())
    assert main(["owners", "limit", "alice", "videos_a_day=-1", "--local"], World(checkout=root)) == 2
    assert "videos_a_day must be from 1 to 1000000" in capsys.readouterr().err


def test_a_stopped_provider_stands_with_every_key(keys: TableKeys) -> None:
    first, _ = keys.create("alice", KeySettings(), NOON)
    assert keys.settings.stop_provider("vidu") == keys.settings.stop_provider("vidu") == {"vidu"}
    later, _ = keys.create("bob", KeySettings(), NOON)

    def stopped() -> list[frozenset[str]]:
        return [caller.stopped_providers for key in (first, later) if (caller := keys.caller(key))]

    assert stopped() == [frozenset({"vidu"})] * 2
    assert keys.settings.stop_provider("vidu", start=True) == frozenset() == keys.settings.stopped().providers
    assert stopped() == [frozenset()] * 2
    assert keys.owners() == [Owner(name="alice", keys=1), Owner(name="bob", keys=1)]
    for nobody in ("#stopped", "a" * 2000):
        with pytest.raises(NotFound):
            keys.settings.settings(nobody)


def test_what_waits_is_held_exactly_as_long_as_its_owner_is_stopped(
    keys: TableKeys, dynamodb: DynamoDBClient, table: str
) -> None:
    keys.create("alice", KeySettings(), NOON)
    keys.settings.change("alice", lambda settings: replace(settings, stopped="the invoice is open"))
    assert keys.settings.stopped().owners == {"alice"}
    for item in [{"pk": {"S": "owners"}, "sk": {"S": "alice"}}, *keys.settings.key_items()]:  # as if cut short
        dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
    keys.create("alice", KeySettings(), NOON)
    keys.settings.change("alice", lambda settings: replace(settings, stopped=""))
    assert keys.settings.stopped().owners == frozenset()
    keys.settings.change("alice", lambda settings: replace(settings, stopped="once more"))
    keys.settings.forget_stop("alice")
    assert keys.settings.stopped().owners == frozenset()


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (["set", "nobody", "--repeat-window", "60"], "error: there is no owner nobody"),
        (["show", "nobody"], "error: there is no owner nobody"),
        (
            ["set", "alice", "--repeat-window", "-1"],
            "error: --repeat-window: a repeat window is 0 (off) to 604800 seconds",
        ),
        (
            ["set", "alice", "--repeat-window", "604801"],
            "error: --repeat-window: a repeat window is 0 (off) to 604800 seconds",
        ),
    ],
)
def test_a_mistake_about_an_owner_is_answered_with_one_sentence(
    root: Path, keys: TableKeys, capsys: pytest.CaptureFixture[str], command: list[str], complaint: str
) -> None:
    keys.create("alice", KeySettings(), NOON)
    assert main(["owners", *command, "--local"], World(checkout=root)) == (5 if "nobody" in command else 2)
    assert capsys.readouterr().err.startswith(complaint)
