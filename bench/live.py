"""What live tables cost: ``scan`` beside ``read`` on the same captures, and questions while packets are fed.

The first is one thread each, in turn. The second is a table of a million flows that takes packets in one
thread and is asked by another: how long an answer takes, and how much longer feeding does, asked without a
pause and once a second.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any, Final

from captures import PACKETS, capture, warm
from rich.console import Console

__all__ = ["lines", "live"]

ROUNDS: Final = 5
READ: Final = """
import flowtable, json, sys, time
begin = time.perf_counter()
flows = flowtable.read(sys.argv[1], threads=1)
print(json.dumps({"seconds": time.perf_counter() - begin, "flows": len(flows)}))
"""
SCAN: Final = """
import flowtable, json, sys, time
begin = time.perf_counter()
flows = sum(map(len, flowtable.scan(sys.argv[1], max_flows=int(sys.argv[2]))))
print(json.dumps({"seconds": time.perf_counter() - begin, "flows": flows}))
"""
ASKED: Final = """
import flowtable, json, statistics, struct, sys, threading, time
from flowtable.capture import open_capture

FLOWS, AT_ONCE = 1_000_000, 20_000
table = flowtable.Table(max_flows=2 * FLOWS, expire_after=1e9, application_timeouts={}).start()
def frame(number):
    ports = 1000 + number % 60_000, 443 if number % 10 == 0 else 53_000
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 88, 0, 0, 64, 17, 0, 0x0A000000 + number, 0xC0000201)
    link = bytes.fromhex("0200000000010200000000020800")
    return link + ip + struct.pack(">HHHH", *ports, 68, 0) + bytes(60)
for first in range(0, FLOWS, AT_ONCE):
    table.feed([(first, data := frame(n), len(data), 1) for n in range(first, first + AT_ONCE)])
query = flowtable.SearchQuery(
    filter="Transport == 443 and Metric.ABBytes > 50", to=20,
    sort=True, sort_by="Metric.ABBytes", sort_order="descending",
)
def feed():
    begin = time.perf_counter()
    table.feed(open_capture(sys.argv[1]))
    return time.perf_counter() - begin
def ask():
    begin = time.perf_counter()
    assert len(table.search(query)) == 20
    return time.perf_counter() - begin
def asked(pause):
    took, answers = [], []
    feeding = threading.Thread(target=lambda: took.append(feed()))
    feeding.start()
    while feeding.is_alive():
        answers.append(ask())
        feeding.join(pause)
    return took[0], answers
feed()
alone, without, second = [], [], []
answers = {"alone": [ask() for _ in range(5)], "without a pause": [], "once a second": []}
for _ in range(int(sys.argv[2])):
    alone.append(feed())
    for pause, times, name in ((0, without, "without a pause"), (1, second, "once a second")):
        took, some = asked(pause)
        times.append(took)
        answers[name] += some
print(json.dumps({
    "flows": len(table),
    "ms": {name: 1000 * statistics.median(some) for name, some in answers.items()},
    "longest_ms": {name: 1000 * max(some) for name, some in answers.items()},
    "slower": {
        "without a pause": statistics.median(b / a for a, b in zip(alone, without)),
        "once a second": statistics.median(b / a for a, b in zip(alone, second)),
    },
}))
import os
sys.stdout.flush()
os._exit(0)     # a million flows more to hand over would say nothing
"""


def live() -> dict[str, Any]:
    """Measure both."""
    for name in ("mixed", "churn"):
        warm(capture(name))
    return {
        "scan": {name: _beside_read(name, room) for name, room in (("mixed", 500_000), ("churn", 100_000))},
        "asked": _child(ASKED, str(capture("mixed")), str(ROUNDS)),
    }


def _beside_read(name: str, room: int) -> dict[str, float]:
    path = str(capture(name))
    runs = [(_child(READ, path), _child(SCAN, path, str(room))) for _ in range(ROUNDS)]
    return {
        "rate": PACKETS[name] / statistics.median(scan["seconds"] for _, scan in runs),
        "of_read": statistics.median(read["seconds"] / scan["seconds"] for read, scan in runs),
        "flows": runs[0][1]["flows"],
        "room": room,
    }


def _child(program: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-c", program, *arguments]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer


def lines(figures: dict[str, Any]) -> list[str]:
    """Say it for people."""
    said = [
        f"scan {name}.pcap, {f['room']:,} flows at a time: {f['rate'] / 1e6:.2f} M/s, "
        f"{f['of_read']:.2f} of read, {f['flows']:,} flows"
        for name, f in figures["scan"].items()
    ]
    asked = figures["asked"]
    said += [
        f"asked {name}, of {asked['flows']:,} flows: {ms:.0f} ms, at most {asked['longest_ms'][name]:.0f} ms"
        + (f", feeding takes {asked['slower'][name]:.2f} times as long" if name in asked["slower"] else "")
        for name, ms in asked["ms"].items()
    ]
    return said


if __name__ == "__main__":
    console = Console()
    for line in lines(live()):
        console.print(line)
