"""Builds the application and deploys its template to the emulator, both only when something changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from local import claims, emulator, processes, stack
from local.errors import CloudError
from local.workers import Function

STACK_NAME: Final = "reelkeep"
STEPS: Final = (
    "submit",
    "query",
    "manage",
    "poll",
    "provider_callback",
    "watch",
    "finalize",
    "sweep",
    "announce",
    "deliver",
)
FUNCTION_NAMES: Final = tuple(f"{STACK_NAME}-{step}" for step in STEPS)
LAYERS: Final = ("ReelkeepLayer", "DependenciesLayer")
BUILDS_KEPT: Final = 4  # a running local cloud uses one of them


def resource_name(step: str) -> str:
    """Of its function, in the template."""
    return f"{step.title().replace('_', '')}Function"


def fingerprint(root: Path) -> str:
    """Of everything that the build reads."""
    digest = hashlib.sha256(f"{sys.version} {sys.executable}".encode())
    for path in sorted(_sources(root)):
        content = path.read_bytes()
        digest.update(f"\n{path.relative_to(root)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _sources(root: Path) -> Iterable[Path]:
    yield root / "template.yaml"
    for folder in ("functions", "layers", "statemachine"):
        for path in (root / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def build(root: Path, python: Path, *, builds: Path, log: Path, say: Callable[[str], None]) -> Path:
    """The folder with the built template and what it refers to, for this machine and its Python."""
    with claims.in_turn(builds):
        wanted = builds / fingerprint(root)
        if not (wanted / "template.yaml").is_file():
            say("building the functions and layers: about a minute, and not again until they change")
            command: list[str | Path] = [*_sam(python), "build", "--cached", "--parallel"]
            # sam does not know that what our makefiles build fits one version of Python.
            command += ["--build-dir", wanted, "--cache-dir", builds / "cache" / sys.implementation.cache_tag]
            env = {**_sam_environment(builds), "BUILD_FOR": "this-machine", "PYTHON": sys.executable}
            try:
                processes.run("sam build", command, env=env, log=log, cwd=root)
                _leave_out_what_the_emulator_refuses(wanted / "template.yaml")
            except BaseException:
                shutil.rmtree(wanted, ignore_errors=True)
                raise
        os.utime(wanted)
        _forget_old_builds(builds)
        return wanted


def _leave_out_what_the_emulator_refuses(template: Path) -> None:
    """Alarms on expressions and queries, which nobody hears of here, and the concurrency of a mapping, which it takes
    from a parameter as text and then compares with a number: nothing would be delivered."""
    content = yaml.safe_load(template.read_text())
    resources = content["Resources"]
    for name in [name for name, each in resources.items() if "Metrics" in each.get("Properties", {})]:
        del resources[name]
    for each in resources.values():
        if each["Type"] == "AWS::Lambda::EventSourceMapping":
            each["Properties"].pop("ScalingConfig", None)
    template.write_text(yaml.safe_dump(content, sort_keys=False))


def _forget_old_builds(builds: Path) -> None:
    found = sorted((template.parent for template in builds.glob("*/template.yaml")), key=_used, reverse=True)
    for build in found[BUILDS_KEPT:]:
        shutil.rmtree(build, ignore_errors=True)


def _used(build: Path) -> float:
    return build.stat().st_mtime


def deploy(
    built: Path,
    python: Path,
    *,
    endpoint_url: str,
    parameters: Mapping[str, str],
    data: Path,
    log: Path,
    say: Callable[[str], None],
) -> dict[str, str]:
    """The outputs of the stack, which has this template and these parameters afterwards."""
    record = data / emulator.DEPLOYED
    wanted = {"build": built.name, "parameters": dict(parameters)}
    outputs = _outputs(endpoint_url)
    if outputs is not None and _read(record) == wanted:
        return outputs
    say("deploying the template")
    record.unlink(missing_ok=True)
    artifacts = f"{STACK_NAME}-artifacts"
    s3 = stack.session().client("s3", endpoint_url=endpoint_url, config=stack.DIRECT)
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):  # what an earlier deployment left that came no further
        s3.create_bucket(Bucket=artifacts)
    command: list[str | Path] = [*_sam(python), "deploy", "--template-file", built / "template.yaml"]
    command += ["--stack-name", STACK_NAME, "--s3-bucket", artifacts]
    command += ["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    command += ["--no-confirm-changeset", "--no-fail-on-empty-changeset"]
    # The emulator takes the API's id from this tag, so the API's address is known beforehand.
    command += ["--tags", f"ms-custom-id={STACK_NAME}"]
    command += ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    env = {
        **_sam_environment(built.parent),
        **stack.aws_environment(endpoint_url),
    }
    env["SAM_CLI_POLL_DELAY"] = "0.1"  # seconds; the emulator is quicker than AWS
    processes.run("sam deploy", command, env=env, log=log, cwd=built)
    if (outputs := _outputs(endpoint_url)) is None:
        raise CloudError("sam deploy left no whole stack behind", log)
    _translate_state_machines(endpoint_url)
    _repeat_failure_settings(endpoint_url)
    record.write_text(json.dumps(wanted))
    return outputs


def _translate_state_machines(endpoint_url: str) -> None:
    """To JSON: the emulator accepts a definition in YAML, as AWS does, and then cannot run it. Without the states'
    timeouts, which would count the time in line for a worker; the functions keep their own."""
    aws = stack.session().client("stepfunctions", endpoint_url=endpoint_url, config=stack.DIRECT)
    for machine in aws.list_state_machines()["stateMachines"]:
        arn = machine["stateMachineArn"]
        definition = yaml.safe_load(aws.describe_state_machine(stateMachineArn=arn)["definition"])
        for state in definition["States"].values():
            state.pop("TimeoutSeconds", None)
        aws.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))


def _repeat_failure_settings(endpoint_url: str) -> None:
    """For each function as a whole: when an event fails, the emulator does not follow those of its alias."""
    aws = stack.session().client("lambda", endpoint_url=endpoint_url, config=stack.DIRECT)
    for name in FUNCTION_NAMES:
        for found in aws.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]:
            aws.put_function_event_invoke_config(
                FunctionName=name,
                MaximumRetryAttempts=found["MaximumRetryAttempts"],
                MaximumEventAgeInSeconds=found["MaximumEventAgeInSeconds"],
                DestinationConfig=found["DestinationConfig"],
            )


def _sam(python: Path) -> tuple[str | Path, ...]:
    """Its own script does not survive that the repository moves."""
    return python, "-m", "samcli"


def _sam_environment(builds: Path) -> dict[str, str]:
    return {
        **stack.this_machines_environment(),
        "AWS_DEFAULT_REGION": stack.REGION,
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(builds / "sam"),  # or it writes into the home folder
    }


def _read(record: Path) -> Any:
    try:
        return json.loads(record.read_text())
    except (OSError, ValueError):
        return None


def _outputs(endpoint_url: str) -> dict[str, str] | None:
    """None if there is no stack, or one that is not whole."""
    cloudformation = stack.session().client("cloudformation", endpoint_url=endpoint_url, config=stack.DIRECT)
    try:
        (found,) = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    except (ClientError, BotoCoreError):
        return None
    if found["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return None
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def functions(
    built: Path,
    *,
    endpoint_url: str,
    secret_key: str,
    data: Path,
    logs: Path,
    with_roles: bool = False,
    counted: bool = False,
) -> Iterator[Function]:
    """The deployed functions, as the emulator describes them; if asked for, each in its own role.

    `counted` lets each sign by its own name, which the emulator counts by. It knows no such key: links that are
    signed so lead nowhere.
    """
    aws = stack.session().client("lambda", endpoint_url=endpoint_url, config=stack.DIRECT)
    for step, name in zip(STEPS, FUNCTION_NAMES, strict=True):
        found = aws.get_function_configuration(FunctionName=name)
        credentials = _role(found["Role"], endpoint_url) if with_roles else stack.credentials(secret_key)
        if counted:
            credentials = {**credentials, "AWS_ACCESS_KEY_ID": step}
        yield Function(
            name=found["FunctionName"],
            arn=found["FunctionArn"],
            handler=found["Handler"],
            timeout=found["Timeout"],
            memory=found["MemorySize"],
            environment={
                **credentials,
                "AWS_ENDPOINT_URL": endpoint_url,
                "AWS_REGION": stack.REGION,
                "AWS_DEFAULT_REGION": stack.REGION,
                **found["Environment"]["Variables"],
            },
            folders=(built / resource_name(step), *(built / layer / "python" for layer in LAYERS)),
            log=logs / f"{step}.log",
            temporary=data / "tmp",
        )


def _role(arn: str, endpoint_url: str) -> dict[str, str]:
    """Credentials that may do what this role may do."""
    aws = stack.session().client("sts", endpoint_url=endpoint_url, config=stack.DIRECT)
    found = aws.assume_role(RoleArn=arn, RoleSessionName="function")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
        "AWS_SESSION_TOKEN": found["SessionToken"],
    }
