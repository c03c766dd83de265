"""sFlow datagrams as data, whatever their lengths and counts claim."""

import contextlib
import dataclasses
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sflow_datagrams import (
    COUNTER_RECORDS,
    EVERYTHING,
    FLOW_RECORDS,
    FRAME,
    sampled,
    words,
)

from flowtable.capture import LinkType, sflow
from flowtable.capture.sflow import (
    CounterSample,
    FlowSample,
    RawPacketHeader,
    SFlowInterface,
    parse_datagram,
)
from flowtable.errors import FlowError, FlowProtocolError
from flowtable.testing import SFlow, SFlowCounterSample, SFlowFlowSample, SFlowRecord, raw_header


def test_every_kind_of_sample_and_record():
    found = parse_datagram(EVERYTHING)
    assert (found.agent, found.sub_agent, found.sequence, found.uptime) == ("2001:db8::7", 3, 9, 77)
    first, counters, expanded, small = found.samples
    assert first.records == tuple(record for _, record in FLOW_RECORDS.values())
    assert counters == CounterSample(
        1, (0, 3), tuple(record for _, record in COUNTER_RECORDS.values()), expanded=True
    )
    assert (expanded.expanded, expanded.records) == (True, first.records[:2])
    assert small == CounterSample(1, (0, 1), counters.records[:1])
    assert found.skipped == {}
    assert (found.flow_samples, found.counter_samples) == ((first, expanded), (counters, small))


def test_every_known_record_is_tried():
    assert FLOW_RECORDS.keys() == sflow.FLOW_RECORDS.keys()
    assert COUNTER_RECORDS.keys() == sflow.COUNTER_RECORDS.keys()
    for known, tried in ((sflow.FLOW_RECORDS, FLOW_RECORDS), (sflow.COUNTER_RECORDS, COUNTER_RECORDS)):
        assert all(type(tried[number][1]) is cls for number, cls in known.items())
        assert all(len(cls.layout) == len(dataclasses.fields(cls)) for cls in known.values())


@pytest.mark.parametrize("expanded", [False, True])
def test_the_head_of_a_flow_sample(expanded):
    sample = SFlowFlowSample((), 7, 5, 512, 9000, 3, 1, 2, expanded=expanded)
    (found,) = parse_datagram(bytes(SFlow((sample,)))).samples
    ends = SFlowInterface(0, 1), SFlowInterface(0, 2)
    assert found == FlowSample(7, (0, 5), 512, 9000, 3, *ends, (), expanded)
    assert found.headers == ()


def test_where_one_word_holds_a_kind_and_a_number_the_kind_is_on_top():
    sample = SFlowFlowSample((), source=0x02FFFFFF, input=0x40000007, output=0x80000002)
    (found,) = parse_datagram(bytes(SFlow((sample,)))).samples
    assert found.source == (2, 0xFFFFFF)
    assert (found.input, found.output) == (SFlowInterface(1, 7), SFlowInterface(2, 2))
    own = SFlowFlowSample((), output=0x3FFFFFFF)
    assert parse_datagram(bytes(SFlow((own,)))).samples[0].output == SFlowInterface(0, 0x3FFFFFFF)


@pytest.mark.parametrize(
    ("protocol", "link_type"),
    [
        (1, LinkType.ETHERNET),
        (7, LinkType.PPP),
        (11, LinkType.IPV4),
        (12, LinkType.IPV6),
        (13, LinkType.MPLS),
        (2, None),
        (99, None),
    ],
)
def test_header_protocols_as_link_types(protocol, link_type):
    assert RawPacketHeader(protocol, 64, 0, b"").link_type is link_type


def test_what_is_not_known_is_skipped_and_counted():
    records = (
        SFlowRecord(1 << 12 | 1, bytes(12)),
        SFlowRecord(1031, b"odd\0", 3),
        raw_header(FRAME),
        SFlowRecord(1031, b""),
    )
    samples = (
        SFlowFlowSample(records),
        SFlowFlowSample((), sample_type=5),
        SFlowCounterSample((SFlowRecord(2203, bytes(8)),)),
    )
    found = parse_datagram(bytes(SFlow(samples)))
    assert [len(sample.records) for sample in found.samples] == [1, 0]
    assert found.skipped == {
        "flow record 1:1": 1,
        "flow record 0:1031": 2,
        "sample 0:5": 1,
        "counter record 0:2203": 1,
    }


def test_later_editions_may_add_fields_and_samples_may_follow():
    longer = SFlowRecord(1001, words(1, 2, 3, 4, 5))
    found = parse_datagram(bytes(SFlow((SFlowFlowSample((longer,)),))) + b"more")
    assert found.samples[0].records == (sflow.ExtendedSwitch(1, 2, 3, 4),)


def test_the_last_padding_may_be_missing():
    record = SFlowRecord(1, words(1, 64, 0, 5) + b"12345")
    found = parse_datagram(bytes(SFlow((SFlowFlowSample((record,)),))))
    assert found.samples[0].headers[0].header == b"12345"


BROKEN = {
    "nothing": (b"", "at byte 0: the datagram's head is longer than the 0 bytes left"),
    "another version": (bytes(SFlow(version=4)), "sFlow version 4, or none; version 5"),
    "no kind of agent": (bytes(SFlow(address_type=3)), "agent's address is of type 3, not 1 or 2"),
    "half a head": (bytes(SFlow())[:20], "the datagram's head is longer"),
    "a sample too many": (bytes(SFlow(sample_count=1)), "at byte 28: sample 1 is longer than the 0 bytes"),
    "all samples there could be": (bytes(SFlow(sample_count=0xFFFFFFFF)), "sample 1 is longer"),
    "a sample too long": (bytes(SFlow((SFlowFlowSample((), length=33),))), "sample 1 is longer"),
    "a sample too short": (bytes(SFlow((SFlowFlowSample((), length=31),))), "a flow sample's head is longer"),
    "a counter sample too short": (
        bytes(SFlow((SFlowCounterSample((), length=8),))),
        "at byte 36: a counter sample's head is longer than the 8 bytes left",
    ),
    "a record too many": (
        bytes(SFlow((SFlowFlowSample((raw_header(FRAME),), record_count=2),))),
        "flow record 2 of a sample is longer",
    ),
    "a record too long": (
        bytes(SFlow((SFlowCounterSample((SFlowRecord(2, bytes(52), 0x7FFFFFFF),)),))),
        "counter record 1 of a sample is longer",
    ),
    "a header too long": (
        bytes(SFlow((SFlowFlowSample((SFlowRecord(1, words(1, 64, 4, 0xFFFFFFF0) + FRAME),)),))),
        "RawPacketHeader, a list of 4,294,967,280 in it is longer",
    ),
    "an AS path too long": (
        bytes(SFlow((SFlowFlowSample((SFlowRecord(1003, words(1, 2, 3, 4, 5, 0x40000000)),)),))),
        "ExtendedGateway, a list of 1,073,741,824",
    ),
    "an address of no kind": (
        bytes(SFlow((SFlowFlowSample((SFlowRecord(1002, words(3, 0, 0)),)),))),
        "at byte 76: there is no address of type 3",
    ),
    "a known record cut": (
        bytes(SFlow((SFlowFlowSample((SFlowRecord(1001, words(1, 2, 3)),)),))),
        "at byte 88: ExtendedSwitch is longer than the 0 bytes left",
    ),
}


@pytest.mark.parametrize(("datagram", "message"), BROKEN.values(), ids=BROKEN)
def test_what_claims_more_than_it_carries_is_an_error_that_says_where(datagram, message):
    with pytest.raises(FlowProtocolError) as caught:
        parse_datagram(datagram)
    assert message in str(caught.value)
    assert isinstance(caught.value, FlowError)


def test_every_beginning_of_a_datagram_is_an_error():
    for end in range(len(EVERYTHING)):
        with pytest.raises(FlowProtocolError):
            parse_datagram(EVERYTHING[:end])
    assert parse_datagram(bytearray(EVERYTHING)) == parse_datagram(memoryview(EVERYTHING))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(EVERYTHING) // 4 - 1), st.integers(0, 0xFFFFFFFF)), max_size=8))
def test_changed_words_are_read_or_refused(changes):
    data = bytearray(EVERYTHING)
    for at, word in changes:
        struct.pack_into("!I", data, 4 * at, word)
    try:
        found = parse_datagram(data)
    except FlowProtocolError:
        return
    assert sum(len(header.header) for sample in found.flow_samples for header in sample.headers) < len(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_behind_a_good_head_are_read_or_refused(rest):
    datagram = bytes(SFlow(sample_count=3)) + rest
    with contextlib.suppress(FlowProtocolError):
        assert len(parse_datagram(datagram).samples) <= 3


@given(st.lists(st.binary(max_size=80), max_size=5), st.integers(1, 0xFFFFFFFF), st.booleans())
def test_what_was_built_is_read(frames, rate, expanded):
    found = parse_datagram(sampled(*frames, rate=rate, expanded=expanded))
    assert [sample.headers[0].header for sample in found.flow_samples] == frames
    assert all(sample.sampling_rate == rate for sample in found.flow_samples)
    assert all(
        sample.headers[0].frame_length == len(sample.headers[0].header) + 4 for sample in found.samples
    )
