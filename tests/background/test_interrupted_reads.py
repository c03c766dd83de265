"""Interrupts while captures are unpacked ahead: nothing hangs, comes twice, or is missing unsaid."""

import gzip
import itertools
import random
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from interrupts import interrupted

from flowtable.capture import ahead, open_capture
from flowtable.capture.ahead import AheadStream
from flowtable.capture.streams import StreamError, open_stream
from flowtable.errors import CaptureWarning
from flowtable.testing import UDP, Ethernet, IPv4, Payload, write_pcap

NOISE = random.Random(1)  # noqa: S311 - nothing is hidden by it
CONTENT = NOISE.randbytes(1500)


def read_all(stream, got):
    room = memoryview(bytearray(200))
    while count := stream.readinto(room):
        got += room[:count]


def test_at_any_step_of_a_stream(tmp_path, monkeypatch):
    """Also before the thread, between its pieces, and while it is begun."""
    monkeypatch.setattr(ahead, "PIECE", 500)
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(CONTENT))
    refused = 0
    for nth in itertools.count():
        stream, got = AheadStream(open_stream(str(path))), bytearray()
        was = interrupted(nth, lambda: read_all(stream, got))  # noqa: B023
        try:
            read_all(stream, got)
        except StreamError as error:
            assert str(error) == "reading it was interrupted before"  # noqa: PT017 - it is not always raised
            assert CONTENT.startswith(got)
            refused += 1
        else:
            assert got == CONTENT
        stream.close()
        if not was:
            break
    assert nth > 100
    assert 0 < refused < nth


def test_at_any_step_of_closing(tmp_path, monkeypatch):
    monkeypatch.setattr(ahead, "PIECE", 500)
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(CONTENT))
    was = True
    for nth in itertools.count():
        stream = AheadStream(open_stream(str(path)))
        for _ in range(4):
            stream.readinto(memoryview(bytearray(200)))
        was = interrupted(nth, stream.close)
        stream.close()
        assert stream.readinto(memoryview(bytearray(9))) == 0
        if not was:
            break
    assert nth > 3


def small_captures(directory):
    """Write three captures of 100 frames each, at the same times."""
    frame = bytes(Ethernet() / IPv4() / UDP(1, 2) / Payload(NOISE.randbytes(20)))
    paths = [directory / f"{n}.pcap.gz" for n in range(3)]
    for path in paths:
        path.write_bytes(gzip.compress(write_pcap(None, [(at, frame) for at in range(100)])))
    return paths


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # in a finalizer
def test_at_any_step_of_several_captures(tmp_path, monkeypatch):
    """Whoever reads on gets all frames, or is told that there are some that he does not get."""
    monkeypatch.setattr(ahead, "PIECE", 3000)
    paths = small_captures(tmp_path)
    for nth in itertools.count():
        source = open_capture(paths, ahead=True)
        was = interrupted(nth, source.drain)
        assert source.incomplete == 0
        drain(source)
        assert source.position == source.size or source.incomplete
        if not was:
            break
    assert nth > 200


def drain(source):
    """Read on; a capture that was interrupted between its last frame and its end cannot know that either."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        source.drain()
    assert len(caught) == source.incomplete
    assert all(each.category is CaptureWarning for each in caught)
    assert all("reading it was interrupted before" in str(each.message) for each in caught)
    assert source.frames == 300 or source.incomplete
    assert source.frames <= 300


RANDOM = """
import random, sys, warnings
from interrupts import interrupted_within
from flowtable.capture import open_capture

chance = random.Random(1)
frames, hits, told = int(sys.argv[1]), 0, 0
warnings.simplefilter("ignore")
for _ in range(300):
    source = open_capture(sys.argv[2:], ahead=True)
    hits += interrupted_within(chance.uniform(0, 0.02), source.drain)
    source.drain()
    assert source.frames == frames or source.incomplete
    assert source.frames <= frames
    told += bool(source.incomplete)
    source.close()
assert hits
print(hits, told)
"""


def test_at_any_time_of_several_captures(tmp_path):
    """In a process of its own, which would not end if a thread did not."""
    paths = [tmp_path / f"{n}.pcap.gz" for n in range(3)]
    for path in paths:
        frames = [bytes(Ethernet() / IPv4() / UDP(1, 2) / Payload(NOISE.randbytes(900)))] * 1500
        path.write_bytes(gzip.compress(write_pcap(None, frames), 1))
    command = [sys.executable, "-c", RANDOM, str(3 * 1500), *map(str, paths)]
    subprocess.run(command, check=True, timeout=300, cwd=Path(__file__).parent)
