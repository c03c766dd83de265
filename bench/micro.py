"""The stages of the way through the house, one at a time, in this process and on one core."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from captures import PACKETS, capture, warm
from measure import pinned
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import flowtable
from flowtable.capture import open_capture

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["as_table", "micro"]

FLOWS_OF: Final = {"mixed": 500_000, "small64": 50_000}  # packets; some 45,000 flows each
NOTHING: Final = "ip proto 254"
RUNS: Final = 3  # the best one counts: what is wanted is the work, not what disturbed it


def micro() -> dict[str, dict[str, float]]:
    """Measure the stages for some captures; gives ns per packet or per flow."""
    with pinned(0):
        return {name: {**_packet_stages(name), **_flow_stages(name)} for name in FLOWS_OF}


def _packet_stages(name: str) -> dict[str, float]:
    path = capture(name)
    warm(path)
    stages = {
        "walk the file": lambda: open_capture(path).drain(),
        "walk, filter all out": lambda: flowtable.read(path, bpf=NOTHING, threads=1),
        "walk, decode, table": lambda: flowtable.read(path, threads=1),
        "the same, no tunnels": lambda: flowtable.read(path, tunnels=(), threads=1),
    }
    return {f"{stage}, ns/packet": _best(work) / PACKETS[name] for stage, work in stages.items()}


def _flow_stages(name: str) -> dict[str, float]:
    flows = flowtable.read(capture(name, FLOWS_OF[name]))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "flows"
        stages = {
            "columns": flows.to_arrow,
            "Parquet": lambda: flows.write_parquet(out),
            "Arrow file": lambda: flows.write_arrow(out),
            "CSV": lambda: flows.write_csv(out),
            "filter": lambda: flows.filter("Transport == 443 and Network in '10.0.0.0/8'"),
            "JSON": lambda: flows.write_json(out),
            "Flow objects": lambda: sum(flow.metric.ab_packets for flow in flows),
        }
        return {f"{stage}, ns/flow": _best(work, 2) / len(flows) for stage, work in stages.items()}


def _best(work: Callable[[], object], runs: int = RUNS) -> float:
    """Give ns."""
    taken = []
    for _ in range(runs):
        begin = time.perf_counter_ns()
        work()
        taken.append(time.perf_counter_ns() - begin)
    return min(taken)


def as_table(figures: dict[str, dict[str, float]]) -> Table:
    """Show the figures for people."""
    table = Table(title="stages, in process", title_style="bold", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("stage")
    for name in figures:
        table.add_column(name, justify="right")
    for stage in figures["mixed"]:
        table.add_row(stage, *(f"{figures[name][stage]:,.0f}" for name in figures))
    return table


if __name__ == "__main__":
    Console().print(as_table(micro()))
