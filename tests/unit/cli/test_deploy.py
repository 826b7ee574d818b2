"""`reelkeep deploy`: what it says of an account before it builds, and what it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from cli.operators.deploy import Plan, Preflight, _overrides, _without_overrides, carry_out, needed

STEPS = ("finalize", "query", "submit")
USER = "arn:aws:iam::123456789012:user/alice"
ROLE = "arn:aws:sts::123456789012:assumed-role/deployer/session"
LIVE = {
    "StackName": "reelkeep",
    "StackStatus": "UPDATE_COMPLETE",
    "CreationTime": 0,
    "Outputs": [{"OutputKey": "TableName", "OutputValue": "t"}],
}
KNOWN = frozenset({"AlarmEmail", "MaxConcurrency", "FinalizeConcurrency", "DeliverConcurrency"})


class Account:
    """An account in which everything is in order; what is not is said by name."""

    def __init__(
        self,
        *,
        stack: dict[str, Any] | None = None,
        arn: str = USER,
        signed_in: bool = True,
        denied: Sequence[str] = (),
        taken: Sequence[str] = (),
        quota: int = 1000,
        unreserved: int | None = None,
        protected: int = 0,
        may_see_limits: bool = True,
    ) -> None:
        self._clients: dict[str, Any] = {}
        self._stubs: list[Stubber] = []
        sts = self._stub("sts")
        if not signed_in:
            sts.add_client_error("get_caller_identity", "ExpiredToken", "the token is expired")
            return
        sts.add_response("get_caller_identity", {"Arn": arn, "Account": "123456789012", "UserId": "u"})
        cloudformation = self._stub("cloudformation")
        if stack:
            cloudformation.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "reelkeep"})
        else:
            cloudformation.add_client_error("describe_stacks", "ValidationError", "it does not exist")
        for _ in range(protected):
            cloudformation.add_response("set_stack_policy", {}, {"StackName": "reelkeep", "StackPolicyBody": ANY})
        iam = self._stub("iam")
        if not arn.endswith(":root"):
            for resource, actions in needed(plan(), "aws", "123456789012").items():
                decisions = {each: "implicitDeny" if each in denied else "allowed" for each in actions}
                results = [{"EvalActionName": each, "EvalDecision": said} for each, said in decisions.items()]
                iam.add_response(
                    "simulate_principal_policy",
                    {"EvaluationResults": results},
                    {
                        "PolicySourceArn": "arn:aws:iam::123456789012:role/deployer" if arn == ROLE else arn,
                        "ActionNames": list(actions),
                        "ResourceArns": [resource],
                    },
                )
        functions = self._stub("lambda")
        if not stack:
            self._add_names(taken)
        limit = {"ConcurrentExecutions": quota, "UnreservedConcurrentExecutions": unreserved or quota}
        if may_see_limits:
            functions.add_response("get_account_settings", {"AccountLimit": limit})
        else:
            functions.add_client_error("get_account_settings", "AccessDeniedException")

    def _add_names(self, taken: Sequence[str]) -> None:
        def look(service: str, operation: str, name: str, answer: dict[str, Any], code: str) -> None:
            stub = self._stub(service)
            if name in taken:
                stub.add_response(operation, answer)
            else:
                stub.add_client_error(operation, code)

        for step in STEPS:
            look("lambda", "get_function", f"reelkeep-{step}", {}, "ResourceNotFoundException")
        for schedule in ("reelkeep-sweep", "reelkeep-adopt"):
            look("scheduler", "get_schedule", schedule, {}, "ResourceNotFoundException")
        machine = {"stateMachineArn": "a", "name": "n", "definition": "d", "roleArn": "r", "type": "STANDARD"}
        machine["creationDate"] = 0  # type: ignore[assignment]
        for name in ("reelkeep-task", "reelkeep-watch"):
            look("stepfunctions", "describe_state_machine", name, machine, "StateMachineDoesNotExist")
        look("cloudwatch", "get_dashboard", "reelkeep-eu-west-1", {}, "ResourceNotFound")
        own = [f"/aws/lambda/reelkeep-{step}" for step in STEPS]
        for group in (
            *own,
            *(
                f"/aws/vendedlogs/{each}"
                for each in ("states/reelkeep-task", "states/reelkeep-watch", "apis/reelkeep")
            ),
        ):
            found = [{"logGroupName": f"{group}-other"}, *([{"logGroupName": group}] if group in taken else [])]
            self._stub("logs").add_response(
                "describe_log_groups", {"logGroups": found}, {"logGroupNamePrefix": group}
            )

    def _stub(self, service: str) -> Stubber:
        if service in self._clients:
            return next(stub for stub in self._stubs if stub.client is self._clients[service])
        client = boto3.client(  # type: ignore[call-overload]  # any service
            service, region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self._clients[service] = client
        self._stubs.append(stub := Stubber(client))
        stub.activate()
        return stub

    def __call__(self, service: str) -> Any:
        return self._clients[service]

    def assert_all_was_asked(self) -> None:
        for stub in self._stubs:
            stub.assert_no_pending_responses()


def plan(region: str | None = "eu-west-1", **parameters: str) -> Plan:
    return Plan(stack_name="reelkeep", region=region, parameters=parameters)


def missing(account: Account, plan: Plan) -> list[str]:
    return Preflight(account, plan, STEPS, KNOWN).missing()


@pytest.mark.parametrize("arn", [USER, ROLE, "arn:aws:iam::123456789012:root"])
@pytest.mark.parametrize("stack", [None, LIVE], ids=["new", "there"])
def test_nothing_is_missing_where_everything_is_in_order(arn: str, stack: dict[str, Any] | None) -> None:
    assert missing(Account(arn=arn, stack=stack), plan()) == []


def test_without_a_region_or_credentials_that_is_what_is_missing() -> None:
    assert missing(Account(), plan(region=None)) == ["No region is set: say in AWS_REGION where the stack is to be."]
    parameter, region, said = missing(Account(signed_in=False), plan(region=None, AlramEmail="a@b"))
    assert (parameter, region[:16]) == (
        "There is no parameter AlramEmail: did you mean AlarmEmail?",
        "No region is set",
    )
    assert "the token is expired" in said
    assert "AWS_PROFILE" in said


def test_everything_else_that_is_missing_is_said_at_once() -> None:
    taken = ("reelkeep-query", "reelkeep-adopt", "reelkeep-task", "reelkeep-eu-west-1", "/aws/lambda/reelkeep-submit")
    account = Account(denied=["sns:CreateTopic", "dynamodb:CreateTable"], taken=taken, quota=10)
    denied, names, concurrency = missing(account, plan(MaxConcurrency="5", FinalizeConcurrency="2"))
    assert denied.startswith("You may not do what the deployment needs: dynamodb:CreateTable, sns:CreateTopic.")
    for each in (
        "function reelkeep-query",
        "schedule reelkeep-adopt",
        "state machine reelkeep-task",
        "dashboard reelkeep-eu-west-1",
        "log group /aws/lambda/reelkeep-submit",
    ):
        assert each in names
    assert "reserve 12 executions, which leaves -2" in concurrency


def test_what_may_not_be_looked_at_does_not_hide_what_else_is_missing() -> None:
    account = Account(denied=["lambda:GetAccountSettings"], may_see_limits=False)
    preflight = Preflight(account, plan(MaxConcurrency="5"), STEPS, KNOWN)
    (denied,) = preflight.missing()
    assert denied.startswith("You may not do what the deployment needs: lambda:GetAccountSettings.")
    assert (preflight.suggested(), preflight.note()) == ({}, "")


@pytest.mark.parametrize(
    ("stack", "said"),
    [
        (
            {"StackStatus": "ROLLBACK_COMPLETE"},
            "can only be deleted: aws cloudformation delete-stack --stack-name reelkeep",
        ),
        ({"StackStatus": "UPDATE_IN_PROGRESS"}, "wait until that has ended"),
        ({"Outputs": []}, "none of Reelkeep's"),
    ],
)
def test_a_stack_that_cannot_be_updated_is_said_to_be_so(stack: dict[str, Any], said: str) -> None:
    (sentence,) = missing(Account(stack={**LIVE, **stack}), plan())
    assert said in sentence


def test_what_a_stack_has_reserved_already_counts_once() -> None:
    chosen = [{"ParameterKey": "FinalizeConcurrency", "ParameterValue": "450"}]
    there = {**LIVE, "Parameters": chosen}
    assert missing(Account(stack=there, unreserved=550), plan()) == []
    assert missing(Account(stack=there, unreserved=550), plan(FinalizeConcurrency="900")) == []
    assert len(missing(Account(stack=there, unreserved=550), plan(FinalizeConcurrency="901"))) == 1


@pytest.mark.parametrize(
    ("quota", "suggested"),
    [
        (10, {"DeliverConcurrency": "2"}),
        (250, {"DeliverConcurrency": "25", "FinalizeConcurrency": "75"}),
        (1000, {"DeliverConcurrency": "100", "FinalizeConcurrency": "450"}),
    ],
)
def test_half_of_what_can_be_reserved_is_for_files_so_that_the_rest_is_for_the_api(
    quota: int, suggested: dict[str, str]
) -> None:
    preflight = Preflight(Account(quota=quota, stack=LIVE), plan(), STEPS, KNOWN)
    assert preflight.missing() == []
    assert preflight.suggested() == suggested
    assert bool(preflight.note()) == (quota < 1000)
    chosen = [{"ParameterKey": name, "ParameterValue": "7"} for name in ("DeliverConcurrency", "FinalizeConcurrency")]
    for stack, asked in (({**LIVE, "Parameters": chosen}, {}), (LIVE, dict.fromkeys(suggested, "7"))):
        known = Preflight(Account(quota=quota, stack=stack), plan(**asked), STEPS, KNOWN)
        assert known.suggested() == {}  # what somebody chose stays


def project(folder: Path) -> Path:
    for step in STEPS:
        (folder / "functions" / step).mkdir(parents=True)
        (folder / "functions" / step / "app.py").touch()
    (folder / "stack-policy.json").write_text("{}")
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / ".venv-cloud" / "bin").mkdir(parents=True)
    (folder / ".venv-cloud" / "bin" / "python").touch()
    return folder


TEMPLATE = """Description: x

Parameters:
  AlarmEmail:
    Type: String

Resources:
  Table:
    Type: x
"""


def test_it_builds_and_deploys_only_what_can_be_deployed_and_then_protects_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[list[str]] = []

    def run(command: Sequence[str | Path]) -> int:
        ran.append([str(each) for each in command])
        return 0

    root = project(tmp_path)
    (root / ".venv-cloud").rename(root / "away")
    assert carry_out(plan(region=None, Table="x"), Account(), run, root) == 1
    assert ran == []
    said = capsys.readouterr().out
    assert "No region is set" in said
    assert "no parameter Table in template.yaml" in said
    assert "run `make setup`" in said
    (root / "away").rename(root / ".venv-cloud")
    account = Account(stack=LIVE, protected=2)
    wanted = Plan(
        stack_name="reelkeep",
        region="eu-west-1",
        parameters={"AlarmEmail": "a@b"},
        sam_options=("--no-confirm-changeset",),
    )
    assert carry_out(wanted, account, run, root) == 0
    account.assert_all_was_asked()
    build, sam = ran
    assert build[-1] == "build"
    options = ["DeliverConcurrency=100", "FinalizeConcurrency=450", "AlarmEmail=a@b", "--no-confirm-changeset"]
    assert sam[1:] == ["-m", "samcli", "deploy", "--stack-name", "reelkeep", "--parameter-overrides", *options]


def test_a_build_that_fails_is_not_deployed(tmp_path: Path) -> None:
    ran: list[object] = []

    def run(command: Sequence[str | Path]) -> int:
        ran.append(command)
        return 2

    assert carry_out(plan(), Account(stack=LIVE, protected=2), run, project(tmp_path)) == 2
    assert len(ran) == 1


def test_sams_own_way_of_giving_parameters_is_understood_and_other_options_are_passed_on() -> None:
    arguments = ["--no-confirm-changeset", "--parameter-overrides", "A=1", "B=x y", "--s3-bucket", "b"]
    assert _overrides(arguments) == ["A=1", "B=x y"]
    assert _without_overrides(arguments) == ["--no-confirm-changeset", "--s3-bucket", "b"]
