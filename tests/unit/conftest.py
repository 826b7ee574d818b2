from __future__ import annotations

import pytest

from tests.unit.api_harness import Client


@pytest.fixture
def call() -> Client:
    return Client()
