"""The running stack, seen from outside.

A local cloud is started for the tests and stopped afterwards. REELKEEP_STACK=path/to/stack.json names one that
is up already instead: one of `make up`, or, without an `aws_endpoint_url` in it, a deployed one, reached with
the credentials of the environment. What costs money or needs a provider that misbehaves is skipped there.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import boto3
import httpx
import pytest

from local import stack as local_stack
from local.stack import Stack
from tests.e2e.archive import Archive
from tests.e2e.client import Client
from tests.e2e.local_cloud import ROOT, LocalCloud
from tests.e2e.mailbox import Mailbox, subscribed
from tests.e2e.malformed import MalformedProvider, malformed_provider
from tests.e2e.simulator import Simulator

RUN: Final = secrets.token_hex(4)  # tells this run's owners and prompts from an earlier one's
WORD: Final = "albatross"  # stands in every prompt, and in nothing else

Aws = Callable[[str], Any]  # the client of a service, by its name
NewClient = Callable[[str], Client]
Prompt = Callable[..., str]
Dlq = Callable[..., list[dict[str, Any]]]

NOBODY = "f" * 32  # the id of no task
POISON = {  # how the functions end that are handed it
    f"LookupError: no task {NOBODY}",
    "KeyError: 'task_id'",
    "AttributeError: 'list' object has no attribute 'get'",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What leaves hundreds of tasks to the simulator comes late; what looks at all that is left comes last."""
    late = ("test_schema_fuzz.py", "test_poison.py", "test_secrets.py")
    items.sort(key=lambda item: late.index(item.path.name) if item.path.name in late else -1)


@pytest.fixture(scope="session")
def local_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud | None]:
    """Ours, to start and to stop; None if the tests were given another one."""
    if "REELKEEP_STACK" in os.environ:
        yield None
        return
    cloud = LocalCloud(tmp_path_factory.mktemp("e2e") / "cloud")
    try:
        yield cloud
    finally:
        cloud.stop()


@pytest.fixture(scope="session")
def stack(local_cloud: LocalCloud | None) -> Stack:
    if local_cloud is not None:
        return local_cloud.start()
    found = Stack.read(Path(os.environ["REELKEEP_STACK"]))
    assert found is not None, f"{os.environ['REELKEEP_STACK']} says not all that `make up` writes into stack.json"
    return found


@pytest.fixture
def restart(local_cloud: LocalCloud | None, stack: Stack, provider_key: str) -> Callable[[], None]:
    """Stops the stack as Ctrl-C does, and starts it again where it was."""
    if local_cloud is None:
        pytest.skip("a stack that others started is not ours to stop")

    def stop_and_start() -> None:
        local_cloud.stop()
        assert local_cloud.start() == stack

    return stop_and_start


@pytest.fixture
def kill(local_cloud: LocalCloud | None, stack: Stack, provider_key: str) -> Callable[[], Callable[[], str]]:
    """Kills the stack; what it returns starts it again where it was, and returns what that printed."""
    if local_cloud is None:
        pytest.skip("a stack that others started is not ours to kill")

    def start() -> str:
        assert local_cloud.start() == stack
        return local_cloud.said

    def kill() -> Callable[[], str]:
        local_cloud.kill()
        return start

    return kill


@pytest.fixture(scope="session")
def aws(stack: Stack) -> Aws:
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = _aws_client(stack, service)
        return clients[service]

    return client


def _aws_client(stack: Stack, service: str) -> Any:
    anyhow: Any = service  # the stubs want to see its name as it is written
    if stack.aws_endpoint_url:
        return stack.client(service)
    return boto3.Session(region_name=stack.region).client(anyhow)


@pytest.fixture(scope="session")
def new_client(local_cloud: LocalCloud | None, stack: Stack, provider_key: str) -> Iterator[NewClient]:
    """Someone with a key of their own, made with the operator's command."""
    with ExitStack() as opened:
        tls = httpx.create_ssl_context()

        def make(owner: str) -> Client:
            owner = f"{owner}-{RUN}"
            made = json.loads(admin(stack, "keys", "create", "--owner", owner, "--json"))
            if local_cloud is None:  # ours is thrown away, with all its keys
                opened.callback(admin, stack, "keys", "revoke", made["key_id"])
            http = httpx.Client(
                base_url=stack.api_url,
                headers={"authorization": f"Token {made['key']}"},
                timeout=60,
                verify=tls,
                trust_env=not stack.aws_endpoint_url,
            )
            return Client(opened.enter_context(http), owner, made["key"])

        yield make


def admin(stack: Stack, *arguments: str, check: bool = True, stderr: int | None = None) -> str:
    """What the operator's command prints."""
    env = local_stack.this_machines_environment() if stack.aws_endpoint_url else dict(os.environ)
    env |= stack.environment if stack.aws_endpoint_url else {**stack.parts, "AWS_REGION": stack.region}
    command = [sys.executable, "-m", "cli", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, check=check, stdout=subprocess.PIPE, stderr=stderr, text=True)
    return done.stdout


@pytest.fixture(scope="session")
def alice(new_client: NewClient) -> Client:
    return new_client("alice")


@pytest.fixture(scope="session")
def bob(new_client: NewClient) -> Client:
    """Another owner."""
    return new_client("bob")


@pytest.fixture(scope="session")
def anyone(stack: Stack) -> Iterator[httpx.Client]:
    """Someone without a key, who follows redirects as players do."""
    with httpx.Client(
        base_url=stack.api_url, timeout=60, follow_redirects=True, trust_env=not stack.aws_endpoint_url
    ) as http:
        yield http


@pytest.fixture(scope="session")
def prompt() -> Prompt:
    def write(about: str, directives: str = "") -> str:
        return f"an {WORD} {RUN} {about} {directives}".strip()

    return write


@pytest.fixture(scope="session")
def malformed(local_cloud: LocalCloud | None) -> Iterator[MalformedProvider]:
    if local_cloud is None:
        pytest.skip("others chose the providers of this stack")
    with malformed_provider() as malformed:
        yield malformed


@pytest.fixture(scope="session")
def provider_key(local_cloud: LocalCloud | None, stack: Stack, aws: Aws, request: pytest.FixtureRequest) -> str:
    """Of a form that nothing else has, so that it can be searched for. Set before the first submission, since the
    functions keep what they once have read."""
    if local_cloud is None:
        return ""
    key = f"vda_{secrets.token_hex(16)}"
    malformed: MalformedProvider = request.getfixturevalue("malformed")
    secret, secrets_manager = stack.providers_secret_arn, aws("secretsmanager")
    providers = json.loads(secrets_manager.get_secret_value(SecretId=secret)["SecretString"])
    providers["simulator"]["api_key"] = key
    providers["malformed"] = malformed.settings | {"adopt_for": f"adopted-{RUN}"}
    secrets_manager.put_secret_value(SecretId=secret, SecretString=json.dumps(providers))
    return key


@pytest.fixture(scope="session")
def simulator(stack: Stack, provider_key: str) -> Iterator[Simulator]:
    """The provider, when it is the simulator."""
    if not stack.provider.startswith("http://127.0.0.1:"):
        pytest.skip(f"the provider is {stack.provider}: it costs money, and cannot be told to misbehave")
    with httpx.Client(base_url=stack.provider, timeout=60, trust_env=False) as http:
        yield Simulator(http)


@pytest.fixture(scope="session")
def archive(stack: Stack, aws: Aws) -> Archive:
    return Archive(aws("s3"), stack.bucket)


@pytest.fixture(scope="session")
def mailbox(stack: Stack, aws: Aws) -> Iterator[Mailbox]:
    """Gets every notice."""
    with subscribed(aws("sns"), aws("sqs"), stack.topic_arn) as mailbox:
        yield mailbox


@pytest.fixture(scope="session")
def poisoned(stack: Stack, aws: Aws, local_cloud: LocalCloud | None) -> list[str]:
    """Executions that cannot succeed; they take minutes to fail."""
    if local_cloud is None:
        pytest.skip("a stack that others started is not ours to poison")
    inputs = ({"task_id": NOBODY, "wait_seconds": 1}, {"task": "garbage", "wait_seconds": 1})
    start = aws("stepfunctions").start_execution
    return [start(stateMachineArn=stack.state_machine_arn, input=json.dumps(each))["executionArn"] for each in inputs]


@pytest.fixture
def dlq(stack: Stack) -> Dlq:
    def run(*arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(admin(stack, "dlq", *arguments, "--json"))
        return found

    return run
