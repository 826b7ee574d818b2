"""A simulator on a free port whose wall clock stands still: time passes only when a test says so."""

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from ssl import SSLContext
from threading import Thread
from typing import Any

import httpx
import pytest

from local.simulator.clock import Clock
from local.simulator.server import Server
from local.simulator.simulator import Settings, Simulator
from tests.local.simulator.client import Client, Open

NOON = 1_795_262_400.123456


@pytest.fixture(scope="session")
def trust() -> SSLContext:
    """Made once: it is what is slow in an HTTP client, and not even used here."""
    return httpx.create_ssl_context()


@pytest.fixture(scope="session")
def leaving() -> Iterator[list[Thread]]:
    """A server takes a moment to stop, and the next test need not wait for it."""
    threads: list[Thread] = []
    yield threads
    for thread in threads:
        thread.join(timeout=10)
        assert not thread.is_alive()


@pytest.fixture
def open_simulator(tmp_path: Path, trust: SSLContext, leaving: list[Thread]) -> Iterator[Open]:
    """Opens a simulator over the test's directory; opened again, the one before is closed first."""
    closing: list[Callable[[], Thread]] = []

    def open_(**settings: Any) -> Client:
        for close in closing:
            close().join(timeout=10)
        closing.clear()
        simulator = Simulator(Settings(data=tmp_path, **settings), Clock(wall=lambda: NOON))
        address: Queue[str] = Queue()
        server = Server(simulator, host="127.0.0.1", port=0, ready=address.put)
        thread = Thread(target=server.run)
        thread.start()
        http = httpx.Client(
            base_url=address.get(timeout=10),
            headers={"authorization": "Token vda_test"},
            timeout=10,
            verify=trust,
        )

        def stop() -> Thread:
            http.close()
            server.should_exit = True
            return thread

        closing.append(stop)
        return Client(http)

    yield open_
    leaving += [close() for close in closing]


@pytest.fixture
def simulator(open_simulator: Open) -> Client:
    return open_simulator()
