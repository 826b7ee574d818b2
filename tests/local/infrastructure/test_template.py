from __future__ import annotations

import copy
import graphlib
import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import yaml

from cli.operators.deploy import Plan, needed
from reelkeep.adapters.s3 import layout
from reelkeep.adapters.s3.bucket import EXPIRES
from reelkeep.dialects import all_dialects
from reelkeep.dialects.dialect import Operation
from reelkeep.domain.log_fields import log_fields
from reelkeep.domain.notices.webhooks import ANNOUNCED_STATES, ATTEMPTS, Attempt, Delivery, Outcome
from reelkeep.domain.task import Kind, Request, State, Task

ROOT = Path(__file__).parents[3]
SECRETS = {
    "PROVIDERS_SECRET_ARN": "ProvidersSecret",
    "LINK_SECRET_ARN": "LinkSecret",
    "WEBHOOK_SECRET_ARN": "WebhookSecret",
}
GATEWAY_SECONDS = 30
NAMES = {
    "AWS::ApiGatewayV2::Route": "RouteKey",
    "AWS::ApiGatewayV2::Stage": "StageName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Lambda::EventSourceMapping": "EventSourceArn",  # each has one function
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Serverless::StateMachine": "Name",
}
TASK = Task(
    id="0" * 32,
    owner="alice",
    key_id="key-1",
    provider="vidu",
    request=Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO),
    created_at=datetime(2026, 11, 21, tzinfo=UTC),
    updated_at=datetime(2026, 11, 21, tzinfo=UTC),
    deadline=datetime(2026, 11, 21, tzinfo=UTC),
)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: each.get("Properties", {}) for name, each in resources.items() if each["Type"] == kind}


def statements(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in properties["Policies"]:
        yield from policy["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


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


def test_what_cannot_be_made_again_outlives_the_stack(resources: dict[str, Any]) -> None:
    for name in ("TasksTable", "ArchiveBucket", *SECRETS.values()):
        assert resources[name]["DeletionPolicy"].startswith("Retain")
        assert resources[name]["UpdateReplacePolicy"] == "Retain"


def test_the_stack_policy_refuses_to_replace_or_delete_exactly_what_cannot_be_made_again(
    resources: dict[str, Any],
) -> None:
    kept = {name for name, each in resources.items() if each.get("DeletionPolicy", "").startswith("Retain")}
    allowed, denied = json.loads((ROOT / "stack-policy.json").read_text())["Statement"]
    assert (allowed["Effect"], allowed["Action"], allowed["Resource"]) == ("Allow", "Update:*", "*")
    assert (denied["Effect"], denied["Action"]) == ("Deny", ["Update:Replace", "Update:Delete"])
    assert set(denied["Resource"]) == {f"LogicalResourceId/{name}" for name in kept}


def test_a_release_takes_over_as_a_whole_for_whoever_calls_a_function(
    template: dict[str, Any], resources: dict[str, Any], functions: dict[str, Any]
) -> None:
    """All call the alias, which changes once code, layers and variables have; layers stay for the way back."""
    assert template["Globals"]["Function"]["AutoPublishAlias"] == "live"
    assert {each["AutoPublishAliasAllProperties"] for each in functions.values()} == {True}
    callers = {
        "AWS::ApiGatewayV2::Integration": "IntegrationUri",
        "AWS::Lambda::Permission": "FunctionName",
        "AWS::Lambda::EventSourceMapping": "FunctionName",
    }
    called = [each[field] for kind, field in callers.items() for each in of_type(resources, kind).values()]
    called += [
        value
        for machine in of_type(resources, "AWS::Serverless::StateMachine").values()
        for name, value in machine["DefinitionSubstitutions"].items()
        if name.endswith("FunctionArn")
    ]
    assert len(called) == 14
    assert all(each["Ref"].endswith("Function.Alias") for each in called)
    assert {each["RetentionPolicy"] for each in of_type(resources, "AWS::Serverless::LayerVersion").values()} == {
        "Retain"
    }


def test_a_release_takes_over_at_once_or_step_by_step_and_then_alarms_bring_the_earlier_one_back(
    template: dict[str, Any],
) -> None:
    chosen, parameter = template["Globals"]["Function"]["DeploymentPreference"], {"Ref": "DeploymentPreference"}
    assert (chosen["Type"], chosen["Enabled"]["Fn::FindInMap"][1]) == (parameter, parameter)
    assert [alarm["Ref"] for alarm in chosen["Alarms"]] == [
        "ApiErrorsAlarm",
        "FunctionErrorsAlarm",
        "ExecutionsFailedAlarm",
    ]
    steps = template["Mappings"]["DeploymentSteps"]
    assert list(steps) == template["Parameters"]["DeploymentPreference"]["AllowedValues"]
    assert {name for name, step in steps.items() if step["Gradual"] == "false"} == {
        template["Parameters"]["DeploymentPreference"]["Default"]
    }


def test_no_resource_waits_for_itself_however_a_release_takes_over(template: dict[str, Any]) -> None:
    """CloudFormation refuses circles. SAM adds what closes them: aliases that wait for alarms before they change."""
    ways = ["AllAtOnce", "Canary10Percent5Minutes"]  # the other steps give the same resources
    for way, resources in zip(ways, translated(template, ways), strict=True):
        waits = {name: referred(resource) & resources.keys() for name, resource in resources.items()}
        assert ("ExecutionsFailedAlarm" in waits.get("PollFunctionDeploymentGroup", ())) == (way != "AllAtOnce")
        assert ("PollFunctionDeploymentGroup" in waits["PollFunctionAliaslive"]) == (way != "AllAtOnce")
        graphlib.TopologicalSorter(waits).prepare()  # raises CycleError, which names one


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


TRANSLATE = """
import json, sys
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
json.dump([Translator({}, Parser()).translate(each, {})["Resources"] for each in json.load(sys.stdin)], sys.stdout)
"""


def translated(template: dict[str, Any], ways: list[str]) -> list[dict[str, Any]]:
    """The resources that CloudFormation is given, by SAM's own translation, for each way of taking over."""
    built = copy.deepcopy(template)
    places = {"Function": "CodeUri", "LayerVersion": "ContentUri", "StateMachine": "DefinitionUri"}
    for kind, place in places.items():
        for properties in of_type(built["Resources"], f"AWS::Serverless::{kind}").values():
            properties[place] = "s3://bucket/key"
    templates = []
    for way in ways:
        built["Parameters"]["DeploymentPreference"]["Default"] = way
        templates.append(copy.deepcopy(built))
    done = subprocess.run(
        [ROOT / ".venv-cloud" / "bin" / "python", "-c", TRANSLATE],
        input=json.dumps(templates),
        env={"AWS_DEFAULT_REGION": "us-east-1"},
        check=True,
        capture_output=True,
        text=True,
    )
    return list(json.loads(done.stdout))


def referred(value: Any) -> set[str]:
    """Every logical id that this may refer to, in its properties or its policy of updates."""
    match value:
        case {"Ref": str(name)}:
            return {name}
        case {"Fn::GetAtt": str(name) | [str(name), *_]}:
            return {name.partition(".")[0]}
        case {"Fn::Sub": str(text)}:
            return {name.partition(".")[0] for name in re.findall(r"\$\{([^}!]+)\}", text)}
        case {"Fn::Sub": [str(text), values]}:
            return referred({"Fn::Sub": text}) | referred(values)
        case {"Type": str(), "DependsOn": others}:
            return {*listed(others), *referred({name: each for name, each in value.items() if name != "DependsOn"})}
        case dict():
            return set().union(*map(referred, value.values()))
        case list():
            return set().union(*map(referred, value))
    return set()


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


def test_what_waits_in_the_queue_of_the_version_before_is_delivered_after_it(resources: dict[str, Any]) -> None:
    old = {"FifoQueue": True, "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    assert resources["DeliveriesQueue"]["Properties"].items() >= old.items()  # or it is replaced, and they are gone
    new, drained = (resources[name]["Properties"] for name in ("OutboxMapping", "DeliverMapping"))
    assert new["EventSourceArn"] == {"Fn::GetAtt": "OutboxQueue.Arn"}
    assert drained["EventSourceArn"] == {"Fn::GetAtt": "DeliveriesQueue.Arn"}
    assert drained["FunctionName"] == new["FunctionName"]


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


def test_what_has_the_name_of_something_in_the_release_before_is_the_same_resource_as_there(
    resources: dict[str, Any],
) -> None:
    """CloudFormation creates what is new before it deletes what is gone, and AWS refuses a name that is in use."""
    released: dict[str, str] = yaml.safe_load((Path(__file__).parent / "released_names.yaml").read_text())
    today = fixed_names(resources)
    both = released.keys() & today.keys()
    assert {name: today[name] for name in both} == {name: released[name] for name in both}
    assert len(both) > 20


def fixed_names(resources: dict[str, Any]) -> dict[str, str]:
    """Names by which AWS tells resources from others of their kind, in the account or API, with their logical ids."""
    found = {}
    for logical_id, resource in resources.items():
        properties = resource.get("Properties", {})
        field = NAMES.get(resource["Type"])
        if field and field in properties:
            value = properties[field]
            found[f"{resource['Type']} {next(iter(value.values())) if isinstance(value, dict) else value}"] = (
                logical_id
            )
        for event, each in properties.get("Events", {}).items():
            found[f"{each['Type']} {each['Properties']['Name']['Fn::Sub']}"] = f"{logical_id}{event}"
    return found


def test_every_alarm_says_what_to_do_and_is_about_this_stack_and_reaches_a_person(
    resources: dict[str, Any], functions: dict[str, Any]
) -> None:
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    services = {each["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]["Fn::Sub"] for each in functions.values()}
    assert all(service.startswith("${AWS::StackName}.") for service in services)  # which ProviderMetrics knows, too
    machine = f":stateMachine:{resources['TaskStateMachine']['Properties']['Name']['Fn::Sub']}"
    for alarm in alarms.values():
        assert len(alarm["AlarmDescription"]) > 100
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
        if alarm.get("Namespace") == "Reelkeep":
            assert {each["Value"]["Fn::Sub"] for each in alarm["Dimensions"]} <= services
        elif "Metrics" not in alarm:
            values = [each["Value"] for each in alarm["Dimensions"]]
            assert all(each.keys() & {"Ref", "Fn::GetAtt"} or each["Fn::Sub"].endswith(machine) for each in values)


def test_alarms_go_off_for_what_people_feel(resources: dict[str, Any], functions: dict[str, Any]) -> None:
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    assert alarms["ApiErrorsAlarm"]["MetricName"] == "5xx"
    assert alarms["ExecutionsThrottledAlarm"]["MetricName"] == "ExecutionThrottled"
    for name, metric in (("FunctionErrorsAlarm", "Errors"), ("FunctionThrottlesAlarm", "Throttles")):
        _, *each = alarms[name]["Metrics"]
        asked = [one["MetricStat"]["Metric"] for one in each]
        assert {one["MetricName"] for one in asked} == {metric}
        values = [one["Dimensions"][0]["Value"] for one in asked]
        names = [functions[value["Ref"]]["FunctionName"] if "Ref" in value else value for value in values]
        assert {name["Fn::Sub"] for name in names} == {one["FunctionName"]["Fn::Sub"] for one in functions.values()}
        assert len(each) <= 10  # of which an expression takes no more
    for name in ("SweepMissingAlarm", "AdoptMissingAlarm"):  # whatever does not run reports nothing
        assert (alarms[name]["Statistic"], alarms[name]["TreatMissingData"]) == ("SampleCount", "breaching")
    assert "UndeliveredAlarm" not in alarms  # one customer's dead endpoint, of which that customer is told


def test_alarms_and_dashboard_ask_for_metrics_and_lines_that_the_code_writes(resources: dict[str, Any]) -> None:
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    assert len({(widget["x"], widget["y"]) for widget in widgets}) == len(widgets) == 8
    sources = "".join(
        path.read_text() for folder in ("functions", "layers/reelkeep") for path in (ROOT / folder).rglob("*.py")
    )
    own = {alarm["MetricName"] for alarm in alarms.values() if alarm.get("Namespace") == "Reelkeep"}
    queries = [
        each["Expression"]["Fn::Sub"]
        for alarm in alarms.values()
        for each in alarm.get("Metrics", ())[:1]
        if isinstance(each["Expression"], dict)
    ]
    own |= {found for query in queries for found in re.findall(r"SELECT \w+\((\w+)\)", query)}
    own |= set(re.findall(r"Reelkeep,provider,service\} MetricName=\\\\?\"(\w+)", body))
    assert len(queries) == 6
    assert {"TaskFailed", "Credits", "ArchiveSeconds", "ProviderUnreachable", "UnfinishedTasks"} <= own
    for name in own:
        assert f'"{name}"' in sources
    for words in re.findall(r"message = '([^']+)'", body):
        assert f'"{words}"' in sources
    for words in re.findall(r"as tasks by (?:bin\(5m\), )?([\w, ]+?)(?: \||\")", body):
        assert set(words.split(", ")) <= log_fields(TASK).keys()


def test_every_unsuccessful_end_of_an_execution_reaches_the_dead_letters(resources: dict[str, Any]) -> None:
    rule = resources["UnsuccessfulExecutions"]["Properties"]
    assert rule["EventPattern"]["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    assert [target["Arn"] for target in rule["Targets"]] == [{"Fn::GetAtt": "DeadLetterQueue.Arn"}]


def test_what_is_built_is_built_for_the_python_that_runs_it(template: dict[str, Any]) -> None:
    runtime = template["Globals"]["Function"]["Runtime"]
    makefile = (ROOT / "layers" / "build.mk").read_text()
    assert f"RUNTIME := {runtime.removeprefix('python')}\n" in makefile
    assert template["Globals"]["Function"]["Architectures"] == ["arm64"]
    assert "manylinux2014_aarch64" in makefile
