import io
from collections import Counter

import pytest
from second_opinion import rebuilt, scapy

from flowtable.testing import (
    GRE,
    MPLS,
    TCP,
    UDP,
    VXLAN,
    Dot1Q,
    Ethernet,
    Geneve,
    Host,
    IPv4,
    IPv6,
    Pair,
    demo_capture,
    dns_exchange,
    merge,
    opposite,
    ping,
    tcp_conversation,
    wrap,
    write_pcap,
)

PAIR = Pair(Host("192.0.2.1", "02:00:00:00:00:0a"), Host("192.0.2.2", "02:00:00:00:00:0b"))
PAIR6 = Pair(Host("2001:db8::1"), Host("2001:db8::2"))


def segments(conversation):
    return [scapy.Ether(bytes(packet))[scapy.TCP] for _, packet in conversation]


def test_a_connection_opens_and_closes():
    flags = [
        str(segment.flags) for segment in segments(tcp_conversation(PAIR, (5000, 80), b"ask", b"answer"))
    ]
    assert flags == ["S", "SA", "A", "PA", "A", "PA", "A", "FA", "FA", "A"]


@pytest.mark.parametrize("pair", [PAIR, PAIR6])
def test_sequence_numbers_follow_each_other(pair):
    conversation = tcp_conversation(pair, (5000, 80), bytes(5000), bytes(9000), mss=1000)
    following: dict[int, int] = {}
    for segment in segments(conversation):
        assert segment.seq == following.get(segment.sport, segment.seq)
        if "A" in segment.flags:
            assert segment.ack == following[segment.dport]
        length = len(segment.payload) + ("S" in segment.flags) + ("F" in segment.flags)
        following[segment.sport] = segment.seq + length


def test_all_data_is_sent():
    request, response = bytes(range(256)) * 10, bytes(range(255, -1, -1)) * 20
    sent = {5000: b"", 80: b""}
    for segment in segments(tcp_conversation(PAIR, (5000, 80), request, response)):
        sent[segment.sport] += bytes(segment.payload)
    assert sent == {5000: request, 80: response}


def test_times_go_forward_by_the_round_trip():
    times = [time for time, _ in tcp_conversation(PAIR, (5000, 80), b"ask", start=1000)]
    assert times == sorted(times)
    assert times[0] == 1000
    assert times[1] - times[0] >= PAIR.rtt


def test_dns_exchange():
    query, response = (
        scapy.Ether(bytes(packet)) for _, packet in dns_exchange(PAIR, "example.com", "2001:db8::1")
    )
    assert (query[scapy.UDP].dport, query[scapy.DNS].qd[0].qtype) == (53, 28)
    assert (response[scapy.UDP].sport, response[scapy.DNS].an[0].rdata) == (53, "2001:db8::1")
    assert query[scapy.DNS].id == response[scapy.DNS].id


def test_ping():
    packets = [scapy.Ether(bytes(packet)) for _, packet in ping(PAIR, 2, id=9)]
    assert [(packet[scapy.ICMP].type, packet[scapy.ICMP].seq) for packet in packets] == [
        (8, 1),
        (0, 1),
        (8, 2),
        (0, 2),
    ]
    packets = [scapy.Ether(bytes(packet)) for _, packet in ping(PAIR6, 1)]
    assert [packet[scapy.IPv6].payload.type for packet in packets] == [128, 129]


def test_tags_stand_before_ip():
    pair = Pair(PAIR.client, PAIR.server, tags=(Dot1Q(8), MPLS(100)))
    (_, packet), _ = ping(pair, 1)
    assert [type(layer) for layer in packet.layers[:4]] == [Ethernet, Dot1Q, MPLS, IPv4]


UNDERLAY = Ethernet("02:00:00:00:00:01", "02:00:00:00:00:02") / IPv4("198.51.100.1", "198.51.100.2")


@pytest.mark.parametrize(
    ("tunnel", "keep_ethernet"),
    [
        (UNDERLAY / UDP(6000) / VXLAN(7), True),
        (UNDERLAY / UDP(6000) / Geneve(7), True),
        (UNDERLAY / UDP(6000) / Geneve(7), False),
        (UNDERLAY / GRE(), True),
        (UNDERLAY / GRE(), False),
        (UNDERLAY / GRE() / MPLS(), False),
        (Ethernet() / MPLS(), False),
    ],
)
def test_conversations_go_into_tunnels(tunnel, keep_ethernet):
    conversation = tcp_conversation(PAIR, (5000, 80), b"ask", b"answer")
    wrapped = wrap(conversation, tunnel, keep_ethernet=keep_ethernet)
    assert [time for time, _ in wrapped] == [time for time, _ in conversation]
    for (_, packet), (_, inner) in zip(wrapped, conversation, strict=True):
        assert bytes(packet).endswith(bytes(inner)[0 if keep_ethernet else 14 :])
        assert rebuilt(scapy.Ether, bytes(packet)) == bytes(packet)


def test_the_tunnel_turns_with_the_conversation():
    there, back = wrap(ping(PAIR, 1), UNDERLAY / UDP(6000) / VXLAN(7))
    assert there[1].layers[1].src == "198.51.100.1"
    assert (back[1].layers[0].src, back[1].layers[1].src) == ("02:00:00:00:00:02", "198.51.100.2")
    assert back[1].layers[2] == UDP(6000)
    assert wrap([], UNDERLAY) == []


def test_hosts_behind_one_router_are_told_apart():
    pair = Pair(Host("10.1.0.5", "02:00:00:00:00:0a"), Host("10.2.0.5", "02:00:00:00:00:0a"))
    there, back = wrap(ping(pair, 1), UNDERLAY / GRE(), keep_ethernet=False)
    assert (there[1].layers[1].src, back[1].layers[1].src) == ("198.51.100.1", "198.51.100.2")


def test_hosts_have_addresses_of_their_own():
    assert Host("10.1.0.5").link_address == "02:00:0a:01:00:05"
    assert Host("10.1.0.5", "02:00:00:00:00:0a").link_address == "02:00:00:00:00:0a"


def test_opposite_twice_is_nothing():
    packet = Ethernet("02:00:00:00:00:0a") / IPv6("2001:db8::1") / TCP(1, 2)
    assert opposite(packet).layers[1].dst == "2001:db8::1"
    assert opposite(opposite(packet)) == packet


def test_conversations_are_merged_by_time():
    merged = merge(ping(PAIR, 2, start=500), ping(PAIR6, 2, start=400))
    assert [time for time, _ in merged] == sorted(time for time, _ in merged)


def test_conversations_can_be_written():
    with scapy.PcapReader(io.BytesIO(write_pcap(None, ping(PAIR, 3)))) as reader:
        assert len(list(reader)) == 6


@pytest.fixture(scope="module")
def demo():
    with scapy.PcapNgReader(io.BytesIO(demo_capture())) as reader:
        return list(reader)


def test_the_demo_is_small_and_always_the_same():
    assert demo_capture() == demo_capture()
    assert len(demo_capture()) < 40 * 1024


def test_the_demo_is_of_2026(demo):
    times = [float(packet.time) for packet in demo]
    assert times == sorted(times)
    assert 1_767_225_600 < times[0] < times[-1] < times[0] + 60


def test_the_demo_shows_many_protocols(demo):
    seen = Counter(layer.__name__ for packet in demo for layer in packet.layers())
    assert {"ARP", "Dot1Q", "IPv6", "DNS", "ICMP", "VXLAN", "GENEVE", "GRE", "MPLS", "LLDPDUPortID"} <= set(
        seen
    )


def test_the_demo_is_right_to_the_last_checksum(demo):
    for packet in demo:
        if packet.type != 0x88CC:  # scapy pads LLDP
            assert rebuilt(scapy.Ether, bytes(packet)) == bytes(packet)


def test_the_demo_has_several_inner_flows_in_one_outer(demo):
    inner = {(p[scapy.IP : 2].payload.name, p[scapy.IP : 2].dport) for p in demo if p.haslayer(scapy.VXLAN)}
    assert {("UDP", 53), ("TCP", 5432), ("TCP", 8080)} <= inner
    assert len({p[scapy.UDP].sport for p in demo if p.haslayer(scapy.VXLAN)}) == 1
