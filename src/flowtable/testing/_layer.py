"""What all builders share: layers, packets made of layers, and how a header learns what it carries."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import ClassVar, Protocol, runtime_checkable

__all__ = ["Layer", "Numbers", "Packet", "Payload", "Place", "given", "ip_bytes", "mac_bytes"]


@dataclass(frozen=True)
class Numbers:
    """By which number each family of outer headers announces a protocol; None: it cannot carry it.

    A protocol's numbers stand with the protocol, so that a new one is one class in one place.
    """

    ether: int | None = None
    """EtherType; also the type in SNAP, GRE, Geneve and cooked headers."""
    ip: int | None = None
    """IPv4 protocol, IPv6 next header."""
    ppp: int | None = None
    """PPP protocol."""
    port: int | None = None
    """Well-known UDP or TCP destination port."""
    icmpv6: int | None = None
    """ICMPv6 type."""
    sap: int | None = None
    """LLC service access point."""
    family: int | None = None
    """Address family in a loopback header, as BSD numbers them."""
    message: int | None = None
    """Type in a header that carries only messages of its own: EAPOL, OSPF, DHCPv6, 802.11 frames."""
    next: int | None = None
    """Next-protocol number of VXLAN-GPE."""


@dataclass(frozen=True)
class Place:
    """Where a layer stands: the layers around it, outermost first, and the one that it carries."""

    outer: tuple[Layer, ...]
    inner: Layer | None

    def number(self, family: str, default: int | None = None) -> int:
        """Give the number by which ``family`` announces the inner layer.

        Raises ValueError when the inner layer has none there and no default is left.
        """
        number: int | None = getattr(self.inner.numbers, family) if self.inner else None
        if number is None:
            number = default
        if number is None:
            inner = type(self.inner).__name__ if self.inner else "no payload"
            raise ValueError(f"{inner} has no {family} number: give the field that announces it")
        return number

    def pseudo_header(self, protocol: int, length: int) -> bytes:
        """Give what the nearest IP header adds to a transport checksum; nothing where there is none."""
        for position in range(len(self.outer) - 1, -1, -1):
            layer = self.outer[position]
            if isinstance(layer, HasPseudoHeader):
                between = self.outer[position + 1 :]
                return layer.pseudo_header(protocol, length, between)
        return b""


class Layer:
    """One protocol header. ``a / b`` puts ``b`` into ``a``; ``bytes(...)`` builds it.

    A subclass is a frozen dataclass that mirrors the wire. A field that can be worked out (a length, a
    checksum, a type) is None by default, which means "right"; any number there goes out as it is.
    """

    numbers: ClassVar[Numbers] = Numbers()

    def __truediv__(self, inner: Layer | Packet | bytes) -> Packet:
        """Put ``inner`` into this layer."""
        return Packet((self,)) / inner

    def __bytes__(self) -> bytes:
        """Build this layer alone, as if it carried nothing."""
        return bytes(Packet((self,)))

    def encode(self, payload: bytes, place: Place) -> bytes:
        """Give the bytes of this layer and of ``payload``, which is all that it carries.

        Raises ValueError when a field does not fit its place on the wire.
        """
        try:
            return self._encode(payload, place)
        except struct.error as error:
            raise ValueError(f"a field does not fit: {error} in {self!r}") from error

    def _encode(self, payload: bytes, place: Place) -> bytes:
        raise NotImplementedError


@runtime_checkable
class HasPseudoHeader(Protocol):
    """A network layer that takes part in the checksums of the transport that it carries."""

    def pseudo_header(self, protocol: int, length: int, between: tuple[Layer, ...]) -> bytes:
        """Give the pseudo header, where ``between`` are the extension headers before the transport."""
        ...


@dataclass(frozen=True)
class Payload(Layer):
    """Bytes that no header describes."""

    data: bytes = b""

    def _encode(self, payload: bytes, place: Place) -> bytes:
        del place  # bytes are the same everywhere
        return self.data + payload


@dataclass(frozen=True)
class Packet:
    """Layers from outside in. Immutable, so that one can be the beginning of many."""

    layers: tuple[Layer, ...] = ()

    def __truediv__(self, inner: Layer | Packet | bytes) -> Packet:
        """Put ``inner`` into the innermost layer."""
        if isinstance(inner, Packet):
            return Packet(self.layers + inner.layers)
        return Packet((*self.layers, inner if isinstance(inner, Layer) else Payload(inner)))

    def __bytes__(self) -> bytes:
        """Give the frame."""
        return self.encode()

    def encode(self, start: int = 0) -> bytes:
        """Build the layers from position ``start`` on, as they are inside those before it."""
        data = b""
        for position in range(len(self.layers) - 1, start - 1, -1):
            data = self.layers[position].encode(data, self.place(position))
        return data

    def place(self, position: int) -> Place:
        """Give what is around the layer at ``position``."""
        inner = self.layers[position + 1] if position + 1 < len(self.layers) else None
        return Place(self.layers[:position], inner)


def given(value: int | None, right: int) -> int:
    """Give the value that was forced, or else the right one."""
    return right if value is None else value


def mac_bytes(address: str | bytes) -> bytes:
    """Give the bytes of an address such as ``02:00:00:00:00:01``; bytes go out as they are."""
    return address if isinstance(address, bytes) else bytes.fromhex(address.replace(":", ""))


def ip_bytes(address: str | bytes | IPv4Address | IPv6Address) -> bytes:
    """Give the 4 or 16 bytes of an IP address; bytes go out as they are."""
    return address if isinstance(address, bytes) else ip_address(address).packed
