"""IPv4, IPv6, its extension headers, and IPsec."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import ClassVar

from flowtable.testing._checksum import internet_checksum
from flowtable.testing._layer import Layer, Numbers, Packet, Place, given, ip_bytes

__all__ = [
    "AH",
    "ESP",
    "EXPERIMENTAL_PROTOCOL",
    "IPv4",
    "IPv6",
    "IPv6Destination",
    "IPv6Fragment",
    "IPv6HopByHop",
    "IPv6Routing",
    "fragments",
]

EXPERIMENTAL_PROTOCOL = 253
"""RFC 3692's protocol for experiments: what announces bytes of no known protocol."""


@dataclass(frozen=True)
class IPv4(Layer):
    """Internet protocol (RFC 791); 20 bytes and options. ``options`` are padded to 4 bytes."""

    numbers: ClassVar[Numbers] = Numbers(ether=0x0800, ip=4, ppp=0x0021, family=2, next=1)
    src: str | bytes = "192.0.2.1"
    dst: str | bytes = "192.0.2.2"
    ttl: int = 64
    id: int = 0
    flags: str = ""
    """Any of R(eserved), D(on't fragment), M(ore fragments)."""
    fragment_offset: int = 0
    """In bytes; a multiple of 8."""
    tos: int = 0
    options: bytes = b""
    protocol: int | None = None
    version: int = 4
    ihl: int | None = None
    """Header length in 4-byte words."""
    total_length: int | None = None
    checksum: int | None = None

    def pseudo_header(self, protocol: int, length: int, between: tuple[Layer, ...]) -> bytes:
        """Give the pseudo header of RFC 793."""
        del between  # IPv4 has none that matter
        return ip_bytes(self.src) + ip_bytes(self.dst) + struct.pack("!HH", protocol, length)

    def _encode(self, payload: bytes, place: Place) -> bytes:
        options = self.options + bytes(-len(self.options) % 4)
        length = 20 + len(options)
        bits = sum(0x8000 >> "RDM".index(flag) for flag in self.flags)
        start = struct.pack(
            "!BBHHHBB",
            self.version << 4 | given(self.ihl, length // 4),
            self.tos,
            given(self.total_length, length + len(payload)),
            self.id,
            bits | self.fragment_offset // 8,
            self.ttl,
            given(self.protocol, place.number("ip", EXPERIMENTAL_PROTOCOL)),
        )
        end = ip_bytes(self.src) + ip_bytes(self.dst) + options
        checksum = given(self.checksum, internet_checksum(start + end))
        return start + struct.pack("!H", checksum) + end + payload


@dataclass(frozen=True)
class IPv6(Layer):
    """Internet protocol, version 6 (RFC 8200); 40 bytes.

    A payload length of 0 follows by itself when the hop-by-hop header says that this is a jumbogram.
    """

    numbers: ClassVar[Numbers] = Numbers(ether=0x86DD, ip=41, ppp=0x0057, family=30, next=2)
    src: str | bytes = "2001:db8::1"
    dst: str | bytes = "2001:db8::2"
    hop_limit: int = 64
    traffic_class: int = 0
    flow_label: int = 0
    next_header: int | None = None
    version: int = 6
    payload_length: int | None = None

    def pseudo_header(self, protocol: int, length: int, between: tuple[Layer, ...]) -> bytes:
        """Give the pseudo header of RFC 8200, section 8.1, with the destination at the end of the route."""
        routes = [layer for layer in between if isinstance(layer, IPv6Routing)]
        dst = routes[-1].final_destination(self.dst) if routes else self.dst
        return ip_bytes(self.src) + ip_bytes(dst) + struct.pack("!II", length, protocol)

    def _encode(self, payload: bytes, place: Place) -> bytes:
        jumbo = isinstance(place.inner, IPv6HopByHop) and place.inner.jumbo
        header = struct.pack(
            "!IHBB",
            self.version << 28 | self.traffic_class << 20 | self.flow_label,
            given(self.payload_length, 0 if jumbo else len(payload)),
            given(self.next_header, place.number("ip", EXPERIMENTAL_PROTOCOL)),
            self.hop_limit,
        )
        return header + ip_bytes(self.src) + ip_bytes(self.dst) + payload


def _pad_to_8(options: bytes) -> bytes:
    # Two bytes of header come first; Pad1 for a single byte, PadN for more (RFC 8200, section 4.2).
    missing = -(2 + len(options)) % 8
    if missing == 1:
        return options + b"\0"
    return options + (bytes([1, missing - 2]) + bytes(missing - 2) if missing else b"")


@dataclass(frozen=True)
class IPv6Destination(Layer):
    """Destination options (RFC 8200, section 4.6): (type, value) pairs, padded to 8 bytes."""

    numbers: ClassVar[Numbers] = Numbers(ip=60)
    options: tuple[tuple[int, bytes], ...] = ()
    next_header: int | None = None
    length: int | None = None
    """In 8-byte words beyond the first."""
    raw_options: bytes | None = None
    """Replaces ``options`` byte for byte, without padding."""

    def _options(self, payload: bytes) -> bytes:
        del payload
        return b"".join(bytes([kind, len(value)]) + value for kind, value in self.options)

    def _encode(self, payload: bytes, place: Place) -> bytes:
        options = _pad_to_8(self._options(payload)) if self.raw_options is None else self.raw_options
        next_header = given(self.next_header, place.number("ip", EXPERIMENTAL_PROTOCOL))
        length = given(self.length, max((2 + len(options)) // 8 - 1, 0))
        return struct.pack("!BB", next_header, length) + options + payload


@dataclass(frozen=True)
class IPv6HopByHop(IPv6Destination):
    """Hop-by-hop options (RFC 8200, section 4.3); ``jumbo`` adds the jumbo payload option (RFC 2675)."""

    numbers: ClassVar[Numbers] = Numbers(ip=0)
    jumbo: bool = False
    jumbo_length: int | None = None
    """What the option says, in bytes; right by default."""

    def _options(self, payload: bytes) -> bytes:
        options = super()._options(payload)
        if not self.jumbo:
            return options
        # The option's own 6 bytes and the header's 2 count as well.
        own = 2 + len(_pad_to_8(bytes(6) + options))
        length = given(self.jumbo_length, own + len(payload))
        return b"\xc2\x04" + struct.pack("!I", length) + options


@dataclass(frozen=True)
class IPv6Routing(Layer):
    """A routing header (RFC 8200, section 4.4). Type 0 lists addresses (RFC 2460), type 4 is SRv6's."""

    numbers: ClassVar[Numbers] = Numbers(ip=43)
    addresses: tuple[str | bytes, ...] = ()
    routing_type: int = 0
    segments_left: int | None = None
    next_header: int | None = None
    length: int | None = None
    """In 8-byte words beyond the first."""
    reserved: int | None = None
    """The 4 bytes before the addresses; type 4 has the last segment's index in the first of them."""

    def final_destination(self, dst: str | bytes) -> str | bytes:
        """Give where the packet goes at last, as transport checksums want it, when it is at ``dst`` now."""
        if not self.addresses or self.segments_left == 0:
            return dst
        return self.addresses[-1] if self.routing_type == 0 else self.addresses[0]

    def _encode(self, payload: bytes, place: Place) -> bytes:
        # In type 4 the packet's destination is one of the segments, in type 0 it comes before them all.
        srv6 = self.routing_type == 4
        header = struct.pack(
            "!BBBBI",
            given(self.next_header, place.number("ip", EXPERIMENTAL_PROTOCOL)),
            given(self.length, 2 * len(self.addresses)),
            self.routing_type,
            given(self.segments_left, len(self.addresses) - srv6),
            given(self.reserved, (len(self.addresses) - 1) << 24 if srv6 else 0),
        )
        return header + b"".join(map(ip_bytes, self.addresses)) + payload


@dataclass(frozen=True)
class IPv6Fragment(Layer):
    """A fragment header (RFC 8200, section 4.5); 8 bytes. ``offset`` is in bytes, a multiple of 8."""

    numbers: ClassVar[Numbers] = Numbers(ip=44)
    id: int = 1
    offset: int = 0
    more: bool = False
    next_header: int | None = None
    reserved: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        next_header = given(self.next_header, place.number("ip", EXPERIMENTAL_PROTOCOL))
        place_and_more = self.offset // 8 << 3 | self.more
        return struct.pack("!BBHI", next_header, self.reserved, place_and_more, self.id) + payload


@dataclass(frozen=True)
class AH(Layer):
    """Authentication header (RFC 4302); 12 bytes and the check value, 12 bytes of it by default."""

    numbers: ClassVar[Numbers] = Numbers(ip=51)
    spi: int = 0x100
    sequence: int = 1
    check_value: bytes = bytes(12)
    next_header: int | None = None
    length: int | None = None
    """In 4-byte words less 2, as the standard has it."""
    reserved: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        next_header = given(self.next_header, place.number("ip", EXPERIMENTAL_PROTOCOL))
        length = given(self.length, len(self.check_value) // 4 + 1)
        header = struct.pack("!BBHII", next_header, length, self.reserved, self.spi, self.sequence)
        return header + self.check_value + payload


@dataclass(frozen=True)
class ESP(Layer):
    """Encapsulating security payload (RFC 4303); 8 bytes, and what follows is not to be read."""

    numbers: ClassVar[Numbers] = Numbers(ip=50)
    spi: int = 0x200
    sequence: int = 1

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("!II", self.spi, self.sequence) + payload


def fragments(packet: Packet, size: int) -> list[Packet]:
    """Cut what the innermost IP header of ``packet`` carries into pieces of ``size`` bytes, a multiple of 8.

    The header's id tells IPv4 datagrams apart; IPv6 ones get a fragment header with id 1.
    """
    last = max(at for at, layer in enumerate(packet.layers) if isinstance(layer, IPv4 | IPv6))
    outer, header = packet.layers[:last], packet.layers[last]
    content = packet.encode(last + 1)
    protocol = packet.place(last).number("ip", EXPERIMENTAL_PROTOCOL)
    pieces = []
    for offset in range(0, len(content), size):
        more = offset + size < len(content)
        headers = _fragment_headers(header, protocol, offset, more=more)
        pieces.append(Packet(outer + headers) / content[offset : offset + size])
    return pieces


def _fragment_headers(header: Layer, protocol: int, offset: int, *, more: bool) -> tuple[Layer, ...]:
    if isinstance(header, IPv4):
        flags = header.flags + ("M" if more else "")
        return (replace(header, flags=flags, fragment_offset=offset, protocol=protocol),)
    return header, IPv6Fragment(offset=offset, more=more, next_header=protocol)
