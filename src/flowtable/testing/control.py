"""What switches and routers say to each other: STP, LLDP, CDP, EAPOL, Ethernet loop test, VRRP, BFD."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from flowtable.testing._checksum import internet_checksum
from flowtable.testing._layer import Layer, Numbers, Place, given, ip_bytes, mac_bytes

__all__ = [
    "BFD",
    "CDP",
    "EAP",
    "EAPOL",
    "LLDP",
    "STP",
    "VRRP",
    "EAPOLKey",
    "EthernetCTP",
    "EthernetCTPForwardData",
    "EthernetCTPReply",
    "lldp_tlvs",
]


@dataclass(frozen=True)
class STP(Layer):
    """A spanning tree configuration BPDU (IEEE 802.1D); 35 bytes, or 36 with ``rapid`` (802.1w).

    Bridge ids are 8 bytes: priority, then MAC address. Times are in 1/256 s.
    """

    numbers: ClassVar[Numbers] = Numbers(sap=0x42)
    root: bytes = bytes.fromhex("8000020000000001")
    bridge: bytes = bytes.fromhex("8000020000000002")
    cost: int = 4
    port: int = 0x8001
    flags: int = 0
    rapid: bool = False
    age: int = 0
    maximum_age: int = 20 * 256
    hello: int = 2 * 256
    forward_delay: int = 15 * 256

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        version = 2 if self.rapid else 0
        start = struct.pack("!HBBB", 0, version, version, self.flags)
        ids = self.root + struct.pack("!I", self.cost) + self.bridge + struct.pack("!H", self.port)
        times = struct.pack("!HHHH", self.age, self.maximum_age, self.hello, self.forward_delay)
        return start + ids + times + (b"\0" if self.rapid else b"") + payload


def lldp_tlvs(
    chassis: str | bytes, port: str, ttl: int = 120, system: str = ""
) -> tuple[tuple[int, bytes], ...]:
    """Give the TLVs that every LLDP message has, and the system's name; ``ttl`` in seconds."""
    name = ((5, system.encode()),) if system else ()
    mandatory = (1, b"\x04" + mac_bytes(chassis)), (2, b"\x05" + port.encode()), (3, struct.pack("!H", ttl))
    return (*mandatory, *name, (0, b""))


@dataclass(frozen=True)
class LLDP(Layer):
    """Link layer discovery (IEEE 802.1AB): (type, value) TLVs, with the end TLV given like the others."""

    numbers: ClassVar[Numbers] = Numbers(ether=0x88CC)
    tlvs: tuple[tuple[int, bytes], ...] = lldp_tlvs("02:00:00:00:00:01", "eth0", system="switch")

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        tlvs = (struct.pack("!H", kind << 9 | len(value)) + value for kind, value in self.tlvs)
        return b"".join(tlvs) + payload


@dataclass(frozen=True)
class CDP(Layer):
    """Cisco discovery, version 2; 4 bytes and (type, value) TLVs. Its EtherType belongs to OUI 0x00000C."""

    numbers: ClassVar[Numbers] = Numbers(ether=0x2000)
    tlvs: tuple[tuple[int, bytes], ...] = ((1, b"router"), (3, b"Gi0/1"), (4, b"\0\0\0\x01"))
    version: int = 2
    ttl: int = 180
    checksum: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        tlvs = (struct.pack("!HH", kind, 4 + len(value)) + value for kind, value in self.tlvs)
        start, end = struct.pack("!BB", self.version, self.ttl), b"".join(tlvs) + payload
        # Cisco sums an odd last byte as the low half of its word, where others take it as the high half.
        even = end if len(end) % 2 == 0 else end[:-1] + b"\0" + end[-1:]
        checksum = given(self.checksum, internet_checksum(start + b"\0\0" + even))
        return start + struct.pack("!H", checksum) + end


@dataclass(frozen=True)
class EAPOL(Layer):
    """EAP over LAN (IEEE 802.1X); 4 bytes. Without a payload it is a start message."""

    numbers: ClassVar[Numbers] = Numbers(ether=0x888E)
    packet_type: int | None = None
    version: int = 2
    length: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        kind = given(self.packet_type, place.number("message", 1))
        return struct.pack("!BBH", self.version, kind, given(self.length, len(payload))) + payload


@dataclass(frozen=True)
class EAP(Layer):
    """Extensible authentication (RFC 3748); 4 bytes, and a method's type where ``method`` is given.

    Codes: 1 request, 2 response, 3 success, 4 failure.
    """

    numbers: ClassVar[Numbers] = Numbers(message=0)
    code: int = 1
    id: int = 1
    method: int | None = 1
    length: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        content = (b"" if self.method is None else bytes([self.method])) + payload
        return struct.pack("!BBH", self.code, self.id, given(self.length, 4 + len(content))) + content


@dataclass(frozen=True)
class EAPOLKey(Layer):
    """A key message of the 802.11 handshake (IEEE 802.11, section 12.7.2); 95 bytes and the key data."""

    numbers: ClassVar[Numbers] = Numbers(message=3)
    information: int = 0x008A
    key_length: int = 16
    replay: int = 1
    nonce: bytes = bytes(range(32))
    mic: bytes = bytes(16)
    key_data: bytes = b""
    descriptor: int = 2
    key_data_length: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        start = struct.pack("!BHHQ", self.descriptor, self.information, self.key_length, self.replay)
        # After the nonce: initialization vector, receive sequence counter, key id.
        unused = bytes(16 + 8 + 8)
        length = struct.pack("!H", given(self.key_data_length, len(self.key_data)))
        return start + self.nonce + unused + self.mic + length + self.key_data + payload


@dataclass(frozen=True)
class EthernetCTP(Layer):
    """Configuration testing protocol (Ethernet 2.0, section 8): 2 bytes that say how much to skip.

    The protocol's numbers have their lowest byte first.
    """

    numbers: ClassVar[Numbers] = Numbers(ether=0x9000)
    skip: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("<H", self.skip) + payload


@dataclass(frozen=True)
class EthernetCTPForwardData(Layer):
    """Function 2: to be sent on to an address; 8 bytes."""

    forward_to: str | bytes = "02:00:00:00:00:03"

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("<H", 2) + mac_bytes(self.forward_to) + payload


@dataclass(frozen=True)
class EthernetCTPReply(Layer):
    """Function 1: the last one, with a receipt number; 4 bytes."""

    receipt: int = 1

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        return struct.pack("<HH", 1, self.receipt) + payload


@dataclass(frozen=True)
class VRRP(Layer):
    """Virtual router redundancy, version 2 (RFC 3768) or 3 (RFC 9568); 8 bytes, addresses, and v2's password.

    The interval is in seconds for version 2 and in hundredths of one for version 3.
    """

    numbers: ClassVar[Numbers] = Numbers(ip=112)
    router: int = 1
    priority: int = 100
    addresses: tuple[str | bytes, ...] = ("192.0.2.254",)
    version: int = 2
    interval: int = 1
    message_type: int = 1
    count: int | None = None
    checksum: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        start = struct.pack(
            "!BBBB",
            self.version << 4 | self.message_type,
            self.router,
            self.priority,
            given(self.count, len(self.addresses)),
        )
        # Version 2 has a type and an interval byte, version 3 one field of 12 bits.
        middle = struct.pack("!H", self.interval)
        password = bytes(8) if self.version == 2 else b""
        end = b"".join(map(ip_bytes, self.addresses)) + password + payload
        pseudo = place.pseudo_header(112, 8 + len(end)) if self.version == 3 else b""
        right = internet_checksum(pseudo + start + middle + b"\0\0" + end)
        return start + middle + struct.pack("!H", given(self.checksum, right)) + end


@dataclass(frozen=True)
class BFD(Layer):
    """Bidirectional forwarding detection (RFC 5880); 24 bytes. Intervals in us.

    ``state``: 1 down, 2 init, 3 up.
    """

    numbers: ClassVar[Numbers] = Numbers(port=3784)
    state: int = 3
    flags: int = 0
    detect_multiplier: int = 3
    mine: int = 1
    yours: int = 2
    transmit: int = 300_000
    receive: int = 300_000
    echo: int = 0
    version: int = 1
    diagnostic: int = 0
    length: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        start = struct.pack(
            "!BBBB",
            self.version << 5 | self.diagnostic,
            self.state << 6 | self.flags,
            self.detect_multiplier,
            given(self.length, 24 + len(payload)),
        )
        numbers = self.mine, self.yours, self.transmit, self.receive, self.echo
        return start + struct.pack("!5I", *numbers) + payload
