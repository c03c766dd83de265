"""Sockets that packets come in by: where they listen, and who may send."""

from __future__ import annotations

import socket
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final, TypeAlias

from flowtable.capture.streams import reason
from flowtable.errors import CaptureError, OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LOOPBACK", "AllowList", "SocketStream", "listening_socket", "udp_socket"]

LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
"""Who may send unless others are named."""

LARGEST_LIST: Final = 4096
_MAPPED: Final = int(IPv6Address("::ffff:0:0"))  # IPv4 addresses as a socket for both families shows them

_Network: TypeAlias = IPv4Network | IPv6Network


class AllowList:
    """Networks that may send; all others are turned away.

    >>> AllowList(["192.0.2.0/24", "2001:db8::7"]).allows("192.0.2.9")
    True

    OptionError: a network is none, has bits behind its prefix, or there are more than 4,096.
    """

    def __init__(self, networks: str | Iterable[str]) -> None:
        names = (networks,) if isinstance(networks, str) else tuple(networks)
        if len(names) > LARGEST_LIST:
            raise OptionError(f"allow: {len(names):,} networks are more than the {LARGEST_LIST:,} possible")
        self.networks: tuple[_Network, ...] = tuple(_network(name) for name in names)

    def allows(self, address: str) -> bool:
        """Whether an address, as the system spells a peer's, is in one of the networks."""
        found = ip_address(address.partition("%")[0])
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self.networks)

    def as_masks(self) -> list[tuple[bytes, bytes]]:
        """Give each network as a prefix and a mask of 16 bytes, IPv4 as mapped addresses."""
        return [_mask(network) for network in self.networks]

    def __repr__(self) -> str:
        """Show the networks."""
        return f"AllowList({[str(network) for network in self.networks]})"


def _network(name: str) -> _Network:
    try:
        return ip_network(name)
    except (TypeError, ValueError) as error:
        raise OptionError(f"allow: {name!r} is no network such as 192.0.2.0/24: {error}") from None


def _mask(network: _Network) -> tuple[bytes, bytes]:
    prefix, mask = int(network.network_address), int(network.netmask)
    if network.version == 4:
        prefix, mask = _MAPPED | prefix, ((1 << 96) - 1) << 32 | mask
    return prefix.to_bytes(16, "big"), mask.to_bytes(16, "big")


class SocketStream:
    """What a peer sends over TCP, as the bytes of a capture.

    Reading does not block: BlockingIOError where nothing is there. `at_end` says that the peer has sent all.
    """

    place = ""
    size = None
    descriptor = -1

    def __init__(self, connection: socket.socket) -> None:
        """Read a connection, which is closed with the stream."""
        connection.settimeout(0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # peers may vanish without a word
        self._socket = connection
        self.position = 0
        self.at_end = False

    def readinto(self, room: memoryview) -> int:
        """Take what is there, as far as there is room; 0 only at the end."""
        count = self._socket.recv_into(room)
        self.at_end = count == 0
        self.position += count
        return count

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def udp_socket(address: str, port: int, receive_buffer: int) -> socket.socket:
    """Bind a UDP socket that does not block; CaptureError where that cannot be done."""
    return _bound(socket.SOCK_DGRAM, address, port, receive_buffer)


def listening_socket(address: str, port: int, backlog: int) -> socket.socket:
    """Listen for TCP connections with a socket that does not block; CaptureError likewise."""
    listener = _bound(socket.SOCK_STREAM, address, port, None)
    listener.listen(backlog)
    return listener


def _bound(kind: socket.SocketKind, address: str, port: int, receive_buffer: int | None) -> socket.socket:
    try:
        family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    except ValueError:
        raise OptionError(f"address: {address!r} is no IP address to listen on") from None
    if not 0 <= port <= 0xFFFF:
        raise OptionError(f"port: {port} is no port; it has to be 0 to 65535, and 0 takes a free one")
    found = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_STREAM:  # so that a port can be taken again at once
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        found.bind((address, port))
        found.settimeout(0)
    except OSError as error:
        found.close()
        where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        raise CaptureError(f"{where} cannot be listened on: {reason(error)}", errno=error.errno) from error
    return found
