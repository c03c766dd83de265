"""``make bench``: measure flowtable beside the floor and its peers, show it, and keep a record.

Compare what stands in one record only: ratios hold, absolute figures depend on the machine and the hour.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import machine
import race
from captures import PACKETS
from programs import PROGRAMS, Program, installed
from rich.console import Console

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "results"
FLOOR: Final = HERE / "bin" / "floor"
PARTS: Final = ("race", "startup", "memory", "instructions", "micro", "options")
PACKAGES: Final = ("flowtable", "pyarrow", "cypcap", "valgrind")


def main() -> None:
    """Measure, show and record what was asked for."""
    options = _options()
    console = Console()
    compile_floor()
    programs = [program for program in PROGRAMS if installed(program)]
    if missing := [program.name for program in PROGRAMS if program not in programs]:
        console.print(f"Not installed, and left out: {', '.join(missing)}. `make peers` installs them.")
    record: dict[str, Any] = {
        "machine": machine.describe([*PACKAGES, *(p.package for p in PROGRAMS if p.package)])
    }
    if "race" in options.parts:
        record["race"] = run_races(console, programs, options.captures, options.rounds)
    for part in options.parts:
        if part != "race":
            record[part] = run_part(console, part)
    if options.record:
        console.print(f"Recorded in {write_record(record)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--captures", nargs="+", choices=list(PACKETS), default=list(PACKETS))
    parser.add_argument("--no-record", dest="record", action="store_false", help="only show the figures")
    return parser.parse_args()


def compile_floor() -> None:
    """Compile floor.c if it is newer than its program."""
    source = HERE / "floor.c"
    if not FLOOR.exists() or FLOOR.stat().st_mtime < source.stat().st_mtime:
        FLOOR.parent.mkdir(exist_ok=True)
        subprocess.run(["cc", "-O3", "-o", FLOOR, source], check=True)


def run_races(console: Console, programs: list[Program], names: list[str], rounds: int) -> dict[str, Any]:
    """Run the programs over each capture, and show each table when it is complete."""
    record = {}
    for name in names:
        with console.status(name) as status:
            results = race.race(name, programs, rounds, status.update)
        console.print(race.as_table(name, results))
        record[name] = [asdict(result) for result in results]
    console.print(race.explanation(programs))
    return record


def run_part(console: Console, part: str) -> Any:
    """Measure and show one of the other parts.

    It is loaded only now: what is in this process counts as memory of the programs that it starts.
    """
    if part == "instructions" and not shutil.which("valgrind"):
        console.print("valgrind is not installed: no instructions are counted.")
        return None
    with console.status(part):
        module = import_module(part)
        figures = getattr(module, part)()
    console.print(module.as_table(figures))
    return figures


def write_record(record: dict[str, Any]) -> Path:
    """Write a record into bench/results/, named by its day and revision."""
    RESULTS.mkdir(exist_ok=True)
    about = record["machine"]
    path = RESULTS / f"{about['time'][:10]}-{about['revision']}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    return path.relative_to(HERE.parent)


if __name__ == "__main__":
    main()
