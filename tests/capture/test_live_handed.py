"""Live sources that Python hands its frames."""

import select
import threading

import pytest
from live_reading import LIMIT, flows_of

from flowtable.capture import CapturedFrame, LiveSource, SourceStatistics
from flowtable.capture._handed import HandedSource
from flowtable.errors import CaptureError
from flowtable.testing import UDP, Ethernet, IPv4


def frame(number, size=5):
    return CapturedFrame(number, bytes([number % 256]) * size, 99, 1)


class Listed(HandedSource):
    """Gives lists in turn, and ends."""

    def __init__(self, lists):
        self.lists = list(lists)
        self.released = 0

    def receive(self):
        return self.lists.pop(0) if self.lists else None

    def release(self):
        self.released += 1


def test_frames_are_those_that_were_handed():
    frames = [frame(number, number % 7) for number in range(500)]
    source = Listed([frames[:1], [], frames[1:300], [], frames[300:]])
    assert list(source) == frames
    assert source.frames == 500
    assert source.statistics == SourceStatistics(received=500)
    assert source.released == 1
    assert list(source) == []
    source.close()
    assert source.released == 1


def test_what_was_handed_may_be_forgotten():
    """Frames point into bytes that the source keeps for as long as they are valid."""
    source = Listed([[frame(number, 100_000)] for number in range(50)])
    for number, each in enumerate(source):
        assert each.data == bytes([number]) * 100_000


@pytest.mark.parametrize(
    ("time", "read"), [(-1, 0), (2**63, 2**63 - 1), (2**70, 2**63 - 1), (2**63 - 1, 2**63 - 1)]
)
def test_times_are_kept_in_their_range(time, read):
    source = Listed([[CapturedFrame(time, b"", 0, 1)]])
    assert next(source).time == read
    assert source.times_clamped == (time != read)


@pytest.mark.parametrize(
    "wrong", [CapturedFrame(0, "text", 1, 1), CapturedFrame(0, b"", -1, 1), CapturedFrame(0, b"", 1, 70_000)]
)
def test_what_is_no_frame_is_refused(wrong):
    source = Listed([[frame(1), wrong]])
    with pytest.raises((TypeError, OverflowError)):
        list(source)


def test_an_error_of_receiving_is_the_readers():
    class Failing(HandedSource):
        def receive(self):
            raise CaptureError("there is nothing to receive")

    with pytest.raises(CaptureError, match="nothing to receive"):
        list(Failing())


def test_a_source_that_does_not_say_how_has_no_frames():
    assert list(HandedSource()) == []


def test_stop_wakes_up_who_waits():
    class Waiting(HandedSource):
        def receive(self):
            select.select([self.sleeper], [], [], LIMIT)
            return None if self.stopping else []

    source = Waiting()
    stopping = threading.Timer(0.05, source.stop)
    stopping.start()
    assert list(source) == []
    stopping.join()
    assert source.stopping


def test_stop_may_be_called_any_number_of_times():
    source = LiveSource()
    for _ in range(100_000):  # more than what wakes it up holds
        source.stop()
    assert list(source) == []
    source.close()
    source.stop()


def test_a_source_waits_as_long_as_it_is_told():
    source = LiveSource()
    assert source.wait_ms == 50
    source.wait_ms = 7
    assert source.wait_ms == 7


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_frames_are_counted_by_one_engine_or_several(monkeypatch, threads):
    """Several hold frames of many turns before they count them."""
    hosts = range(1, 100)
    there = [bytes(Ethernet() / IPv4("192.0.2.1", f"198.51.100.{host}") / UDP(1, 2)) for host in hosts]
    turns = [[CapturedFrame(turn, data, len(data), 1) for data in there] for turn in range(100)]
    flows = flows_of(Listed(turns), monkeypatch, threads)
    assert sorted(flow.network.b for flow in flows) == sorted(f"198.51.100.{host}" for host in hosts)
    assert {flow.metric.ab_packets for flow in flows} == {100}
    assert flows.account.frames == 100 * len(hosts)
