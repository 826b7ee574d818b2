from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain.addresses import is_private, is_public, target_of

NEAR_THE_EDGES = ["0.0.0.0", "10.0.0.0", "127.0.0.1", "169.254.169.254", "172.31.255.255", "192.168.1.1", "8.8.8.8"]
ipv4 = st.ip_addresses(v=4) | st.sampled_from(NEAR_THE_EDGES).map(IPv4Address)
addresses = ipv4 | st.ip_addresses(v=6)


@given(addresses)
def test_no_address_is_both_public_and_private(address: IPv4Address | IPv6Address) -> None:
    assert not (is_public(str(address)) and is_private(str(address)))


@given(ipv4, st.integers(0, 2**80 - 1))
def test_an_address_in_disguise_is_what_it_is_without(address: IPv4Address, rest: int) -> None:
    plain, number = str(address), int(address)
    mapped = IPv6Address(0xFFFF << 32 | number)
    translated = IPv6Address((0x64FF9B << 96) | number)
    tunnelled = IPv6Address(0x2002 << 112 | number << 80 | rest)
    for disguised in (mapped, translated, tunnelled):
        assert (is_public(str(disguised)), is_private(str(disguised))) == (is_public(plain), is_private(plain))


@given(ipv4)
def test_nothing_public_is_reserved_for_anything_inside(address: IPv4Address) -> None:
    inside = address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
    assert not (inside and is_public(str(address)))


OUTSIDE = """
    8.8.8.8 52.216.0.1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 64:ff9b::808:808 2606:4700::1111 2600:1f18::1
"""
OF_AN_OPERATOR = """
    10.1.2.3 127.0.0.1 127.8.8.8 172.16.0.1 192.168.1.1 100.64.0.1 ::1 fc00::1 fd12::1
    ::ffff:127.0.0.1 ::ffff:10.1.2.3 64:ff9b::7f00:1 64:ff9b::10.1.2.3 2002:7f00:1::
"""
NOBODYS = """
    169.254.169.254 169.254.170.2 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe:: fd00:ec2::254
    fd20:ce::254 100.100.100.200 192.0.0.192 0.0.0.0 192.0.2.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255
    :: ::127.0.0.1 64:ff9b:1::8.8.8.8 2001::1 2001:db8::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 4000::1
"""  # where a cloud tells its secrets, and what leads nowhere or to everybody


def test_an_address_is_outside_or_an_operators_own_or_closed_to_all() -> None:
    for addresses, expected in ((OUTSIDE, (True, False)), (OF_AN_OPERATOR, (False, True)), (NOBODYS, (False, False))):
        for address in addresses.split():
            assert (is_public(address), is_private(address)) == expected, address


carried = st.text("aZ09-._~/%:@!$&'()*+,;=")


@given(carried, carried.map(lambda text: text.replace("/", "?")))
def test_what_was_signed_arrives_as_it_is(path: str, query: str) -> None:
    assert target_of(f"https://cdn.test/a/{path}?{query}") == (f"/a/{path}", query)


@given(st.text(st.characters()) | st.text('a /?#\r\n\t"é'))
def test_nothing_is_sent_that_would_break_out_of_the_request_line(text: str) -> None:
    with suppress(ValueError):
        for part in target_of(f"https://cdn.test/{text}"):
            assert re.fullmatch(r"[!-~]*", part)
