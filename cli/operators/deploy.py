"""Deploys the stack: looks at the account first, and says everything that is missing at once, before it builds."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import Misused
from cli.operators.stack import config, session
from cli.options import Json
from cli.world import require_checkout, world_of

_SAM: Final = "--parameter-overrides"
_UNRESERVED: Final = 100  # executions that AWS wants to stay without a reservation
_USUAL_QUOTA: Final = 1000  # of concurrent executions; a new account has 10
_UNABLE: Final = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
_NOT_THERE: Final = ("ResourceNotFound", "ResourceNotFoundException", "StateMachineDoesNotExist", "ValidationError")
_DENIED: Final = ("AccessDenied", "AccessDeniedException")
_ACTIONS: Final = {  # on what of each service that the template needs, by the names that CloudFormation gives
    "apigateway:{region}::/apis": ("apigateway:POST",),
    "cloudformation:{region}:{account}:stack/{name}/0": (
        "cloudformation:CreateChangeSet",
        "cloudformation:DescribeStacks",
        "cloudformation:SetStackPolicy",
    ),
    "cloudwatch:{region}:{account}:alarm:{name}-Alarm": ("cloudwatch:PutMetricAlarm",),
    "cloudwatch::{account}:dashboard/{name}-{region}": ("cloudwatch:PutDashboard",),
    "codedeploy:{region}:{account}:deploymentgroup:{name}-Application/{name}-Group": (
        "codedeploy:CreateDeploymentGroup",
    ),
    "dynamodb:{region}:{account}:table/{name}-TasksTable": ("dynamodb:CreateTable",),
    "events:{region}:{account}:rule/{name}-Rule": ("events:PutRule",),
    "iam::{account}:policy/{name}-FunctionBoundary": ("iam:CreatePolicy",),
    "iam::{account}:role/{name}-FunctionRole": ("iam:CreateRole",),
    "lambda:{region}:{account}:function:{name}-submit": (
        "lambda:CreateFunction",
        "lambda:PutFunctionRecursionConfig",
    ),
    "lambda:{region}:{account}:layer:ReelkeepLayer": ("lambda:PublishLayerVersion",),
    "logs:{region}:{account}:log-group:/aws/lambda/{name}-submit": ("logs:CreateLogGroup",),
    "s3:::{name}-archivebucket": ("s3:CreateBucket",),
    "scheduler:{region}:{account}:schedule/default/{name}-sweep": ("scheduler:CreateSchedule",),
    "secretsmanager:{region}:{account}:secret:LinkSecret-": ("secretsmanager:CreateSecret",),
    "sns:{region}:{account}:{name}-NoticesTopic": ("sns:CreateTopic",),
    "sqs:{region}:{account}:{name}-DeadLetterQueue": ("sqs:CreateQueue",),
    "states:{region}:{account}:stateMachine:{name}-task": ("states:CreateStateMachine",),
    "*": ("lambda:GetAccountSettings",),
}

Client = Callable[[str], Any]  # botocore's client of this service
Run = Callable[[Sequence[str | Path]], int]  # a command; its exit code


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be deployed, and with which of sam's own options."""

    stack_name: str
    region: str | None
    parameters: Mapping[str, str] = field(default_factory=dict)
    sam_options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preflight:
    """Looks at the account, and changes nothing."""

    client: Client
    plan: Plan
    steps: tuple[str, ...]  # the functions' names without the stack's
    known: frozenset[str]  # the names of the template's parameters

    def missing(self) -> list[str]:
        """A sentence for each thing in the way; what cannot be seen before another one is mended is left out."""
        found = [*self._unknown()]
        if not self.plan.region:
            found.append("No region is set: say in AWS_REGION where the stack is to be.")
        try:
            identity = self.client("sts").get_caller_identity()
        except (ClientError, BotoCoreError) as error:
            return [*found, f"AWS does not let you in: {error}. Set AWS_PROFILE, or sign in again."]
        if not self.plan.region:
            return found
        names = () if self._stack else self._taken(identity["Arn"].split(":")[1], identity["Account"])
        return [*found, *self._state(), *self._denied(identity["Arn"]), *names, *self._concurrency()]

    def suggested(self) -> dict[str, str]:
        """Parameters that nobody has chosen: files that are copied and webhooks that hang leave room for the API."""
        if not self._limit:
            return {}
        spare = self._limit["UnreservedConcurrentExecutions"] - _UNRESERVED
        suggested = {"DeliverConcurrency": str(max(2, min(100, self._limit["ConcurrentExecutions"] // 10)))}
        if spare >= _UNRESERVED:
            suggested["FinalizeConcurrency"] = str(spare // 2)
        known = {**self._before, **self.plan.parameters}
        return {name: value for name, value in suggested.items() if name not in known}

    def note(self) -> str:
        """What is allowed, and will be felt."""
        quota = self._limit.get("ConcurrentExecutions", _USUAL_QUOTA)
        if quota >= _USUAL_QUOTA:
            return ""
        return (
            f"note: Lambda runs {quota} functions at once in this account, enough for about {max(1, quota // 10)} "
            "tasks a second, and too few to keep some for the API. Ask for 1,000: aws service-quotas "
            "request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000"
        )

    def _unknown(self) -> Iterator[str]:
        """Parameters that the template does not have."""
        for name in self.plan.parameters.keys() - self.known:
            meant = get_close_matches(name, self.known, 1)
            yield f"There is no parameter {name}{f': did you mean {meant[0]}?' if meant else ' in template.yaml.'}"

    @cached_property
    def _stack(self) -> dict[str, Any]:
        """As it is now; empty if there is none."""
        try:
            (found,) = self.client("cloudformation").describe_stacks(StackName=self.plan.stack_name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] in (*_NOT_THERE, *_DENIED):  # the latter is said among the permissions
                return {}
            raise
        return {} if found["StackStatus"] == "REVIEW_IN_PROGRESS" else dict(found)

    @cached_property
    def _before(self) -> dict[str, str]:
        return {each["ParameterKey"]: each["ParameterValue"] for each in self._stack.get("Parameters", ())}

    @cached_property
    def _limit(self) -> dict[str, int]:
        """Empty if we may not see it."""
        try:
            return dict(self.client("lambda").get_account_settings()["AccountLimit"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _DENIED:
                return {}
            raise

    def _state(self) -> Iterator[str]:
        name, status = self.plan.stack_name, self._stack.get("StackStatus", "")
        if status in _UNABLE:
            delete = f"aws cloudformation delete-stack --stack-name {name}"
            yield f"The stack {name} is {status} and can only be deleted: {delete}"
        elif status.endswith("_IN_PROGRESS"):
            yield f"The stack {name} is being changed ({status}): wait until that has ended."
        elif status and not any(each["OutputKey"] == "TableName" for each in self._stack.get("Outputs", ())):
            yield f"The stack {name} is none of Reelkeep's: choose another name with --stack-name."

    def _denied(self, arn: str) -> Iterator[str]:
        """By what IAM's simulator says. Who may not ask it is believed to be allowed."""
        if arn.endswith(":root"):  # who may do everything
            return
        with suppress(ClientError):
            if denied := sorted(self._denied_actions(arn)):
                yield (
                    f"You may not do what the deployment needs: {', '.join(denied)}. The policy in "
                    "docs/deployer-policy.json allows it."
                )

    def _denied_actions(self, arn: str) -> Iterator[str]:
        for resource, actions in needed(self.plan, arn.split(":")[1], arn.split(":")[4]).items():
            answer = self.client("iam").simulate_principal_policy(
                PolicySourceArn=_principal(arn), ActionNames=list(actions), ResourceArns=[resource]
            )
            for each in answer["EvaluationResults"]:
                if each["EvalDecision"] != "allowed":
                    yield each["EvalActionName"]

    def _taken(self, partition: str, account: str) -> Iterator[str]:
        """Names that the template gives, and that are there without a stack of this name."""
        name, region = self.plan.stack_name, self.plan.region
        machines = f"arn:{partition}:states:{region}:{account}:stateMachine"
        client = self.client
        taken = [
            f"function {each}" for each in self._names() if _there(client("lambda").get_function, FunctionName=each)
        ]
        schedules = (f"{name}-sweep", f"{name}-adopt")
        taken += [f"schedule {each}" for each in schedules if _there(client("scheduler").get_schedule, Name=each)]
        for each in (f"{name}-task", f"{name}-watch"):
            if _there(client("stepfunctions").describe_state_machine, stateMachineArn=f"{machines}:{each}"):
                taken.append(f"state machine {each}")
        if _there(client("cloudwatch").get_dashboard, DashboardName=f"{name}-{region}"):
            taken.append(f"dashboard {name}-{region}")
        groups = (
            *(f"/aws/lambda/{each}" for each in self._names()),
            f"/aws/vendedlogs/states/{name}-task",
            f"/aws/vendedlogs/states/{name}-watch",
            f"/aws/vendedlogs/apis/{name}",
        )
        taken += [f"log group {each}" for each in groups if self._has_group(each)]
        if taken:
            yield f"Other things have the stack's names: {', '.join(taken)}. Delete them, or use --stack-name."

    def _names(self) -> list[str]:
        return [f"{self.plan.stack_name}-{step}" for step in self.steps]

    def _has_group(self, name: str) -> bool:
        with suppress(ClientError):
            found = self.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
            return any(each["logGroupName"] == name for each in found)
        return False

    def _concurrency(self) -> Iterator[str]:
        before, after = self._reserved(self._before), self._reserved({**self._before, **self.plan.parameters})
        left = self._limit.get("UnreservedConcurrentExecutions", after + _UNRESERVED) + before - after
        if after and left < _UNRESERVED:
            yield (
                f"MaxConcurrency and FinalizeConcurrency reserve {after} executions, which leaves {left} to others: "
                f"AWS wants {_UNRESERVED} to stay: choose less, or 0, or ask for a higher quota."
            )

    def _reserved(self, parameters: Mapping[str, str]) -> int:
        each, finalize = int(parameters.get("MaxConcurrency", 0)), int(parameters.get("FinalizeConcurrency", 0))
        return each * len(self.steps) + (finalize - each if finalize else 0)


def needed(plan: Plan, partition: str, account: str) -> dict[str, tuple[str, ...]]:
    """What a deployment does, by resource. A policy that names the stack's own allows nothing on others."""
    names = {"region": plan.region, "account": account, "name": plan.stack_name}
    return {
        resource if resource == "*" else f"arn:{partition}:{resource.format(**names)}": actions
        for resource, actions in _ACTIONS.items()
    }


def _parameters_of(template: str) -> frozenset[str]:
    """Their names. Tags of CloudFormation keep YAML's usual readers from reading a template."""
    section = re.split(r"^\w", template.partition("\nParameters:\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return frozenset(re.findall(r"^  (\w+):$", section, re.MULTILINE))


def _there(look: Callable[..., object], **name: str) -> bool:
    try:
        look(**name)
    except ClientError as error:
        if error.response["Error"]["Code"] in (*_NOT_THERE, *_DENIED):
            return False
        raise
    return True


def _principal(arn: str) -> str:
    """Whose policies count: of a session, the role."""
    head, session, rest = arn.partition(":assumed-role/")
    return f"{head.replace(':sts:', ':iam:')}:role/{rest.split('/')[0]}" if session else arn


def carry_out(plan: Plan, client: Client, run: Run, root: Path) -> int:
    """Looks, builds, deploys, and protects what cannot be made again. The exit code."""
    steps = tuple(sorted(path.parent.name for path in (root / "functions").glob("*/app.py")))
    preflight = Preflight(client, plan, steps, _parameters_of((root / "template.yaml").read_text()))
    missing = preflight.missing()
    if not (root / ".venv-cloud" / "bin" / "python").is_file():
        missing.append("This checkout has no .venv-cloud, which builds and deploys: run `make setup`.")
    if missing:
        print("error: nothing was built or deployed.", *missing, sep="\n  ")
        return 1
    if note := preflight.note():
        print(note)
    chosen = {**preflight.suggested(), **plan.parameters}
    overrides = [f"{name}={value}" for name, value in chosen.items()]
    sam: list[str | Path] = [
        root / ".venv-cloud" / "bin" / "python",
        "-m",
        "samcli",
        "deploy",
        "--stack-name",
        plan.stack_name,
    ]
    if overrides:
        sam += ["--parameter-overrides", *overrides]

    def protect() -> None:
        body = (root / "stack-policy.json").read_text()
        try:
            client("cloudformation").set_stack_policy(StackName=plan.stack_name, StackPolicyBody=body)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NOT_THERE:  # not yet, or nobody said yes to it
                raise

    protect()
    code = run(["make", "--no-print-directory", "build"]) or run([*sam, *plan.sam_options])
    protect()
    return code


SETTINGS: Final = {"allow_extra_args": True, "ignore_unknown_options": True}  # for what goes on to sam


def deploy_(
    ctx: typer.Context,
    stack_name: Annotated[
        str, typer.Option("--stack-name", metavar="NAME", help="What to call the stack.")
    ] = "reelkeep",
    region: Annotated[str, typer.Option("--region", metavar="REGION", help="Instead of AWS_REGION.")] = "",
    aws_profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="AWS's profile, instead of AWS_PROFILE.")
    ] = "",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", metavar="NAME=VALUE", help="Of template.yaml, as AlarmEmail=...; repeatable."),
    ] = None,
    json: Json = False,
) -> int:
    """Deploy this checkout to AWS.

    Looks at the account first, and says everything that is missing at once, before it builds. Other options go to
    `sam deploy` as they are.
    """
    del json  # what sam prints is for people
    root = require_checkout(world_of(ctx))
    aws = session(region, aws_profile)
    region = aws.get_config_variable("region") or ""
    overrides = [*_configured(root), *(parameter or ()), *_overrides(ctx.args)]
    if wrong := [each for each in overrides if "=" not in each]:
        raise Misused(f"--parameter {wrong[0]} has no value: write it as Name=value")
    sam = [*(["--region", region] if region else []), *_without_overrides(ctx.args)]
    plan = Plan(
        stack_name=stack_name,
        region=region,
        parameters=dict(each.split("=", 1) for each in overrides),
        sam_options=(*sam, *(["--profile", aws_profile] if aws_profile else [])),
    )

    def run(command: Sequence[str | Path]) -> int:
        return subprocess.run(command, cwd=root, check=False).returncode  # noqa: S603  # make and sam

    return carry_out(
        plan,
        lambda service: aws.create_client(service, region_name=region or "us-east-1", config=config()),
        run,
        root,
    )


def _overrides(arguments: Sequence[str]) -> list[str]:
    """The values of --parameter-overrides, as sam takes them."""
    if _SAM not in arguments:
        return []
    values = list(arguments[list(arguments).index(_SAM) + 1 :])
    end = next((number for number, each in enumerate(values) if each.startswith("-")), len(values))
    return values[:end]


def _without_overrides(arguments: Sequence[str]) -> list[str]:
    if _SAM not in arguments:
        return list(arguments)
    start = list(arguments).index(_SAM)
    return [*arguments[:start], *arguments[start + 1 + len(_overrides(arguments)) :]]


def _configured(root: Path) -> list[str]:
    """The parameters in samconfig.toml, which those of the command line would replace as a whole."""
    settings = tomllib.loads((root / "samconfig.toml").read_text())["default"]["deploy"]["parameters"]
    found = settings.get("parameter_overrides", [])
    return found.split() if isinstance(found, str) else list(found)
