"""SCTP and its chunks (RFC 9260), one after the other: ``SCTP() / SCTPSack() / SCTPData(b"data")``."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from flowtable.testing._checksum import crc32c
from flowtable.testing._layer import Layer, Numbers, Place, given

__all__ = [
    "SCTP",
    "SCTPAbort",
    "SCTPChunk",
    "SCTPCookieAck",
    "SCTPCookieEcho",
    "SCTPData",
    "SCTPError",
    "SCTPHeartbeat",
    "SCTPHeartbeatAck",
    "SCTPInit",
    "SCTPInitAck",
    "SCTPSack",
    "SCTPShutdown",
    "SCTPShutdownAck",
    "SCTPShutdownComplete",
]


@dataclass(frozen=True)
class SCTP(Layer):
    """The common header; 12 bytes. Its CRC32c goes out with the lowest byte first."""

    numbers: ClassVar[Numbers] = Numbers(ip=132)
    src: int = 49152
    dst: int = 3868
    tag: int = 0
    checksum: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        start = struct.pack("!HHI", self.src, self.dst, self.tag)
        checksum = given(self.checksum, crc32c(start + bytes(4) + payload))
        return start + struct.pack("<I", checksum) + payload


@dataclass(frozen=True)
class SCTPChunk(Layer):
    """Any chunk: 4 bytes and ``value``, padded to 4 bytes. The length counts no padding."""

    kind: ClassVar[int] = 0
    value: bytes = b""
    flags: int = 0
    chunk_type: int | None = None
    length: int | None = None

    def _value(self) -> bytes:
        return self.value

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        value = self._value()
        header = struct.pack(
            "!BBH", given(self.chunk_type, self.kind), self.flags, given(self.length, 4 + len(value))
        )
        return header + value + bytes(-len(value) % 4) + payload


@dataclass(frozen=True)
class SCTPData(SCTPChunk):
    """User data, in ``value``, after 12 bytes of its own. Flags 3: the first and last piece of a message."""

    flags: int = 3
    tsn: int = 1
    stream: int = 0
    stream_sequence: int = 0
    payload_protocol: int = 0

    def _value(self) -> bytes:
        start = struct.pack("!IHHI", self.tsn, self.stream, self.stream_sequence, self.payload_protocol)
        return start + self.value


@dataclass(frozen=True)
class SCTPInit(SCTPChunk):
    """An association's beginning: 16 bytes, and parameters in ``value``."""

    kind: ClassVar[int] = 1
    tag: int = 0x1234
    window: int = 106496
    out_streams: int = 10
    in_streams: int = 10
    tsn: int = 1

    def _value(self) -> bytes:
        start = struct.pack("!IIHHI", self.tag, self.window, self.out_streams, self.in_streams, self.tsn)
        return start + self.value


@dataclass(frozen=True)
class SCTPInitAck(SCTPInit):
    """The answer to INIT; its parameters carry the state cookie (type 7)."""

    kind: ClassVar[int] = 2


@dataclass(frozen=True)
class SCTPSack(SCTPChunk):
    """What has arrived: gaps are (start, end) offsets from the cumulative TSN."""

    kind: ClassVar[int] = 3
    tsn: int = 1
    window: int = 106496
    gaps: tuple[tuple[int, int], ...] = ()
    duplicates: tuple[int, ...] = ()

    def _value(self) -> bytes:
        start = struct.pack("!IIHH", self.tsn, self.window, len(self.gaps), len(self.duplicates))
        gaps = b"".join(struct.pack("!HH", *gap) for gap in self.gaps)
        return start + gaps + struct.pack(f"!{len(self.duplicates)}I", *self.duplicates) + self.value


@dataclass(frozen=True)
class SCTPHeartbeat(SCTPChunk):
    """A heartbeat; its information parameter (type 1) is ``value``."""

    kind: ClassVar[int] = 4
    value: bytes = b"\0\1\0\x0cflowtabl"


@dataclass(frozen=True)
class SCTPHeartbeatAck(SCTPHeartbeat):
    """A heartbeat's echo."""

    kind: ClassVar[int] = 5


@dataclass(frozen=True)
class SCTPAbort(SCTPChunk):
    """The association's end at once; error causes in ``value``."""

    kind: ClassVar[int] = 6


@dataclass(frozen=True)
class SCTPShutdown(SCTPChunk):
    """The association's orderly end, with the last TSN that arrived."""

    kind: ClassVar[int] = 7
    tsn: int = 1

    def _value(self) -> bytes:
        return struct.pack("!I", self.tsn) + self.value


@dataclass(frozen=True)
class SCTPShutdownAck(SCTPChunk):
    """The answer to SHUTDOWN."""

    kind: ClassVar[int] = 8


@dataclass(frozen=True)
class SCTPError(SCTPChunk):
    """Error causes, in ``value``; by default an invalid stream identifier."""

    kind: ClassVar[int] = 9
    value: bytes = b"\0\1\0\x08\0\x05\0\0"


@dataclass(frozen=True)
class SCTPCookieEcho(SCTPChunk):
    """The state cookie, in ``value``, on its way back."""

    kind: ClassVar[int] = 10
    value: bytes = b"flowtable cookie"


@dataclass(frozen=True)
class SCTPCookieAck(SCTPChunk):
    """The answer to COOKIE ECHO."""

    kind: ClassVar[int] = 11


@dataclass(frozen=True)
class SCTPShutdownComplete(SCTPChunk):
    """The last chunk of an association."""

    kind: ClassVar[int] = 14
