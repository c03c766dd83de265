import pytest
from second_opinion import igmp, igmpv3, rebuilt, scapy

from flowtable.testing import (
    IGMP,
    UDP,
    GroupRecord,
    ICMPv4,
    ICMPv6,
    ICMPv6Echo,
    ICMPv6Error,
    ICMPv6NeighborAdvertisement,
    ICMPv6NeighborSolicitation,
    ICMPv6Redirect,
    ICMPv6RouterAdvertisement,
    ICMPv6RouterSolicitation,
    IGMPv3Query,
    IGMPv3Report,
    IPv4,
    IPv6,
    MLDv1MulticastListenerDone,
    MLDv1MulticastListenerQuery,
    MLDv1MulticastListenerReport,
    MLDv2MulticastListenerQuery,
    MLDv2MulticastListenerReport,
    link_address,
)


@pytest.mark.parametrize("kind", [0, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18])
def test_icmpv4(kind):
    frame = bytes(IPv4() / ICMPv4(kind, 0, 0x1234, 0x5678) / IPv4() / UDP(1, 2) / bytes(8))
    seen = scapy.IP(frame)[scapy.ICMP]
    assert (seen.type, seen.code) == (kind, 0)
    assert frame[24:28] == b"\x12\x34\x56\x78"
    assert rebuilt(scapy.IP, frame) == frame


def test_icmpv4_echo_fields():
    seen = scapy.ICMP(bytes(ICMPv4(8, id=7, seq=9) / b"data"))
    assert (seen.id, seen.seq, seen.load) == (7, 9, b"data")


SOURCE = link_address(1, "02:00:00:00:00:0a")
TARGET = link_address(2, "02:00:00:00:00:0b")
MESSAGES = [
    (ICMPv6Error() / IPv6(), 1, scapy.ICMPv6DestUnreach),
    (ICMPv6Echo(7, 8) / b"data", 128, scapy.ICMPv6EchoRequest),
    (MLDv1MulticastListenerQuery(), 130, scapy.ICMPv6MLQuery),
    (MLDv1MulticastListenerReport(), 131, scapy.ICMPv6MLReport),
    (MLDv1MulticastListenerDone(), 132, scapy.ICMPv6MLDone),
    (MLDv2MulticastListenerQuery(sources=("2001:db8::5",)), 130, scapy.ICMPv6MLQuery2),
    (MLDv2MulticastListenerReport(), 143, scapy.ICMPv6MLReport2),
    (ICMPv6RouterSolicitation() / SOURCE, 133, scapy.ICMPv6ND_RS),
    (ICMPv6RouterAdvertisement() / SOURCE, 134, scapy.ICMPv6ND_RA),
    (ICMPv6NeighborSolicitation() / SOURCE, 135, scapy.ICMPv6ND_NS),
    (ICMPv6NeighborAdvertisement() / TARGET, 136, scapy.ICMPv6ND_NA),
    (ICMPv6Redirect() / TARGET, 137, scapy.ICMPv6ND_Redirect),
]


@pytest.mark.parametrize(
    ("message", "kind", "known_as"), MESSAGES, ids=lambda value: getattr(value, "__name__", "")
)
def test_icmpv6(message, kind, known_as):
    frame = bytes(IPv6() / ICMPv6() / message)
    seen = scapy.IPv6(frame)
    assert seen[known_as].type == kind
    assert rebuilt(scapy.IPv6, frame) == frame


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_icmpv6_errors_quote_a_packet(kind):
    seen = scapy.IPv6(bytes(IPv6() / ICMPv6(kind) / ICMPv6Error(1280) / IPv6(src="2001:db8::99") / UDP(1, 2)))
    assert seen.payload.type == kind
    assert seen[scapy.IPerror6].src == "2001:db8::99"


def test_icmpv6_neighbor_fields():
    seen = scapy.IPv6(bytes(IPv6() / ICMPv6() / ICMPv6NeighborAdvertisement("2001:db8::77") / TARGET))
    advertisement = seen[scapy.ICMPv6ND_NA]
    assert (advertisement.tgt, advertisement.R, advertisement.S, advertisement.O) == ("2001:db8::77", 0, 1, 1)
    assert seen[scapy.ICMPv6NDOptDstLLAddr].lladdr == "02:00:00:00:00:0b"


def test_icmpv6_redirect_fields():
    seen = scapy.IPv6(bytes(IPv6() / ICMPv6() / ICMPv6Redirect("2001:db8::3", "2001:db8::4")))
    assert (seen[scapy.ICMPv6ND_Redirect].tgt, seen[scapy.ICMPv6ND_Redirect].dst) == (
        "2001:db8::3",
        "2001:db8::4",
    )


def test_icmpv6_router_fields():
    seen = scapy.IPv6(bytes(IPv6() / ICMPv6() / ICMPv6RouterAdvertisement(9, 0xC0, 600, 7, 8)))
    router = seen[scapy.ICMPv6ND_RA]
    assert (router.chlim, router.M, router.O, router.routerlifetime) == (9, 1, 1, 600)
    assert (router.reachabletime, router.retranstimer) == (7, 8)


def test_mldv2_records():
    record = GroupRecord("ff02::1:3", ("2001:db8::5", "2001:db8::6"), 3)
    seen = scapy.IPv6(bytes(IPv6() / ICMPv6() / MLDv2MulticastListenerReport((record,))))
    group = seen[scapy.ICMPv6MLDMultAddrRec]
    assert (group.rtype, group.dst, group.sources) == (3, "ff02::1:3", ["2001:db8::5", "2001:db8::6"])


@pytest.mark.parametrize("kind", [0x11, 0x12, 0x16, 0x17])
def test_igmp(kind):
    seen = igmp.IGMP(bytes(IGMP(kind, "239.1.2.3", 5)))
    assert (seen.type, seen.gaddr, seen.mrcode) == (kind, "239.1.2.3", 5)
    assert scapy.checksum(bytes(IGMP(kind, "239.1.2.3", 5))) == 0


def test_igmpv3_query():
    frame = bytes(IGMPv3Query(group="239.1.2.3", sources=("192.0.2.5", "192.0.2.6")))
    seen = igmpv3.IGMPv3(frame)[igmpv3.IGMPv3mq]
    assert (seen.gaddr, seen.numsrc, seen.srcaddrs) == ("239.1.2.3", 2, ["192.0.2.5", "192.0.2.6"])
    assert rebuilt(igmpv3.IGMPv3, frame) == frame


def test_igmpv3_report():
    frame = bytes(
        IGMPv3Report(records=(GroupRecord("239.1.2.3", ("192.0.2.5",), 6), GroupRecord("239.1.2.4")))
    )
    seen = igmpv3.IGMPv3(frame)[igmpv3.IGMPv3mr]
    assert seen.numgrp == 2
    assert [(group.rtype, group.maddr) for group in seen.records] == [(6, "239.1.2.3"), (4, "239.1.2.4")]
    assert scapy.checksum(frame) == 0


def test_counts_can_lie():
    assert bytes(IGMPv3Report(record_count=9))[6:8] == b"\0\x09"
    assert bytes(IGMPv3Query(source_count=9))[10:12] == b"\0\x09"
    assert bytes(GroupRecord("239.1.2.3", source_count=9))[2:4] == b"\0\x09"
