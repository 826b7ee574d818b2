"""Which network addresses are public, and how a URL is requested. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, urlsplit

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_PROTOCOLS = IPv4Network("192.0.0.0/24")  # RFC 6890; some metadata is there, and older Pythons call it global
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_PRIVATE = tuple(
    ip_network(network)
    for network in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1",
        "fc00::/7",
    )
)
_CARRIED = "/%:@!$&'()*+,;=~|[]"  # by HTTP as they are, beside letters and digits
_METADATA = frozenset(map(ip_address, ("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")))


def is_public(address: str) -> bool:
    """Not private, loopback, link-local (where metadata is), multicast or reserved, also not in disguise."""
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        inner = _inside(found)
        if inner is not None:
            return is_public(str(inner))
        if found not in _GLOBAL_UNICAST:
            return False
    elif found in _PROTOCOLS:
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def is_private(address: str) -> bool:
    """Private or loopback: where an operator may have put a provider. Never where a cloud serves its metadata."""
    found = ip_address(address)
    inner = _inside(found) if isinstance(found, IPv6Address) else None
    if inner is not None:
        return is_private(str(inner))
    return found not in _METADATA and any(found in network for network in _PRIVATE)


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a translator or a tunnel would go to."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def target_of(url: str) -> tuple[str, str]:
    """The path and the query as they go over the wire. Raises ValueError for what is not a URL.

    What was signed must arrive as it is: only what HTTP cannot carry is escaped.
    """
    parts = urlsplit(url)
    return quote(parts.path or "/", safe=_CARRIED), quote(parts.query, safe=_CARRIED + "?")
