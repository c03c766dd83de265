"""Faults of the reference that are not inherited, each by its number in the description of that system.

Those of the live table (1, 3, 4, 8) are not about decoding, and not here; that of merged answers (15) is
among the tests of searches.
"""

import pytest
from reading import read_frames

from flowtable import Limits
from flowtable.testing import (
    ARP,
    DNS,
    GRE,
    START,
    TCP,
    UDP,
    VXLAN,
    Ethernet,
    IPv4,
    IPv6,
    LinuxCooked,
    Payload,
    Question,
    Record,
)

MS = 1_000_000
A, B = ("10.0.0.1", 40000), ("10.0.0.2", 80)


def segment(source, destination, flags, **fields):
    return Ethernet() / IPv4(source[0], destination[0]) / TCP(source[1], destination[1], flags, **fields)


def connection(folder, *segments, **options):
    """Read segments, each (ms after the start, "A" or "B" who sent it, flags), as one flow."""
    ends = {"A": (A, B), "B": (B, A)}
    frames = [(START + at * MS, segment(*ends[side], flags)) for at, side, flags in segments]
    (flow,) = flows = read_frames(folder, frames, layer_key="L3", **options)
    return flow, flows.account


@pytest.mark.parametrize(
    ("segments", "finish"),
    [
        ([(0, "A", "S"), (1, "B", "SA"), (2, "A", "FA")], "NOT_FINISHED"),
        ([(0, "A", "S"), (1, "B", "SA"), (2, "A", "FA"), (3, "B", "FA")], "TCP_FIN"),
        ([(0, "A", "S"), (1, "B", "R")], "TCP_RST"),
        ([(0, "A", "A"), (5, "B", "RA"), (6, "A", "FA")], "TCP_RST"),
    ],
)
def test_fault_2_fin_and_rst_count_in_any_packet(tmp_path, segments, finish):
    assert connection(tmp_path, *segments)[0].finish_type == finish


@pytest.mark.parametrize("key", ["L2", "L3"])
def test_fault_5_equal_ends_begin_from_a_to_b(tmp_path, key):
    loop = ("127.0.0.1", 50000), ("127.0.0.1", 80)
    there, back = segment(*loop, "S"), segment(*reversed(loop), "SA")
    ether = Ethernet("02:00:00:00:00:01", "02:00:00:00:00:01")
    frames = [bytes(ether / packet.layers[1] / packet.layers[2]) for packet in (there, back, there)]
    (flow,) = read_frames(tmp_path, frames, layer_key=key)
    assert (flow.transport.a, flow.metric.ab_packets, flow.metric.ba_packets) == (50000, 2, 1)


def test_fault_5_with_equal_ports_too_all_is_from_a_to_b(tmp_path):
    same = ("127.0.0.1", 7), ("127.0.0.1", 7)
    (flow,) = read_frames(tmp_path, [bytes(segment(*same, "S"))] * 3, layer_key="L3")
    assert (flow.metric.ab_packets, flow.metric.ba_packets) == (3, 0)


def test_fault_6_fragments_that_never_complete_are_limited_and_counted(tmp_path):
    pieces = [
        Ethernet() / IPv4(id=number, flags="M", protocol=17) / Payload(bytes(64)) for number in range(1, 201)
    ]
    account = read_frames(tmp_path, pieces, defrag=True, limits=Limits(fragment_datagrams=50)).account
    assert (account.held, account.discarded) == (50, {"too many fragments": 150})


def test_fault_6_streams_that_wait_are_limited_and_counted(tmp_path):
    """Segments behind a gap that is never filled: what is over the limit is skipped, and the rest goes on."""
    segments = [segment(A, B, "S", seq=0)]
    segments += [segment(A, B, "A", seq=10 + 1000 * n) / bytes(1000) for n in range(100)]
    (flow,) = flows = read_frames(tmp_path, segments, reassemble=True, limits=Limits(stream_bytes=20_000))
    assert flow.tcp_metric.ab_segment_skipped_bytes == 9
    assert flow.tcp_metric.ab_bytes == 100_000
    assert flows.account.lost["gaps of streams over stream_bytes"] == 1


TUNNEL = Ethernet() / IPv4() / GRE(protocol=0x1234) / Payload(b"neither Ethernet nor IP")
EDNS = Record("", 41, record_class=4096, data=b"\0\x0a\0\x08cookies!")
QUERY = DNS(questions=(Question("a.example"),), additionals=(EDNS,))


@pytest.mark.parametrize(
    ("frame", "link_type", "path"),
    [
        (TUNNEL, 1, "Ethernet/IPv4/GRE"),
        (Ethernet() / IPv4() / UDP(40000, 53) / QUERY, 1, "Ethernet/IPv4/UDP/DNS"),
        (LinuxCooked() / ARP(), 113, None),
    ],
)
def test_fault_7_what_crashed_it_is_a_flow_or_a_named_discard(tmp_path, frame, link_type, path):
    flows = read_frames(tmp_path, [bytes(frame)], link_type=link_type)
    assert [flow.layers_path for flow in flows] == ([path] if path else [])
    assert flows.account.frames_discarded == (path is None)


def test_fault_9_a_syn_that_a_sends_again_is_not_bs(tmp_path):
    flow, _ = connection(tmp_path, (0, "A", "S"), (1000, "A", "S"), reassemble=True)
    assert (flow.tcp_metric.ab_syn_start, flow.tcp_metric.ba_syn_start) == (START, None)
    assert flow.tcp_metric.ab_retransmitted == 1


def test_fault_9_order_is_that_of_sequence_numbers_and_not_of_times(tmp_path):
    data = [(0, 1), (1, 201), (2, 101), (3, 301)]
    frames = [(START, segment(A, B, "S", seq=0))]
    frames += [(START - at * MS, segment(A, B, "A", seq=seq) / bytes(100)) for at, seq in data]
    (flow,) = read_frames(tmp_path, frames, reassemble=True)
    assert flow.tcp_metric.ab_segment_out_of_order == 1
    assert flow.tcp_metric.ab_bytes == 400


def test_fault_10_a_time_is_never_negative_and_a_step_back_is_counted(tmp_path):
    flow, account = connection(tmp_path, (10, "A", "S"), (3, "B", "SA"))
    assert flow.metric.rtt == 0
    assert flow.start <= flow.last
    assert account.steps_back == 1


def test_fault_11_raw_packets_keep_their_link_type(tmp_path):
    frame = bytes(LinuxCooked() / IPv4("10.0.0.1", "10.0.0.2") / UDP(1, 2))
    flows = read_frames(tmp_path, [frame], link_type=113, raw_packets=1)
    assert [(packet.link_type, packet.data) for packet in flows[0].raw_packets] == [(113, frame)]
    flows.write_pcap(tmp_path / "again.pcap")
    assert (tmp_path / "again.pcap").read_bytes()[20:24] == (113).to_bytes(4, "little")


def test_fault_12_the_outermost_network_layer_of_a_part_counts(tmp_path):
    packet = Ethernet() / IPv6("2001:db8::1", "2001:db8::2") / IPv4("10.0.0.1", "10.0.0.2") / UDP(1, 2)
    (flow,) = read_frames(tmp_path, [bytes(packet)], tunnels=())
    assert (flow.network.protocol, flow.network.a) == ("IPV6", "2001:db8::1")


@pytest.mark.parametrize(
    ("later", "rtt"),
    [
        ((30, "B", "SA"), 10 * MS),  # a duplicate answer does not begin a measurement, nor end one
        ((3_600_000, "B", "R"), 10 * MS),  # nor does a reset an hour later
    ],
)
def test_fault_13_only_a_syn_without_ack_starts_a_round_trip(tmp_path, later, rtt):
    flow, _ = connection(tmp_path, (0, "A", "S"), (10, "B", "SA"), later)
    assert flow.metric.rtt == rtt


def test_fault_14_one_gre_tunnel_is_one_outer_flow(tmp_path):
    outer = Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / GRE()
    frames = [bytes(outer / IPv4("192.168.0.1", "192.168.0.2") / UDP(port, 53)) for port in range(1, 21)]
    flows = read_frames(tmp_path, frames)
    outer_flows = [flow for flow in flows if flow.application == "GRE"]
    assert [(flow.metric.ab_packets, len(flow.children)) for flow in outer_flows] == [(20, 20)]


def test_fault_14_one_vxlan_is_one_outer_flow_whatever_its_source_ports(tmp_path):
    inner = Ethernet() / IPv4("192.168.0.1", "192.168.0.2") / UDP(5, 6)
    frames = [
        bytes(Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / UDP(port, 4789) / VXLAN(7) / inner)
        for port in range(50_000, 50_020)
    ]
    assert [flow.metric.ab_packets for flow in read_frames(tmp_path, frames)] == [20, 20]
