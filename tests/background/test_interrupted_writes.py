"""Interrupts while flows are written, each batch made while the last one is written."""

import itertools
import subprocess
import sys
import time
from pathlib import Path

from interrupts import interrupted

from flowtable import background
from flowtable.export._ahead import ahead

RANDOM = """
import io, random, sys
import pyarrow.parquet as pq
import flowtable
from interrupts import interrupted_within
from flowtable import background
from flowtable.testing import UDP, Ethernet, IPv4, write_pcap

write_pcap(sys.argv[1], [
    bytes(Ethernet() / IPv4(f"10.0.{n >> 8}.{n & 255}", "10.1.0.1") / UDP(n, 2)) for n in range(20_000)
])
flows = flowtable.read(sys.argv[1])
whole = flows.to_arrow()
chance = random.Random(1)
hits = 0
for _ in range(60):
    hits += interrupted_within(chance.uniform(0, 0.2), lambda: flows.write_parquet(io.BytesIO()))
    file = io.BytesIO()
    flows.write_parquet(file)
    assert not background._running
assert pq.read_table(file).num_rows == whole.num_rows == 20_000
assert hits
print(hits)
"""


def test_at_any_time_of_parquet(tmp_path):
    """In a process of its own, which would not end if a thread did not."""
    command = [sys.executable, "-c", RANDOM, tmp_path / "a.pcap"]
    subprocess.run(command, check=True, timeout=300, cwd=Path(__file__).parent)


def test_at_any_step():
    """What was given is a beginning, and who closes the iterator waits for what is made."""
    for nth in itertools.count():
        made, given = [], []
        items = ahead(made.append(n) or n for n in range(4))
        was = interrupted(nth, lambda: given.extend(items))  # noqa: B023
        items.close()
        end = time.monotonic() + 60
        while background._running:
            assert time.monotonic() < end
            time.sleep(0.001)
        assert list(range(4))[: len(given)] == given
        assert list(range(4))[: len(made)] == made
        assert len(made) <= len(given) + 2
        if not was:
            break
    assert made == given == [0, 1, 2, 3]
    assert nth > 20
