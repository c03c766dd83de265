"""sFlow datagrams against tshark's reading of them: heads, samples and the packets in these."""

import subprocess

import pytest
from tshark import needs_tshark

from flowtable.capture.sflow import FlowSample, parse_datagram
from flowtable.testing import (
    UDP,
    Ethernet,
    IPv4,
    SFlow,
    SFlowCounterSample,
    SFlowFlowSample,
    interface_counters,
    raw_header,
    write_pcap,
)

FRAMES = [bytes(Ethernet() / IPv4("10.0.0.1", f"10.0.0.{n}") / UDP(n, 53) / bytes(n)) for n in (2, 3, 4)]
DATAGRAMS = [
    SFlow(
        (
            SFlowFlowSample((raw_header(FRAMES[0]),), sequence=7, rate=512, pool=9, drops=1),
            SFlowCounterSample((interface_counters(3, 1 << 40, 77),), sequence=8),
            SFlowFlowSample((raw_header(FRAMES[1], frame_length=1500),), sequence=9, rate=1, expanded=True),
        ),
        sub_agent=5,
        sequence=99,
        uptime=123_456,
    ),
    SFlow((SFlowFlowSample((raw_header(FRAMES[2]),), rate=2**31),), agent="2001:db8::5", sequence=2**32 - 1),
]
NUMBERS = {
    "sflow_245.sub_agent_id": lambda found: [found.sub_agent],
    "sflow_245.sequence_number": lambda found: [found.sequence],
    "sflow_245.sysuptime": lambda found: [found.uptime],
    "sflow_245.numsamples": lambda found: [len(found.samples)],
    "sflow.flow_sample.sequence_number": lambda found: [s.sequence for s in found.flow_samples],
    "sflow.flow_sample.sampling_rate": lambda found: [s.sampling_rate for s in found.flow_samples],
    "sflow.flow_sample.sample_pool": lambda found: [s.pool for s in found.flow_samples],
    "sflow_245.header.frame_length": lambda found: [h.frame_length for h in headers(found)],
    "sflow_245.ifinoct": lambda found: [s.records[0].in_octets for s in found.counter_samples],
    "sflow_245.ifindex": lambda found: [s.records[0].index for s in found.counter_samples],
}


def headers(found):
    return [header for sample in found.flow_samples for header in sample.headers]


def read_by_tshark(path, *fields):
    """Give of each packet the values of some fields, each a list."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=;", "-E", "aggregator=,"]
    for field in fields:
        command += ["-e", field]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return [[value.split(",") if value else [] for value in line.split(";")] for line in said.splitlines()]


@pytest.fixture
def seen(tmp_path):
    needs_tshark()
    path = tmp_path / "sflow.pcap"
    write_pcap(path, [Ethernet() / IPv4() / UDP(1, 6343) / datagram for datagram in DATAGRAMS])
    return path


def known_fields():
    said = subprocess.run(["tshark", "-G", "fields"], capture_output=True, check=True, text=True).stdout
    return {line.split("\t")[2] for line in said.splitlines() if line.startswith("F\t")}


def test_numbers(seen):
    known = known_fields()
    fields = [field for field in NUMBERS if field in known]
    assert len(fields) > 7
    for datagram, row in zip(DATAGRAMS, read_by_tshark(seen, *fields), strict=True):
        found = parse_datagram(bytes(datagram))
        ours = [NUMBERS[field](found) for field in fields]
        assert [[int(value, 0) for value in values] for values in row] == ours


def test_the_packets_in_samples(seen):
    rows = read_by_tshark(seen, "ip.dst", "udp.dstport", "sflow_245.agent", "sflow_245.agent.v6")
    for datagram, (addresses, ports, *agents) in zip(DATAGRAMS, rows, strict=True):
        found = parse_datagram(bytes(datagram))
        inside = [
            header.header
            for sample in found.samples
            if isinstance(sample, FlowSample)
            for header in sample.headers
        ]
        assert addresses[1:] == [".".join(map(str, frame[30:34])) for frame in inside]
        assert ports[1:] == [str(int.from_bytes(frame[36:38], "big")) for frame in inside]
        assert [found.agent] == agents[0] + agents[1]
