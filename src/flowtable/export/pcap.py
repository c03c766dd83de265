"""Packets that flows keep, as a capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowtable.capture import PcapWriter, RawPacket
from flowtable.errors import OptionError

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator

    from flowtable.capture.writer import CaptureFormat
    from flowtable.export._files import Target
    from flowtable.flow._flow import Records

__all__ = ["write_pcap"]


def write_pcap(
    records: Records,
    rows: array[int] | None,
    to: Target,
    *,
    format: CaptureFormat | None = None,  # noqa: A002 - what everybody calls it
    nanoseconds: bool = True,
) -> int:
    """Write the packets of flows in the order in which they were read; gives how many there were.

    ``rows`` are record numbers, or None for all. What is inside another one of these flows is in that one's
    packets, and is left out.
    """
    if "raw_packets" not in records.options:
        raise OptionError("no packets were kept: read with raw_packets=N to keep the first N of each flow")
    with PcapWriter(to, format=format, nanoseconds=nanoseconds) as writer:
        for packet in records.packets_in_order(_outermost(records, rows)):
            writer.write_raw_packet(RawPacket(*packet))
    return writer.written


def _outermost(records: Records, rows: array[int] | None) -> Iterator[int]:
    """Give the flows that have none of their ancestors among them."""
    numbers = range(records.count) if rows is None else rows
    among = bytearray(records.count)
    for number in numbers:
        among[number] = 1
    return (number for number in numbers if not any(among[a] for a in _ancestors(records, number)))


def _ancestors(records: Records, number: int) -> Iterator[int]:
    above = records.parent_of(number)
    while above is not None:
        yield above
        above = records.parent_of(above)
