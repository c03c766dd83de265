"""Several captures as one, in time order."""

import heapq
import resource
import sys
import threading
import warnings

import pytest
from capture_builders import enhanced, interface, open_descriptors, pcap, save, section
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtable.capture import CaptureReader, MergedReader, open_capture
from flowtable.capture.sources import Waiting
from flowtable.errors import CaptureError, CaptureWarning

TIMES = st.lists(st.integers(0, 9), max_size=12)


def capture(times, mark):
    """A capture whose frames carry where they come from."""
    return pcap([(time, 0, f"{mark}/{n}".encode()) for n, time in enumerate(times)])


def merged(paths):
    return [(frame.time // 10**9, frame.data.decode()) for frame in open_capture(paths)]


def several(directory, files):
    return [save(directory / f"{mark}.pcap", capture(times, mark)) for mark, times in enumerate(files)]


def marked(files):
    return [[(time, f"{mark}/{n}") for n, time in enumerate(times)] for mark, times in enumerate(files)]


@settings(max_examples=60, deadline=None)
@given(st.lists(TIMES, min_size=2, max_size=6))
def test_sorted_captures_give_a_stable_sort(tmp_path_factory, files):
    files = [sorted(times) for times in files]
    paths = several(tmp_path_factory.getbasetemp(), files)
    everything = [frame for frames in marked(files) for frame in frames]
    assert merged(paths) == sorted(everything, key=lambda frame: frame[0])


@settings(max_examples=60, deadline=None)
@given(st.lists(TIMES, min_size=2, max_size=6))
def test_any_captures_are_merged_by_their_next_frames(tmp_path_factory, files):
    paths = several(tmp_path_factory.getbasetemp(), files)
    assert merged(paths) == list(heapq.merge(*marked(files), key=lambda frame: frame[0]))


def test_long_captures_are_merged_across_windows(tmp_path):
    files = [[(n * step, 0, n.to_bytes(4, "big") * 200) for n in range(3000)] for step in (1, 2, 3)]
    paths = [save(tmp_path / f"{n}.pcap", pcap(records)) for n, records in enumerate(files)]
    source = open_capture(paths)
    frames = [(frame.time // 10**9, frame.data) for frame in source]
    expected = sorted(
        ((time, data) for records in files for time, _, data in records), key=lambda each: each[0]
    )
    assert frames == expected
    assert source.frames == 9000
    assert source.position == source.size == sum(path.stat().st_size for path in paths)


def test_counters_are_those_of_all_captures(tmp_path):
    clamped = section() + interface(offset=-100) + enhanced(0, b"") + enhanced(200_000_000, b"")
    paths = [
        save(tmp_path / "a", pcap([(1, 0, b"12345"), (2, 0, b"1")], snap=4)),
        save(tmp_path / "b", clamped),
        save(tmp_path / "c", pcap([])),
        save(tmp_path / "d", pcap([(9, 0, b"12345")], snap=4)),
    ]
    source = open_capture(paths)
    assert source.drain() == 5
    assert (source.frames, source.snapped, source.times_clamped, source.incomplete) == (5, 2, 1, 0)


def test_one_that_is_truncated_does_not_end_the_others(tmp_path):
    whole, cut = capture([1, 3, 5], 0), capture([2, 4], 1)[:-1]
    paths = [save(tmp_path / "a", cut), save(tmp_path / "b", whole)]
    source = open_capture(paths)
    with pytest.warns(CaptureWarning, match=f"{paths[0]} ends in the middle") as caught:
        assert [frame.time // 10**9 for frame in source] == [1, 2, 3, 5]
    assert len(caught) == 1
    assert source.incomplete == 1


def test_one_that_is_broken_before_its_first_packet_is_said_once(tmp_path):
    paths = [save(tmp_path / "a", pcap([]) + b"123"), save(tmp_path / "b", capture([1], 0))]
    with pytest.warns(CaptureWarning, match="packets read before it: 0") as caught:
        source = open_capture(paths)
    assert source.drain() == 1
    assert len(caught) == 1
    assert source.incomplete == 1


def test_all_are_looked_into_first(tmp_path):
    good = save(tmp_path / "a", capture([1], 0))
    with pytest.raises(CaptureError, match="it looks like text"):
        open_capture([good, save(tmp_path / "b", b"text")])


def test_one_that_goes_before_its_turn_is_warned_of(tmp_path):
    paths = several(tmp_path, [[1], [2], [3]])
    source = open_capture(paths)
    paths[1].unlink()
    with pytest.warns(CaptureWarning, match=r"1\.pcap cannot be opened: No such file"):
        assert [frame.time // 10**9 for frame in source] == [1, 3]
    assert source.incomplete == 1


def test_closing_early(tmp_path):
    source = open_capture(several(tmp_path, [range(300), range(300)]))
    before = open_descriptors()
    next(source)
    source.close()
    source.close()
    assert len(list(source)) < 64
    assert open_descriptors() == before


def test_nothing_to_merge(tmp_path):
    assert list(MergedReader([])) == []
    assert merged([save(tmp_path / "a", pcap([])), save(tmp_path / "b", pcap([]))]) == []


@pytest.fixture
def few_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_descriptors() + 80, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_descriptors")
def test_captures_that_follow_each_other(tmp_path):
    paths = [save(tmp_path / f"{n}.pcap", capture([n, n + 1], n)) for n in range(1000)]
    frames = merged(list(reversed(paths)))
    assert len(frames) == 2000
    assert [time for time, _ in frames] == sorted(time for time, _ in frames)


@pytest.mark.usefixtures("few_descriptors")
def test_captures_of_the_same_time(tmp_path):
    paths = [save(tmp_path / f"{n}.pcap", capture(range(n % 7, 200, 3), n)) for n in range(300)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frames = merged(paths)
    assert len(frames) == sum(len(range(n % 7, 200, 3)) for n in range(300))
    assert [time for time, _ in frames] == sorted(time for time, _ in frames)


class Watched:
    """A capture's bytes; who asks how far they are read lets somebody look at the whole just then."""

    descriptor = -1
    place = ""
    size = None

    def __init__(self, content, look):
        self._content, self._at, self._look = content, 0, look

    @property
    def position(self):
        self._look()
        return self._at

    def readinto(self, room):
        count = min(len(room), len(self._content) - self._at)
        room[:count] = self._content[self._at : self._at + count]
        self._at += count
        return count

    def close(self):
        pass


def test_position_is_whole_at_every_moment_of_a_files_end():
    """What is done is counted with the file or with those that are done, and never with both or neither."""
    contents = [capture(range(n, 90 + n), n) for n in range(5)]
    seen = []

    def look():
        if not looking:
            looking.append(True)
            seen.append(source.position)
            looking.clear()

    looking = [True]
    waiting = [
        Waiting(n * 10**9, n, lambda _, content=content: CaptureReader(Watched(content, look), "a"))
        for n, content in enumerate(contents)
    ]
    source = MergedReader(waiting)
    looking.clear()
    assert source.drain() == 450
    assert len(seen) >= 5
    assert source.position == sum(map(len, contents))
    assert set(seen) == {source.position}  # all are open by then, each in one window


@pytest.mark.usefixtures("switching_often")
def test_position_never_goes_back_or_beyond_the_size(tmp_path):
    paths = several(tmp_path, [range(n, n + 40) for n in range(300)])
    for _ in range(5):
        source, seen = open_capture(paths), [0]

        def watch(source=source, seen=seen):
            while seen[-1] < source.size:
                seen.append(source.position)

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        assert source.drain() == 300 * 40
        watching.join()
        assert seen == sorted(seen)
        assert seen[-1] == source.size


@pytest.fixture
def switching_often():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)
