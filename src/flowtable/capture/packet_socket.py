"""One packet socket of Linux with its ring, ready to be read.

Nothing is received that the filter has not seen: a socket is made without a protocol, and bound to one last.
See packet(7), and the kernel's Documentation/networking/packet_mmap.rst.
"""

from __future__ import annotations

import contextlib
import socket
import warnings
from typing import TYPE_CHECKING, Final

from flowtable.capture._ring import (
    HEADER_ROOM,
    OPTIONS,
    RECHECKS,
    attach_fanout,
    attach_filter,
    bind_to,
    fanout_request,
    promiscuous_request,
    ring_request,
)
from flowtable.capture.fanout import fanout_program
from flowtable.capture.interfaces import is_up, refusal
from flowtable.capture.kernel_filter import MAX_KERNEL_PROGRAM, TAKE_ALL, TAKE_NONE, kernel_program, take
from flowtable.capture.link_types import LinkType
from flowtable.errors import CaptureWarning

if TYPE_CHECKING:
    from flowtable.capture._bpf import Program
    from flowtable.capture.bpf import LinkFilters
    from flowtable.capture.interfaces import Interface
    from flowtable.capture.live_options import LiveOptions

__all__ = ["PacketSocket"]

_SOL_PACKET: Final = 263


class PacketSocket:
    """A socket that receives an interface's frames into a ring, from :meth:`begin` on."""

    def __init__(self, interface: Interface, options: LiveOptions, link_filter: LinkFilters | None) -> None:
        """Make the socket and its ring; CaptureError when there is no right to, or no memory."""
        self.interface = interface
        self.name = interface.name
        self.snap = options.snap
        self.block_size = options.block_size
        self.blocks = options.blocks
        self.link_type = int(interface.link_type)
        self.program: Program | None = None
        self.recheck = RECHECKS["NONE"]
        self._attached = take(options.snap)
        self._dropped_before = interface.drops()
        try:
            kind = socket.SOCK_RAW if interface.has_header else socket.SOCK_DGRAM
            self.socket = socket.socket(socket.AF_PACKET, kind, 0)
        except OSError as error:
            raise refusal(self.name, error) from error
        try:
            self._set_up(options)
            self._choose_filter(link_filter)
        except OSError as error:
            self.socket.close()
            raise refusal(self.name, error) from error
        except BaseException:
            self.socket.close()
            raise

    def _set_up(self, options: LiveOptions) -> None:
        self._set("PACKET_VERSION", 2)  # TPACKET_V3
        self._set("PACKET_RESERVE", HEADER_ROOM)
        self._set("PACKET_RX_RING", ring_request(self.block_size, self.blocks))
        if self.interface.is_loopback:
            with contextlib.suppress(OSError):  # kernels before 4.20: they are left out here
                self._set("PACKET_IGNORE_OUTGOING", 1)
        if options.promiscuous and self.interface.index:
            self._set("PACKET_ADD_MEMBERSHIP", promiscuous_request(self.interface.index))

    def _set(self, option: str, value: int | bytes) -> None:
        self.socket.setsockopt(_SOL_PACKET, OPTIONS[option], value)

    def _choose_filter(self, link_filter: LinkFilters | None) -> None:
        """Let the kernel filter what it can; what it cannot is filtered here."""
        if link_filter is None:
            return
        self.program = link_filter.program(self.link_type)
        if self.program is None:
            self._attached = TAKE_NONE
            return
        self._attached, self.recheck = TAKE_ALL, RECHECKS["ALL"]
        is_tagged = self.link_type == LinkType.ETHERNET
        is_seen = self.interface.has_header or self.link_type == LinkType.RAW  # a header made up here is not
        for_kernel = kernel_program(self.program.instructions, self.snap, tags=is_tagged)
        if is_seen and len(for_kernel) <= MAX_KERNEL_PROGRAM and self._takes(for_kernel):
            self._attached, self.recheck = for_kernel, RECHECKS["TAGGED" if is_tagged else "NONE"]

    def _takes(self, program: list[tuple[int, int, int, int]]) -> bool:
        """Whether the kernel takes a program: it may be too long, or do what an old kernel cannot."""
        try:
            attach_filter(self.socket, program)
        except OSError:
            return False
        return True

    def begin(self, *, shut: bool = False) -> None:
        """Receive from now on; with `shut` nothing yet, until :meth:`open`."""
        try:
            attach_filter(self.socket, TAKE_NONE if shut else self._attached)
            bind_to(self.socket, self.interface.index)
        except OSError as error:
            raise refusal(self.name, error) from error
        if self.interface.index and not self.is_up():
            warnings.warn(
                f"{self.name} is down; frames come as soon as it is up", CaptureWarning, stacklevel=3
            )

    def join(self, group: int | None) -> int:
        """Share frames with the other sockets of a group, or of a new one; gives its number."""
        try:
            self._set("PACKET_FANOUT", fanout_request(group))
            if group is None:
                attach_fanout(self.socket, fanout_program(ethernet=self.link_type == LinkType.ETHERNET))
            return self.socket.getsockopt(_SOL_PACKET, OPTIONS["PACKET_FANOUT"]) & 0xFFFF
        except OSError as error:
            raise refusal(self.name, error) from error

    def open(self) -> None:
        """Let in what the filter chooses."""
        attach_filter(self.socket, self._attached)

    def shut(self) -> None:
        """Let nothing more in."""
        attach_filter(self.socket, TAKE_NONE)

    def is_removed(self) -> bool:
        """Whether the interface is there no more: the kernel forgets which one it was, and it has no name."""
        return bool(self.interface.index) and not self.socket.getsockname()[0]

    def is_up(self) -> bool:
        """Whether the interface is switched on, under whichever name it has now."""
        return is_up(self.socket, self.socket.getsockname()[0])

    def interface_drops(self) -> int | None:
        """Frames that the interface could not hand to the kernel, since this was made."""
        now = self.interface.drops()
        if now is None or self._dropped_before is None:
            return None
        return max(0, now - self._dropped_before)

    def close(self) -> None:
        """Receive nothing more; the ring is still there as long as it is mapped."""
        if self.socket.fileno() < 0:
            return
        with contextlib.suppress(OSError):
            self.shut()
            self._set("PACKET_DROP_MEMBERSHIP", promiscuous_request(self.interface.index))
        self.socket.close()

    def __del__(self) -> None:
        """Close what nobody closed."""
        if hasattr(self, "socket"):  # there may have been no right to have one
            self.close()
