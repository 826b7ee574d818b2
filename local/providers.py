"""Who generates for the local cloud: what a person wrote down, or the simulator."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from local.errors import CloudError
from local.simulator.dialects import Serves, served
from local.stack import this_machines_environment

Providers = Mapping[str, Mapping[str, Any]]

_USUAL: Final = "vidu_ent_v2"
ROOT: Final = Path(__file__).parents[1]


def read(path: Path) -> Providers:
    """A file of the same form as the deployed stack's secret, checked as a person would check it."""
    command = [sys.executable, "-m", "cli", "providers", "check", str(path.resolve())]
    checked = subprocess.run(
        command, cwd=ROOT, env=this_machines_environment(), capture_output=True, text=True, check=False
    )
    if checked.returncode != 0:
        raise CloudError(f"{path}: {checked.stderr.strip().removeprefix('error: ')}")
    found: Providers = json.loads(path.read_text())
    return found


def simulator(url: str) -> Providers:
    """In every dialect that it speaks, each under the dialect's name, but for the one that serves what nobody else
    does. What a client says in the dialect of one of them goes there, if the model is one of its own."""

    def settings(serves: Serves) -> dict[str, Any]:
        return {
            "dialect": serves.dialect,
            "base_url": url + serves.path,
            "api_key": "simulator",
            "models": list(serves.models),
            "allow_private": True,
            "typical_seconds": 5,
        }

    found = {serves.dialect: settings(serves) for serves in served()}
    return {"simulator": {**found.pop(_USUAL), "default": True}, **found}
