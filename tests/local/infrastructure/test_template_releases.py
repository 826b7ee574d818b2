"""The template: how a release takes over, and what outlives it."""

from __future__ import annotations

import graphlib
import json
import re
from pathlib import Path
from typing import Any

import yaml

from tests.local.infrastructure.template_harness import ROOT, SECRETS, listed, of_type, translated

NAMES = {
    "AWS::ApiGatewayV2::Route": "RouteKey",
    "AWS::ApiGatewayV2::Stage": "StageName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Lambda::EventSourceMapping": "EventSourceArn",  # each has one function
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Serverless::StateMachine": "Name",
}


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


def test_what_waits_in_the_queue_of_the_version_before_is_delivered_after_it(resources: dict[str, Any]) -> None:
    old = {"FifoQueue": True, "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    assert resources["DeliveriesQueue"]["Properties"].items() >= old.items()  # or it is replaced, and they are gone
    new, drained = (resources[name]["Properties"] for name in ("OutboxMapping", "DeliverMapping"))
    assert new["EventSourceArn"] == {"Fn::GetAtt": "OutboxQueue.Arn"}
    assert drained["EventSourceArn"] == {"Fn::GetAtt": "DeliveriesQueue.Arn"}
    assert drained["FunctionName"] == new["FunctionName"]


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
