import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from second_opinion import rebuilt, scapy, wireguard

from flowtable.testing import (
    DNS,
    MX,
    NTP,
    SIP,
    SOA,
    SRV,
    TXT,
    UDP,
    DHCPv4,
    DHCPv6,
    DHCPv6Relay,
    DomainName,
    Ethernet,
    IPv4,
    IPv6,
    Question,
    Record,
    SFlow,
    SFlowCounterSample,
    SFlowFlowSample,
    SFlowRecord,
    WireGuard,
    dns_name,
    interface_counters,
    raw_header,
)

QUESTION = Question("www.example.com")


def answered(*records):
    return scapy.DNS(bytes(DNS(flags=0x8180, questions=(QUESTION,), answers=records))).an


def test_dns_query():
    seen = scapy.DNS(bytes(DNS(0x4321, questions=(QUESTION, Question("example.org", 28)))))
    assert (seen.id, seen.qr, seen.rd, seen.qdcount) == (0x4321, 0, 1, 2)
    assert [(question.qname, question.qtype) for question in seen.qd] == [
        (b"www.example.com.", 1),
        (b"example.org.", 28),
    ]


@pytest.mark.parametrize(
    ("record", "kind", "data"),
    [
        (Record.address("www.example.com", "192.0.2.1"), 1, "192.0.2.1"),
        (Record.address("www.example.com", "2001:db8::1"), 28, "2001:db8::1"),
        (Record("www.example.com", 2, DomainName("ns.example.com")), 2, b"ns.example.com."),
        (Record("www.example.com", 5, DomainName("a.example.com")), 5, b"a.example.com."),
        (Record("www.example.com", 12, DomainName("b.example.com")), 12, b"b.example.com."),
        (Record("www.example.com", 16, TXT((b"one", b"two"))), 16, [b"one", b"two"]),
    ],
)
def test_dns_record(record, kind, data):
    (seen,) = answered(record)
    assert (seen.rrname, seen.type, seen.ttl, seen.rdata) == (b"www.example.com.", kind, 300, data)


def test_dns_records_of_several_fields():
    mail, zone, service = answered(
        Record("example.com", 15, MX(10, "mail.example.com")),
        Record("example.com", 6, SOA("ns.example.com", "admin.example.com", 1, 2, 3, 4, 5)),
        Record("_sip._udp.example.com", 33, SRV("sip.example.com", 5060, 6, 7)),
    )
    assert (mail.preference, mail.exchange) == (10, b"mail.example.com.")
    assert (zone.mname, zone.rname) == (b"ns.example.com.", b"admin.example.com.")
    assert (zone.serial, zone.refresh, zone.retry, zone.expire, zone.minimum) == (1, 2, 3, 4, 5)
    assert (service.target, service.port, service.priority, service.weight) == (
        b"sip.example.com.",
        5060,
        6,
        7,
    )


def test_dns_options():
    seen = scapy.DNS(bytes(DNS(additionals=(Record("", 41, b"\0\x0a\0\x08cookies!", 0, 1232),)))).ar[0]
    assert (seen.type, seen.rclass, seen.rdata[0].optcode) == (41, 1232, 10)


def test_dns_names_are_compressed():
    message = bytes(DNS(questions=(QUESTION,), answers=(Record.address("www.example.com", "192.0.2.1"),)))
    assert message.count(b"example") == 1
    assert b"\xc0\x0c\0\1" in message


def test_dns_names_can_be_bytes():
    assert bytes(DNS(questions=(Question(b"\xc0\x0c"),)))[12:14] == b"\xc0\x0c"


def test_dns_counts_and_lengths_can_lie():
    assert bytes(DNS(counts=(1, 2, 3, 4)))[4:12] == b"\0\1\0\2\0\3\0\4"
    assert bytes(DNS(answers=(Record("a", 1, bytes(4), length=400),)))[-6:-4] == b"\x01\x90"


labels = st.text("abcdefghij-0123456789", min_size=1, max_size=20)


@given(st.lists(st.lists(labels, min_size=1, max_size=5).map(".".join), max_size=8))
def test_any_names_are_read_back(names):
    message = DNS(answers=tuple(Record(name, 2, DomainName(name)) for name in names))
    seen = scapy.DNS(bytes(message)).an or ()
    assert [(record.rrname, record.rdata) for record in seen] == [
        (f"{name}.".encode(),) * 2 for name in names
    ]


def test_dns_name():
    assert dns_name("a.bc.") == b"\x01a\x02bc\0"
    assert dns_name("") == b"\0"


def test_dhcpv4():
    frame = bytes(IPv4() / UDP(68) / DHCPv4(yours="192.0.2.9", options=((53, b"\x02"), (12, b"host"))))
    seen = scapy.IP(frame)
    assert (seen[scapy.UDP].dport, seen[scapy.BOOTP].yiaddr, seen[scapy.BOOTP].hlen) == (67, "192.0.2.9", 6)
    assert seen[scapy.BOOTP].chaddr[:6] == bytes.fromhex("020000000001")
    assert seen[scapy.DHCP].options[:2] == [("message-type", 2), ("hostname", b"host")]
    assert rebuilt(scapy.IP, frame) == frame


def test_dhcpv6():
    seen = scapy.IPv6(bytes(IPv6() / UDP(546) / DHCPv6(1, 0xABCDEF)))
    assert (seen[scapy.UDP].dport, seen[scapy.DHCP6_Solicit].trid) == (547, 0xABCDEF)
    assert seen[scapy.DHCP6OptClientId].optlen == 10


def test_dhcpv6_relay():
    relay = DHCPv6Relay(link="2001:db8::9", peer="fe80::9", options=((18, b"port"),)) / DHCPv6()
    seen = scapy.IPv6(bytes(IPv6() / UDP(547) / relay))
    forward = seen[scapy.DHCP6_RelayForward]
    assert (forward.linkaddr, forward.peeraddr) == ("2001:db8::9", "fe80::9")
    assert seen[scapy.DHCP6OptIfaceId].ifaceid == b"port"
    assert seen.haslayer(scapy.DHCP6_Solicit)


def test_ntp():
    frame = bytes(IPv4() / UDP(123) / NTP(4, 2, 1_767_225_600))
    seen = scapy.IP(frame)[scapy.NTPHeader]
    assert (seen.version, seen.mode, seen.stratum, seen.poll, len(frame)) == (4, 4, 2, 6, 20 + 8 + 48)
    assert seen.sent == pytest.approx(1_767_225_600 + 2_208_988_800)


def test_sip():
    request = bytes(SIP() / b"v=0\r\n").decode()
    head, _, body = request.partition("\r\n\r\n")
    assert (head.splitlines()[0], body) == ("OPTIONS sip:bob@example.net SIP/2.0", "v=0\r\n")
    assert "Content-Length: 5" in head.splitlines()
    assert bytes(SIP.response(404, "Not Found")).startswith(b"SIP/2.0 404 Not Found\r\n")


@pytest.mark.parametrize(
    ("kind", "size", "known_as"),
    [
        (1, 148, wireguard.WireguardInitiation),
        (2, 92, wireguard.WireguardResponse),
        (3, 64, wireguard.WireguardCookieReply),
        (4, 16, wireguard.WireguardTransport),
    ],
)
def test_wireguard(kind, size, known_as):
    message = bytes(WireGuard(kind))
    seen = wireguard.Wireguard(message)
    assert (len(message), seen.message_type) == (size, kind)
    assert seen.haslayer(known_as)


FRAME = Ethernet() / IPv4() / UDP(1, 2) / b"data!"


def words(data, count):
    return struct.unpack_from(f"!{count}I", data)


@pytest.mark.parametrize(
    ("agent", "kind", "header"), [("192.0.2.10", 1, 28), ("2001:db8::10", 2, 40)], ids=["ipv4", "ipv6"]
)
def test_sflow_datagram(agent, kind, header):
    datagram = bytes(SFlow((SFlowCounterSample(),), agent, 3, 4, 5))
    assert words(datagram, 2) == (5, kind)
    assert words(datagram[header - 16 :], 4) == (3, 4, 5, 1)
    assert words(datagram[header:], 2) == (2, len(datagram) - header - 8)


def test_sflow_flow_sample():
    sample = bytes(SFlowFlowSample((raw_header(FRAME),), 1, 2, 3, 4, 5, 6, 7))
    assert words(sample, 10) == (1, len(sample) - 8, 1, 2, 3, 4, 5, 6, 7, 1)
    assert words(sample[40:], 6) == (1, len(sample) - 48, 1, len(bytes(FRAME)) + 4, 4, len(bytes(FRAME)))
    assert sample[64:].startswith(bytes(FRAME))
    assert len(sample) % 4 == 0


def test_sflow_expanded_samples_have_wide_interfaces():
    sample = bytes(SFlowFlowSample(expanded=True, source=2, input=6, output=7))
    assert words(sample, 13) == (3, 44, 1, 0, 2, 1000, 1000, 0, 0, 6, 0, 7, 0)
    assert words(bytes(SFlowCounterSample(expanded=True, source=2)), 6) == (4, 16, 1, 0, 2, 0)


def test_sflow_interface_counters_are_88_bytes():
    record = bytes(interface_counters(7, 1000, 10))
    assert words(record, 3) == (1, 88, 7)
    assert len(record) == 8 + 88


def test_sflow_numbers_can_lie():
    assert words(bytes(SFlow(address_type=9, sample_count=8)), 7) == (5, 9, 0xC000020A, 0, 1, 1000, 8)
    assert words(bytes(SFlowRecord(1, b"", 99)), 2) == (1, 99)
    assert words(bytes(SFlowFlowSample(sample_type=9, length=99)), 2) == (9, 99)
