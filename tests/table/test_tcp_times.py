"""``tcp_metric``: when each side of a connection said SYN, FIN and RST."""

import pytest
from reading import read_frames

import flowtable
from flowtable import Limits, OptionError
from flowtable.testing import (
    START,
    TCP,
    UDP,
    VXLAN,
    Ethernet,
    Host,
    IPv4,
    IPv6,
    Pair,
    tcp_conversation,
    wrap,
)

THERE, BACK = IPv4("10.0.0.1", "10.0.0.2", ttl=60), IPv4("10.0.0.2", "10.0.0.1", ttl=50)
MS = 1_000_000


def at(ms):
    """Give the time of a frame, or None for what was not seen."""
    return None if ms is None else START + ms * MS


def frames_of(segments):
    """Make frames 1 ms apart of (back, flags)."""
    return [
        bytes(
            Ethernet() / (BACK if back else THERE) / TCP(*((80, 4000) if back else (4000, 80)), flags=flags)
        )
        for back, flags in segments
    ]


def times(flow):
    """Give syn, fin and rst of A, then of B."""
    m = flow.tcp_metric
    return (
        (m.ab_syn_start, m.ab_fin_start, m.ab_rst_start),
        (m.ba_syn_start, m.ba_fin_start, m.ba_rst_start),
    )


A, B = False, True


@pytest.mark.parametrize(
    ("segments", "of_a", "of_b"),
    [
        ([(A, "S"), (B, "SA"), (A, "A")], (0, None, None), (1, None, None)),
        ([(A, "S"), (A, "S"), (B, "SA"), (B, "SA")], (0, None, None), (2, None, None)),  # sent again
        ([(B, "SA"), (A, "S")], (0, None, None), (1, None, None)),  # A is who began the flow, here the server
        ([(A, "FA"), (B, "FA"), (A, "FA")], (None, 2, None), (None, 1, None)),  # the last FIN
        ([(A, "R"), (B, "R"), (B, "RA")], (None, None, 0), (None, None, 2)),
        ([(A, "SF"), (A, "SR"), (A, "FR")], (0, 2, None), (None, None, None)),  # one flag a packet
        ([(A, "A"), (B, "PA")], (None, None, None), (None, None, None)),
        ([(A, "S"), (A, "FA"), (A, "R")], (0, 1, 2), (None, None, None)),
    ],
)
def test_times_of_both_sides(tmp_path, segments, of_a, of_b):
    (flow,) = read_frames(tmp_path, frames_of(segments), layer_key="L3", tcp_metric=True)
    assert flow.tcp_metric is None or times(flow) == (tuple(map(at, of_a)), tuple(map(at, of_b)))
    assert (flow.tcp_metric is None) == (of_a == of_b == (None, None, None))


def test_time_to_live_of_each_sides_first_syn(tmp_path):
    late = Ethernet() / IPv4("10.0.0.1", "10.0.0.2", ttl=9) / TCP(4000, 80, "S")
    frames = [*frames_of([(A, "S"), (B, "SA")]), bytes(late)]
    (flow,) = read_frames(tmp_path, frames, layer_key="L3", tcp_metric=True)
    assert (flow.tcp_metric.ab_syn_ttl, flow.tcp_metric.ba_syn_ttl) == (60, 50)


def test_hop_limit_of_ipv6(tmp_path):
    (flow,) = read_frames(
        tmp_path, [Ethernet() / IPv6("fd00::1", "fd00::2", hop_limit=7) / TCP(1, 2, "S")], tcp_metric=True
    )
    assert flow.tcp_metric.ab_syn_ttl == 7


def test_times_go_back_with_the_capture(tmp_path):
    frames = [(START, frames_of([(A, "S")])[0]), (START - 9 * MS, frames_of([(A, "FA")])[0])]
    (flow,) = read_frames(tmp_path, frames, tcp_metric=True)
    assert times(flow)[0] == (at(0), at(-9), None)


def test_a_syn_in_1970_is_a_syn(tmp_path):
    (flow,) = read_frames(tmp_path, [(0, frames_of([(A, "S")])[0])], tcp_metric=True)
    assert flow.to_dict()["TCPMetric"] == {"ABSynStart": 0, "ABSynTTL": 60}


def test_ports_tell_the_syns_of_one_address_apart_but_its_ends_are_all_of_a(tmp_path):
    """As the reference has it, whose direction is that of the network addresses."""
    loop = IPv4("127.0.0.1", "127.0.0.1")
    frames = [
        bytes(Ethernet() / loop / TCP(*ports, flags=flags))
        for ports, flags in [
            ((4000, 80), "S"), ((80, 4000), "SA"), ((4000, 80), "FA"), ((80, 4000), "FA"), ((80, 4000), "R"),
        ]
    ]  # fmt: skip
    (flow,) = read_frames(tmp_path, frames, layer_key="L3", tcp_metric=True)
    assert times(flow) == ((at(0), at(3), at(4)), (at(1), None, None))


def test_connections_in_tunnels_have_their_own(tmp_path):
    pair = Pair(Host("192.168.0.1"), Host("192.168.0.2"))
    tunnel = Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / UDP(9, 4789) / VXLAN(5)
    outer, inner = read_frames(
        tmp_path, wrap(tcp_conversation(pair, (5000, 80), b"hello", b"world"), tunnel), tcp_metric=True
    )
    assert outer.tcp_metric is None
    m = inner.tcp_metric
    assert (m.ab_syn_start, m.ba_syn_start) == (START, inner.start + inner.metric.rtt)
    assert m.ab_fin_start < m.ba_fin_start <= inner.last
    assert (m.ab_rst_start, m.ab_packets, m.ab_saw_start) == (None, None, None)


def test_without_the_option_there_is_nothing(tmp_path):
    (flow,) = read_frames(tmp_path, frames_of([(A, "S")]))
    assert flow.tcp_metric is None
    assert "TCPMetric" not in flow.to_dict()
    assert flow.get("TCPMetric.ABSynStart") is None


def test_other_flows_have_none(tmp_path):
    (flow,) = read_frames(tmp_path, [Ethernet() / THERE / UDP(1, 2)], tcp_metric=True)
    assert flow.tcp_metric is None


def test_columns_and_values_are_null_where_nothing_was_seen(tmp_path):
    frames = [*frames_of([(A, "S")]), bytes(Ethernet() / THERE / UDP(1, 2))]
    flows = read_frames(tmp_path, frames, tcp_metric=True)
    table = flows.to_arrow()
    assert table["tcp_metric_ab_syn_ttl"].to_pylist() == [60, None]
    assert table["tcp_metric_ba_syn_ttl"].to_pylist() == [None, None]
    assert flows.values("TCPMetric.ABSynStart") == [START, None]
    assert [f.get("Transport.Protocol") for f in flows.sort("TCPMetric.ABSynTTL")] == ["TCP", "UDP"]


@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_the_option_is_on_or_off(tmp_path, value):
    with pytest.raises(OptionError, match="tcp_metric: takes True or False"):
        read_frames(tmp_path, frames_of([(A, "S")]), tcp_metric=value)


def test_connections_over_the_limit_are_flows_without_times_and_counted(tmp_path):
    limits = Limits(tcp_bytes=10_000)
    frames = [bytes(Ethernet() / THERE / TCP(port, 80, "S")) for port in range(1, 1001)]
    flows = read_frames(tmp_path, frames, tcp_metric=True, limits=limits)
    with_times = sum(flow.tcp_metric is not None for flow in flows)
    assert 0 < with_times <= 10_000 // 64
    assert flows.account.lost == {"flows without TCP metrics": 1000 - with_times}
    assert sum(flow.metric.ab_packets for flow in flows) == 1000


def test_no_limit_is_reached_without_saying_so(tmp_path):
    assert read_frames(tmp_path, frames_of([(A, "S")]), tcp_metric=True).account.lost == {}
    assert flowtable.Limits().tcp_bytes > 0
