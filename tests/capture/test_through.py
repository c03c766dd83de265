"""Sources that give another one's frames: at their pace, or those that a filter passes."""

import signal
import threading

import pytest
from capture_builders import read
from feeding import flows_of
from hypothesis import given
from hypothesis import strategies as st

from flowtable.capture import FilteredSource, PacedSource, open_capture
from flowtable.capture.sflow import SFlowFeed
from flowtable.errors import CaptureError, FilterError, FilterWarning, OptionError
from flowtable.testing import (
    TCP,
    UDP,
    Ethernet,
    FrameSpec,
    Interface,
    IPv4,
    demo_capture,
    write_pcap,
    write_pcapng,
)

SECOND = 10**9
START = 1_600_000_000 * SECOND


class Hands:
    """A clock that moves when it is waited for; it says for how long."""

    def __init__(self, slack=0):
        self.time = 5 * SECOND
        self.waits = []
        self.slack = slack  # ns that pass whenever somebody looks

    def now(self):
        self.time += self.slack
        return self.time

    def wait(self, seconds):
        assert seconds > 0
        self.waits.append(seconds)
        self.time += round(seconds * SECOND)


def capture_at(path, times):
    write_pcap(path, [FrameSpec(time, b"%d" % number) for number, time in enumerate(times)], nanoseconds=True)
    return open_capture(path)


def played(path, times, speed=1.0, **options):
    """When each frame is given, in ns since the source was read first."""
    clock = Hands()
    source = PacedSource(capture_at(path, times), speed, clock=clock, **options)
    begun = clock.time
    given_at = [(clock.time - begun, frame) for frame in source]
    assert [frame.time for _, frame in given_at] == list(times)
    assert [frame.data for _, frame in given_at] == [b"%d" % number for number in range(len(times))]
    return [time for time, _ in given_at], source, clock


def test_frames_come_at_the_captures_own_pace(tmp_path):
    times = [START, START + SECOND // 4, START + SECOND // 4, START + 3 * SECOND]
    found, _, clock = played(tmp_path / "a", times)
    assert found == pytest.approx([time - START for time in times], abs=10)
    assert max(clock.waits) <= 0.05


@pytest.mark.parametrize("speed", [0.001, 0.5, 2.0, 1000.0])
def test_faster_and_slower(tmp_path, speed):
    times = [START + number * SECOND // 10 for number in range(4)]
    found, _, _ = played(tmp_path / "a", times, speed)
    assert found == pytest.approx([(time - START) / speed for time in times], abs=100)


def test_as_fast_as_they_are_read(tmp_path):
    found, _, clock = played(tmp_path / "a", [START, START + 9 * SECOND, START], float("inf"))
    assert found == [0, 0, 0]
    assert clock.waits == []


def test_waits_are_no_longer_than_wait_ms(tmp_path):
    clock = Hands()
    source = PacedSource(capture_at(tmp_path / "a", [START, START + SECOND]), clock=clock)
    source.wait_ms = 300
    assert len(list(source)) == 2
    assert clock.waits == pytest.approx([0.3, 0.3, 0.3, 0.1])


def test_a_long_gap_is_cut_and_counted(tmp_path):
    times = [START, START + 3600 * SECOND, START + 3601 * SECOND]
    found, source, _ = played(tmp_path / "a", times, longest_gap=2)
    assert found == pytest.approx([0, 2 * SECOND, 3 * SECOND], abs=100)
    assert (source.gaps_cut, source.steps_back) == (1, 0)
    found, source, _ = played(tmp_path / "b", times, 10, longest_gap=4000)
    assert found == pytest.approx([0, 360 * SECOND, 360.1 * SECOND], abs=1000)
    assert source.gaps_cut == 0


def test_frames_out_of_order_do_not_stop_the_clock(tmp_path):
    times = [START, START + 2 * SECOND, START + SECOND, START + 3 * SECOND]
    found, source, _ = played(tmp_path / "a", times)
    assert found == pytest.approx([0, 2 * SECOND, 2 * SECOND, 3 * SECOND], abs=200)
    assert (source.gaps_cut, source.steps_back) == (0, 0)


def test_after_a_long_step_back_the_capture_goes_on_from_there(tmp_path):
    times = [START, START + SECOND, START - 1000 * SECOND, START - 999 * SECOND]
    found, source, _ = played(tmp_path / "a", times)
    assert found == pytest.approx([0, SECOND, SECOND, 2 * SECOND], abs=200)
    assert (source.gaps_cut, source.steps_back) == (0, 1)


def test_frames_without_a_time_are_given_at_once(tmp_path):
    found, source, _ = played(tmp_path / "a", [0, START, 0, START + SECOND, 0])
    assert found == pytest.approx([0, 0, 0, SECOND, SECOND], abs=100)
    assert (source.gaps_cut, source.steps_back) == (0, 0)


def test_what_has_come_due_is_given_at_once_to_a_slow_reader(tmp_path):
    clock = Hands()
    source = PacedSource(capture_at(tmp_path / "a", [START + n * SECOND for n in range(5)]), clock=clock)
    next(source)
    clock.time += 3 * SECOND
    assert [next(source).time for _ in range(3)] == [START + n * SECOND for n in (1, 2, 3)]
    assert clock.waits == []
    next(source)
    assert sum(clock.waits) == pytest.approx(1)


def test_the_clock_begins_when_it_is_read(tmp_path):
    clock = Hands()
    source = PacedSource(capture_at(tmp_path / "a", [START, START + SECOND]), clock=clock)
    clock.time += 100 * SECOND
    assert len(list(source)) == 2
    assert sum(clock.waits) == pytest.approx(1)


TIMES = st.lists(st.one_of(st.just(0), st.integers(0, 4_000_000_000 * SECOND)), max_size=30)


@given(TIMES, st.sampled_from([0.001, 0.7, 1.0, 3.0, float("inf")]), st.sampled_from([0, 1, 60, 1e9]))
def test_any_times_are_played_in_the_end_and_never_back(tmp_path_factory, times, speed, gap):
    path = tmp_path_factory.mktemp("any") / "a"
    write_pcap(path, [FrameSpec(time, b"") for time in times], nanoseconds=True)
    clock = Hands()
    source = PacedSource(open_capture(path), speed, longest_gap=gap, clock=clock)
    source.wait_ms = 1 << 30
    assert [frame.time for frame in source] == times
    assert sum(clock.waits) <= min(len(times) * gap / speed, 4.1e9) * 1.001 + 0.001


def test_batches_and_refills_do_not_change_what_is_given(tmp_path):
    times = [START + n * 1000 for n in range(20_000)]
    path = tmp_path / "a"
    write_pcap(path, [FrameSpec(time, bytes(100)) for time in times], nanoseconds=True)
    source = PacedSource(open_capture(path), clock=Hands(slack=7))
    assert list(source) == read(path)
    assert source.frames == 20_000


def test_flows_keep_the_times_of_the_capture(tmp_path):
    (tmp_path / "a").write_bytes(demo_capture())
    paced = flows_of(PacedSource(open_capture(tmp_path / "a"), clock=Hands()))
    plain = flows_of(open_capture(tmp_path / "a"))
    assert [flow.to_dict() for flow in paced] == [flow.to_dict() for flow in plain]
    assert paced.account == plain.account


def test_stop_ends_a_reader_that_waits(tmp_path):
    with PacedSource(capture_at(tmp_path / "a", [START, START + 50 * SECOND])) as source:
        found = []
        reader = threading.Thread(target=lambda: found.extend(source))
        reader.start()
        source.stop()
        reader.join(30)
        assert not reader.is_alive()
    assert len(found) <= 1


def test_an_interrupt_is_heard_between_two_frames(tmp_path):
    class Interrupted(Exception):
        pass

    def interrupt(*_):
        raise Interrupted

    with PacedSource(capture_at(tmp_path / "a", [START, START + 50 * SECOND])) as source:
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Interrupted):
                list(source)
        finally:
            signal.signal(signal.SIGALRM, before)


def test_a_live_source_within_is_stopped_too():
    feed = SFlowFeed()
    source = PacedSource(feed, clock=Hands())
    source.stop()
    assert list(source) == []
    assert not feed.feed(b"", 0)


def test_the_source_within_belongs_to_the_one_around(tmp_path):
    inner = capture_at(tmp_path / "a", [START])
    source = PacedSource(inner, clock=Hands())
    with pytest.raises(CaptureError, match="is being read already"):
        next(inner)
    with pytest.raises(CaptureError, match="is being read already"):
        PacedSource(inner)
    assert (source.size, source.position) == (None, inner.position)
    source.close()
    assert list(source) == []


def test_what_the_capture_says_of_itself_is_passed_on(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(write_pcap(None, [bytes(50)] * 3, snaplen=20)[:-1])
    inner = open_capture(path)
    source = FilteredSource(PacedSource(inner, clock=Hands()), "")
    with pytest.warns(match="ends in the middle"):
        assert len(list(source)) == 2
    assert (source.incomplete, source.snapped, source.times_clamped) == (1, inner.snapped, 0)


@pytest.mark.parametrize(
    ("speed", "options", "message"),
    [
        (0, {}, "speed: 0.0 is no pace"),
        (-1, {}, "speed"),
        (float("nan"), {}, "speed"),
        (1, {"longest_gap": -1}, "longest_gap"),
        (1, {"longest_gap": float("nan")}, "longest_gap"),
        (1, {"longest_gap": 1e10}, "longest_gap"),
    ],
)
def test_a_pace_that_cannot_be(tmp_path, speed, options, message):
    inner = capture_at(tmp_path / "a", [START])
    with pytest.raises(OptionError, match=message):
        PacedSource(inner, speed, **options)
    assert len(list(inner)) == 1  # it was not taken


# ---- filters


def many(path):
    tcp, udp = Ethernet() / IPv4() / TCP(1, 2), Ethernet() / IPv4() / UDP(1, 2)
    write_pcap(path, [tcp, udp, udp] * 1000)
    return open_capture(path)


def test_frames_that_match(tmp_path):
    source = FilteredSource(many(tmp_path / "a"), "tcp")
    assert [frame.data[23] for frame in source] == [6] * 1000
    assert (source.filtered, source.frames) == (2000, 1000)


def test_each_link_type_has_its_program(tmp_path):
    ip = IPv4() / TCP(1, 2)
    frames = [
        FrameSpec(n, bytes(frame), interface=n % 2) for n, frame in enumerate([Ethernet() / ip, ip] * 99)
    ]
    write_pcapng(tmp_path / "a", frames, interfaces=(Interface(1), Interface(101)))
    source = FilteredSource(open_capture(tmp_path / "a"), "tcp")
    assert [frame.link_type for frame in source] == [1, 101] * 99


def test_a_link_type_that_the_expression_does_not_fit(tmp_path):
    write_pcapng(
        tmp_path / "a",
        [FrameSpec(n, bytes(40), interface=n % 2) for n in range(10)],
        interfaces=(Interface(1), Interface(127)),
    )
    source = FilteredSource(open_capture(tmp_path / "a"), "type mgt or ether[0] = 1")
    with pytest.warns(FilterWarning):
        found = list(source)
    assert len(found) + source.filtered == 10


def test_a_warning_that_is_an_error_loses_no_frame(tmp_path):
    write_pcap(tmp_path / "a", [bytes(40)] * 3)
    source = FilteredSource(open_capture(tmp_path / "a"), "type mgt")
    with pytest.raises(FilterWarning):
        next(source)
    assert list(source) == []
    assert source.filtered == 3


def test_the_same_as_the_engines_filter(tmp_path):
    (tmp_path / "a").write_bytes(demo_capture())
    import flowtable

    for expression in ("tcp", "udp port 53", "ip6", ""):
        flows = flows_of(FilteredSource(open_capture(tmp_path / "a"), expression))
        expected = flowtable.read(tmp_path / "a", bpf=expression, threads=1)
        assert [flow.to_dict() for flow in flows] == [flow.to_dict() for flow in expected]


def test_a_wrong_expression(tmp_path):
    inner = many(tmp_path / "a")
    with pytest.raises(FilterError, match="BPF expression 'port http or'"):
        FilteredSource(inner, "port http or")
    assert len(list(inner)) == 3000


def test_stop_ends_a_filtered_source(tmp_path):
    source = FilteredSource(many(tmp_path / "a"), "ip6")
    source.stop()
    assert list(source) == []
