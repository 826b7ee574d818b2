"""Who generates for the local cloud: what a person wrote down, or the studio."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from local.errors import CloudError

Providers = Mapping[str, Mapping[str, Any]]

REQUIRED: Final = ("dialect", "base_url", "api_key")


def read(path: Path) -> Providers:
    """A file of the same form as the deployed stack's secret."""
    try:
        found = json.loads(path.read_text())
    except OSError as error:
        raise CloudError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CloudError(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict) or not found:
        raise CloudError(f"{path} must hold an object with one member for each provider")
    for name, provider in found.items():
        for field in REQUIRED:
            if not isinstance(provider, dict) or not isinstance(provider.get(field), str):
                raise CloudError(f"{path}: provider {name!r} has no {field}")
    return found


def studio(url: str) -> Providers:
    return {
        "studio": {
            "dialect": "vidu_ent_v2",
            "base_url": url,
            "api_key": "studio",
            "models": ["*"],
            "default": True,
            "allow_private": True,
            "typical_seconds": 5,
        }
    }
