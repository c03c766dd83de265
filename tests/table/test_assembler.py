"""``TCPAssembler``: streams of single packets, by the same code as ``read``'s."""

import pytest
from tcp_talk import Talk, heard, stream

from flowtable import (
    LayerNotFound,
    Limits,
    OptionError,
    PacketSequence,
    StreamEnds,
    TCPAssembler,
    TCPAssemblerStream,
)
from flowtable.testing import TCP, UDP, Ethernet, Host, IPv4, IPv6, Pair, tcp_conversation

A, B = "A", "B"
ENDS = StreamEnds(("10.0.0.1", 4000), ("10.0.0.2", 80))


class Listener(TCPAssemblerStream):
    """Remembers what it got."""

    def __init__(self, flow):
        self.flow, self.got, self.complete = flow, [], 0

    def reassembled(self, data):
        assert data
        self.got += data

    def reassembly_complete(self):
        self.complete += 1


def assembled(frames, **options):
    """Assemble timed frames; gives the assembler and its listeners."""
    listeners = []

    def new_stream(flow):
        listeners.append(Listener(flow))
        return listeners[-1]

    assembler = TCPAssembler(new_stream, **options)
    for frame in frames:
        for packet in PacketSequence.from_frame(frame.data, length=frame.length):
            assembler.assemble(packet, frame.time)
    return assembler, listeners


def test_a_connection(tmp_path):
    talk = Talk().shake().say(A, "PA", 5, b"world").say(A, "PA", 0, b"hello").say(B, "PA", 0, b"bye")
    talk.say(A, "FA", 10).say(B, "FA", 3).say(A, "A", 11)
    assembler, (listener,) = assembled(talk.frames)
    _, got = heard(tmp_path, talk.frames)
    assert listener.flow == ENDS
    assert [item[1:] for item in listener.got] == [item[1:] for item in got]
    assert all(item.flow == ENDS for item in listener.got)
    assert (listener.complete, len(assembler)) == (1, 0)


@pytest.mark.parametrize("flags", ["R", "RA"])
def test_a_reset_ends_it(flags):
    assembler, (listener,) = assembled(Talk().shake().say(A, "A", 0, b"ab").say(B, flags).frames)
    assert (stream(listener.got, A), listener.complete, len(assembler)) == (b"ab", 1, 0)


def test_a_reset_out_of_every_window_does_not():
    talk = Talk().shake().say(A, "A", 0, b"ab").say(A, "R", 2**31 - 1).say(A, "A", 2, b"cd")
    assembler, (listener,) = assembled(talk.frames)
    assert (stream(listener.got, A), listener.complete, len(assembler)) == (b"abcd", 0, 1)


def test_ports_used_again_are_another_connection():
    talk = Talk().shake().say(A, "FA", 0, b"one").say(B, "FA")
    talk.isn = {"A": 5, "B": 6}
    _, listeners = assembled(talk.shake().say(A, "A", 0, b"two").frames)
    assert [stream(listener.got, A) for listener in listeners] == [b"one", b"two"]


def test_what_is_cut_is_missing():
    frames = Talk().say(A, "S").say(A, "A", 0, bytes(100), captured=60).say(A, "A", 100, b"!").frames
    _, (listener,) = assembled(frames)
    assert stream(listener.got, A) == bytes(6) + b"?" * 94 + b"!"


def test_flushing():
    talk = Talk().say(A, "S").say(A, "A", 5, b"late")
    assembler, (listener,) = assembled(talk.frames)
    assert listener.got == []
    assert assembler.flush_older_than(talk.frames[-1].time) == 0
    assert assembler.flush_older_than(talk.frames[-1].time + 1) == 1
    assert (stream(listener.got, A), listener.complete, len(assembler)) == (b"?????late", 1, 0)
    assert assembler.flush_all() == 0


class Flusher(Listener):
    """Flushes the assembler from inside what flushes it."""

    assembler = None

    def reassembly_complete(self):
        super().reassembly_complete()
        self.assembler.flush_all()


@pytest.mark.parametrize("flush", [TCPAssembler.flush_all, lambda a: a.flush_older_than(2**63)])
def test_a_listener_may_flush_while_all_is_flushed(flush):
    listeners = []

    def new_stream(flow):
        listeners.append(Flusher(flow))
        listeners[-1].assembler = assembler
        return listeners[-1]

    assembler = TCPAssembler(new_stream)
    for port in range(5000, 5005):
        frame = bytes(Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(port, 80, "S"))
        assembler.assemble(PacketSequence.from_frame(frame)[0], 0)
    flush(assembler)
    assert ([listener.complete for listener in listeners], len(assembler)) == ([1] * 5, 0)


@pytest.mark.parametrize("time", [-1, 2**63])
def test_times_that_are_none(time):
    frame = bytes(Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(5000, 80, "S"))
    with pytest.raises(OptionError, match="no time in Unix ns"):
        TCPAssembler(Listener).assemble(PacketSequence.from_frame(frame)[0], time)


def test_registered_flows_are_what_data_is_of():
    talk = Talk().say(A, "A", 0, b"one").say(B, "A", 0, b"two")
    packets = [PacketSequence.from_frame(frame.data)[0] for frame in talk.frames]
    listeners = []

    def new_stream(flow):
        listeners.append(Listener(flow))
        return listeners[0]

    assembler = TCPAssembler(new_stream)
    assembler.register_flow("early", packets[1])
    assembler.assemble(packets[0], 0)
    assembler.register_flow("late", packets[0])
    assembler.assemble(packets[1], 1)
    (listener,) = listeners
    # A is the source of the packet that was registered.
    assert listener.flow == "early"
    assert [(item.flow, item.side, item.data) for item in listener.got] == [
        ("early", "B", b"one"),
        ("late", "A", b"two"),
    ]


def test_ipv6_and_many_connections():
    frames = []
    for port in range(5000, 5050):
        pair = Pair(Host("fd00::1"), Host("fd00::2"))
        frames += [
            Frame(time, bytes(packet))
            for time, packet in tcp_conversation(pair, (port, 80), b"q%d" % port, b"a%d" % port)
        ]
    frames.sort(key=lambda frame: frame.time)
    assembler, listeners = assembled(frames)
    assert len(assembler) == 0
    assert [listener.complete for listener in listeners] == [1] * 50
    for listener in listeners:
        port = listener.flow.a[1]
        assert listener.flow == StreamEnds(("fd00::1", port), ("fd00::2", 80))
        assert (stream(listener.got, A), stream(listener.got, B)) == (b"q%d" % port, b"a%d" % port)


class Frame:
    """A timed frame as captured."""

    length = None

    def __init__(self, time, data):
        self.time, self.data = time, data


def test_connections_over_the_limit_are_left_out_and_counted():
    frames = [
        Frame(0, bytes(Ethernet() / IPv4() / TCP(port, 80, "A") / b"x"))
        for port in range(1, 101)
        for _ in (1, 2)
    ]
    assembler, listeners = assembled(frames, limits=Limits(tcp_bytes=10_240))
    assert (len(assembler), len(listeners)) == (10, 10)
    assert assembler.lost == {"segments of connections over tcp_bytes": 180}


def test_registered_flows_are_limited_and_counted():
    assembler = TCPAssembler(Listener, limits=Limits(tcp_bytes=10_240))
    for port in range(1, 101):
        packet = PacketSequence.from_frame(bytes(Ethernet() / IPv4() / TCP(port, 80, "S")))[0]
        assembler.register_flow(port, packet)
    assert assembler.lost == {"registered flows over tcp_bytes": 90}


def test_a_registered_flow_is_kept_until_it_has_a_stream():
    asked = []

    def new_stream(flow):
        asked.append(flow)
        if len(asked) == 1:
            raise ZeroDivisionError
        return Listener(flow)

    packet = PacketSequence.from_frame(bytes(Ethernet() / IPv4() / TCP(1, 80, "S")))[0]
    assembler = TCPAssembler(new_stream)
    assembler.register_flow("mine", packet)
    with pytest.raises(ZeroDivisionError):
        assembler.assemble(packet, 0)
    assembler.assemble(packet, 0)
    assert asked == ["mine", "mine"]


def test_what_waits_is_limited_and_counted():
    frames = [Frame(0, bytes(Ethernet() / IPv4() / TCP(1, 80, "A", seq=1) / b"x"))]
    frames += [Frame(0, bytes(Ethernet() / IPv4() / TCP(1, 80, "A", seq=5 + at) / b"y")) for at in range(100)]
    assembler, (listener,) = assembled(frames, limits=Limits(stream_bytes=5_000))
    assert stream(listener.got, A) == b"x???" + b"y" * 100
    assert assembler.lost == {"gaps of streams over stream_bytes": 1}


def test_what_a_stream_raises_is_raised_and_said_once():
    class Broken(Listener):
        def reassembled(self, data):
            super().reassembled(data)
            raise ZeroDivisionError

    broken = Broken(None)
    assembler = TCPAssembler(lambda _: broken)
    for at in range(2):
        packet = PacketSequence.from_frame(bytes(Ethernet() / IPv4() / TCP(1, 80, "A", seq=at) / b"x"))[0]
        with pytest.raises(ZeroDivisionError):
            assembler.assemble(packet, at)
    assert len(broken.got) == 2


def test_an_acknowledgment_alone_begins_no_stream():
    assembler, listeners = assembled(Talk().say(A, "A").say(A, "R").frames)
    assert (len(assembler), listeners) == (0, [])


@pytest.mark.parametrize(
    "frame",
    [
        Ethernet() / IPv4() / UDP(1, 2),
        Ethernet() / IPv4() / TCP(1, 2, data_offset=4),
        Ethernet() / IPv6() / b"",
    ],
)
def test_other_packets_are_refused(frame):
    assembler = TCPAssembler(Listener)
    with pytest.raises(LayerNotFound):
        assembler.assemble(PacketSequence.from_frame(bytes(frame))[0], 0)


def test_arguments_that_cannot_be():
    with pytest.raises(OptionError):
        TCPAssembler(None)
    with pytest.raises(OptionError):
        TCPAssembler(Listener, limits=7)
    with pytest.raises(TypeError):
        TCPAssemblerStream()


def test_what_waits_is_let_go_of():
    for _ in range(50):
        frames = [
            Frame(0, bytes(Ethernet() / IPv4() / TCP(port, 80, "A", seq=number) / bytes(1000)))
            for port in range(1, 20)
            for number in (1, 5000, 9000)
        ]
        assembled(frames)
