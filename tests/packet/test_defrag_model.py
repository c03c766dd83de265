"""Random pieces in random order, against a defragmenter that is slow and obvious."""

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from pieces import HEADER, adds_up, carried, piece
from reading import seeded
from slow_defrag import SlowDefragger, SlowPiece

from flowtable import IPDefragger, PacketSequence

SHORT = 30  # ns, for these tests
pytestmark = pytest.mark.parametrize("version", [4, 6])


@st.composite
def slow_pieces(draw):
    """Give a piece of a small datagram, whose bytes tell which piece they are of."""
    more = draw(st.booleans())
    blocks = draw(st.integers(0, 5))
    length = 8 * blocks + (0 if more and draw(st.integers(0, 9)) else draw(st.integers(0, 7)))
    captured = length if draw(st.integers(0, 4)) else draw(st.integers(0, length))
    tag = draw(st.integers(0, 255))
    return SlowPiece(
        key=draw(st.integers(0, 1)),
        offset=8 * draw(st.integers(0, 8)),
        data=bytes([tag] * captured),
        length=length,
        more=more,
        time=draw(st.sampled_from([0, 0, 0, 0, 20, 31, 60, 10**12])),
    )


def cuts(seed):
    """Give the pieces of whole datagrams, cut anyhow, some twice, some overlapping, in any order."""
    random = seeded(seed)
    pieces = []
    for key in range(2):
        size = random.randrange(9, 200)
        edges = sorted({0, size, *(8 * random.randrange(size // 8 + 1) for _ in range(random.randrange(6)))})
        for begin, end in itertools.pairwise(edges):
            reach = min(end + 8 * random.choice([0, 0, 0, 2]), size)
            data = bytes(random.randrange(256) for _ in range(reach - begin))
            pieces.append(SlowPiece(key, begin, data, len(data), more=reach < size))
    pieces += random.sample(pieces, random.randrange(len(pieces) // 2 + 1))
    random.shuffle(pieces)
    return pieces


def agree(pieces, version):
    """Hand pieces to both, and compare all that they say."""
    fast, slow = IPDefragger(max_age=SHORT), SlowDefragger(version, SHORT)
    for at in pieces:
        whole = bytes(at.data) + bytes(at.length - len(at.data))
        frame = piece(whole, at.offset, more=at.more, version=version, number=at.key)
        captured = frame[: HEADER[version] + len(at.data)]
        packets = PacketSequence.from_frame(captured, length=len(frame), defragger=fast, time=at.time)
        expected = slow.take(at)
        if version == 4 and at.offset == 0 and not at.more:
            continue  # no fragment at all
        got = None
        if packets:
            (packet,) = packets
            got = carried(packet), packet.ip_metric.fragments + 1, packet.ip_metric.fragment_errors
        assert got == expected, at
        metric = fast.metric
        assert metric.dropped == +slow.dropped, at  # those that are not zero
        assert metric.held_datagrams == len(slow.waiting)
        assert metric.held == sum(datagram.pieces for datagram in slow.waiting.values())
        assert adds_up(metric)
    fast.flush_all()
    assert (fast.metric.held, fast.metric.held_bytes) == (0, 0)


@settings(max_examples=400, deadline=None)
@given(pieces=st.lists(slow_pieces(), max_size=25))
def test_any_pieces(version, pieces):
    agree([p for p in pieces if version == 6 or p.offset or p.more], version)


@pytest.mark.parametrize("seed", range(150))
def test_datagrams_that_become_whole(version, seed):
    agree([p for p in cuts(seed) if version == 6 or p.offset or p.more], version)


def test_the_cuts_make_datagrams_whole(version):
    """Or the test above says nothing."""
    whole = 0
    for seed in range(150):
        slow = SlowDefragger(version, SHORT)
        whole += sum(slow.take(p) is not None for p in cuts(seed))
    assert whole > 60


@pytest.mark.parametrize("seed", range(3))
def test_large_datagrams_of_small_pieces(version, seed):
    """All 8-byte pieces of 2,000 bytes, in any order, with some of 1,000 bytes between them."""
    random = seeded(seed)
    small = [SlowPiece(0, at, bytes([at // 8 % 251] * 8), 8, more=at < 1992) for at in range(0, 2000, 8)]
    random.shuffle(small)
    if version == 4:
        small[100:100] = [SlowPiece(0, 8 * at, bytes([at] * 1000), 1000, more=True) for at in (3, 60, 100)]
    agree([p for p in small if version == 6 or p.offset or p.more], version)
