"""Unpacking ahead: bytes and errors as without, and threads and buffers only while they are needed."""

import bz2
import gzip
import itertools
import lzma
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from capture_builders import open_descriptors, pcap, save
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowtable import background
from flowtable.capture import ahead, open_capture
from flowtable.capture.ahead import PIECE, AheadStream
from flowtable.capture.streams import StreamError, open_stream

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACK = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd.compress}
RANDOM = random.Random(1)  # noqa: S311 - the same bytes each time
CONTENT = b"".join(RANDOM.randbytes(100) + bytes(RANDOM.randrange(300)) for _ in range(800))
PACKED = {name: pack(CONTENT[:99_000]) + pack(CONTENT[99_000:]) for name, pack in PACK.items()}


def outcome(stream, sizes):
    """Give the bytes that are read in rooms of these sizes, in turn, and what ends them."""
    got = bytearray()
    try:
        for size in itertools.cycle(sizes):
            room = memoryview(bytearray(size))
            count = stream.readinto(room)
            got += room[:count]
            if not count:
                assert stream.readinto(room) == 0
                return bytes(got), None
    except StreamError as error:
        return bytes(got), str(error)
    finally:
        stream.close()


@pytest.mark.parametrize("name", PACK)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bytes_and_errors_are_those_of_the_stream(tmp_path, monkeypatch, name, data):
    monkeypatch.setattr(ahead, "PIECE", data.draw(st.sampled_from((5000, 40_000, 1 << 19))))
    packed = bytearray(PACKED[name])
    at = data.draw(st.integers(0, len(packed) - 1))
    kind = data.draw(st.sampled_from(("whole", "cut", "changed", "garbage")))
    if kind == "cut":
        del packed[max(at, 16) :]
    elif kind == "changed":
        packed[max(at, 16)] ^= data.draw(st.integers(1, 255))
    elif kind == "garbage":
        packed += b"garbage" * 9
    path = str(save(tmp_path / "a", bytes(packed)))
    sizes = data.draw(st.lists(st.integers(100, 70_000), min_size=1, max_size=4))
    plain = outcome(open_stream(path), sizes)
    assert outcome(AheadStream(open_stream(path)), sizes) == plain
    assert (plain == (CONTENT, None)) == (kind == "whole") or kind == "changed"


def test_an_error_comes_as_often_as_it_is_asked_for(tmp_path):
    path = save(tmp_path / "a", gzip.compress(bytes(2 * PIECE))[:-9])
    stream = AheadStream(open_stream(str(path)))
    for _ in range(2):
        with pytest.raises(StreamError, match="gzip data end too early"):
            read(stream, 3 * PIECE)
    stream.close()


def threads():
    """Count threads as the system does; one that has done its work may still be on its way out."""
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.fixture
def begun(monkeypatch):
    """Give the list of the threads that were begun."""
    begun = []
    start = background.start_new_thread
    monkeypatch.setattr(background, "start_new_thread", lambda *how: begun.append(how) or start(*how))
    return begun


def read(stream, total, room=1 << 16):
    while total > 0 and (count := stream.readinto(memoryview(bytearray(room)))):
        total -= count


def test_a_thread_begins_behind_the_first_piece(tmp_path, begun):
    content = RANDOM.randbytes(3 * PIECE)
    stream = AheadStream(open_stream(str(save(tmp_path / "a", gzip.compress(content, 1)))))
    before = 0
    while not begun:
        assert stream._rooms == []
        before += stream.readinto(memoryview(bytearray(5000)))
    assert PIECE <= before < PIECE + 5000
    assert len(begun) == 1
    stream.close()


def test_small_files_are_read_without_threads(tmp_path, begun):
    paths = [save(tmp_path / f"{n}.gz", gzip.compress(pcap([(n, 0, b"data")]))) for n in range(50)]
    source = open_capture(paths, ahead=True)
    assert source.drain() == 50
    assert begun == []


def test_threads_and_buffers_and_files_are_gone_after_closing(tmp_path):
    before, descriptors = threads(), open_descriptors()
    path = str(save(tmp_path / "a", gzip.compress(RANDOM.randbytes(9 * PIECE), 1)))
    streams = [AheadStream(open_stream(path)) for _ in range(8)]
    for stream in streams:
        read(stream, 2 * PIECE)
    for stream in streams:
        stream.close()
        stream.close()
        assert (stream._rooms, stream._coming) == ([], None)
        assert stream.readinto(memoryview(bytearray(9))) == 0
    assert not background._running
    assert open_descriptors() == descriptors
    poll(lambda: threads() <= before)


def test_one_that_is_dropped_takes_its_file_along(tmp_path):
    descriptors = open_descriptors()
    stream = AheadStream(open_stream(str(save(tmp_path / "a", gzip.compress(bytes(9 * PIECE))))))
    read(stream, 2 * PIECE)
    del stream
    poll(lambda: open_descriptors() == descriptors and not background._running)


def poll(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_where_no_thread_is_to_be_had_all_is_read_without(tmp_path, monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(background, "start_new_thread", refuse)
    monkeypatch.setattr(ahead, "PIECE", 5000)
    path = str(save(tmp_path / "a", PACKED["gzip"]))
    assert outcome(AheadStream(open_stream(path)), [3000]) == (CONTENT, None)
    assert outcome(AheadStream(open_stream(path)), [7000]) == (CONTENT, None)


def test_a_system_that_gives_no_threads(tmp_path):
    """A limit of the system's, in a process of its own: as root there is none, and threads are had."""
    program = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
from flowtable.capture import open_capture
print(open_capture(sys.argv[1:], ahead=True).drain())
"""
    content = pcap([(n, 0, bytes(1000)) for n in range(2000)])
    paths = [save(tmp_path / f"{n}.gz", gzip.compress(content)) for n in range(2)]
    command = [sys.executable, "-c", program, *map(str, paths)]
    done = subprocess.run(command, check=True, timeout=120, capture_output=True)
    assert done.stdout == b"4000\n"


def test_position_is_between_what_was_and_what_is_there(tmp_path):
    stream = AheadStream(
        open_stream(str(save(tmp_path / "a", gzip.compress(RANDOM.randbytes(4 * PIECE), 1))))
    )
    seen, ended = [0], threading.Event()

    def watch():
        while not ended.is_set():
            seen.append(stream.position)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    read(stream, 4 * PIECE)
    ended.set()
    watching.join()
    assert seen == sorted(seen)
    assert seen[-1] <= stream.size == stream.position
    stream.close()
