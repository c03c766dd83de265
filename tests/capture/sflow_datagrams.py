"""sFlow datagrams of every kind of record, with what each has to be read as."""

import struct

from flowtable.capture.sflow import (
    ASPathSegment,
    EthernetCounters,
    ExtendedGateway,
    ExtendedMPLS,
    ExtendedMPLSFTN,
    ExtendedMPLSLDP,
    ExtendedMPLSTunnel,
    ExtendedMPLSVC,
    ExtendedNAT,
    ExtendedRouter,
    ExtendedSwitch,
    ExtendedURL,
    ExtendedUser,
    ExtendedVLANTunnel,
    InterfaceCounters,
    ProcessorCounters,
    RawPacketHeader,
    SampledEthernet,
    SampledIPv4,
    SampledIPv6,
    VLANCounters,
)
from flowtable.testing import TCP, Ethernet, IPv4
from flowtable.testing.ip import ip_bytes
from flowtable.testing.sflow import SFlow, SFlowCounterSample, SFlowFlowSample, SFlowRecord, raw_header

FRAME = bytes(Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(50_000, 80) / b"payload")
MACS = bytes.fromhex("020000000001 0000 020000000002 0000")
NEXT_HOP = ip_bytes("192.0.2.1")
NEXT_HOP6 = ip_bytes("2001:db8::1")


def words(*numbers):
    return struct.pack(f"!{len(numbers)}I", *numbers)


def text(data):
    return words(len(data)) + data + bytes(-len(data) % 4)


def address(packed):
    return words(1 if len(packed) == 4 else 2) + packed


FLOW_RECORDS = {
    1: (
        words(1, 1518, 4, len(FRAME)) + FRAME + bytes(-len(FRAME) % 4),
        RawPacketHeader(1, 1518, 4, FRAME),
    ),
    2: (
        words(64) + MACS + words(0x800),
        SampledEthernet(64, "02:00:00:00:00:01", "02:00:00:00:00:02", 0x800),
    ),
    3: (
        words(1500, 6) + ip_bytes("10.0.0.1") + ip_bytes("10.0.0.2") + words(5000, 80, 0x12, 0xB8),
        SampledIPv4(1500, 6, "10.0.0.1", "10.0.0.2", 5000, 80, 0x12, 0xB8),
    ),
    4: (
        words(1280, 17) + NEXT_HOP6 + ip_bytes("2001:db8::2") + words(53, 5000, 0, 7),
        SampledIPv6(1280, 17, "2001:db8::1", "2001:db8::2", 53, 5000, 0, 7),
    ),
    1001: (words(10, 1, 20, 2), ExtendedSwitch(10, 1, 20, 2)),
    1002: (address(NEXT_HOP6) + words(64, 48), ExtendedRouter("2001:db8::1", 64, 48)),
    1003: (
        address(NEXT_HOP) + words(1, 2, 3, 2, 2, 2, 65_001, 65_002, 1, 1, 65_003, 3, 7, 8, 9, 100),
        ExtendedGateway(
            "192.0.2.1",
            1,
            2,
            3,
            (ASPathSegment(2, (65_001, 65_002)), ASPathSegment(1, (65_003,))),
            (7, 8, 9),
            100,
        ),
    ),
    1004: (
        words(106) + text(b"alice") + words(3) + text(b"\xff\xfe"),
        ExtendedUser(106, b"alice", 3, b"\xff\xfe"),
    ),
    1005: (words(2) + text(b"/a") + text(b"h\xff"), ExtendedURL(2, "/a", "h\N{REPLACEMENT CHARACTER}")),
    1006: (
        address(NEXT_HOP) + words(2, 0x1000, 0x2100) + words(1, 0x3100),
        ExtendedMPLS("192.0.2.1", (0x1000, 0x2100), (0x3100,)),
    ),
    1007: (address(NEXT_HOP) + words(0), ExtendedNAT("192.0.2.1", None)),
    1008: (text(b"lsp") + words(5, 6), ExtendedMPLSTunnel("lsp", 5, 6)),
    1009: (text(b"") + words(7, 8), ExtendedMPLSVC("", 7, 8)),
    1010: (text(b"four") + words(24), ExtendedMPLSFTN("four", 24)),
    1011: (words(32), ExtendedMPLSLDP(32)),
    1012: (words(2, 0x81000064, 0x88A80005), ExtendedVLANTunnel((0x81000064, 0x88A80005))),
}
"""By format number: the bytes of a flow record, and what they are."""

COUNTER_RECORDS = {
    1: (
        struct.pack("!IIQIIQ6IQ6I", 3, 6, 10**10, 1, 3, 1 << 40, *range(10, 16), 1 << 41, *range(20, 26)),
        InterfaceCounters(3, 6, 10**10, 1, 3, 1 << 40, *range(10, 16), 1 << 41, *range(20, 26)),
    ),
    2: (words(*range(1, 14)), EthernetCounters(*range(1, 14))),
    5: (struct.pack("!IQ4I", 100, 1 << 33, 1, 2, 3, 4), VLANCounters(100, 1 << 33, 1, 2, 3, 4)),
    1001: (
        struct.pack("!IIIQQ", 100, 200, 300, 1 << 34, 1 << 33),
        ProcessorCounters(100, 200, 300, 1 << 34, 1 << 33),
    ),
}
"""The same of counter records."""

EVERY_FLOW_RECORD = tuple(SFlowRecord(number, data) for number, (data, _) in FLOW_RECORDS.items())
EVERY_COUNTER_RECORD = tuple(SFlowRecord(number, data) for number, (data, _) in COUNTER_RECORDS.items())

EVERYTHING = bytes(
    SFlow(
        (
            SFlowFlowSample(EVERY_FLOW_RECORD, source=0x02000005),
            SFlowCounterSample(EVERY_COUNTER_RECORD, source=3, expanded=True),
            SFlowFlowSample(EVERY_FLOW_RECORD[:2], expanded=True),
            SFlowCounterSample(EVERY_COUNTER_RECORD[:1]),
        ),
        agent="2001:db8::7",
        sub_agent=3,
        sequence=9,
        uptime=77,
    )
)
"""A datagram with every kind of sample and record."""


def sampled(*frames, rate=1000, expanded=False, **head):
    """A datagram with a sample of each frame."""
    samples = tuple(SFlowFlowSample((raw_header(frame),), rate=rate, expanded=expanded) for frame in frames)
    return bytes(SFlow(samples, **head))
