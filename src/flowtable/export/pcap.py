"""Packets that flows keep, as a capture."""

from __future__ import annotations

import heapq
import os
from operator import itemgetter
from typing import TYPE_CHECKING

from flowtable.capture import PcapWriter, RawPacket
from flowtable.errors import OptionError

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator, Sequence

    from flowtable.capture.writer import CaptureFormat
    from flowtable.export._files import Target
    from flowtable.flow._flow import Records
    from flowtable.flow.flowset import Part

__all__ = ["write_pcap"]


def write_pcap(
    parts: Sequence[Part],
    to: Target,
    *,
    format: CaptureFormat | None = None,  # noqa: A002 - what everybody calls it
    nanoseconds: bool = True,
) -> int:
    """Write the frames of flows in the order in which they were read; gives how many there were.

    Those of several tables come by their times. A flow inside a tunnel whose outermost flow is not among
    these has its own packets written, without what is around them.
    """
    keeping = [(records, rows) for records, rows in parts if "raw_packets" in records.options]
    if not keeping:
        raise OptionError("no packets were kept: read with raw_packets=N to keep the first N of each flow")
    with PcapWriter(to, format=format, nanoseconds=nanoseconds) as writer:
        try:
            for packet in heapq.merge(*(_frames(*part) for part in keeping), key=itemgetter(0)):
                writer.write_raw_packet(RawPacket(*packet))
        except OptionError:  # a packet cannot be left out: half of the capture would look like all of it
            if isinstance(to, (str, os.PathLike)):
                os.unlink(to)  # noqa: PTH108 - takes every path that open() takes
            raise
    return writer.written


def _frames(records: Records, rows: array[int] | None) -> Iterator[tuple[int, int, bytes, int, int]]:
    return records.frames_in_order(*_by_outermost(records, rows))


def _by_outermost(records: Records, rows: array[int] | None) -> tuple[list[int], list[int]]:
    """Tell flows whose outermost flow is among them, be it themselves, from all others."""
    numbers = range(records.count) if rows is None else rows
    among = bytearray(records.count)
    for number in numbers:
        among[number] = 1
    kinds: tuple[list[int], list[int]] = ([], [])
    for number in numbers:
        kinds[not among[_outermost(records, number)]].append(number)
    return kinds


def _outermost(records: Records, number: int) -> int:
    above = records.parent_of(number)
    while above is not None:
        number, above = above, records.parent_of(above)
    return number
