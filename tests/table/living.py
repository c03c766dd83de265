"""A live table with a clock that is moved by hand, and what it has handed out so far."""

from __future__ import annotations

from threading import Event

from flowtable.table.live import Table
from flowtable.testing import GRE, START, TCP, UDP, Ethernet, IPv4, ManualClock

A, B = "02:00:00:00:00:01", "02:00:00:00:00:02"
SECOND = 10**9
MS = 10**6


def udp(port=1000, *, back=False, size=0):
    """Give a datagram of a flow of its own for each port."""
    ends, ports = ("10.0.0.1", "10.0.0.2"), (port, 5000)
    macs = (A, B)
    if back:
        ends, ports, macs = ends[::-1], ports[::-1], macs[::-1]
    return bytes(Ethernet(*macs) / IPv4(*ends) / UDP(*ports) / bytes(size))


def tcp(flags, *, back=False, port=1000):
    """Give a segment."""
    ends, ports, macs = ("10.0.0.1", "10.0.0.2"), (port, 80), (A, B)
    if back:
        ends, ports, macs = ends[::-1], ports[::-1], macs[::-1]
    return bytes(Ethernet(*macs) / IPv4(*ends) / TCP(*ports, flags))


def tunnel(levels=1, port=1000):
    """Give a datagram in so many GRE tunnels, each in the one before."""
    frame = Ethernet(A, B)
    for level in range(levels):
        frame = frame / IPv4(f"192.0.2.{2 * level + 1}", f"192.0.2.{2 * level + 2}") / GRE()
    return bytes(frame / IPv4("10.0.0.1", "10.0.0.2") / UDP(port, 5000))


class Watched:
    """A table, and ``ended`` and ``updated``: the flows that its handlers have got.

    Times are seconds after ``START``. What waits for handlers is called for by ``look``.
    """

    def __init__(self, **options):
        self.ended, self.updated = [], []
        self.clock = ManualClock(START)
        options = {"update_every": None, "application_timeouts": {}} | options
        self.table = Table(
            on_expire=self.ended.extend, on_update=self.updated.extend, clock=self.clock, **options
        )

    def __enter__(self):
        self.table.start()
        return self

    def __exit__(self, *exc_info):
        self.table.stop()

    def feed(self, *frames, link_type=1):
        """Feed frames, each ``(seconds, bytes)``."""
        self.table.feed([(START + round(at * SECOND), data, len(data), link_type) for at, data in frames])
        return self.look()

    def at(self, seconds):
        """Let it be that time."""
        self.clock.set(START + round(seconds * SECOND))
        return self.look()

    def look(self):
        """Wait until handlers have been told of all that was handed out."""
        told = Event()
        self.table._handlers.put(lambda _: told.set(), None, 0)
        assert told.wait(60)
        return self

    @property
    def finishes(self):
        """How the flows ended, in the order in which that was said."""
        return [flow.finish_type for flow in self.ended]


def seconds(nanoseconds):
    """Give a time as seconds after ``START``."""
    return (nanoseconds - START) / SECOND
