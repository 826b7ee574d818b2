"""Copying a creation into the bucket, against `curl SOURCE | curl -T - BUCKET` over the same TLS in the same run.

    python benchmarks/copy_creation.py [--check] [--quick]

Both contestants take turns, so that what else the machine does meets both. Prints medians of ratios (1.00 = as fast
as curl; more is faster) and the memory that a copy takes at most; trust the ratios, not the times.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import boto3
import trustme
from botocore.config import Config

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE.parent / "layers" / "reelkeep"))

from reelkeep.adapters.copying.copy import copy
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.ports import Source

_MB = 1_000_000
_ROUNDS = {20 * _MB: 15, 200 * _MB: 9, 2000 * _MB: 3}
_RATIO = 0.9  # at 200 MB
_MEMORY = 64 * _MB  # at 2 GB, more than at 2 MB


class Ours:
    def __init__(self, authority: Path, source: str, sink: str) -> None:
        self._source = source
        self._outbound = Outbound(ssl.create_default_context(cafile=authority))
        session = boto3.Session("benchmark", "benchmark", region_name="us-east-1")
        self._credentials = session.get_credentials()
        self._s3 = session.client(
            "s3",
            endpoint_url=sink,
            verify=str(authority),
            config=Config(s3={"addressing_style": "path"}),
        )

    def copy(self, size: int) -> None:
        kept = copy(
            Source(f"{self._source}/{size}", allow_private=True),
            bucket="bucket",
            key="video.mp4",
            expected="video",
            s3=self._s3,
            credentials=self._credentials,
            outbound=self._outbound,
            limit_bytes=10_000 * _MB,
            seconds=600,
        )
        assert (kept.bytes, kept.width, kept.fps) == (size, 320, 24.0)

    def cpu(self) -> float:
        return time.process_time()


class Curl:
    def __init__(self, authority: Path, source: str, sink: str) -> None:
        self._fetch = ["curl", "-sSf", "--cacert", str(authority), source]
        self._store = ["curl", "-sSf", "--cacert", str(authority), "-T", "-", f"{sink}/bucket/video.mp4"]

    def copy(self, size: int) -> None:
        *fetch, source = self._fetch
        with subprocess.Popen([*fetch, f"{source}/{size}"], stdout=subprocess.PIPE) as fetching:
            subprocess.run(self._store, stdin=fetching.stdout, check=True)
        assert fetching.returncode == 0

    def cpu(self) -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


@contextmanager
def ends(certificate: Path) -> Iterator[tuple[str, str]]:
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


def race(size: int, rounds: int, ours: Ours, curl: Curl) -> dict[str, float]:
    seconds: dict[Any, list[float]] = {ours: [], curl: []}
    cpu: dict[Any, list[float]] = {ours: [], curl: []}
    for turn in range(rounds + 1):
        for contestant in (ours, curl) if turn % 2 else (curl, ours):
            began, used = time.perf_counter(), contestant.cpu()
            contestant.copy(size)
            if turn:  # the first round warms up
                seconds[contestant].append(time.perf_counter() - began)
                cpu[contestant].append(contestant.cpu() - used)
    return {
        "ratio": median(theirs / own for own, theirs in zip(seconds[ours], seconds[curl], strict=True)),
        "cpu": median(cpu[ours]) / size * 2**30,
        "cpu of curl": median(cpu[curl]) / size * 2**30,
    }


def peak() -> int:
    """Bytes that this process had in memory at most. (What getrusage says includes the parent's.)"""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if "VmHWM" in line)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory(size: int, authority: Path, source: str, sink: str) -> int:
    command = [sys.executable, __file__, "--alone", json.dumps([size, str(authority), source, sink])]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    arguments.add_argument("--quick", action="store_true", help="only what is checked, and fewer rounds")
    arguments.add_argument("--alone", help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.alone:
        size, *where = json.loads(asked.alone)
        Ours(Path(where[0]), *where[1:]).copy(size)
        print(peak())
        return 0
    if shutil.which("curl") is None:
        print("curl is not installed: there is nothing to compare with")
        return 1
    with tempfile.TemporaryDirectory() as directory:
        authority, certificate = Path(directory, "authority.pem"), Path(directory, "certificate.pem")
        made = trustme.CA()
        made.cert_pem.write_to_path(authority)
        made.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
        with ends(certificate) as (source, sink):
            contestants = Ours(authority, source, sink), Curl(authority, source, sink)
            ratios = {}
            print("   size  ratio  CPU s/GiB  curl's")
            for size, rounds in ({200 * _MB: 5} if asked.quick else _ROUNDS).items():
                found = race(size, rounds, *contestants)
                ratios[size] = found["ratio"]
                print(f"{size // _MB:4} MB  {found['ratio']:5.2f}  {found['cpu']:9.2f}  {found['cpu of curl']:6.2f}")
            small, large = (memory(size * _MB, authority, source, sink) for size in (2, 2000))
    more = large - small
    print(f"memory: {small / _MB:.0f} MB for 2 MB, {large / _MB:.0f} MB for 2 GB: {more / _MB:.0f} MB more")
    missed = []
    if ratios[200 * _MB] < _RATIO:
        missed.append(f"200 MB at less than {_RATIO} of curl's pace")
    if more >= _MEMORY:
        missed.append(f"more than {_MEMORY // _MB} MB more memory")
    for target in missed:
        print("missed:", target)
    return 1 if missed and asked.check else 0


if __name__ == "__main__":
    os.environ.pop("AWS_PROFILE", None)
    sys.exit(main())
