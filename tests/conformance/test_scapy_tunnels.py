"""Outer and inner flows against scapy's dissection of the same frames, where scapy knows the tunnel."""

import pytest
from opinions import flows_of, our_flows
from reading import read_frames
from second_opinion import scapy
from two_ways import ALL, bridged, link

from flowtable.testing import MPLS

LAYERS = {
    scapy.Ether: ("eth", "src", "dst"),
    scapy.IP: ("ip", "src", "dst"),
    scapy.IPv6: ("ipv6", "src", "dst"),
    scapy.TCP: ("tcp", "sport", "dport"),
    scapy.UDP: ("udp", "sport", "dport"),
    scapy.VXLAN: ("vxlan",),
}
CALLED = {"MPLS": "mpls", "GENEVE": "geneve"}
UNKNOWN = {"l2tpv3", "l2tpv3_udp", "teredo"}  # to scapy, without being told
KNOWN = {name: make for name, make in ALL.items() if name not in UNKNOWN} | {
    "pseudowire_bare": lambda way, n: link(way) / MPLS(70 + n) / bridged(way),
}


def layers_of(frame):
    packet, layers = scapy.Ether(frame), []
    while packet:
        name, *ends = LAYERS.get(type(packet), (CALLED.get(type(packet).__name__, type(packet).__name__),))
        layers.append((name, tuple(str(getattr(packet, field)) for field in ends)))
        packet = packet.payload
    return layers


@pytest.mark.parametrize("name", KNOWN)
def test_flows_are_those_of_scapy(tmp_path, name):
    frames = [bytes(KNOWN[name](way, 5)) for way in (0, 1, 1, 0, 0)]
    ours = our_flows(read_frames(tmp_path, frames))
    assert ours == flows_of(map(layers_of, frames))
    assert [sum(ways) for ways in ours.values()] == [5, 5]
