"""The whole local cloud: the emulator with our stack in it, the functions, and the simulator as the provider."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from local import claims, deployment, emulator, functions, processes, providers, stack
from local.errors import CloudError
from local.stack import Stack

OWNER: Final = "demo"
SIMULATOR_SECONDS: Final = 120.0
SPACE: Final = 200_000_000  # bytes: a build takes 60 MB, a state at rest 15


def say(line: str) -> None:
    """At once, also where nobody sees a terminal."""
    print(line, flush=True)


@dataclass(frozen=True)
class Plan:
    """What to start, and where."""

    root: Path  # of the repository
    data: Path  # where state lives
    port: int
    simulator_port: int
    providers_file: Path | None = None  # instead of the simulator
    provider_callbacks: bool = False  # providers are asked to call the API, which only this machine reaches
    enforce_permissions: bool = False  # each function may do what the template grants it; for an hour
    count_calls: bool = False  # of AWS, by function; no link can be followed then
    say: Callable[[str], None] = say

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        return f"{self.endpoint_url}/_aws/execute-api/{deployment.STACK_NAME}"

    @property
    def simulator_url(self) -> str:
        return f"http://127.0.0.1:{self.simulator_port}"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def stack_file(self) -> Path:
        return self.data / "stack.json"

    def tool(self, name: str) -> Path:
        """A program of the emulator's virtual environment."""
        path = self.root / ".venv-cloud" / "bin" / name
        if not path.is_file():
            raise CloudError(f"there is no {path}: run `make setup` first")
        return path


@dataclass(frozen=True)
class Cloud:
    stack: Stack
    children: tuple[processes.Child, ...]

    def require_running(self) -> None:
        for child in self.children:
            child.require_running()


@contextlib.contextmanager
def running(plan: Plan) -> Iterator[Cloud]:
    """Yields when tasks can be submitted. Stops everything at the end, and keeps its state."""
    try:
        with _running(plan) as cloud:
            yield cloud
    except (urllib3.exceptions.HTTPError, BotoCoreError, ClientError) as error:
        raise CloudError(f"the emulator does not answer as it should: {error}", plan.logs / "emulator.log") from error


@contextlib.contextmanager
def _running(plan: Plan) -> Iterator[Cloud]:
    chosen = providers.read(plan.providers_file) if plan.providers_file else None
    ministack, python = plan.tool("ministack"), plan.tool("python")
    with contextlib.ExitStack() as opened:
        opened.enter_context(claims.alone(plan.data))
        claims.require_space(plan.data, SPACE)
        claims.require_free(plan.port)
        plan.logs.mkdir(exist_ok=True)
        if chosen is None:
            claims.require_free(plan.simulator_port, "the simulator's port, the one after PORT,")

        builds = (plan.root / ".local").resolve() / "builds"  # sam counts its way back to our files in folders
        built = deployment.build(plan.root, python, builds=builds, log=plan.logs / "sam-build.log", say=plan.say)

        earlier = Stack.read(plan.stack_file)
        secret_key = earlier.aws_secret_access_key if earlier else secrets.token_urlsafe(30)
        if plan.enforce_permissions:  # then every signature is checked, also those of the deployment
            secret_key = stack.EVERYBODYS
        killed = emulator.was_killed(plan.data)
        plan.say("starting the emulator")
        server = opened.enter_context(functions.serving())
        addresses = {name: f"{server.url}/{name}" for name in deployment.FUNCTION_NAMES}
        log = plan.logs / "emulator.log"
        emulated = emulator.running(
            ministack,
            port=plan.port,
            data=plan.data,
            functions=addresses,
            log=log,
            secret_key=secret_key,
            enforce_permissions=plan.enforce_permissions,
        )
        started = [opened.enter_context(emulated)]
        if killed:
            plan.say("it was not stopped in order: going on from what it had written down until then")

        outputs = deployment.deploy(
            built,
            python,
            endpoint_url=plan.endpoint_url,
            parameters={
                "PublicUrl": plan.api_url,
                "ProviderCallbacks": str(plan.provider_callbacks).lower(),
                "AllowPrivateWebhooks": "true",
            },
            data=plan.data,
            log=plan.logs / "sam-deploy.log",
            say=plan.say,
        )
        emulator.await_saved(plan.data, started[0])
        server.run(
            deployment.functions(
                built,
                endpoint_url=plan.endpoint_url,
                secret_key=secret_key,
                data=plan.data,
                logs=plan.logs,
                with_roles=plan.enforce_permissions,
                counted=plan.count_calls,
            )
        )

        if chosen is None:
            plan.say("starting the simulator")
            started.append(opened.enter_context(simulator(plan)))
            chosen = providers.simulator(plan.simulator_url)
        found = described(plan, outputs, secret_key)
        write_providers(found, chosen)
        if bring_over(plan, found) or killed:
            rebuild(plan, found)
        found = with_key(plan, found)
        found.write(plan.stack_file)
        sweep(found)
        yield Cloud(found, tuple(started))


def described(plan: Plan, outputs: Mapping[str, str], secret_key: str) -> Stack:
    return Stack(
        api_url=plan.api_url,
        aws_endpoint_url=plan.endpoint_url,
        region=stack.REGION,
        bucket=outputs["BucketName"],
        table=outputs["TableName"],
        topic_arn=outputs["TopicArn"],
        state_machine_arn=outputs["StateMachineArn"],
        providers_secret_arn=outputs["ProvidersSecretArn"],
        link_secret_arn=outputs["LinkSecretArn"],
        sweep_function=outputs["SweepFunctionName"],
        dead_letter_queue_url=outputs["DeadLetterQueueUrl"],
        archive=str(link_archive(plan.data, outputs["BucketName"])),
        provider=str(plan.providers_file or plan.simulator_url),
        api_key="",
        aws_secret_access_key=secret_key,
    )


@contextlib.contextmanager
def simulator(plan: Plan) -> Iterator[processes.Child]:
    data, log = plan.data / "simulator", plan.logs / "simulator.log"
    data.mkdir(exist_ok=True)
    command = [sys.executable, "-u", "-m", "local.simulator", "--port", str(plan.simulator_port), "--data", str(data)]
    env = stack.this_machines_environment()
    with processes.running("the simulator", command, env=env, log=log, cwd=plan.root) as child:
        deadline = time.monotonic() + SIMULATOR_SECONDS
        while "simulator ready" not in log.read_text(errors="replace"):
            child.require_running()
            if time.monotonic() > deadline:
                raise CloudError(f"the simulator was not ready within {SIMULATOR_SECONDS:.0f} s", log)
            time.sleep(0.05)
        yield child


def link_archive(data: Path, bucket: str) -> Path:
    """Gives the folder that holds the bucket's files a name that a person remembers."""
    link, target = data / "archive", Path("s3", emulator.ACCOUNT, bucket)
    if not (link.is_symlink() and link.readlink() == target):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return link


def write_providers(found: Stack, chosen: providers.Providers) -> None:
    aws = found.client("secretsmanager")
    aws.put_secret_value(SecretId=found.providers_secret_arn, SecretString=json.dumps(chosen))


def with_key(plan: Plan, found: Stack) -> Stack:
    """With the key of an earlier run, if the table still knows it."""
    earlier = Stack.read(plan.stack_file)
    if earlier and key_works(plan.api_url, earlier.api_key):
        return replace(found, api_key=earlier.api_key)
    made = create_key(plan.root, found, OWNER)
    if not key_works(plan.api_url, made):
        raise CloudError("the API refuses the key that was just made")
    return replace(found, api_key=made)


def create_key(root: Path, found: Stack, owner: str) -> str:
    """A new key of the API, made as a person would make it."""
    done = admin(root, found, "keys", "create", "--owner", owner)
    if done.returncode != 0 or not done.stdout.strip():
        raise CloudError(f"no key could be created: {reason(done)}")
    return done.stdout.split()[-1]


def key_works(api_url: str, key: str) -> bool:
    headers = {"authorization": f"Token {key}"}
    answer = urllib3.request("GET", f"{api_url}/tasks", headers=headers, retries=False, timeout=30)
    if answer.status not in (200, 401):
        raise CloudError(f"the API answers {answer.status}; the functions' logs say why")
    return answer.status == 200


def bring_over(plan: Plan, found: Stack) -> bool:
    """Whether there is a new bucket, with what the earlier one holds: the emulator has lost its state, and not the
    files. Done again from its beginning if it was broken off."""
    earlier = Stack.read(plan.stack_file)
    if earlier is None or earlier.bucket == found.bucket:
        return False
    s3 = found.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=earlier.bucket)
    try:
        keys = [file["Key"] for page in pages for file in page.get("Contents", [])]
    except s3.exceptions.NoSuchBucket:
        return False
    for key in keys:
        s3.copy_object(Bucket=found.bucket, Key=key, CopySource={"Bucket": earlier.bucket, "Key": key})
    plan.say(f"the emulator's state was lost: brought {len(keys)} files over from the archive before")
    return True


def rebuild(plan: Plan, found: Stack) -> None:
    """Should the table have lost what is in the archive, it comes back from there."""
    done = admin(plan.root, found, "archive", "rebuild", "--json")
    try:
        said = json.loads(done.stdout)
    except ValueError:
        raise CloudError(f"the table could not be rebuilt from the archive: {reason(done)}") from None
    for each in said["unreadable_manifests"]:
        plan.say(f"not readable: {each['key']}: {each['reason']}")
    if rebuilt := said["missing"] + said["older"]:
        plan.say(f"rebuilt {rebuilt} tasks from the archive")


def admin(root: Path, found: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """An operator's command, as a person would give it."""
    command = [sys.executable, "-m", "cli", *arguments]
    env = {**stack.this_machines_environment(), **found.environment}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)


def reason(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr or done.stdout).strip().removeprefix("error: ")


def sweep(found: Stack) -> None:
    """Executions end with the emulator: what was unfinished gets new ones now, also what is not overdue yet."""
    aws = found.client("lambda")
    answer = aws.invoke(FunctionName=found.sweep_function, Payload=b'{"everything": true}')
    if "FunctionError" in answer:
        raise CloudError(f"the sweep failed: {answer['Payload'].read().decode()}")
