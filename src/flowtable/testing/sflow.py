"""sFlow version 5 datagrams (sflow.org, sFlow Datagram Format, July 2004). Everything is in 4-byte words."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from flowtable.testing._layer import Layer, Numbers, Packet, Place, given, ip_bytes

__all__ = [
    "SFlow",
    "SFlowCounterSample",
    "SFlowFlowSample",
    "SFlowRecord",
    "interface_counters",
    "raw_header",
]


@dataclass(frozen=True)
class SFlowRecord:
    """A record of a sample: its format (enterprise << 12 | number) and its bytes."""

    format: int
    data: bytes
    length: int | None = None

    def __bytes__(self) -> bytes:
        """Give format, length and data."""
        return struct.pack("!II", self.format, given(self.length, len(self.data))) + self.data


def raw_header(frame: bytes | Packet, *, frame_length: int | None = None, protocol: int = 1) -> SFlowRecord:
    """Make the record of a sampled frame's first bytes (format 1). ``protocol`` 1 is Ethernet.

    ``frame_length`` is what it had on the wire, its check sequence included, which counts as stripped.
    """
    header = bytes(frame)
    length = given(frame_length, len(header) + 4)
    start = struct.pack("!IIII", protocol, length, 4, len(header))
    return SFlowRecord(1, start + header + bytes(-len(header) % 4))


def interface_counters(index: int = 1, octets: int = 0, packets: int = 0) -> SFlowRecord:
    """Make generic interface counters (format 1; 88 bytes), the same numbers in and out."""
    start = struct.pack("!IIQII", index, 6, 1_000_000_000, 1, 3)
    received = struct.pack("!QIIIIII", octets, packets, 0, 0, 0, 0, 0)
    sent = struct.pack("!QIIIII", octets, packets, 0, 0, 0, 0)
    return SFlowRecord(1, start + received + sent + bytes(4))


@dataclass(frozen=True)
class SFlowFlowSample:
    """Packets that were sampled, one in ``rate`` (format 1; 3 when ``expanded``)."""

    records: tuple[SFlowRecord, ...] = ()
    sequence: int = 1
    source: int = 1
    rate: int = 1000
    pool: int = 1000
    drops: int = 0
    input: int = 1
    output: int = 2
    expanded: bool = False
    sample_type: int | None = None
    record_count: int | None = None
    length: int | None = None

    def __bytes__(self) -> bytes:
        """Give the sample with its format and length."""
        wide = self.expanded  # sources and interfaces are then two words, a format and a number
        start = struct.pack("!I", self.sequence) + _words(self.source, wide=wide)
        start += struct.pack("!III", self.rate, self.pool, self.drops)
        start += _words(self.input, wide=wide) + _words(self.output, wide=wide)
        kind = given(self.sample_type, 3 if wide else 1)
        return _sample(kind, start, self.records, self.record_count, self.length)


@dataclass(frozen=True)
class SFlowCounterSample:
    """An interface's counters (format 2; 4 when ``expanded``)."""

    records: tuple[SFlowRecord, ...] = ()
    sequence: int = 1
    source: int = 1
    expanded: bool = False
    sample_type: int | None = None
    record_count: int | None = None
    length: int | None = None

    def __bytes__(self) -> bytes:
        """Give the sample with its format and length."""
        start = struct.pack("!I", self.sequence) + _words(self.source, wide=self.expanded)
        kind = given(self.sample_type, 4 if self.expanded else 2)
        return _sample(kind, start, self.records, self.record_count, self.length)


Sample: TypeAlias = SFlowFlowSample | SFlowCounterSample


def _words(number: int, *, wide: bool) -> bytes:
    return struct.pack("!II", 0, number) if wide else struct.pack("!I", number)


def _sample(
    kind: int, start: bytes, records: tuple[SFlowRecord, ...], count: int | None, length: int | None
) -> bytes:
    body = start + struct.pack("!I", given(count, len(records))) + b"".join(map(bytes, records))
    return struct.pack("!II", kind, given(length, len(body))) + body


@dataclass(frozen=True)
class SFlow(Layer):
    """A datagram: 28 bytes, or 40 from an IPv6 agent, and samples. ``uptime`` in ms."""

    numbers: ClassVar[Numbers] = Numbers(port=6343)
    samples: tuple[Sample, ...] = ()
    agent: str | bytes = "192.0.2.10"
    sub_agent: int = 0
    sequence: int = 1
    uptime: int = 1000
    version: int = 5
    address_type: int | None = None
    sample_count: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        agent = ip_bytes(self.agent)
        kind = given(self.address_type, 1 if len(agent) == 4 else 2)
        count = given(self.sample_count, len(self.samples))
        numbers = struct.pack("!IIII", self.sub_agent, self.sequence, self.uptime, count)
        samples = b"".join(map(bytes, self.samples))
        return struct.pack("!II", self.version, kind) + agent + numbers + samples + payload
