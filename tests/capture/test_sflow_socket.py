"""sFlow from exporters over UDP, on the loopback."""

import contextlib
import signal
import socket
import threading
import time

import pytest
from sflow_datagrams import FRAME, sampled

from flowtable.capture.sflow import SFlowSource
from flowtable.capture.sockets import AllowList
from flowtable.capture.statistics import SourceStatistics
from flowtable.errors import CaptureError, OptionError
from flowtable.testing import SFlow

MANY = 60  # s; nothing takes so long


@contextlib.contextmanager
def exporter(source, address="127.0.0.1", own=None):
    """A socket that sends to a source."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        if own is not None:
            sender.bind((own, 0))
        sender.connect((address, source.port))
        yield sender


def some(source, count):
    """The next frames of a source that does not end."""
    return [next(source) for _ in range(count)]


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_frames_come_with_the_time_of_arrival():
    before = time.time_ns()
    with SFlowSource(port=0) as source, exporter(source) as sender:
        sender.send(sampled(FRAME, FRAME, rate=64))
        first, second = some(source, 2)
    assert (first.data, first.length, first.link_type, first.sampling_rate) == (FRAME, len(FRAME) + 4, 1, 64)
    assert before <= first.time == second.time <= time.time_ns()
    assert source.statistics == SourceStatistics(1, 0, None, None)


def test_it_listens_on_the_loopback_unless_told_otherwise():
    with SFlowSource(port=0) as source:
        assert source.address == "127.0.0.1"
        assert source.port > 0
        assert source.size is None
        assert source.receive_buffer_size > 0


def test_only_networks_that_are_allowed_are_heard():
    with (
        SFlowSource("0.0.0.0", 0, allow=["127.0.0.2/32", "127.1.0.0/16"]) as source,  # noqa: S104
        exporter(source) as stranger,
        exporter(source, own="127.0.0.2") as friend,
        exporter(source, own="127.1.2.3") as neighbour,
    ):
        stranger.send(sampled(FRAME, rate=1))
        friend.send(sampled(FRAME, rate=2))
        neighbour.send(sampled(FRAME, rate=3))
        assert [frame.sampling_rate for frame in some(source, 2)] == [2, 3]
        assert source.discards == {"not allowed": 1}
        assert source.statistics.received == 3
        assert [agent.received for agent in source.agents] == [2]


def test_nobody_is_heard_where_nobody_is_allowed():
    with SFlowSource(port=0, allow=()) as source, exporter(source) as sender:
        for _ in range(100):  # which fit into any receive buffer
            sender.send(sampled(FRAME))
        stopper = threading.Thread(target=stop_when, args=(source, 100, time.monotonic() + MANY))
        stopper.start()
        assert list(source) == []
        stopper.join()
        assert source.discards["not allowed"] == 100


def stop_when(source, received, deadline):
    while source.statistics.received < received and time.monotonic() < deadline:
        time.sleep(0.001)
    source.stop()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_ipv6_exporters():
    with SFlowSource("::1", 0) as source, exporter(source, "::1") as sender:
        sender.send(sampled(FRAME, agent="2001:db8::1"))
        assert next(source).data == FRAME
        assert source.agents[0].address == "2001:db8::1"


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_ipv4_exporters_of_a_socket_for_both_families():
    with SFlowSource("::", 0, allow=["127.0.0.0/8"]) as source, exporter(source) as sender:
        sender.send(sampled(FRAME))
        assert next(source).data == FRAME


def test_what_is_no_sflow_is_counted_and_the_rest_goes_on():
    with SFlowSource(port=0) as source, exporter(source) as sender:
        for datagram in (b"", b"hello", bytes(SFlow(version=2)), sampled(FRAME)[:-1], bytes(65_000)):
            sender.send(datagram)
        sender.send(sampled(FRAME))
        assert next(source).data == FRAME
        assert source.discards == {"malformed": 2, "version": 3}


def test_what_the_kernel_drops_is_counted():
    with SFlowSource(port=0, receive_buffer=1) as source, exporter(source) as sender:
        datagram = sampled(*[FRAME] * 10)
        for _ in range(1000):
            sender.send(datagram)
        frames = some(source, 10)
        source.wait_ms = 0
        while source.statistics.dropped_by_kernel == 0:  # told with the next datagram that there is room for
            sender.send(datagram)
            frames.append(next(source))
        source.stop()
        frames += source
        assert source.statistics.received == len(frames) // 10
        assert source.statistics.dropped_by_kernel > 500


def test_stop_ends_a_reader_that_waits():
    with SFlowSource(port=0) as source:
        reader = threading.Thread(target=lambda: list(source))
        reader.start()
        source.stop()
        reader.join(MANY)
        assert not reader.is_alive()
        assert list(source) == []


def test_stop_may_come_from_a_signal_handler():
    with SFlowSource(port=0) as source:
        before = signal.signal(signal.SIGALRM, lambda *_: source.stop())
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
            assert list(source) == []
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def test_an_interrupt_is_heard_where_nothing_comes():
    class Interrupted(Exception):
        pass

    def interrupt(*_):
        raise Interrupted

    with SFlowSource(port=0) as source:
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Interrupted):
                next(source)
        finally:
            signal.signal(signal.SIGALRM, before)


def test_a_closed_source_gives_its_port_back():
    source = SFlowSource(port=0)
    source.close()
    source.close()
    assert list(source) == []
    with SFlowSource(port=source.port) as again:
        assert again.port == source.port


def test_other_threads_run_while_it_waits():
    with SFlowSource(port=0) as source, exporter(source) as sender:
        source.wait_ms = MANY * 1000
        reader = threading.Thread(target=lambda: next(source))
        reader.start()
        sender.send(sampled(FRAME))  # which takes the interpreter
        reader.join(MANY)
        assert not reader.is_alive()


# ---- options


def test_a_port_in_use_is_an_error_that_names_it():
    with SFlowSource(port=0) as source:
        with pytest.raises(CaptureError, match=rf"127.0.0.1:{source.port} cannot be listened on: ") as caught:
            SFlowSource(port=source.port)
        assert caught.value.errno is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"address": "localhost"}, "is no IP address"),
        ({"port": 65536}, "is no port"),
        ({"port": -1}, "is no port"),
        ({"allow": ["192.0.2.1/24"]}, "is no network"),
        ({"allow": "everybody"}, "'everybody' is no network"),
        ({"allow": [None]}, "is no network"),
        ({"allow": ["10.0.0.0/8"] * 5000}, "5,000 networks are more than"),
    ],
)
def test_options_that_cannot_be(arguments, message):
    with pytest.raises(OptionError, match=message):
        SFlowSource(**arguments)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("::ffff:192.0.2.1", True),
        ("2001:db8::7", True),
        ("2001:db8::8", False),
        ("fe80::1%lo", False),
        ("::1", False),
    ],
)
def test_allow_lists(address, allowed):
    allow = AllowList(["192.0.2.0/24", "2001:db8::7"])
    assert allow.allows(address) == allowed
    packed = socket.inet_pton(
        socket.AF_INET6, ("" if ":" in address else "::ffff:") + address.partition("%")[0]
    )
    number = int.from_bytes(packed, "big")
    assert allowed == any(
        number & int.from_bytes(mask, "big") == int.from_bytes(prefix, "big")
        for prefix, mask in allow.as_masks()
    )
    assert repr(allow) == "AllowList(['192.0.2.0/24', '2001:db8::7/128'])"


def test_one_network_may_be_given_alone():
    assert AllowList("10.0.0.0/8").allows("10.1.2.3")
