"""Whatever bytes come: an error or warning of ours, and no packet that is not there."""

import random
import warnings

import pytest
from capture_builders import (
    MODIFIED,
    NANO,
    enhanced,
    interface,
    obsolete,
    option,
    pcap,
    save,
    section,
    simple,
)

from flowtable.capture import open_capture
from flowtable.errors import CaptureError, CaptureWarning

RECORDS = [(1, 2, b"one"), (3, 4, b""), (5, 6, b"three" * 9)]


def pcapng(order):
    content = section(order=order, options=option(4, b"program", order=order))
    content += interface(1, 99, order=order, resolution=9, offset=5)
    content += enhanced(1, b"one", order=order, options=option(1, b"comment", order=order))
    content += obsolete(2, b"two", order=order) + simple(b"three", order=order)
    content += section(order="<") + interface(101) + enhanced(2**63, b"four")
    return content


WHOLE = {
    "micro": pcap(RECORDS),
    "nano": pcap(RECORDS, order=">", magic=NANO),
    "modified": pcap(RECORDS, magic=MODIFIED, snap=4),
    "swapped": pcap(RECORDS, version=(2, 2)),
    "pcapng": pcapng("<"),
    "pcapng-big": pcapng(">"),
}


def read_any(path):
    """The frames, or None for what was refused, and the messages."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            frames = list(open_capture(path))
        except CaptureError as error:
            return None, [str(error)]
    assert all(warning.category is CaptureWarning for warning in caught)
    return frames, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("name", WHOLE)
def test_truncated_at_every_offset(tmp_path, name):
    whole, path = WHOLE[name], tmp_path / "a"
    expected, messages = read_any(save(path, whole))
    assert not messages
    boundaries = 0
    for end in range(len(whole)):
        frames, messages = read_any(save(path, whole[:end]))
        assert len(messages) <= 1
        assert (frames or []) == expected[: len(frames or [])]
        boundaries += not messages
    # Without a word only where a record or block ends, and never before the file header is whole.
    assert boundaries == len(RECORDS) if "pcapng" not in name else boundaries == 7


@pytest.mark.parametrize("name", WHOLE)
def test_every_byte_changed(tmp_path, name):
    path = tmp_path / "a"
    for at in range(len(WHOLE[name])):
        for value in (0, 0x7F, 0xFF):
            damaged = bytearray(WHOLE[name])
            damaged[at] = value
            frames, messages = read_any(save(path, bytes(damaged)))
            assert len(messages) <= 1
            assert all(frame.data in damaged and 0 <= frame.time < 2**63 for frame in frames or [])


@pytest.mark.parametrize("seed", range(6))
def test_random_damage(tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311  # the same damage each time
    path = tmp_path / "a"
    for _ in range(150):
        damaged = bytearray(chance.choice(list(WHOLE.values())))
        for _ in range(chance.randrange(1, 6)):
            damaged[chance.randrange(len(damaged))] = chance.choice((0, 0xFF, chance.randrange(256)))
        cut = damaged[: chance.randrange(len(damaged) + 1)] if chance.random() < 0.3 else damaged
        frames, _ = read_any(save(path, bytes(cut)))
        assert all(frame.data in cut for frame in frames or [])


@pytest.mark.parametrize("seed", range(3))
def test_random_bytes_behind_a_magic(tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311  # the same bytes each time
    for name in WHOLE:
        for keep in (4, 12, 24, 60):
            read_any(save(tmp_path / "a", WHOLE[name][:keep] + chance.randbytes(3000)))


def test_a_claimed_length_alone_takes_no_memory(tmp_path):
    claim = (
        pcap([], network=231, snap=1 << 27) + (1).to_bytes(8, "little") + 2 * (1 << 27).to_bytes(4, "little")
    )
    source = open_capture(save(tmp_path / "a", claim + b"few bytes"))
    with pytest.warns(CaptureWarning, match="ends in the middle of the record at byte 24"):
        assert list(source) == []
