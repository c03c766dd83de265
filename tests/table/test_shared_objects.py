"""Threads share what they are given: with the interpreter lock or without it, nothing is torn."""

import sys
import threading

import pytest

import flowtable
from flowtable import CaptureError, IPDefragger, PacketSequence, TCPAssembler, TCPAssemblerStream
from flowtable.capture import open_capture
from flowtable.testing import TCP, UDP, Ethernet, IPv4, Payload, demo_capture

THREADS = 8


def at_once(work):
    """Let threads begin together; what one of them raises is raised here. Gives what they give."""
    gate, given, raised = threading.Barrier(THREADS), [], []

    def run(number):
        gate.wait()
        try:
            given.append(work(number))
        except Exception as error:  # noqa: BLE001 (raised below)
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    if raised:
        raise raised[0]
    return given


@pytest.fixture
def demo(tmp_path):
    path = tmp_path / "demo.pcapng"
    path.write_bytes(demo_capture())
    return path


def test_flows_that_nobody_has_looked_at(demo):
    expected = [flow.to_dict() for flow in flowtable.read(demo)]
    for _ in range(20):
        flows = flowtable.read(demo)
        seen = at_once(lambda _: [(flow.to_dict(), len(flow.children)) for flow in flows])  # noqa: B023
        assert all([each for each, _ in all_of_them] == expected for all_of_them in seen)


def test_columns_of_the_same_flows(demo):
    expected = flowtable.read(demo).to_arrow()
    flows = flowtable.read(demo)
    assert all(each.equals(expected) for each in at_once(lambda _: flows.to_arrow()))


def test_one_thread_reads_a_source(demo):
    """The others are refused, and no frame is given twice."""
    for _ in range(20):
        with open_capture(demo) as source:

            def drain(_, source=source):
                try:
                    return source.drain()
                except CaptureError:
                    return 0

            assert sum(at_once(drain)) == 97


def pieces(number, identification):
    """Cut a datagram in four."""
    whole = bytes(UDP(1, 2) / Payload(bytes(56)))
    for at in range(0, 64, 16):
        ip = IPv4(
            f"10.0.0.{number}",
            id=identification,
            fragment_offset=at,
            flags="M" if at < 48 else "",
            protocol=17,
        )
        yield bytes(Ethernet() / ip / Payload(whole[at : at + 16]))


def test_a_defragger_takes_pieces_from_all_threads():
    defragger = IPDefragger()

    def feed(number):
        given = [
            len(defragger.defrag(piece))
            for identification in range(200)
            for piece in pieces(number, identification)
        ]
        return sum(given)

    assert at_once(feed) == [200] * THREADS
    assert (defragger.metric.datagrams, defragger.metric.held) == (THREADS * 200, 0)


class Listener(TCPAssemblerStream):
    """Adds up what it gets."""

    def __init__(self):
        self.got = []

    def reassembled(self, data):
        self.got.append(b"".join(item.data for item in data))

    def reassembly_complete(self):
        """Nothing is left to do."""


def test_an_assembler_takes_packets_from_all_threads():
    listeners = {}

    def new_stream(flow):
        return listeners.setdefault(flow.a[1], Listener())

    assembler = TCPAssembler(new_stream)

    def feed(number):
        port, sequence = 1000 + number, 1
        segments = [TCP(port, 80, flags="S", seq=0)]
        for at in range(300):
            text = b"%d:%d " % (number, at)
            segments.append(TCP(port, 80, flags="A", seq=sequence, ack=1) / Payload(text))
            sequence += len(text)
        for segment in segments:
            (packet,) = PacketSequence.from_frame(bytes(Ethernet() / IPv4() / segment))
            assembler.assemble(packet, 1)

    at_once(feed)
    assert len(assembler) == assembler.flush_all() == THREADS
    for number in range(THREADS):
        texts = b"".join(b"%d:%d " % (number, at) for at in range(300))
        assert b"".join(listeners[1000 + number].got) == texts
