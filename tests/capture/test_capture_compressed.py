"""Compressed captures: told by their bytes, unpacked in bounded steps, broken in many ways."""

import bz2
import gzip
import itertools
import lzma
import random
import resource
import struct
import sys
import zlib

import pytest
from capture_builders import enhanced, interface, pcap, read, read_broken, save, section

from flowtable.capture import open_capture
from flowtable.capture.ahead import AheadStream
from flowtable.capture.codecs import codec_of
from flowtable.capture.streams import StreamError, open_stream
from flowtable.errors import CaptureError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACK = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd.compress}
RANDOM = random.Random(1)  # noqa: S311  # the same bytes each time
RECORDS = [(n, 0, RANDOM.randbytes(50)) for n in range(4000)]
WHOLE = pcap(RECORDS)
PACKED = {name: pack(WHOLE) for name, pack in PACK.items()}
FRAMES = [(n * 10**9, data) for n, _, data in RECORDS]


def skippable(content):
    return struct.pack("<II", 0x184D2A53, len(content)) + content


@pytest.mark.parametrize("name", PACK)
def test_whatever_the_name(tmp_path, name):
    for suffix in (".pcap", ".gz"):
        frames = read(save(tmp_path / f"a{suffix}", PACKED[name]))
        assert [(frame.time, frame.data) for frame in frames] == FRAMES


@pytest.mark.parametrize("name", PACK)
def test_pcapng(tmp_path, name):
    content = section() + interface(12) + enhanced(5, b"data")
    assert [frame.link_type for frame in read(save(tmp_path / "a", PACK[name](content)))] == [12]


@pytest.mark.parametrize("name", PACK)
def test_several_members_are_one_capture(tmp_path, name):
    cuts = [0, 3, 24, 24, 1000, 1001, len(WHOLE)]
    members = [PACK[name](WHOLE[a:b]) for a, b in itertools.pairwise(cuts)]
    assert len(read(save(tmp_path / "a", b"".join(members)))) == len(RECORDS)


@pytest.mark.parametrize("zeros", [4, 40_000])
@pytest.mark.parametrize("name", ["gzip", "xz"])
def test_zero_padding_behind_and_between_members(tmp_path, name, zeros):
    first, second = PACK[name](WHOLE[:1000]), PACK[name](WHOLE[1000:])
    path = save(tmp_path / "a", first + bytes(zeros) + second + bytes(zeros))
    assert len(read(path)) == len(RECORDS)


def test_zstd_skippable_frames(tmp_path):
    content = (
        skippable(b"note")
        + zstd.compress(WHOLE[:99])
        + skippable(b"")
        + zstd.compress(WHOLE[99:])
        + skippable(b"x")
    )
    assert len(read(save(tmp_path / "a", content))) == len(RECORDS)


@pytest.mark.parametrize("name", PACK)
def test_garbage_behind_the_members(tmp_path, name):
    frames, warning = read_broken(save(tmp_path / "a", PACKED[name] + b"garbage" * 9))
    assert len(frames) == len(RECORDS)
    assert f"its {name} data are broken before byte {len(PACKED[name]) + 63} on disk" in warning


@pytest.mark.parametrize("name", PACK)
def test_cut_in_the_middle(tmp_path, name):
    half = PACKED[name][: len(PACKED[name]) // 2]
    try:
        frames, warning = read_broken(save(tmp_path / "a", half))
    except CaptureError as error:  # bzip2 and zstd give nothing before their first block is whole
        frames, warning = [], str(error)
    assert [(frame.time, frame.data) for frame in frames] == FRAMES[: len(frames)]
    assert f"of its unpacked {name} data" in warning
    assert f"data end too early, at byte {len(half)} on disk" in warning


@pytest.mark.parametrize("name", PACK)
def test_truncated_at_every_offset(tmp_path, name):
    packed = PACK[name](pcap(RECORDS[:3]))
    for end in range(1, len(packed)):
        path = save(tmp_path / "a", packed[:end])
        try:
            frames, warning = read_broken(path)
        except CaptureError as error:
            frames, warning = [], str(error)
        assert len(frames) <= 3
        assert str(path) in warning


@pytest.mark.parametrize("name", PACK)
def test_broken_from_the_start_is_an_error(tmp_path, name):
    broken = PACKED[name][:6] + b"\xff" * 500
    with pytest.raises(
        CaptureError, match=f"cannot be read at byte 0 of its unpacked {name} data: its {name} data are"
    ):
        open_capture(save(tmp_path / "a", broken))


def test_broken_later_gives_what_came_before(tmp_path):
    packed = bytearray(PACKED["gzip"])
    packed[-200:-100] = bytes(100)
    frames, warning = read_broken(save(tmp_path / "a", bytes(packed)))
    assert 3000 < len(frames) < 4000
    assert [(frame.time, frame.data) for frame in frames] == FRAMES[: len(frames)]
    assert "its gzip data are broken before byte" in warning


def all_of(stream, sizes):
    """Read a stream into rooms of these sizes in turn: what it gives, and what it says at the end."""
    parts, room = [], bytearray(max(sizes))
    try:
        for size in itertools.cycle(sizes):
            count = stream.readinto(memoryview(room)[:size])
            parts.append(bytes(room[:count]))
            if count == 0:
                return b"".join(parts), None
    except StreamError as error:
        return b"".join(parts), str(error)
    finally:
        stream.close()


@pytest.mark.parametrize("name", PACK)
def test_as_much_comes_before_damage_whoever_reads_in_whatever_pieces(tmp_path, name):
    damage = random.Random(name)  # noqa: S311 - the same damage each time
    whole = pcap(RECORDS * 3)
    for nth in range(12):
        packed = bytearray(PACK[name](whole))
        for _ in range(nth % 3 + 1):
            packed[damage.randrange(len(packed) // 2, len(packed))] ^= 1 << damage.randrange(8)
        path = str(save(tmp_path / "a", bytes(packed)))
        expected = all_of(open_stream(path), [1 << 20])
        for sizes in ([1 << 16], [100, 1 << 18, 7], [damage.randrange(1, 1 << 17) for _ in range(9)]):
            assert all_of(open_stream(path), sizes) == expected
            assert all_of(AheadStream(open_stream(path)), sizes) == expected


def test_a_wrong_checksum_is_found(tmp_path):
    packed = bytearray(PACKED["gzip"])
    packed[-8] ^= 1
    assert "data check" in read_broken(save(tmp_path / "a", bytes(packed)))[1]


@pytest.mark.parametrize("name", PACK)
def test_what_unpacks_to_something_else(tmp_path, name):
    with pytest.raises(CaptureError, match=f"at byte 0 of its unpacked {name} data it looks like text"):
        open_capture(save(tmp_path / "a", PACK[name](b"just some words\n" * 99)))
    with pytest.raises(CaptureError, match="it looks like gzip data"):
        open_capture(save(tmp_path / "b", PACK[name](gzip.compress(WHOLE))))
    with pytest.raises(CaptureError, match="is not a capture: it unpacks to nothing"):
        open_capture(save(tmp_path / "c", PACK[name](b"")))


@pytest.mark.parametrize("name", PACK)
def test_a_bomb_costs_what_is_read_of_it(tmp_path, name):
    stream = open_stream(str(save(tmp_path / "a", PACK[name](WHOLE[:24] + bytes(24 << 20)))))
    room = memoryview(bytearray(1 << 16))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert all(0 < stream.readinto(room) <= len(room) for _ in range(20))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 << 10
    stream.close()


def test_a_bomb_of_a_bad_header_is_refused_at_once(tmp_path):
    bomb = zlib.compressobj(wbits=31)
    packed = bomb.compress(bytes(64 << 20)) + bomb.flush()
    with pytest.raises(CaptureError, match="nothing but zero bytes"):
        open_capture(save(tmp_path / "a", packed))


def test_decoders_that_want_too_much_memory_are_refused(tmp_path):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 28}]
    large = {zstd.CompressionParameter.window_log: 28, zstd.CompressionParameter.compression_level: 1}
    # A stream of unknown length keeps the window that its header names.
    compressor = zstd.ZstdCompressor(options=large)
    for packed in (lzma.compress(WHOLE, filters=filters), compressor.compress(WHOLE) + compressor.flush()):
        with pytest.raises(CaptureError, match="data are broken"):
            open_capture(save(tmp_path / "a", packed))


def test_position_and_size_are_those_on_disk(tmp_path):
    source = open_capture(save(tmp_path / "a", PACKED["zstd"]))
    assert source.size == len(PACKED["zstd"])
    source.drain()
    assert source.position == source.size


def test_nothing_else_is_taken_for_compressed():
    for head in (
        b"",
        b"\x1f",
        b"BZ",
        b"\xfd7zX",
        b"\x28\xb5\x2f",
        b"\x4f\x2a\x4d\x18",
        b"\x60\x2a\x4d\x18",
        WHOLE[:16],
    ):
        assert codec_of(head) is None


def test_many_members_that_hold_nothing_are_refused(tmp_path):
    few = save(tmp_path / "few.zst", skippable(b"") * 900 + zstd.compress(WHOLE))
    assert len(read(few)) > 0
    many = save(tmp_path / "many.zst", skippable(b"") * 5000 + zstd.compress(WHOLE))
    with pytest.raises(CaptureError, match="1,000 zstd members in a row hold nothing"):
        open_capture(many)
