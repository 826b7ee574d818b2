"""Names of the network, and the addresses behind them."""

from __future__ import annotations

import socket


def resolve(host: str) -> tuple[str, ...]:
    """Every address of a host; none if the name leads nowhere."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
