"""DNS messages (RFC 1035), with names compressed as servers do it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from flowtable.testing._layer import Layer, Numbers, Place, given, ip_bytes

__all__ = ["DNS", "MX", "SOA", "SRV", "TXT", "DnsData", "DomainName", "Question", "Record", "dns_name"]


class DomainName(str):
    """A name as a record's data: NS, CNAME and PTR records hold one, and it is compressed."""

    __slots__ = ()


@dataclass(frozen=True)
class MX:
    """A mail exchange."""

    preference: int
    exchange: str


@dataclass(frozen=True)
class SOA:
    """The start of a zone; times in seconds."""

    primary: str
    mailbox: str
    serial: int = 1
    refresh: int = 3600
    retry: int = 600
    expire: int = 86400
    minimum: int = 300


@dataclass(frozen=True)
class SRV:
    """Where a service is (RFC 2782)."""

    target: str
    port: int
    priority: int = 0
    weight: int = 0


@dataclass(frozen=True)
class TXT:
    """Texts of at most 255 bytes each."""

    texts: tuple[bytes, ...]


DnsData: TypeAlias = bytes | DomainName | MX | SOA | SRV | TXT


@dataclass(frozen=True)
class Question:
    """What is asked. A name given as bytes goes out as it is, pointers and all."""

    name: str | bytes
    record_type: int = 1
    record_class: int = 1


@dataclass(frozen=True)
class Record:
    """An answer; ``ttl`` in seconds. An OPT record is type 41 with the payload size as its class."""

    name: str | bytes
    record_type: int
    data: DnsData = b""
    ttl: int = 300
    record_class: int = 1
    length: int | None = None

    @classmethod
    def address(cls, name: str, address: str, ttl: int = 300) -> Record:
        """Make an A or AAAA record, as the address is."""
        packed = ip_bytes(address)
        return cls(name, 1 if len(packed) == 4 else 28, packed, ttl)


def dns_name(name: str) -> bytes:
    """Give a name's labels without compression."""
    labels = [label.encode() for label in name.strip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


class _Writer:
    """Writes a message's sections, and remembers where it has written which name."""

    def __init__(self, header: bytes) -> None:
        self.data = bytearray(header)
        self._seen: dict[str, int] = {}

    def name(self, name: str | bytes) -> None:
        if isinstance(name, bytes):
            self.data += name
            return
        rest = name.strip(".")
        while rest and rest not in self._seen:
            if len(self.data) < 0x4000:  # a pointer has 14 bits
                self._seen[rest] = len(self.data)
            label, _, rest = rest.partition(".")
            self.data += bytes([len(label.encode())]) + label.encode()
        self.data += struct.pack("!H", 0xC000 | self._seen[rest]) if rest else b"\0"

    def record(self, record: Record) -> None:
        self.name(record.name)
        self.data += struct.pack("!HHIH", record.record_type, record.record_class, record.ttl, 0)
        start = len(self.data)
        self._record_data(record.data)
        length = given(record.length, len(self.data) - start)
        struct.pack_into("!H", self.data, start - 2, length)

    def _record_data(self, data: DnsData) -> None:
        match data:
            case bytes():
                self.data += data
            case DomainName():
                self.name(str(data))
            case MX(preference, exchange):
                self.data += struct.pack("!H", preference)
                self.name(exchange)
            case SOA(primary, mailbox):
                self.name(primary)
                self.name(mailbox)
                times = data.serial, data.refresh, data.retry, data.expire, data.minimum
                self.data += struct.pack("!5I", *times)
            case SRV(target, port, priority, weight):
                # RFC 2782 allows no compression of the target.
                self.data += struct.pack("!HHH", priority, weight, port) + dns_name(target)
            case TXT(texts):
                self.data += b"".join(bytes([len(text)]) + text for text in texts)


@dataclass(frozen=True)
class DNS(Layer):
    """A message: a header of 12 bytes and four sections. Flags 0x0100 ask, 0x8180 answer.

    ``counts`` replaces the header's four counts.
    """

    numbers: ClassVar[Numbers] = Numbers(port=53)
    id: int = 0x1234
    flags: int = 0x0100
    questions: tuple[Question, ...] = ()
    answers: tuple[Record, ...] = ()
    authorities: tuple[Record, ...] = ()
    additionals: tuple[Record, ...] = ()
    counts: tuple[int, int, int, int] | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        sections = self.answers, self.authorities, self.additionals
        counts = self.counts or (len(self.questions), *map(len, sections))
        writer = _Writer(struct.pack("!HH4H", self.id, self.flags, *counts))
        for question in self.questions:
            writer.name(question.name)
            writer.data += struct.pack("!HH", question.record_type, question.record_class)
        for section in sections:
            for record in section:
                writer.record(record)
        return bytes(writer.data) + payload
