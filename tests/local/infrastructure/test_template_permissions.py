"""The template: what each function, and whoever deploys, may do."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from cli.operators.deploy import Plan, needed
from tests.local.infrastructure.template_harness import ROOT, SECRETS, listed, statements, translated


def test_no_function_may_do_anything_it_was_not_granted_by_name(functions: dict[str, Any]) -> None:
    for properties in functions.values():
        for statement in statements(properties):
            assert not [action for action in listed(statement["Action"]) if "*" in action]
            assert "*" not in listed(statement["Resource"])


def test_functions_write_no_log_but_their_own_and_make_none(
    template: dict[str, Any], functions: dict[str, Any]
) -> None:
    assert template["Globals"]["Function"]["PermissionsBoundary"] == {"Ref": "FunctionBoundary"}
    assert not [each for each in functions.values() if "PermissionsBoundary" in each or "Role" in each]
    boundary = template["Resources"]["FunctionBoundary"]["Properties"]["PolicyDocument"]["Statement"]
    others, logs = boundary
    assert (others["NotAction"], others["Resource"]) == ("logs:*", "*")
    assert logs["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    group = logs["Resource"]["Fn::Sub"].partition(":log-group:")[2]
    assert group == "/aws/lambda/${AWS::StackName}-*:*"


def test_a_function_may_read_exactly_the_secrets_that_its_environment_names(functions: dict[str, Any]) -> None:
    for properties in functions.values():
        told = {SECRETS[name] for name in properties["Environment"]["Variables"] if name in SECRETS}
        granted = {
            resource["Fn::GetAtt"].removesuffix(".Id")
            for statement in statements(properties)
            if "secretsmanager:GetSecretValue" in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        }
        assert granted == told


FOLDERS = {"SetAsideWhatIsNoMedia": {"quarantine"}, "EraseVersions": {"tasks", "quarantine"}}  # by statement


def test_functions_touch_only_the_tasks_folder_of_the_archive_but_for_what_is_no_media(
    functions: dict[str, Any],
) -> None:
    for properties in functions.values():
        for statement in statements(properties):
            if any(re.match("s3:.*Object|s3:.*Upload", action) for action in listed(statement["Action"])):
                paths = [
                    each["Fn::Sub"].removeprefix("${ArchiveBucket.Arn}/") for each in listed(statement["Resource"])
                ]
                assert {path.partition("/*")[0] for path in paths} == FOLDERS.get(statement["Sid"], {"tasks"})


def test_only_manage_may_delete_files(functions: dict[str, Any]) -> None:
    granted = {
        name: {action for statement in statements(properties) for action in listed(statement["Action"])}
        for name, properties in functions.items()
    }
    for action in ("s3:DeleteObjectVersion", "s3:ListBucketVersions"):
        assert [name for name, actions in granted.items() if action in actions] == ["ManageFunction"]
    assert not [name for name, actions in granted.items() if "s3:DeleteObject" in actions]
    keys = {
        key
        for statement in statements(functions["SubmitFunction"])
        for key in statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ())
    }
    assert not {key for key in keys if key.startswith(("webhooks", "deliveries", "waiting"))}


def test_manage_changes_in_the_table_nothing_but_keys_subscriptions_webhooks_and_what_it_erases(
    functions: dict[str, Any],
) -> None:
    for statement in statements(functions["ManageFunction"]):
        actions = {each for each in listed(statement["Action"]) if each.startswith("dynamodb:")}
        if actions - {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}:
            kept = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            assert kept in (
                ["subscriptions#*", "subscriptions-endpoint#*"],
                ["webhooks#*", "deliveries#*", "waiting#*"],
                ["keys", "owners"],
                ["spend#*", "task#*"],
                ["task#*"],
            )


def test_only_query_manage_poll_and_sweep_read_indexes_and_each_only_its_own(functions: dict[str, Any]) -> None:
    readers = {
        name: indexes
        for name, properties in functions.items()
        for statement in statements(properties)
        if "dynamodb:Query" in listed(statement["Action"])
        and (indexes := [each["Fn::Sub"] for each in listed(statement["Resource"]) if "Fn::Sub" in each])
    }
    assert readers == {
        "QueryFunction": ["${TasksTable.Arn}/index/by_owner*", "${TasksTable.Arn}/index/unfinished"],
        "ManageFunction": ["${TasksTable.Arn}/index/by_owner*"],
        "PollFunction": ["${TasksTable.Arn}/index/by_provider_task"],
        "SweepFunction": [
            "${TasksTable.Arn}/index/unfinished",
            "${TasksTable.Arn}/index/by_provider_task",
            "${TasksTable.Arn}/index/by_owner*",
        ],
    }


OTHERS = {"ec2", "elasticfilesystem", "firehose", "kinesis", "kms", "s3files", "s3tables"}
UNUSED = re.compile(  # what AWS calls for properties that the template does not have
    r"dynamodb:(\w*(Item|Replica|KinesisStreamingDestination|ContributorInsights)|Query|Scan|ImportTable|(Put|Delete)Resource\w+)"
)


def test_the_deployers_policy_allows_what_cloudformation_does_for_each_resource_and_what_deploy_asks_for(
    template: dict[str, Any],
) -> None:
    """By the permissions that AWS's own schema of each resource type names."""
    text = (ROOT / "docs" / "deployer-policy.json").read_text()
    assert len(re.sub(r"\s", "", text)) <= 6144  # IAM's limit
    allowed = [
        (action.lower(), resource)
        for statement in json.loads(text)["Statement"]
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    (resources,) = translated(template, ["Canary10Percent5Minutes"])
    types = {each["Type"] for each in resources.values()}
    folder = Path(str(distribution("cfn-lint").locate_file("cfnlint/data/schemas/resources")))
    schemas = [json.loads(path.read_text()) for path in folder.iterdir()]
    handlers = {schema["typeName"]: schema["handlers"] for schema in schemas if schema["typeName"] in types}
    assert types - handlers.keys() == set()
    actions = {
        action
        for each in handlers.values()
        for name in ("create", "read", "update", "delete")
        for action in each.get(name, {}).get("permissions", ())
        if action.split(":")[0] not in OTHERS and not UNUSED.fullmatch(action)
    }
    assert len(actions) > 150
    assert not {each for each in actions if not any(fnmatch(each.lower(), pattern) for pattern, _ in allowed)}
    plan = Plan(stack_name="reelkeep", region="eu-west-1")
    for resource, wanted in needed(plan, "aws", "123456789012").items():
        for each in wanted:
            assert any(fnmatch(each.lower(), action) and fnmatch(resource, on) for action, on in allowed), each
