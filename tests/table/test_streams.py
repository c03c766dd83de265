"""``reassemble``: streams in order, and what is counted of them."""

import pytest
from reading import read_frames
from tcp_talk import MS, Talk, counts, heard, stream

from flowtable.capture import open_capture
from flowtable.table import reader
from flowtable.testing import START, TCP, UDP, VXLAN, Ethernet, FrameSpec, IPv4, IPv6

A, B = "A", "B"


def test_a_connection_from_syn_to_fin(tmp_path):
    talk = Talk().shake()
    talk.say(A, "PA", 0, b"hello ").say(A, "PA", 6, b"world").say(B, "PA", 0, b"bye", ack=11)
    talk.say(A, "FA", 11, ack=3).say(B, "FA", 3, ack=12).say(A, "A", 12, ack=4)
    flow, got = heard(tmp_path, talk.frames)
    assert (stream(got, A), stream(got, B)) == (b"hello world", b"bye")
    assert counts(flow) == {"Packets": 4, "Bytes": 11, "SawStart": True, "SawEnd": True}
    assert counts(flow, "BA") == {"Packets": 3, "Bytes": 3, "SawStart": True, "SawEnd": True}
    assert flow.tcp_metric.handshake_time == 2 * MS
    assert [(item.side, item.data, item.start, item.end) for item in got] == [
        (A, b"hello ", True, False),
        (A, b"world", False, False),
        (B, b"bye", True, False),
        (A, b"", False, True),
        (B, b"", False, True),
    ]
    assert [item.time for item in got] == [START + ms * MS for ms in (3, 4, 5, 6, 7)]
    assert all(item.flow == flow and item.skipped == 0 for item in got)


# What A sends as (flags, offset, data), what is heard, and what is counted beside packets and bytes.
STREAMS = {
    "in order": ([("S", 0, b""), ("A", 0, b"ab"), ("A", 2, b"cd")], b"abcd", {}),
    "two exchanged": (
        [("S", 0, b""), ("A", 2, b"cd"), ("A", 0, b"ab")], b"abcd", {"SegmentOutOfOrder": 1},
    ),
    "the last first": (
        [("S", 0, b""), ("A", 4, b"ef"), ("A", 2, b"cd"), ("A", 0, b"ab")],
        b"abcdef",
        {"SegmentOutOfOrder": 2},
    ),
    "two gaps, filled from behind": (
        [("S", 0, b""), ("A", 2, b"c"), ("A", 4, b"e"), ("A", 3, b"d"), ("A", 0, b"ab")],
        b"abcde",
        {"SegmentOutOfOrder": 3},
    ),
    "sent again": (
        [("S", 0, b""), ("A", 0, b"abc"), ("A", 0, b"abc"), ("A", 3, b"d")], b"abcd", {"Retransmitted": 1},
    ),
    "partly old": ([("S", 0, b""), ("A", 0, b"abc"), ("A", 1, b"bcde")], b"abcde", {"Retransmitted": 1}),
    "what came first stands": (
        [("S", 0, b""), ("A", 0, b"abc"), ("A", 0, b"XYZde")], b"abcde", {"Retransmitted": 1},
    ),
    "what waited first stands": (
        [("S", 0, b""), ("A", 2, b"cd"), ("A", 0, b"abXYef")],
        b"abcdef",
        {"SegmentOutOfOrder": 1, "Retransmitted": 1},
    ),
    "over several that wait": (
        [("S", 0, b""), ("A", 2, b"c"), ("A", 4, b"e"), ("A", 1, b"XXXXXX"), ("A", 0, b"a")],
        b"aXcXeXX",
        {"SegmentOutOfOrder": 3, "Retransmitted": 1},
    ),
    "a duplicate that waits": (
        [("S", 0, b""), ("A", 2, b"cd"), ("A", 2, b"cd"), ("A", 0, b"ab")],
        b"abcd",
        {"SegmentOutOfOrder": 1, "Retransmitted": 1},
    ),
    "a gap that is never filled": (
        [("S", 0, b""), ("A", 0, b"ab"), ("A", 5, b"f")],
        b"ab???f",
        {"SegmentSkipped": 1, "SegmentSkippedBytes": 3},
    ),
    "two gaps": (
        [("S", 0, b""), ("A", 1, b"b"), ("A", 4, b"e"), ("A", 3, b"d")],
        b"?b?de",
        {"SegmentSkipped": 2, "SegmentSkippedBytes": 2},
    ),
    "a gap in front of the end": (
        [("S", 0, b""), ("A", 0, b"a"), ("FA", 4, b"")],
        b"a???",
        {"SegmentSkipped": 1, "SegmentSkippedBytes": 3, "SawEnd": True},
    ),
    "the end before the last": (
        [("S", 0, b""), ("FA", 2, b""), ("A", 0, b"ab")], b"ab", {"SegmentOutOfOrder": 1, "SawEnd": True},
    ),
    "the end sent again": (
        [("S", 0, b""), ("A", 0, b"a"), ("FA", 1, b""), ("FA", 1, b"")],
        b"a",
        {"Retransmitted": 1, "SawEnd": True},
    ),
    "data in the end": (
        [("S", 0, b""), ("FA", 0, b"abc"), ("FA", 0, b"abc")], b"abc", {"Retransmitted": 1, "SawEnd": True},
    ),
    "data in the SYN": ([("S", 0, b"ab"), ("A", 2, b"c")], b"abc", {}),
    "the SYN sent again": ([("S", 0, b""), ("S", 0, b""), ("A", 0, b"a")], b"a", {"Retransmitted": 1}),
    "keep-alives": (
        [("S", 0, b""), ("A", 0, b"ab"), ("A", 1, b""), ("A", 1, b"x"), ("A", 2, b"c")], b"abc", {},
    ),
    "a reset": ([("S", 0, b""), ("A", 0, b"ab"), ("R", 2, b"")], b"ab", {"SawEnd": True}),
    "several resets": ([("S", 0, b""), ("R", 0, b""), ("R", 0, b""), ("R", 0, b"")], b"", {"SawEnd": True}),
    "a reset's payload": ([("S", 0, b""), ("R", 0, b"No tcp, reset")], b"", {"SawEnd": True}),
    "a reset in front of what was sent": (
        [("S", 0, b""), ("A", 0, b"abc"), ("R", 1, b"")], b"abc", {"SawEnd": True},
    ),
    "a reset that is not heeded": (
        [("S", 0, b""), ("A", 0, b"ab"), ("R", 2, b""), ("A", 2, b"cd")], b"abcd", {"SawEnd": True},
    ),
    "a reset out of every window": (
        [("S", 0, b""), ("A", 0, b"ab"), ("R", 2**30 + 2, b""), ("A", 2, b"c")], b"abc", {},
    ),
    "a reset after the end": (
        [("S", 0, b""), ("FA", 0, b"a"), ("R", 2, b"")], b"a", {"SawEnd": True},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_streams(tmp_path, name):
    segments, expected, counted = STREAMS[name]
    talk = Talk()
    for flags, offset, data in segments:
        talk.say(A, flags, offset, data)
    flow, got = heard(tmp_path, talk.frames)
    assert stream(got, A) == expected
    told = counts(flow)
    assert told.pop("Packets")
    size = told.pop("Bytes", 0)
    assert told == {"SawStart": True, **counted}
    assert size == len(expected.replace(b"?", b""))
    assert sum(item.end for item in got) == ("SawEnd" in counted)


@pytest.mark.parametrize("name", STREAMS)
def test_counts_do_not_depend_on_whether_someone_listens(tmp_path, name):
    talk = Talk()
    for flags, offset, data in STREAMS[name][0]:
        talk.say(A, flags, offset, data)
    flow, _ = heard(tmp_path, talk.frames)
    (alone,) = read_frames(tmp_path, talk.frames, layer_key="L3", reassemble=True)
    assert alone.tcp_metric == flow.tcp_metric


@pytest.mark.parametrize("first", [0, 5, 2**31 - 3, 2**32 - 4])
def test_numbers_go_round(tmp_path, first):
    talk = Talk({"A": first, "B": 0}).say(A, "S")
    for offset in (6, 3, 0):
        talk.say(A, "A", offset, b"abc")
    flow, got = heard(tmp_path, talk.frames)
    assert stream(got, A) == b"abcabcabc"
    assert counts(flow) == {"Packets": 4, "Bytes": 9, "SegmentOutOfOrder": 2, "SawStart": True}


def test_a_stream_seen_from_the_middle_on_has_no_gap_in_front(tmp_path):
    talk = Talk().say(A, "PA", 5000, b"abc").say(A, "PA", 5003, b"def").say(A, "PA", 4998, b"xx")
    flow, got = heard(tmp_path, talk.frames)
    assert stream(got, A) == b"abcdef"
    assert counts(flow) == {"Packets": 2, "Bytes": 6, "Retransmitted": 1}
    assert not got[0].start


def test_acknowledgments_alone_are_no_stream(tmp_path):
    flow, got = heard(tmp_path, Talk().say(A, "A").say(B, "A").say(A, "A", 7).frames)
    assert (got, counts(flow), counts(flow, "BA")) == ([], {}, {})


def test_a_syn_behind_what_it_begins(tmp_path):
    flow, got = heard(tmp_path, Talk().say(A, "A", 0, b"ab").say(A, "S").say(A, "A", 2, b"c").frames)
    assert stream(got, A) == b"abc"
    assert counts(flow) == {"Packets": 3, "Bytes": 3, "SawStart": True}


@pytest.mark.parametrize("ending", [["FA"], ["R"], []])
def test_ports_used_again(tmp_path, ending):
    """A new SYN with a number far away begins both streams again; nothing is missing in between."""
    talk = Talk().shake().say(A, "A", 0, b"one").say(B, "A", 0, b"eins")
    for flags in ending:
        talk.say(A, flags, 3).say(B, flags, 4)
    talk.isn = {"A": 2_000_000_000, "B": 3_000_000_000}
    talk.shake().say(A, "A", 0, b"two").say(B, "A", 0, b"zwei")
    flow, got = heard(tmp_path, talk.frames)
    assert (stream(got, A), stream(got, B)) == (b"onetwo", b"einszwei")
    for side in ("AB", "BA"):
        told = counts(flow, side)
        assert (told["Packets"], told["Bytes"]) == (4 + bool(ending), 6 if side == "AB" else 8)
        assert "SegmentSkipped" not in told
    assert [item.data for item in got if item.start] == [b"one", b"eins", b"two", b"zwei"]


def test_what_waits_is_given_on_before_ports_are_used_again(tmp_path):
    talk = Talk().say(A, "S").say(A, "A", 2, b"late")
    talk.isn["A"] = 77
    talk.say(A, "S").say(A, "A", 0, b"new")
    flow, got = heard(tmp_path, talk.frames)
    assert stream(got, A) == b"??latenew"
    assert counts(flow)["SegmentSkippedBytes"] == 2


def test_a_second_answer_to_a_syn_is_nobodys(tmp_path):
    """As when two hosts answer: the one whose answer was acknowledged goes on."""
    talk = Talk().shake().say(A, "A", 0, b"hi")
    talk.isn["B"] += 99_306_892
    talk.say(B, "SA")
    talk.isn["B"] -= 99_306_892
    flow, got = heard(tmp_path, talk.say(B, "A", 0, b"yes").frames)
    assert stream(got, B) == b"yes"
    assert counts(flow, "BA") == {"Packets": 2, "Bytes": 3, "SawStart": True}


def test_ports_used_again_without_their_syn(tmp_path):
    talk = Talk().say(A, "S").say(A, "A", 0, b"one")
    talk.say(A, "A", 2**31 - 9, b"two").say(A, "A", 2**31 - 6, b"!")
    flow, got = heard(tmp_path, talk.frames)
    assert [(item.data, item.skipped) for item in got] == [(b"one", 0), (b"two", -1), (b"!", 0)]
    assert counts(flow) == {"Packets": 4, "Bytes": 7, "SegmentSkipped": 1, "SawStart": True}


@pytest.mark.parametrize("cut", [1, 3, 60, 64])
def test_bytes_are_those_on_the_wire_whatever_was_captured(tmp_path, cut):
    """Headers of 54 bytes are captured, and less of the payload than there was; the SYN as a whole."""
    talk = Talk().say(A, "S").say(A, "A", 0, bytes(range(100)), captured=54 + cut)
    talk.say(A, "A", 100, b"end").say(A, "FA", 103)
    flow, got = heard(tmp_path, talk.frames)
    assert counts(flow) == {"Packets": 4, "Bytes": 103, "SawStart": True, "SawEnd": True}
    assert stream(got, A) == bytes(range(cut)) + b"?" * (100 - cut) + b"end"


def test_what_waits_may_be_cut_too(tmp_path):
    talk = Talk().say(A, "S").say(A, "A", 10, bytes(100), captured=54 + 7).say(A, "A", 0, bytes(10))
    flow, got = heard(tmp_path, talk.say(A, "A", 110, b"!").frames)
    assert stream(got, A) == bytes(17) + b"?" * 93 + b"!"
    assert counts(flow)["Bytes"] == 111


def test_options_cut_off_are_no_payload(tmp_path):
    options = bytes([1]) * 20
    talk = Talk().say(A, "S").say(A, "A", 0, b"abcd", options=options, captured=54 + 8).say(A, "A", 4, b"e")
    flow, got = heard(tmp_path, talk.frames)
    assert stream(got, A) == b"????e"
    assert counts(flow)["Bytes"] == 5


def test_padding_of_short_frames_is_no_payload(tmp_path):
    talk = Talk().shake()
    frames = [FrameSpec(f.time, f.data + bytes(60 - len(f.data))) for f in talk.frames]
    flow, _ = heard(tmp_path, frames)
    assert counts(flow) == {"Packets": 1, "SawStart": True}


@pytest.mark.parametrize("offset", [4, 15])
def test_a_header_that_does_not_fit_is_no_segment(tmp_path, offset):
    ends = Ethernet() / IPv4("10.0.0.1", "10.0.0.2")
    frame = bytes(ends / TCP(4000, 80, "PA", data_offset=offset) / b"payload")
    flow, got = heard(tmp_path, [frame])
    assert (got, counts(flow)) == ([], {})


def test_ipv6_and_a_length_of_zero(tmp_path):
    """The card segments: IPv4's total length is 0, and the payload what was captured."""
    four = IPv4("10.0.0.1", "10.0.0.2", total_length=0)
    for ip in (IPv6("fd00::1", "fd00::2"), four):
        flow, got = heard(tmp_path, [bytes(Ethernet() / ip / TCP(1, 2, "A", 5) / bytes(5000))])
        assert (counts(flow)["Bytes"], stream(got, A)) == (5000, bytes(5000))


def test_zero_windows(tmp_path):
    talk = Talk().shake().say(B, "A", window=0).say(B, "A", window=0).say(B, "A", window=100)
    talk.say(A, "R", window=0).say(B, "SA", window=0).say(B, "FA", window=0)
    flow, _ = heard(tmp_path, talk.frames)
    assert counts(flow, "BA")["ZeroWindows"] == 2
    assert "ZeroWindows" not in counts(flow)


def handshake(folder, talk):
    return heard(folder, talk.frames)[0].tcp_metric.handshake_time


def test_handshakes(tmp_path):
    assert handshake(tmp_path, Talk().shake()) == 2 * MS
    assert handshake(tmp_path, Talk().say(B, "S").say(A, "SA").say(B, "A")) == 2 * MS  # B is the client
    again = Talk().say(A, "S", ms=0).say(A, "S", ms=1000).say(B, "SA", ms=1007).say(A, "A", ms=1009)
    assert handshake(tmp_path, again) == 9 * MS  # from the SYN that was answered
    lost = Talk().say(A, "S", ms=0).say(B, "SA", ms=5)
    lost.say(A, "S", ms=900).say(B, "SA", ms=905).say(A, "A", ms=907)
    assert handshake(tmp_path, lost) == 7 * MS
    with_data = Talk().say(A, "S", 0, b"tfo").say(B, "SA", ack=3).say(A, "PA", 3, b"more")
    assert handshake(tmp_path, with_data) == 2 * MS


@pytest.mark.parametrize(
    "talk",
    [
        Talk().say(A, "S").say(B, "SA"),
        Talk().say(A, "S").say(A, "A"),
        Talk().say(B, "SA").say(A, "A"),
        Talk().say(A, "S").say(B, "RA").say(A, "A"),
        Talk().say(A, "S").say(B, "SA", ack=77).say(A, "A"),
        Talk().say(A, "S").say(B, "SA").say(A, "A", ack=77),
        Talk().say(A, "S", ms=9).say(B, "SA", ms=5).say(A, "A", ms=1),  # never negative
    ],
)
def test_no_handshake(tmp_path, talk):
    assert handshake(tmp_path, talk) is None


def test_streams_in_tunnels(tmp_path):
    talk = Talk().shake().say(A, "PA", 3, b"lo").say(A, "PA", 0, b"hel").say(B, "PA", 0, b"ok")
    tunnel = Ethernet() / IPv4("1.1.1.1", "2.2.2.2") / UDP(9, 4789) / VXLAN(5)
    frames = [FrameSpec(f.time, bytes(tunnel / f.data)) for f in talk.frames]
    got = []
    _, flow = read_frames(tmp_path, frames, layer_key="L3", streams=got.extend)
    assert (stream(got, A), stream(got, B)) == (b"hello", b"ok")
    assert counts(flow)["SegmentOutOfOrder"] == 1


def test_both_sides_may_be_one_address(tmp_path):
    frames = [
        bytes(Ethernet() / IPv4("127.0.0.1", "127.0.0.1") / TCP(*ports, "A", number) / data)
        for ports, number, data in [((9, 8), 10, b"ping"), ((8, 9), 50, b"pong"), ((9, 8), 14, b"!")]
    ]
    got = []
    read_frames(tmp_path, frames, layer_key="L3", streams=got.extend)
    assert (stream(got, A), stream(got, B)) == (b"ping!", b"pong")


def test_many_connections_at_once(tmp_path):
    frames, texts = [], {}
    for at in range(3):
        for port in range(1, 2000):
            ends = Ethernet() / IPv4("10.0.0.1", "10.0.0.2")
            text = f"{port} {at};".encode()
            frames.append(bytes(ends / TCP(port, 80, "A", 1000 + len(texts.get(port, b""))) / text))
            texts[port] = texts.get(port, b"") + text
    got, calls = {}, []

    def listen(items):
        calls.append(len(items))
        for item in items:
            got[item.flow.transport.a] = got.get(item.flow.transport.a, b"") + item.data

    read_frames(tmp_path, frames, streams=listen)
    assert got == texts
    assert len(calls) > 1
    assert max(calls) < 4096 + 200


def test_what_is_sent_behind_a_fin_leaves_no_gap(tmp_path):
    talk = Talk().shake().say(A, "A", 3, b"more").say(A, "FA", 0, b"ab")
    flow, got = heard(tmp_path, talk.frames)
    assert stream(got, A) == b"abmore"
    assert "SegmentSkipped" not in counts(flow)


def test_a_listener_may_read_on_itself(tmp_path, monkeypatch):
    """No frame is held meanwhile, which would be looked at where the source has put others since."""
    sources, got, talk = [], [], Talk()

    def opened(paths, **how):
        sources.append(open_capture(paths, **how))
        return sources[0]

    monkeypatch.setattr(reader, "open_capture", opened)
    for number in range(45_000):
        talk.say(A, "A", 5 * number, b"%05d" % number)

    def listen(data):
        got.extend(data)
        for source in sources:
            source.drain()

    read_frames(tmp_path, talk.frames, streams=listen)
    sent = b"".join(b"%05d" % number for number in range(45_000))
    assert len(got) < 45_000
    assert stream(got, A) == sent[: 5 * len(got)]
