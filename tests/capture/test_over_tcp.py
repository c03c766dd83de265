"""Captures over TCP, from senders that behave and from those that do not."""

import contextlib
import logging
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest
from capture_builders import read
from feeding import flows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowtable
from flowtable.capture.over_tcp import PcapOverTcpSource
from flowtable.errors import CaptureError, OptionError
from flowtable.testing import demo_capture, write_pcap, write_pcapng

MANY = 60  # s; nothing takes nearly so long
FRAMES = [bytes([number]) * (number + 14) for number in range(50)]
CAPTURE = write_pcap(None, FRAMES)
NG = write_pcapng(None, FRAMES)


class Hands:
    """A clock that is moved by hand, and counts how often it is looked at."""

    def __init__(self):
        self.time = self.looks = 0

    def now(self):
        self.looks += 1
        return self.time

    def wait(self, seconds):
        self.time += int(seconds * 1e9)


@pytest.fixture
def source():
    with PcapOverTcpSource(port=0, once=True) as one:
        yield one


def connect(source):
    return socket.create_connection((source.address, source.port))


@contextlib.contextmanager
def reading(source):
    """A thread that reads a source to its end, which has to have come a while after the block."""
    found = []

    def read_all():
        for frame in source:
            found.append(frame)  # noqa: PERF402 - others look at it meanwhile

    reader = threading.Thread(target=read_all)
    reader.start()
    try:
        yield found
    except BaseException:
        source.stop()
        raise
    finally:
        reader.join(MANY)
    assert not reader.is_alive()


def send(source, data):
    """Send all and go; what fits into the kernel's buffers needs no thread."""
    with connect(source) as sender:
        sender.sendall(data)


def data_of(frames):
    return [frame.data for frame in frames]


@pytest.mark.parametrize("capture", [CAPTURE, NG, demo_capture()], ids=["pcap", "pcapng", "demo"])
def test_a_sent_capture_is_that_of_the_file(source, capture, tmp_path):
    (tmp_path / "a").write_bytes(capture)
    send(source, capture)
    assert list(source) == read(tmp_path / "a")
    assert (source.discards, source.accepted, source.senders, source.incomplete) == ({}, 1, 0, 0)
    assert source.statistics.received == source.frames > 0


def test_flows_of_a_sent_capture(source, tmp_path):
    (tmp_path / "a").write_bytes(demo_capture())
    send(source, demo_capture())
    flows = flows_of(source)
    assert [flow.to_dict() for flow in flows] == [
        flow.to_dict() for flow in flowtable.read(tmp_path / "a", threads=1)
    ]


def test_it_listens_on_the_loopback_unless_told_otherwise(source):
    assert source.address == "127.0.0.1"
    assert source.size is None


@pytest.mark.parametrize("capture", [CAPTURE, NG], ids=["pcap", "pcapng"])
@pytest.mark.parametrize("piece", [1, 7, 23])
def test_pieces_of_any_size(capture, piece):
    """The header too comes in pieces; each is read before the next one is sent."""
    with (
        PcapOverTcpSource(port=0, once=True) as source,
        reading(source) as found,
        connect(source) as sender,
    ):
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(capture), piece):
            sender.send(capture[at : at + piece])
    assert data_of(found) == FRAMES


def wait_until(holds):
    deadline = time.monotonic() + MANY
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_several_senders_at_a_time(source):
    senders = [connect(source) for _ in range(20)]
    for number, sender in enumerate(senders):
        sender.sendall(write_pcap(None, [bytes([number]) * 20, bytes([number]) * 30], link_type=number))
    for sender in senders:
        sender.close()
    found = list(source)
    for number in range(20):
        own = [frame for frame in found if frame.link_type == number]
        assert data_of(own) == [bytes([number]) * 20, bytes([number]) * 30]
    assert source.discards == {}


def test_more_than_any_buffer_holds(source):
    frame = bytes(1400)
    capture = write_pcap(None, [frame] * 20_000)
    writer = threading.Thread(target=send, args=(source, capture))
    writer.start()
    assert sum(1 for _ in source) == 20_000
    writer.join()


def test_records_larger_than_a_window(source):
    frames = [bytes(200_000), b"x", bytes(262_144)]
    writer = threading.Thread(target=send, args=(source, write_pcap(None, frames)))
    writer.start()
    assert data_of(source) == frames
    writer.join()


# ---- senders that do not behave

BAD = {
    "nothing": (b"", 0, {"no capture": 1}),
    "half a header": (CAPTURE[:11], 0, {"no capture": 1}),
    "half a first section": (NG[:20], 0, {"no capture": 1}),
    "garbage": (b"GET / HTTP/1.1\r\n\r\n", 0, {"no capture": 1}),
    "another version": (CAPTURE[:4] + b"\x09" + CAPTURE[5:], 0, {"no capture": 1}),
    "a cut record": (CAPTURE[:-1], len(FRAMES) - 1, {"ended in the middle": 1}),
    "a cut record's header": (CAPTURE + bytes(15), len(FRAMES), {"ended in the middle": 1}),
    "a cut block": (NG[:-1], len(FRAMES) - 1, {"ended in the middle": 1}),
    "damage": (CAPTURE + struct.pack("<IIII", 0, 0, 1 << 30, 1), len(FRAMES), {"broken": 1}),
    "a block that is too long": (NG + struct.pack("<II", 6, 1 << 30) + bytes(4), len(FRAMES), {"broken": 1}),
}


@pytest.mark.parametrize(("sent", "frames", "discards"), BAD.values(), ids=BAD)
def test_a_bad_sender_costs_its_own_connection_only(source, caplog, sent, frames, discards):
    with reading(source) as found, connect(source) as good, connect(source) as bad:
        good.sendall(CAPTURE[:1000])
        bad.sendall(sent)
        bad.shutdown(socket.SHUT_WR)
        wait_until(lambda: source.accepted == 2 and source.senders == 1)
        good.sendall(CAPTURE[1000:])
    assert len(found) == len(FRAMES) + frames
    assert (source.discards, source.incomplete) == (discards, 1)
    (line,) = [record for record in caplog.records if record.name == "flowtable.capture"]
    assert line.levelno == logging.WARNING
    assert line.getMessage().endswith(f"; packets read before it: {frames}")
    assert line.getMessage().startswith("127.0.0.1 port ")


def test_a_connection_that_breaks(source):
    with reading(source) as found, connect(source) as sender:
        sender.sendall(CAPTURE + bytes(5))
        wait_until(lambda: len(found) == len(FRAMES))
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
    assert source.discards == {"connection lost": 1}


def test_a_connection_that_breaks_before_anything_came(source):
    with reading(source), connect(source) as sender:
        wait_until(lambda: source.accepted)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert source.discards == {"connection lost": 1}


def test_a_record_that_is_longer_than_any_window_may_be(source):
    with reading(source) as found, connect(source) as sender:
        sender.sendall(write_pcap(None, [b"first"], link_type=231))  # D-Bus has the longest records
        sender.sendall(struct.pack("<IIII", 0, 0, 100 << 20, 100 << 20))
        with contextlib.suppress(ConnectionError):  # it is cut off while it sends
            sender.sendall(bytes(16 << 20))
    assert data_of(found) == [b"first"]
    assert source.discards == {"record too long": 1}


@pytest.mark.parametrize(
    ("sent", "frames"),
    [(b"", 0), (CAPTURE[:20], 0), (CAPTURE + bytes(15), 50), (CAPTURE[:-1], 49), (NG[:-1], 49)],
    ids=["nothing", "half a header", "a cut record's header", "a cut record", "a cut block"],
)
def test_a_sender_that_stops_in_the_middle(sent, frames):
    clock = Hands()
    with (
        PcapOverTcpSource(port=0, once=True, stalled_after=10, clock=clock) as source,
        reading(source) as found,
        connect(source) as quiet,
        connect(source) as sender,
    ):
        quiet.sendall(CAPTURE)
        sender.sendall(sent)
        wait_until(lambda: len(found) == len(FRAMES) + frames and source.senders == 2)
        wait_until(looked_at(clock))
        clock.time = 9_999_999_999
        wait_until(looked_at(clock))
        assert source.senders == 2
        clock.time += 2
        wait_until(lambda: source.senders == 1)
        assert source.discards == {"stalled": 1}
        clock.time += 10**13
        wait_until(looked_at(clock))
        quiet.sendall(CAPTURE[24:60])  # half a record, long after the last one
        wait_until(looked_at(clock))
        quiet.sendall(CAPTURE[60:])
        wait_until(lambda: len(found) == 2 * len(FRAMES) + frames)
    assert source.discards == {"stalled": 1}


def looked_at(clock):
    """Whether a source has looked at its clock, and at all senders after that, since now."""
    enough = clock.looks + 2
    return lambda: clock.looks >= enough


def test_a_sender_that_sends_a_byte_now_and_then_is_stalled_too():
    clock = Hands()
    with (
        PcapOverTcpSource(port=0, stalled_after=10, clock=clock) as source,
        reading(source),
        connect(source) as sender,
    ):
        wait_until(lambda: source.senders == 1)
        for at in range(10):
            assert source.senders == 1
            sender.send(CAPTURE[at : at + 1])
            clock.time += 10**9
            wait_until(looked_at(clock))
        wait_until(lambda: source.senders == 0)
        source.stop()
    assert source.discards == {"stalled": 1}


# ---- who may send


def test_only_networks_that_are_allowed(caplog):
    with PcapOverTcpSource(port=0, allow="127.0.0.2", once=True) as source, reading(source) as found:
        with connect(source) as stranger:
            assert stranger.recv(1) == b""
        wait_until(lambda: source.discards == {"not allowed": 1})
        friend = socket.socket()
        friend.bind(("127.0.0.2", 0))
        friend.connect((source.address, source.port))
        with friend:
            friend.sendall(CAPTURE)
    assert data_of(found) == FRAMES
    assert (source.accepted, source.discards) == (1, {"not allowed": 1})
    assert "is turned away: not allowed" in caplog.text


def test_only_so_many_senders_at_a_time():
    with PcapOverTcpSource(port=0, max_senders=2, once=True) as source, reading(source) as found:
        first, second = connect(source), connect(source)
        wait_until(lambda: source.senders == 2)
        with connect(source) as third:
            assert third.recv(1) == b""
        first.sendall(CAPTURE)
        first.close()
        wait_until(lambda: source.senders == 1)
        send(source, CAPTURE)
        wait_until(lambda: source.accepted == 3)
        second.sendall(CAPTURE)
        second.close()
    assert len(found) == 3 * len(FRAMES)
    assert source.discards == {"too many senders": 1}


# ---- its end


def test_it_goes_on_when_all_have_gone_unless_told_otherwise():
    with PcapOverTcpSource(port=0) as source, reading(source) as found:
        for times in (1, 2, 3):
            send(source, CAPTURE)
            wait_until(lambda times=times: len(found) == times * len(FRAMES))
        source.stop()
    assert source.accepted == 3


def test_stop_ends_a_reader_that_waits():
    with PcapOverTcpSource(port=0) as source, reading(source) as found:
        source.stop()
    assert found == []
    assert list(source) == []


def test_a_closed_source_closes_connections_and_gives_its_port_back():
    source = PcapOverTcpSource(port=0)
    with connect(source) as sender:
        sender.sendall(CAPTURE)
        assert data_of(next(source) for _ in FRAMES) == FRAMES
        source.close()
        source.close()
        assert list(source) == []
        with contextlib.suppress(ConnectionError):
            assert sender.recv(1) == b""
    PcapOverTcpSource(port=source.port).close()


# ---- programs that others use


@pytest.mark.parametrize("program", ["cat", "dd bs=100 status=none"])
def test_what_a_shell_sends(source, tmp_path, program):
    """As ``tcpdump -w - | nc`` does, with bash in nc's place."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash, which can send over TCP, is not installed")
    (tmp_path / "a.pcap").write_bytes(CAPTURE)
    line = f"{program} < {tmp_path / 'a.pcap'} > /dev/tcp/{source.address}/{source.port}"
    subprocess.run([bash, "-c", line], check=True)
    assert data_of(source) == FRAMES


# ---- options and hostile bytes


def test_a_port_in_use_is_an_error_that_names_it(source):
    with pytest.raises(CaptureError, match=f"127.0.0.1:{source.port} cannot be listened on: "):
        PcapOverTcpSource(port=source.port)


@pytest.mark.parametrize(
    "options",
    [
        {"max_senders": 0},
        {"max_senders": 1 << 20},
        {"stalled_after": 0},
        {"stalled_after": float("nan")},
        {"allow": ["?"]},
        {"address": "host.example"},
        {"port": 1 << 16},
    ],
)
def test_options_that_cannot_be(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        PcapOverTcpSource(**options)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([CAPTURE, NG]),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4),
    st.integers(0, 40),
)
def test_whatever_one_sender_sends_another_one_counts(capture, changes, cut):
    data = bytearray(capture[: len(capture) - cut])
    for at, value in changes:
        data[at] = value
    with PcapOverTcpSource(port=0, once=True) as source:
        with connect(source) as good, connect(source) as bad:
            bad.sendall(data)
            bad.shutdown(socket.SHUT_WR)
            good.sendall(write_pcap(None, [b"good"] * 3, link_type=147))
        found = list(source)
    good = [frame for frame in found if frame[1:] == (b"good", 4, 147, 0)]
    assert len(good) == 3
    assert sum(source.discards.values()) <= 1
