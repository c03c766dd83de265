"""Link headers of wired networks, and what they carry besides IP: Ethernet, VLAN, LLC, cooked, PPP, MPLS."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Literal

from flowtable.testing._layer import Layer, Numbers, Place, given, ip_bytes, mac_bytes

__all__ = [
    "ARP",
    "EXPERIMENTAL_ETHERTYPE",
    "FDDI",
    "LLC",
    "MPLS",
    "PPP",
    "SNAP",
    "ControlWord",
    "Dot1Q",
    "Ethernet",
    "LinuxCooked",
    "LinuxCooked2",
    "Loopback",
    "PPPoE",
    "PPPoEDiscovery",
    "ServiceTag",
]

EXPERIMENTAL_ETHERTYPE = 0x88B5
"""IEEE 802's local experimental EtherType: what announces bytes of no known protocol."""


def _type_or_length(ether_type: int | None, payload: bytes, place: Place) -> int:
    # 802.3 frames say how long their LLC payload is where Ethernet II says what it is.
    if ether_type is None and isinstance(place.inner, LLC):
        return len(payload)
    return given(ether_type, place.number("ether", EXPERIMENTAL_ETHERTYPE))


@dataclass(frozen=True)
class Ethernet(Layer):
    """Ethernet II, or 802.3 when it carries LLC (IEEE 802.3); 14 bytes.

    Frames are as long as their content; ``pad`` fills them with zeros to this many bytes, 60 on a wire.
    """

    numbers: ClassVar[Numbers] = Numbers(ether=0x6558, ip=143, next=3)
    src: str | bytes = "02:00:00:00:00:01"
    dst: str | bytes = "02:00:00:00:00:02"
    ether_type: int | None = None
    pad: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        kind = _type_or_length(self.ether_type, payload, place)
        frame = mac_bytes(self.dst) + mac_bytes(self.src) + struct.pack("!H", kind) + payload
        return frame.ljust(self.pad, b"\0")


@dataclass(frozen=True)
class Dot1Q(Layer):
    """A VLAN tag (IEEE 802.1Q); 4 bytes. Give the header before it another ``ether_type`` for other TPIDs."""

    numbers: ClassVar[Numbers] = Numbers(ether=0x8100)
    vlan: int = 1
    priority: int = 0
    drop_eligible: bool = False
    ether_type: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        control = self.priority << 13 | self.drop_eligible << 12 | self.vlan
        return struct.pack("!HH", control, _type_or_length(self.ether_type, payload, place)) + payload


@dataclass(frozen=True)
class ServiceTag(Dot1Q):
    """The outer tag of stacked VLANs (IEEE 802.1ad); the same 4 bytes behind another EtherType."""

    numbers: ClassVar[Numbers] = Numbers(ether=0x88A8)


@dataclass(frozen=True)
class LLC(Layer):
    """Logical link control (IEEE 802.2); 3 bytes, or 4 when ``control`` is above 0xFF.

    The two SAPs follow from the payload: 0xAA for SNAP, 0x42 for spanning tree.
    """

    dsap: int | None = None
    ssap: int | None = None
    control: int = 3

    def _encode(self, payload: bytes, place: Place) -> bytes:
        dsap = given(self.dsap, place.number("sap", 0xFF))
        ssap = given(self.ssap, place.number("sap", 0xFF))
        control = self.control.to_bytes(2 if self.control > 0xFF else 1)
        return struct.pack("!BB", dsap, ssap) + control + payload


@dataclass(frozen=True)
class SNAP(Layer):
    """Subnetwork access protocol (IEEE 802); 5 bytes. CDP has Cisco's OUI, EtherTypes have 0."""

    numbers: ClassVar[Numbers] = Numbers(sap=0xAA)
    oui: int = 0
    ether_type: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        kind = given(self.ether_type, place.number("ether", EXPERIMENTAL_ETHERTYPE))
        return self.oui.to_bytes(3) + struct.pack("!H", kind) + payload


@dataclass(frozen=True)
class ARP(Layer):
    """Address resolution (RFC 826); 28 bytes for IPv4 over Ethernet. ``operation``: 1 request, 2 reply."""

    numbers: ClassVar[Numbers] = Numbers(ether=0x0806)
    sender_mac: str | bytes = "02:00:00:00:00:01"
    sender: str | bytes = "192.0.2.1"
    target_mac: str | bytes = "00:00:00:00:00:00"
    target: str | bytes = "192.0.2.2"
    operation: int = 1
    hardware_type: int = 1
    protocol_type: int = 0x0800
    hardware_length: int | None = None
    protocol_length: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        macs = mac_bytes(self.sender_mac), mac_bytes(self.target_mac)
        ips = ip_bytes(self.sender), ip_bytes(self.target)
        header = struct.pack(
            "!HHBBH",
            self.hardware_type,
            self.protocol_type,
            given(self.hardware_length, len(macs[0])),
            given(self.protocol_length, len(ips[0])),
            self.operation,
        )
        return header + macs[0] + ips[0] + macs[1] + ips[1] + payload


@dataclass(frozen=True)
class PPPoE(Layer):
    """PPP over Ethernet (RFC 2516); 6 bytes. Code 0 is a session, the others are discovery."""

    numbers: ClassVar[Numbers] = Numbers(ether=0x8864)
    session: int = 1
    code: int = 0
    length: int | None = None
    version_type: int = 0x11

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        length = given(self.length, len(payload))
        return struct.pack("!BBHH", self.version_type, self.code, self.session, length) + payload


@dataclass(frozen=True)
class PPPoEDiscovery(PPPoE):
    """PPPoE discovery (RFC 2516): tags of (type, value) follow the header. The default code is PADI."""

    numbers: ClassVar[Numbers] = Numbers(ether=0x8863)
    session: int = 0
    code: int = 0x09
    tags: tuple[tuple[int, bytes], ...] = ((0x0101, b""),)

    def _encode(self, payload: bytes, place: Place) -> bytes:
        tags = b"".join(struct.pack("!HH", kind, len(value)) + value for kind, value in self.tags)
        return super()._encode(tags + payload, place)


@dataclass(frozen=True)
class PPP(Layer):
    """Point-to-point protocol (RFC 1661): a protocol of 2 bytes, or 1 where it is compressed.

    ``framed`` puts ``ff 03`` before it (RFC 1662).
    """

    numbers: ClassVar[Numbers] = Numbers(ether=0x880B)
    protocol: int | None = None
    compressed: bool = False
    framed: bool = False

    def _encode(self, payload: bytes, place: Place) -> bytes:
        protocol = given(self.protocol, place.number("ppp", 0xC021))
        start = b"\xff\x03" if self.framed else b""
        return start + protocol.to_bytes(1 if self.compressed else 2) + payload


@dataclass(frozen=True)
class MPLS(Layer):
    """One entry of an MPLS label stack (RFC 3032); 4 bytes. It is the bottom unless MPLS follows."""

    numbers: ClassVar[Numbers] = Numbers(ether=0x8847, ip=137, ppp=0x0281, next=5)
    label: int = 16
    ttl: int = 64
    traffic_class: int = 0
    bottom: bool | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        bottom = given(self.bottom, not isinstance(place.inner, MPLS))
        entry = self.label << 12 | self.traffic_class << 9 | bottom << 8 | self.ttl
        return struct.pack("!I", entry) + payload


@dataclass(frozen=True)
class ControlWord(Layer):
    """The control word between a pseudowire's last label and its Ethernet frame (RFC 4448); 4 bytes."""

    sequence: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("!HH", 0, self.sequence) + payload


@dataclass(frozen=True)
class LinuxCooked(Layer):
    """Linux cooked capture, version 1 (LINKTYPE_LINUX_SLL, 113); 16 bytes.

    ``packet_type``: 0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 from us.
    """

    src: str | bytes = "02:00:00:00:00:01"
    packet_type: int = 0
    hardware_type: int = 1
    address_length: int | None = None
    ether_type: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        address = mac_bytes(self.src)
        length = given(self.address_length, len(address))
        kind = given(self.ether_type, place.number("ether", EXPERIMENTAL_ETHERTYPE))
        header = struct.pack("!HHH", self.packet_type, self.hardware_type, length)
        return header + address.ljust(8, b"\0") + struct.pack("!H", kind) + payload


@dataclass(frozen=True)
class LinuxCooked2(LinuxCooked):
    """Linux cooked capture, version 2 (LINKTYPE_LINUX_SLL2, 276); 20 bytes."""

    interface: int = 1

    def _encode(self, payload: bytes, place: Place) -> bytes:
        address = mac_bytes(self.src)
        header = struct.pack(
            "!HHIHBB",
            given(self.ether_type, place.number("ether", EXPERIMENTAL_ETHERTYPE)),
            0,
            self.interface,
            self.hardware_type,
            self.packet_type,
            given(self.address_length, len(address)),
        )
        return header + address.ljust(8, b"\0") + payload


@dataclass(frozen=True)
class Loopback(Layer):
    """BSD loopback: an address family of 4 bytes.

    In the byte order of the capturing host for LINKTYPE_NULL (0), big-endian for LINKTYPE_LOOP (108).
    IPv6 has family 24, 28 or 30, by the system; 30 is macOS's and the default.
    """

    family: int | None = None
    byteorder: Literal["little", "big"] = "little"

    def _encode(self, payload: bytes, place: Place) -> bytes:
        return given(self.family, place.number("family")).to_bytes(4, self.byteorder) + payload


@dataclass(frozen=True)
class FDDI(Layer):
    """Fibre ring header (ISO 9314, LINKTYPE_FDDI, 10); 13 bytes, LLC follows."""

    src: str | bytes = "02:00:00:00:00:01"
    dst: str | bytes = "02:00:00:00:00:02"
    frame_control: int = 0x50

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("!B", self.frame_control) + mac_bytes(self.dst) + mac_bytes(self.src) + payload
