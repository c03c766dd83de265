"""Captures that we write, as tshark reads them: pcapng with several link types, which libpcap refuses."""

import subprocess

import pytest
from tshark import needs_tshark

from flowtable import PcapWriter, RawPacket
from flowtable.testing import PPP, TCP, Ethernet, IPv4, LinuxCooked

OVER_IP = IPv4() / TCP(1, 2)
PACKETS = [
    RawPacket(1_780_308_000_123_456_789 + n, 1, bytes(frame), link_type, length)
    for n, (frame, link_type, length) in enumerate(
        [
            (Ethernet() / OVER_IP, 1, None),
            (OVER_IP, 101, 1500),
            (LinuxCooked() / OVER_IP, 113, None),
            (Ethernet() / OVER_IP, 1, 99),
            (PPP() / OVER_IP, 9, None),
        ]
    )
]
ENCAPSULATIONS = {1: "1", 101: "7", 113: "25", 9: "4"}  # wiretap's own numbers of the link types


def read_by_tshark(path, *fields):
    arguments = [word for field in fields for word in ("-e", field)]
    done = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-T", "fields", *arguments],
        capture_output=True,
        check=True,
        text=True,
    )
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("kind", "packets"),
    [("pcapng", PACKETS), *(("pcap", [packet]) for packet in PACKETS)],
    ids=lambda value: value if isinstance(value, str) else ",".join(str(p.link_type) for p in value),
)
def test_tshark_reads_what_was_written(tmp_path, kind, packets):
    needs_tshark()
    path = tmp_path / f"written.{kind}"
    with PcapWriter(path) as writer:
        writer.write_raw_packets(packets)
    fields = ("frame.encap_type", "frame.time_epoch", "frame.cap_len", "frame.len", "tcp.dstport")
    assert read_by_tshark(path, *fields) == [
        [
            ENCAPSULATIONS[p.link_type],
            f"{p.timestamp // 10**9}.{p.timestamp % 10**9:09}",
            str(len(p.data)),
            str(p.length),
            "2",
        ]
        for p in packets
    ]
