"""The whole local cloud: the emulator with our stack in it, the functions, and the studio as the provider."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from local import children, deployment, emulator, functions, stack
from local.problem import Problem
from local.stack import Stack

OWNER: Final = "demo"
STUDIO_SECONDS: Final = 30.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to start, and where."""

    root: Path  # of the repository
    data: Path  # where state lives
    port: int
    studio_port: int
    providers: Path | None = None  # a file of providers instead of the studio
    say: Callable[[str], None] = print

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        return f"{self.endpoint_url}/_aws/execute-api/{deployment.STACK_NAME}"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def stack_file(self) -> Path:
        return self.data / "stack.json"

    def program(self, name: str) -> Path:
        """A program of the emulator's virtual environment."""
        path = self.root / ".venv-cloud" / "bin" / name
        if not path.is_file():
            raise Problem(f"there is no {path}: run `make setup` first")
        return path


@dataclasses.dataclass(frozen=True)
class Cloud:
    stack: Stack
    children: tuple[children.Child, ...]

    def require_running(self) -> None:
        for child in self.children:
            child.require_running()


@contextlib.contextmanager
def running(plan: Plan) -> Iterator[Cloud]:
    """Yields when tasks can be submitted; stops everything at the end, and keeps its state."""
    chosen = read_providers(plan.providers) if plan.providers else None
    ministack, sam = plan.program("ministack"), plan.program("sam")
    plan.logs.mkdir(parents=True, exist_ok=True)
    plan.data.chmod(0o700)  # keys and signed links
    with contextlib.ExitStack() as resources:
        resources.enter_context(alone(plan.data))
        for port in (plan.port,) if chosen else (plan.port, plan.studio_port):
            require_free(port)
        plan.say("building what changed")
        builds = plan.root / ".local" / "builds"
        built = deployment.build(plan.root, sam, builds=builds, log=plan.logs / "sam-build.log")
        plan.say("starting the emulator")
        server = resources.enter_context(functions.serving())
        addresses = {name: f"{server.url}/{name}" for name in map(deployment.function_name, deployment.STEPS)}
        log = plan.logs / "emulator.log"
        started = [
            resources.enter_context(
                emulator.running(ministack, port=plan.port, data=plan.data, functions=addresses, log=log)
            )
        ]
        if chosen is None:
            plan.say("starting the studio")
            started.append(resources.enter_context(studio(plan)))
        plan.say("deploying what changed")
        outputs = deployment.deploy(
            built,
            sam,
            endpoint_url=plan.endpoint_url,
            parameters={"PublicUrl": plan.api_url},
            data=plan.data,
            log=plan.logs / "sam-deploy.log",
        )
        server.run(
            deployment.functions(built, endpoint_url=plan.endpoint_url, data=plan.data, logs=plan.logs)
        )
        yield Cloud(settled(plan, outputs, chosen), tuple(started))


def settled(plan: Plan, outputs: Mapping[str, str], providers: Mapping[str, Any] | None) -> Stack:
    """The deployed stack with its providers, a key, and tasks that go on where an earlier run left them."""
    found = Stack(
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
        studio_url=None if providers else studio_url(plan),
        api_key=stack.written_key(plan.stack_file) or "",
    )
    stack.session().client(
        "secretsmanager", endpoint_url=found.aws_endpoint_url, config=stack.DIRECT
    ).put_secret_value(
        SecretId=found.providers_secret_arn, SecretString=json.dumps(providers or studio_provider(plan))
    )
    if not (found.api_key and key_works(found)):
        found = dataclasses.replace(found, api_key=create_key(plan.root, found, OWNER))
    found.write(plan.stack_file)
    sweep(found)
    return found


# ---------------------------------------------------------------- one by one


@contextlib.contextmanager
def alone(data: Path) -> Iterator[None]:
    """Nobody else uses this folder meanwhile."""
    with (data / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(f"a local cloud already runs in {data}") from None
        yield


def require_free(port: int) -> None:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError as error:
            raise Problem(f"port {port} cannot be used ({error.strerror}): choose another, as in `make up PORT=4700`") from None


def read_providers(path: Path) -> Mapping[str, Any]:
    """A file of the same form as the deployed stack's secret."""
    try:
        found = json.loads(path.read_text())
    except OSError as error:
        raise Problem(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Problem(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict) or not found:
        raise Problem(f"{path} does not hold an object with one member for each provider")
    for name, provider in found.items():
        for field in ("dialect", "base_url", "api_key"):
            if not isinstance(provider, dict) or not isinstance(provider.get(field), str):
                raise Problem(f'{path}: provider "{name}" has no {field}')
    return found


@contextlib.contextmanager
def studio(plan: Plan) -> Iterator[children.Child]:
    data, log = plan.data / "studio", plan.logs / "studio.log"
    data.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "local.studio", "--port", str(plan.studio_port), "--data", str(data)]
    env = {**stack.this_machines_environment(), "PYTHONUNBUFFERED": "1"}
    with children.running("the studio", command, env=env, log=log, cwd=plan.root) as child:
        deadline = time.monotonic() + STUDIO_SECONDS
        while "studio ready" not in log.read_text(errors="replace"):
            child.require_running()
            if time.monotonic() > deadline:
                raise Problem(f"the studio was not ready within {STUDIO_SECONDS:.0f} s", log)
            time.sleep(0.05)
        yield child


def studio_url(plan: Plan) -> str:
    return f"http://127.0.0.1:{plan.studio_port}"


def studio_provider(plan: Plan) -> Mapping[str, Any]:
    return {
        "studio": {
            "dialect": "vidu_ent_v2",
            "base_url": studio_url(plan),
            "api_key": "studio",
            "models": ["*"],
            "default": True,
            "allow_private": True,
            "typical_seconds": 5,
        }
    }


def link_archive(data: Path, bucket: str) -> Path:
    """A folder with a name that a person remembers, for the bucket's files."""
    link = data / "archive"
    target = Path("s3", emulator.ACCOUNT, bucket)
    if not (link.is_symlink() and link.readlink() == target):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return link


def create_key(root: Path, found: Stack, owner: str) -> str:
    """A new key of the API, made as a person would make it."""
    command = [sys.executable, "-m", "admin", "keys", "create", "--owner", owner]
    env = {**stack.this_machines_environment(), **found.environment}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        raise Problem(f"no key could be created: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.split()[-1]


def key_works(found: Stack) -> bool:
    request = urllib.request.Request(
        f"{found.api_url}/tasks?limit=1", headers={"authorization": f"Token {found.api_key}"}
    )
    try:
        direct().open(request, timeout=30).close()
    except urllib.error.HTTPError as error:
        return error.code != 401
    return True


def direct() -> urllib.request.OpenerDirector:
    """Opens addresses of this machine, whatever proxy it is set up for."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def sweep(found: Stack) -> None:
    """Executions end with the emulator: what was unfinished gets new ones now."""
    aws = stack.session().client("lambda", endpoint_url=found.aws_endpoint_url, config=stack.DIRECT)
    answer = aws.invoke(FunctionName=found.sweep_function, Payload=b"{}")
    if "FunctionError" in answer:
        raise Problem(f"the sweep failed: {answer['Payload'].read().decode()}")
