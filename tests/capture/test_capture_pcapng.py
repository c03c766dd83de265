"""pcapng: blocks, sections, interfaces and their clocks."""

import struct
from fractions import Fraction

import pytest
from capture_builders import (
    MAX_TIME,
    block,
    enhanced,
    interface,
    obsolete,
    option,
    read,
    read_broken,
    save,
    section,
    simple,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtable.capture import CapturedFrame, open_capture
from flowtable.errors import CaptureError

DATA = b"some bytes of a frame"


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_packet_block(tmp_path, order):
    content = section(order=order) + interface(1, order=order) + interface(101, order=order)
    content += enhanced(1_600_000_000_123_456, DATA, 1, order=order, length=1500)
    content += simple(DATA, order=order)
    content += obsolete(5_000_000, DATA, 1, order=order)
    content += enhanced(7, b"", 0, order=order, options=option(2, b"\0\0\0\1", order=order))
    assert read(save(tmp_path / "a.pcapng", content)) == [
        CapturedFrame(1_600_000_000_123_456_000, DATA, 1500, 101),
        CapturedFrame(0, DATA, len(DATA), 1),
        CapturedFrame(5_000_000_000, DATA, len(DATA), 101),
        CapturedFrame(7000, b"", 0, 1),
    ]


def test_unknown_blocks_are_skipped(tmp_path):
    content = section(version=(1, 2), options=option(4, b"a program")) + block(0x80000BAD, b"x" * 999)
    content += interface() + block(5, bytes(12)) + block(77, b"") + enhanced(1, DATA) + block(4, DATA)
    assert len(read(save(tmp_path / "a.pcapng", content))) == 1


def test_an_unknown_block_larger_than_the_window(tmp_path):
    content = section() + interface() + block(77, bytes(3 << 20)) + enhanced(1, DATA)
    assert len(read(save(tmp_path / "a.pcapng", content))) == 1


def test_sections_have_their_own_order_and_interfaces(tmp_path):
    content = section(order="<") + interface(1) + enhanced(1, DATA)
    content += section(order=">") + interface(113, order=">") + enhanced(2, DATA, order=">")
    content += section(order="<") + interface(276) + interface(12) + enhanced(3, DATA, 1)
    frames = read(save(tmp_path / "a.pcapng", content))
    assert [(frame.time, frame.link_type) for frame in frames] == [(1000, 1), (2000, 113), (3000, 12)]


def test_a_new_section_forgets_the_interfaces(tmp_path):
    content = section() + interface() + enhanced(1, DATA) + section()
    frames, warning = read_broken(save(tmp_path / "a.pcapng", content + enhanced(2, DATA)))
    assert len(frames) == 1
    assert f"broken at byte {len(content)}: a packet is from interface 0, and 0 are described" in warning


def test_a_file_without_interfaces_is_empty(tmp_path):
    assert read(save(tmp_path / "a.pcapng", section() + block(77, b""))) == []


def clock(resolution, offset, ticks):
    """The time in ns that a packet block should get, and whether it was clamped."""
    base = Fraction(2) if resolution & 0x80 else Fraction(10)
    time = ticks * 10**9 * base ** -(resolution & 0x7F) // 1 + offset * 10**9
    return min(max(time, 0), MAX_TIME), not 0 <= time <= MAX_TIME


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("resolution", [0, 3, 6, 9, 10, 12, 19, 28, 29, 127, 128, 128 + 10, 128 + 63, 255])
@pytest.mark.parametrize("offset", [0, 1, -1, 1_600_000_000, 2**63 - 1, -(2**63)])
def test_clocks(tmp_path, order, resolution, offset):
    ticks = [0, 1, 10**6, 1_600_000_000_999_999, 2**63, 2**64 - 1]
    content = section(order=order) + interface(order=order, resolution=resolution, offset=offset)
    content += b"".join(enhanced(each, b"", order=order) for each in ticks)
    source = open_capture(save(tmp_path / "a.pcapng", content))
    expected = [clock(resolution, offset, each) for each in ticks]
    assert [frame.time for frame in source] == [time for time, _ in expected]
    assert source.times_clamped == sum(clamped for _, clamped in expected)


@settings(deadline=None)
@given(st.integers(0, 255), st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64 - 1))
def test_any_clock(tmp_path_factory, resolution, offset, ticks):
    path = tmp_path_factory.getbasetemp() / "any-clock.pcapng"
    save(path, section() + interface(resolution=resolution, offset=offset) + enhanced(ticks, DATA))
    assert [frame.time for frame in read(path)] == [clock(resolution, offset, ticks)[0]]


def test_the_offset_holds_for_packets_without_a_time_as_in_libpcap(tmp_path):
    assert (
        read(save(tmp_path / "a.pcapng", section() + interface(offset=3) + simple(DATA)))[0].time == 3 * 10**9
    )


def test_a_simple_packet_is_as_long_as_the_snap_length_allows(tmp_path):
    content = section() + interface(snap=8) + simple(DATA[:8], length=1500) + simple(DATA[:3])
    frames = read(save(tmp_path / "a.pcapng", content))
    assert [(frame.data, frame.length) for frame in frames] == [(DATA[:8], 1500), (DATA[:3], 3)]


BROKEN = {
    "length-below-12": (block(77, b"", length=8), "8 bytes long"),
    "length-zero": (block(77, b"", length=0), "0 bytes long"),
    "length-odd": (block(77, b"abc", length=17), "17 bytes long"),
    "length-huge": (block(77, b"", length=0xFFFFFFF0), "4294967280 bytes long, and at most 16777216"),
    "trailer": (block(77, b"abcd", trailer=20), "two lengths, 16 and 20"),
    "captured-beyond-block": (enhanced(1, DATA, captured=2000), "block of type 6 is too short"),
    "captured-beyond-snap": (
        enhanced(1, b"x" * 4001),
        "4001 bytes, more than its interface's snap length of 4000",
    ),
    "simple-beyond-block": (simple(DATA, length=2000), "too short"),
    "enhanced-too-short": (block(6, bytes(16)), "block of type 6 is too short"),
    "packet-too-short": (block(2, bytes(16)), "block of type 2 is too short"),
    "simple-too-short": (block(3, b""), "block of type 3 is too short"),
    "interface-too-short": (block(1, bytes(4)), "block of type 1 is too short"),
    "section-too-short": (block(0x0A0D0D0A, struct.pack("<I", 0x1A2B3C4D)), "too short"),
    "section-order": (block(0x0A0D0D0A, bytes(16)), "no valid byte-order mark"),
    "section-version": (section(version=(2, 0)), "version 2.0 is not known"),
    "no-such-interface": (enhanced(1, DATA, 1), "from interface 1, and 1 are described"),
    "option-beyond-block": (
        block(1, bytes(8) + struct.pack("<HH", 2, 400)),
        "option 2 cannot be 400 bytes long",
    ),
    "resolution-length": (interface(options=option(9, b"\6\6")), "option 9 cannot be 2 bytes long"),
    "offset-length": (interface(options=option(14, b"\6\6\6\6")), "option 14 cannot be 4 bytes long"),
    "end-with-value": (block(1, bytes(8) + option(0, b"abcd")), "option 0 cannot be 4 bytes long"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_block_ends_the_file(tmp_path, name):
    bad, why = BROKEN[name]
    good = section() + interface(snap=4000) + enhanced(1, DATA)
    frames, warning = read_broken(save(tmp_path / "a.pcapng", good + bad + enhanced(2, DATA)))
    assert len(frames) == 1
    assert f"is broken at byte {len(good)}: " in warning
    assert why in warning


def test_a_block_may_be_as_long_as_a_link_types_longest_packet(tmp_path):
    long = bytes(20 << 20)
    content = section() + interface(231, 1 << 27) + enhanced(1, long)
    assert [len(frame.data) for frame in read(save(tmp_path / "a.pcapng", content))] == [len(long)]


def test_interfaces_are_limited(tmp_path):
    content = section() + 65536 * interface()
    last = enhanced(1, DATA, 65535)
    assert len(read(save(tmp_path / "a.pcapng", content + last))) == 1
    frames, warning = read_broken(save(tmp_path / "b.pcapng", content + last + interface() + last))
    assert len(frames) == 1
    assert "more than 65536 interfaces" in warning


@pytest.mark.parametrize("length", [0, 12, 27, (1 << 20) + 4, 0xFFFFFFFC])
def test_a_first_section_of_an_impossible_length_is_refused(tmp_path, length):
    body = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    with pytest.raises(CaptureError, match=f"says that it is {length} bytes long"):
        open_capture(save(tmp_path / "a.pcapng", block(0x0A0D0D0A, body, length=length)))


@pytest.mark.parametrize("version", [(1, 1), (1, 3), (2, 0), (0, 0)])
def test_other_versions_are_refused(tmp_path, version):
    with pytest.raises(CaptureError, match="pcapng version"):
        open_capture(save(tmp_path / "a.pcapng", section(version=version)))


def test_a_section_without_byte_order_mark_is_no_capture(tmp_path):
    content = struct.pack("<IIII", 0x0A0D0D0A, 28, 0, 0) + bytes(12)
    with pytest.raises(CaptureError, match="a pcapng file, without its byte-order mark"):
        open_capture(save(tmp_path / "a.pcapng", content))
