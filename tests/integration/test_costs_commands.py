"""`reelkeep costs`: what all owners spent, and a ledger that lacks something is found and mended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from cli.main import main
from reelkeep.adapters.dynamodb.ledger import TableLedger
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain.task import ArchivedFile, Asset, Creation, Price, State
from reelkeep.services.ledger import KeepLedger
from tests.integration.example import a_task

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

PRICE = Price(unit="credits", units=Decimal(20), each=Decimal("0.005"), currency="USD", since="2025-11-03")


@pytest.fixture
def costs(
    aws_endpoint: str, table: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, Any]]:
    """The command's exit code, and the JSON that it prints."""
    names = {"AWS_ENDPOINT_URL": aws_endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in {**names, "AWS_DEFAULT_REGION": "us-east-1", "TABLE_NAME": table}.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = main(["costs", *arguments, "--since", "2026-11-20", "--until", "2026-11-22", "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_costs_of_all_owners_are_shown_and_a_ledger_that_lacks_something_is_mended(
    costs: Callable[..., tuple[int, Any]], dynamodb: DynamoDBClient, table: str
) -> None:
    tasks, ledger = TableTasks(dynamodb, table), TableLedger(dynamodb, table)
    done = [replace(a_task(n, owner=who, state=State.SUCCESS), price=PRICE) for n, who in enumerate(("alice", "bob"))]
    under_way = replace(a_task(2), price=PRICE)
    for task in (*done, under_way):
        tasks.create(task)
    KeepLedger(ledger)(done[0])
    lacking = sorted([done[1].id, under_way.id])

    video = ArchivedFile(key="x", bytes=1, sha256="ab", content_type="video/mp4", duration=2.0)
    made = Creation(id="c1", duration=5.0, assets=(Asset(name="video", archived=video),))
    odd = tasks.save(replace(tasks.get_all([done[1].id])[0], creations=(made,)))
    code, found = costs("differing")
    claim = {"what": "duration", "ordered": None, "claimed": "5", "delivered": "2", "units": "20", "unit": "credits"}
    named = {"task": odd.id, "owner": "bob", "provider": odd.provider}
    assert (code, found) == (
        0,
        [claim | named | {"provider_task_id": odd.provider_task_id or None} | {"amount": "0.1", "currency": "USD"}],
    )

    code, found = costs("check")
    assert (code, sorted(found["lacking"]), found["wrong_sums"]) == (1, lacking, [])
    code, found = costs("check", "--mend")
    assert (code, sorted(found["lacking"]), found["mended"]) == (0, lacking, True)
    checked = {"tasks": 3, "lacking": [], "mended": False, "wrong_sums": [], "wrong_counts": []}
    checked |= {"days_with_changes": []}
    assert costs("check") == (0, checked)

    row = {"tasks": 1, "unpriced": 0, "unit": "credits", "units_reserved": "0", "units_charged": "20"}
    row |= {"currency": "USD", "reserved": "0", "charged": "0.1"}
    alice = row | {"owner": "alice", "tasks": 2, "units_reserved": "20", "reserved": "0.1"}
    assert costs("show") == (0, [alice, row | {"owner": "bob"}])

    account = next(iter(ledger.sums(done[0].created_at.date(), "bob")))[0]
    key = {"pk": {"S": f"usage#{account.day}"}, "sk": {"S": f"bob#{done[1].id[-1]}{account.digest}"}}
    dynamodb.delete_item(TableName=table, Key=key)
    code, found = costs("check")
    assert code == 1
    assert found["wrong_sums"][0].startswith("the sum of bob on 2026-11-21")
