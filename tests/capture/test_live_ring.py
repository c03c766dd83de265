"""Frames of Linux interfaces, packet for packet."""

import random
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from live_reading import Reading, data_of, flows_of, rest_of, some_of, until

from flowtable.capture import CapturedFrame, LinkType, LiveSource, open_live
from flowtable.capture.interfaces import Interface, find_interface
from flowtable.capture.live_options import LiveOptions
from flowtable.capture.packet_socket import PacketSocket
from flowtable.errors import CaptureError, CaptureWarning, OptionError
from flowtable.testing import ARP, TCP, UDP, Dot1Q, Ethernet, IPv4, IPv6, ServiceTag
from flowtable.testing.netns import send

pytestmark = pytest.mark.usefixtures("network")

SMALL = {"snap": 2048, "buffer": 1 << 18}  # four blocks of 64 KiB


def datagram(number, size=0):
    return bytes(Ethernet() / IPv4("192.0.2.1", "192.0.2.2") / UDP(number % 60000 + 1, 9) / bytes(size))


def mixed(count, seed=7):
    """Frames of many kinds and sizes."""
    random_ = random.Random(seed)  # noqa: S311
    kinds = [
        lambda: (
            Ethernet()
            / IPv4("192.0.2.1", "192.0.2.2")
            / UDP(1, 2)
            / random_.randbytes(random_.randrange(1400))
        ),
        lambda: Ethernet() / IPv6("2001:db8::1", "2001:db8::2") / TCP(1, 2) / random_.randbytes(9),
        lambda: Ethernet() / Dot1Q(random_.randrange(4096)) / IPv4("192.0.2.3", "192.0.2.4") / UDP(3, 4),
        lambda: Ethernet() / ServiceTag(7) / Dot1Q(8) / IPv4("192.0.2.3", "192.0.2.4") / UDP(3, 4),
        lambda: Ethernet() / ARP(),
    ]
    return [bytes(random_.choice(kinds)()) for _ in range(count)]


@pytest.mark.parametrize("interface", ["right", "left"])
def test_what_is_sent_is_captured_byte_for_byte_at_both_ends(interface):
    frames = mixed(3000)
    with open_live(interface) as source:
        before = time.time_ns()
        send("left", frames)
        got = some_of(source, len(frames))
        assert data_of(got) == frames
        assert {frame.link_type for frame in got} == {LinkType.ETHERNET}
        assert all(frame.length == len(frame.data) for frame in got)
        times = [frame.time for frame in got]
        assert times == sorted(times)
        assert before - 10**9 <= times[0] <= times[-1] <= time.time_ns() + 10**9
        assert rest_of(source) == []
        assert source.statistics.received == source.frames == len(frames)
        assert source.statistics.dropped_by_kernel == 0
        assert (source.malformed, source.filtered, source.own_copies, source.went_down) == (0, 0, 0, 0)


def test_nothing_is_dropped_of_fifty_thousand_in_one_go():
    some = [datagram(number, number % 200) for number in range(500)]
    frames = [frame + number.to_bytes(2, "big") for number in range(100) for frame in some]
    with open_live("right") as source, Reading(source) as reading:
        send("left", frames)
        until(lambda: len(reading.frames) >= len(frames))
        assert source.statistics.dropped_by_kernel == 0
    assert data_of(reading.frames) == frames


def test_a_ring_is_gone_round_many_times():
    frames = [datagram(number, 1000) for number in range(5000)]  # five megabytes through a quarter of one
    with open_live("right", **SMALL) as source:
        got = []
        for at in range(0, len(frames), 100):
            send("left", frames[at : at + 100])
            got += some_of(source, 100)
        assert data_of(got) == frames
        assert source.statistics.dropped_by_kernel == 0


def test_an_overload_is_accounted_for_by_the_kernel():
    frames = [datagram(number, 1000) for number in range(5000)]
    with open_live("right", **SMALL) as source:
        send("left", frames)  # and nobody reads
        statistics = source.statistics
        assert statistics.dropped_by_kernel > 0
        assert statistics.received + statistics.dropped_by_kernel == len(frames)
        got = rest_of(source)
        assert len(got) == statistics.received
        assert data_of(got) == frames[: len(got)]
        assert source.statistics == statistics
    assert source.statistics == statistics  # it is still known when all is closed


def test_frames_come_again_after_an_overload():
    with open_live("right", **SMALL) as source:
        send("left", [datagram(number, 1000) for number in range(1000)])
        received = source.statistics.received
        assert len(some_of(source, received)) == received
        with Reading(source) as reading:
            until(lambda: send("left", [datagram(1)]) and reading.frames)


@pytest.mark.parametrize("snap", [1, 14, 60, 1000])
def test_the_snap_length_cuts_frames_and_keeps_their_length(snap):
    frames = mixed(200)
    with open_live("right", snap=snap) as source:
        send("left", frames)
        got = some_of(source, len(frames))
    for sent, frame in zip(frames, got, strict=True):
        untagged = sent[:12] + sent[16:] if sent[12:14] in (b"\x81\x00", b"\x88\xa8") else sent
        assert frame.data in (sent[:snap], untagged[:snap] if snap < 12 else b"")
        assert len(frame.data) == min(snap, len(sent))
        assert frame.length == len(sent) or (snap < 12 and frame.length == len(untagged))


def test_all_tags_are_in_their_places():
    plain = Ethernet() / IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 2)
    inner = IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 2)
    frames = [
        bytes(plain),
        bytes(Ethernet() / Dot1Q(0) / inner),
        bytes(Ethernet() / Dot1Q(4095, priority=7) / inner),
        bytes(Ethernet() / ServiceTag(100) / Dot1Q(200) / inner),
        bytes(Ethernet() / Dot1Q(1) / Dot1Q(2) / Dot1Q(3) / inner),
    ]
    with open_live("right") as source:
        send("left", frames)
        got = some_of(source, len(frames))
    assert data_of(got) == frames
    assert [frame.length for frame in got] == [len(frame) for frame in frames]


def test_loopback_gives_each_packet_once():
    with open_live("lo") as source, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind(("127.0.0.1", 0))
        for number in range(100):
            sender.sendto(b"%d" % number, receiver.getsockname())
        receiver.close()
        got = rest_of(source)
        assert [frame.data[42:] for frame in got] == [b"%d" % number for number in range(100)]
        assert {frame.link_type for frame in got} == {LinkType.ETHERNET}


def test_loopback_among_all_interfaces_gives_each_packet_once():
    with open_live("any") as source, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        for number in range(100):
            sender.sendto(b"%d" % number, sender.getsockname())
        got = rest_of(source)
        assert [frame.data[48:] for frame in got] == [b"%d" % number for number in range(100)]
        assert source.own_copies == 100
        assert source.statistics.received == 200


def test_all_interfaces_are_cooked():
    inner = IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 2) / b"inside"
    macs = Ethernet(src="02:00:00:00:00:0a", dst="ff:ff:ff:ff:ff:ff")
    with open_live("any") as source:
        send("left", [bytes(macs / inner), bytes(macs / Dot1Q(5) / inner)])
        got = rest_of(source)
    assert {frame.link_type for frame in got} == {LinkType.LINUX_SLL2}
    by_interface = {}
    for frame in got:
        by_interface.setdefault(int.from_bytes(frame.data[4:8], "big"), []).append(frame)
        assert frame.length == len(frame.data)
        assert frame.data[8:10] == b"\x00\x01"  # ARPHRD_ETHER
        assert frame.data[11:18] == b"\x06\x02\x00\x00\x00\x00\x0a"
    assert set(by_interface) == {socket.if_nametoindex("left"), socket.if_nametoindex("right")}
    plain, tagged = by_interface[socket.if_nametoindex("right")]
    outgoing, _ = by_interface[socket.if_nametoindex("left")]
    assert plain.data[:2] == b"\x08\x00"
    assert plain.data[10] == 1  # broadcast
    assert plain.data[20:] == bytes(inner)
    assert tagged.data[:2] == b"\x81\x00"
    assert tagged.data[20:24] == b"\x00\x05\x08\x00"
    assert tagged.data[24:] == bytes(inner)
    assert outgoing.data[10] == 4


def test_several_interfaces_are_one_source_in_order_of_time(network):
    """As far as it is known: where a block is closed before another interface's is, its frames come first."""
    network.pair("left2", "right2")
    names = ("right", "right2")
    frames = [datagram(number) for number in range(100)]
    with open_live(names) as source:
        assert source.interfaces == names
        for _ in range(100):
            with sender("left") as one, sender("left2") as other:
                for number, frame in enumerate(frames):
                    (other if number % 3 else one).send(frame)
            got = data_of(some_of(source, len(frames)))
            assert sorted(got) == sorted(frames)
            if got == frames:
                return
    pytest.fail("never in order")


def sender(interface):
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.bind((interface, 0))
    return made


def test_several_interfaces_give_all_that_comes_on_each(network):
    network.pair("left2", "right2")
    one, other = (
        [datagram(1, number) for number in range(500)],
        [datagram(2, number) for number in range(500)],
    )
    with open_live(["right", "right2"], **SMALL) as source, Reading(source) as reading:
        with sender("left") as left, sender("left2") as right:
            for number in range(500):
                left.send(one[number])
                right.send(other[number])
        until(lambda: len(reading.frames) >= 1000)
    got = data_of(reading.frames)
    assert [frame for frame in got if frame in set(one)] == one
    assert [frame for frame in got if frame in set(other)] == other


def test_stopping_from_another_thread_ends_a_wait_and_loses_nothing():
    source = open_live("right", wait_ms=60_000)
    with Reading(source) as reading:
        send("left", [datagram(1)])
        until(lambda: reading.frames)
        send("left", [datagram(2)])
        source.stop()
        source.stop()
        reading.thread.join(30)
        assert not reading.thread.is_alive()
    assert data_of(reading.frames) == [datagram(1), datagram(2)]
    assert list(source) == []
    assert not source.malformed


def test_stopping_ends_while_frames_keep_coming(network):
    source = open_live("right", **SMALL)
    over = threading.Event()

    def flood():
        with network.entered():
            while not over.is_set():
                send("left", [datagram(1)] * 100)

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        assert len(some_of(source, 1000)) == 1000
        rest = rest_of(source)
        assert source.statistics.received == 1000 + len(rest)
    finally:
        over.set()
        flooding.join()


def test_stopping_from_a_signal_handler():
    source = open_live("right", wait_ms=60_000)
    before = signal.signal(signal.SIGALRM, lambda *_: source.stop())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        assert list(source) == []
    finally:
        signal.signal(signal.SIGALRM, before)


def test_an_exception_of_a_signal_handler_ends_a_wait():
    def interrupt(*_):
        raise KeyboardInterrupt

    source = open_live("right", wait_ms=60_000)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            next(source)
    finally:
        signal.signal(signal.SIGALRM, before)
    send("left", [datagram(3)])
    assert data_of(some_of(source, 1)) == [datagram(3)]


def test_an_interface_that_goes_down_is_counted_and_comes_back(network):
    source = open_live("right")
    with Reading(source) as reading:
        send("left", [datagram(1)])
        until(lambda: len(reading.frames) == 1)
        for times in (1, 2):
            network.ip("link", "set", "right", "down")
            until(lambda times=times: source.went_down == times)
            network.ip("link", "set", "right", "up")
            until(lambda: send("left", [datagram(2)]) and reading.frames[-1].data == datagram(2))
            send("left", [datagram(3)])
            until(lambda: reading.frames[-1].data == datagram(3))
    assert reading.error is None
    assert source.went_down == 2
    assert not source.incomplete


def test_an_interface_that_is_down_at_first_is_said_and_waited_for(network):
    network.ip("link", "set", "right", "down")
    with pytest.warns(CaptureWarning, match="^right is down; frames come as soon as it is up$"):
        source = open_live("right")
    with Reading(source) as reading:
        until(lambda: source.went_down == 1)
        network.ip("link", "set", "right", "up")
        until(lambda: send("left", [datagram(2)]) and reading.frames)


def test_an_interface_that_is_removed_ends_the_source(network):
    source = open_live("right")
    send("left", [datagram(1), datagram(2)])
    removing = threading.Timer(0.05, network.ip, ("link", "del", "left"))
    removing.start()
    with pytest.warns(CaptureWarning, match="^right was removed; no more frames come from it$"):
        got = list(source)
    removing.join()
    assert data_of(got) == [datagram(1), datagram(2)]
    assert source.incomplete == 1
    assert source.went_down == 1
    assert source.statistics.received == 2
    assert list(source) == []


def test_an_interface_that_was_removed_while_down_ends_the_source(network):
    source = open_live("right")
    removing = threading.Thread(
        target=lambda: [
            network.ip("link", "set", "right", "down"),
            until(lambda: source.went_down),
            network.ip("link", "del", "left"),
        ]
    )
    removing.start()
    with pytest.warns(CaptureWarning, match="right was removed"):
        assert list(source) == []
    removing.join()


def test_others_go_on_when_one_interface_is_removed(network):
    network.pair("left2", "right2")
    source = open_live(["right", "right2"])
    removing = threading.Timer(0.05, network.ip, ("link", "del", "left"))
    removing.start()

    def more():
        removing.join()
        until(lambda: source.incomplete)
        with network.entered():
            send("left2", [datagram(5)])

    sending = threading.Thread(target=more)
    sending.start()
    with pytest.warns(CaptureWarning, match="right was removed"):
        assert data_of(some_of(source, 1)) == [datagram(5)]
    sending.join()
    assert rest_of(source) == []


def test_an_interface_that_is_removed_is_noticed_while_others_are_busy(network):
    network.pair("left2", "right2")
    over = threading.Event()

    def flood():
        with network.entered(), sender("left2") as sock:
            while not over.is_set():
                sock.send(datagram(1, 1000))

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        source = open_live(["right", "right2"], **SMALL)
        with Reading(source) as reading:
            until(lambda: reading.frames)
            network.ip("link", "del", "left")
            until(lambda: source.incomplete == 1)
    finally:
        over.set()
        flooding.join()
    assert str(reading.error) == "right was removed; no more frames come from it"


def test_a_warning_that_is_an_error_leaves_the_source_as_it_should_be(network):
    source = open_live("right")
    network.ip("link", "del", "left")
    with pytest.raises(CaptureWarning, match="right was removed"):
        list(source)
    assert list(source) == []


def test_an_interface_may_get_another_name(network):
    source = open_live("right")
    network.ip("link", "set", "right", "down")
    network.ip("link", "set", "right", "name", "other")
    with Reading(source) as reading:
        until(lambda: source.went_down)
        network.ip("link", "set", "other", "up")
        until(lambda: send("left", [datagram(2)]) and reading.frames)
    assert reading.error is None


def test_promiscuous_mode_lasts_as_long_as_the_source():
    def promiscuity():
        import subprocess

        shown = subprocess.run(["ip", "-d", "link", "show", "right"], check=True, capture_output=True)
        return int(shown.stdout.split(b"promiscuity ")[1].split()[0])

    plain = open_live("right", promiscuous=False)
    assert promiscuity() == 0
    source = open_live("right")
    assert promiscuity() == 1
    source.close()
    assert promiscuity() == 0
    plain.close()


def test_a_source_that_is_closed_gives_nothing():
    source = open_live("right")
    send("left", [datagram(1)] * 100)
    assert len(some_of(source, 3)) == 3
    source.close()
    source.close()
    source.stop()
    assert isinstance(source, LiveSource)
    assert source.drain() == 0
    assert source.statistics.received == 100


def test_a_source_that_is_dropped_lets_everything_go():
    source = open_live("right")
    send("left", [datagram(1)])
    assert isinstance(next(source), CapturedFrame)
    sockets = Path("/proc/thread-self/net/packet")
    assert len(sockets.read_text().splitlines()) == 2  # the first line is the header
    del source
    assert len(sockets.read_text().splitlines()) == 1


def test_there_is_no_size_and_no_position():
    with open_live("right") as source:
        assert source.size is None
        assert source.position == 0


def test_no_such_interface():
    with pytest.raises(
        CaptureError, match=r"^there is no interface 'rihgt'; there are lo, right, left$"
    ) as caught:
        open_live("rihgt")
    assert caught.value.filename == "rihgt"


def test_names_in_errors_are_limited(network):
    for number in range(20):
        network.ip("link", "add", f"extra{number}", "type", "bridge")
    with pytest.raises(CaptureError, match=r"and 7 more$"):
        open_live("nothing")


def test_drops_of_an_interface_are_those_since_the_beginning():
    class Counting(Interface):
        dropped = 7

        def drops(self):
            return self.dropped

    interface = Counting(*[getattr(find_interface("right"), name) for name in ("name", "index", "hardware")])
    made = PacketSocket(interface, LiveOptions(), None)
    Counting.dropped = 12
    assert made.interface_drops() == 5
    Counting.dropped = None
    assert made.interface_drops() is None
    made.close()


def test_an_interface_of_this_network_says_what_it_dropped():
    index = socket.if_nametoindex("lo")
    assert Interface("lo", index, 772).drops() == 0
    assert Interface("lo", index + 1, 772).drops() is None
    assert Interface("nothing", index, 1).drops() is None


def test_no_memory_for_a_ring():
    with pytest.raises(OptionError, match=r"^buffer is 4096; it has to be 262144 to 1073741824$"):
        open_live("right", buffer=4096, snap=100)


@pytest.mark.parametrize("threads", [1, 2])
def test_frames_are_counted_where_the_kernel_put_them(network, monkeypatch, threads):
    """By one engine, or by several that hold frames of many blocks before they count them."""
    hosts = range(1, 200)
    frames = [
        bytes(Ethernet() / IPv4("10.0.0.1", f"10.0.1.{host}") / UDP(1, 2) / bytes(900)) for host in hosts
    ]
    source = open_live("right", snap=2048, buffer=1 << 23)

    def sending():
        with network.entered():
            for times in range(1, 101):
                send("left", frames)
                until(lambda times=times: source.statistics.received == times * len(frames))
            source.stop()

    thread = threading.Thread(target=sending)
    thread.start()
    flows = flows_of(source, monkeypatch, threads)
    thread.join()
    assert sorted(flow.network.b for flow in flows) == sorted(f"10.0.1.{host}" for host in hosts)
    assert {flow.metric.ab_packets for flow in flows} == {100}
    assert {flow.metric.ab_bytes for flow in flows} == {100 * len(frames[0])}
    assert flows.account.frames == 100 * len(frames)
    assert source.statistics.dropped_by_kernel == 0


def test_a_ring_that_is_too_small_for_several_engines_is_refused(monkeypatch):
    source = open_live("right", **SMALL)
    with pytest.raises(OptionError, match="a packet ring of 4 blocks is too small for several threads"):
        flows_of(source, monkeypatch, 2)
