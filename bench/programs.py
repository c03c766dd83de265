"""The programs that are measured: flowtable, the floor, and peers where they are installed.

A peer is one row. ``{pcap}``, ``{out}`` (an empty folder) and ``{port}`` (a UDP port on the loopback
interface where nobody reads, so that receiving takes no time from the sender) stand for what each run gets.
"""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

__all__ = ["FLOWTABLE", "HELP", "PROGRAMS", "READ", "Program", "installed"]

HERE: Final = Path(__file__).parent

COMMAND: Final = (sys.executable, "-m", "flowtable")
HELP: Final = (*COMMAND, "--help")
READ: Final = (*COMMAND, "read", "{pcap}")
FLOWTABLE: Final = (*READ, "-w", "{out}/flows.parquet")
"""The command line that is measured."""

PARQUET_ROWS: Final = (
    sys.executable,
    "-c",
    "import pyarrow.parquet as pq, sys; print('flows=%d' % pq.read_metadata(sys.argv[1]).num_rows)",
    "{out}/flows.parquet",
)


@dataclass(frozen=True)
class Program:
    """One way to turn a capture into flows."""

    name: str
    command: tuple[str, ...]
    flows: str
    """What to find in its output: the sum of the numbers in the group, or without one how often."""
    note: str = ""
    """What it does less, or more."""
    count: tuple[str, ...] = ()
    """The command whose output has the flows, if its own has not."""
    package: str = ""
    """Debian's package; for those in Python the module."""
    at_most: int | None = None
    """It is slow: give it the first so many packets only."""
    core: int | None = None
    tells_seconds: bool = False
    """It measures a part of itself and prints ``seconds=``."""

    def found_flows(self, output: str) -> int:
        """Count the flows that an output speaks of."""
        found = re.findall(self.flows, output)
        return sum(int(n) for n in found) if re.compile(self.flows).groups else len(found)


def _loop(name: str, package: str, note: str, at_most: int) -> Program:
    """One of the loops in loops.py."""
    command = (sys.executable, str(HERE / "loops.py"), package, "{pcap}")
    return Program(name, command, r"flows=(\d+)", note, package=package, at_most=at_most)


PROGRAMS: Final = (
    Program("flowtable, one core", FLOWTABLE, r"flows=(\d+)", "writes Parquet", PARQUET_ROWS, core=0),
    Program("flowtable", FLOWTABLE, r"flows=(\d+)", "the same, on all cores", PARQUET_ROWS),
    Program(
        "flowtable.read",
        (sys.executable, str(HERE / "loops.py"), "flowtable", "{pcap}"),
        r"flows=(\d+)",
        "in process, one core: without start-up and export",
        core=0,
        tells_seconds=True,
    ),
    Program(
        "flowtable.read, all cores",
        (sys.executable, str(HERE / "loops.py"), "flowtable", "{pcap}"),
        r"flows=(\d+)",
        "the same, on all cores",
        tells_seconds=True,
    ),
    Program(
        "floor (C)",
        (str(HERE / "bin" / "floor"), "{pcap}", "x"),
        r"flows=(\d+)",
        "decodes and counts, no output",
        core=0,
    ),
    Program(
        "softflowd, default",
        ("softflowd", "-d", "-6", "-v", "10", "-b", "-n", "127.0.0.1:{port}", "-r", "{pcap}"),
        r"Flows expired: (\d+)",
        "8,192 flows at a time: cuts flows; no VLAN, no tunnels",
        package="softflowd",
    ),
    Program(
        "softflowd, large",
        (
            "softflowd",
            "-d",
            "-6",
            "-v",
            "10",
            "-b",
            "-m",
            "10000000",
            "-n",
            "127.0.0.1:{port}",
            "-r",
            "{pcap}",
        ),
        r"Flows expired: (\d+)",
        "IPFIX, two-way; a table for all; no VLAN, no tunnels",
        package="softflowd",
    ),
    Program(
        "nfpcapd",
        ("nfpcapd", "-r", "{pcap}", "-l", "{out}"),
        r"(?m)^Flows: (\d+)",
        "one-way flows, cut each 5 minutes; 2 threads",
        count=("nfdump", "-I", "-R", "{out}"),
        package="nfdump",
    ),
    Program(
        "argus",
        ("argus", "-r", "{pcap}", "-w", "{out}/argus"),
        r"sum\s+(\d+)",
        "reports a long flow many times; 2 threads",
        count=("racount", "-r", "{out}/argus"),
        package="argus-server",
        at_most=500_000,
    ),
    Program(
        "tshark",
        ("tshark", "-n", "-q", "-z", "conv,tcp", "-z", "conv,udp", "-r", "{pcap}"),
        r"<->",
        "conversations of TCP and UDP; dissects everything",
        package="tshark",
        at_most=50_000,
    ),
    _loop("nfstream", "nfstream", "no dissection of applications", 20_000),
    _loop("dpkt loop", "dpkt", "packets in a dictionary; no tunnels, no times", 50_000),
    _loop("scapy loop", "scapy", "packets in a dictionary; no tunnels, no times", 2_000),
)


def installed(program: Program) -> bool:
    """Say whether a program can be run here."""
    if program.command[0] == sys.executable:
        return not program.package or find_spec(program.package) is not None
    return all(shutil.which(command[0]) for command in (program.command, program.count) if command)
