"""Community IDs, against the specification's own vectors and its reference implementation."""

import base64
import hashlib
import ipaddress

import communityid
import pytest
from reading import read_frames, seeded

from flowtable.testing import (
    ARP,
    GRE,
    SCTP,
    TCP,
    UDP,
    VXLAN,
    Ethernet,
    ICMPv4,
    ICMPv6,
    IPv4,
    IPv6,
    IPv6Destination,
    IPv6HopByHop,
    Payload,
    fragments,
)

FAMILY = {1: ICMPv4, 6: TCP, 17: UDP, 58: ICMPv6, 132: SCTP}
# github.com/corelight/community-id-spec, baseline: protocol, addresses, ports (of ICMP the type and the code,
# or the type of the answer), the Community ID with seed 0. RSVP has no ports.
BASELINE = [
    (58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 136, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
    (58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 135, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
    (58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 135, 136, "1:zavyT/cezQr1fmImYCwYnMXbgck="),
    (58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 136, 135, "1:zavyT/cezQr1fmImYCwYnMXbgck="),
    (58, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0, "1:2ObVBgIn28oZvibYZhZMBgh7WdQ="),
    (58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4,
     "1:hLZd0XGWojozrvxqE0dWB1iM6R0="),
    (58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 128, 129, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
    (58, "3ffe:501:0:1001::2", "3ffe:507:0:1:200:86ff:fe05:80da", 129, 128, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
    (58, "fe80::200:86ff:fe05:80da", "ff02::2", 133, 134, "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0="),
    (58, "fe80::260:97ff:fe07:69ea", "ff02::1", 134, 133, "1:pkvHqCL88/tg1k4cPigmZXUtL00="),
    (1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    (1, "192.168.0.1", "192.168.0.89", 0, 8, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    (1, "10.0.0.1", "10.0.0.2", 11, 0, "1:YHxtAirCG//0OzkcVAukqKQN9xM="),
    (6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
     "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="),
    (6, "2607:f8b0:400c:c03::1a", "2001:470:e5bf:dead:4957:2174:e82c:4887", 25, 63943,
     "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="),
    (132, "192.168.170.8", "192.168.170.56", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
    (132, "192.168.170.56", "192.168.170.8", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
    (6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    (6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    (17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    (17, "8.8.8.8", "192.168.1.52", 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    (46, "10.1.12.1", "10.1.12.2", None, None, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
    (46, "10.1.12.2", "10.1.12.1", None, None, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
]  # fmt: skip
VECTORS = [
    (IPv4("128.232.110.120", "66.35.250.204") / TCP(34855, 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    (IPv4("66.35.250.204", "128.232.110.120") / TCP(80, 34855), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    (IPv4("192.168.1.52", "8.8.8.8") / UDP(54585, 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    (IPv4("192.168.170.8", "192.168.170.56") / SCTP(7, 80), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="),
    (IPv4("192.168.0.89", "192.168.0.1") / ICMPv4(8, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    (IPv4("192.168.0.1", "192.168.0.89") / ICMPv4(0, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
]


@pytest.mark.parametrize(("packet", "expected"), VECTORS)
def test_vectors_of_the_specification(tmp_path, packet, expected):
    (flow,) = read_frames(tmp_path, [bytes(Ethernet() / packet)])
    assert flow.community_id == expected


@pytest.mark.parametrize("vector", BASELINE)
def test_baseline_of_the_specification(tmp_path, vector):
    protocol, source, destination, *ports, expected = vector
    ip = IPv6(source, destination) if ":" in source else IPv4(source, destination, protocol=protocol)
    carried = Payload(b"no ports") if ports == [None, None] else FAMILY[protocol](*ports)
    (flow,) = read_frames(tmp_path, [bytes(Ethernet() / ip / carried / Payload(b"x" * 40))])
    assert flow.community_id == flow.family_community_id == expected


def test_a_family_has_the_id_of_its_innermost_flow(tmp_path):
    inner = IPv4("192.168.0.2", "192.168.0.1") / TCP(5000, 80)
    middle = IPv4("172.16.0.2", "172.16.0.1") / GRE() / inner
    outer = Ethernet() / IPv4("10.0.0.2", "10.0.0.1") / UDP(6000, 4789) / VXLAN(5) / Ethernet()
    flows = read_frames(tmp_path, [bytes(outer / middle)])
    assert len(flows) == 3
    assert {flow.family_community_id for flow in flows} == {flows[2].community_id}


def test_a_family_keeps_the_first_innermost_flow(tmp_path):
    """A tunnel that carried nothing at first, then another one, whose first flow counts."""
    outer = Ethernet() / IPv4("10.0.0.2", "10.0.0.1") / GRE()
    bare = bytes(Ethernet() / IPv4("10.0.0.2", "10.0.0.1") / GRE(protocol=0x1234))
    middle = outer / IPv4("172.16.0.2", "172.16.0.1") / GRE()
    one, two = (IPv4("192.168.0.2", "192.168.0.1") / TCP(port, 80) for port in (5000, 5001))
    flows = read_frames(tmp_path, [bare])
    assert flows[0].family_community_id == flows[0].community_id
    flows = read_frames(tmp_path, [bare, bytes(middle), bytes(middle / one), bytes(middle / two)])
    ids = [flow.community_id for flow in flows]
    assert [flow.family_community_id for flow in flows] == [ids[2], ids[2], ids[2], ids[3]]


def test_a_family_without_ip_inside_keeps_its_own(tmp_path):
    outer = Ethernet() / IPv4("10.0.0.2", "10.0.0.1") / UDP(6000, 4789) / VXLAN(5)
    flows = read_frames(tmp_path, [bytes(outer / Ethernet() / ARP())])
    assert [flow.family_community_id for flow in flows] == [flows[0].community_id, None]


def second_opinion(protocol, source, destination, *ports):
    return communityid.CommunityID().calc(communityid.FlowTuple(protocol, source, destination, *ports))


@pytest.mark.parametrize("message_type", range(256))
@pytest.mark.parametrize("code", [0, 3])
def test_every_kind_of_icmp_message(tmp_path, message_type, code):
    a, b = "10.0.0.9", "10.0.0.1"
    (flow,) = read_frames(tmp_path, [bytes(Ethernet() / IPv4(a, b) / ICMPv4(message_type, code))])
    assert flow.community_id == second_opinion(1, a, b, message_type, code)
    a, b = "fd00::9", "fd00::1"
    (flow,) = read_frames(tmp_path, [bytes(Ethernet() / IPv6(a, b) / ICMPv6(message_type, code))])
    assert flow.community_id == second_opinion(58, a, b, message_type, code)


def test_any_ends(tmp_path):
    numbers = seeded(3)
    for _ in range(200):
        kind, bits = numbers.choice([(IPv4, 32), (IPv6, 128)])
        a, b = (ipaddress.ip_address(numbers.getrandbits(bits) | 1 << bits - 1) for _ in "ab")
        ports = numbers.randrange(65536), numbers.choice([80, 443, 40_000])
        layer, protocol = numbers.choice([(TCP, 6), (UDP, 17), (SCTP, 132)])
        (flow,) = read_frames(tmp_path, [bytes(Ethernet() / kind(str(a), str(b)) / layer(*ports))])
        assert flow.community_id == second_opinion(protocol, str(a), str(b), *ports)


@pytest.mark.parametrize(
    ("packet", "protocol"),
    [
        (IPv4("10.0.0.9", "10.0.0.1", protocol=50) / Payload(b"\0" * 12), 50),
        (IPv4("10.0.0.9", "10.0.0.1", protocol=103) / Payload(b"pim"), 103),
        (IPv4("10.0.0.9", "10.0.0.1") / GRE(protocol=0x1234) / Payload(b"x"), 47),
    ],
)
def test_protocols_without_ports(tmp_path, packet, protocol):
    (flow,) = read_frames(tmp_path, [bytes(Ethernet() / packet)])
    assert flow.community_id == second_opinion(protocol, "10.0.0.9", "10.0.0.1")


def test_extension_headers_are_looked_behind(tmp_path):
    packet = IPv6("fd00::9", "fd00::1") / IPv6HopByHop() / IPv6Destination() / UDP(7, 9)
    (flow,) = read_frames(tmp_path, [bytes(Ethernet() / packet)])
    assert flow.community_id == second_opinion(17, "fd00::9", "fd00::1", 7, 9)


def test_each_part_has_its_own_and_what_is_no_ip_has_none(tmp_path):
    inner = Ethernet() / IPv4("192.168.0.2", "192.168.0.1") / TCP(5000, 80)
    outer = Ethernet() / IPv4("10.0.0.2", "10.0.0.1") / UDP(6000, 4789) / VXLAN(5)
    flows = read_frames(tmp_path, [bytes(outer / inner), bytes(Ethernet() / ARP())])
    assert [flow.community_id for flow in flows] == [
        second_opinion(17, "10.0.0.2", "10.0.0.1", 6000, 4789),
        second_opinion(6, "192.168.0.2", "192.168.0.1", 5000, 80),
        None,
    ]
    assert "CommunityID" not in flows[2].to_dict()


def test_fragments_have_the_protocol_and_no_ports(tmp_path):
    pieces = fragments(Ethernet() / IPv4("10.0.0.9", "10.0.0.1") / UDP(7, 9) / Payload(b"x" * 64), 32)
    (flow,) = read_frames(tmp_path, [bytes(piece) for piece in pieces])
    assert flow.metric.ab_packets == len(pieces) > 1
    ends = b"\0\0" + bytes(
        [10, 0, 0, 1, 10, 0, 0, 9, 17, 0]
    )  # which the second opinion refuses without ports
    assert flow.community_id == "1:" + base64.b64encode(hashlib.sha1(ends).digest()).decode()  # noqa: S324
