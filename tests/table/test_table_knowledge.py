"""What else a flow knows: its client, its TCP flags, its TTLs and its service class."""

import pytest
from reading import read_frames

from flowtable.flow.groups import TTL, TCPFlags
from flowtable.testing import ARP, SCTP, TCP, UDP, VXLAN, Ethernet, ICMPv4, IPv4, IPv6, SCTPData

THERE, BACK = IPv4("10.0.0.1", "10.0.0.2"), IPv4("10.0.0.2", "10.0.0.1")


def segment(*, back, flags, low, high):
    """A segment of a connection between 10.0.0.1 at `high` and 10.0.0.2 at `low`."""
    ip, ports = (BACK, (low, high)) if back else (THERE, (high, low))
    return bytes(Ethernet() / ip / TCP(*ports, flags=flags))


@pytest.mark.parametrize(
    ("segments", "client"),
    [
        ([(False, "S"), (True, "SA"), (False, "A")], "A"),
        ([(True, "S"), (False, "SA")], "A"),  # from the lower port: SYN is stronger
        ([(True, "SA"), (False, "A")], "B"),  # the capture begins with the answer
        ([(False, "SA"), (True, "A")], "B"),  # the same against the ports
        ([(False, "SA"), (False, "S")], "A"),  # SYN overrules SYN/ACK
        ([(False, "S"), (True, "S")], "A"),  # of two SYNs the first
        ([(False, "A"), (True, "A")], "A"),  # by ports
        ([(True, "A"), (False, "A")], "B"),
        ([(True, "A"), (False, "S")], "B"),  # a new connection in the middle
    ],
)
def test_the_client_of_a_connection(tmp_path, segments, client):
    frames = [segment(back=back, flags=flags, low=443, high=50_000) for back, flags in segments]
    (flow,) = read_frames(tmp_path, frames, layer_key="L3")
    assert flow.client == client


@pytest.mark.parametrize(
    ("packet", "client"),
    [
        (THERE / UDP(5000, 53), "A"),
        (THERE / UDP(53, 5000), "B"),
        (THERE / UDP(123, 123), "A"),
        (THERE / SCTP(36412, 50_000) / SCTPData(value=b"x"), "B"),
        (THERE / ICMPv4(8), "A"),
        (ARP(), None),
    ],
)
def test_the_client_of_other_flows(tmp_path, packet, client):
    (flow,) = read_frames(tmp_path, [bytes(Ethernet() / packet)])
    assert flow.client == client
    assert flow.to_dict().get("Client") == client


def test_tcp_flags_are_those_of_all_segments_each_way(tmp_path):
    frames = [
        segment(back=back, flags=flags, low=80, high=40_000)
        for back, flags in [(False, "S"), (True, "SA"), (False, "PA"), (False, "F"), (True, "R")]
    ]
    (flow,) = read_frames(tmp_path, frames, layer_key="L3")
    assert flow.tcp_flags == TCPFlags(ab=1 | 2 | 8 | 16, ba=2 | 4 | 16)
    (flow,) = read_frames(tmp_path, [bytes(Ethernet() / THERE / UDP(1, 2))])
    assert flow.tcp_flags is None


def test_time_to_live_is_the_smallest_and_largest_of_both_ways(tmp_path):
    frames = [
        bytes(Ethernet() / IPv4("10.0.0.1", "10.0.0.2", ttl=ttl) / UDP(1, 2)) for ttl in (64, 61, 255, 0, 63)
    ]
    (flow,) = read_frames(tmp_path, frames)
    assert flow.ttl == TTL(min=0, max=255)
    (flow,) = read_frames(tmp_path, [bytes(Ethernet() / IPv6("fd00::1", "fd00::2", hop_limit=7) / UDP(1, 2))])
    assert flow.ttl == TTL(min=7, max=7)
    (flow,) = read_frames(tmp_path, [bytes(Ethernet() / ARP())])
    assert flow.ttl is None


def test_each_part_has_the_header_of_its_own(tmp_path):
    inner = Ethernet() / IPv4("192.168.0.1", "192.168.0.2", ttl=3, tos=46 << 2) / UDP(7, 8)
    outer = Ethernet() / IPv4("10.0.0.1", "10.0.0.2", ttl=200, tos=10 << 2) / UDP(9, 4789) / VXLAN(5)
    flows = read_frames(tmp_path, [bytes(outer / inner)])
    assert [(flow.ttl, flow.dscp) for flow in flows] == [(TTL(200, 200), 10), (TTL(3, 3), 46)]


def test_the_service_class_is_that_of_the_first_packet(tmp_path):
    packets = [
        Ethernet() / IPv6("fd00::1", "fd00::2", traffic_class=dscp << 2 | 3) / UDP(1, 2) for dscp in (34, 0)
    ]
    (flow,) = read_frames(tmp_path, [bytes(packet) for packet in packets])
    assert flow.dscp == 34
