"""Streams whose gaps are never filled: every limit is reached on purpose, counted, and holds."""

import struct
import subprocess
import sys

import pytest

import flowtable
from flowtable import Limits, TableFull
from flowtable.testing import TCP, Ethernet, IPv4, write_pcap

MIB = 1 << 20
HEADERS = bytearray(bytes(Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(1, 80, "A")))
LENGTH, PORT, NUMBER = 16, 34, 38  # where a frame has IP's length, the source port, the sequence number


def frames_of(segments):
    """Make frames of (port, sequence number, data) fast."""
    for port, number, data in segments:
        struct.pack_into("!H", HEADERS, LENGTH, 40 + len(data))
        struct.pack_into("!H", HEADERS, PORT, port)
        struct.pack_into("!I", HEADERS, NUMBER, number)
        yield bytes(HEADERS) + data


def read_segments(folder, segments, **options):
    path = folder / "segments.pcap"
    write_pcap(path, frames_of(segments))
    got = []
    flows = flowtable.read(path, streams=got.extend, **options)
    return flows, got


def bytes_heard(got):
    return sum(len(item.data) for item in got)


def bytes_missing(got):
    return sum(item.skipped for item in got)


def begun(port):
    return (port, 0, b"-")


def test_a_stream_that_waits_for_too_much_gives_up_its_gap(tmp_path):
    segments = [begun(1)] + [(1, 100 + 1000 * at, bytes(1000)) for at in range(100)]
    flows, got = read_segments(tmp_path, segments, limits=Limits(stream_bytes=20_000))
    m = flows[0].tcp_metric
    assert flows.account.lost == {"gaps of streams over stream_bytes": 1}
    assert (m.ab_segment_skipped, m.ab_segment_skipped_bytes, m.ab_bytes) == (1, 99, 100_001)
    assert (bytes_heard(got), bytes_missing(got)) == (100_001, 99)
    assert m.ab_segment_out_of_order == 0


def test_a_segment_larger_than_a_stream_may_hold_is_given_on_at_once(tmp_path):
    flows, got = read_segments(
        tmp_path, [begun(1), (1, 50, b"abc"), (1, 53, b"d")], limits=Limits(stream_bytes=0)
    )
    assert [(item.data, item.skipped) for item in got] == [(b"-", 0), (b"abc", 49), (b"d", 0)]
    assert flows.account.lost == {"gaps of streams over stream_bytes": 1}


@pytest.mark.parametrize("limit", ["stream_bytes", "streams_bytes"])
def test_a_segment_is_charged_for_each_gap_that_it_may_fill(tmp_path, limit):
    """It waits as so many pieces, each with what a piece takes beside its bytes."""
    segments = [begun(1), *((1, 10 + 2 * at, b"x") for at in range(100)), (1, 10, b"y" * 200)]
    enough = 100 * (1 + 128) + 200 + (100 + 1) * 128
    for missing in (0, 1):
        flows, got = read_segments(tmp_path, segments, limits=Limits(**{limit: enough - missing}))
        assert flows.account.lost == ({f"gaps of streams over {limit}": 1} if missing else {})
        assert (bytes_heard(got), bytes_missing(got)) == (201, 9)


@pytest.mark.parametrize("order", ["up", "down"])
def test_a_stream_with_too_many_gaps_gives_up_the_first_ones(tmp_path, order):
    gaps = [(1, 10 * at, b"x") for at in range(1, 101)]
    flows, got = read_segments(
        tmp_path, [begun(1), *(gaps if order == "up" else gaps[::-1])], limits=Limits(stream_gaps=10)
    )
    lost = flows.account.lost["gaps of streams over stream_gaps"]
    m = flows[0].tcp_metric
    if order == "up":
        assert (lost, m.ab_segment_skipped, m.ab_bytes) == (90, 100, 101)
    else:  # the first gap is given up once, and what comes then is older
        assert (lost, m.ab_retransmitted, m.ab_bytes) == (1, 89, 12)
    assert m.ab_bytes + m.ab_segment_skipped_bytes == 1001
    assert bytes_heard(got) + bytes_missing(got) == 1001


def test_all_streams_together_wait_for_so_much_only(tmp_path):
    segments = [begun(port) for port in range(1, 201)]
    segments += [(port, 100, bytes(1000)) for port in range(1, 201)]
    flows, got = read_segments(tmp_path, segments, limits=Limits(streams_bytes=50_000))
    lost = flows.account.lost["gaps of streams over streams_bytes"]
    assert 150 <= lost < 200
    assert bytes_heard(got) == 200 * 1001
    assert sum(flow.tcp_metric.ab_segment_skipped_bytes for flow in flows) == 200 * 99


def test_connections_over_their_limit_have_no_streams(tmp_path):
    segments = [(port, 0, b"ab") for port in range(1, 101)]
    flows, got = read_segments(tmp_path, segments, limits=Limits(tcp_bytes=5_000))
    followed = [flow for flow in flows if flow.tcp_metric is not None]
    assert 0 < len(followed) < 20
    assert flows.account.lost == {"flows without TCP metrics": 100 - len(followed)}
    assert bytes_heard(got) == 2 * len(followed)


def test_what_a_listener_raises_ends_reading(tmp_path):
    write_pcap(tmp_path / "a.pcap", frames_of([begun(1), (1, 50, b"waits")]))

    def listen(items):
        raise ZeroDivisionError(len(items))

    with pytest.raises(ZeroDivisionError):
        flowtable.read(tmp_path / "a.pcap", streams=listen)


def test_a_full_table_lets_go_of_what_waits(tmp_path):
    segments = [(port, number, b"x" * 900) for port in range(1, 200) for number in (0, 5000)]
    write_pcap(tmp_path / "a.pcap", frames_of(segments))
    for _ in range(20):
        with pytest.raises(TableFull):
            flowtable.read(tmp_path / "a.pcap", max_flows=150, streams=len)


MEASURE = """
import re, sys
import flowtable
from flowtable import Limits

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) << 10

path, streams_bytes, listens = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "True"
before = peak()
options = {"streams": len} if listens else {"reassemble": True}
flows = flowtable.read(path, limits=Limits(streams_bytes=streams_bytes, stream_bytes=1 << 30), **options)
print(peak() - before)
"""


def memory(path, streams_bytes, *, listens):
    """Give by how many bytes a process grows that reads a capture."""
    command = [sys.executable, "-c", MEASURE, str(path), str(streams_bytes), str(listens)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


FLOODS = {
    "single bytes in a row": lambda n: ((1, 5 + at, b"x") for at in range(n)),
    "single bytes with gaps": lambda n: ((1 + at // 100, 5 + 2 * (at % 100), b"x") for at in range(n)),
    "from behind": lambda n: ((1, 2 * n - at, b"x") for at in range(n)),
    "large": lambda n: ((1 + at // 20, 5 + 1400 * (at % 20), bytes(1400)) for at in range(n // 8)),
}


@pytest.mark.parametrize("listens", [True, False])
@pytest.mark.parametrize("flood", FLOODS)
def test_memory_stays_under_its_limit(tmp_path, flood, listens):
    path = tmp_path / "flood.pcap"
    n = 200_000
    starts = [begun(port) for port in range(1, 2 + n // 100)]
    write_pcap(path, frames_of([*starts, *FLOODS[flood](n)]))
    base = memory(path, 0, listens=listens)
    limit = 8 * MIB
    grown = memory(path, limit, listens=listens)
    handed_over = limit if listens else 0  # when a gap is given up, all that waited behind it becomes objects
    assert grown - base < limit + handed_over + 4 * MIB


@pytest.mark.parametrize("limit", ["stream_bytes", "streams_bytes", "stream_gaps", "tcp_bytes"])
def test_limits_of_nothing(tmp_path, limit):
    """With no room at all, what is in order is still heard."""
    segments = [begun(1), (1, 1, b"a"), (1, 9, b"z"), (1, 2, b"b"), (1, 10, b"!")]
    flows, got = read_segments(tmp_path, segments, limits=Limits(**{limit: 0}))
    assert flows.account.adds_up()
    heard = b"".join(item.data for item in got)
    assert heard == (b"" if limit == "tcp_bytes" else b"-az!")


def test_reading_is_the_same_whatever_the_limits(tmp_path):
    """Bytes that are heard and that are missing add up to the same place."""
    segments = [begun(1), *((1, 3 * at * 7 % 3001, b"xy") for at in range(1, 3001))]
    for limits in (Limits(), Limits(stream_bytes=3000), Limits(streams_bytes=1000), Limits(stream_gaps=3)):
        _, got = read_segments(tmp_path, segments, limits=limits)
        assert bytes_heard(got) + bytes_missing(got) == 3002
