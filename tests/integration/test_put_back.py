"""The program with which docs/deploying.md puts back what a table has lost."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.conftest import create_table

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

GUIDE = Path(__file__).parents[2] / "docs" / "deploying.md"


def test_it_puts_back_what_is_missing_and_replaces_nothing(
    aws_endpoint: str, dynamodb: DynamoDBClient, table: str
) -> None:
    restored = create_table(dynamodb)
    keys = [("task#1", "task"), ("task#2", "task"), ("keys", "a"), ("task#1", "answer#5"), ("slots#vidu", "slot#1")]
    for pk, sk in keys:
        item = {"pk": {"S": pk}, "sk": {"S": sk}, "version": {"N": "1"}}
        dynamodb.put_item(TableName=restored, Item=item)
    newer = {"pk": {"S": "task#1"}, "sk": {"S": "task"}, "version": {"N": "2"}}
    dynamodb.put_item(TableName=table, Item=newer)
    (program,) = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    names = {"AWS_ENDPOINT_URL": aws_endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program, restored, table], env={**names, **credentials}, check=True)
        found = dynamodb.scan(TableName=table)["Items"]
        assert {(each["pk"]["S"], each["sk"]["S"]): each["version"]["N"] for each in found} == {
            ("task#1", "task"): "2",
            ("task#2", "task"): "1",
            ("keys", "a"): "1",
        }
