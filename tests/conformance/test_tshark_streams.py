"""Streams against tshark: the bytes that it follows, and what it says of segments."""

import subprocess

import pytest
from reading import read_frames
from tcp_talk import Talk, stream
from tshark import needs_tshark

from flowtable.testing import Host, Pair, tcp_conversation, write_pcap

A, B = "A", "B"


@pytest.fixture(autouse=True)
def _tshark():
    needs_tshark()


def tshark(path, *arguments):
    command = ["tshark", "-n", "-r", str(path), *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def followed(path):
    """Give what the client and the server of the only connection sent, as tshark follows it."""
    said = tshark(path, "-q", "-z", "follow,tcp,raw,0")
    lines = said.split("Node 1:")[1].splitlines()[1:]
    rows = [line for line in lines if line.strip() and not line.startswith("=")]
    texts = {False: b"", True: b""}
    for row in rows:
        texts[row.startswith("\t")] += bytes.fromhex(row.strip())
    return texts[False], texts[True]


def marked(path, mark):
    """Count the segments that tshark marks."""
    return len(tshark(path, "-Y", f"tcp.analysis.{mark}", "-T", "fields", "-e", "frame.number").splitlines())


TALKS = {
    "in order": Talk()
    .shake()
    .say(A, "PA", 0, b"abc")
    .say(B, "PA", 0, b"xyz", ack=3)
    .say(A, "PA", 3, b"de", ack=3),
    "exchanged": Talk()
    .shake()
    .say(A, "A", 3, b"def")
    .say(A, "A", 0, b"abc")
    .say(A, "A", 6, b"g")
    .say(B, "A", ack=7),
    "sent again": Talk()
    .shake()
    .say(A, "A", 0, b"abc")
    .say(A, "A", 0, b"abc", ms=900)
    .say(A, "A", 3, b"d", ms=901),
    "partly old": Talk()
    .shake()
    .say(A, "A", 0, b"abc")
    .say(A, "A", 2, b"cde", ms=900)
    .say(B, "A", ack=5, ms=901),
    "three waiting": Talk()
    .shake()
    .say(A, "A", 6, b"g")
    .say(A, "A", 4, b"ef")
    .say(A, "A", 2, b"cd")
    .say(A, "A", 0, b"ab"),
    "keep-alive": Talk()
    .shake()
    .say(A, "A", 0, b"ab")
    .say(B, "A", ack=2)
    .say(A, "A", 1, b"\0")
    .say(B, "A", ack=2),
    "closed": Talk()
    .shake()
    .say(A, "A", 0, b"ab")
    .say(A, "FA", 2)
    .say(B, "FA", 0, b"bye", ack=3)
    .say(A, "A", 3, ack=4),
}


# tshark guesses by time that what fills a gap late was sent again, and passes over what is only partly old.
MARKED_OTHERWISE = {"three waiting", "partly old"}


@pytest.mark.parametrize("name", TALKS)
def test_bytes_are_those_that_tshark_follows(tmp_path, name):
    got = []
    (flow,) = read_frames(tmp_path, TALKS[name].frames, layer_key="L3", streams=got.extend)
    path = tmp_path / "frames.pcap"
    assert (stream(got, A), stream(got, B)) == followed(path)
    if name not in MARKED_OTHERWISE:
        assert flow.tcp_metric.ab_retransmitted == marked(path, "retransmission")


@pytest.mark.parametrize("size", [1, 1460, 20_000])
def test_a_long_conversation(tmp_path, size):
    pair = Pair(Host("10.0.0.1"), Host("10.0.0.2"))
    talk = tcp_conversation(pair, (5000, 80), bytes(range(256)) * (size // 256 + 1), b"answer" * size)
    got = []
    (flow,) = read_frames(tmp_path, talk, streams=got.extend)
    path = tmp_path / "frames.pcap"
    assert (stream(got, A), stream(got, B)) == followed(path)
    first = tshark(path, "-Y", "tcp.analysis.initial_rtt", "-T", "fields", "-e", "tcp.analysis.initial_rtt")
    assert flow.tcp_metric.handshake_time == round(float(first.splitlines()[0]) * 1e9)


def test_handshakes_and_zero_windows(tmp_path):
    talk = Talk().say(A, "S", ms=0).say(A, "S", ms=1000).say(B, "SA", ms=1030).say(A, "A", ms=1035)
    talk.say(B, "A", ms=1040, window=0).say(B, "A", ms=1041, window=0).say(B, "A", ms=1042, window=9)
    (flow,) = read_frames(tmp_path, talk.frames, layer_key="L3", reassemble=True)
    path = tmp_path / "frames.pcap"
    write_pcap(path, talk.frames, nanoseconds=True)
    rtt = tshark(path, "-Y", "tcp.analysis.initial_rtt", "-T", "fields", "-e", "tcp.analysis.initial_rtt")
    assert flow.tcp_metric.handshake_time == round(float(rtt.splitlines()[0]) * 1e9) == 35_000_000
    assert flow.tcp_metric.ba_zero_windows == marked(path, "zero_window") == 2
