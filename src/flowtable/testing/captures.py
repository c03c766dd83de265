"""Capture files: pcap and pcapng, as other programs write them and as they should not."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from flowtable.testing._layer import Packet

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "START",
    "ByteOrder",
    "Frame",
    "FrameSpec",
    "Interface",
    "PacketBlock",
    "write_pcap",
    "write_pcapng",
]

START = 1_780_308_000_000_000_000
"""When the builders' captures begin: 2026-06-01 10:00:00 UTC, in Unix ns."""
STEP = 1_000_000
"""How far apart frames without a time are; in ns."""

ByteOrder: TypeAlias = Literal["little", "big"]
PacketBlock: TypeAlias = Literal["enhanced", "simple", "obsolete"]
"""How a pcapng holds a frame; simple blocks have no time and belong to the first interface."""


@dataclass(frozen=True)
class FrameSpec:
    """A frame in a capture: Unix ns, the bytes captured, and the length on the wire if that was more.

    Times before 1970 are written as two's complement, which is how readers come to see times far away.
    ``interface`` counts a pcapng's interfaces from 0; a pcap has one and leaves it out.
    """

    time: int
    data: bytes
    length: int | None = None
    interface: int = 0

    @property
    def wire_length(self) -> int:
        """The frame's bytes on the wire."""
        return len(self.data) if self.length is None else self.length


Frame: TypeAlias = bytes | Packet | tuple[int, bytes] | tuple[int, Packet] | FrameSpec
"""A frame with or without its time; those without follow each other at equal steps."""


@dataclass(frozen=True)
class Interface:
    """An interface of a pcapng. ``resolution`` is its ``if_tsresol`` byte: 6 us, 9 ns, 0x80 | n is 2**-n s.

    ``offset`` is its ``if_tsoffset``: seconds that a reader adds to the times in the file.
    """

    link_type: int = 1
    snaplen: int = 262144
    resolution: int | None = None
    offset: int | None = None
    name: str = ""

    def ticks(self, time: int) -> int:
        """Give a time in Unix ns as this interface counts it."""
        resolution = 6 if self.resolution is None else self.resolution
        base = 2 if resolution & 0x80 else 10
        per_second = int(base ** (resolution & 0x7F))
        return (time - (self.offset or 0) * 1_000_000_000) * per_second // 1_000_000_000


def _specs(frames: Iterable[Frame], start: int, step: int) -> list[FrameSpec]:
    specs = []
    for position, frame in enumerate(frames):
        if isinstance(frame, FrameSpec):
            specs.append(frame)
        elif isinstance(frame, tuple):
            specs.append(FrameSpec(frame[0], bytes(frame[1])))
        else:
            specs.append(FrameSpec(start + position * step, bytes(frame)))
    return specs


def _written(path: str | Path | None, data: bytes) -> bytes:
    if path is not None:
        Path(path).write_bytes(data)
    return data


def write_pcap(  # noqa: PLR0913 -- a file header has this many fields
    path: str | Path | None,
    frames: Iterable[Frame],
    *,
    link_type: int = 1,
    nanoseconds: bool = False,
    byteorder: ByteOrder = "little",
    snaplen: int = 262144,
    start: int = START,
    step: int = STEP,
) -> bytes:
    """Write a pcap (draft-ietf-opsawg-pcap) to ``path``, unless that is None, and give its bytes.

    Frames longer than ``snaplen`` are cut to it; ``start`` and ``step`` are in ns.
    """
    order = "<" if byteorder == "little" else ">"
    magic, unit = (0xA1B23C4D, 1) if nanoseconds else (0xA1B2C3D4, 1000)
    data = bytearray(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link_type))
    for frame in _specs(frames, start, step):
        captured = frame.data[:snaplen]
        seconds, fraction = divmod(frame.time, 1_000_000_000)
        data += struct.pack(
            order + "IIII", seconds & 0xFFFFFFFF, fraction // unit, len(captured), frame.wire_length
        )
        data += captured
    return _written(path, bytes(data))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


class _BlockWriter:
    """Writes pcapng blocks (draft-ietf-opsawg-pcapng) in one byte order."""

    def __init__(self, byteorder: ByteOrder) -> None:
        self.order = "<" if byteorder == "little" else ">"

    def block(self, kind: int, body: bytes) -> bytes:
        length = 12 + len(_padded(body))
        start = struct.pack(self.order + "II", kind, length)
        return start + _padded(body) + struct.pack(self.order + "I", length)

    def option(self, code: int, value: bytes) -> bytes:
        return struct.pack(self.order + "HH", code, len(value)) + _padded(value)

    def section(self) -> bytes:
        # The length of the section is left open: -1.
        return self.block(0x0A0D0D0A, struct.pack(self.order + "IHHq", 0x1A2B3C4D, 1, 0, -1))

    def interface(self, interface: Interface) -> bytes:
        body = struct.pack(self.order + "HHI", interface.link_type, 0, interface.snaplen)
        options = b""
        if interface.name:
            options += self.option(2, interface.name.encode())
        if interface.resolution is not None:
            options += self.option(9, bytes([interface.resolution]))
        if interface.offset is not None:
            options += self.option(14, struct.pack(self.order + "q", interface.offset))
        return self.block(1, body + (options + self.option(0, b"") if options else b""))

    def frame(self, frame: FrameSpec, interface: Interface, kind: PacketBlock) -> bytes:
        captured = frame.data[: interface.snaplen]
        if kind == "simple":
            return self.block(3, struct.pack(self.order + "I", frame.wire_length) + captured)
        ticks = interface.ticks(frame.time) & 0xFFFFFFFFFFFFFFFF
        words = ticks >> 32, ticks & 0xFFFFFFFF, len(captured), frame.wire_length
        rest = struct.pack(self.order + "4I", *words) + captured
        if kind == "obsolete":  # its interface has 16 bits, and a count of drops the other 16
            return self.block(2, struct.pack(self.order + "HH", frame.interface, 0) + rest)
        return self.block(6, struct.pack(self.order + "I", frame.interface) + rest)


def write_pcapng(  # noqa: PLR0913 -- what a file can vary in
    path: str | Path | None,
    frames: Iterable[Frame],
    *,
    interfaces: tuple[Interface, ...] = (Interface(),),
    byteorder: ByteOrder = "little",
    sections: int = 1,
    packet_block: PacketBlock = "enhanced",
    start: int = START,
    step: int = STEP,
    unknown_blocks: bool = False,
) -> bytes:
    """Write a pcapng to ``path``, unless that is None, and give its bytes.

    The frames are shared out over ``sections`` in order, and each section describes all the interfaces
    anew. ``unknown_blocks`` puts a block that no reader knows before each frame.
    """
    writer = _BlockWriter(byteorder)
    specs = _specs(frames, start, step)
    share = max(-(-len(specs) // sections), 1)
    data = bytearray()
    for section in range(sections):
        data += writer.section() + b"".join(map(writer.interface, interfaces))
        for frame in specs[section * share : (section + 1) * share]:
            data += writer.block(0x0BAD, b"flowtable") if unknown_blocks else b""
            data += writer.frame(frame, interfaces[frame.interface], packet_block)
    return _written(path, bytes(data))
