"""Networks of Linux for a test alone: namespaces, pairs of interfaces, and frames that are sent there.

They take root's rights (CAP_SYS_ADMIN, CAP_NET_ADMIN) and ``ip`` of iproute2; ``reason_against()`` says what
is missing::

    with Network() as network:
        network.pair("left", "right")
        with network.entered():
            source = open_live("right")
            send("left", frames)
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Network", "reason_against", "send"]

_CLONE_NEWNET: Final = 0x40000000
_SIOCETHTOOL: Final = 0x8946
# ETHTOOL_S* of linux/ethtool.h: checksums of what is received and sent, scatter-gather, TSO, GSO, GRO.
_OFFLOADS: Final = (0x15, 0x17, 0x19, 0x1F, 0x24, 0x2C)


def reason_against() -> str | None:
    """Say why no network can be made here; None when one can."""
    if shutil.which("ip") is None:
        return "there is no ip of iproute2"
    try:
        Network().close()
    except OSError as error:
        return f"no network namespace can be made: {error.strerror}"
    return None


class Network:
    """A network namespace with nothing but a loopback interface, which is up; without IPv6's own messages."""

    def __init__(self) -> None:
        """Make it, in a thread of its own, so that no other one changes its network."""
        self.descriptor = -1
        failures: list[OSError] = []
        thread = threading.Thread(target=self._make, args=(failures,))
        thread.start()
        thread.join()
        if failures:
            raise failures[0]
        with self.entered():
            for name in ("all", "default"):
                _write(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "1")
        self.ip("link", "set", "lo", "up")

    def _make(self, failures: list[OSError]) -> None:
        try:
            _call("unshare", _CLONE_NEWNET)
            self.descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            failures.append(error)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have the calling thread in this network; sockets that it makes stay there."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call("setns", self.descriptor, _CLONE_NEWNET)
            yield
        finally:
            _call("setns", before, _CLONE_NEWNET)
            os.close(before)

    def ip(self, *arguments: str) -> None:
        """Run ``ip`` there; CalledProcessError with what it says when it fails."""
        with self.entered():
            subprocess.run(["ip", *arguments], check=True, capture_output=True)  # noqa: S603, S607

    def pair(self, name: str, other: str, network: Network | None = None) -> None:
        """Make two interfaces joined by a wire, without offloads, and up; one in another network if given."""
        network = network or self
        self.ip("link", "add", name, "type", "veth", "peer", "name", other)
        if network is not self:
            place = f"/proc/{os.getpid()}/fd/{network.descriptor}"
            self.ip("link", "set", other, "netns", place)
        for where, interface in ((self, name), (network, other)):
            where.switch_offloads_off(interface)
            where.ip("link", "set", interface, "up")

    def switch_offloads_off(self, interface: str) -> None:
        """Have checksums filled in, and neither large nor merged packets, as on a wire."""
        with self.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for command in _OFFLOADS:
                value = ctypes.create_string_buffer(struct.pack("II", command, 0))
                request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
                fcntl.ioctl(sock, _SIOCETHTOOL, request)

    def close(self) -> None:
        """Let it go; it ends with the last socket in it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        """Keep it until the end of the block; :meth:`entered` is another thing."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Let it go."""
        self.close()


def send(interface: str, frames: Iterable[bytes]) -> int:
    """Send frames as they are out of an interface of the network that this thread is in; gives how many."""
    sent = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((interface, 0))
        for frame in frames:
            sock.send(frame)
            sent += 1
    return sent


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(text)
