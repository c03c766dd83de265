"""802.11 frames, and the radiotap header that captures put before them. All numbers are little-endian."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from flowtable.testing._checksum import crc32
from flowtable.testing._layer import Layer, Numbers, Place, given, mac_bytes

__all__ = ["Dot11", "Dot11Ack", "Dot11Beacon", "Dot11Data", "Dot11QosData", "Dot11Rts", "RadioTap"]


@dataclass(frozen=True)
class RadioTap(Layer):
    """Radiotap (radiotap.org, LINKTYPE 127); 8 bytes, and ``fields`` that ``present`` announces.

    By default it holds the flags field alone, which says whether the frame ends in a check sequence.
    """

    present: int = 1 << 1
    fields: bytes | None = None
    fcs: bool = False
    length: int | None = None
    version: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        fields = bytes([0x10 if self.fcs else 0]) if self.fields is None else self.fields
        length = given(self.length, 8 + len(fields))
        header = struct.pack("<BBHI", self.version, 0, length, self.present) + fields
        return header + payload + (struct.pack("<I", crc32(payload)) if self.fcs else b"")


@dataclass(frozen=True)
class Dot11(Layer):
    """An 802.11 header (IEEE 802.11, section 9.2); 24 bytes, or 30 with a fourth address.

    ``subtype`` and type follow from the frame in it. Flags: 1 to the system, 2 from it, 0x40 protected,
    0x80 order. Both of the first two make it a frame of four addresses.
    """

    receiver: str | bytes = "02:00:00:00:00:02"
    transmitter: str | bytes = "02:00:00:00:00:01"
    third: str | bytes = "02:00:00:00:00:03"
    fourth: str | bytes = "02:00:00:00:00:04"
    flags: int = 1
    sequence: int = 0
    duration: int = 0
    type_subtype: int | None = None
    """The type in the lower 2 bits, the subtype in the next 4, as they are on the wire."""

    def _encode(self, payload: bytes, place: Place) -> bytes:
        kind = place.number("message") if self.type_subtype is None else self.type_subtype
        start = struct.pack("<BBH", kind << 2, self.flags, self.duration) + mac_bytes(self.receiver)
        if kind & 3 == 1:  # control frames have one address or two, by their subtype
            return start + payload
        addresses = (
            mac_bytes(self.transmitter) + mac_bytes(self.third) + struct.pack("<H", self.sequence << 4)
        )
        fourth = mac_bytes(self.fourth) if kind & 3 == 2 and self.flags & 3 == 3 else b""
        return start + addresses + fourth + payload


@dataclass(frozen=True)
class Dot11Data(Layer):
    """A data frame: nothing of its own; LLC follows."""

    numbers: ClassVar[Numbers] = Numbers(message=2)

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return payload


@dataclass(frozen=True)
class Dot11QosData(Layer):
    """A QoS data frame's 2 bytes of control, and 4 of HT control where the order flag asks for them."""

    numbers: ClassVar[Numbers] = Numbers(message=8 << 2 | 2)
    control: int = 0
    ht_control: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        more = b"" if self.ht_control is None else struct.pack("<I", self.ht_control)
        return struct.pack("<H", self.control) + more + payload


@dataclass(frozen=True)
class Dot11Beacon(Layer):
    """A beacon's 12 bytes and (id, value) elements; the interval is in units of 1024 us."""

    numbers: ClassVar[Numbers] = Numbers(message=8 << 2)
    timestamp: int = 0
    interval: int = 100
    capabilities: int = 0x0411
    elements: tuple[tuple[int, bytes], ...] = ((0, b"flowtable"),)

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        elements = b"".join(bytes([kind, len(value)]) + value for kind, value in self.elements)
        return struct.pack("<QHH", self.timestamp, self.interval, self.capabilities) + elements + payload


@dataclass(frozen=True)
class Dot11Ack(Layer):
    """An acknowledgment: nothing after the receiver's address."""

    numbers: ClassVar[Numbers] = Numbers(message=13 << 2 | 1)

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return payload


@dataclass(frozen=True)
class Dot11Rts(Layer):
    """A request to send: the transmitter's address after the receiver's."""

    numbers: ClassVar[Numbers] = Numbers(message=11 << 2 | 1)
    transmitter: str | bytes = "02:00:00:00:00:01"

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return mac_bytes(self.transmitter) + payload
