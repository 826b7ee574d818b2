"""The template: alarms, the dashboard, and what ends in the queue of dead letters."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from reelkeep.domain.log_fields import log_fields
from reelkeep.domain.task import Kind, Request, Task
from tests.local.infrastructure.template_harness import ROOT, of_type

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
