"""Sizes of packets and times between them, against Python's own statistics."""

import dataclasses
import itertools
import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import read_frames

import flowtable
from flowtable import Limits, OptionError
from flowtable.flow.groups import InterArrival, PacketSize
from flowtable.testing import START, TCP, UDP, VXLAN, Ethernet, IPv4, write_pcap
from flowtable.testing.captures import FrameSpec

THERE = Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / UDP(1000, 2000)
BACK = Ethernet() / IPv4("10.0.0.2", "10.0.0.1") / UDP(2000, 1000)


def read_timed(folder, packets, **options):
    """Read (ns after the start, frame) pairs."""
    path = folder / "timed.pcap"
    write_pcap(path, [FrameSpec(START + at, bytes(frame)) for at, frame in packets], nanoseconds=True)
    return flowtable.read(path, layer_key="L3", packet_statistics=True, **options)


def expected(values, digits):
    """The smallest, mean, deviation and largest, as a flow shows them."""
    if not values:
        return None, None, None, None
    deviation = statistics.stdev(values) if len(values) > 1 else 0
    return min(values), round(statistics.fmean(values), digits), round(deviation, digits), max(values)


def test_sizes_and_times_each_way(tmp_path):
    sizes = [(0, THERE, 10), (5, BACK, 100), (7, THERE, 30), (17, THERE, 20)]
    packets = [(at, packet / bytes(size)) for at, packet, size in sizes]
    (flow,) = read_timed(tmp_path, packets)
    assert flow.packet_size == PacketSize(52, 62.0, 10.0, 72, 142, 142.0, 0.0, 142)
    assert flow.inter_arrival == InterArrival(7, 9, 2, 10, None, None, None, None)


def test_without_the_option_there_are_none(tmp_path):
    (flow,) = read_frames(tmp_path, [THERE])
    assert flow.packet_size is None
    assert flow.get("InterArrival.ABMin") is None
    assert "PacketSize" not in flow.to_dict()


SIZES = st.lists(
    st.tuples(st.booleans(), st.integers(0, 1400), st.integers(0, 10**9)), min_size=1, max_size=40
)


@settings(deadline=None, max_examples=100)
@given(SIZES)
def test_any_sizes_and_times(tmp_path_factory, rows):
    time, packets = 0, []
    for back, size, gap in rows:
        time += gap
        packets.append((time, (BACK if back == rows[0][0] else THERE) / bytes(size)))
    (flow,) = read_timed(tmp_path_factory.mktemp("sizes"), packets)
    for way, source in (("ab", flow.network.a), ("ba", flow.network.b)):
        mine = [(at, len(bytes(p))) for at, p in packets if p.layers[1].src == source]
        gaps = [after[0] - before[0] for before, after in itertools.pairwise(mine)]
        assert close(one_way(flow.packet_size, way), expected([n for _, n in mine], 3), 0.0011)
        assert close(one_way(flow.inter_arrival, way), expected(gaps, 0), 1.01)


def one_way(measured, way):
    return tuple(getattr(measured, f"{way}_{name}", None) for name in ("min", "mean", "deviation", "max"))


def close(ours, theirs, difference):
    return ours == theirs or (None not in ours and ours == pytest.approx(theirs, abs=difference))


def test_what_there_is_none_of_has_no_statistics(tmp_path):
    """It is null in columns, so that a mean over flows is one of those that have it."""
    flows = read_timed(tmp_path, [(0, THERE), (5, BACK), (9, BACK)])
    (flow,) = flows
    assert (flow.packet_size.ba_min, flow.inter_arrival.ab_min, flow.inter_arrival.ba_min) == (42, None, 4)
    assert flow.to_dict()["InterArrival"] == {"BAMin": 4, "BAMean": 4, "BADeviation": 0, "BAMax": 4}
    assert flows.to_arrow()["inter_arrival_ab_min"].null_count == 1
    (alone,) = read_timed(tmp_path, [(0, THERE)])
    assert (alone.packet_size.ba_max, alone.inter_arrival) == (None, None)


def test_a_step_back_in_time_is_no_negative_gap(tmp_path):
    (flow,) = read_timed(tmp_path, [(1000, THERE), (0, THERE), (10, THERE)])
    assert flow.inter_arrival == InterArrival(0, 5, 7, 10, None, None, None, None)


def test_long_flows_keep_their_precision(tmp_path):
    """Gaps of an hour and of a nanosecond more: the deviation is not lost beside the mean."""
    numbers = random.Random(1)  # noqa: S311 - no secret
    times = [hour * 3_600_000_000_000 + numbers.randrange(100) for hour in range(200)]
    (flow,) = read_timed(tmp_path, [(at, THERE) for at in times])
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert flow.inter_arrival.ab_mean == pytest.approx(statistics.fmean(gaps), abs=1)
    assert flow.inter_arrival.ab_deviation == pytest.approx(statistics.stdev(gaps), abs=1)


def test_inner_packets_have_the_sizes_that_their_flow_counts(tmp_path):
    inner = Ethernet() / IPv4("192.168.0.1", "192.168.0.2") / TCP(1, 2) / bytes(6)
    outer = Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / UDP(9, 4789) / VXLAN(5) / inner
    flows = read_timed(tmp_path, [(0, outer)])
    assert [flow.packet_size.ab_max for flow in flows] == [len(bytes(outer)), len(bytes(inner))]


def test_flows_beyond_the_limit_are_without_and_are_counted(tmp_path):
    frames = [(0, Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / UDP(port, 9)) for port in range(1, 101)]
    flows = read_timed(tmp_path, frames, limits=Limits(statistics_bytes=128 * 60))
    assert sum(flow.packet_size is not None for flow in flows) == 60
    assert flows.account.lost == {"flows without packet statistics": 40}
    assert flows.to_arrow()["packet_size_ab_min"].null_count == 40
    assert read_timed(tmp_path, frames, limits=Limits(statistics_bytes=0)).account.lost == {
        "flows without packet statistics": 100
    }


@pytest.mark.parametrize("value", [-1, 1.5, "1", None, True, 1 << 63, 1 << 200])
def test_limits_that_are_none(value):
    with pytest.raises(OptionError, match="limits: statistics_bytes takes a number"):
        Limits(statistics_bytes=value)


@pytest.mark.parametrize("limit", [field.name for field in dataclasses.fields(Limits)])
@pytest.mark.parametrize("value", [0, (1 << 63) - 1])
def test_the_smallest_and_largest_limits_are_limits(tmp_path, limit, value):
    every = {"defrag": True, "reassemble": True, "extra_layers": ("DNS",), "raw_packets": 9, "streams": len}
    flows = read_timed(tmp_path, [(0, THERE)], limits=Limits(**{limit: value}), **every)
    assert flows.account.in_flows == 1


def test_limits_are_an_object(tmp_path):
    with pytest.raises(OptionError, match=r"limits: takes a flowtable\.Limits, not int"):
        read_timed(tmp_path, [(0, THERE)], limits=5)
