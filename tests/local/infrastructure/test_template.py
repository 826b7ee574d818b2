"""The template."""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from reelkeep.adapters.s3 import layout
from reelkeep.adapters.s3.bucket import EXPIRES
from reelkeep.dialects import all_dialects
from reelkeep.dialects.dialect import Operation
from reelkeep.domain.notices.webhooks import ANNOUNCED_STATES, ATTEMPTS, Attempt, Delivery, Outcome
from reelkeep.domain.task import State
from tests.local.infrastructure.template_harness import ROOT, listed, of_type, statements

GATEWAY_SECONDS = 30
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_cloudformation_can_read_it_without_anyone_resolving_aliases() -> None:
    for path in (ROOT / "template.yaml", *(ROOT / "statemachine").iterdir()):
        assert not [token for token in yaml.scan(path.read_text()) if isinstance(token, yaml.AliasToken)]


def test_every_parameter_output_and_function_says_what_it_is_for(
    template: dict[str, Any], functions: dict[str, Any]
) -> None:
    for described in (*template["Parameters"].values(), *template["Outputs"].values(), *functions.values()):
        assert described["Description"].endswith(".")


def test_every_parameter_has_a_default_so_that_a_deployment_needs_no_answer(template: dict[str, Any]) -> None:
    assert all("Default" in parameter for parameter in template["Parameters"].values())


def test_nothing_says_which_partition_of_aws_it_is_in(template: dict[str, Any], machine: dict[str, Any]) -> None:
    written = json.dumps(template["Resources"]) + json.dumps(machine)
    assert set(re.findall(r"\barn:(\$\{[^}]*\}|[^:]*):", written)) == {"${AWS::Partition}", "${Partition}"}


def test_only_partitions_whose_roots_are_in_the_layer_get_a_bundle_of_their_own(template: dict[str, Any]) -> None:
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["AWS_CA_BUNDLE"]["Fn::If"] == ["UsesAmazonRoots", "/opt/aws-roots.pem", {"Ref": "AWS::NoValue"}]
    assert template["Conditions"]["UsesAmazonRoots"] == {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws"]}


def test_nothing_is_traced_unless_the_parameter_says_so(template: dict[str, Any]) -> None:
    """SAM grants what X-Ray needs, unless the value is Disabled."""
    assert template["Parameters"]["Tracing"]["Default"] == "Disabled"
    function = template["Globals"]["Function"]
    assert function["Tracing"] == function["Environment"]["Variables"]["TRACING"] == {"Ref": "Tracing"}


def test_two_stacks_can_live_in_one_account(resources: dict[str, Any], functions: dict[str, Any]) -> None:
    events = [event for properties in functions.values() for event in properties.get("Events", {}).values()]
    schedules = [event["Properties"] for event in events if event["Type"] == "ScheduleV2"]
    assert len(schedules) == 2
    named = [properties["Name"] for properties in schedules]  # or SAM gives it one that knows no stack
    for resource in resources.values():
        known = resource.get("Properties", {}).items()
        named += [name for key, name in known if re.fullmatch(r"(?!Metric|Stage)\w*Name", key) and "Ref" not in name]
    assert len(named) > 20
    assert all("${AWS::StackName}" in name["Fn::Sub"] for name in named)


def test_what_is_no_media_expires(resources: dict[str, Any]) -> None:
    rules = resources["ArchiveBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = (rule for rule in rules if rule.get("Prefix") == layout.QUARANTINE)
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", {"Ref": "QuarantineDays"})


def test_request_bodies_expire_by_the_tag_that_they_are_stored_with(resources: dict[str, Any]) -> None:
    rules = resources["ArchiveBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = (rule for rule in rules if rule.get("Id") == "request-bodies")
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", {"Ref": "RequestBodyDays"})
    (tag,) = rule["TagFilters"]
    assert f"{tag['Key']}={tag['Value']}" == EXPIRES


def test_the_functions_behind_the_api_give_up_before_the_api_does(functions: dict[str, Any]) -> None:
    assert functions["SubmitFunction"]["Timeout"] < GATEWAY_SECONDS
    assert functions["QueryFunction"]["Timeout"] < GATEWAY_SECONDS
    assert functions["ManageFunction"]["Timeout"] < GATEWAY_SECONDS
    assert functions["ProviderCallbackFunction"]["Timeout"] < GATEWAY_SECONDS


def test_every_operation_is_routed_to_the_function_that_has_it(resources: dict[str, Any]) -> None:
    """By what AWS documents: the whole path first, then the longest greedy one, each with this method; then $default.
    How it ranks ANY there is not documented, so no route says that."""
    targets = {
        route["RouteKey"]: re.sub(r".*\{(\w+)Integration\}", r"\1", route["Target"]["Fn::Sub"])
        for route in of_type(resources, "AWS::ApiGatewayV2::Route").values()
    }
    assert not [key for key in targets if key.startswith("ANY")]

    def function_of(method: str, path: str) -> str:
        folders = [path[:end] for end, letter in enumerate(path) if letter == "/"][::-1]
        keys = (f"{method} {path}", *(f"{method} {folder}/{{proxy+}}" for folder in folders), "$default")
        return next(targets[key] for key in keys if key in targets)

    for route in (route for dialect in all_dialects() for route in dialect.routes):
        for method in (route.method, *(["HEAD"] if route.method == "GET" else [])):
            tasks = "Query" if method in ("GET", "HEAD") else "Submit"
            is_of_task = route.path.startswith("/tasks/") and route.operation != "eraseTask"
            is_managed = isinstance(route, Operation) and not is_of_task
            assert function_of(method, route.path) == ("Manage" if is_managed else tasks)
    assert function_of("POST", "/wake/token/task") == "ProviderCallback"
    assert {function_of(method, "/docs/page.js") for method in ("GET", "HEAD", "OPTIONS")} == {"Query"}
    assert {function_of(method, "/nothing") for method in ("POST", "PUT", "PATCH", "DELETE")} == {"Submit"}


def test_every_function_writes_to_a_log_that_ends_when_the_parameter_says(
    resources: dict[str, Any], functions: dict[str, Any]
) -> None:
    groups = of_type(resources, "AWS::Logs::LogGroup")
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    for properties in functions.values():
        group = groups[properties["LoggingConfig"]["LogGroup"]["Ref"]]
        assert group["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/{properties['FunctionName']['Fn::Sub']}"}


def test_the_api_takes_no_more_requests_than_the_parameters_say(resources: dict[str, Any]) -> None:
    limits = {"ThrottlingRateLimit": {"Ref": "RequestsPerSecond"}, "ThrottlingBurstLimit": {"Ref": "RequestsAtOnce"}}
    assert resources["HttpApiStage"]["Properties"]["DefaultRouteSettings"] == limits


def test_the_access_log_is_json_and_shows_no_path_that_could_hold_a_token(resources: dict[str, Any]) -> None:
    line = resources["HttpApiStage"]["Properties"]["AccessLogSettings"]["Format"]
    assert "\n" not in line
    shown = set(json.loads(line).values())
    assert "$context.routeKey" in shown
    assert not [each for each in shown if "path" in each.lower() or "query" in each.lower()]


def test_the_machines_logs_show_no_data_of_an_execution(resources: dict[str, Any]) -> None:
    machines = of_type(resources, "AWS::Serverless::StateMachine").values()
    assert [each["Logging"]["IncludeExecutionData"] for each in machines] == [False, False]


def test_the_archive_is_private_encrypted_versioned_and_open_to_tls_only(resources: dict[str, Any]) -> None:
    bucket = resources["ArchiveBucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (statement,) = resources["ArchiveBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_console_s_script_may_read_what_a_permanent_link_leads_to_whatever_the_parameters_say(
    resources: dict[str, Any],
) -> None:
    (rule,) = resources["ArchiveBucket"]["Properties"]["CorsConfiguration"]["CorsRules"]
    assert (rule["AllowedMethods"], rule["AllowedOrigins"]) == (["GET", "HEAD"], ["*"])


def test_the_table_is_backed_up_and_forgets_only_what_says_so(resources: dict[str, Any]) -> None:
    table = resources["TasksTable"]["Properties"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_every_index_holds_keys_only_in_the_order_of_time(resources: dict[str, Any]) -> None:
    indexes = resources["TasksTable"]["Properties"]["GlobalSecondaryIndexes"]
    assert all(index["Projection"] == {"ProjectionType": "KEYS_ONLY"} for index in indexes)
    assert {index["KeySchema"][1]["AttributeName"] for index in indexes} == {"task_id"}


def test_the_stream_announces_every_state_that_a_webhook_can_ask_for(resources: dict[str, Any]) -> None:
    assert resources["TasksTable"]["Properties"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    mapping = resources["AnnounceMapping"]["Properties"]
    filters = [json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]]
    assert len(filters) <= 5  # the most that AWS takes
    [owners] = [each for each in filters if each["dynamodb"]["Keys"] == {"pk": {"S": ["owners"]}}]  # for their lines
    filters.remove(owners)
    assert all(each["dynamodb"]["Keys"] == {"sk": {"S": ["task"]}} for each in filters)
    [new] = [each for each in filters if each["eventName"] == ["INSERT"]]  # for the ledger
    patterns = [each["dynamodb"] for each in filters if each is not new]
    for before, after in itertools.product(State, State):
        heard = [each for each in patterns if matches(each, before, after)]
        # Files may come after a success, and what came of a failure after all may be adopted.
        is_news = after in ANNOUNCED_STATES and (before is not after or after.terminal)
        assert len(heard) == is_news or (before.terminal and after.terminal)
    assert mapping["ParallelizationFactor"] == 10
    assert mapping["StartingPosition"] == "TRIM_HORIZON"  # what changed before the mapping was there is heard of, too
    assert mapping["DestinationConfig"] == {"OnFailure": {"Destination": {"Fn::GetAtt": "DeadLetterQueue.Arn"}}}


def matches(pattern: dict[str, Any], before: State, after: State) -> bool:
    """As Lambda's filters do it."""
    images = (("OldImage", before), ("NewImage", after))
    return all(
        any(
            state not in each["anything-but"] if isinstance(each, dict) else state == each
            for each in pattern[image]["state"]["S"]
        )
        for image, state in images
        if image in pattern
    )


def test_a_days_attempts_fit_what_the_queue_can_do(resources: dict[str, Any], functions: dict[str, Any]) -> None:
    queue = resources["OutboxQueue"]["Properties"]
    assert "FifoQueue" not in queue  # which delays no single message
    assert queue["VisibilityTimeout"] >= 6 * functions["DeliverFunction"]["Timeout"]  # as AWS advises
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": "DeadLetterQueue.Arn"}
    delivery = Delivery(id="dl_1", owner="a", webhook_id="wh_1", event="", url="", body="", created_at=NOON)
    waits, now = [], NOON
    while delivery.outcome is Outcome.WAITING:
        delivery = delivery.attempted(Attempt(at=now, status=500, milliseconds=1), jitter=1.1)
        if delivery.next_attempt_at:
            waits.append(delivery.next_attempt_at - now)
            now = delivery.next_attempt_at
    assert (len(waits), len(delivery.attempts)) == (ATTEMPTS - 1, ATTEMPTS)
    assert timedelta(hours=20) < sum(waits, timedelta()) < timedelta(hours=30)
    assert resources["OutboxMapping"]["Properties"]["BatchSize"] == 1


def test_lambda_stops_no_function_that_sends_to_its_own_queue(
    resources: dict[str, Any], functions: dict[str, Any]
) -> None:
    """It takes some 16 messages in a row for a loop, unless that is allowed. The sweep calls itself once."""
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping").values()
    heard = [(each["FunctionName"]["Ref"], each["EventSourceArn"]) for each in mappings]
    looping = {
        name
        for name, properties in functions.items()
        for statement in statements(properties)
        if "sqs:SendMessage" in listed(statement["Action"])
        if any((f"{name}.Alias", queue) in heard for queue in listed(statement["Resource"]))
    }
    assert looping == {"DeliverFunction"}
    assert {name for name, each in functions.items() if each.get("RecursiveLoop") == "Allow"} == looping


def test_what_is_built_is_built_for_the_python_that_runs_it(template: dict[str, Any]) -> None:
    runtime = template["Globals"]["Function"]["Runtime"]
    makefile = (ROOT / "layers" / "build.mk").read_text()
    assert f"RUNTIME := {runtime.removeprefix('python')}\n" in makefile
    assert template["Globals"]["Function"]["Architectures"] == ["arm64"]
    assert "manylinux2014_aarch64" in makefile
