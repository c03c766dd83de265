"""How cost grows with the number of flows, from a thousand to ten million: ``python bench/scale.py``.

Each packet of the captures begins a flow. Measured in a process each: the time per packet, the memory for
each flow, and the longest time between two refills of the window, which is how long a table stands still at
most. It draws the plot of ``docs/how-to/benchmark.md``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from captures import PACKETS, scaled, warm
from memory import peak_of
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

__all__ = ["as_plot", "as_table", "scale"]

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
ROUNDS: Final = 3
PLOT: Final = Path(__file__).parents[1] / "docs" / "images" / "scale.svg"
CHILD: Final = """
import flowtable, json, sys, time
from flowtable.capture.streams import FileStream
FileStream.descriptor = -1      # so that each window is asked for, and progress told
times = [time.perf_counter()]
flows = flowtable.read(sys.argv[1], threads=1, progress=lambda _: times.append(time.perf_counter()))
times.append(time.perf_counter())
pauses = [after - before for before, after in zip(times[1:], times[2:])]
print(json.dumps({"seconds": times[-1] - times[0], "pause": max(pauses, default=0)}))
"""


def scale() -> list[dict[str, Any]]:
    """Measure each size; gives ns per packet, bytes per flow and the longest pause in ms, by flows."""
    rows = []
    for flows in SIZES:
        path = scaled("churn", flows / PACKETS["churn"])
        warm(path)
        runs = [_run(path) for _ in range(ROUNDS)]
        rows.append(
            {
                "flows": flows,
                "ns_per_packet": 1e9 * min(run["seconds"] for run in runs) / flows,
                "pause_ms": 1e3 * min(run["pause"] for run in runs),
                "bytes": peak_of(path, flows),
            }
        )
    for row in rows[1:]:
        row["bytes_per_flow"] = (row["bytes"] - rows[0]["bytes"]) / (row["flows"] - rows[0]["flows"])
    return rows


def _run(path: Path) -> dict[str, float]:
    command = [sys.executable, "-c", CHILD, str(path)]
    measured: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return measured


def as_table(rows: list[dict[str, Any]]) -> Table:
    """Show the figures for people."""
    table = Table(title="scale", title_style="bold", title_justify="left", box=SIMPLE_HEAD)
    for name in ("flows", "ns per packet", "bytes per flow", "longest pause, ms"):
        table.add_column(name, justify="right")
    for row in rows:
        each = f"{row['bytes_per_flow']:.0f}" if "bytes_per_flow" in row else ""
        table.add_row(f"{row['flows']:,}", f"{row['ns_per_packet']:.0f}", each, f"{row['pause_ms']:.1f}")
    return table


def as_plot(rows: list[dict[str, Any]]) -> str:
    """Draw time per packet and memory per flow over the number of flows, as SVG."""
    left = [(row["flows"], row["ns_per_packet"]) for row in rows]
    right = [(row["flows"], row["bytes_per_flow"]) for row in rows[1:]]
    panels = _panel(50, "ns per packet, each a new flow", left) + _panel(400, "bytes per flow", right)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 260" font-family="sans-serif" '
        f'font-size="12"><rect width="720" height="260" fill="white"/>{panels}</svg>\n'
    )


def _panel(x: int, title: str, points: list[tuple[int, float]]) -> str:
    """Draw one panel: flows on a logarithmic axis, and what they cost from 0 on."""
    width, height, top = 270, 170, 40
    most = 100 * (int(max(y for _, y in points)) // 100 + 1)
    places = [(x + width * (len(str(flows)) - 4) / 4, top + height * (1 - y / most)) for flows, y in points]
    lines = [f'<text x="{x}" y="22" font-weight="bold">{title}</text>']
    for step in range(5):
        y = top + height * (1 - step / 4)
        lines.append(f'<path d="M{x} {y:.0f}h{width}" stroke="#ddd"/>')
        lines.append(f'<text x="{x - 6}" y="{y + 4:.0f}" text-anchor="end">{most * step // 4}</text>')
    for at, name in enumerate(("1k", "10k", "100k", "1M", "10M")):
        at_x = x + width * at / 4
        lines.append(f'<text x="{at_x:.0f}" y="{top + height + 18}" text-anchor="middle">{name}</text>')
    path = " L".join(f"{at_x:.1f} {at_y:.1f}" for at_x, at_y in places)
    lines.append(f'<path d="M{path}" fill="none" stroke="#06c" stroke-width="2"/>')
    lines += [f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="3.5" fill="#06c"/>' for at_x, at_y in places]
    lines.append(f'<text x="{x + width / 2}" y="{top + height + 38}" text-anchor="middle">flows</text>')
    return "".join(lines)


def main() -> None:
    """Measure, show, and draw."""
    console = Console()
    with console.status("scale"):
        rows = scale()
    console.print(as_table(rows))
    PLOT.parent.mkdir(exist_ok=True)
    PLOT.write_text(as_plot(rows))
    console.print(f"Drawn in {PLOT.relative_to(Path.cwd()) if PLOT.is_relative_to(Path.cwd()) else PLOT}")


if __name__ == "__main__":
    main()
