"""OSPF for IPv4 (version 2, RFC 2328) and IPv6 (version 3, RFC 5340)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from flowtable.testing._checksum import fletcher16, internet_checksum
from flowtable.testing._layer import Layer, Numbers, Place, given, ip_bytes

__all__ = [
    "OSPF",
    "ExternalLsa",
    "Lsa",
    "NetworkLsa",
    "OSPFAck",
    "OSPFDescription",
    "OSPFHello",
    "OSPFHello3",
    "OSPFRequest",
    "OSPFUpdate",
    "OSPFv3",
    "RouterLsa",
    "SummaryLsa",
]


@dataclass(frozen=True)
class OSPF(Layer):
    """The header of version 2; 24 bytes, 8 of them authentication. Its type follows from the message."""

    numbers: ClassVar[Numbers] = Numbers(ip=89)
    router: str | bytes = "192.0.2.1"
    area: str | bytes = bytes(4)
    message_type: int | None = None
    authentication: bytes = bytes(8)
    version: int = 2
    length: int | None = None
    checksum: int | None = None

    def _start(self, length: int, place: Place) -> bytes:
        kind = place.number("message") if self.message_type is None else self.message_type
        start = struct.pack("!BBH", self.version, kind, given(self.length, length))
        return start + ip_bytes(self.router) + ip_bytes(self.area)

    def _encode(self, payload: bytes, place: Place) -> bytes:
        start = self._start(24 + len(payload), place)
        # The checksum leaves the authentication out (RFC 2328, appendix D.4.1).
        checksum = given(self.checksum, internet_checksum(start + bytes(4) + payload))
        return start + struct.pack("!HH", checksum, 0) + self.authentication + payload


@dataclass(frozen=True)
class OSPFv3(OSPF):
    """The header of version 3; 16 bytes."""

    version: int = 3
    instance: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        start = self._start(16 + len(payload), place)
        end = struct.pack("!BB", self.instance, 0)
        pseudo = place.pseudo_header(89, 16 + len(payload))
        checksum = given(self.checksum, internet_checksum(pseudo + start + b"\0\0" + end + payload))
        return start + struct.pack("!H", checksum) + end + payload


@dataclass(frozen=True)
class OSPFHello(Layer):
    """Hello of version 2 (appendix A.3.2). Intervals in seconds."""

    numbers: ClassVar[Numbers] = Numbers(message=1)
    mask: str | bytes = "255.255.255.0"
    interval: int = 10
    options: int = 2
    priority: int = 1
    dead_interval: int = 40
    designated: str | bytes = bytes(4)
    backup: str | bytes = bytes(4)
    neighbors: tuple[str | bytes, ...] = ()

    def _tail(self) -> bytes:
        return b"".join(map(ip_bytes, (self.designated, self.backup, *self.neighbors)))

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        start = struct.pack("!HBBI", self.interval, self.options, self.priority, self.dead_interval)
        return ip_bytes(self.mask) + start + self._tail() + payload


@dataclass(frozen=True)
class OSPFHello3(OSPFHello):
    """Hello of version 3 (RFC 5340, appendix A.3.2): an interface id, not a mask; 24 bits of options."""

    interface: int = 1
    options: int = 0x13

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        start = struct.pack("!II", self.interface, self.priority << 24 | self.options)
        return start + struct.pack("!HH", self.interval, self.dead_interval) + self._tail() + payload


@dataclass(frozen=True)
class Lsa:
    """Any link state advertisement: a header of 20 bytes and ``body``.

    ``kind`` of version 2: 1 router, 2 network, 3 and 4 summary, 5 external, 7 NSSA, 9-11 opaque. Version 3
    has one field of 16 bits for options and kind together: ``wide`` says so.
    """

    kind: int = 9
    id: str | bytes = "192.0.2.1"
    router: str | bytes = "192.0.2.1"
    body: bytes = b""
    sequence: int = 0x80000001
    age: int = 1
    options: int = 2
    wide: bool = False
    length: int | None = None
    checksum: int | None = None

    def content(self) -> bytes:
        """Give what follows the header."""
        return self.body

    def header(self) -> bytes:
        """Give the header alone, as descriptions and acknowledgments list it."""
        return bytes(self)[:20]

    def __bytes__(self) -> bytes:
        """Give the whole advertisement, with the checksum of RFC 2328, section 12.1.7."""
        kind = struct.pack("!H", self.kind if self.wide else self.options << 8 | self.kind)
        start = kind + ip_bytes(self.id) + ip_bytes(self.router) + struct.pack("!I", self.sequence)
        content = self.content()
        length = struct.pack("!H", given(self.length, 20 + len(content)))
        checksum = given(self.checksum, fletcher16(start + b"\0\0" + length + content, len(start)))
        return struct.pack("!H", self.age) + start + struct.pack("!H", checksum) + length + content


@dataclass(frozen=True)
class RouterLsa(Lsa):
    """A router's links: (id, data, type, metric) each."""

    kind: int = 1
    links: tuple[tuple[str, str, int, int], ...] = (("192.0.2.2", "192.0.2.1", 2, 10),)
    link_count: int | None = None

    def content(self) -> bytes:
        """Give flags, count and links (RFC 2328, appendix A.4.2)."""
        links = (
            ip_bytes(link) + ip_bytes(data) + struct.pack("!BBH", kind, 0, metric)
            for link, data, kind, metric in self.links
        )
        return struct.pack("!HH", 0, given(self.link_count, len(self.links))) + b"".join(links)


@dataclass(frozen=True)
class NetworkLsa(Lsa):
    """A network's mask and attached routers."""

    kind: int = 2
    mask: str | bytes = "255.255.255.0"
    routers: tuple[str | bytes, ...] = ("192.0.2.1", "192.0.2.2")

    def content(self) -> bytes:
        """Give mask and routers (RFC 2328, appendix A.4.3)."""
        return b"".join(map(ip_bytes, (self.mask, *self.routers)))


@dataclass(frozen=True)
class SummaryLsa(Lsa):
    """A route between areas; kind 4 is one to a boundary router."""

    kind: int = 3
    mask: str | bytes = "255.255.255.0"
    metric: int = 10

    def content(self) -> bytes:
        """Give mask and metric (RFC 2328, appendix A.4.4)."""
        return ip_bytes(self.mask) + struct.pack("!I", self.metric)


@dataclass(frozen=True)
class ExternalLsa(SummaryLsa):
    """A route out of the system; kind 7 is that of a stub area (RFC 3101)."""

    kind: int = 5
    forward: str | bytes = bytes(4)
    tag: int = 0

    def content(self) -> bytes:
        """Give mask, metric with the bit of type 2, forwarding address and tag (appendix A.4.5)."""
        start = ip_bytes(self.mask) + struct.pack("!I", 0x80000000 | self.metric)
        return start + ip_bytes(self.forward) + struct.pack("!I", self.tag)


@dataclass(frozen=True)
class OSPFDescription(Layer):
    """Database description (appendix A.3.3): headers of what a router knows. ``wide`` for version 3."""

    numbers: ClassVar[Numbers] = Numbers(message=2)
    headers: tuple[Lsa, ...] = ()
    mtu: int = 1500
    options: int = 2
    flags: int = 7
    sequence: int = 1
    wide: bool = False

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        if self.wide:
            start = struct.pack("!IHBBI", self.options, self.mtu, 0, self.flags, self.sequence)
        else:
            start = struct.pack("!HBBI", self.mtu, self.options, self.flags, self.sequence)
        return start + b"".join(lsa.header() for lsa in self.headers) + payload


@dataclass(frozen=True)
class OSPFRequest(Layer):
    """Link state request (appendix A.3.4): (kind, id, router) each, 12 bytes in both versions."""

    numbers: ClassVar[Numbers] = Numbers(message=3)
    wanted: tuple[tuple[int, str, str], ...] = ((1, "192.0.2.1", "192.0.2.1"),)

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        entries = (
            struct.pack("!I", kind) + ip_bytes(lsa) + ip_bytes(router) for kind, lsa, router in self.wanted
        )
        return b"".join(entries) + payload


@dataclass(frozen=True)
class OSPFUpdate(Layer):
    """Link state update (appendix A.3.5)."""

    numbers: ClassVar[Numbers] = Numbers(message=4)
    lsas: tuple[Lsa, ...] = (RouterLsa(),)
    count: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        count = struct.pack("!I", given(self.count, len(self.lsas)))
        return count + b"".join(map(bytes, self.lsas)) + payload


@dataclass(frozen=True)
class OSPFAck(Layer):
    """Link state acknowledgment (appendix A.3.6)."""

    numbers: ClassVar[Numbers] = Numbers(message=5)
    headers: tuple[Lsa, ...] = (RouterLsa(),)

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return b"".join(lsa.header() for lsa in self.headers) + payload
