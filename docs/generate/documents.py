"""What is built, and where it lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docs.generate import asyncapi, openapi
from docs.generate.version import ROOT

SERVED = ROOT / "layers" / "reelkeep" / "reelkeep" / "console"
EVENTS = ROOT / "events" / "notices"


def documents() -> dict[Path, str]:
    """The text of every file, by its path."""
    events = asyncapi.document()
    found = {SERVED / "openapi.json": openapi.document(), SERVED / "asyncapi.json": events}
    for name, message in events["components"]["messages"].items():
        found[EVENTS / f"{name}.json"] = message["examples"][0]["payload"]
    return {path: _text(document) for path, document in found.items()}


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
