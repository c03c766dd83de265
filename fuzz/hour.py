"""An hour of a network, as the packets' times have it, through a live table that has room for far less.

Run it as ``python fuzz/hour.py``; ``make soak`` does, and the tests for a minute of it. Ten million TCP flows
of two to four packets, a quarter of them in tunnels, end by reset, FIN from both sides, or as nothing more
comes. Each has a number, which its ports are. Broken is: a flow that is handed out never or twice, a packet
that is not, an eviction, or memory that grows by more than 5 % after the first minute.
"""

from __future__ import annotations

import argparse
import os
import struct
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flowtable import Table
from flowtable.testing import GRE, START, TCP, Ethernet, IPv4

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowtable import FlowSet

SECOND: Final = 10**9
MAX_FLOWS: Final = 100_000
MACS: Final = ("02:00:00:00:00:01", "02:00:00:00:00:02")
ENDS: Final = ("10.0.0.1", "10.0.0.2")
TUNNELS: Final = 97
TALKS: Final = (("S", "SA", "R"), ("S", "SA", "FA", "FA"), ("A", "A"), ("A", "A"))
"""Flags of the packets, those of A and those of B by turns; the last kind is in a tunnel."""
GROWTH: Final = 1.05
ALLOCATOR: Final = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}
"""Lets glibc give back what is freed, so that memory is what is in use and not what once was."""


def template(flags: str, *, back: bool, tunnel: int | None = None) -> tuple[bytes, bytes]:
    """Give what is in front of a segment's ports, and what is behind them."""
    way = -1 if back else 1
    frame = Ethernet(*MACS[::way])
    if tunnel is not None:
        frame = frame / IPv4(*(f"192.0.2.{tunnel + 1}", "192.0.3.1")[::way]) / GRE()
    frame = frame / IPv4(*ENDS[::way])
    around = len(bytes(frame))
    data = bytes(frame / TCP(0, 0, flags))
    return data[:around], data[around + 4 :]


def templates() -> list[list[list[tuple[bytes, bytes]]]]:
    """Give of each kind of talk, of each of its packets, those in each tunnel, or the one without."""
    return [
        [
            [
                template(flags, back=at % 2 == 1, tunnel=tunnel)
                for tunnel in (range(TUNNELS) if kind == 3 else [None])
            ]
            for at, flags in enumerate(talk)
        ]
        for kind, talk in enumerate(TALKS)
    ]


def traffic(seconds: int, per_second: int) -> Iterator[list[tuple[int, bytes, int, int]]]:
    """Give the frames of each second, in order: flows begin in it, and those of the seconds before go on."""
    known = templates()
    step = SECOND // per_second
    for second in range(seconds + max(map(len, TALKS))):
        frames = []
        for nth in range(per_second):
            now = START + second * SECOND + nth * step
            for at in range(min(second + 1, max(map(len, TALKS)))):
                number = (second - at) * per_second + nth
                talk = known[number % len(TALKS)]
                if second - at < seconds and at < len(talk):
                    before, behind = talk[at][number // len(TALKS) % len(talk[at])]
                    ports = number >> 16, number & 0xFFFF
                    data = before + struct.pack(">HH", *(ports[::-1] if at % 2 else ports)) + behind
                    frames.append((now, data, len(data), 1))
        yield frames


class Heard:
    """What was handed out, by the flows' numbers."""

    def __init__(self, flows: int) -> None:
        self.times = bytearray(flows)
        self.outer = 0
        self.packets = 0
        self.flows = 0

    def __call__(self, flows: FlowSet) -> None:
        """Take flows that have ended."""
        for high, low, there, back in zip(
            *map(flows.values, ("Transport.A", "Transport.B", "Metric.ABPackets", "Metric.BAPackets")),
            strict=True,
        ):
            if high is None:
                self.outer += 1
            else:
                self.times[high << 16 | low] += 1
                self.packets += there + back
        self.flows += len(flows)

    def wait_for(self, flows: int) -> None:
        """Let the handler come to so many flows: what waits for it is no part of the table's memory."""
        while self.flows < flows:
            time.sleep(0.001)


def resident() -> int:
    """Give the bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def soak(seconds: int, per_second: int, *, idle: float, warm: int) -> str:
    """Feed the time's frames; gives what was done."""
    heard = Heard(seconds * per_second)
    fed = most = held = 0
    table = Table(
        on_expire=heard, max_flows=MAX_FLOWS, expire_after=idle, hold_ended=5, queued_flows=MAX_FLOWS
    )
    with table:
        for second, frames in enumerate(traffic(seconds, per_second)):
            table.feed(frames)
            fed += len(frames)
            heard.wait_for(sum(table.statistics.flows_ended.values()))
            most = max(most, len(table))
            now = resident()
            held = max(held, now) if second < warm else held
            assert now < held * GROWTH, f"from {held:,} to {now:,} bytes after {second} s"
    statistics = table.statistics
    assert statistics.handler_flows_dropped == statistics.handler_errors == 0
    assert statistics.flows_ended["EVICTED"] == 0
    assert statistics.account.in_flows == statistics.account.frames == fed
    assert heard.times.count(1) == len(heard.times), "a flow was handed out never, or twice"
    assert (heard.packets, heard.outer) == (fed, TUNNELS)
    return f"{len(heard.times):,} flows of {fed:,} frames; at most {most:,} at a time, {held >> 20:,} MiB"


def main() -> None:
    """Soak; what is broken is an AssertionError."""
    if not os.environ.items() >= ALLOCATOR.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ALLOCATOR)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--per-second", type=int, default=2800)
    parser.add_argument("--idle", type=float, default=30)
    parser.add_argument("--warm", type=int, default=60)
    asked = parser.parse_args()
    print(soak(asked.seconds, asked.per_second, idle=asked.idle, warm=asked.warm), flush=True)


if __name__ == "__main__":
    main()
