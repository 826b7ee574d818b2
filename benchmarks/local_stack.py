"""A local cloud for a benchmark, and a simulator beside it that is all of its providers."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from local import cloud, processes, stack
from local.claims import free_ports

_ROOT: Final = Path(__file__).resolve().parent.parent


@contextmanager
def running(
    providers: Mapping[str, Mapping[str, Any]], *, concurrency: int, seconds_behind: float = 0.0, **plan: Any
) -> Iterator[tuple[stack.Stack, str]]:
    """The stack with these providers, each with what it needs beside its address, and the simulator's address.

    `seconds_behind` is how far the simulator's clock is behind this machine's at first."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory)
        port, simulator_port = free_ports(2)
        simulator = f"http://127.0.0.1:{simulator_port}"
        common = {"base_url": simulator, "api_key": "simulator", "allow_private": True}
        configuration = data / "providers.json"
        configuration.write_text(json.dumps({name: {**common, **own} for name, own in providers.items()}))
        command = [sys.executable, "-m", "local.simulator", "--port", str(simulator_port)]
        command += ["--concurrency", str(concurrency), "--seconds-behind", str(seconds_behind)]
        with (
            processes.running(
                "the simulator",
                [*command, "--data", str(data / "simulator")],
                env=stack.this_machines_environment(),
                log=data / "simulator.log",
                cwd=_ROOT,
            ),
            cloud.running(
                cloud.Plan(
                    root=_ROOT,
                    data=data / "cloud",
                    port=port,
                    simulator_port=simulator_port,
                    providers_file=configuration,
                    say=lambda line: print(line, file=sys.stderr),
                    **plan,
                )
            ) as up,
        ):
            yield up.stack, simulator
