"""Programs against each other: A B C A B C, so that what slows the machine for a while slows all of them."""

from __future__ import annotations

import socket
import statistics
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from captures import PACKETS, capture, warm
from measure import Run, run
from rich.box import SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from programs import Program

__all__ = ["Result", "as_table", "explanation", "filled", "race"]

COLUMNS: Final = {
    "M/s": "million packets a second of wall clock, whole process; the median of the rounds",
    "min-max": "the range of the rounds; nothing for what is slow and ran once",
    "CPU ns": "a packet, of all threads, user and kernel",
    "MB": "resident at the peak, with the pages of files that are mapped",
    "flows": "as each counts them",
    "ratio": "the first row's packets a second divided by this row's",
}
SLOW: Final = 4.0
"""A peer that takes longer, in seconds, runs only once: its figure is far from the others anyway."""


@dataclass(frozen=True)
class Result:
    """What a program did with a capture, in medians over its runs."""

    name: str
    note: str
    packets: int
    flows: int
    rounds: int
    rate: float
    """Packets a second."""
    slowest: float
    fastest: float
    cpu: float
    """Seconds."""
    peak: int
    """Bytes."""


def race(name: str, programs: Sequence[Program], rounds: int, tell: Callable[[str], None]) -> list[Result]:
    """Run all programs over a capture in turn; ``tell`` is told what runs."""
    paths = {program.name: capture(name, program.at_most) for program in programs}
    runs: dict[str, list[tuple[Run, float, int]]] = {program.name: [] for program in programs}
    for path in set(paths.values()):
        warm(path)
    for number in range(rounds):
        for program in programs:
            before = runs[program.name]
            if not (before and program.package and before[0][0].seconds > SLOW):
                tell(f"{name}, round {number + 1} of {rounds}: {program.name}")
                before.append(_one_run(program, paths[program.name]))
    return [_result(p, min(p.at_most or PACKETS[name], PACKETS[name]), runs[p.name]) for p in programs]


def _one_run(program: Program, path: Path) -> tuple[Run, float, int]:
    """Gives the run, the seconds that count, and the flows."""
    with tempfile.TemporaryDirectory() as out, deaf_port() as port:
        places = {"{pcap}": str(path), "{out}": out, "{port}": str(port)}
        done = run(filled(program.command, places), core=program.core)
        seconds = _own_seconds(done.output) if program.tells_seconds else done.seconds
        told = done.output
        if program.count:
            counted = subprocess.run(
                filled(program.count, places), check=True, capture_output=True, text=True
            )
            told = counted.stdout
    return done, seconds, program.found_flows(told)


def filled(command: Sequence[str], places: dict[str, str]) -> list[str]:
    """Put a run's paths and port into a command."""
    words = []
    for word in command:
        for name, value in places.items():
            word = word.replace(name, value)  # noqa: PLW2901
        words.append(word)
    return words


def _own_seconds(output: str) -> float:
    return float(output.partition("seconds=")[2].split()[0])


@contextmanager
def deaf_port() -> Iterator[int]:
    """Open a UDP port on the loopback interface that nobody reads: the kernel drops what comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        yield sink.getsockname()[1]


def _result(program: Program, packets: int, runs: Sequence[tuple[Run, float, int]]) -> Result:
    seconds = [taken for _, taken, _ in runs]
    return Result(
        name=program.name,
        note=program.note,
        packets=packets,
        flows=runs[0][2],
        rounds=len(runs),
        rate=packets / statistics.median(seconds),
        slowest=packets / max(seconds),
        fastest=packets / min(seconds),
        cpu=statistics.median(done.cpu for done, _, _ in runs),
        peak=round(statistics.median(done.peak for done, _, _ in runs)),
    )


def as_table(name: str, results: Sequence[Result]) -> Table:
    """Show results for people; the first one is what the others are compared with."""
    title = f"{name}: {PACKETS[name] / 1e6:.0f} M packets"
    table = Table(title=title, title_style="bold", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.padding = (0, 1, 0, 0)
    table.add_column(no_wrap=True)
    for column in ("M/s", "min-max", "CPU ns", "MB", "flows", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results:
        table.add_row(*_cells(result, results[0]))
    return table


def _cells(result: Result, first: Result) -> tuple[Any, ...]:
    spread = f"{_millions(result.slowest)}-{_millions(result.fastest)}" if result.rounds > 1 else ""
    return (
        result.name,
        _millions(result.rate),
        spread,
        f"{result.cpu / result.packets * 1e9:,.0f}",
        f"{result.peak / 1e6:,.0f}",
        f"{result.flows:,}",
        f"{first.rate / result.rate:,.2f}",
    )


def explanation(programs: Sequence[Program]) -> Table:
    """Say what the columns mean, and what each program does less or more than the first."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for word, meaning in COLUMNS.items():
        table.add_row(f"[italic]{word}", meaning)
    for program in programs:
        cut = f"; the first {program.at_most:,} packets only" if program.at_most else ""
        table.add_row(program.name, program.note + cut)
    return table


def _millions(rate: float) -> str:
    return f"{rate / 1e6:.4f}" if rate < 1e5 else f"{rate / 1e6:.2f}"
