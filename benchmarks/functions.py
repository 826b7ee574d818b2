"""Cold starts and warm calls of the functions, under the real awslambdaric; two of them beside a naive arrangement.

    python -m benchmarks.functions [--check] [--runs N]

What is compared takes turns, so that what else the machine does meets all alike. Trust ratios, not times.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import certifi
import trustme

from benchmarks import artefacts
from benchmarks.artefacts import ROOT, Artefacts, Deployed
from benchmarks.runtime_api import Broken, Call, Environment
from local.deployment import STEPS

_MAX_COLD_START: Final = 0.45  # of naive's
_MAX_WARM_CPU: Final = 0.35  # of naive's
_CHECKED: Final = ("submit", "poll")

_COMPILED: Final = ", .pyc"  # which matters to a cold start only

_RUNS: Final = 11  # cold starts of each
_WARMING_CALLS: Final = 20
_BLOCKS: Final = 10  # of warm calls
_CALLS: Final = 20  # in each

_KEY: Final = f"rk_{'b' * 43}"


@dataclass
class Contestant:
    name: str
    step: str
    deployed: Deployed
    event: bytes
    variables: dict[str, str]
    log: Path
    init: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def start(self) -> Environment:
        deployed = self.deployed
        variables = {
            **self.variables,
            "PYTHONPATH": deployed.import_path,
            "LAMBDA_TASK_ROOT": str(deployed.task),
            "_HANDLER": deployed.handler,
        }
        return Environment(deployed.command, variables=variables, folder=deployed.task, log=self.log)

    def call(self, environment: Environment) -> Call:
        """Raises Broken also for an answer that is not the right one."""
        call = environment.call(self.event)
        if not _RIGHT[self.step](json.loads(call.answer)):
            raise Broken(f"{self.name} answered {call.answer.decode()}\n{self.log.read_text()[-2000:]}")
        return call

    def start_cold(self) -> tuple[float, float]:
        with self.start() as environment:
            return environment.initialized(), self.call(environment).since_start


def _body(answer: Any) -> Any:
    return json.loads(answer["body"]) if answer["statusCode"] == 200 else {}


_RIGHT: Final[Mapping[str, Callable[[Any], bool]]] = {
    "empty": lambda answer: answer == {},
    "submit": lambda answer: bool(_body(answer).get("task_id")),
    "query": lambda answer: len(_body(answer).get("tasks", ())) == 20,
    "manage": lambda answer: len(_body(answer).get("providers", ())) == 2,
    "poll": lambda answer: answer["finished"] is False and answer["wait_seconds"] > 0,
    "provider_callback": lambda answer: answer["statusCode"] == 204,
    "finalize": lambda answer: answer["finished"] is True,
    "sweep": lambda answer: answer["unfinished"] == 20,
    "announce": lambda answer: answer == {"batchItemFailures": []},
    "deliver": lambda answer: answer == {"batchItemFailures": []},
    "watch": lambda answer: answer["finished"] is True,
}


def _events() -> dict[str, bytes]:
    events = {step: json.loads((ROOT / "events" / f"{step}.json").read_text()) for step in STEPS}
    for step in ("submit", "query", "manage"):
        events[step]["headers"]["authorization"] = f"Token {_KEY}"
    return {step: json.dumps(event).encode() for step, event in {**events, "empty": {}}.items()}


def _variables(step: str, port: int, authorities: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": step,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{step}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "benchmark",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_SESSION_TOKEN": "benchmark",
        "AWS_ENDPOINT_URL": f"https://127.0.0.1:{port}",
        "SSL_CERT_FILE": str(authorities),
        "TABLE_NAME": step,
        "BUCKET_NAME": "archive",
        "TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:notices",
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:reelkeep-task",
        "FINALIZE_FUNCTION_ARN": "arn:aws:lambda:us-east-1:000000000000:function:reelkeep-finalize:live",
        "PROVIDERS_SECRET_ARN": "providers",
        "LINK_SECRET_ARN": "link",
        "WEBHOOK_SECRET_ARN": "webhook",
        "DELIVERIES_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/deliveries",
        "UNDELIVERED_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/undelivered",
        "ALLOW_PRIVATE_WEBHOOKS": "true",
        "PUBLIC_URL": "https://reelkeep.example",
        "CALLBACK_URL": "https://reelkeep.example",
        "SUBSCRIPTION_PROTOCOLS": "https,sqs,email",
        "LINKS_EXPIRING_HOURS": "4",
        "LONGEST_WAIT_HOURS": "24",
        "POLL_COST_SECONDS": "4",
        "LOG_LEVEL": "INFO",
        "POWERTOOLS_SERVICE_NAME": f"reelkeep.{step}",
        "POWERTOOLS_METRICS_NAMESPACE": "Reelkeep",
    }


@contextmanager
def _upstream(folder: Path) -> Iterator[tuple[int, Path]]:
    """The port of AWS and the provider, and the authorities to be trusted: as many as everywhere, and theirs."""
    authority, certificate, authorities = (folder / f"{name}.pem" for name in ("own", "certificate", "all"))
    made = trustme.CA()
    made.cert_pem.write_to_path(str(authority))
    made.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    authorities.write_text(Path(certifi.where()).read_text() + authority.read_text())
    task_id = json.loads((ROOT / "events" / "poll.json").read_text())["task_id"]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.stubs", certificate, task_id, _KEY],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "layers" / "reelkeep")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline()), authorities
        process.communicate()


def _contestants(built: Artefacts, port: int, authorities: Path, logs: Path) -> list[Contestant]:
    events = _events()
    roots = logs / "roots.pem"  # as the template has it, and the stubs' authority
    roots.write_text(built.roots.read_text() + (authorities.parent / "own.pem").read_text())

    def contestant(name: str, step: str, deployed: Deployed) -> Contestant:
        variables = _variables(step, port, authorities)
        variables["AWS_CA_BUNDLE"] = str(authorities if "naive" in name else roots)
        return Contestant(name, step, deployed, events[step], variables, logs / f"{name}.log")

    limited = contestant("submit, limits", "submit", built.ours["submit"])
    limited.variables["TABLE_NAME"] = "limited"  # there, its owner has limits
    return [
        contestant("empty", "empty", built.empty),
        *(contestant(f"{step}, naive", step, deployed) for step, deployed in built.naive.items()),
        *(contestant(f"{step}, naive{_COMPILED}", step, deployed) for step, deployed in built.naive_compiled.items()),
        *(contestant(step, step, deployed) for step, deployed in built.ours.items()),
        limited,
    ]


def _measure_cold(contestants: list[Contestant], runs: int) -> None:
    for run in range(runs + 1):
        for contestant in contestants if run % 2 else reversed(contestants):
            init, first = contestant.start_cold()
            if run:  # the first one fills the page cache
                contestant.init.append(init)
                contestant.first.append(first)


def _measure_warm(contestants: list[Contestant]) -> None:
    with ExitStack() as stack:
        environments = [stack.enter_context(contestant.start()) for contestant in contestants]
        turns = list(zip(contestants, environments, strict=True))
        for contestant, environment in turns:
            environment.initialized()
            for _ in range(_WARMING_CALLS):
                contestant.call(environment)
        for _ in range(_BLOCKS):
            for contestant, environment in turns:
                used = environment.cpu()
                contestant.wall += [contestant.call(environment).seconds for _ in range(_CALLS)]
                contestant.cpu.append((environment.cpu() - used) / _CALLS)


def _ratio(own: list[float], other: list[float]) -> float:
    return median(one / two for one, two in zip(own, other, strict=True))


def _print(contestants: list[Contestant]) -> None:
    naive = {each.step: each for each in contestants if each.name.endswith("naive")}
    print(f"{'':20} {'init':>8} {'to the first':>13} {'a warm call':>12} {'a warm call':>12}   of naive: init,")
    print(f"{'milliseconds':20} {'':>8} {'answer':>13} {'CPU':>12} {'wall':>12}   first answer, warm CPU")
    for each in contestants:
        row = f"{each.name:20} {median(each.init) * 1000:8.0f} {median(each.first) * 1000:13.0f}"
        row += "".join(f" {median(of) * 1000:12.2f}" if of else f" {'':12}" for of in (each.cpu, each.wall))
        if (other := naive.get(each.step)) and other is not each:
            row += f"   {_ratio(each.init, other.init):.2f}, {_ratio(each.first, other.first):.2f}"
            row += f", {_ratio(each.cpu, other.cpu):.2f}" if each.cpu else ""
        print(row)


def _missed(contestants: list[Contestant]) -> Iterator[str]:
    named = {each.name: each for each in contestants}
    for step in _CHECKED:
        own, naive = named[step], named[f"{step}, naive"]
        for what, ratio, limit in (
            ("init", _ratio(own.init, naive.init), _MAX_COLD_START),
            ("first answer", _ratio(own.first, naive.first), _MAX_COLD_START),
            ("a warm call's CPU", _ratio(own.cpu, naive.cpu), _MAX_WARM_CPU),
        ):
            if ratio > limit:
                yield f"{step}: {what} at {ratio:.2f} of naive, more than {limit}"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    arguments.add_argument("--runs", type=int, default=_RUNS, help="cold starts of each (default: %(default)s)")
    asked = arguments.parse_args()
    missed: list[str] = []
    measured: list[str] = []
    with tempfile.TemporaryDirectory() as directory, _upstream(Path(directory)) as (port, authorities):
        for number, python in enumerate(artefacts.pythons()):
            folder = Path(directory, str(number))
            built = artefacts.build(python, folder)
            contestants = _contestants(built, port, authorities, folder)
            _measure_cold(contestants, asked.runs)
            _measure_warm([each for each in contestants if not each.name.endswith(_COMPILED)])
            measured.append(artefacts.version_of(python))
            print(f"\n{measured[-1]}")
            _print(contestants)
            missed += [f"{measured[-1]}: {target}" for target in _missed(contestants)]
    if not any(version.startswith(f"Python {artefacts.runtime()}.") for version in measured):
        missed.append(f"Python {artefacts.runtime()} was not measured: it is not installed")
    for target in missed:
        print("missed:", target)
    return 1 if missed and asked.check else 0


if __name__ == "__main__":
    sys.exit(main())
