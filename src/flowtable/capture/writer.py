"""Packets into capture files: pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import os
import struct
from typing import IO, TYPE_CHECKING, Final, Literal, Self

from flowtable.capture.link_types import LinkType, link_type_name
from flowtable.capture.streams import display_name
from flowtable.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from flowtable.capture.raw import RawPacket

__all__ = ["CaptureFormat", "PcapWriter", "capture_format"]

CaptureFormat = Literal["pcap", "pcapng"]

_NEXT_GENERATION: Final = (".pcapng", ".ntar")
_COMPRESSED: Final = (".gz", ".zst", ".xz", ".bz2", ".lz4", ".zip")

_NS_PER_SECOND: Final = 1_000_000_000
_WORD: Final = 0xFFFFFFFF
_LATEST: Final = (1 << 63) - 1
"""ns; what 63 bits hold, to the year 2262."""
_LONGEST: Final[dict[int, int]] = {
    LinkType.DBUS: 128 << 20,
    LinkType.EBHSCR: 8 << 20,
    LinkType.USBPCAP: 1 << 20,
}
"""Bytes of a packet that readers take, as libpcap's max_snaplen_for_dlt() has them."""
_LONGEST_OF_OTHERS: Final = 262_144


class PcapWriter:
    """Writes packets into a pcap or pcapng file, each with the link type that it has.

    ::

        with PcapWriter("flow.pcapng") as writer:
            writer.write_raw_packets(flow.raw_packets)

    A pcap file has one link type: ``link_type``, or else that of the first packet. A pcapng file has an
    interface for each. Packets go out in the order in which they come.
    """

    def __init__(
        self,
        to: str | os.PathLike[str] | IO[bytes],
        link_type: int | None = None,
        *,
        format: CaptureFormat | None = None,  # noqa: A002 - what everybody calls it
        nanoseconds: bool = True,
    ) -> None:
        """Begin a file at a path, or in a binary file that is open and stays so.

        Args:
            to: where the packets go.
            link_type: a LINKTYPE_ number, for a file that may stay without packets.
            format: ``"pcap"`` or ``"pcapng"``; unless given, the suffix ``.pcapng`` means pcapng, and all
                else pcap.
            nanoseconds: write times in ns, as they are inside; else in µs, for programs that read nothing
                else.

        Raises:
            OptionError: there is no such format or link type, or the suffix is one of a compressed file.
            OSError: the path cannot be written.

        """
        if link_type is not None:
            _check_number("link_type", link_type, 0xFFFF)
        encoder = _Pcap if capture_format(to, format) == "pcap" else _Pcapng
        self._encoder: _Pcap | _Pcapng = encoder(link_type, nanoseconds=nanoseconds)
        self._written = 0
        self._closed = False
        self._is_ours = isinstance(to, (str, os.PathLike))
        self._file: IO[bytes] = open(to, "wb") if isinstance(to, (str, os.PathLike)) else to  # noqa: PTH123, SIM115 - takes every path that open() takes; close() closes it

    @property
    def written(self) -> int:
        """Packets written so far."""
        return self._written

    def write_raw_packet(self, packet: RawPacket) -> None:
        """Write one packet.

        Raises:
            OptionError: the file cannot hold it: its link type is another one and the format is pcap, its
                time is after 2106 and the format is pcap, or it is longer than readers take; or the
                writer is closed.
            OSError: the file cannot be written.

        """
        if self._closed:
            raise OptionError("the capture is finished, and takes no more packets")
        self._file.write(self._encoder.encode(_checked(packet)))
        self._written += 1

    def write_raw_packets(self, packets: Iterable[RawPacket]) -> None:
        """Write packets in the order in which they come; raises what ``write_raw_packet`` does."""
        for packet in packets:
            self.write_raw_packet(packet)

    def close(self) -> None:
        """Finish the file: without packets it has its headers all the same. A second call does nothing.

        Raises:
            OSError: the file cannot be written.

        """
        if self._closed:
            return
        self._closed = True
        try:
            self._file.write(self._encoder.finish())
        finally:
            if self._is_ours:
                self._file.close()

    def __enter__(self) -> Self:
        """Give the writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Finish the file."""
        self.close()


def capture_format(
    to: str | os.PathLike[str] | IO[bytes], named: CaptureFormat | None = None
) -> CaptureFormat:
    """Settle the format of a capture file: the one that is named, else by the suffix.

    Raises:
        OptionError: there is no such format, or the suffix is one of a compressed file.

    """
    if named is not None:
        if named not in ("pcap", "pcapng"):
            raise OptionError(f"format: takes 'pcap' or 'pcapng', not {named!r}")
        return named
    if not isinstance(to, (str, os.PathLike)):
        return "pcap"
    from pathlib import PurePath  # noqa: PLC0415 - slow to import

    suffix = PurePath(os.fsdecode(to)).suffix.lower()
    if suffix in _COMPRESSED:
        raise OptionError(
            f"{display_name(os.fsdecode(to))}: captures are not compressed when they are written; "
            f"leave out {suffix}, and compress the file afterwards"
        )
    return "pcapng" if suffix in _NEXT_GENERATION else "pcap"


class _Pcap:
    """Records behind one header, with one link type."""

    def __init__(self, link_type: int | None, *, nanoseconds: bool) -> None:
        self._link_type = link_type
        self._magic, self._unit = (0xA1B23C4D, 1) if nanoseconds else (0xA1B2C3D4, 1000)
        self._begun = False

    def encode(self, packet: RawPacket) -> bytes:
        """Give a packet's record, behind the header if it is the first."""
        if self._link_type is None:
            self._link_type = packet.link_type
        if packet.link_type != self._link_type:
            raise OptionError(
                f"a pcap file has one link type: this one has {link_type_name(self._link_type)}, and the "
                f"packet {link_type_name(packet.link_type)}; write pcapng, which takes both"
            )
        seconds, ns = divmod(packet.timestamp, _NS_PER_SECOND)
        if seconds > _WORD:
            raise OptionError(
                f"a pcap file has no times after 2106, such as {seconds:,} s; write pcapng, which does"
            )
        header = struct.pack("<4I", seconds, ns // self._unit, len(packet.data), packet.length)
        return self._header() + header + packet.data

    def finish(self) -> bytes:
        """Give what is still missing."""
        return self._header()

    def _header(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        kind = LinkType.ETHERNET if self._link_type is None else self._link_type
        return struct.pack("<IHHiIII", self._magic, 2, 4, 0, 0, _longest(kind), kind)


class _Pcapng:
    """Blocks of one section, with an interface for each link type."""

    def __init__(self, link_type: int | None, *, nanoseconds: bool) -> None:
        self._resolution, self._unit = (9, 1) if nanoseconds else (6, 1000)
        self._interfaces: dict[int, int] = {}
        self._pending = _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
        if link_type is not None:
            self._interface(link_type)

    def encode(self, packet: RawPacket) -> bytes:
        """Give an Enhanced Packet Block, behind the descriptions that it needs."""
        interface = self._interface(packet.link_type)
        ticks = packet.timestamp // self._unit
        head = struct.pack("<5I", interface, ticks >> 32, ticks & _WORD, len(packet.data), packet.length)
        return self._taken() + _block(6, head + packet.data)

    def finish(self) -> bytes:
        """Give what is still missing: readers want an interface, be it without packets."""
        if not self._interfaces:
            self._interface(LinkType.ETHERNET)
        return self._taken()

    def _interface(self, link_type: int) -> int:
        """Give the number of a link type's interface; a new one is described, with its unit of time."""
        if link_type not in self._interfaces:
            self._interfaces[link_type] = len(self._interfaces)
            resolution = struct.pack("<HHB3xHH", 9, 1, self._resolution, 0, 0)
            self._pending += _block(1, struct.pack("<HHI", link_type, 0, _longest(link_type)) + resolution)
        return self._interfaces[link_type]

    def _taken(self) -> bytes:
        pending, self._pending = self._pending, b""
        return pending


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def _checked(packet: RawPacket) -> RawPacket:
    """Refuse a packet that no capture file can hold, or that no reader would take."""
    _check_number("link_type", packet.link_type, 0xFFFF)
    _check_number("timestamp", packet.timestamp, _LATEST)
    _check_number("length", packet.length, _WORD)
    if not isinstance(packet.data, bytes):
        raise OptionError(f"data: takes bytes, not {type(packet.data).__name__}")
    if len(packet.data) > _longest(packet.link_type):
        raise OptionError(
            f"a packet of link type {link_type_name(packet.link_type)} has at most "
            f"{_longest(packet.link_type):,} bytes in a capture, not {len(packet.data):,}"
        )
    return packet


def _check_number(name: str, value: int | None, largest: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= largest:
        raise OptionError(f"{name}: takes a number from 0 to {largest:,}, not {value!r}")


def _longest(link_type: int) -> int:
    return _LONGEST.get(link_type, _LONGEST_OF_OTHERS)
