"""A live table that is fed by exporters, senders and a replayed capture at the same time."""

import socket
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "capture"))

from sflow_datagrams import FRAME, sampled

import flowtable
from flowtable.capture.over_tcp import PcapOverTcpSource
from flowtable.capture.sflow import SFlowSource
from flowtable.table.feeder import PcapTableFeeder
from flowtable.table.live import Table
from flowtable.testing import demo_capture

MANY = 60  # s; nothing takes nearly so long


@pytest.fixture
def demo(tmp_path):
    path = tmp_path / "demo.pcapng"
    path.write_bytes(demo_capture())
    return path


def wait_until(holds):
    deadline = time.monotonic() + MANY
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def send(source, data):
    with socket.create_connection((source.address, source.port)) as sender:
        sender.sendall(data)


def test_no_frame_and_no_flow_is_lost(demo):
    handed = []
    expected = flowtable.read(demo)
    with (
        Table(on_expire=handed.extend) as table,
        SFlowSource(port=0) as samples,
        PcapOverTcpSource(port=0) as sent,
        socket.socket(type=socket.SOCK_DGRAM) as exporter,
    ):
        table.add(samples)
        table.add(sent)
        with PcapTableFeeder(table, demo, replay=True, speed=1000) as feeder:
            exporter.connect((samples.address, samples.port))
            for sequence in range(100):
                exporter.send(sampled(FRAME, rate=9, sequence=sequence))
            send(sent, demo_capture()[:-1])  # which ends in the middle of its last packet
            send(sent, b"no capture")
            exporter.send(sampled(FRAME)[:-1])
            assert feeder.wait(MANY)
        wait_until(lambda: table.statistics.account.frames == 97 + 96 + 100)
        wait_until(lambda: samples.discards == {"malformed": 1} and sum(sent.discards.values()) == 2)
        statistics = table.statistics
        table.stop()
    assert statistics.account.adds_up()
    assert (statistics.packets_dropped_by_kernel, table.statistics.flows) == (0, 0)
    assert sent.discards == {"no capture": 1, "ended in the middle": 1}
    assert {flow.tracking_id for flow in expected} < {flow.tracking_id for flow in handed}
    (of_samples,) = [flow for flow in handed if flow.sampling_rate]
    assert (of_samples.sampling_rate, of_samples.metric.ab_packets) == (9, 100)
    assert sum(
        flow.metric.ab_packets + flow.metric.ba_packets for flow in handed if not flow.sampling_rate
    ) == (
        sum(2 * (flow.metric.ab_packets + flow.metric.ba_packets) for flow in expected)
        - parts_of_the_last(demo)
    )


def parts_of_the_last(path):
    """In how many flows the last frame of a capture is."""
    from flowtable.capture import open_capture

    *_, last = open_capture(path)
    return len(flowtable.PacketSequence.from_frame(last.data, link_type=last.link_type))


def test_a_table_that_stops_ends_its_sources():
    with SFlowSource(port=0) as samples, PcapOverTcpSource(port=0) as sent:
        table = Table().start()
        table.add(samples)
        table.add(sent)
        send(sent, demo_capture())
        wait_until(lambda: table.statistics.account.frames == 97)
        table.stop()
        assert list(samples) == list(sent) == []
