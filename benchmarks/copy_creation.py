"""Copying a creation into the bucket, against other ways over the same TLS in the same run.

    python benchmarks/copy_creation.py [--check] [--quick]
    python benchmarks/copy_creation.py --shares

The measure is `curl SOURCE | curl -T - BUCKET`. The contestants take turns, so that what else the machine does meets
all of them. Prints medians of ratios (1.00 = as fast as curl; more is faster), how much faster than one connection a
copy is whose source limits each connection, and the memory that a copy takes at most. Trust ratios, not times.
With `--shares`, what a copy costs in a function, by its memory: the copier runs for the share of the time that
Lambda gives it of a CPU. No file is faster than Lambda's network. It needs Linux and two CPUs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple, Protocol

import boto3
import trustme
import urllib3
from botocore.config import Config

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE.parent / "layers" / "reelkeep"))

from reelkeep.adapters.copying.copy import copy
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.ports.providers import Source

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_MB = 1_000_000
_SIZE = 200 * _MB
_ROUNDS = {20 * _MB: 15, _SIZE: 9, 2000 * _MB: 3}
_RATIO = 0.9  # of curl's pace, at 200 MB
_LIMITED = 8 * _MB  # bytes a second on one connection
_GAIN = 3.0  # on several
_UNVERIFIED = ("curl", "rclone, unverified")  # whom nobody has to be ahead of
_MEMORY = 64 * _MB  # at 2 GB, more than at 2 MB

_SHARES = (512, 768, 1024, 1769, 3008)  # MB of memory
_WHOLE_CPU = 1769  # MB
_SIZES = {5 * _MB: 40, 20 * _MB: 20, 50 * _MB: 10}  # copies of each
_PERIOD = 0.02  # seconds
_NETWORK = 75 * _MB  # bytes a second
_LATENCY = 0.5  # seconds of an invocation in which it waits: for first bytes, records, manifests, the notification
_GB_SECOND = 0.0000133334  # dollars, arm64


class Ends(NamedTuple):
    source: str
    sink: str
    authority: str


class Contestant(Protocol):
    def copy(self, size: int, rate: int = 0) -> None: ...

    def cpu(self) -> float: ...


class Ours:
    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._outbound = Outbound(ssl.create_default_context(cafile=ends.authority))
        self._s3 = client(ends)

    def copy(self, size: int, rate: int = 0) -> None:
        kept = copy(
            Source(self._ends.source + path(size, rate), allow_private=True),
            bucket="bucket",
            key="video.mp4",
            expected="video",
            s3=self._s3,
            outbound=self._outbound,
            limit_bytes=10_000 * _MB,
            seconds=600,
        )
        assert (kept.bytes, kept.width, kept.fps) == (size, 320, 24.0)

    def cpu(self) -> float:
        return time.process_time()


class Boto3:
    """`upload_fileobj`, as it is, of what urllib3 reads."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._s3 = client(ends)
        self._http = urllib3.PoolManager(ca_certs=ends.authority)

    def copy(self, size: int, rate: int = 0) -> None:
        with self._http.request("GET", self._ends.source + path(size, rate), preload_content=False) as source:
            self._s3.upload_fileobj(source, "bucket", "video.mp4")  # type: ignore[arg-type]  # it is read only

    def cpu(self) -> float:
        return time.process_time()


class Programs:
    """A command, or two with a pipe between them."""

    def __init__(self, ends: Ends, *commands: str) -> None:
        self._commands = [f"{command} ".format(**ends._asdict()) for command in commands]
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._environment = own | {
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_DEFAULT_REGION": "us-east-1",
            "RCLONE_CONFIG": "",
        }

    def copy(self, size: int, rate: int = 0) -> None:
        line = " | ".join(self._commands).replace("/PATH", path(size, rate))
        subprocess.run(["bash", "-o", "pipefail", "-c", line], check=True, env=self._environment, capture_output=True)

    def cpu(self) -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


_FETCH = "curl -sSf --cacert {authority} {source}/PATH"
_RCLONE = "--s3-provider=Other --s3-endpoint={sink} --s3-env-auth --s3-no-check-bucket --s3-no-head"
_COPYURL = f"rclone copyurl --ca-cert {{authority}} {_RCLONE} {{source}}/PATH :s3:bucket/video.mp4"
_PROGRAMS = {
    "rclone copyurl": [_COPYURL + " --s3-upload-cutoff=0"],
    "rclone, unverified": [_COPYURL],
    "aws s3 cp -": [_FETCH, "aws s3 cp - s3://bucket/video.mp4 --endpoint-url {sink} --ca-bundle {authority}"],
}


def contestants(ends: Ends) -> dict[str, Contestant]:
    """By name. A program that is not installed does not take part."""
    found: dict[str, Contestant] = {
        "ours": Ours(ends),
        "curl": Programs(ends, _FETCH, "curl -sSf --cacert {authority} -T - {sink}/bucket/video.mp4"),
        "upload_fileobj": Boto3(ends),
    }
    for name, commands in _PROGRAMS.items():
        program = name.split()[0].rstrip(",")
        if shutil.which(program, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") is None:
            print(f"{program} is not installed: {name} is left out")
        else:
            found[name] = Programs(ends, *commands)
    return found


def client(ends: Ends) -> S3Client:
    session = boto3.Session("benchmark", "benchmark", region_name="us-east-1")
    config = Config(
        signature_version="s3v4", s3={"addressing_style": "path", "payload_signing_enabled": False}, read_timeout=60
    )
    return session.client("s3", endpoint_url=ends.sink, verify=ends.authority, config=config)


def path(size: int, rate: int) -> str:
    return f"/{size}/{rate}" if rate else f"/{size}"


@contextmanager
def started(certificate: Path) -> Iterator[tuple[str, str]]:
    """A source and a sink."""
    processes = [
        subprocess.Popen(
            [sys.executable, _HERE / "tls.py", end, certificate],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for end in ("source", "sink")
    ]
    try:
        source, sink = (f"https://localhost:{_first_line(process)}" for process in processes)
        yield source, sink
    finally:
        for process in processes:
            process.communicate()


def _first_line(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


class Result(NamedTuple):
    ratio: float  # of curl's pace
    cpu: float  # seconds per GiB


def race(size: int, rounds: int, racing: dict[str, Contestant]) -> dict[str, Result]:
    seconds: dict[str, list[float]] = {name: [] for name in racing}
    cpu: dict[str, list[float]] = {name: [] for name in racing}
    for turn in range(rounds + 1):
        for name in racing if turn % 2 else reversed(racing):
            contestant = racing[name]
            began, used = time.perf_counter(), contestant.cpu()
            contestant.copy(size)
            if turn:  # the first round warms up
                seconds[name].append(time.perf_counter() - began)
                cpu[name].append(contestant.cpu() - used)
    return {
        name: Result(
            median(curls / own for own, curls in zip(seconds[name], seconds["curl"], strict=True)),
            median(cpu[name]) / size * 2**30,
        )
        for name in racing
    }


def gain(racing: dict[str, Contestant]) -> float:
    """How much faster than one connection, of a source that limits each."""
    took = []
    for name in ("curl", "ours"):
        began = time.perf_counter()
        racing[name].copy(_SIZE // 2, _LIMITED)
        took.append(time.perf_counter() - began)
    return took[0] / took[1]


def peak() -> int:
    """Bytes that this process had in memory at most. (What getrusage says includes the parent's.)"""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if "VmHWM" in line)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory(size: int, ends: Ends) -> int:
    command = [sys.executable, __file__, "--alone", json.dumps([size, *ends])]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def throttled(ends: Ends, size: int, copies: int, share: float) -> float:
    """Seconds of one copy by a process that has such a share of a CPU that the ends leave alone, or of both."""
    command = [sys.executable, __file__, "--alone", json.dumps([size, *ends]), "--copies", str(copies)]
    ends_have, cpus = os.sched_getaffinity(0), {0} if share <= 1 else {0, 1}
    os.sched_setaffinity(0, cpus)  # which the process inherits
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        os.sched_setaffinity(0, ends_have)
        process.stdout.readline()  # it is warm
        process.stdin.close()
        running = _PERIOD * share / len(cpus)
        while process.poll() is None:
            time.sleep(running)
            if running < _PERIOD:
                process.send_signal(signal.SIGSTOP)
                time.sleep(_PERIOD - running)
                process.send_signal(signal.SIGCONT)
        return float(process.stdout.readline())


def print_shares(ends: Ends) -> None:
    print("memory  share of a CPU" + "".join(f"{size // _MB:8} MB: s  $/million" for size in _SIZES))
    for memory_size in _SHARES:
        share, line = memory_size / _WHOLE_CPU, ""
        for size, copies in _SIZES.items():
            seconds = _LATENCY + max(throttled(ends, size, copies, share), size / _NETWORK)
            line += f"{seconds:14.2f}{seconds * memory_size / 1024 * _GB_SECOND * 1e6:11.2f}"
        print(f"{memory_size:6}{share:16.2f}{line}")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    arguments.add_argument("--quick", action="store_true", help="only what is checked, and fewer rounds")
    arguments.add_argument("--shares", action="store_true", help="only what a copy costs, by memory")
    arguments.add_argument("--copies", type=int, default=0, help=argparse.SUPPRESS)
    arguments.add_argument("--alone", help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.alone:
        size, *where = json.loads(asked.alone)
        copier = Ours(Ends(*where))
        copier.copy(size)
        print(peak(), flush=True)
        if asked.copies:
            sys.stdin.read()
            began = time.monotonic()
            for _ in range(asked.copies):
                copier.copy(size)
            print((time.monotonic() - began) / asked.copies)
        return 0
    if shutil.which("curl") is None and not asked.shares:
        print("curl is not installed: there is nothing to compare with")
        return 1
    with tempfile.TemporaryDirectory() as directory:
        authority, certificate = Path(directory, "authority.pem"), Path(directory, "certificate.pem")
        made = trustme.CA()
        made.cert_pem.write_to_path(authority)
        made.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
        if asked.shares:
            os.sched_setaffinity(0, {1})
        with started(certificate) as (source, sink):
            ends = Ends(source, sink, str(authority))
            if asked.shares:
                print_shares(ends)
                return 0
            everybody = contestants(ends)
            at_200: dict[str, Result] = {}
            print("   size                      ratio  CPU s/GiB")
            for size, rounds in ({_SIZE: 5} if asked.quick else _ROUNDS).items():
                racing = everybody if size == _SIZE else {name: everybody[name] for name in ("ours", "curl")}
                results = race(size, rounds, racing)
                at_200 = results if size == _SIZE else at_200
                for name, result in results.items():
                    print(f"{size // _MB:4} MB  {name:18} {result.ratio:6.2f}  {result.cpu:9.2f}")
            gained = gain(everybody)
            small, large = (memory(size * _MB, ends) for size in (2, 2000))
    more = large - small
    print(f"a source of {_LIMITED // _MB} MB/s on each connection: {gained:.1f} times as fast as one connection")
    print(f"memory: {small / _MB:.0f} MB for 2 MB, {large / _MB:.0f} MB for 2 GB: {more / _MB:.0f} MB more")
    ours = at_200.pop("ours").ratio
    missed = [f"{name} was not measured" for name in _PROGRAMS if name not in at_200]
    missed += [
        f"200 MB no faster than {name}"
        for name, result in at_200.items()
        if name not in _UNVERIFIED and result.ratio >= ours
    ]
    if ours < _RATIO:
        missed.append(f"200 MB at less than {_RATIO} of curl's pace")
    if gained < _GAIN:
        missed.append(f"less than {_GAIN} times as fast as one connection")
    if more >= _MEMORY:
        missed.append(f"more than {_MEMORY // _MB} MB more memory")
    for target in missed:
        print("missed:", target)
    return 1 if missed and asked.check else 0


if __name__ == "__main__":
    os.environ.pop("AWS_PROFILE", None)
    sys.exit(main())
