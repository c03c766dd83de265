"""Feeding a capture to a table in a thread of its own."""

import subprocess
import sys
import threading
import time

import pytest

from flowtable.capture import PacketSource
from flowtable.errors import CaptureError, FilterError, OptionError
from flowtable.table.feeder import PcapTableFeeder
from flowtable.testing import FrameSpec, demo_capture, write_pcap

MANY = 60  # s; nothing takes nearly so long
SECOND = 10**9
START = 1_600_000_000 * SECOND


class Sink:
    """A table that keeps frames; each lets a thread that waits know."""

    def __init__(self, error=None):
        self.frames = []
        self.error = error

    def feed(self, source):
        assert isinstance(source, PacketSource)
        for frame in source:
            self.frames.append(frame)
            if self.error is not None:
                raise self.error


class Hands:
    """A clock that is moved by hand, and counts who waits for it."""

    def __init__(self):
        self.time = 0
        self.waits = 0
        self.moved = threading.Condition()

    def now(self):
        return self.time

    def wait(self, seconds):
        with self.moved:
            self.waits += 1
            self.moved.notify_all()
            self.moved.wait(min(seconds, 0.001))

    def move(self, seconds):
        """Let time pass, and give who waits the time to see it."""
        with self.moved:
            self.time += int(seconds * SECOND)
            enough = self.waits + 2
            assert self.moved.wait_for(lambda: self.waits >= enough, MANY)


@pytest.fixture
def demo(tmp_path):
    path = tmp_path / "demo.pcapng"
    path.write_bytes(demo_capture())
    return path


@pytest.fixture
def slow(tmp_path):
    path = tmp_path / "slow.pcap"
    times = [START, START + 10 * SECOND, START + 30 * SECOND, START + 20_000 * SECOND]
    write_pcap(path, [FrameSpec(when, b"frame") for when in times])
    return path


def test_all_frames_are_fed(demo):
    sink = Sink()
    feeder = PcapTableFeeder(sink, demo)
    assert not feeder.running
    feeder.start()
    assert feeder.wait(MANY)
    assert not feeder.running
    assert len(sink.frames) == 97
    assert feeder.source.position == demo.stat().st_size
    feeder.stop()


def test_several_captures_as_one(demo):
    sink = Sink()
    with PcapTableFeeder(sink, [demo, demo]) as feeder:
        assert feeder.wait(MANY)
    assert len(sink.frames) == 2 * 97


def test_a_filter(demo):
    sink = Sink()
    with PcapTableFeeder(sink, demo, bpf="tcp") as feeder:
        assert feeder.wait(MANY)
    assert (len(sink.frames), feeder.filtered) == (27, 70)
    with PcapTableFeeder(sink, demo, bpf=" ") as feeder:
        assert feeder.wait(MANY)
    assert (len(sink.frames), feeder.filtered) == (27 + 97, 0)


def test_without_replay_no_gap_is_waited_for(slow):
    sink = Sink()
    with PcapTableFeeder(sink, slow, speed=0.001, clock=Hands()) as feeder:
        assert feeder.wait(MANY)
    assert len(sink.frames) == 4


def test_a_replay_keeps_the_captures_pace(slow):
    sink, clock = Sink(), Hands()
    with PcapTableFeeder(sink, slow, replay=True, speed=2, longest_gap=100, clock=clock) as feeder:
        for seconds, frames in ((0, 1), (4.9, 1), (0.2, 2), (9.8, 2), (0.2, 3), (49, 3)):
            clock.move(seconds)
            assert len(sink.frames) == frames
        clock.time += 2 * SECOND
        assert feeder.wait(MANY)
    assert [frame.time for frame in sink.frames][-1] == START + 20_000 * SECOND


def test_stop_ends_a_replay_and_it_can_be_started_again(slow):
    sink = Sink()
    feeder = PcapTableFeeder(sink, slow, replay=True)
    for times in (1, 2):
        feeder.start()
        deadline = time.monotonic() + MANY
        while len(sink.frames) < times:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        assert feeder.running
        with pytest.raises(RuntimeError, match="stop it first"):
            feeder.start()
        assert not feeder.wait(0.001)
        feeder.stop()
        feeder.stop()
        assert not feeder.running
        assert len(sink.frames) == times


def test_what_the_table_raises_is_raised_where_it_is_waited_for(demo):
    feeder = PcapTableFeeder(Sink(KeyError("full")), demo)
    feeder.start()
    with pytest.raises(KeyError, match="full"):
        feeder.wait(MANY)
    with pytest.raises(KeyError, match="full"):
        feeder.stop()


@pytest.mark.parametrize(
    ("path", "options", "error"),
    [
        ("none.pcap", {}, CaptureError),
        (None, {"bpf": "port or"}, FilterError),
        (None, {"replay": True, "speed": 0}, OptionError),
        (None, {"bpf": "tcp", "longest_gap": -1}, OptionError),
    ],
)
def test_what_cannot_be_fed_is_told_at_the_start(demo, path, options, error):
    feeder = PcapTableFeeder(Sink(), path or demo, **options)
    with pytest.raises(error):
        feeder.start()
    assert not feeder.running
    feeder.stop()


def test_a_feeder_that_was_not_started_may_be_stopped(demo):
    PcapTableFeeder(Sink(), demo).stop()


def test_several_may_wait(slow):
    feeder = PcapTableFeeder(Sink(), slow, replay=True)
    feeder.start()
    waiters = [threading.Thread(target=feeder.wait) for _ in range(5)]
    for waiter in waiters:
        waiter.start()
    feeder.stop()
    for waiter in waiters:
        waiter.join(MANY)
        assert not waiter.is_alive()


def test_a_program_that_ends_stops_its_feeders(slow):
    program = f"""
import threading
from flowtable.table.feeder import PcapTableFeeder
class Sink:
    seen = threading.Event()
    def feed(self, source):
        for frame in source:
            self.seen.set()
PcapTableFeeder(Sink(), {str(slow)!r}, replay=True, longest_gap=10**6).start()
Sink.seen.wait()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=MANY)
