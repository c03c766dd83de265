"""Capturing by libpcap, wherever there is no packet ring: on one interface, for one thread.

Each frame is a Python object on its way here, which takes about a microsecond. Times are those of libpcap in
microseconds. Where VLAN tags are kept apart from frames, as on Linux, libpcap restores them.
"""

from __future__ import annotations

import contextlib
import select
import socket
import sys
from typing import TYPE_CHECKING, Any, Final

import cypcap

from flowtable.capture._handed import HandedSource
from flowtable.capture.bpf import LinkFilters
from flowtable.capture.frame import CapturedFrame
from flowtable.capture.interfaces import no_interface, no_right
from flowtable.capture.link_types import dlt, from_dlt
from flowtable.capture.live_options import SNAP
from flowtable.capture.statistics import SourceStatistics
from flowtable.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowtable.capture._bpf import Program
    from flowtable.capture.live_options import LiveOptions

__all__ = ["PcapLiveSource"]

_BUFFER_MS: Final = 10  # after which libpcap gives what it has
_LAST_ROUNDS: Final = 4  # of that time, in which what came before the end is waited for
_FILTER_IN_KERNEL: Final = sys.platform != "linux"  # there it would not see VLAN tags


class PcapLiveSource(HandedSource):
    """Frames of an interface, from libpcap."""

    def __init__(self, interface: str, options: LiveOptions) -> None:
        """Begin to capture; CaptureError when there is no such interface, or no right to."""
        self.interfaces = (interface,)
        self.went_down = 0
        self.filtered = 0
        self.wait_ms = options.wait_ms
        self._rounds = _LAST_ROUNDS
        self._came = 0
        self._received: list[CapturedFrame] = []
        self._counted = (0, 0)
        self._program: Program | None = None
        self._pcap = _activated(interface, options)
        self._link_type = from_dlt(int(self._pcap.datalink()))
        self._refuses_all = False
        try:
            if options.bpf is not None:
                self._choose_filter(options.bpf)
        except BaseException:
            self._pcap.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._pcap.get_selectable_fd(), select.POLLIN)
        self._poll.register(self.sleeper, select.POLLIN)

    def _choose_filter(self, bpf: str) -> None:
        self._program = LinkFilters(bpf).program(self._link_type)
        self._refuses_all = self._program is None
        if self._program is not None and _FILTER_IN_KERNEL:
            netmask = cypcap.NETMASK_UNKNOWN
            self._pcap.setfilter(
                cypcap.compile(dlt(self._link_type), SNAP, bpf, optimize=True, netmask=netmask)
            )

    def receive(self) -> Sequence[CapturedFrame] | None:
        """Wait for libpcap to have frames, and take them."""
        if self.stopping:
            if self._rounds == _LAST_ROUNDS:
                self._poll.unregister(self.sleeper)  # it is awake from now on
            self._rounds -= 1
        if self._rounds < 0:
            return None
        self._poll.poll(_BUFFER_MS if self.stopping else self.wait_ms)
        self._received = []
        try:
            self._pcap.dispatch(-1, self._take)
        except cypcap.Error as error:
            if not self._goes_on(error):
                return None
        return self._received

    def _take(self, header: Any, data: bytes) -> None:
        """Keep a frame that libpcap has, if the filter lets it pass."""
        self._came += 1
        if self._refuses_all or (self._program is not None and not self._program.filter(data, header.len)):
            self.filtered += 1
            return
        time = round(header.ts * 1_000_000) * 1000  # a float holds microseconds of our days exactly
        self._received.append(CapturedFrame(time, data, header.len, self._link_type))

    def _goes_on(self, error: Any) -> bool:
        """Count an interface that went down, where libpcap does not wait for it; say so if it is gone."""
        name = self.interfaces[0]
        if name == "any" or name in {name for _, name in socket.if_nameindex()}:
            self.went_down += 1
            return True
        self.give_up(f"{name} was removed ({error.msg}); no more frames come from it")
        return False

    @property
    def statistics(self) -> SourceStatistics:
        """What came, frames included that the filter refused, and what libpcap says was dropped."""
        self._count()
        dropped, by_interface = self._counted
        return SourceStatistics(self._came, dropped, by_interface)

    def _count(self) -> None:
        """Ask libpcap; where it cannot tell any more, what it told last stands."""
        if self._pcap is not None:
            with contextlib.suppress(cypcap.Error):
                counted = self._pcap.stats()
                self._counted = (counted.drop, counted.ifdrop)

    def release(self) -> None:
        """Stop capturing."""
        self._count()
        self._pcap.close()
        self._pcap = None


def _activated(interface: str, options: LiveOptions) -> Any:
    pcap = cypcap.create(interface)
    pcap.set_snaplen(options.snap)
    pcap.set_buffer_size(options.buffer)
    pcap.set_promisc(options.promiscuous and interface != "any")
    pcap.set_timeout(_BUFFER_MS / 1000)
    try:
        pcap.activate()
        pcap.setnonblock(True)  # noqa: FBT003  # as libpcap has it
    except cypcap.Error as error:
        pcap.close()
        raise _refusal(interface, error) from error
    return pcap


def _refusal(interface: str, error: Any) -> CaptureError:
    message = f"{interface} cannot be captured on: {error.msg}"
    if error.code in (cypcap.ErrorCode.PERM_DENIED, cypcap.ErrorCode.PROMISC_PERM_DENIED):
        message = no_right(interface)
    elif error.code == cypcap.ErrorCode.NO_SUCH_DEVICE:
        message = no_interface(interface)
    return CaptureError(message, filename=interface)
