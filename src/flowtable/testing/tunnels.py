"""Tunnel headers. IPIP, 6in4 and 4in6 need none: nest IP in IP. ERSPAN type I is GRE of protocol 0x88BE."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from flowtable.testing._checksum import internet_checksum
from flowtable.testing._layer import Layer, Numbers, Place, given, ip_bytes

__all__ = [
    "ERSPAN2",
    "ERSPAN3",
    "GRE",
    "NSH",
    "NVGRE",
    "PPTP",
    "VXLAN",
    "VXLANGPE",
    "EtherIP",
    "GTPv1U",
    "Geneve",
    "GeneveOption",
    "GtpExtension",
    "L2TPv2",
    "L2TPv3",
    "L2TPv3OverUDP",
    "Teredo",
]


@dataclass(frozen=True)
class GRE(Layer):
    """Generic routing encapsulation (RFC 2784, 2890); 4 bytes, and 4 for each optional field given.

    ``routing`` is the source route list of RFC 1701, with its ending entry. ERSPAN type I is protocol
    0x88BE with no field. A ``checksum`` of None leaves it out unless ``checksummed``.
    """

    numbers: ClassVar[Numbers] = Numbers(ip=47)
    key: int | None = None
    sequence: int | None = None
    checksummed: bool = False
    routing: bytes | None = None
    protocol: int | None = None
    version: int = 0
    flags: int | None = None
    """The first 2 bytes, version included, instead of what the fields ask for."""
    checksum: int | None = None

    def _flags(self) -> int:
        present = self.checksummed, self.routing is not None, self.key is not None, self.sequence is not None
        return sum(0x8000 >> bit for bit, there in enumerate(present) if there) | self.version

    def _fields(self, payload: bytes) -> bytes:
        del payload
        key = b"" if self.key is None else struct.pack("!I", self.key)
        sequence = b"" if self.sequence is None else struct.pack("!I", self.sequence)
        return key + sequence + (self.routing or b"")

    def _encode(self, payload: bytes, place: Place) -> bytes:
        protocol = given(self.protocol, place.number("ether", 0x88B5))
        start = struct.pack("!HH", given(self.flags, self._flags()), protocol)
        rest = self._fields(payload) + payload
        if not self.checksummed and self.routing is None:
            return start + rest
        # Checksum and offset are there together, with either flag (RFC 1701).
        right = internet_checksum(start + bytes(4) + rest) if self.checksummed else 0
        return start + struct.pack("!HH", given(self.checksum, right), 0) + rest


@dataclass(frozen=True)
class NVGRE(GRE):
    """NVGRE (RFC 7637): GRE with a key of VSID and flow id around Ethernet. ``vsid`` replaces ``key``."""

    vsid: int = 0x1000
    flow_id: int = 0
    key: int | None = 0

    def _fields(self, payload: bytes) -> bytes:
        del payload
        return struct.pack("!I", self.vsid << 8 | self.flow_id)


@dataclass(frozen=True)
class PPTP(GRE):
    """Enhanced GRE (RFC 2637), version 1: the key is payload length and call id, and PPP is inside."""

    call: int = 1
    key: int | None = 0
    sequence: int | None = 1
    acknowledgment: int | None = None
    version: int = 1
    protocol: int | None = 0x880B

    def _flags(self) -> int:
        return super()._flags() | (0x80 if self.acknowledgment is not None else 0)

    def _fields(self, payload: bytes) -> bytes:
        fields = struct.pack("!HH", len(payload), self.call)
        for value in (self.sequence, self.acknowledgment):
            fields += b"" if value is None else struct.pack("!I", value)
        return fields


@dataclass(frozen=True)
class ERSPAN2(Layer):
    """ERSPAN type II between GRE and a mirrored frame (draft-foschiano-erspan-03); 8 bytes."""

    numbers: ClassVar[Numbers] = Numbers(ether=0x88BE)
    session: int = 1
    vlan: int = 0
    index: int = 0
    truncated: bool = False
    version: int = 1

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        second = self.truncated << 10 | self.session
        return struct.pack("!HHI", self.version << 12 | self.vlan, second, self.index) + payload


@dataclass(frozen=True)
class ERSPAN3(Layer):
    """ERSPAN type III (draft-foschiano-erspan-03); 12 bytes, and 8 of platform data where given."""

    numbers: ClassVar[Numbers] = Numbers(ether=0x22EB)
    session: int = 1
    vlan: int = 0
    timestamp: int = 0
    group_tag: int = 0
    platform: bytes = b""
    frame_type: int = 0
    """0: Ethernet; 2: IP."""
    version: int = 2

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        first = struct.pack("!HHI", self.version << 12 | self.vlan, self.session, self.timestamp)
        last = self.frame_type << 10 | bool(self.platform)
        return first + struct.pack("!HH", self.group_tag, last) + self.platform + payload


@dataclass(frozen=True)
class VXLAN(Layer):
    """Virtual extensible LAN (RFC 7348); 8 bytes. Linux also used UDP port 8472."""

    numbers: ClassVar[Numbers] = Numbers(port=4789)
    vni: int = 1
    flags: int = 0x08
    reserved: int = 0
    """The 24 bits after the flags; a group policy id is in the lower 16."""

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("!II", self.flags << 24 | self.reserved, self.vni << 8) + payload


@dataclass(frozen=True)
class VXLANGPE(Layer):
    """VXLAN with a next protocol (draft-ietf-nvo3-vxlan-gpe-13); 8 bytes."""

    numbers: ClassVar[Numbers] = Numbers(port=4790)
    vni: int = 1
    next_protocol: int | None = None
    flags: int = 0x0C

    def _encode(self, payload: bytes, place: Place) -> bytes:
        following = place.number("next") if self.next_protocol is None else self.next_protocol
        return struct.pack("!II", self.flags << 24 | following, self.vni << 8) + payload


@dataclass(frozen=True)
class NSH(Layer):
    """A network service header (RFC 8300); 8 bytes, and 16 of context where ``metadata_type`` is 1."""

    numbers: ClassVar[Numbers] = Numbers(next=4)
    path: int = 1
    index: int = 255
    metadata_type: int = 1
    metadata: bytes = bytes(16)
    """In whole 4-byte words."""
    next_protocol: int | None = None
    length: int | None = None
    """Of all of it, in 4-byte words."""
    ttl: int = 63
    version: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        length = given(self.length, 2 + len(self.metadata) // 4)
        following = place.number("next") if self.next_protocol is None else self.next_protocol
        base = self.version << 14 | self.ttl << 6 | length
        start = struct.pack("!HBB", base, self.metadata_type, following)
        return start + struct.pack("!I", self.path << 8 | self.index) + self.metadata + payload


@dataclass(frozen=True)
class GeneveOption:
    """An option of Geneve (RFC 8926, section 3.5); ``data`` in whole 4-byte words."""

    option_class: int = 0x0102
    option_type: int = 1
    data: bytes = b""
    length: int | None = None
    """In 4-byte words."""

    def __bytes__(self) -> bytes:
        """Give the option's 4 bytes and its data."""
        length = given(self.length, len(self.data) // 4)
        return struct.pack("!HBB", self.option_class, self.option_type, length) + self.data


@dataclass(frozen=True)
class Geneve(Layer):
    """Generic network virtualization encapsulation (RFC 8926); 8 bytes and options."""

    numbers: ClassVar[Numbers] = Numbers(port=6081)
    vni: int = 1
    options: tuple[GeneveOption, ...] = ()
    protocol: int | None = None
    control: bool = False
    critical: bool = False
    version: int = 0
    option_length: int | None = None
    """In 4-byte words."""

    def _encode(self, payload: bytes, place: Place) -> bytes:
        options = b"".join(map(bytes, self.options))
        first = self.version << 6 | given(self.option_length, len(options) // 4)
        second = self.control << 7 | self.critical << 6
        protocol = given(self.protocol, place.number("ether", 0x88B5))
        return struct.pack("!BBHI", first, second, protocol, self.vni << 8) + options + payload


@dataclass(frozen=True)
class EtherIP(Layer):
    """Ethernet in IP (RFC 3378); 2 bytes."""

    numbers: ClassVar[Numbers] = Numbers(ip=97)
    version: int = 3
    reserved: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("!H", self.version << 12 | self.reserved) + payload


@dataclass(frozen=True)
class GtpExtension:
    """A GTP-U extension header (TS 29.281, section 5.2): 0x85 is the PDU session container of 5G."""

    kind: int = 0x85
    content: bytes = b"\x00\x09"
    """As many bytes as make whole 4-byte words with the header's 2."""
    length: int | None = None
    """In 4-byte words."""


@dataclass(frozen=True)
class GTPv1U(Layer):
    """GTP user plane (3GPP TS 29.281); 8 bytes, and 4 more when any optional field is given."""

    numbers: ClassVar[Numbers] = Numbers(port=2152)
    teid: int = 1
    sequence: int | None = None
    npdu: int | None = None
    extensions: tuple[GtpExtension, ...] = ()
    message_type: int = 0xFF
    flags: int | None = None
    length: int | None = None

    def _optional(self) -> bytes:
        if self.sequence is None and self.npdu is None and not self.extensions:
            return b""
        # Each header names the kind of the next one; 0 ends the chain.
        kinds = [extension.kind for extension in self.extensions] + [0]
        data = struct.pack("!HBB", self.sequence or 0, self.npdu or 0, kinds[0])
        for extension, following in zip(self.extensions, kinds[1:], strict=True):
            words = given(extension.length, (len(extension.content) + 2) // 4)
            data += bytes([words]) + extension.content + bytes([following])
        return data

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        present = bool(self.extensions) << 2 | (self.sequence is not None) << 1 | (self.npdu is not None)
        content = self._optional() + payload
        start = struct.pack("!BB", given(self.flags, 0x30 | present), self.message_type)
        return start + struct.pack("!HI", given(self.length, len(content)), self.teid) + content


@dataclass(frozen=True)
class L2TPv3(Layer):
    """An L2TPv3 session over IP (RFC 3931, section 4.1.1); 4 bytes and the cookie of 0, 4 or 8."""

    numbers: ClassVar[Numbers] = Numbers(ip=115)
    session: int = 1
    cookie: bytes = b""
    sublayer: bytes = b""
    """The default sublayer (section 4.6) has 4 bytes."""

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("!I", self.session) + self.cookie + self.sublayer + payload


@dataclass(frozen=True)
class L2TPv3OverUDP(L2TPv3):
    """An L2TPv3 session over UDP (RFC 3931, section 4.1.2): 4 bytes of flags and version come first."""

    numbers: ClassVar[Numbers] = Numbers(port=1701)
    flags_version: int = 3

    def _encode(self, payload: bytes, place: Place) -> bytes:
        return struct.pack("!HH", self.flags_version, 0) + super()._encode(payload, place)


@dataclass(frozen=True)
class L2TPv2(Layer):
    """A message of L2TP version 2 (RFC 2661, section 3.1), with PPP inside; 6 bytes and optional fields."""

    numbers: ClassVar[Numbers] = Numbers(port=1701)
    tunnel: int = 1
    session: int = 1
    has_length: bool = False
    sequence: tuple[int, int] | None = None
    """Ns and Nr."""
    offset: int | None = None
    """Bytes of padding before the payload."""
    control: bool = False
    version: int = 2

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        flags = self.control << 15 | self.has_length << 14 | self.version
        rest = struct.pack("!HH", self.tunnel, self.session)
        if self.sequence is not None:
            flags |= 0x0800
            rest += struct.pack("!HH", *self.sequence)
        if self.offset is not None:
            flags |= 0x0200
            rest += struct.pack("!H", self.offset) + bytes(self.offset)
        length = struct.pack("!H", 4 + len(rest) + len(payload)) if self.has_length else b""
        return struct.pack("!H", flags) + length + rest + payload


@dataclass(frozen=True)
class Teredo(Layer):
    """What may stand before the IPv6 packet of Teredo (RFC 4380, section 5.1.1); nothing by default.

    ``origin`` is a port and an IPv4 address, ``authentication`` a client id and an authentication value.
    """

    numbers: ClassVar[Numbers] = Numbers(port=3544)
    origin: tuple[int, str] | None = None
    authentication: tuple[bytes, bytes] | None = None
    nonce: int = 1
    confirmation: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        header = b""
        if self.authentication is not None:
            client, value = self.authentication
            header += struct.pack("!HBB", 1, len(client), len(value)) + client + value
            header += struct.pack("!QB", self.nonce, self.confirmation)
        if self.origin is not None:
            port, address = self.origin
            # Both are hidden from address translators by turning their bits around.
            header += struct.pack("!HH", 0, port ^ 0xFFFF) + bytes(b ^ 0xFF for b in ip_bytes(address))
        return header + payload
