"""Blocks of a packet ring, right ones and any bytes: no frame reaches beyond its block."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtable.capture import LinkType
from flowtable.capture._ring import HEADER_ROOM, frames_of_block
from flowtable.errors import OptionError

BLOCK_HEADER = struct.Struct(
    "<II IIII Q IIII"
)  # version, private, status, frames, first, length, number, times
FRAME_HEADER = struct.Struct("<IIIIIIHH IIHH 8x")
ADDRESS = struct.Struct("<H2siHBB8s")
HEADERS = FRAME_HEADER.size + ADDRESS.size
VLAN_VALID, TPID_VALID = 1 << 4, 1 << 6
SIZE = 4096


def frame(data, *, tag=None, protocol=b"\x08\x00", hardware=1, kind=0, **forced):
    """A frame as the kernel writes it, with its headers, and room for what is put before it."""
    fields = {"next": 0, "seconds": 1, "ns": 2, "captured": len(data), "length": len(data)}
    fields |= {"status": 0 if tag is None else VLAN_VALID, "mac": HEADERS + HEADER_ROOM, "net": 0}
    fields |= {"hash": 0, "tci": tag or 0, "tpid": 0, "padding": 0}
    if "tpid" in forced:
        fields["status"] |= TPID_VALID
    head = FRAME_HEADER.pack(*(fields | forced).values())
    link = ADDRESS.pack(17, protocol, 7, hardware, kind, 6, b"\x02\0\0\0\0\x09\0\0")
    whole = head + link + bytes(HEADER_ROOM) + data
    return whole + bytes(-len(whole) % 8)


def block(*frames, **forced):
    body, at = b"", BLOCK_HEADER.size
    for number, each in enumerate(frames):
        last = number == len(frames) - 1
        body += each if last or each[:4] != bytes(4) else struct.pack("<I", len(each)) + each[4:]
    fields = {"frames": len(frames), "first": at, "length": at + len(body)}
    fields.update(forced)
    head = BLOCK_HEADER.pack(1, at, 0, fields["frames"], fields["first"], fields["length"], 0, 0, 0, 0, 0)
    return (head + body).ljust(SIZE, b"\0")


def read(made, link_type=LinkType.ETHERNET, snap=65535):
    return frames_of_block(made, link_type, snap)


DATA = bytes(range(60))


def test_frames_are_found_in_order():
    found, wrong = read(block(frame(DATA), frame(DATA[:20], length=1500, seconds=9), frame(b"")))
    assert wrong == 0
    assert found == [
        (1_000_000_002, DATA, 60, 1),
        (9_000_000_002, DATA[:20], 1500, 1),
        (1_000_000_002, b"", 0, 1),
    ]


@pytest.mark.parametrize(("tpid", "shown"), [(0, b"\x81\x00"), (0x8100, b"\x81\x00"), (0x88A8, b"\x88\xa8")])
def test_a_tag_is_put_back(tpid, shown):
    found, _ = read(block(frame(DATA, tag=0xE005, tpid=tpid), frame(DATA, tag=0)))
    assert found[0][1:3] == (DATA[:12] + shown + b"\xe0\x05" + DATA[12:], 64)
    assert found[1][1] == DATA[:12] + b"\x81\x00\x00\x00" + DATA[12:]


@pytest.mark.parametrize("captured", range(12))
def test_a_tag_is_left_out_where_its_place_was_not_captured(captured):
    found, _ = read(block(frame(DATA[:captured], length=60, tag=5)))
    assert found == [(1_000_000_002, DATA[:captured], 60, 1)]


def test_the_snap_length_holds_with_the_tag():
    found, _ = read(block(frame(DATA, tag=5)), snap=14)
    assert found[0][1:3] == (DATA[:12] + b"\x81\x00", 64)


def test_cooked_frames():
    found, _ = read(block(frame(DATA, kind=4), frame(DATA, tag=5, protocol=b"\x86\xdd")), LinkType.LINUX_SLL)
    head = b"\x00\x01\x00\x06\x02\0\0\0\0\x09\0\0"
    assert found[0][1:] == (b"\0\4" + head + b"\x08\x00" + DATA, 76, 113)
    assert found[1][1:] == (b"\0\0" + head + b"\x81\x00\x00\x05\x86\xdd" + DATA, 80, 113)


def test_cooked_frames_of_all_interfaces():
    found, _ = read(block(frame(DATA, kind=4), frame(DATA, tag=5)), LinkType.LINUX_SLL2)
    head = b"\0\0\0\0\0\7\0\1"
    address = b"\6\2\0\0\0\0\x09\0\0"
    assert found[0][1:] == (b"\x08\x00" + head + b"\4" + address + DATA, 80, 276)
    assert found[1][1:] == (b"\x81\x00" + head + b"\0" + address + b"\x00\x05\x08\x00" + DATA, 84, 276)


def test_own_copies_on_loopback_are_left_out():
    found, wrong = read(block(frame(DATA, hardware=772, kind=4), frame(DATA[:9], hardware=772)))
    assert [each[1] for each in found] == [DATA[:9]]
    assert wrong == 0


def test_an_empty_block_is_nothing():
    assert read(block()) == ([], 0)


@pytest.mark.parametrize(
    "made",
    [
        block(frame(DATA, captured=SIZE)),
        block(frame(DATA, captured=0xFFFFFFFF, length=0xFFFFFFFF)),
        block(frame(DATA, captured=61)),  # more than there was on the wire
        block(frame(DATA, mac=HEADERS)),  # no room before it
        block(frame(DATA, mac=0xFFFF)),
        block(frame(DATA), first=SIZE),
        block(frame(DATA), first=0xFFFFFFF8),
        block(frame(DATA), first=SIZE - 8),
        block(frame(DATA), first=BLOCK_HEADER.size + 4),
        block(frame(DATA), length=BLOCK_HEADER.size + HEADERS),
        block(frame(DATA), length=0),
    ],
)
def test_what_is_not_possible_is_counted(made):
    assert read(made) == ([], 1)


@pytest.mark.parametrize("next_", [0, 1, 0xFFFFFFF8, SIZE])
def test_frames_behind_a_wrong_step_are_counted(next_):
    first = struct.pack("<I", next_) + frame(DATA)[4:]
    body = block(frame(DATA), frame(DATA), frame(DATA))
    found, wrong = read(body[: BLOCK_HEADER.size] + first + body[BLOCK_HEADER.size + len(first) :])
    assert len(found) == 1
    assert wrong == 2


def test_as_many_frames_as_cannot_be_are_counted():
    found, wrong = read(block(frame(DATA), frames=0xFFFFFFFF))
    assert len(found) == 1
    assert wrong == 0xFFFFFFFE


def test_steps_that_are_short_end_with_the_block():
    """Frames may overlap, but each step leads on, and a block is as long as it is."""
    made = bytearray(block(frame(DATA), frames=0xFFFFFFFF))
    for at in range(BLOCK_HEADER.size, SIZE, 8):
        struct.pack_into("<I", made, at, 8)
    found, wrong = read(bytes(made))
    assert len(found) <= SIZE // 8
    assert len(found) + wrong == 0xFFFFFFFF


def test_nanoseconds_of_more_than_a_second_are_not_believed():
    found, _ = read(block(frame(DATA, ns=0xFFFFFFFF)))
    assert found[0][0] == 1_000_000_000 + 0xFFFFFFFF % 10**9


def test_a_block_holds_its_header():
    with pytest.raises(OptionError, match="a block of 8 bytes"):
        read(bytes(8))


@given(
    st.binary(min_size=48, max_size=600),
    st.sampled_from([LinkType.ETHERNET, LinkType.RAW, LinkType.LINUX_SLL, LinkType.LINUX_SLL2]),
    st.integers(1, 262_144),
)
def test_any_bytes_are_read_without_harm(made, link_type, snap):
    found, _ = read(made, link_type, snap)
    assert all(len(data) <= min(snap, len(made)) for _, data, _, _ in found)


WORDS = st.sampled_from([0, 1, 4, 24, 48, 50, 100, 0xFFFF, 0xFFFFFFFF])


@given(
    st.lists(st.tuples(st.integers(0, 600), WORDS), max_size=8),
    st.sampled_from([LinkType.ETHERNET, LinkType.RAW, LinkType.LINUX_SLL, LinkType.LINUX_SLL2]),
)
def test_right_blocks_with_some_words_changed_are_read_without_harm(changes, link_type):
    made = bytearray(block(frame(DATA), frame(DATA, tag=5), frame(DATA, protocol=b"\x88\x47"), frame(DATA)))
    for at, word in changes:
        struct.pack_into("<I", made, at * 4 % (len(made) - 4), word)
    found, wrong = read(bytes(made), link_type)
    assert len(found) <= 1024
    assert all(len(data) <= len(made) for _, data, _, _ in found)
    assert wrong >= 0
