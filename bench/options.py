"""What options cost: ``mixed.pcap`` read with none, with each one, and with all, in turn and on one core.

A child process reads the capture and says how long that took, without start-up, and how many bytes of
anonymous memory it has at the end, when the flows and what the options kept are still there.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any, Final

from captures import PACKETS, capture, warm
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

__all__ = ["as_table", "options"]

ROUNDS: Final = 5
EACH: Final[dict[str, dict[str, Any]]] = {
    "packet_statistics": {"packet_statistics": True},
    "tcp_metric": {"tcp_metric": True},
    "reassemble": {"reassemble": True},
    "defrag": {"defrag": True},
    "extra_layers": {"extra_layers": ("DNS", "DHCPv4", "VRRP")},
    "raw_packets": {"raw_packets": 10},
    "key_ids": {"key_ids": True},
}
ALL: Final = {name: value for given in EACH.values() for name, value in given.items()}
CHILD: Final = """
import flowtable, json, os, re, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
options = json.loads(sys.argv[2])
begin = time.perf_counter()
flows = flowtable.read(sys.argv[1], **options)
seconds = time.perf_counter() - begin
kilobytes = re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1]
print(json.dumps({"seconds": seconds, "bytes": 1024 * int(kilobytes), "flows": len(flows)}))
"""


def options() -> dict[str, Any]:
    """Measure; gives packets a second, the share of the speed without options, and bytes, by option."""
    path = capture("mixed")
    warm(path)
    given = {"none": {}, **EACH, "all": ALL}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in given}
    for _ in range(ROUNDS):
        for name, chosen in given.items():
            command = [sys.executable, "-c", CHILD, str(path), json.dumps(chosen)]
            runs[name].append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    return {name: _figures(runs["none"], of_one) for name, of_one in runs.items()}


def _figures(without: list[dict[str, float]], runs: list[dict[str, float]]) -> dict[str, float]:
    """Put the runs of one choice beside those without options, each beside that of its round."""
    shares = [a["seconds"] / b["seconds"] for a, b in zip(without, runs, strict=True)]
    return {
        "rate": PACKETS["mixed"] / statistics.median(run["seconds"] for run in runs),
        "share": statistics.median(shares),
        "bytes": statistics.median(run["bytes"] for run in runs),
        "flows": runs[0]["flows"],
    }


def as_table(figures: dict[str, Any]) -> Table:
    """Show the figures for people."""
    table = Table(
        title=f"options, mixed.pcap in process, {ROUNDS} rounds",
        title_style="bold",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    for name in ("option", "M/s", "of none", "MB", "flows"):
        table.add_column(name, justify="left" if name == "option" else "right")
    for name, f in figures.items():
        cells = f"{f['rate'] / 1e6:.2f}", f"{f['share']:.2f}", f"{f['bytes'] / 1e6:,.0f}", f"{f['flows']:,}"
        table.add_row(name, *cells)
    return table


if __name__ == "__main__":
    Console().print(as_table(options()))
