"""Transport headers: TCP, UDP, UDP-Lite, RUDP. SCTP has a module of its own."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from flowtable.testing._checksum import internet_checksum
from flowtable.testing._layer import Layer, Numbers, Place, given

__all__ = ["RUDP", "TCP", "UDP", "UDPLite"]

EPHEMERAL_PORT = 49152
"""The first port that clients take by RFC 6335, and the builders' default source."""


@dataclass(frozen=True)
class TCP(Layer):
    """Transmission control protocol (RFC 9293); 20 bytes and options, which are padded to 4 bytes.

    ``flags`` are letters: F(IN), S(YN), R(ST), P(SH), A(CK), U(RG), E(CE), C(WR), N(S).
    """

    numbers: ClassVar[Numbers] = Numbers(ip=6)
    src: int = EPHEMERAL_PORT
    dst: int | None = None
    flags: str = "A"
    seq: int = 0
    ack: int = 0
    window: int = 64240
    options: bytes = b""
    urgent: int = 0
    data_offset: int | None = None
    """Header length in 4-byte words."""
    reserved: int = 0
    checksum: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        options = self.options + bytes(-len(self.options) % 4)
        bits = sum(1 << "FSRPAUECN".index(flag) for flag in self.flags)
        start = struct.pack(
            "!HHIIHH",
            self.src,
            place.number("port") if self.dst is None else self.dst,
            self.seq,
            self.ack,
            given(self.data_offset, 5 + len(options) // 4) << 12 | self.reserved << 9 | bits,
            self.window,
        )
        end = struct.pack("!H", self.urgent) + options + payload
        pseudo = place.pseudo_header(6, len(start) + 2 + len(end))
        checksum = given(self.checksum, internet_checksum(pseudo + start + b"\0\0" + end))
        return start + struct.pack("!H", checksum) + end


@dataclass(frozen=True)
class UDP(Layer):
    """User datagram protocol (RFC 768); 8 bytes. ``dst`` follows from the payload where it has a port."""

    numbers: ClassVar[Numbers] = Numbers(ip=17)
    src: int = EPHEMERAL_PORT
    dst: int | None = None
    length: int | None = None
    checksum: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        dst = place.number("port") if self.dst is None else self.dst
        length = given(self.length, 8 + len(payload))
        start = struct.pack("!HHH", self.src, dst, length)
        pseudo = place.pseudo_header(17, 8 + len(payload))
        # A sum of zero is sent as all ones, since zero says that there is no checksum.
        right = internet_checksum(pseudo + start + b"\0\0" + payload) or 0xFFFF
        return start + struct.pack("!H", given(self.checksum, right)) + payload


@dataclass(frozen=True)
class UDPLite(Layer):
    """UDP-Lite (RFC 3828); 8 bytes. ``coverage``: how many bytes the checksum covers; 0 means all."""

    numbers: ClassVar[Numbers] = Numbers(ip=136)
    src: int = EPHEMERAL_PORT
    dst: int | None = None
    coverage: int = 0
    checksum: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        dst = place.number("port") if self.dst is None else self.dst
        start = struct.pack("!HHH", self.src, dst, self.coverage)
        pseudo = place.pseudo_header(136, 8 + len(payload))
        covered = (start + b"\0\0" + payload)[: self.coverage or None]
        right = internet_checksum(pseudo + covered) or 0xFFFF
        return start + struct.pack("!H", given(self.checksum, right)) + payload


@dataclass(frozen=True)
class RUDP(Layer):
    """Reliable data protocol (RFC 908); 18 bytes, and a variable header that depends on the flags.

    ``flags`` are letters: S(YN), A(CK), E(ACK), R(ST), N(UL). A SYN needs 6 bytes of ``variable`` header.
    The checksum is an option that both ends agree on; 0 where they did not.
    """

    numbers: ClassVar[Numbers] = Numbers(ip=27)
    src: int = 10
    dst: int = 20
    flags: str = "A"
    seq: int = 1
    ack: int = 0
    variable: bytes = b""
    version: int = 2
    header_length: int | None = None
    """In 2-byte words."""
    data_length: int | None = None
    checksum: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        bits = sum(0x80 >> "SAERN".index(flag) for flag in self.flags)
        header = struct.pack(
            "!BBBBHIII",
            bits | self.version,
            given(self.header_length, 9 + len(self.variable) // 2),
            self.src,
            self.dst,
            given(self.data_length, len(payload)),
            self.seq,
            self.ack,
            self.checksum,
        )
        return header + self.variable + payload
