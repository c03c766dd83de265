"""Machine instructions for each packet, counted by callgrind: figures that repeat, on any busy machine.

A capture and one of twice its size are read, and the difference counts, so that start-up cancels out.
The table's random hash key makes for the last few instructions.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

from captures import PACKETS, scaled
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

__all__ = ["as_table", "instructions"]

SCALES: Final = (0.01, 0.02)
NAMES: Final = ("mixed", "small64", "churn")
SHOWN: Final = 8  # functions
READ: Final = "import flowtable, sys; flowtable.read(sys.argv[1], threads=1)"
FUNCTION: Final = re.compile(r"fn=\((\d+)\)(?: (.*))?")


def instructions() -> dict[str, Any]:
    """Count for each capture; gives instructions per packet, in all and of the functions with most."""
    return {name: _per_packet(name) for name in NAMES}


def _per_packet(name: str) -> dict[str, Any]:
    few, many = (count(scaled(name, scale)) for scale in SCALES)
    packets = PACKETS[name] * (SCALES[1] - SCALES[0])
    many.subtract(few)
    top = {function: n / packets for function, n in many.most_common(SHOWN)}
    return {"total": many.total() / packets, "functions": top}


def count(capture: Path) -> Counter[str]:
    """Count the instructions of reading a capture, by function."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", sys.executable, "-c", READ]
        environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc"}
        subprocess.run([*command, str(capture)], env=environment, check=True, capture_output=True)
        return by_function(out.read_text())


def by_function(profile: str) -> Counter[str]:
    """Add up the instructions of each function itself in callgrind's format, version 1.

    A cost line is a position and a number; the one after ``calls=`` is what the callee took, and is left
    out. A name is given once, later its number stands for it.
    """
    names: dict[str, str] = {}
    costs: Counter[str] = Counter()
    function, is_call = "", False
    for line in profile.splitlines():
        if found := FUNCTION.fullmatch(line):
            function = names.setdefault(found[1], found[2] or "")
        elif line.startswith(("cfn=", "cfi=", "cob=")):
            _remember(names, line)
        elif line.startswith("calls="):
            is_call = True
        elif line[:1] in "+-*0123456789" and line:
            if not is_call:
                costs[function] += int(line.split()[1])
            is_call = False
    return costs


def _remember(names: dict[str, str], line: str) -> None:
    if line.startswith("cfn=") and (found := FUNCTION.fullmatch(line[1:])) and found[2]:
        names.setdefault(found[1], found[2])


def as_table(figures: dict[str, Any]) -> Table:
    """Show the figures for people."""
    table = Table(title="instructions per packet", title_style="bold", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("capture")
    table.add_column("total", justify="right")
    table.add_column("functions with most of their own")
    for name, counted in figures.items():
        top = ", ".join(f"{_short(function)} {n:.0f}" for function, n in counted["functions"].items())
        table.add_row(name, f"{counted['total']:,.0f}", top)
    return table


def _short(function: str) -> str:
    """Leave out the modules and the class that Cython puts before a name, each behind its length."""
    rest = function.partition("__pyx_f_")[2]
    while length := re.match(r"(\d+)", rest):
        rest = rest[length.end() + int(length[0]) + 1 :]
    return rest or function


if __name__ == "__main__":
    Console().print(as_table(instructions()))
