"""How long small things take: the time before and after the packets."""

from __future__ import annotations

import statistics
import sys
import tempfile
from typing import Any, Final

from captures import capture
from measure import run
from programs import FLOWTABLE, HELP, READ
from race import filled
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

__all__ = ["as_table", "startup"]

RUNS: Final = 15
COMMANDS: Final = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "import flowtable": (sys.executable, "-c", "import flowtable"),
    "flowtable --help": HELP,
    "10 packets as a table": (*READ, "-o", "table"),
    "10 packets as NDJSON": (*READ, "-o", "json"),
    "10 packets to Parquet": FLOWTABLE,
}


def startup() -> dict[str, Any]:
    """Measure whole processes in turn; gives ms by name."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as out:
        places = {"{pcap}": str(capture("mixed", 10)), "{out}": out}
        for _ in range(RUNS):
            for name, command in COMMANDS.items():
                taken[name].append(1e3 * run(filled(command, places)).seconds)
    return {
        name: {"median": statistics.median(times), "min": min(times), "max": max(times)}
        for name, times in taken.items()
    }


def as_table(figures: dict[str, Any]) -> Table:
    """Show the figures for people."""
    table = Table(
        title=f"start-up, {RUNS} runs of each", title_style="bold", title_justify="left", box=SIMPLE_HEAD
    )
    table.add_column("whole process")
    table.add_column("ms", justify="right")
    table.add_column("min-max", justify="right")
    for name, ms in figures.items():
        table.add_row(name, f"{ms['median']:.0f}", f"{ms['min']:.0f}-{ms['max']:.0f}")
    return table


if __name__ == "__main__":
    Console().print(as_table(startup()))
