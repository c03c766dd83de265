"""ICMP for both versions of IP, multicast listener discovery, and IGMP."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from flowtable.testing._checksum import internet_checksum
from flowtable.testing._layer import Layer, Numbers, Place, given, ip_bytes, mac_bytes

__all__ = [
    "IGMP",
    "GroupRecord",
    "ICMPv4",
    "ICMPv6",
    "ICMPv6Echo",
    "ICMPv6Error",
    "ICMPv6NeighborAdvertisement",
    "ICMPv6NeighborSolicitation",
    "ICMPv6Redirect",
    "ICMPv6RouterAdvertisement",
    "ICMPv6RouterSolicitation",
    "IGMPv3Query",
    "IGMPv3Report",
    "MLDv1MulticastListenerDone",
    "MLDv1MulticastListenerQuery",
    "MLDv1MulticastListenerReport",
    "MLDv2MulticastListenerQuery",
    "MLDv2MulticastListenerReport",
    "link_address",
]


@dataclass(frozen=True)
class ICMPv4(Layer):
    """ICMP (RFC 792); 8 bytes. Bytes 4-5 are ``id`` and 6-7 ``seq`` whatever they mean to the type."""

    numbers: ClassVar[Numbers] = Numbers(ip=1)
    message_type: int = 8
    code: int = 0
    id: int = 0
    seq: int = 0
    checksum: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        start = struct.pack("!BB", self.message_type, self.code)
        end = struct.pack("!HH", self.id, self.seq) + payload
        checksum = given(self.checksum, internet_checksum(start + b"\0\0" + end))
        return start + struct.pack("!H", checksum) + end


@dataclass(frozen=True)
class ICMPv6(Layer):
    """ICMPv6 (RFC 4443); 4 bytes. The type follows from the message in it."""

    numbers: ClassVar[Numbers] = Numbers(ip=58)
    message_type: int | None = None
    code: int = 0
    checksum: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        kind = place.number("icmpv6") if self.message_type is None else self.message_type
        start = struct.pack("!BB", kind, self.code)
        pseudo = place.pseudo_header(58, 4 + len(payload))
        checksum = given(self.checksum, internet_checksum(pseudo + start + b"\0\0" + payload))
        return start + struct.pack("!H", checksum) + payload


@dataclass(frozen=True)
class ICMPv6Echo(Layer):
    """Echo request (RFC 4443); give ICMPv6 type 129 for the reply."""

    numbers: ClassVar[Numbers] = Numbers(icmpv6=128)
    id: int = 1
    seq: int = 1

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("!HH", self.id, self.seq) + payload


@dataclass(frozen=True)
class ICMPv6Error(Layer):
    """An error's 4 bytes before the packet that it is about (RFC 4443): MTU of type 2, pointer of type 4.

    Types: 1 destination unreachable (the default), 2 packet too big, 3 time exceeded, 4 parameter problem.
    """

    numbers: ClassVar[Numbers] = Numbers(icmpv6=1)
    value: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("!I", self.value) + payload


def link_address(option: int, address: str | bytes) -> bytes:
    """Give a link-layer address option of neighbor discovery: 1 for the source's, 2 for the target's."""
    return bytes([option, 1]) + mac_bytes(address)


@dataclass(frozen=True)
class ICMPv6RouterSolicitation(Layer):
    """Router solicitation (RFC 4861, section 4.1); options follow as the payload."""

    numbers: ClassVar[Numbers] = Numbers(icmpv6=133)
    reserved: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("!I", self.reserved) + payload


@dataclass(frozen=True)
class ICMPv6RouterAdvertisement(Layer):
    """Router advertisement (RFC 4861, section 4.2). Lifetime in s, reachable and retransmit in ms."""

    numbers: ClassVar[Numbers] = Numbers(icmpv6=134)
    hop_limit: int = 64
    flags: int = 0
    lifetime: int = 1800
    reachable: int = 0
    retransmit: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        start = struct.pack("!BBH", self.hop_limit, self.flags, self.lifetime)
        return start + struct.pack("!II", self.reachable, self.retransmit) + payload


@dataclass(frozen=True)
class ICMPv6NeighborSolicitation(Layer):
    """Neighbor solicitation (RFC 4861, section 4.3); options follow as the payload."""

    numbers: ClassVar[Numbers] = Numbers(icmpv6=135)
    target: str | bytes = "2001:db8::2"
    reserved: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("!I", self.reserved) + ip_bytes(self.target) + payload


@dataclass(frozen=True)
class ICMPv6NeighborAdvertisement(ICMPv6NeighborSolicitation):
    """Neighbor advertisement (RFC 4861, section 4.4): solicited and overriding, in ``reserved``."""

    numbers: ClassVar[Numbers] = Numbers(icmpv6=136)
    reserved: int = 0x60000000


@dataclass(frozen=True)
class ICMPv6Redirect(Layer):
    """Redirect (RFC 4861, section 4.5); options follow as the payload."""

    numbers: ClassVar[Numbers] = Numbers(icmpv6=137)
    target: str | bytes = "2001:db8::3"
    destination: str | bytes = "2001:db8:1::1"
    reserved: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("!I", self.reserved) + ip_bytes(self.target) + ip_bytes(self.destination) + payload


@dataclass(frozen=True)
class MLDv1MulticastListenerQuery(Layer):
    """Multicast listener query (RFC 2710); 20 bytes after ICMPv6's own 4. The delay is in ms."""

    numbers: ClassVar[Numbers] = Numbers(icmpv6=130)
    group: str | bytes = "::"
    maximum_delay: int = 10000
    reserved: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("!HH", self.maximum_delay, self.reserved) + ip_bytes(self.group) + payload


@dataclass(frozen=True)
class MLDv1MulticastListenerReport(MLDv1MulticastListenerQuery):
    """Multicast listener report (RFC 2710)."""

    numbers: ClassVar[Numbers] = Numbers(icmpv6=131)
    group: str | bytes = "ff02::1:3"
    maximum_delay: int = 0


@dataclass(frozen=True)
class MLDv1MulticastListenerDone(MLDv1MulticastListenerReport):
    """Multicast listener done (RFC 2710)."""

    numbers: ClassVar[Numbers] = Numbers(icmpv6=132)


def _sources(addresses: tuple[str | bytes, ...], count: int | None) -> bytes:
    return struct.pack("!H", given(count, len(addresses))) + b"".join(map(ip_bytes, addresses))


@dataclass(frozen=True)
class MLDv2MulticastListenerQuery(MLDv1MulticastListenerQuery):
    """Multicast listener query (RFC 3810, section 5.1): 4 bytes and sources after the first version's."""

    sources: tuple[str | bytes, ...] = ()
    robustness: int = 2
    interval: int = 125
    source_count: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        more = struct.pack("!BB", self.robustness, self.interval) + _sources(self.sources, self.source_count)
        return super()._encode(more + payload, place)


@dataclass(frozen=True)
class GroupRecord:
    """A group and its sources in an MLDv2 or IGMPv3 report. ``mode`` 4: change to exclude, a join."""

    group: str | bytes
    sources: tuple[str | bytes, ...] = ()
    mode: int = 4
    auxiliary: bytes = b""
    source_count: int | None = None

    def __bytes__(self) -> bytes:
        """Give the record (RFC 3810, section 5.2; RFC 3376, section 4.2)."""
        count = given(self.source_count, len(self.sources))
        start = struct.pack("!BBH", self.mode, len(self.auxiliary) // 4, count) + ip_bytes(self.group)
        return start + b"".join(map(ip_bytes, self.sources)) + self.auxiliary


@dataclass(frozen=True)
class MLDv2MulticastListenerReport(Layer):
    """Multicast listener report (RFC 3810, section 5.2)."""

    numbers: ClassVar[Numbers] = Numbers(icmpv6=143)
    records: tuple[GroupRecord, ...] = (GroupRecord("ff02::1:3"),)
    record_count: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        start = struct.pack("!HH", 0, given(self.record_count, len(self.records)))
        return start + b"".join(map(bytes, self.records)) + payload


@dataclass(frozen=True)
class IGMP(Layer):
    """IGMP versions 1 and 2 (RFC 2236); 8 bytes. The response time is in tenths of a second.

    Types: 0x11 query, 0x12 report of version 1, 0x16 report, 0x17 leave.
    """

    numbers: ClassVar[Numbers] = Numbers(ip=2)
    message_type: int = 0x11
    group: str | bytes = "0.0.0.0"  # noqa: S104 -- the group of a general query, no interface to bind
    maximum_response: int = 100
    checksum: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        start = struct.pack("!BB", self.message_type, self.maximum_response)
        end = self._rest() + payload
        checksum = given(self.checksum, internet_checksum(start + b"\0\0" + end))
        return start + struct.pack("!H", checksum) + end

    def _rest(self) -> bytes:
        return ip_bytes(self.group)


@dataclass(frozen=True)
class IGMPv3Query(IGMP):
    """IGMPv3 membership query (RFC 3376, section 4.1); 12 bytes and sources."""

    sources: tuple[str | bytes, ...] = ()
    robustness: int = 2
    interval: int = 125
    source_count: int | None = None

    def _rest(self) -> bytes:
        more = struct.pack("!BB", self.robustness, self.interval)
        return ip_bytes(self.group) + more + _sources(self.sources, self.source_count)


@dataclass(frozen=True)
class IGMPv3Report(IGMP):
    """IGMPv3 membership report (RFC 3376, section 4.2)."""

    message_type: int = 0x22
    maximum_response: int = 0
    records: tuple[GroupRecord, ...] = (GroupRecord("239.1.2.3"),)
    record_count: int | None = None

    def _rest(self) -> bytes:
        start = struct.pack("!HH", 0, given(self.record_count, len(self.records)))
        return start + b"".join(map(bytes, self.records))
