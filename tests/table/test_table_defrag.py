"""Fragments in flows: when they count, what they count, and where the frames are that do not."""

import json

import pytest
from pieces import cut, datagram, nest, piece
from reading import read_frames

import flowtable
from flowtable import Limits, TableFull
from flowtable.packet.ip_metric import IPMetric
from flowtable.testing import (
    GRE,
    MPLS,
    START,
    TCP,
    UDP,
    VXLAN,
    Dot1Q,
    Ethernet,
    ICMPv4,
    IPv4,
    IPv6,
    LinuxCooked,
    Packet,
    Payload,
    fragments,
    write_pcap,
)

CONTENT = datagram(100)
BOTH = pytest.mark.parametrize("version", [4, 6])
PATHS = {4: "Ethernet/IPv4/Fragment/UDP", 6: "Ethernet/IPv6/IPv6Fragment/Fragment/UDP"}
OUTER = Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / UDP(50000)


def timed(frames, step=1_000_000):
    return [(START + at * step, frame) for at, frame in enumerate(frames)]


# ---- without the option


@BOTH
def test_without_the_option_every_fragment_is_in_a_flow_of_its_addresses(tmp_path, version):
    flows = read_frames(tmp_path, cut(CONTENT, 32, version=version))
    (flow,) = flows
    assert flow.layers_path == PATHS[version].removesuffix("/UDP")
    assert (flow.transport, flow.ip_metric) == (None, None)
    assert flow.metric.ab_packets == 4
    (count,) = flows.account.decode_stops.items()
    assert count == ("fragment of IPv4" if version == 4 else "fragment of IPv6Fragment", 4)


@BOTH
def test_that_holds_for_fragments_cut_off_anywhere(tmp_path, version):
    """As long as the IP header is there."""
    for frame in cut(CONTENT, 64, version=version):
        headers = 34 if version == 4 else 54
        for size in range(headers, len(frame)):
            flows = read_frames(tmp_path, [frame[:size]])
            assert [flow.network.protocol for flow in flows] == [f"IPV{version}"]
            assert flows.account.in_flows == sum(flows.account.decode_stops.values()) == 1


# ---- flows of whole datagrams


@BOTH
def test_a_datagram_counts_once_with_the_length_and_time_of_its_last_piece(tmp_path, version):
    frames = cut(CONTENT, 64, version=version)
    (flow,) = flows = read_frames(tmp_path, timed([frames[1], frames[0]]), defrag=True)
    assert flow.layers_path == PATHS[version]
    assert (flow.transport.a, flow.transport.b) == (1000, 2000)
    assert (flow.metric.ab_packets, flow.metric.ab_bytes) == (1, len(frames[0]))
    assert flow.start == flow.last == START + 1_000_000
    assert flow.ip_metric == IPMetric(1, 0)
    assert (flows.account.in_flows, flows.account.held) == (2, 0)
    assert flows.account.decode_stops == {}


def test_fragments_of_a_flow_add_up(tmp_path):
    frames = [*cut(CONTENT, 32, number=1), *cut(CONTENT, 32, number=2)]
    frames[5:5] = [frames[4]]
    frames.append(bytes(Ethernet() / IPv4() / UDP(1000, 2000) / b"x"))
    (flow,) = flows = read_frames(tmp_path, frames, defrag=True)
    assert flow.ip_metric == IPMetric(6, 1)
    assert flow.metric.ab_packets == 3
    assert flows.account.in_flows == 9
    assert flows.account.discarded == {"duplicate fragment": 1}


def test_with_the_option_every_flow_of_ip_has_the_metric(tmp_path):
    frames = [bytes(Ethernet() / IPv4() / TCP(1, 2)), bytes(Ethernet(ether_type=0x9999))]
    tcp, other = flows = read_frames(tmp_path, frames, defrag=True)
    assert (tcp.ip_metric, other.ip_metric) == (IPMetric(0, 0), None)
    assert tcp.to_dict()["IPMetric"] == {"Fragments": 0, "FragmentErrors": 0}
    assert flows.to_arrow()["ip_metric_fragments"].to_pylist() == [0, None]
    path = tmp_path / "flows.ndjson"
    flows.write_json(path)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [f.to_dict() for f in flows]


def test_without_the_option_it_is_null(tmp_path):
    (flow,) = flows = read_frames(tmp_path, [bytes(Ethernet() / IPv4() / TCP(1, 2))])
    assert flow.ip_metric is None
    assert flows.to_arrow()["ip_metric_fragments"].to_pylist() == [None]


def test_round_trips_are_measured_between_whole_messages(tmp_path):
    there = Ethernet() / IPv4("10.0.0.1", "10.0.0.2", id=1)
    back = Ethernet("02:00:00:00:00:02", "02:00:00:00:00:01") / IPv4("10.0.0.2", "10.0.0.1", id=2)
    request = there / ICMPv4(8, 0, 7, 1) / Payload(bytes(40))
    reply = back / ICMPv4(0, 0, 7, 1) / Payload(bytes(40))
    frames = [*fragments(request, 32), *fragments(reply, 32)]
    (flow,) = read_frames(tmp_path, timed(frames), defrag=True)
    assert flow.metric.rtt == 2_000_000
    assert (flow.metric.ab_packets, flow.metric.ba_packets) == (1, 1)
    assert flow.ip_metric.fragments == 2


@pytest.mark.parametrize("link", ["cooked", "raw"])
def test_other_links_carry_fragments_as_well(tmp_path, link):
    outer, number = (LinuxCooked(), 113) if link == "cooked" else (Packet(), 101)
    flows = read_frames(tmp_path, cut(CONTENT, 64, outer=outer), link_type=number, defrag=True)
    assert [flow.layers_path for flow in flows] == ["IPv4/Fragment/UDP"]
    assert flows[0].metric.ab_bytes == 20 + 36  # what IP says of the last piece


def test_l3_keys(tmp_path):
    (flow,) = read_frames(tmp_path, cut(CONTENT, 64), defrag=True, layer_key="L3")
    assert (flow.layers_path, flow.metric.ab_packets) == (PATHS[4], 1)


def test_a_fragment_that_must_not_be_one_stays_in_the_flow_of_its_addresses(tmp_path):
    flows = read_frames(tmp_path, cut(CONTENT, 64, flags="D"), defrag=True)
    assert [flow.layers_path for flow in flows] == ["Ethernet/IPv4/Fragment"]
    assert flows[0].ip_metric == IPMetric(0, 0)
    assert flows.account.decode_stops == {"fragment of IPv4": 2}


# ---- the account


def test_frames_that_wait_are_held(tmp_path):
    frames = [*cut(CONTENT, 32)[:3], bytes(Ethernet() / IPv4() / TCP(1, 2))]
    flows = read_frames(tmp_path, frames, defrag=True)
    assert (len(flows), flows.account.held, flows.account.in_flows) == (1, 3, 1)
    assert str(flows.account) == "4 frames: 1 in flows, 3 held"


DISCARDS = {
    "duplicate fragment": [piece(bytes(8), more=True), piece(bytes(8), more=True)],
    "short fragment": [piece(bytes(8), more=True), piece(bytes(7), 8, more=True)],
    "fragment beyond 65,535 bytes": [piece(bytes(8), more=True), piece(bytes(80), 65_464)],
    "truncated fragment": [piece(bytes(8), more=True), piece(bytes(80), 8)[:-1]],
    "contradictory fragment": [piece(bytes(8), 8), piece(bytes(8), 16)],
}


@pytest.mark.parametrize("reason", DISCARDS)
def test_what_is_thrown_away_is_discarded_by_name(tmp_path, reason):
    account = read_frames(tmp_path, DISCARDS[reason], defrag=True).account
    assert (account.held, account.discarded, account.decode_stops) == (1, {reason: 1}, {})


def test_an_overlap_in_ipv6_discards_all_of_the_datagram(tmp_path):
    frames = [piece(bytes(48), at, more=True, version=6) for at in (0, 24, 72)]
    account = read_frames(tmp_path, frames, defrag=True).account
    assert (account.held, account.discarded) == (0, {"overlapping fragment": 3})


def test_what_is_too_old_is_discarded(tmp_path):
    first, second = cut(CONTENT, 64)
    frames = [(START, first), (START + 31 * 10**9, second)]
    account = read_frames(tmp_path, frames, defrag=True).account
    assert (account.held, account.discarded) == (1, {"fragment too old": 1})
    frames[1] = (START + 30 * 10**9, second)
    assert read_frames(tmp_path, frames, defrag=True).account.in_flows == 2


@pytest.mark.parametrize(
    "limits", [Limits(fragment_bytes=0), Limits(fragment_datagrams=0), Limits(fragment_bytes=1_220)]
)
def test_without_room_all_fragments_are_discarded(tmp_path, limits):
    account = read_frames(tmp_path, cut(CONTENT, 64), defrag=True, limits=limits).account
    assert account.discarded == {"too many fragments": 2}


def test_with_room_for_one_datagram_the_older_one_goes(tmp_path):
    frames = [*cut(CONTENT, 64, number=1)[:1], *cut(CONTENT, 64, number=2)]
    flows = read_frames(tmp_path, frames, defrag=True, limits=Limits(fragment_datagrams=1))
    assert (len(flows), flows.account.in_flows) == (1, 2)
    assert flows.account.discarded == {"too many fragments": 1}


def test_frames_of_a_datagram_that_hold_a_piece_are_held_with_it(tmp_path):
    frames = nest(3)
    flows = read_frames(tmp_path, frames[1:], defrag=True, tunnels=())
    assert (len(flows), flows.account.held) == (0, 3)
    flows = read_frames(tmp_path, frames, defrag=True, tunnels=())
    assert (len(flows), flows.account.in_flows, flows.account.held) == (1, 4, 0)


def test_frames_of_a_tunnel_are_in_a_flow_as_soon_as_its_datagram_is_whole(tmp_path):
    """Although what it carries is a piece, which waits."""
    inner = cut(CONTENT, 64, outer=Packet(), number=5)
    frames = [frame for i, part in enumerate(inner) for frame in cut(part, 32, number=i, protocol=4)]
    flows = read_frames(tmp_path, frames[:-1], defrag=True)
    assert [flow.layers_path for flow in flows] == ["Ethernet/IPv4/Fragment"]
    assert (flows.account.in_flows, flows.account.held) == (3, 1)
    outer, within = flows = read_frames(tmp_path, frames, defrag=True)
    assert (outer.layers_path, within.layers_path) == ("Ethernet/IPv4/Fragment", "IPv4/Fragment/UDP")
    assert (outer.metric.ab_packets, within.metric.ab_packets) == (2, 1)
    assert (outer.ip_metric.fragments, within.ip_metric.fragments) == (3, 1)
    assert (flows.account.in_flows, flows.account.held) == (5, 0)


def test_pieces_inside_and_outside_of_a_tunnel_stay_apart(tmp_path):
    flows = read_frames(tmp_path, nest(2), defrag=True)
    assert [flow.layers_path for flow in flows] == ["Ethernet/IPv4/Fragment"]
    assert (flows.account.in_flows, flows.account.held) == (2, 1)


def test_frames_of_a_datagram_in_a_full_table_are_turned_away(tmp_path):
    frames = [bytes(Ethernet() / IPv4() / TCP(1, 2)), *cut(CONTENT, 32)]
    with pytest.raises(TableFull) as caught:
        read_frames(tmp_path, frames, defrag=True, max_flows=1)
    assert caught.value.account.adds_up()
    assert caught.value.account.discarded == {"table full": 4}


def test_a_filter_sees_fragments_before_they_are_put_together(tmp_path):
    account = read_frames(tmp_path, cut(CONTENT, 32), defrag=True, bpf="udp port 2000").account
    assert (account.filtered, account.held) == (3, 1)


# ---- tunnels


@BOTH
def test_a_fragmented_tunnel_carries_its_packet_whole(tmp_path, version):
    """The flow of the tunnel counts its last piece, what is inside is as long as it is."""
    inner = Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(1, 2) / Payload(bytes(600))
    content = bytes(UDP(50000, checksum=0) / VXLAN(7) / inner)
    frames = cut(content, 256, version=version)
    outer, within = flows = read_frames(tmp_path, frames, defrag=True)
    assert outer.layers_path == PATHS[version] + "/VXLAN"
    assert outer.metric.ab_bytes == len(frames[-1])
    assert within.layers_path == "Ethernet/IPv4/TCP"
    assert (within.parent, within.metric.ab_bytes) == (outer, len(bytes(inner)))
    assert (outer.ip_metric.fragments, within.ip_metric.fragments) == (len(frames) - 1, 0)
    assert flows.account.in_flows == len(frames)


def test_the_flow_of_a_tunnel_counts_every_frame_at_once(tmp_path):
    """Its frames are in a flow, whatever becomes of the piece that they carry."""
    frames = cut(CONTENT, 32, outer=OUTER / VXLAN(7) / Ethernet())
    outer, within = flows = read_frames(tmp_path, frames, defrag=True)
    assert (outer.metric.ab_packets, within.metric.ab_packets) == (4, 1)
    assert (within.layers_path, within.ip_metric) == (PATHS[4], IPMetric(3, 0))
    assert within.parent == outer
    assert (flows.account.in_flows, flows.account.held) == (4, 0)


def test_what_a_tunnel_loses_of_its_pieces_is_counted_as_lost(tmp_path):
    first, second, *_ = cut(CONTENT, 32, outer=OUTER / VXLAN(7) / Ethernet())
    flows = read_frames(tmp_path, [first, first, second], defrag=True)
    assert [flow.metric.ab_packets for flow in flows] == [3]
    assert (flows.account.in_flows, flows.account.discarded) == (3, {})
    assert flows.account.lost == {"duplicate fragment": 1, "fragments inside tunnels that wait": 2}


APART = {
    "VNIs": (OUTER / VXLAN(1) / Ethernet(), OUTER / VXLAN(2) / Ethernet()),
    "ends": (
        Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / GRE(),
        Ethernet() / IPv4("10.0.0.1", "10.0.0.3") / GRE(),
    ),
    "GRE keys": (Ethernet() / IPv4() / GRE(key=1), Ethernet() / IPv4() / GRE(key=2)),
    "VLANs": (Ethernet() / Dot1Q(1), Ethernet() / Dot1Q(2)),
    "VLANs inside": (
        OUTER / VXLAN(1) / Ethernet() / Dot1Q(1),
        OUTER / VXLAN(1) / Ethernet() / Dot1Q(2),
    ),
    "a tunnel and none": (Ethernet() / IPv4() / GRE(), Ethernet()),
    "outer headers that do not cut": (
        Ethernet() / IPv6("2001:db8::1", "2001:db8::2"),
        Ethernet() / IPv6("2001:db8::1", "2001:db8::3"),
    ),
}


@pytest.mark.parametrize("name", APART)
def test_the_same_addresses_in_two_places_stay_apart(tmp_path, name):
    """Pieces of one datagram come through one tunnel."""
    a, b = APART[name]
    options = {"defrag": True, "tunnels": ("gre", "vxlan")}
    frames = [cut(CONTENT, 64, outer=a)[0], cut(CONTENT, 64, outer=b)[1]]
    flows = read_frames(tmp_path, frames, **options)
    assert not [flow for flow in flows if flow.transport and flow.transport.a == 1000]
    flows = read_frames(tmp_path, cut(CONTENT, 64, outer=a), **options)
    assert [flow for flow in flows if flow.transport and flow.transport.a == 1000]


def test_a_tunnel_may_choose_another_port_for_each_piece(tmp_path):
    """VXLAN's source port tells inner flows apart (RFC 7348, 5), and later fragments have no ports."""
    outers = [Ethernet() / IPv4() / UDP(port, 4789) / VXLAN(7) / Ethernet() for port in (50000, 50001)]
    frames = [cut(CONTENT, 64, outer=outer)[at] for at, outer in enumerate(outers)]
    flows = read_frames(tmp_path, frames, defrag=True)
    assert [flow.layers_path for flow in flows] == ["Ethernet/IPv4/UDP/VXLAN", PATHS[4]]


def test_parts_that_make_no_flow_are_around_a_piece_without_counting(tmp_path):
    frames = cut(CONTENT, 64, outer=Ethernet() / MPLS(1) / MPLS(2))
    assert read_frames(tmp_path, frames[:1], defrag=True).account.in_flows == 1
    flows = read_frames(tmp_path, frames, defrag=True)
    assert [flow.layers_path for flow in flows] == ["Ethernet/MPLS", "IPv4/Fragment/UDP"]
    cooked = cut(CONTENT, 64, outer=LinuxCooked() / MPLS(1))
    flows = read_frames(tmp_path, cooked[:1], link_type=113, defrag=True)
    assert (len(flows), flows.account.held) == (0, 1)
    flows = read_frames(tmp_path, cooked, link_type=113, defrag=True)
    assert [flow.layers_path for flow in flows] == ["IPv4/Fragment/UDP"]
    assert flows.account.in_flows == 2


def test_many_datagrams_in_one_batch_stay_where_flows_begin(tmp_path):
    """Applications are looked at when a batch is counted: what was put together has to be there still."""
    from flowtable.testing import DNS, Question

    frames = []
    for number in range(200):
        name = "a" * 40 + f"{number:05d}.example"
        packet = Ethernet() / IPv4(id=number) / UDP(10_000 + number, 53) / DNS(questions=(Question(name),))
        frames += fragments(packet, 32)
    flows = read_frames(tmp_path, frames, defrag=True)
    assert len(flows) == 200
    assert {flow.application for flow in flows} == {"DNS"}
    assert flows.account.in_flows == len(frames)


def test_streams_go_on_through_fragments(tmp_path):
    """Of the datagram's own length, not of its last piece's, and up to what was captured."""
    payload = bytes(at % 251 for at in range(500))
    syn = Ethernet() / IPv4(id=1) / TCP(1000, 80, "S", seq=99)
    frames = [bytes(syn)]
    for number, at in enumerate(range(0, 500, 100), start=2):
        segment = TCP(1000, 80, "PA", seq=100 + at, ack=1) / payload[at : at + 100]
        frames += map(bytes, fragments(Ethernet() / IPv4(id=number) / segment, 48))
    got = []
    (flow,) = read_frames(tmp_path, frames, defrag=True, reassemble=True, streams=got.extend)
    assert b"".join(item.data for item in got) == payload
    assert flow.tcp_metric.ab_bytes == 500
    assert (flow.tcp_metric.ab_segment_skipped, flow.ip_metric.fragments) == (0, 10)


def test_messages_are_kept_whole(tmp_path):
    from flowtable.testing import DNS, Question

    query = DNS(id=7, questions=(Question("a" * 60 + ".example"),))
    frames = fragments(Ethernet() / IPv4(id=1) / UDP(40000, 53) / query, 24)
    (flow,) = read_frames(tmp_path, frames, defrag=True, extra_layers=("DNS",))
    assert flow.to_dict()["DNS"]["ID"] == 7


def test_the_command_puts_fragments_together(tmp_path, capsys):
    from flowtable.cli import main

    write_pcap(tmp_path / "a.pcap", cut(CONTENT, 32))
    assert main(["read", str(tmp_path / "a.pcap"), "--defrag", "-o", "json", "-q"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["IPMetric"] == {"Fragments": 3, "FragmentErrors": 0}


def test_defrag_and_limits_are_public():
    assert flowtable.Limits().fragment_bytes == 64 << 20
    assert flowtable.Limits().fragment_datagrams == 65_536
    assert flowtable.Limits().fragment_seconds == 30
