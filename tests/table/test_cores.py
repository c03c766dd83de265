"""Several threads count one capture: the flows are those of one thread, in the same order."""

import faulthandler
import gzip
import random
import signal
import subprocess
import sys
import time
import warnings

import pytest
from rich_capture import EVERY_OPTION, rich_flows

import flowtable
from flowtable import ApplicationPortMap, CaptureError, CaptureWarning, OptionError, TableFull
from flowtable.capture.ahead import PIECE as AHEAD
from flowtable.table import _cores
from flowtable.table.cores import Cores
from flowtable.testing import (
    ARP,
    DNS,
    GRE,
    MPLS,
    START,
    TCP,
    UDP,
    VXLAN,
    Dot1Q,
    Ethernet,
    Interface,
    IPv4,
    IPv6,
    Payload,
    Question,
    demo_capture,
    write_pcap,
    write_pcapng,
)
from flowtable.testing.captures import FrameSpec

A, B = "02:00:00:00:00:01", "02:00:00:00:00:02"
OPTIONS = {
    "none": {},
    "L3": {"layer_key": "L3"},
    "no tunnels": {"tunnels": ()},
    "a filter": {"bpf": "udp or vlan or mpls"},
    "ids": {"key_ids": True},
    "statistics": {"packet_statistics": True},
    "streams": {"tcp_metric": True, "reassemble": True},
    "messages": {"extra_layers": ("DNS",)},
    "named ports": {"app_ports": ApplicationPortMap(tcp={80: "web", 81: "more"}, udp={53: "names"})},
    "names": {"node_tid": "a node", "capture_id": "a capture"},
    "in one thread all the same": {"raw_packets": 2, "defrag": True},
}


def busy_frames(number, seed=1):
    """Make frames of hosts that talk both ways by all kinds of links and tunnels, in no order."""
    source = random.Random(seed)  # noqa: S311 - nothing is hidden by it
    return [bytes(frame(source)) for _ in range(number)]


def frame(source):
    macs = source.sample((A, B), 2)
    v4 = source.sample([f"10.0.0.{host}" for host in range(1, 9)], 2)
    v6 = source.sample([f"fd00::{host}" for host in range(1, 9)], 2)
    inner = source.choice(
        (
            IPv4(*v4)
            / TCP(source.randrange(1, 9), 80, flags=source.choice("SAFR"), seq=source.randrange(99)),
            IPv6(*v6) / UDP(source.randrange(1, 9), 53) / DNS(questions=(Question("a.test"),)),
            IPv4(*v4) / UDP(7, 7) / Payload(bytes(source.randrange(600))),
        )
    )
    outer = source.choice(
        (
            Ethernet(*macs),
            Ethernet(*macs) / Dot1Q(source.randrange(1, 3)),
            Ethernet(*macs) / Dot1Q(1) / Dot1Q(2),
            Ethernet(*macs) / MPLS(16),
            Ethernet(*macs) / IPv4(*source.sample(v4, 2)) / UDP(9) / VXLAN(5) / Ethernet(*macs),
            Ethernet(*macs) / IPv6(*source.sample(v6, 2)) / GRE(),
        )
    )
    return source.choice((outer / inner, outer / inner, outer / inner, Ethernet(*macs) / ARP()))


def assert_same(one, many):
    assert many.account == one.account
    assert [flow.to_dict() for flow in many] == [flow.to_dict() for flow in one]
    assert [[child.uuid for child in flow.children] for flow in many] == [
        [child.uuid for child in flow.children] for flow in one
    ]
    assert many.to_arrow().to_pylist() == one.to_arrow().to_pylist()


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_flows_are_the_same_with_many_threads(tmp_path, options):
    path = tmp_path / "busy.pcap"
    times = iter(range(START, START + 10**12, 10**6))
    write_pcap(path, [(next(times), frame) for frame in busy_frames(3000)])
    one = flowtable.read(path, threads=1, **options)
    for threads in (2, 5):
        assert_same(one, flowtable.read(path, threads=threads, **options))


def test_flows_of_every_kind_are_the_same(tmp_path):
    for options in ({}, {name: on for name, on in EVERY_OPTION.items() if name != "raw_packets"}):
        one = rich_flows(tmp_path, threads=1, **options)
        for threads in (2, 3, 16):
            assert_same(one, rich_flows(tmp_path, threads=threads, **options))


def test_both_ways_of_a_flow_meet_whatever_their_frames_begin_with(tmp_path):
    """One way is tagged, behind a cooked header, or in PPP: the pair of addresses is the same."""
    links = (Interface(1), Interface(101), Interface(113), Interface(9))
    there, back = IPv4("10.0.0.1", "10.0.0.2") / UDP(1, 2), IPv4("10.0.0.2", "10.0.0.1") / UDP(2, 1)
    frames = [
        FrameSpec(START, bytes(Ethernet(A, B) / there), None, 0),
        FrameSpec(START + 1, bytes(Ethernet(B, A) / Dot1Q(4) / back), None, 0),
        FrameSpec(START + 2, bytes(there), None, 1),
        FrameSpec(START + 3, bytes(6) + bytes(8) + b"\x08\x00" + bytes(back), None, 2),
        FrameSpec(START + 4, b"\xff\x03\x00\x21" + bytes(back), None, 3),
    ]
    frames += [
        FrameSpec(START + 5, bytes(Ethernet(A, B) / tags / there), None, 0)
        for tags in (Dot1Q(1) / Dot1Q(2), Dot1Q(1) / Dot1Q(2) / Dot1Q(3) / Dot1Q(4) / Dot1Q(5) / Dot1Q(6))
    ]
    path = tmp_path / "links.pcapng"
    write_pcapng(path, frames, interfaces=links)
    for mode, flows in (("L2", 2), ("L3", 1)):
        for threads in (1, 2, 7, 64):
            read = flowtable.read(path, layer_key=mode, threads=threads)
            assert len(read) == flows
            assert sum(flow.metric.ab_packets + flow.metric.ba_packets for flow in read) == len(frames)


def test_windows_take_turns(tmp_path):
    """A capture of many windows, and records that are larger than one, whose window grows."""
    source = random.Random(3)  # noqa: S311 - nothing is hidden by it
    sizes = [source.choice((100, 1400, 60_000)) for _ in range(1500)]
    frames = [
        bytes(
            Ethernet(A, B)
            / IPv4(f"10.1.0.{at % 200}", "10.0.0.9")
            / UDP(at % 7, 9)
            / Payload(bytes([at % 251]) * size)
        )
        for at, size in enumerate(sizes)
    ]
    path = tmp_path / "large.pcap"
    write_pcap(path, frames * 2)
    assert path.stat().st_size > 50 << 20
    assert_same(flowtable.read(path, threads=1), flowtable.read(path, threads=3))
    huge = [*frames[:40], bytes(Ethernet(A, B) / IPv4() / UDP(1, 2)) + bytes(9 << 20), *frames[40:80]]
    write_pcapng(
        path, [FrameSpec(START, each, None, 0) for each in huge], interfaces=(Interface(1, snaplen=0),)
    )
    assert_same(flowtable.read(path, threads=1), flowtable.read(path, threads=3))


def test_several_captures_are_read_as_one(tmp_path):
    paths = [tmp_path / f"{number}.pcap" for number in range(12)]
    for number, path in enumerate(paths):
        times = iter(range(START + number, START + 10**12, 10**6 * (1 + number % 3)))
        write_pcap(path, [(next(times), frame) for frame in busy_frames(400, number)])
    assert_same(flowtable.read(paths, threads=1), flowtable.read(paths, threads=3))


PEAK = """
import re, sys, flowtable
flowtable.read(sys.argv[2:], threads=int(sys.argv[1]))
print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


def test_many_files_take_turns_with_few_windows(tmp_path):
    """A file is read again when all others were: by then its frames are counted, and one window is enough."""
    paths = [tmp_path / f"{number}.pcap" for number in range(40)]
    for number, path in enumerate(paths):
        times = iter(range(START + number, START + 10**12, 10**6))
        write_pcap(path, [(next(times), frame + bytes(8000)) for frame in busy_frames(400, number)])
    assert_same(flowtable.read(paths, threads=1), flowtable.read(paths, threads=3))
    assert peak_of(3, *paths) - peak_of(1, *paths) < 32 << 10


def peak_of(threads, *paths):
    """Give the KiB that reading takes at most, in a process of its own."""
    arguments = [sys.executable, "-c", PEAK, str(threads), *paths]
    return int(subprocess.run(arguments, check=True, capture_output=True).stdout)


def test_one_large_record_does_not_make_all_windows_large(tmp_path):
    """A window that has grown goes once its frames are counted."""
    path = tmp_path / "large.pcap"
    small = [frame + bytes(8000) for frame in busy_frames(3000)]
    large = small[0] + bytes(9 << 20)
    for frames in (small, [*small[:99], large, *small[99:]]):
        write_pcapng(
            path, [FrameSpec(START, each, None, 0) for each in frames], interfaces=(Interface(1, snaplen=0),)
        )
        assert peak_of(3, path) - peak_of(1, path) < 32 << 10


def test_compressed_captures_are_unpacked_in_threads(tmp_path):
    paths = [tmp_path / f"{number}.pcap.gz" for number in range(3)]
    for number, path in enumerate(paths):
        times = iter(range(START + number, START + 10**12, 10**6))
        capture = write_pcap(None, [(next(times), frame) for frame in busy_frames(4000, number)])
        path.write_bytes(gzip.compress(capture))
    assert len(capture) > AHEAD
    assert_same(flowtable.read(paths, threads=1), flowtable.read(paths, threads=2))
    paths[1].write_bytes(paths[1].read_bytes()[:-20_000])
    accounts = []
    for threads in (1, 2):
        with pytest.warns(CaptureWarning, match="gzip data end too early"):
            accounts.append(flowtable.read(paths, threads=threads).account)
    assert accounts[0] == accounts[1]
    assert accounts[0].incomplete == 1
    assert 8000 < accounts[0].frames < 12_000


def test_a_broken_end_is_warned_of_once(tmp_path):
    path = tmp_path / "broken.pcap"
    write_pcap(path, busy_frames(100))
    path.write_bytes(path.read_bytes()[:-3])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        flows = flowtable.read(path, threads=2)
    assert [each.category for each in caught] == [CaptureWarning]
    assert (flows.account.frames, flows.account.incomplete) == (99, 1)


def test_an_empty_capture_has_no_flows(tmp_path):
    write_pcap(tmp_path / "empty.pcap", [])
    flows = flowtable.read(tmp_path / "empty.pcap", threads=4)
    assert (len(flows), list(flows), flows.to_arrow().num_rows) == (0, [], 0)


def test_what_progress_raises_ends_all_threads(tmp_path):
    path = tmp_path / "demo.pcapng"
    path.write_bytes(demo_capture())

    def progress(source):
        raise ZeroDivisionError(source.position)

    with pytest.raises(ZeroDivisionError):
        flowtable.read(path, threads=2, progress=progress)


class Interrupted(BaseException):
    """What Ctrl-C raises, told apart from one that ends the tests."""


@pytest.fixture
def interrupts():
    """Raise Interrupted in this thread after some seconds, and twice more while it is on its way."""

    def interrupt(number, frame):
        if "flowtable" not in frame.f_globals.get("__name__", ""):
            return  # it is to fall into what is tested, and not into the test
        left[0] -= 1
        if left[0] > 0:
            signal.setitimer(signal.ITIMER_REAL, 1e-4)
        if left[0] >= 0:
            raise Interrupted(number)

    def begin(seconds):
        left[0] = 3
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def end():
        left[0] = 0
        signal.setitimer(signal.ITIMER_REAL, 0)

    left = [0]
    before = signal.signal(signal.SIGALRM, interrupt)
    faulthandler.dump_traceback_later(120, exit=True)
    yield begin, end
    faulthandler.cancel_dump_traceback_later()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


# One that falls into a finalizer is swallowed by Python, which says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interrupts_at_any_moment_end_a_read_and_its_threads(tmp_path, interrupts):
    """No thread is left behind, none waits for another one, and the next read is as good as any."""
    begin, end = interrupts
    path = tmp_path / "busy.pcap"
    write_pcap(path, busy_frames(3000))
    begun = time.perf_counter()
    expected = flowtable.read(path, threads=1)
    seconds = time.perf_counter() - begun
    moments = random.Random(1)  # noqa: S311 - nothing is hidden by it
    interrupted = 0
    for threads in [2, 3, 8] * 40:
        try:
            begin(moments.random() * seconds + 1e-6)
            flowtable.read(path, threads=threads)
        except Interrupted:
            interrupted += 1
        finally:
            end()
    assert interrupted
    assert_same(expected, flowtable.read(path, threads=3))


def test_reading_needs_no_thread_to_be_started(tmp_path, monkeypatch):
    """Where the system gives none, or too few, those that there are do the work, or the caller."""
    path = tmp_path / "busy.pcap"
    write_pcap(path, busy_frames(500))
    expected = flowtable.read(path, threads=1)
    real = _cores.start_new_thread
    for allowed in (0, 1):
        left = [allowed]

        def start(work, arguments, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise RuntimeError("can't start new thread")
            return real(work, arguments)

        monkeypatch.setattr(_cores, "start_new_thread", start)
        assert_same(expected, flowtable.read(path, threads=4))


def test_nobody_else_reads_on_while_frames_are_counted(tmp_path):
    """What is read takes the place of frames that an engine may still have to count."""
    path = tmp_path / "busy.pcap"
    write_pcap(path, busy_frames(300))
    for read_on in (next, lambda source: source.drain(), lambda source: source.close()):
        with pytest.raises(CaptureError, match="being read already"):
            flowtable.read(path, threads=2, progress=read_on)


def test_max_flows_is_exact(tmp_path):
    path = tmp_path / "busy.pcap"
    write_pcap(path, busy_frames(500))
    with pytest.raises(TableFull, match="than the 10 allowed") as full:
        flowtable.read(path, threads=4, max_flows=10)
    assert full.value.account.flows == 10


@pytest.mark.parametrize("threads", [0, -1, 257, 1.5, "2", True])
def test_threads_are_a_number(tmp_path, threads):
    with pytest.raises(OptionError, match="threads: takes a number from 1 to 256"):
        flowtable.read(tmp_path / "none.pcap", threads=threads)


def test_small_captures_are_counted_by_one_thread(tmp_path, monkeypatch):
    path = tmp_path / "demo.pcapng"
    path.write_bytes(demo_capture())
    begun = []
    monkeypatch.setattr(Cores, "run", lambda *_: begun.append(1) or "done")
    flowtable.read(path)
    assert not begun
    flowtable.read(path, threads=2)
    assert begun
