"""Frames that go on and on: decoding ends at 16 parts of flows or 32 layers, and says so in the account."""

import pytest
from reading import makes_flow, read_frames

from flowtable import PacketSequence
from flowtable.testing import (
    DNS,
    ERSPAN2,
    GRE,
    MPLS,
    PPP,
    SCTP,
    STP,
    TCP,
    UDP,
    VXLAN,
    ControlWord,
    Dot1Q,
    Ethernet,
    EthernetCTP,
    EthernetCTPForwardData,
    IPv4,
    IPv6,
    IPv6Destination,
    IPv6HopByHop,
    Packet,
    SCTPCookieAck,
    SCTPSack,
)

ETHER = Ethernet()
IP4 = ETHER / IPv4()
MAX_LAYERS, MAX_PARTS = 32, 16


def nested(head, packet, times):
    return head / Packet(packet.layers * times)


ENDLESS = {
    "vxlan": nested(Packet(), IP4 / UDP() / VXLAN(1), 17) / IP4 / TCP(1, 2),
    "vlan_tags": nested(ETHER, Packet((Dot1Q(1),)), 40) / IPv4() / TCP(1, 2),
    "ctp_forward_data": nested(ETHER / EthernetCTP(), Packet((EthernetCTPForwardData(),)), 60),
    "ipv6_destinations": nested(ETHER / IPv6(), Packet((IPv6Destination(),)), 60) / TCP(1, 2),
    "hop_by_hop_in_ipv4": nested(IP4, Packet((IPv6HopByHop(),)), 60) / TCP(1, 2),
    "mpls_labels": nested(ETHER, Packet((MPLS(7),)), 40) / IPv4() / TCP(1, 2),
    "sctp_chunks": nested(IP4 / SCTP(1, 2), Packet((SCTPCookieAck(),)), 60),
    "gre_of_ppp": nested(IP4, GRE() / PPP() / IPv4(), 30) / TCP(1, 2),
    "gre_in_gre": nested(ETHER, IPv4() / GRE(), 17) / IPv4() / TCP(1, 2),
}
DEEP = {
    "ip_in_ip": nested(ETHER, IPv4() / IPv6(), 40) / TCP(1, 2),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_too_many_layers_are_counted(tmp_path, name):
    frame = bytes(ENDLESS[name])
    packets = PacketSequence.from_frame(frame)
    assert MAX_LAYERS - 1 <= sum(len(packet.layers) for packet in packets) <= MAX_LAYERS
    account = read_frames(tmp_path, [frame, frame]).account
    assert account.in_flows == 2
    assert [key for key in account.decode_stops if key.startswith("too many layers after")]
    assert sum(account.decode_stops.values()) == 2


@pytest.mark.parametrize("name", DEEP)
def test_too_many_parts_are_counted(tmp_path, name):
    frame = bytes(DEEP[name])
    assert len(PacketSequence.from_frame(frame)) == MAX_PARTS
    flows = read_frames(tmp_path, [frame, frame])
    assert len(flows) == MAX_PARTS
    assert flows.account.in_flows == 2
    assert [n for key, n in flows.account.decode_stops.items() if key.startswith("too many tunnels")] == [2]


@pytest.mark.parametrize("labels", range(1, 31))
def test_labels_do_not_count_as_parts_of_flows(tmp_path, labels):
    """An honest stack of any depth is decoded, as far as there may be layers."""
    frame = bytes(nested(ETHER, Packet((MPLS(7),)), labels) / IPv4() / TCP(1, 2))
    packets = PacketSequence.from_frame(frame)
    assert len([packet for packet in packets if makes_flow(packet.path)]) == (2 if labels < 31 else 1)
    flows = read_frames(tmp_path, [frame])
    assert [flow.layers_path for flow in flows] == ["Ethernet/MPLS", "IPv4/TCP" if labels < 30 else "IPv4"]
    assert flows.account.decode_stops == ({} if labels < 30 else {"too many layers after IPv4": 1})


@pytest.mark.parametrize(
    ("last", "path"),
    [
        (GRE() / MPLS() / Ethernet(), "IPv4/GRE/MPLS"),
        (GRE(sequence=1) / ERSPAN2() / Ethernet(), "IPv4/GRE/ERSPANII"),
        (GRE() / MPLS() / ControlWord() / IP4 / TCP(1, 2), "IPv4/GRE/MPLS/PWControlWord"),
        (IPv4() / TCP(1, 2), "IPv4"),
    ],
)
def test_the_last_part_has_all_of_its_tunnels_header(last, path):
    """What only goes on with a tunnel's header needs no part of its own."""
    frame = bytes(nested(ETHER / IPv4(), Packet((IPv4(),)), MAX_PARTS - 1) / last)
    packets = PacketSequence.from_frame(frame)
    assert len(packets) == MAX_PARTS
    assert packets[-1].path == path


def test_parts_without_addresses_are_none_of_the_sixteen(tmp_path):
    frame = bytes(nested(ETHER, IPv4() / MPLS() / MPLS(), 10) / IPv4() / TCP(1, 2))
    flows = read_frames(tmp_path, [frame])
    assert [flow.layers_path for flow in flows] == ["Ethernet/IPv4/MPLS", *["IPv4/MPLS"] * 9, "IPv4"]
    assert flows.account.decode_stops == {"too many layers after IPv4": 1}


@pytest.mark.parametrize("tags", range(24, 40))
def test_no_second_name_goes_beyond_the_limit(tags):
    """IPv6 with its options, a fragment, and an application are two names in one step."""
    for last in (
        IPv6() / IPv6HopByHop() / TCP(1, 2),
        IPv4(flags="M") / UDP(1, 2),
        IPv4() / UDP(40000) / DNS(),
        IPv4() / SCTP(1, 2) / SCTPSack() / SCTPSack(),
    ):
        frame = bytes(nested(ETHER, Packet((Dot1Q(1),)), tags) / last)
        (packet,) = PacketSequence.from_frame(frame)
        assert len(packet.layers) <= MAX_LAYERS


def test_what_fits_is_decoded_to_its_end(tmp_path):
    frame = bytes(nested(ETHER, Packet((Dot1Q(1),)), 25) / IPv4() / UDP(40000) / DNS())
    (flow,) = read_frames(tmp_path, [frame])
    assert flow.layers_path == "Ethernet" + 25 * "/Dot1Q" + "/IPv4/UDP/DNS"


def test_a_bridge_message_may_be_empty_behind_its_header(tmp_path):
    account = read_frames(tmp_path, [bytes(ETHER / STP())[:14]]).account
    assert account.in_flows == 1
