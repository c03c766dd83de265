"""The processes of this host that connections belong to."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any, Final

from flowtable.enhance._ends import addresses_of
from flowtable.enhance.enhancer import Enhancer
from flowtable.errors import ExtraMissing, OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flowtable.flow import Flow

__all__ = ["LocalProcess"]

_KINDS: Final = {socket.SOCK_STREAM: "TCP", socket.SOCK_DGRAM: "UDP"}
_WILDCARDS: Final = ("0.0.0.0", "::")  # noqa: S104 - nothing is bound here
_MAPPED: Final = "::ffff:"

_End = tuple[str, int]


class LocalProcess(Enhancer):
    """Adds ``ProcessA`` and ``PidA``, ``ProcessB`` and ``PidB``: who has the socket of an end on this host.

    It is for flows of now, that a live table makes: the system knows nothing of sockets that are gone. Its
    list of sockets is asked for again when it is older than ``refresh_seconds``; of more than ``limit`` the
    rest is left out. Without privileges systems tell of the own processes only, and some of none. What was
    found for an end when a flow began stays.

    Raises:
        ExtraMissing: psutil is not installed.

    """

    name = "local-process"

    def __init__(
        self,
        *,
        refresh_seconds: float = 1.0,
        limit: int = 65_536,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if refresh_seconds < 0 or limit < 1:
            raise OptionError("LocalProcess: takes refresh_seconds from 0 on, and a limit from 1 on")
        self._psutil = _psutil()
        self._refresh_seconds = refresh_seconds
        self._limit = limit
        self._clock = clock
        self._sockets = _Sockets([], (), 0)
        self._asked: float | None = None
        self._names: dict[int, str] = {}
        self.left_out = 0
        """Sockets that were too many, when the list was last asked for."""

    def start(self) -> None:
        """Ask for the sockets: what is not allowed is said now."""
        self._refresh()

    def stop(self) -> None:
        """Forget the sockets."""
        self._sockets, self._asked = _Sockets([], (), 0), None
        self._names.clear()

    def enhance(self, flow: Flow) -> None:
        """Add who has the sockets of both ends."""
        ends, protocol = addresses_of(flow), flow.get("Transport.Protocol")
        if not ends or protocol not in _KINDS.values():
            return
        if self._asked is None or self._clock() - self._asked >= self._refresh_seconds:
            self._refresh()
        a, b = zip(ends, (flow.get("Transport.A"), flow.get("Transport.B")), strict=True)
        known = flow.extra
        for end, own, other in (("A", a, b), ("B", b, a)):
            pid = self._sockets.find(protocol, own, other)
            if pid is not None and f"Pid{end}" not in known:
                self._add(flow, end, pid)

    def _add(self, flow: Flow, end: str, pid: int) -> None:
        flow.add_extra(f"Pid{end}", str(pid))
        name = self._name_of(pid)
        if name:
            flow.add_extra(f"Process{end}", name)

    def _refresh(self) -> None:
        self._asked = self._clock()
        self._names.clear()
        found = self._psutil.net_connections(kind="inet")
        own = {_plain(a.address) for some in self._psutil.net_if_addrs().values() for a in some}
        self._sockets = _Sockets(found, own, self._limit)
        self.left_out = max(0, len(found) - self._limit)

    def _name_of(self, pid: int) -> str:
        """Give a process's name; empty if it is gone by now, or may not be looked at."""
        if pid not in self._names:
            try:
                self._names[pid] = self._psutil.Process(pid).name()
            except self._psutil.Error:
                self._names[pid] = ""
        return self._names[pid]


class _Sockets:
    """Who has which sockets, as the system says at one time."""

    def __init__(self, found: list[Any], own: Iterable[str], limit: int) -> None:
        self._connected: dict[tuple[str, _End, _End], int] = {}
        self._bound: dict[tuple[str, _End], int] = {}
        self._own = frozenset(own)
        for each in found[:limit]:
            if each.pid is not None and each.laddr and each.type in _KINDS:
                self._note(_KINDS[each.type], _end(each.laddr), each.raddr, each.pid)

    def _note(self, protocol: str, own: _End, other: Any, pid: int) -> None:
        if other:
            self._connected[protocol, own, _end(other)] = pid
        else:
            self._bound[protocol, own] = pid

    def find(self, protocol: str, own: _End, other: _End) -> int | None:
        """Give the process that has an end: of a connection, or that waits there for whoever comes."""
        pid = self._connected.get((protocol, own, other))
        if pid is None:
            pid = self._bound.get((protocol, own))
        if pid is None and (own[0] in self._own or own[0].startswith("127.")):
            pid = self._bound.get((protocol, ("", own[1])))
        return pid


def _end(address: Any) -> _End:
    return "" if address.ip in _WILDCARDS else _plain(address.ip), address.port


def _plain(address: str) -> str:
    """Give an address as flows have it: without the interface, and IPv4 in sockets of IPv6 as IPv4."""
    address = address.partition("%")[0]
    return address.removeprefix(_MAPPED) if address.startswith(_MAPPED) and "." in address else address


def _psutil() -> Any:
    try:
        import psutil  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ExtraMissing("LocalProcess needs psutil: pip install 'flowtable[process]'") from error
    return psutil
