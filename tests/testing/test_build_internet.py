import pytest
from hypothesis import given
from hypothesis import strategies as st
from second_opinion import rebuilt, scapy

from flowtable.testing import (
    AH,
    ESP,
    TCP,
    UDP,
    Ethernet,
    ICMPv6,
    ICMPv6Echo,
    IPv4,
    IPv6,
    IPv6Destination,
    IPv6Fragment,
    IPv6HopByHop,
    IPv6Routing,
    fragments,
)


def test_ipv4():
    header = IPv4("192.0.2.7", "198.51.100.8", ttl=3, id=0x1234, flags="D", tos=0x2E << 2)
    frame = bytes(header / UDP(1, 2) / b"data")
    seen = scapy.IP(frame)
    assert (seen.src, seen.dst, seen.ttl, seen.id) == ("192.0.2.7", "198.51.100.8", 3, 0x1234)
    assert (seen.version, seen.ihl, seen.len, seen.tos, str(seen.flags)) == (4, 5, 32, 0xB8, "DF")
    assert rebuilt(scapy.IP, frame) == frame


def test_ipv4_options_are_padded():
    frame = bytes(IPv4(options=b"\x07\x07\x04\0\0\0\0") / UDP(1, 2))
    seen = scapy.IP(frame)
    assert (seen.ihl, seen.len) == (7, 36)
    assert rebuilt(scapy.IP, frame) == frame


def test_ipv4_fields_can_be_forced():
    seen = scapy.IP(bytes(IPv4(version=5, ihl=4, total_length=9, checksum=0xBEEF, protocol=1) / b"data"))
    assert (seen.version, seen.ihl, seen.len, seen.chksum, seen.proto) == (5, 4, 9, 0xBEEF, 1)


@pytest.mark.parametrize(("flags", "bits"), [("", 0), ("R", 4), ("D", 2), ("M", 1), ("DM", 3)])
def test_ipv4_flags(flags, bits):
    assert scapy.IP(bytes(IPv4(flags=flags))).flags.value == bits


def test_ipv6():
    frame = bytes(IPv6("2001:db8::a", "2001:db8::b", 9, 0x2E, 0x12345) / TCP(1, 2) / b"data")
    seen = scapy.IPv6(frame)
    assert (seen.src, seen.dst, seen.hlim, seen.plen) == ("2001:db8::a", "2001:db8::b", 9, 24)
    assert (seen.tc, seen.fl, seen.nh) == (0x2E, 0x12345, 6)
    assert rebuilt(scapy.IPv6, frame) == frame


def test_ipv6_extension_headers_chain():
    chain = IPv6HopByHop(((5, b"\0\0"),)) / IPv6Destination() / IPv6Routing(("2001:db8::9",)) / ICMPv6()
    frame = bytes(IPv6() / chain / ICMPv6Echo() / b"data")
    seen = scapy.IPv6(frame)
    kinds = scapy.IPv6ExtHdrHopByHop, scapy.IPv6ExtHdrDestOpt, scapy.IPv6ExtHdrRouting
    assert [seen.nh, *(seen[kind].nh for kind in kinds)] == [0, 60, 43, 58]
    assert rebuilt(scapy.IPv6, frame) == frame


@pytest.mark.parametrize("size", range(16))
def test_ipv6_options_are_padded_to_8_bytes(size):
    frame = bytes(IPv6() / IPv6HopByHop(((0x1E, bytes(size)),)) / UDP(1, 2))
    assert (len(frame) - 40 - 8) % 8 == 0
    assert rebuilt(scapy.IPv6, frame) == frame


def test_ipv6_route_gives_the_checksum_its_destination():
    packet = IPv6(dst="2001:db8::8") / IPv6Routing(("2001:db8::9",)) / UDP(1, 2) / b"data"
    direct = IPv6(dst="2001:db8::9") / UDP(1, 2) / b"data"
    assert bytes(packet)[-6:] == bytes(direct)[-6:]
    arrived = IPv6(dst="2001:db8::9") / IPv6Routing(("2001:db8::8",), segments_left=0) / UDP(1, 2) / b"data"
    assert bytes(arrived)[-6:] == bytes(direct)[-6:]


def test_ipv6_segment_routing_lists_the_last_segment_first():
    packet = IPv6(dst="2001:db8::8") / IPv6Routing(("2001:db8::9", "2001:db8::8"), 4) / UDP(1, 2)
    assert bytes(packet)[-2:] == bytes(IPv6(dst="2001:db8::9") / UDP(1, 2))[-2:]


def test_ipv6_jumbogram():
    packet = IPv6() / IPv6HopByHop(jumbo=True) / UDP(1, 2, length=0) / bytes(70_000)
    frame = bytes(packet)
    seen = scapy.IPv6(frame)
    assert seen.plen == 0
    assert seen[scapy.IPv6ExtHdrHopByHop].options[0].jumboplen == len(frame) - 40


def test_ipv6_fragment():
    seen = scapy.IPv6(bytes(IPv6() / IPv6Fragment(7, 1448, more=True, next_header=17) / b"data"))
    fragment = seen[scapy.IPv6ExtHdrFragment]
    assert (fragment.id, fragment.offset * 8, fragment.m, fragment.nh) == (7, 1448, 1, 17)


def test_ah_and_esp():
    seen = scapy.IP(bytes(IPv4() / AH(0x111, 2) / UDP(1, 2) / b"data"))
    assert (seen[scapy.AH].spi, seen[scapy.AH].seq, seen[scapy.AH].payloadlen) == (0x111, 2, 4)
    assert seen[scapy.AH].nh == 17
    seen = scapy.IP(bytes(IPv4() / ESP(0x222, 3) / b"sealed"))
    assert (seen[scapy.ESP].spi, seen[scapy.ESP].seq, seen[scapy.ESP].data) == (0x222, 3, b"sealed")


@pytest.mark.parametrize(("header", "start"), [(IPv4(id=9), 20), (IPv6(), 48)])
def test_fragments_hold_the_datagram(header, start):
    whole = header / UDP(1, 2) / bytes(range(100))
    pieces = [bytes(piece) for piece in fragments(whole, 24)]
    assert b"".join(piece[start:] for piece in pieces) == whole.encode(1)
    assert len(pieces) == 5


def test_scapy_puts_fragments_together():
    whole = IPv4(id=9) / UDP(1, 2) / bytes(range(200))
    joined = scapy.defragment([scapy.IP(bytes(piece)) for piece in fragments(whole, 64)])
    assert bytes(joined[0]) == bytes(whole)
    whole = IPv6() / UDP(1, 2) / bytes(range(200))
    joined = scapy.defragment6([scapy.IPv6(bytes(piece)) for piece in fragments(whole, 64)])
    assert bytes(joined) == bytes(whole)


def test_the_innermost_datagram_is_cut():
    outer = Ethernet() / IPv4(dst="198.51.100.1")
    pieces = fragments(outer / IPv4() / UDP(1, 2) / bytes(40), 32)
    assert [piece.layers[:2] for piece in pieces] == [outer.layers] * 2


addresses4 = st.ip_addresses(v=4).map(str)
addresses6 = st.ip_addresses(v=6).map(str)


@given(addresses4, addresses4, st.binary(max_size=40), st.integers(0, 65535))
def test_any_ipv4_datagram_is_right(src, dst, data, number):
    frame = bytes(IPv4(src, dst, id=number) / UDP(1, 2) / data)
    assert rebuilt(scapy.IP, frame) == frame


@given(addresses6, addresses6, st.binary(max_size=40), st.integers(0, 2**32 - 1))
def test_any_ipv6_segment_is_right(src, dst, data, seq):
    frame = bytes(IPv6(src, dst) / TCP(1, 2, "PA", seq) / data)
    assert rebuilt(scapy.IPv6, frame) == frame
