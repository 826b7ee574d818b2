"""A stack for the command to call."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.harness import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path)
