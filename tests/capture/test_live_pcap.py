"""Capturing by libpcap: what the packet ring gives, one interface at a time."""

import signal
import socket
import threading

import pytest
from live_reading import Reading, data_of, flows_of, rest_of, some_of, until

from flowtable.capture import LinkType, LiveSource, open_live
from flowtable.capture.bpf import BPF
from flowtable.errors import CaptureError, CaptureWarning, FilterError, FilterWarning, OptionError
from flowtable.testing import ARP, TCP, UDP, Dot1Q, Ethernet, IPv4, ServiceTag
from flowtable.testing.netns import send

pytestmark = pytest.mark.usefixtures("network")


def datagram(number, size=0):
    return bytes(Ethernet() / IPv4("192.0.2.1", "192.0.2.2") / UDP(number % 60000 + 1, 53) / bytes(size))


@pytest.fixture
def source():
    with open_live("right", way="libpcap") as made:
        yield made


FRAMES = [
    datagram(1), datagram(2, 1400), bytes(Ethernet() / ARP()),
    bytes(Ethernet() / Dot1Q(5) / IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 53)),
    bytes(Ethernet() / ServiceTag(6) / Dot1Q(7) / IPv4("192.0.2.1", "192.0.2.2") / TCP(1, 2)),
]  # fmt: skip


def test_frames_are_those_of_the_ring(source):
    with open_live("right") as ring:
        send("left", FRAMES * 100)
        got, theirs = rest_of(source), rest_of(ring)
    assert isinstance(source, LiveSource)
    assert data_of(got) == data_of(theirs) == FRAMES * 100
    for ours, other in zip(got, theirs, strict=True):
        assert ours[2:] == other[2:]
        assert abs(ours.time - other.time) < 10**9  # each socket asks the clock for itself
        assert ours.time % 1000 == 0
    assert source.statistics.received == len(got)
    assert source.statistics.dropped_by_kernel == 0
    assert source.interfaces == ("right",)


@pytest.mark.parametrize(
    "expression", ["udp port 53", "not ip", "vlan", "vlan and udp", "len > 100", "ether[12:2] = 0x8100", " "]
)
def test_filters_choose_as_in_a_file(expression):
    chosen = [frame for frame in FRAMES if BPF(LinkType.ETHERNET, 65535, expression).matches(frame)]
    with open_live("right", bpf=expression, way="libpcap") as source:
        send("left", FRAMES)
        assert data_of(rest_of(source)) == chosen
        assert source.filtered == len(FRAMES) - len(chosen)
        assert source.statistics.received == len(FRAMES)


def test_where_tags_are_not_kept_apart_the_filter_is_libpcaps(monkeypatch):
    monkeypatch.setattr("flowtable.capture.live_pcap._FILTER_IN_KERNEL", True)
    with open_live("right", bpf="udp port 53", way="libpcap") as source:
        send("left", FRAMES[:3])
        assert data_of(rest_of(source)) == FRAMES[:2]
        assert source.filtered == 0
        assert source.statistics.received == 2


def test_a_filter_that_is_wrong_or_does_not_fit():
    with pytest.raises(FilterError):
        open_live("right", bpf="tcp and and", way="libpcap")
    with pytest.warns(FilterWarning, match="matches nothing"):
        source = open_live("right", bpf="wlan type mgt", way="libpcap")
    send("left", FRAMES)
    assert rest_of(source) == []
    assert source.filtered == len(FRAMES)


def test_the_snap_length():
    with open_live("right", snap=50, way="libpcap") as source:
        send("left", FRAMES)
        got = rest_of(source)
    assert [len(frame.data) for frame in got] == [min(50, len(frame)) for frame in FRAMES]
    assert [frame.length for frame in got] == [len(frame) for frame in FRAMES]


def test_loopback_gives_each_packet_once():
    with open_live("lo", way="libpcap") as source, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        for number in range(50):
            sender.sendto(b"%d" % number, sender.getsockname())
        assert [frame.data[42:] for frame in rest_of(source)] == [b"%d" % number for number in range(50)]


def test_all_interfaces():
    with open_live("any", way="libpcap") as source:
        send("left", FRAMES[:1])
        got = rest_of(source)
    assert {frame.link_type for frame in got} <= {LinkType.LINUX_SLL, LinkType.LINUX_SLL2}
    assert [frame.data[-len(FRAMES[0]) + 14 :] for frame in got] == [FRAMES[0][14:]] * 2


def test_an_overload_is_accounted_for():
    with open_live("right", snap=2048, buffer=1 << 18, way="libpcap") as source:
        send("left", [datagram(number, 1000) for number in range(5000)])
        got = rest_of(source)
        statistics = source.statistics
    assert statistics.dropped_by_kernel > 0
    assert len(got) == statistics.received
    assert statistics.received + statistics.dropped_by_kernel == 5000


def test_flows_are_counted(source, monkeypatch):
    send("left", [datagram(number, 10) for number in range(100)] * 10)
    source.stop()
    flows = flows_of(source, monkeypatch)
    assert len(flows) == 100
    assert {flow.metric.ab_packets for flow in flows} == {10}


def test_stopping_from_a_thread_and_from_a_signal_handler():
    source = open_live("right", wait_ms=60_000, way="libpcap")
    with Reading(source) as reading:
        send("left", FRAMES)
        until(lambda: len(reading.frames) == len(FRAMES))
        source.stop()
        reading.thread.join(30)
        assert not reading.thread.is_alive()
    source = open_live("right", wait_ms=60_000, way="libpcap")
    before = signal.signal(signal.SIGALRM, lambda *_: source.stop())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        assert list(source) == []
    finally:
        signal.signal(signal.SIGALRM, before)


def test_an_interface_that_goes_down_comes_back(network, source):
    """libpcap waits for it by itself on Linux, and does not tell."""
    with Reading(source) as reading:
        send("left", FRAMES[:1])
        until(lambda: reading.frames)
        network.ip("link", "set", "right", "down")
        network.ip("link", "set", "right", "up")
        until(lambda: send("left", FRAMES[1:2]) and reading.frames[-1].data == FRAMES[1])
    assert reading.error is None


def test_an_interface_of_which_libpcap_says_that_it_went_down_is_counted(source, monkeypatch):
    import cypcap

    pcap = source._pcap
    said = [cypcap.Error(cypcap.ErrorCode.ERROR, "The interface went down")]

    class SayingOnce:
        def __getattr__(self, name):
            return getattr(pcap, name)

        def dispatch(self, *arguments):
            if said:
                raise said.pop()
            return pcap.dispatch(*arguments)

    monkeypatch.setattr(source, "_pcap", SayingOnce())
    send("left", FRAMES)
    assert data_of(rest_of(source)) == FRAMES
    assert source.went_down == 1


def test_an_interface_that_is_removed_ends_the_source(network, source):
    removing = threading.Timer(0.05, network.ip, ("link", "del", "left"))
    removing.start()
    with pytest.warns(CaptureWarning, match=r"^right was removed .*; no more frames come from it$"):
        assert list(source) == []
    removing.join()
    assert source.incomplete == 1
    assert source.statistics.received == 0


def test_no_such_interface():
    with pytest.raises(
        CaptureError, match=r"^there is no interface 'rihgt'; there are lo, right, left$"
    ) as caught:
        open_live("rihgt", way="libpcap")
    assert caught.value.filename == "rihgt"


def test_an_interface_that_is_down_at_first(network):
    network.ip("link", "set", "right", "down")
    with pytest.raises(CaptureError, match=r"^right cannot be captured on: "):
        open_live("right", way="libpcap")


def test_several_take_the_ring():
    with pytest.raises(OptionError, match="one interface at a time"):
        open_live(["left", "right"], way="libpcap")


def test_a_source_that_is_closed_gives_nothing(source):
    send("left", FRAMES)
    assert len(some_of(source, 2)) == 2
    source.close()
    assert source.drain() == 0
    assert source.statistics.received == len(FRAMES)
    source.stop()
