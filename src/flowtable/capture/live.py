"""Capturing on interfaces: by a ring of memory that is shared with Linux, elsewhere by libpcap."""

from __future__ import annotations

import sys
from collections.abc import Iterable  # noqa: TC003  # public annotations resolve at run time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from flowtable.capture._handed import LiveSource  # noqa: TC001  # likewise
from flowtable.capture.bpf import LinkFilters
from flowtable.capture.live_options import BUFFER, SNAP, LiveOptions
from flowtable.errors import OptionError

if TYPE_CHECKING:
    from flowtable.capture.packet_socket import PacketSocket

__all__ = ["LiveWay", "open_fanout", "open_live"]

LiveWay: TypeAlias = Literal["ring", "libpcap"]

_MOST_THREADS: Final = 256  # sockets of a group, on kernels before 5.12 and as many as are sensible


def open_live(  # noqa: PLR0913  # all but the interfaces by name
    interfaces: str | Iterable[str],
    *,
    bpf: str | None = None,
    snap: int = SNAP,
    buffer: int = BUFFER,
    promiscuous: bool = True,
    wait_ms: int = 50,
    way: LiveWay | None = None,
) -> LiveSource:
    """Capture on one interface, or on several as one; ``any`` is all that there are.

    `bpf` chooses frames as it would in a file of them, VLAN tags included. `snap` bytes are kept of each, and
    up to `buffer` bytes of each interface's frames wait in the kernel until they are read; what finds no room
    there is counted in ``statistics``. `wait_ms` is how long the source waits for frames before somebody else
    has a turn. `way` is ``"ring"`` on Linux and ``"libpcap"`` elsewhere, unless it is said; libpcap takes one
    interface.

    An interface that is down, or goes down, is waited for. One that is removed ends with a CaptureWarning,
    and the source with the last one.

    CaptureError: there is no such interface, or no right to capture on it, which takes CAP_NET_RAW.
    FilterError, OptionError: the expression, or another argument, is wrong.
    """
    names = _names(interfaces)
    options = LiveOptions(bpf, snap, buffer, promiscuous, wait_ms)
    if _is_ring(way):
        return _open_rings(names, 1, options)[0]
    if len(names) > 1:
        raise OptionError(
            "libpcap captures on one interface at a time; several take the packet ring of Linux"
        )
    from flowtable.capture.live_pcap import PcapLiveSource  # noqa: PLC0415  # it loads libpcap

    return PcapLiveSource(names[0], options)


def open_fanout(  # noqa: PLR0913  # likewise
    interfaces: str | Iterable[str],
    threads: int,
    *,
    bpf: str | None = None,
    snap: int = SNAP,
    buffer: int = BUFFER,
    promiscuous: bool = True,
    wait_ms: int = 50,
) -> tuple[LiveSource, ...]:
    """Capture for several threads: as many sources, which the kernel deals frames out to.

    Frames with the same outermost pair of addresses come to the same source: both ways of a flow, its
    fragments, and all that is inside its tunnel. Only the packet ring of Linux can do that. All else is as
    with :func:`open_live`; `buffer` is what each source has for each interface.
    """
    names = _names(interfaces)
    options = LiveOptions(bpf, snap, buffer, promiscuous, wait_ms)
    _is_ring("ring")
    if not 1 <= threads <= _MOST_THREADS:
        raise OptionError(f"threads is {threads}; it has to be 1 to {_MOST_THREADS}")
    return _open_rings(names, threads, options)


def _names(interfaces: str | Iterable[str]) -> list[str]:
    names = [interfaces] if isinstance(interfaces, str) else list(interfaces)
    if not names:
        raise OptionError("there is no interface to capture on: give at least one name, or any")
    for name in names:
        if not name.isprintable():
            raise OptionError(f"{name!r} cannot be an interface: its name can be printed")
    if len(set(names)) < len(names):
        raise OptionError(f"of {', '.join(names)} one is given twice: its frames would count twice")
    if "any" in names and len(names) > 1:
        raise OptionError("any has every interface's frames already: those of others would count twice")
    return names


def _is_ring(way: LiveWay | None) -> bool:
    """Choose the way; OptionError when it is none, or not for this system."""
    is_linux = sys.platform == "linux"
    if way not in (None, "ring", "libpcap"):
        raise OptionError(f"way is {way!r}; it has to be ring or libpcap")
    if way == "ring" and not is_linux:
        raise OptionError("the packet ring is Linux's; libpcap captures here as well, for one thread")
    return is_linux if way is None else way == "ring"


def _open_rings(names: list[str], threads: int, options: LiveOptions) -> tuple[LiveSource, ...]:
    from flowtable.capture._ring import RingSource  # noqa: PLC0415  # made on Linux only, as what follows
    from flowtable.capture.interfaces import find_interface  # noqa: PLC0415
    from flowtable.capture.packet_socket import PacketSocket  # noqa: PLC0415

    link_filter = None if options.bpf is None else LinkFilters(options.bpf)
    found = [find_interface(name) for name in names]
    with ExitStack() as opened:
        groups: list[list[PacketSocket]] = []
        for interface in found:
            sockets = [PacketSocket(interface, options, link_filter) for _ in range(threads)]
            groups.append(sockets)
            for each in sockets:
                opened.callback(each.close)
        sources = tuple(RingSource(sockets) for sockets in zip(*groups, strict=True))
        for group in groups:
            _begin(group)
        opened.pop_all()
    for source in sources:
        source.wait_ms = options.wait_ms
    return sources


def _begin(group: list[PacketSocket]) -> None:
    """Let one interface's frames in, each to one of the sockets."""
    if len(group) == 1:
        group[0].begin()
        return
    number: int | None = None
    for each in group:
        each.begin(shut=True)  # what came to it before it is one of the group would come to others as well
        number = each.join(number)
    for each in group:
        each.open()
