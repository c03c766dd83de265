import pytest
from second_opinion import erspan, etherip, geneve, gtp, nsh, rebuilt, scapy

from flowtable.testing import (
    ERSPAN2,
    ERSPAN3,
    GRE,
    MPLS,
    NSH,
    NVGRE,
    PPP,
    PPTP,
    UDP,
    VXLAN,
    VXLANGPE,
    EtherIP,
    Ethernet,
    Geneve,
    GeneveOption,
    GtpExtension,
    GTPv1U,
    IPv4,
    IPv6,
    L2TPv2,
    L2TPv3,
    L2TPv3OverUDP,
    Teredo,
)

INNER = IPv4("10.0.0.1", "10.0.0.2") / UDP(1, 2) / b"data"
INNER_ETHER = Ethernet("02:00:00:00:00:0a", "02:00:00:00:00:0b") / INNER
OUTER = IPv4("192.0.2.1", "192.0.2.2")


def test_gre_fields():
    frame = bytes(OUTER / GRE(key=7, sequence=8, checksummed=True) / INNER)
    seen = scapy.IP(frame)[scapy.GRE]
    assert (seen.chksum_present, seen.key_present, seen.seqnum_present, seen.version) == (1, 1, 1, 0)
    assert (seen.key, seen.sequence_number) == (7, 8)
    assert seen[scapy.IP].src == "10.0.0.1"
    assert scapy.checksum(frame[20:]) == 0
    assert rebuilt(scapy.IP, frame) == frame


@pytest.mark.parametrize(
    ("inner", "protocol"),
    [
        (INNER, 0x0800),
        (IPv6(), 0x86DD),
        (INNER_ETHER, 0x6558),
        (MPLS() / INNER, 0x8847),
        (PPP() / INNER, 0x880B),
    ],
)
def test_gre_says_what_it_carries(inner, protocol):
    assert scapy.GRE(bytes(GRE() / inner)).proto == protocol


def test_gre_routing_brings_a_checksum_field():
    route = b"\x08\0\0\x04\xc0\0\x02\x01" + bytes(4)
    frame = bytes(GRE(routing=route) / INNER)
    assert frame == b"\x40\0\x08\0" + bytes(4) + route + bytes(INNER)


def test_gre_flags_can_be_forced():
    assert bytes(GRE(flags=0xFFFF, protocol=0)) == b"\xff\xff\0\0"


def test_nvgre():
    seen = scapy.IP(bytes(OUTER / NVGRE(vsid=0x123456, flow_id=0x78) / INNER_ETHER))
    assert (seen[scapy.GRE].key, seen[scapy.GRE].proto) == (0x12345678, 0x6558)
    assert seen[scapy.Ether].src == "02:00:00:00:00:0a"


def test_pptp():
    frame = bytes(OUTER / PPTP(call=9, sequence=5, acknowledgment=6) / PPP() / INNER)
    seen = scapy.IP(frame)[scapy.GRE_PPTP]
    assert (seen.version, seen.call_id, seen.sequence_number, seen.ack_number) == (1, 9, 5, 6)
    assert seen.payload_len == len(bytes(PPP() / INNER))
    assert seen[scapy.PPP].proto == 0x21


def test_erspan_2():
    seen = scapy.GRE(bytes(GRE(sequence=1) / ERSPAN2(99, 7, 5) / INNER_ETHER))
    assert seen.proto == 0x88BE
    header = seen[erspan.ERSPAN_II]
    assert (header.ver, header.vlan, header.session_id, header.index) == (1, 7, 99, 5)
    assert seen[scapy.Ether].dst == "02:00:00:00:00:0b"


def test_erspan_3():
    seen = scapy.GRE(bytes(GRE(sequence=1) / ERSPAN3(99, 7, 0x1234) / INNER_ETHER))
    assert seen.proto == 0x22EB
    header = seen[erspan.ERSPAN_III]
    assert (header.ver, header.vlan, header.session_id, header.timestamp) == (2, 7, 99, 0x1234)
    assert seen[scapy.Ether].dst == "02:00:00:00:00:0b"


def test_erspan_3_platform_data():
    assert bytes(ERSPAN3(platform=bytes(8)))[11] == 1
    assert len(bytes(ERSPAN3(platform=bytes(8)))) == 20


def test_vxlan():
    seen = scapy.IP(bytes(OUTER / UDP(5000) / VXLAN(0x123456) / INNER_ETHER))
    assert (seen[scapy.UDP].dport, seen[scapy.VXLAN].vni, int(seen[scapy.VXLAN].flags)) == (4789, 0x123456, 8)
    assert seen[scapy.Ether].src == "02:00:00:00:00:0a"


@pytest.mark.parametrize(("inner", "following"), [(INNER, 1), (IPv6(), 2), (INNER_ETHER, 3), (MPLS(), 5)])
def test_vxlan_gpe(inner, following):
    seen = scapy.VXLAN(bytes(VXLANGPE(5) / inner))
    assert (seen.NextProtocol, seen.vni, int(seen.flags)) == (following, 5, 12)


def test_geneve():
    options = GeneveOption(0x0102, 3, b"\1\2\3\4"), GeneveOption(0x0103, 4)
    frame = bytes(OUTER / UDP(5000) / Geneve(0x123456, options, critical=True) / INNER_ETHER)
    seen = scapy.IP(frame)[geneve.GENEVE]
    assert (seen.vni, seen.proto, seen.optionlen, seen.critical) == (0x123456, 0x6558, 3, 1)
    assert [(option.classid, option.type, option.length) for option in seen.options] == [
        (0x0102, 3, 1),
        (0x0103, 4, 0),
    ]
    assert rebuilt(scapy.IP, frame) == frame


def test_etherip():
    seen = scapy.IP(bytes(OUTER / EtherIP() / INNER_ETHER))
    assert (seen.proto, seen[etherip.EtherIP].version) == (97, 3)
    assert seen[scapy.Ether].src == "02:00:00:00:00:0a"


@pytest.mark.parametrize(
    "header",
    [
        GTPv1U(0xABCD),
        GTPv1U(0xABCD, sequence=7),
        GTPv1U(0xABCD, npdu=7),
        GTPv1U(0xABCD, extensions=(GtpExtension(),)),
    ],
)
def test_gtp(header):
    frame = bytes(OUTER / UDP(5000) / header / INNER)
    seen = scapy.IP(frame)[gtp.GTP_U_Header]
    assert (seen.teid, seen.gtp_type, seen.version, seen.PT) == (0xABCD, 255, 1, 1)
    assert seen.length == len(frame) - 20 - 8 - 8
    assert seen[scapy.IP].src == "10.0.0.1"


def test_gtp_extensions_are_a_chain():
    first, second = GtpExtension(0x40, b"\x0b\xb8"), GtpExtension(0x85, b"\x01\x09" + bytes(4))
    frame = bytes(GTPv1U(1, sequence=0x1234, extensions=(first, second)))
    assert frame[0] == 0x36
    assert frame[8:].hex() == "12340040010bb8850201090000000000"


def test_l2tpv3():
    assert bytes(L2TPv3(7, b"cook") / INNER_ETHER) == b"\0\0\0\x07cook" + bytes(INNER_ETHER)
    assert bytes(L2TPv3OverUDP(7) / INNER_ETHER)[:8] == b"\0\3\0\0\0\0\0\x07"
    assert bytes(OUTER / L2TPv3() / INNER_ETHER)[9] == 115


def test_erspan_3_says_what_it_carries():
    assert [bytes(ERSPAN3(frame_type=kind))[10] >> 2 for kind in (0, 1, 2)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("header", "length"), [(NSH(9, 8), 24), (NSH(9, 8, metadata_type=2, metadata=b""), 8)]
)
def test_nsh(header, length):
    frame = bytes(header / INNER_ETHER)
    seen = nsh.NSH(frame)
    assert (seen.ver, seen.ttl, seen.length, seen.nextproto, seen.spi, seen.si) == (
        0,
        63,
        length // 4,
        3,
        9,
        8,
    )
    assert seen[scapy.Ether].src == "02:00:00:00:00:0a"
    assert frame[length:] == bytes(INNER_ETHER)


@pytest.mark.parametrize(
    "header",
    [
        L2TPv2(7, 9),
        L2TPv2(7, 9, has_length=True),
        L2TPv2(7, 9, sequence=(3, 4)),
        L2TPv2(7, 9, has_length=True, sequence=(3, 4)),
    ],
)
def test_l2tpv2(header):
    frame = bytes(OUTER / UDP(5000) / header / PPP() / INNER)
    seen = scapy.IP(frame)[scapy.L2TP]
    assert (seen.version, seen.tunnel_id, seen.session_id) == (2, 7, 9)
    assert (seen.ns, seen.nr) == (header.sequence or (None, None))
    assert seen.len == (len(frame) - 28 if header.has_length else None)
    assert seen[scapy.PPP].proto == 0x21


def test_l2tpv2_with_padding_before_its_payload():
    assert bytes(L2TPv2(7, 9, offset=2) / b"data") == b"\2\2\0\7\0\t\0\2\0\0data"
    assert bytes(L2TPv2(control=True, has_length=True, sequence=(1, 2)))[:4] == b"\xc8\2\0\x0c"


def test_teredo():
    inner = bytes(IPv6())
    assert bytes(Teredo() / IPv6()) == inner
    origin = bytes(Teredo(origin=(40000, "192.0.2.45")) / IPv6())
    assert origin == bytes.fromhex("0000 63bf 3ffffdd2") + inner
    both = bytes(Teredo((40000, "192.0.2.45"), (b"me", b"proof"), nonce=5) / IPv6())
    assert both == bytes.fromhex("0001 02 05") + b"meproof" + (5).to_bytes(8) + b"\0" + origin


@pytest.mark.parametrize(
    ("outer", "inner", "number"),
    [(OUTER, INNER, 4), (OUTER, IPv6(), 41), (IPv6(), INNER, 4), (IPv6(), IPv6(), 41)],
)
def test_ip_in_ip(outer, inner, number):
    frame = bytes(outer / inner)
    assert frame[9 if outer is OUTER else 6] == number
    assert rebuilt(scapy.IP if outer is OUTER else scapy.IPv6, frame) == frame
