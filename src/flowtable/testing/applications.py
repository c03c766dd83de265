"""What UDP carries: DHCP for both versions of IP, NTP, SIP, WireGuard. DNS and sFlow stand apart."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from flowtable.testing._layer import Layer, Numbers, Place, given, ip_bytes, mac_bytes

__all__ = [
    "NTP",
    "SIP",
    "DHCPv4",
    "DHCPv6",
    "DHCPv6Relay",
    "WireGuard",
]


@dataclass(frozen=True)
class DHCPv4(Layer):
    """A DHCP or BOOTP message (RFC 2131); 240 bytes with the magic, then (code, value) options and an end.

    ``operation``: 1 from a client, 2 from a server. The default options make it a discover.
    """

    numbers: ClassVar[Numbers] = Numbers(port=67)
    operation: int = 1
    xid: int = 0x12345678
    secs: int = 0
    flags: int = 0
    client: str | bytes = bytes(4)
    yours: str | bytes = bytes(4)
    server: str | bytes = bytes(4)
    relay: str | bytes = bytes(4)
    mac: str | bytes = "02:00:00:00:00:01"
    server_name: bytes = b""
    file: bytes = b""
    options: tuple[tuple[int, bytes], ...] = ((53, b"\x01"),)
    magic: bytes = b"\x63\x82\x53\x63"
    end: bytes = b"\xff"
    hardware_type: int = 1
    hardware_length: int | None = None

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        mac = mac_bytes(self.mac)
        length = given(self.hardware_length, len(mac))
        start = struct.pack(
            "!BBBBIHH", self.operation, self.hardware_type, length, 0, self.xid, self.secs, self.flags
        )
        addresses = b"".join(map(ip_bytes, (self.client, self.yours, self.server, self.relay)))
        names = mac.ljust(16, b"\0") + self.server_name.ljust(64, b"\0") + self.file.ljust(128, b"\0")
        options = b"".join(bytes([code, len(value)]) + value for code, value in self.options)
        return start + addresses + names + self.magic + options + self.end + payload


def _dhcpv6_options(options: tuple[tuple[int, bytes], ...]) -> bytes:
    return b"".join(struct.pack("!HH", code, len(value)) + value for code, value in options)


@dataclass(frozen=True)
class DHCPv6(Layer):
    """A client's or server's message (RFC 8415, section 8); 4 bytes and (code, value) options.

    Types: 1 solicit, 2 advertise, 3 request, 7 reply, 11 information request.
    """

    numbers: ClassVar[Numbers] = Numbers(port=547)
    message_type: int = 1
    xid: int = 0x123456
    options: tuple[tuple[int, bytes], ...] = ((1, b"\x00\x03\x00\x01\x02\x00\x00\x00\x00\x01"), (8, b"\0\0"))

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        start = struct.pack("!I", self.message_type << 24 | self.xid)
        return start + _dhcpv6_options(self.options) + payload


@dataclass(frozen=True)
class DHCPv6Relay(Layer):
    """A relay's message (RFC 8415, section 9): 12 forward, 13 reply; 34 bytes, the message in option 9."""

    numbers: ClassVar[Numbers] = Numbers(port=547)
    message_type: int = 12
    hops: int = 0
    link: str | bytes = "2001:db8::1"
    peer: str | bytes = "fe80::1"
    options: tuple[tuple[int, bytes], ...] = ()

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        options = (*self.options, (9, payload)) if payload else self.options
        start = struct.pack("!BB", self.message_type, self.hops)
        return start + ip_bytes(self.link) + ip_bytes(self.peer) + _dhcpv6_options(options)


NTP_EPOCH = 2_208_988_800
"""Seconds from NTP's year 1900 to Unix's 1970."""


@dataclass(frozen=True)
class NTP(Layer):
    """A time message (RFC 5905); 48 bytes. ``mode``: 3 client, 4 server. ``transmit`` is in Unix seconds."""

    numbers: ClassVar[Numbers] = Numbers(port=123)
    mode: int = 3
    stratum: int = 0
    transmit: int = 1_767_225_600
    version: int = 4
    leap: int = 0
    poll: int = 6
    precision: int = -20
    reference: bytes = bytes(4)

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        first = self.leap << 6 | self.version << 3 | self.mode
        start = struct.pack("!BBbb", first, self.stratum, self.poll, self.precision)
        # Root delay and dispersion, then three times that an asking client leaves empty.
        times = bytes(24) + struct.pack("!Q", (self.transmit + NTP_EPOCH & 0xFFFFFFFF) << 32)
        return start + bytes(8) + self.reference + times + payload


@dataclass(frozen=True)
class SIP(Layer):
    """A session initiation request or response (RFC 3261): a first line, (name, value) headers, a body."""

    numbers: ClassVar[Numbers] = Numbers(port=5060)
    first_line: str = "OPTIONS sip:bob@example.net SIP/2.0"
    headers: tuple[tuple[str, str], ...] = (
        ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds"),
        ("From", "<sip:alice@example.com>;tag=1928301774"),
        ("To", "<sip:bob@example.net>"),
        ("Call-ID", "a84b4c76e66710@192.0.2.1"),
        ("CSeq", "1 OPTIONS"),
    )

    @classmethod
    def response(cls, status: int = 200, reason: str = "OK") -> SIP:
        """Make the answer to the default request."""
        return cls(f"SIP/2.0 {status} {reason}")

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        headers = (*self.headers, ("Content-Length", str(len(payload))))
        lines = [self.first_line, *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode() + payload


@dataclass(frozen=True)
class WireGuard(Layer):
    """A WireGuard message (its paper, section 5.4): 1 initiation, 2 response, 3 cookie, 4 transport data.

    Handshake messages have 148, 92 and 64 bytes; what is encrypted in them is a fixed pattern here.
    """

    numbers: ClassVar[Numbers] = Numbers(port=51820)
    message_type: int = 1
    sender: int = 1
    receiver: int = 2
    counter: int = 0

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place
        start = struct.pack("<I", self.message_type)
        match self.message_type:
            case 1:
                start += struct.pack("<I", self.sender) + bytes(range(140))
            case 2:
                start += struct.pack("<II", self.sender, self.receiver) + bytes(range(80))
            case 3:
                start += struct.pack("<I", self.receiver) + bytes(range(56))
            case _:
                start += struct.pack("<IQ", self.receiver, self.counter)
        return start + payload
