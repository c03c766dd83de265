"""Run the fuzz targets for a while on some cores, and say what they found.

``make fuzz`` builds them and writes their seeds first. A core runs the targets one after the other, each for
its share of the time; cores share what they learn, and ``build/fuzz/corpus`` keeps it for the next run.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

BUILD: Final = Path(__file__).parents[1] / "build" / "fuzz"
FINDINGS: Final = BUILD / "findings"
SANITIZERS: Final = {
    # An embedded Python never gives all memory back: leaks are for `make soak` to find.
    "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=8:malloc_context_size=4",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}
LIMITS: Final = ("-timeout=5", "-rss_limit_mb=2048")  # seconds for one input, and memory
COUNTED: Final = re.compile(r"^stat::number_of_executed_units: (\d+)", re.MULTILINE)


class Target(NamedTuple):
    """A target, its share of the time, and the bytes of its longest input."""

    name: str
    share: float
    longest: int


class Ran(NamedTuple):
    """How many inputs a target took on one core, and the exit code: 0 when nothing was found."""

    target: str
    inputs: int
    code: int


TARGETS: Final = (
    Target("frames", 0.3, 4096),
    Target("lives", 0.2, 4096),
    Target("samples", 0.1, 2048),
    Target("captures", 0.2, 8192),
    Target("places", 0.1, 1024),
    Target("filters", 0.1, 1024),
)


def fuzz(target: Target, core: int, seconds: float) -> Ran:
    """Run one target."""
    corpus = BUILD / "corpus" / target.name
    corpus.mkdir(parents=True, exist_ok=True)
    command = [
        str(BUILD / "harness"),
        f"--target={target.name}",
        f"-max_total_time={max(1, round(seconds))}",
        f"-max_len={target.longest}",
        f"-artifact_prefix={FINDINGS / target.name}-",
        *("-print_final_stats=1", "-print_funcs=0", "-reload=5"),
        *LIMITS,
        str(corpus),
        str(BUILD / "seeds" / target.name),
    ]
    log = BUILD / f"{target.name}-{core}.log"
    with log.open("w") as out:
        code = subprocess.run(command, env=os.environ | SANITIZERS, stderr=out, check=False).returncode
    counted = COUNTED.search(log.read_text(errors="replace"))
    return Ran(target.name, int(counted[1]) if counted else 0, code)


def on_core(number: int, seconds: float) -> list[Ran]:
    """Run all targets one after the other, each core beginning with another one."""
    first = number % len(TARGETS)
    return [fuzz(target, number, seconds * target.share) for target in TARGETS[first:] + TARGETS[:first]]


def main() -> int:
    """Run everything; 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    FINDINGS.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(asked.cores) as pool:
        cores = pool.map(on_core, range(asked.cores), [asked.seconds] * asked.cores)
        ran = [each for core in cores for each in core]
    for target in TARGETS:
        print(f"{target.name}: {sum(r.inputs for r in ran if r.target == target.name):,} inputs")
    print(f"{sum(r.inputs for r in ran):,} inputs in all")
    found = any(r.code for r in ran)
    if found:
        print(f"something was found: see {FINDINGS}, {BUILD}/*.log and docs/how-to/fuzz.md")
    return int(found)


if __name__ == "__main__":
    sys.exit(main())
