"""Classic pcap and its variants."""

import struct

import pytest
from capture_builders import MICRO, MODIFIED, NANO, pcap, pcap_record, read, read_broken, save

from flowtable.capture import CapturedFrame, open_capture
from flowtable.errors import CaptureError

DATA = bytes(range(60))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "unit"), [(MICRO, 1000), (NANO, 1), (MODIFIED, 1000)])
def test_orders_and_resolutions(tmp_path, order, magic, unit):
    records = [(1_600_000_000, 123456, DATA, 1500), (1_600_000_001, 0, b""), (0, 0, DATA[:1])]
    path = save(tmp_path / "a.pcap", pcap(records, order=order, magic=magic))
    assert read(path) == [
        CapturedFrame(1_600_000_000 * 10**9 + 123456 * unit, DATA, 1500, 1),
        CapturedFrame(1_600_000_001 * 10**9, b"", 0, 1),
        CapturedFrame(0, DATA[:1], 1, 1),
    ]


def test_times_are_unsigned_and_fractions_may_be_over_a_second(tmp_path):
    top, most = 2**32 - 1, (2**32 - 1) // 1000
    micro = read(save(tmp_path / "a.pcap", pcap([(top, most, DATA)])))
    nano = read(save(tmp_path / "b.pcap", pcap([(top, top, DATA)], magic=NANO)))
    assert micro[0].time == top * 10**9 + most * 1000
    assert nano[0].time == top * 10**9 + top


def test_a_fraction_beyond_32_bits_of_ns_is_none_and_counted(tmp_path):
    source = open_capture(save(tmp_path / "a.pcap", pcap([(7, 2**32 // 1000 + 1, DATA), (8, 5, DATA)])))
    assert [frame.time for frame in source] == [7 * 10**9, 8 * 10**9 + 5000]
    assert source.times_clamped == 1


@pytest.mark.parametrize(
    ("network", "link_type"),
    [(0, 0), (1, 1), (276, 276), (0xF0000071, 113), (0xFC000001, 1), (0x10001, 0xFFFF), (0x3FFFFFF, 0xFFFF)],
)
def test_only_the_low_26_bits_are_the_link_type(tmp_path, network, link_type):
    frames = read(save(tmp_path / "a.pcap", pcap([(1, 2, DATA)], network=network)))
    assert [frame.link_type for frame in frames] == [link_type]


@pytest.mark.parametrize(
    ("version", "written", "captured", "length"),
    [
        ((2, 4), (60, 90), 60, 90),
        ((2, 4), (60, 10), 60, 10),
        ((2, 3), (60, 90), 60, 90),
        ((2, 3), (90, 60), 60, 90),
        ((2, 2), (90, 60), 60, 90),
        ((2, 0), (60, 60), 60, 60),
        ((543, 0), (90, 60), 60, 90),
    ],
)
def test_old_versions_swap_the_lengths(tmp_path, version, written, captured, length):
    record = pcap_record(1, 0, DATA, captured=written[0], length=written[1])
    (frame,) = read(save(tmp_path / "a.pcap", pcap([], version=version) + record))
    assert (len(frame.data), frame.length) == (captured, length)


@pytest.mark.parametrize("version", [(1, 2), (2, 5), (3, 0), (543, 1), (0, 0)])
def test_other_versions_are_refused(tmp_path, version):
    with pytest.raises(CaptureError, match=rf"version {version[0]}\.{version[1]} is not known"):
        open_capture(save(tmp_path / "a.pcap", pcap([(1, 0, DATA)], version=version)))


def test_a_record_over_the_snap_length_is_cut(tmp_path):
    path = save(tmp_path / "a.pcap", pcap([(1, 0, DATA), (2, 0, DATA[:20]), (3, 0, DATA)], snap=32))
    source = open_capture(path)
    assert [frame.data for frame in source] == [DATA[:32], DATA[:20], DATA[:32]]
    assert (source.frames, source.snapped) == (3, 2)


def test_the_modified_format_allows_for_a_made_up_ethernet_header(tmp_path):
    cut = read(save(tmp_path / "a.pcap", pcap([(1, 0, DATA)], snap=32, magic=MODIFIED)))
    raw = read(save(tmp_path / "b.pcap", pcap([(1, 0, DATA)], snap=32, magic=MODIFIED, network=101)))
    assert [len(frame.data) for frame in cut + raw] == [46, 32]


@pytest.mark.parametrize("snap", [0, 2**31, 2**32 - 1])
def test_a_snap_length_that_cannot_be_meant_is_no_limit(tmp_path, snap):
    big = bytes(200_000)
    assert read(save(tmp_path / "a.pcap", pcap([(1, 0, big)], snap=snap)))[0].data == big


@pytest.mark.parametrize(
    ("network", "maximum"), [(1, 262144), (189, 262144), (249, 1 << 20), (279, 1 << 23), (231, 1 << 27)]
)
def test_a_length_over_the_maximum_ends_the_file(tmp_path, network, maximum):
    good = pcap_record(1, 0, DATA)
    content = pcap([], network=network, snap=2**31 - 1) + good
    bad = pcap_record(2, 0, DATA, captured=maximum + 1)
    frames, warning = read_broken(save(tmp_path / "a.pcap", content + bad + good))
    assert len(frames) == 1
    assert f"is broken at byte {len(content)}: " in warning
    assert f"{maximum + 1} bytes" in warning


def test_records_larger_than_the_window(tmp_path):
    big = bytes(range(256)) * (5 << 12)
    records = [(1, 0, DATA), (2, 0, big), (3, 0, DATA), (4, 0, big[1:])]
    frames = read(save(tmp_path / "a.pcap", pcap(records, network=231, snap=1 << 27)))
    assert [frame.data for frame in frames] == [record[2] for record in records]


def test_many_windows(tmp_path):
    records = [(n, n, n.to_bytes(4, "big") * (n % 400)) for n in range(5000)]
    path = save(tmp_path / "a.pcap", pcap(records))
    assert path.stat().st_size > 3 << 20
    frames = read(path)
    assert [(frame.time, frame.data) for frame in frames] == [
        (n * 10**9 + n * 1000, data) for n, _, data in records
    ]


def test_a_capture_without_packets_is_whole(tmp_path):
    source = open_capture(save(tmp_path / "a.pcap", pcap([])))
    assert list(source) == []
    assert (source.frames, source.incomplete) == (0, 0)


@pytest.mark.parametrize("left", range(1, 76))
def test_a_file_that_ends_within_a_record(tmp_path, left):
    whole = pcap([(1, 0, DATA), (2, 0, DATA)])
    frames, warning = read_broken(save(tmp_path / "a.pcap", whole + pcap_record(3, 0, DATA)[:left]))
    assert [frame.time for frame in frames] == [10**9, 2 * 10**9]
    assert f"the record at byte {len(whole)}; packets read before it: 2" in warning


def test_drain_counts_what_iterating_gives(tmp_path):
    path = save(tmp_path / "a.pcap", pcap([(n, 0, DATA) for n in range(1000)]))
    with open_capture(path) as source:
        assert source.drain() == 1000
        assert source.position == source.size == path.stat().st_size
        assert list(source) == []


def test_closing_ends_the_walk(tmp_path):
    source = open_capture(save(tmp_path / "a.pcap", pcap([(n, 0, DATA) for n in range(200)])))
    next(source)
    source.close()
    source.close()
    assert len(list(source)) < 64


def test_the_fields_of_the_file_header_that_nobody_reads(tmp_path):
    content = bytearray(pcap([(1, 0, DATA)]))
    struct.pack_into("<iI", content, 8, -3600, 7)
    assert read(save(tmp_path / "a.pcap", bytes(content)))[0].time == 10**9
