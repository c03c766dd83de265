"""What a flow costs in memory: the slope of peak anonymous memory from a thousand flows to a million.

A child process reads a capture in which every packet is a flow, and keeps the flows. Meanwhile this process
looks at ``RssAnon`` in the child's /proc/PID/status every millisecond, and keeps the highest: anonymous
memory is what the process asked for, without the code and the files that others share. Start-up cancels
out in a slope, and so does the window that the file is read through.
"""

from __future__ import annotations

import re
import select
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from captures import PACKETS, scaled
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

__all__ = ["as_table", "memory"]

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
LOOK: Final = 0.001  # seconds between two looks
CHILD: Final = """
import flowtable, sys
flows = flowtable.read(sys.argv[1])
assert len(flows) == int(sys.argv[2])
print("read", flush=True)
sys.stdin.read()
"""


def memory() -> dict[str, Any]:
    """Measure each size; gives bytes, by flows and for each further flow."""
    peaks = {flows: peak_of(scaled("churn", flows / PACKETS["churn"]), flows) for flows in SIZES}
    few, many = min(peaks), max(peaks)
    return {
        "peak_anonymous_bytes": {str(flows): peak for flows, peak in peaks.items()},
        "bytes_per_flow": (peaks[many] - peaks[few]) / (many - few),
    }


def peak_of(capture: Path, flows: int) -> int:
    """Give the peak anonymous memory of reading a capture, in bytes."""
    command = [sys.executable, "-c", CHILD, str(capture), str(flows)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None  # noqa: S101 - for the type checker
        status = Path(f"/proc/{child.pid}/status")
        peak = 0
        while child.poll() is None and not _has_output(child.stdout.fileno()):
            peak = max(peak, _anonymous(status))
        peak = max(peak, _anonymous(status))
        if child.stdout.readline() != b"read\n":
            raise RuntimeError(f"reading {capture} failed")
    return peak


def _has_output(descriptor: int) -> bool:
    """Wait a little for the child to say that it is done."""
    return bool(select.select([descriptor], [], [], LOOK)[0])


def _anonymous(status: Path) -> int:
    found = re.search(r"RssAnon:\s+(\d+) kB", status.read_text())
    return int(found[1]) * 1024 if found else 0  # a process that has just begun, or ended, has none


def as_table(figures: dict[str, Any]) -> Table:
    """Show the figures for people."""
    title = f"memory: {figures['bytes_per_flow']:.0f} bytes a flow"
    table = Table(title=title, title_style="bold", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("flows", justify="right")
    table.add_column("peak anonymous MB", justify="right")
    for flows, peak in figures["peak_anonymous_bytes"].items():
        table.add_row(f"{int(flows):,}", f"{peak / 1e6:.1f}")
    return table


if __name__ == "__main__":
    Console().print(as_table(memory()))
