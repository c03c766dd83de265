"""Interfaces of Linux: what they are called, what their frames begin with, and what they count."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flowtable.capture.link_types import LinkType
from flowtable.errors import CaptureError, OptionError

__all__ = ["ANY", "Interface", "find_interface", "is_up", "no_interface", "no_right", "refusal"]

ANY: Final = "any"
"""All interfaces that there are, and those that come."""

_SHOWN: Final = 16  # names of interfaces in an error
_SIOCGIFFLAGS: Final = 0x8913
_IFF_UP: Final = 1

# ARPHRD_ numbers of linux/if_arp.h. What is not here is cooked, as by libpcap: its link-layer header is left
# out, and one that tells what Linux knows is put before the packet.
_LOOPBACK: Final = 772
_WITH_HEADER: Final = {
    1: LinkType.ETHERNET,
    _LOOPBACK: LinkType.ETHERNET,
    801: LinkType.IEEE802_11,
    802: LinkType.IEEE802_11_PRISM,
    803: LinkType.IEEE802_11_RADIOTAP,
}
_IP: Final = {
    519,  # RAWIP
    768,  # TUNNEL: IP in IP
    769,  # TUNNEL6
    776,  # SIT
    778,  # IPGRE
    823,  # IP6GRE
    0xFFFE,  # NONE: tun, WireGuard
}


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface, as it was when it was looked up; ``any`` has the index 0."""

    name: str
    index: int
    hardware: int
    """Its ARPHRD_ number; 0 for ``any``."""

    @property
    def is_loopback(self) -> bool:
        """Whether all that is sent is received as well."""
        return self.hardware == _LOOPBACK

    @property
    def has_header(self) -> bool:
        """Whether frames are taken with their link-layer header."""
        return self.index != 0 and self.hardware in _WITH_HEADER

    @property
    def link_type(self) -> LinkType:
        """What its frames begin with. Packets of a tunnel that are not IP come as LINUX_SLL instead."""
        if self.index == 0:
            return LinkType.LINUX_SLL2
        if self.hardware in _IP:
            return LinkType.RAW
        return _WITH_HEADER.get(self.hardware, LinkType.LINUX_SLL)

    def drops(self) -> int | None:
        """Frames since it was made that it could not hand to the kernel; None where that is not told."""
        directory = Path("/sys/class/net") / self.name
        try:
            if int((directory / "ifindex").read_text()) != self.index:
                return None  # another network's: /sys may be older than the namespace
            counters = [directory / "statistics" / name for name in ("rx_missed_errors", "rx_fifo_errors")]
            return sum(int(counter.read_text()) for counter in counters)
        except (OSError, ValueError):
            return None


def find_interface(name: str) -> Interface:
    """Look an interface up.

    :raises CaptureError: there is none of this name, or no right to look.
    :raises OptionError: no interface can have this name.
    """
    if not 0 < len(name.encode()) < 16 or "/" in name:
        raise OptionError(f"{name!r} cannot be an interface: its name has 1 to 15 bytes, and no /")
    if name == ANY:
        return Interface(name, 0, 0)
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as probe:
            probe.bind((name, 0))  # with protocol 0 nothing is received
            return Interface(name, socket.if_nametoindex(name), probe.getsockname()[3])
    except OSError as error:
        raise refusal(name, error) from error


def refusal(name: str, error: OSError) -> CaptureError:
    """Say why frames of an interface cannot be captured, and what can be done."""
    message = f"{name} cannot be captured on: {error.strerror}"
    if isinstance(error, PermissionError):
        message = no_right(name)
    elif error.errno in (errno.ENODEV, errno.ENXIO):
        message = no_interface(name)
    elif error.errno == errno.ENOMEM:
        message = f"the kernel has no memory for a packet ring on {name}: give a smaller buffer"
    return CaptureError(message, errno=error.errno, filename=name)


def no_right(name: str) -> str:
    """Say what is missing, and how to get it."""
    return (
        f"there is no right to capture on {name}: it takes CAP_NET_RAW; run this as root, or give the right "
        "to the program that runs (sudo setcap cap_net_raw+ep PROGRAM, for Python the interpreter itself)"
    )


def no_interface(name: str) -> str:
    """Say which ones there are instead."""
    return f"there is no interface {name!r}; {_others()}"


def _others() -> str:
    names = [name for _, name in socket.if_nameindex()]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"there are {', '.join(names[:_SHOWN])}{more}" if names else "there is none at all"


def is_up(sock: socket.socket, name: str) -> bool:
    """Whether an interface is switched on, in the network of a socket; False where it is not there."""
    with contextlib.suppress(OSError):
        answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, struct.pack("16sH22x", name.encode(), 0))
        return bool(struct.unpack_from("H", answer, 16)[0] & _IFF_UP)
    return False
