import pytest
from second_opinion import mpls, rebuilt, scapy

from flowtable.testing import (
    ARP,
    FDDI,
    LLC,
    MPLS,
    PPP,
    SNAP,
    STP,
    UDP,
    ControlWord,
    Dot1Q,
    Ethernet,
    IPv4,
    IPv6,
    LinuxCooked,
    LinuxCooked2,
    Loopback,
    PPPoE,
    PPPoEDiscovery,
    ServiceTag,
)

DATAGRAM = IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 2) / b"data"


def test_ethernet():
    seen = scapy.Ether(bytes(Ethernet("02:00:00:00:00:0a", "02:00:00:00:00:0b") / DATAGRAM))
    assert (seen.src, seen.dst, seen.type) == ("02:00:00:00:00:0a", "02:00:00:00:00:0b", 0x0800)
    assert seen[scapy.UDP].dport == 2


def test_ethernet_is_padded_on_request():
    frame = bytes(Ethernet(pad=60) / ARP())
    assert len(frame) == 60
    assert len(scapy.Ether(frame)[scapy.Padding].load) == 18


def test_ieee_802_3_says_how_long_it_is():
    seen = scapy.Dot3(bytes(Ethernet(pad=60) / LLC() / STP()))
    assert seen.len == 3 + 35
    assert (seen[scapy.LLC].dsap, seen[scapy.LLC].ssap, seen[scapy.LLC].ctrl) == (0x42, 0x42, 3)
    assert seen[scapy.STP].portid == 0x8001


def test_snap():
    seen = scapy.Dot3(bytes(Ethernet() / LLC() / SNAP(0x00000C) / DATAGRAM))
    assert (seen[scapy.SNAP].OUI, seen[scapy.SNAP].code) == (0x0C, 0x0800)
    assert seen[scapy.IP].src == "192.0.2.1"


def test_vlan_tags():
    seen = scapy.Ether(bytes(Ethernet() / ServiceTag(100, 5) / Dot1Q(7, drop_eligible=True) / DATAGRAM))
    assert (seen[scapy.Dot1AD].vlan, seen[scapy.Dot1AD].prio) == (100, 5)
    assert (seen[scapy.Dot1AD].payload.vlan, seen[scapy.Dot1AD].payload.dei) == (7, 1)


def test_arp():
    packet = ARP("02:00:00:00:00:0a", "192.0.2.9", "02:00:00:00:00:0b", "192.0.2.8", operation=2)
    seen = scapy.ARP(bytes(packet))
    assert (seen.hwsrc, seen.psrc, seen.hwdst, seen.pdst) == (
        "02:00:00:00:00:0a",
        "192.0.2.9",
        "02:00:00:00:00:0b",
        "192.0.2.8",
    )
    assert (seen.op, seen.hwlen, seen.plen, len(bytes(packet))) == (2, 6, 4, 28)


def test_arp_lengths_can_lie():
    assert bytes(ARP(hardware_length=20, protocol_length=0))[4:6] == b"\x14\0"


def test_pppoe_session():
    frame = bytes(Ethernet() / PPPoE(0x1234) / PPP() / IPv6() / UDP(1, 2))
    seen = scapy.Ether(frame)
    assert (seen[scapy.PPPoE].sessionid, seen[scapy.PPPoE].len) == (0x1234, 2 + 40 + 8)
    assert seen[scapy.PPP].proto == 0x57
    assert rebuilt(scapy.Ether, frame) == frame


def test_pppoe_discovery():
    seen = scapy.Ether(bytes(Ethernet() / PPPoEDiscovery(tags=((0x0101, b""), (0x0102, b"access")))))
    assert (seen[scapy.PPPoED].code, seen[scapy.PPPoED].len) == (9, 4 + 10)
    assert seen[scapy.PPPoED_Tags].tag_list[1].tag_value == b"access"


@pytest.mark.parametrize(
    ("header", "start"),
    [
        (PPP(), "0021"),
        (PPP(compressed=True), "21"),
        (PPP(framed=True), "ff030021"),
        (PPP(framed=True, compressed=True), "ff0321"),
        (PPP(0xC021), "c021"),
    ],
)
def test_ppp_protocols_have_one_byte_or_two(header, start):
    assert bytes(header / DATAGRAM) == bytes.fromhex(start) + bytes(DATAGRAM)


def test_mpls_stack_ends_at_its_last_label():
    seen = scapy.Ether(bytes(Ethernet() / MPLS(100, 9) / MPLS(200, traffic_class=3) / DATAGRAM))
    outer, inner = seen[mpls.MPLS], seen[mpls.MPLS : 2]
    assert (outer.label, outer.ttl, outer.s) == (100, 9, 0)
    assert (inner.label, inner.cos, inner.s) == (200, 3, 1)
    assert seen[scapy.IP].dst == "192.0.2.2"


def test_control_word_is_four_bytes_before_ethernet():
    inner = Ethernet() / DATAGRAM
    assert bytes(MPLS() / ControlWord(7) / inner)[4:] == b"\0\0\0\x07" + bytes(inner)


def test_linux_cooked():
    seen = scapy.CookedLinux(bytes(LinuxCooked("02:00:00:00:00:0a", 4) / DATAGRAM))
    assert (seen.pkttype, seen.lladdrtype, seen.lladdrlen, seen.proto) == (4, 1, 6, 0x0800)
    assert seen.src == bytes.fromhex("02000000000a0000")


def test_linux_cooked_2():
    frame = bytes(LinuxCooked2("02:00:00:00:00:0a", 2, interface=5) / DATAGRAM)
    seen = scapy.CookedLinuxV2(frame)
    assert (seen.proto, seen.ifindex, seen.pkttype, seen.lladdrlen) == (0x0800, 5, 2, 6)
    assert seen[scapy.UDP].sport == 1


def test_loopback_in_both_byte_orders():
    assert bytes(Loopback() / DATAGRAM)[:4] == b"\x02\0\0\0"
    assert bytes(Loopback(byteorder="big") / IPv6())[:4] == b"\0\0\0\x1e"
    assert bytes(Loopback(24) / IPv6())[:4] == b"\x18\0\0\0"


def test_fddi_has_the_destination_first():
    frame = bytes(FDDI("02:00:00:00:00:0a", "02:00:00:00:00:0b") / LLC() / SNAP() / DATAGRAM)
    assert frame[:13].hex() == "5002000000000b02000000000a"
    assert scapy.LLC(frame[13:])[scapy.IP].src == "192.0.2.1"
