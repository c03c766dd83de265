"""Other threads look at flows, or get at the capture, while it is read."""

import gc
import sys
import threading
import time
import warnings
from contextlib import contextmanager

import pytest
from reading import read_frames

from flowtable import CaptureError
from flowtable.capture import open_capture
from flowtable.testing import DNS, TCP, UDP, VXLAN, Ethernet, IPv4, Payload, Record, write_pcap

A_TO_B = Ethernet() / IPv4("10.0.0.1", "10.0.0.2")
PATHS = {"Ethernet/IPv4/UDP/VXLAN", "Ethernet/IPv4/TCP", "Ethernet/IPv4/UDP/DNS"}
TUNNEL = Ethernet() / IPv4("192.168.0.1", "192.168.0.2") / UDP(40000) / VXLAN(7)


@contextmanager
def meanwhile(look, times=1):
    """Call a function again and again in another thread; what it raises is raised here."""
    over, raised = threading.Event(), []

    def go_on():
        done = 0
        while not (over.is_set() and done >= times):
            try:
                look()
                done += 1
            except Exception as error:  # noqa: BLE001 (raised below)
                raised.append(error)
                return

    thread = threading.Thread(target=go_on)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(interval)
        if raised:
            raise raised[0]


def busy_tunnel(times=1):
    """Make a stream that is soon handed over, a DNS flow with long answers, and others, in one tunnel."""
    answers = [answer(ttl) for ttl in range(20)]
    frames = []
    for i in range(2000):
        frames.append(TUNNEL / A_TO_B / TCP(1000, 80, flags="A", seq=1 + 1400 * i) / Payload(b"x" * 1400))
        frames.append(TUNNEL / A_TO_B / TCP(2000 + i, 81, flags="S"))
        if i % 10 == 0:
            frames.append(answers[i // 10 % len(answers)])
    return [bytes(frame) for frame in frames] * times


def answer(ttl):
    """Answer a question, with records that have the same time to live."""
    records = tuple(Record.address("a.test", "10.0.0.1", ttl) for _ in range(60 * (ttl + 1)))
    return TUNNEL / A_TO_B / UDP(53, 53) / DNS(flags=0x8180, answers=records)


def test_flows_are_looked_at_by_another_thread(tmp_path):
    """Nothing that the other thread looks at changes, moves or is freed under its eyes."""
    flows, families = [], []

    def listen(data):
        if not flows:
            flows.append(data[0].flow)
        end = time.monotonic() + 60
        while len(families) < 2 and time.monotonic() < end:  # more come while counting goes on
            time.sleep(0.001)

    def look():
        for stream in flows:
            families.append(stream.parent.children)
            dns = families[-1][2].dns
            assert len(dns.answers) == 60 * (dns.answers[0].ttl + 1)
            assert {record.ttl for record in dns.answers} == {dns.answers[0].ttl}
            assert [packet.index for packet in stream.raw_packets] == list(
                range(1, len(stream.raw_packets) + 1)
            )
            assert {flow.layers_path for flow in families[-1]} <= PATHS
            assert stream.to_dict()["ParentUUID"] == stream.parent.uuid

    with meanwhile(look):
        out = read_frames(
            tmp_path,
            busy_tunnel(10),
            streams=listen,
            raw_packets=100,
            packet_statistics=True,
            extra_layers=["DNS"],
        )
    assert len(out) == 2003
    assert len(families) > 1
    assert flows[0].parent.children[: len(families[-1])] == families[-1]


def test_a_finalizer_looks_at_a_flow_that_is_looked_at(tmp_path):
    """Collecting what is in a circle may call back in the middle of a look."""
    seen = []

    class Circle:
        def __init__(self, flow):
            self.flow, self.me = flow, self

        def __del__(self):
            seen.append((self.flow.uuid, len(self.flow.raw_packets), self.flow.children))

    flow = read_frames(tmp_path, busy_tunnel()[:400], raw_packets=400)[0]
    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(200):
            Circle(flow)
            assert len(flow.raw_packets) == 400
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert len(seen) == 200


def test_a_capture_is_read_by_one_thread_at_a_time(tmp_path):
    """Each frame is given once; a thread that comes in between is told so."""
    path = tmp_path / "frames.pcap"
    write_pcap(path, busy_tunnel())
    alone = open_capture(path).drain()
    for read_on in (next, lambda source: source.close()):
        source, told = open_capture(path), []

        def intrude(source=source, told=told, read_on=read_on):
            try:
                read_on(source)
            except CaptureError as error:
                told.append(str(error))
            except StopIteration:
                pass

        with meanwhile(intrude):
            assert sum(1 for _ in retried(source)) <= alone
        assert set(told) <= {"this capture is being read already; open it once for each reader"}


def retried(source):
    """Give a source's frames, whoever else reads it."""
    while True:
        try:
            yield next(source)
        except CaptureError:
            continue
        except StopIteration:
            return


def test_a_capture_cannot_be_read_from_inside_its_own_reading(tmp_path):
    path = tmp_path / "frames.pcap"
    write_pcap(path, busy_tunnel())
    cut = path.read_bytes()[:-1]
    path.write_bytes(cut)
    source = open_capture(path)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda *_: next(source)
        with pytest.raises(CaptureError, match="is being read already"):
            source.drain()
