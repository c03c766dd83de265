"""sFlow datagrams as frames: fed by hand, and what the flows of them say."""

import threading

import pytest
from feeding import flows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sflow_datagrams import EVERY_COUNTER_RECORD, EVERY_FLOW_RECORD, FRAME, sampled, words

from flowtable import PacketSequence
from flowtable.capture import CapturedFrame, LinkType
from flowtable.capture._given import GivenFrames
from flowtable.capture.bpf import BPF
from flowtable.capture.sflow import SFlowAgent, SFlowFeed, parse_datagram
from flowtable.capture.statistics import SourceStatistics
from flowtable.errors import CaptureError, FlowProtocolError, OptionError
from flowtable.testing import (
    UDP,
    VXLAN,
    Ethernet,
    IPv4,
    IPv6,
    SFlow,
    SFlowCounterSample,
    SFlowFlowSample,
    SFlowRecord,
    raw_header,
)

TIME = 1_600_000_000_000_000_000


def fed(*datagrams, **options):
    """A source that has been given datagrams, a second after each other, and ends behind them."""
    source = SFlowFeed(**options)
    for number, datagram in enumerate(datagrams):
        assert source.feed(datagram, TIME + number * 10**9)
    source.stop()
    return source


def header(frame, protocol, length=None):
    return SFlowFlowSample((raw_header(frame, protocol=protocol, frame_length=length),))


def test_a_sampled_packet_is_a_frame_with_its_length_and_rate():
    source = fed(sampled(FRAME, rate=512), sampled(FRAME[:20], FRAME, rate=1, expanded=True))
    assert list(source) == [
        CapturedFrame(TIME, FRAME, len(FRAME) + 4, 1, 512),
        CapturedFrame(TIME + 10**9, FRAME[:20], 24, 1, 1),
        CapturedFrame(TIME + 10**9, FRAME, len(FRAME) + 4, 1, 1),
    ]
    assert (source.frames, source.size, source.discards, source.skipped) == (3, None, {}, {})
    assert source.statistics == SourceStatistics(2, None, None, 0)


def test_header_protocols_are_link_types():
    ip = bytes(IPv4() / UDP(1, 2))
    samples = header(FRAME, 1), header(ip, 11), header(bytes(IPv6()), 12), header(b"\0\x21" + ip, 7)
    found = [frame.link_type for frame in fed(bytes(SFlow(samples)))]
    assert found == [LinkType.ETHERNET, LinkType.IPV4, LinkType.IPV6, LinkType.PPP]


def test_what_has_no_link_type_is_counted_by_protocol():
    samples = header(FRAME, 2), header(FRAME, 9), header(FRAME, 9), header(FRAME, 77), header(FRAME, 1)
    source = fed(bytes(SFlow(samples)))
    assert len(list(source)) == 1
    assert source.discards == {"header protocol 2": 1, "header protocol 9": 2, "other header protocol": 1}


def test_samples_without_a_header_and_unknown_kinds_are_counted():
    samples = (
        SFlowFlowSample(EVERY_FLOW_RECORD[1:]),
        SFlowFlowSample(()),
        SFlowFlowSample(EVERY_FLOW_RECORD),
        SFlowCounterSample(EVERY_COUNTER_RECORD),
        SFlowFlowSample((SFlowRecord(4413 << 12 | 1, b""),), sample_type=5),
        SFlowFlowSample((SFlowRecord(4413 << 12 | 1, b""), raw_header(FRAME))),
    )
    source = fed(bytes(SFlow(samples)), bytes(SFlow(samples)))
    assert len(list(source)) == 4
    assert source.discards == {"no packet header": 4}
    assert source.skipped == {"sample 0:5": 2, "flow record 4413:1": 2}


def test_only_so_many_unknown_kinds_are_counted_apart():
    records = tuple(SFlowRecord(5000 + number, b"") for number in range(100))
    source = fed(bytes(SFlow((SFlowFlowSample(records),))))
    assert list(source) == []
    assert (len(source.skipped), source.skipped["others"], source.skipped["flow record 1:904"]) == (65, 36, 1)


def test_what_comes_before_a_fault_counts():
    good = SFlowFlowSample((raw_header(FRAME),))
    broken = {
        "a sample more": bytes(SFlow((good,), sample_count=2)),
        "a sample that is too long": bytes(SFlow((good, SFlowFlowSample((), length=900)))),
        "a record more": bytes(SFlow((SFlowFlowSample((raw_header(FRAME),), record_count=9), good))),
        "a header that is too long": bytes(
            SFlow((good, SFlowFlowSample((SFlowRecord(1, words(1, 64, 4, 1 << 31)),)), good))
        ),
        "half a head": bytes(SFlow((good, SFlowFlowSample((), length=8)))),
    }
    source = fed(*broken.values(), sampled(FRAME))
    assert [frame.time for frame in source] == [TIME + number * 10**9 for number in range(6)]
    assert source.discards == {"malformed": 5}


def test_what_is_no_datagram_of_version_5_is_counted():
    source = fed(b"", b"\0\0\0\4", bytes(SFlow(version=2)), bytes(SFlow(address_type=0)), bytes(SFlow())[:27])
    assert list(source) == []
    assert source.discards == {"version": 2, "malformed": 3}
    assert source.agents == []


# ---- sequence numbers


def numbered(*numbers, **head):
    return fed(*(bytes(SFlow(sequence=number, **head)) for number in numbers))


@pytest.mark.parametrize(
    ("numbers", "missing", "late", "restarts"),
    [
        ((7, 8, 9), 0, 0, 0),
        ((7, 10, 11), 2, 0, 0),
        ((7, 10, 8, 9, 11), 0, 2, 0),
        ((7, 7, 8), 0, 1, 0),
        ((5000, 1, 2, 4), 1, 0, 1),
        ((0xFFFFFFFE, 0xFFFFFFFF, 0, 3), 2, 0, 0),
    ],
)
def test_gaps_between_sequence_numbers(numbers, missing, late, restarts):
    source = numbered(*numbers)
    assert list(source) == []
    assert source.agents == [SFlowAgent("192.0.2.10", 0, len(numbers), missing, late, restarts)]


def test_agents_and_their_sub_agents_are_told_apart():
    heads = [("192.0.2.1", 0), ("2001:db8::1", 0), ("192.0.2.1", 1), ("192.0.2.1", 0)]
    source = fed(
        *(bytes(SFlow(agent=agent, sub_agent=sub, sequence=3 * n)) for n, (agent, sub) in enumerate(heads))
    )
    assert list(source) == []
    found = {(agent.address, agent.sub_agent): (agent.received, agent.missing) for agent in source.agents}
    assert found == {("192.0.2.1", 0): (2, 8), ("2001:db8::1", 0): (1, 0), ("192.0.2.1", 1): (1, 0)}


def test_only_so_many_agents_are_remembered():
    datagrams = [sampled(FRAME, agent=f"192.0.2.{number % 5}") for number in range(20)]
    source = fed(*datagrams, max_agents=3)
    assert len(list(source)) == 20
    assert (len(source.agents), source.agents_not_kept) == (3, 8)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=60))
def test_agents_are_found_again_whatever_their_order(names):
    source = fed(*(bytes(SFlow(agent=bytes([10, 0, 0, low]), sub_agent=sub)) for low, sub in names))
    assert list(source) == []
    found = {(agent.address, agent.sub_agent): agent.received for agent in source.agents}
    assert found == {(f"10.0.0.{low}", sub): names.count((low, sub)) for low, sub in names}


# ---- feeding


def test_more_datagrams_than_one_refill_takes():
    source = fed(*(sampled(FRAME, sequence=number) for number in range(1000)))
    assert len(list(source)) == 1000
    assert source.agents[0].missing == 0


def test_only_so_many_bytes_wait():
    one = sampled(FRAME)
    source = SFlowFeed(max_bytes=2 * len(one))
    assert [source.feed(one, TIME) for _ in range(3)] == [True, True, False]
    assert source.statistics == SourceStatistics(3, None, None, 1)
    assert next(source).data == FRAME
    assert source.feed(one, TIME)
    source.stop()
    assert not source.feed(one, TIME)
    assert len(list(source)) == 2
    assert source.statistics == SourceStatistics(5, None, None, 2)


@pytest.mark.parametrize(("datagram", "time"), [(bytes(65536), TIME), (b"", -1)])
def test_what_no_datagram_can_be_is_refused(datagram, time):
    with pytest.raises(OptionError, match="there is no datagram of"):
        SFlowFeed().feed(datagram, time)


def test_largest_datagrams_fit():
    big = bytes(SFlow((header(bytes(65_000), 1),)))
    assert [len(frame.data) for frame in fed(*[big] * 9)] == [65_000] * 9


def test_a_reader_waits_for_what_is_fed_by_another_thread():
    source = SFlowFeed()
    found = []
    reader = threading.Thread(target=lambda: found.extend(source))
    reader.start()
    for number in range(50):
        source.feed(sampled(FRAME), number)
    source.stop()
    reader.join()
    assert [frame.time for frame in found] == list(range(50))


def test_a_closed_feed_gives_nothing():
    source = SFlowFeed()
    source.feed(sampled(FRAME), TIME)
    source.close()
    assert list(source) == []
    assert not source.feed(sampled(FRAME), TIME)


@pytest.mark.parametrize("max_agents", [0, -1, 1 << 21])
def test_options_that_cannot_be(max_agents):
    with pytest.raises(OptionError, match="agents cannot be remembered"):
        SFlowFeed(max_agents=max_agents)


# ---- flows


def test_flows_know_the_rate_of_the_last_sample():
    other = bytes(Ethernet() / IPv4("10.0.0.9", "10.0.0.2") / UDP(1, 2))
    datagrams = sampled(FRAME, rate=100), sampled(FRAME, other, rate=4096)
    flows = flows_of(fed(*datagrams))
    assert [(flow.sampling_rate, flow.metric.ab_packets, flow.metric.ab_bytes) for flow in flows] == [
        (4096, 2, 2 * (len(FRAME) + 4)),
        (4096, 1, len(other) + 4),
    ]
    assert [flow.get("SamplingRate") for flow in flows] == [4096, 4096]
    assert flows[0].to_dict()["SamplingRate"] == 4096
    assert flows.to_arrow()["sampling_rate"].to_pylist() == [4096, 4096]
    assert [flow.start for flow in flows] == [TIME, TIME + 10**9]


def test_frames_that_a_program_has_in_its_hands_keep_the_rate():
    frames = list(fed(sampled(FRAME, rate=77)))
    assert [frame.sampling_rate for frame in GivenFrames(frames)] == [77]
    assert list(GivenFrames([tuple(frames[0][:4])])) == [frames[0]._replace(sampling_rate=0)]
    with pytest.raises(CaptureError, match="frame 0 has a time, length, link type or rate"):
        GivenFrames([(*frames[0][:4], 1 << 32)])


def test_the_flows_in_a_tunnel_were_sampled_at_the_same_rate():
    inner = Ethernet() / IPv4("10.1.0.1", "10.1.0.2") / UDP(7, 8)
    flows = flows_of(fed(sampled(bytes(Ethernet() / IPv4() / UDP() / VXLAN(5) / inner), rate=9)))
    assert [flow.sampling_rate for flow in flows] == [9, 9]


def test_a_rate_of_zero_is_none():
    assert [flow.sampling_rate for flow in flows_of(fed(sampled(FRAME, rate=0)))] == [None]


# ---- packets


def test_the_packets_of_a_sample():
    inner = Ethernet() / IPv4("10.1.0.1", "10.1.0.2") / UDP(7, 8)
    frame = bytes(Ethernet() / IPv4() / UDP() / VXLAN(5) / inner)
    records = raw_header(frame, frame_length=1400), raw_header(FRAME, protocol=2), EVERY_FLOW_RECORD[1]
    (sample,) = parse_datagram(bytes(SFlow((SFlowFlowSample(records),)))).flow_samples
    sequence, without = PacketSequence.from_sflow_sample(sample)
    assert [packet.path for packet in sequence] == ["Ethernet/IPv4/UDP/VXLAN", "Ethernet/IPv4/UDP"]
    assert sequence[0].length == 1400
    assert len(without) == 0
    (one, _) = PacketSequence.from_sflow_sample(sample, tunnels=())
    assert len(one) == 1
    (none, _) = PacketSequence.from_sflow_sample(sample, bpf=BPF(1, 256, "tcp"))
    assert len(none) == 0


def test_lengths_that_no_frame_has_are_the_longest_one():
    (sample,) = parse_datagram(bytes(SFlow((header(FRAME, 1, 0xFFFFFFFF),)))).flow_samples
    assert PacketSequence.from_sflow_sample(sample)[0][0].length == 0x7FFF_FFFF
    assert next(fed(bytes(SFlow((header(FRAME, 1, 0xFFFFFFFF),))))).length == 0xFFFFFFFF
    assert flows_of(fed(bytes(SFlow((header(FRAME, 1, 0xFFFFFFFF),)))))[0].metric.ab_bytes == 0xFFFFFFFF


# ---- hostile datagrams

PIECES = bytes(
    SFlow((SFlowFlowSample(EVERY_FLOW_RECORD), SFlowFlowSample((raw_header(FRAME),), expanded=True)))
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(PIECES) - 1), st.integers(0, 255)), max_size=6), st.integers(0, 99)
)
def test_whatever_is_refused_as_data_gives_the_frames_before_the_fault(changes, cut):
    """Frames and data come of the same bytes: they agree where all of a datagram can be read."""
    data = bytearray(PIECES[: len(PIECES) - cut])
    for at, value in changes:
        if at < len(data):
            data[at] = value
    source = fed(data)
    frames = list(source)
    assert source.discards.get("malformed", 0) + source.discards.get("version", 0) <= 1
    try:
        found = parse_datagram(data)
    except FlowProtocolError:
        return
    headers = [header for sample in found.flow_samples for header in sample.headers]
    assert [frame.data for frame in frames] == [header.header for header in headers if header.link_type]
    assert not source.discards.keys() & {"malformed", "version"}
