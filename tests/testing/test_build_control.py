import pytest
from second_opinion import bfd, cdp, lldp, ospf, rebuilt, scapy

from flowtable.testing import (
    BFD,
    CDP,
    EAP,
    EAPOL,
    LLC,
    LLDP,
    OSPF,
    SNAP,
    STP,
    UDP,
    VRRP,
    EAPOLKey,
    Ethernet,
    EthernetCTP,
    EthernetCTPForwardData,
    EthernetCTPReply,
    ExternalLsa,
    IPv4,
    IPv6,
    Lsa,
    NetworkLsa,
    OSPFAck,
    OSPFDescription,
    OSPFHello,
    OSPFHello3,
    OSPFRequest,
    OSPFUpdate,
    OSPFv3,
    RouterLsa,
    SummaryLsa,
    lldp_tlvs,
)


def test_stp():
    seen = scapy.STP(bytes(STP(cost=19, port=0x8005, flags=1)))
    assert (seen.rootid, seen.rootmac, seen.bridgemac) == (0x8000, "02:00:00:00:00:01", "02:00:00:00:00:02")
    assert (seen.pathcost, seen.portid, seen.bpduflags) == (19, 0x8005, 1)
    assert (seen.age, seen.maxage, seen.hellotime, seen.fwddelay) == (0, 20, 2, 15)


def test_rstp_is_one_byte_longer():
    assert (len(bytes(STP())), len(bytes(STP(rapid=True)))) == (35, 36)
    assert (scapy.STP(bytes(STP(rapid=True))).version, scapy.STP(bytes(STP(rapid=True))).bpdutype) == (2, 2)


def test_lldp():
    seen = scapy.Ether(bytes(Ethernet() / LLDP(lldp_tlvs("02:00:00:00:00:0a", "ge-0/0/1", 90, "core"))))
    assert seen[lldp.LLDPDUChassisID].id == "02:00:00:00:00:0a"
    assert seen[lldp.LLDPDUPortID].id == b"ge-0/0/1"
    assert (seen[lldp.LLDPDUTimeToLive].ttl, seen[lldp.LLDPDUSystemName].system_name) == (90, b"core")
    assert seen.haslayer(lldp.LLDPDUEndOfLLDPDU)


def test_cdp():
    frame = bytes(Ethernet() / LLC() / SNAP(0x0C) / CDP())
    seen = scapy.Dot3(frame)[cdp.CDPv2_HDR]
    assert (seen.vers, seen.ttl) == (2, 180)
    assert [message.type for message in seen.msg] == [1, 3, 4]
    assert rebuilt(scapy.Dot3, frame) == frame


def test_eapol():
    seen = scapy.Ether(bytes(Ethernet() / EAPOL() / EAP(2, 7, 1) / b"anonymous"))
    assert (seen[scapy.EAPOL].version, seen[scapy.EAPOL].type, seen[scapy.EAPOL].len) == (2, 0, 14)
    assert (seen[scapy.EAP].code, seen[scapy.EAP].id, seen[scapy.EAP].len) == (2, 7, 14)
    assert seen[scapy.EAP].identity == b"anonymous"


def test_eapol_start_and_success():
    assert bytes(EAPOL()) == b"\x02\x01\0\0"
    assert bytes(EAPOL() / EAP(3, method=None)) == b"\x02\0\0\x04\x03\x01\0\x04"


def test_eapol_key():
    frame = bytes(EAPOL() / EAPOLKey(0x010A, replay=9, mic=b"m" * 16, key_data=b"data"))
    seen = scapy.EAPOL(frame)[scapy.EAPOL_KEY]
    assert (seen.key_replay_counter, seen.key_nonce, seen.key_mic) == (9, bytes(range(32)), b"m" * 16)
    assert (seen.key_data_length, seen.key_data, seen.key_length) == (4, b"data", 16)
    assert len(frame) == 4 + 95 + 4


def test_ethernet_ctp_has_its_lowest_byte_first():
    frame = bytes(
        EthernetCTP(8) / EthernetCTPForwardData("02:00:00:00:00:0c") / EthernetCTPReply(5) / b"data"
    )
    assert frame.hex() == "0800020002000000000c0100050064617461"


@pytest.mark.parametrize("version", [2, 3])
def test_vrrp_over_ipv4(version):
    packet = VRRP(7, 200, ("192.0.2.253", "192.0.2.254"), version)
    frame = bytes(IPv4(ttl=255) / packet)
    seen = scapy.IP(frame).payload
    assert (seen.version, seen.type, seen.vrid, seen.priority, seen.ipcount) == (version, 1, 7, 200, 2)
    assert seen.addrlist == ["192.0.2.253", "192.0.2.254"]
    assert rebuilt(scapy.IP, frame) == frame


def test_vrrp_over_ipv6():
    frame = bytes(IPv6() / VRRP(version=3, addresses=("fe80::1",), interval=100))
    assert scapy.checksum(frame[8:40] + (len(frame) - 40).to_bytes(4) + (112).to_bytes(4) + frame[40:]) == 0
    assert frame[40:46].hex() == "310164010064"


def test_bfd():
    seen = scapy.IP(bytes(IPv4() / UDP(49152) / BFD(2, mine=5, yours=6, transmit=7)))[bfd.BFD]
    assert (seen.version, seen.sta, seen.len, seen.detect_mult) == (1, 2, 24, 3)
    assert (seen.my_discriminator, seen.your_discriminator, seen.min_tx_interval) == (5, 6, 7)


LSAS = (RouterLsa(), NetworkLsa(), SummaryLsa(), SummaryLsa(4), ExternalLsa(tag=9), ExternalLsa(7))
ROUTER3 = Lsa(0x2001, wide=True, body=bytes.fromhex("00000013 02000001 00000005 00000005 c0000202"))
MESSAGES = {
    OSPFHello(neighbors=("192.0.2.2",)): ospf.OSPF_Hello,
    OSPFDescription(LSAS): ospf.OSPF_DBDesc,
    OSPFRequest(): ospf.OSPF_LSReq,
    OSPFUpdate(LSAS): ospf.OSPF_LSUpd,
    OSPFAck(LSAS): ospf.OSPF_LSAck,
}
MESSAGES3 = {
    OSPFHello3(neighbors=("192.0.2.2",)): ospf.OSPFv3_Hello,
    OSPFDescription((ROUTER3,), wide=True): ospf.OSPFv3_DBDesc,
    OSPFRequest(): ospf.OSPFv3_LSReq,
    OSPFUpdate((ROUTER3,)): ospf.OSPFv3_LSUpd,
    OSPFAck((ROUTER3,)): ospf.OSPFv3_LSAck,
}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_ospf_2(message):
    frame = bytes(IPv4() / OSPF("192.0.2.9", area="0.0.0.5") / message)
    seen = scapy.IP(frame)
    header = seen[ospf.OSPF_Hdr]
    assert (header.version, header.src, header.area, header.len) == (
        2,
        "192.0.2.9",
        "0.0.0.5",
        len(frame) - 20,
    )
    assert seen.haslayer(MESSAGES[message])
    assert rebuilt(scapy.IP, frame) == frame


@pytest.mark.parametrize("message", MESSAGES3, ids=lambda message: type(message).__name__)
def test_ospf_3(message):
    frame = bytes(IPv6() / OSPFv3("192.0.2.9") / message)
    seen = scapy.IPv6(frame)
    assert (seen[ospf.OSPFv3_Hdr].version, seen[ospf.OSPFv3_Hdr].src) == (3, "192.0.2.9")
    assert seen.haslayer(MESSAGES3[message])
    assert rebuilt(scapy.IPv6, frame) == frame


@pytest.mark.parametrize("lsa", [*LSAS, ROUTER3], ids=lambda lsa: f"{type(lsa).__name__}-{lsa.kind}")
def test_link_state_advertisements_have_the_iso_checksum(lsa):
    frame = bytes(lsa)
    assert int.from_bytes(frame[18:20]) == len(frame)
    first = second = 0
    for byte in frame[2:]:  # the age counts not
        first = (first + byte) % 255
        second = (second + first) % 255
    assert (first, second) == (0, 0)


def test_link_state_fields():
    seen = scapy.IP(bytes(IPv4() / OSPF() / OSPFUpdate((RouterLsa(), ExternalLsa(tag=9)))))[ospf.OSPF_LSUpd]
    router, external = seen.lsalist
    assert (router.type, router.linklist[0].id, router.linklist[0].metric) == (1, "192.0.2.2", 10)
    assert (external.type, external.mask, external.metric, external.tag) == (5, "255.255.255.0", 10, 9)
