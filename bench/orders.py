"""What TCP segments and IP fragments cost in the worst orders known, few of them and eight times as many.

Where the work for a segment is bounded, the cost does not grow with their number, but for the caches.
"""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from measure import pinned
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import flowtable
from flowtable.testing import TCP, Ethernet, IPv4, write_pcap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Order = Callable[[int], Iterable[int]]

__all__ = ["ORDERS", "as_table", "orders"]

SEGMENTS: Final = (10_000, 80_000)
FRAGMENTS: Final = (1_000, 8_000)  # of eight bytes; more are too long for a datagram
RUNS: Final = 3  # the best one counts
ORDERS: Final[dict[str, Order]] = {
    "in order": lambda n: range(1, n),
    "up, with gaps": lambda n: (2 * at for at in range(1, n)),
    "down, with gaps": lambda n: (2 * at for at in range(n, 1, -1)),
    "down": lambda n: range(n, 1, -1),
    "from both ends": lambda n: (at if at % 2 else 3 * n - at for at in range(1, n)),
    "every third, then the rest": lambda n: sorted(range(2, n), key=lambda at: (at % 3, at)),
}


def orders() -> dict[str, tuple[float, float]]:
    """Measure each order; gives ns for a packet, with few and with many of them."""
    with pinned(0), tempfile.TemporaryDirectory() as folder:
        measure = partial(cost, Path(folder) / "orders.pcap")
        return {
            f"{what}, {name}": (measure(make(order, few)), measure(make(order, many)))
            for what, make, (few, many) in (
                ("segments", segments, SEGMENTS),
                ("fragments", fragments, FRAGMENTS),
            )
            for name, order in ORDERS.items()
        }


def segments(order: Order, number: int) -> list[bytes]:
    """Make segments of one byte behind a SYN."""
    flags = [("S", 0), *(("A", at) for at in order(number))]
    return [bytes(Ethernet() / IPv4() / TCP(1, 2, flag, seq=at) / b"x") for flag, at in flags]


def fragments(order: Order, number: int) -> list[bytes]:
    """Make fragments of eight bytes of a datagram that never is whole."""
    offsets = (8 * at for at in order(number) if 8 * at < 65_000)
    ip = partial(IPv4, id=1, flags="M", protocol=17)
    return [bytes(Ethernet() / ip(fragment_offset=offset) / bytes(8)) for offset in offsets]


def cost(path: Path, frames: list[bytes]) -> float:
    """Give the CPU time of a frame, in ns."""
    write_pcap(path, frames)
    taken = []
    for _ in range(RUNS):
        begin = time.process_time_ns()
        flowtable.read(path, streams=len, defrag=True, limits=flowtable.Limits(stream_bytes=1 << 30))
        taken.append(time.process_time_ns() - begin)
    return min(taken) / len(frames)


def as_table(figures: dict[str, tuple[float, float]]) -> Table:
    """Show the figures for people."""
    table = Table(
        title="packets in hostile orders", title_style="bold", title_justify="left", box=SIMPLE_HEAD
    )
    table.add_column("order")
    for column in ("ns, few of them", "ns, many"):
        table.add_column(column, justify="right")
    for name, (few, many) in figures.items():
        table.add_row(name, f"{few:,.0f}", f"{many:,.0f}")
    return table


if __name__ == "__main__":
    Console().print(as_table(orders()))
