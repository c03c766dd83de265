"""Streams against a slow and obvious model: any order, losses, duplicates, overlaps, any first number."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slow_streams import SlowStream

sys.path.insert(0, str(Path(__file__).parents[1] / "table"))
from tcp_talk import Talk, counts, heard, stream

LONGEST = 40
FIRST = st.one_of(st.integers(0, 2**32 - 1), st.integers(2**32 - 60, 2**32 - 1))
PIECES = st.lists(st.tuples(st.integers(0, LONGEST - 1), st.integers(1, 12), st.booleans()), max_size=25)
SETTINGS = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def text_of(place, size, salt):
    """What a segment says; each says something else of the same place, so that the first one shows."""
    return bytes((place + at) * 7 + salt * 31 & 0xFF for at in range(size))


def check(folder, first, segments):
    """Say segments (place, data, fin) after a SYN, and compare with the model."""
    slow, talk = SlowStream(), Talk({"A": first, "B": 0}).say("A", "S")
    for number, (place, data, fin) in enumerate(segments):
        talk.say("A", "FA" if fin else "A", place, data)
        slow.take(number, place, data, fin=fin)
    slow.stop()
    flow, got = heard(folder, talk.frames)
    assert stream(got, "A") == bytes(ord("?") if byte is None else byte for byte in slow.heard)
    told = counts(flow)
    missing = slow.heard.count(None)
    assert told["Packets"] == 1 + len(slow.segments)
    assert told.get("Bytes", 0) == len(slow.heard) - missing
    assert (told.get("SegmentSkipped", 0), told.get("SegmentSkippedBytes", 0)) == (slow.skipped, missing)
    assert told.get("SegmentOutOfOrder", 0) == slow.out_of_order
    assert told.get("Retransmitted", 0) == slow.retransmitted
    assert told.get("SawEnd", False) == (slow.end is not None)
    assert sum(item.skipped for item in got) == missing
    assert [item.end for item in got].count(True) == slow.has_ended
    return got


@SETTINGS
@given(first=FIRST, pieces=PIECES)
def test_any_segments_in_any_order(tmp_path, first, pieces):
    segments = [(place, text_of(place, size, salt), False) for salt, (place, size, _) in enumerate(pieces)]
    check(tmp_path, first, segments)


@SETTINGS
@given(first=FIRST, sizes=st.lists(st.integers(1, 9), max_size=12), data=st.data())
def test_what_was_sent_is_what_is_heard_if_nothing_is_lost(tmp_path, first, sizes, data):
    """One text, cut anyhow, each piece at least once, in any order, with a FIN that may come early."""
    whole = bytes(range(1, sum(sizes) + 1))
    starts = [sum(sizes[:at]) for at in range(len(sizes))]
    once = [(start, whole[start : start + size], False) for start, size in zip(starts, sizes, strict=True)]
    again = data.draw(st.lists(st.sampled_from(once), max_size=5) if once else st.just([]))
    fins = [(len(whole), b"", True)] * data.draw(st.integers(1, 2))
    segments = data.draw(st.permutations(once + again + fins))
    got = check(tmp_path, first, segments)
    assert stream(got, "A") == whole
    assert got[0].start
    assert got[-1].end


@SETTINGS
@given(first=FIRST, lost=st.sets(st.integers(0, 19)), order=st.permutations(range(20)))
def test_what_was_lost_is_what_is_missing(tmp_path, first, lost, order):
    segments = [(3 * at, bytes([at]) * 3, False) for at in order if at not in lost]
    got = check(tmp_path, first, segments)
    last = max(set(range(20)) - lost, default=-1)
    expected = b"".join(b"???" if at in lost else bytes([at]) * 3 for at in range(last + 1))
    assert stream(got, "A") == expected
