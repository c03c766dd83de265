"""Which packets are one flow, and which way each goes."""

import pytest
from reading import read_frames

from flowtable.testing import (
    ARP,
    GRE,
    MPLS,
    SCTP,
    TCP,
    UDP,
    VXLAN,
    Dot1Q,
    Ethernet,
    Geneve,
    ICMPv4,
    ICMPv6,
    ICMPv6Echo,
    IPv4,
    IPv6,
    LinuxCooked,
    Loopback,
    Packet,
    SCTPData,
    UDPLite,
)

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
THERE, BACK = Ethernet(A, B), Ethernet(B, A)
IP_THERE, IP_BACK = IPv4("10.0.0.1", "10.0.0.2"), IPv4("10.0.0.2", "10.0.0.1")


def counts(flows):
    return [(flow.metric.ab_packets, flow.metric.ba_packets) for flow in flows]


def ends(flow):
    return flow.network.a, flow.transport.a, flow.network.b, flow.transport.b


@pytest.mark.parametrize("mode", ["L2", "L3"])
@pytest.mark.parametrize("transport", [TCP, UDP, UDPLite, lambda a, b: SCTP(a, b) / SCTPData(b"x")])
def test_both_directions_are_one_flow_and_a_sent_first(tmp_path, mode, transport):
    there = THERE / IP_THERE / transport(1000, 80)
    back = BACK / IP_BACK / transport(80, 1000)
    for first, second in ((there, back), (back, there)):
        (flow,) = read_frames(tmp_path, [first, second, second, first, second], layer_key=mode)
        assert counts([flow]) == [(2, 3)]
        expected = ("10.0.0.1", 1000, "10.0.0.2", 80)
        assert ends(flow) == (expected if first is there else expected[2:] + expected[:2])
        assert (flow.link.a, flow.link.b) == ((A, B) if first is there else (B, A))


def test_l2_keys_tell_macs_apart_and_l3_keys_do_not(tmp_path):
    routed = [THERE / IP_THERE / TCP(1, 2), Ethernet("02:00:00:00:00:01", B) / IP_THERE / TCP(1, 2)]
    two = read_frames(tmp_path, routed)
    assert counts(two) == [(1, 0), (1, 0)]
    assert two[0].tracking_id != two[1].tracking_id
    assert two[0].l3_tracking_id == two[1].l3_tracking_id
    (one,) = read_frames(tmp_path, routed, layer_key="L3")
    assert counts([one]) == [(2, 0)]
    assert one.tracking_id == one.l3_tracking_id == two[0].l3_tracking_id
    assert one.link.a == A


def test_l3_keys_take_the_direction_from_ip(tmp_path):
    """Behind a router that answers from another MAC, only addresses say who sends."""
    frames = [THERE / IP_THERE / TCP(1, 2), THERE / IP_BACK / TCP(2, 1)]
    assert counts(read_frames(tmp_path, frames, layer_key="L3")) == [(1, 1)]
    assert len(read_frames(tmp_path, frames)) == 2


@pytest.mark.parametrize("mode", ["L2", "L3"])
def test_equal_macs_let_addresses_decide(tmp_path, mode):
    same = Ethernet(A, A)
    frames = [same / IP_BACK / TCP(2, 1), same / IP_THERE / TCP(1, 2), same / IP_BACK / TCP(2, 1)]
    (flow,) = read_frames(tmp_path, frames, layer_key=mode)
    assert counts([flow]) == [(2, 1)]
    assert flow.network.a == "10.0.0.2"


@pytest.mark.parametrize("mode", ["L2", "L3"])
@pytest.mark.parametrize("ports", [(1, 2), (2, 1), (256, 1), (0, 65535)])
def test_equal_addresses_let_ports_decide(tmp_path, mode, ports):
    own = Ethernet(A, A) / IPv4("127.0.0.1", "127.0.0.1")
    frames = [own / TCP(*ports), own / TCP(*ports[::-1]), own / TCP(*ports)]
    (flow,) = read_frames(tmp_path, frames, layer_key=mode)
    assert counts([flow]) == [(2, 1)]
    assert (flow.transport.a, flow.transport.b) == ports


@pytest.mark.parametrize("mode", ["L2", "L3"])
def test_equal_ports_leave_all_packets_from_a_to_b(tmp_path, mode):
    own = Ethernet(A, A) / IPv4("127.0.0.1", "127.0.0.1") / UDP(123, 123)
    assert counts(read_frames(tmp_path, [own, own], layer_key=mode)) == [(2, 0)]
    loop = Loopback() / IPv6("::1", "::1") / ICMPv6() / ICMPv6Echo(1)
    assert counts(read_frames(tmp_path, [loop, loop], link_type=0, layer_key=mode)) == [(2, 0)]


def test_equal_macs_without_ip_are_one_way(tmp_path):
    assert counts(read_frames(tmp_path, [Ethernet(A, A) / ARP(), Ethernet(A, A) / ARP()])) == [(2, 0)]


def test_without_ip_macs_decide_under_either_key(tmp_path):
    frames = [THERE / ARP(), BACK / ARP(operation=2)]
    assert counts(read_frames(tmp_path, frames)) == [(1, 1)]
    (flow,) = read_frames(tmp_path, frames, layer_key="L3")
    assert counts([flow]) == [(0, 0)]
    assert (flow.metric.ab_bytes, flow.metric.ba_bytes) == (0, 0)
    assert flow.network is None


def test_without_a_link_layer_both_keys_are_one(tmp_path):
    frames = [LinuxCooked() / IP_THERE / TCP(1, 2), LinuxCooked(packet_type=4) / IP_BACK / TCP(2, 1)]
    for mode in ("L2", "L3"):
        (flow,) = read_frames(tmp_path, frames, link_type=113, layer_key=mode)
        assert counts([flow]) == [(1, 1)]
        assert flow.tracking_id == flow.l3_tracking_id
        assert flow.link is None


@pytest.mark.parametrize("tunnel", [VXLAN, Geneve])
def test_tunnels_over_udp_are_told_apart_by_vni_and_not_by_source_port(tmp_path, tunnel):
    inner = Ethernet() / IPv4("172.16.0.1", "172.16.0.2") / TCP(1, 2)
    back = Ethernet() / IPv4("172.16.0.2", "172.16.0.1") / TCP(2, 1)
    frames = [
        THERE / IP_THERE / UDP(50001) / tunnel(7) / inner,
        THERE / IP_THERE / UDP(50002) / tunnel(7) / inner,
        BACK / IP_BACK / UDP(50003) / tunnel(7) / back,
        THERE / IP_THERE / UDP(50001) / tunnel(8) / inner,
    ]
    outer = [flow for flow in read_frames(tmp_path, frames) if not flow.parent]
    assert counts(outer) == [(2, 1), (1, 0)]
    assert [flow.network.id for flow in outer] == [7, 8]
    assert [flow.transport.a for flow in outer] == [50001, 50001]


def test_a_tunnels_port_is_part_of_its_key(tmp_path):
    frames = [
        THERE / IP_THERE / UDP(5, port) / VXLAN(7) / THERE / IP_THERE / TCP(1, 2) for port in (4789, 8472)
    ]
    assert [flow.application for flow in read_frames(tmp_path, frames)] == ["VXLAN", "TCP"] * 2


@pytest.mark.parametrize("tunnel", [GRE(), MPLS(5)])
def test_outer_flows_of_gre_and_mpls_have_no_ports(tmp_path, tunnel):
    """One tunnel is one flow, however many flows it carries."""
    head = THERE / tunnel if isinstance(tunnel, MPLS) else THERE / IPv4("192.0.2.1", "192.0.2.2") / tunnel
    outer, *inner = read_frames(tmp_path, [head / IP_THERE / TCP(port, 80) for port in range(1, 9)])
    assert counts([outer]) == [(8, 0)]
    assert outer.transport is None
    assert [flow.transport.a for flow in inner] == list(range(1, 9))
    assert outer.children == inner


def test_the_same_ends_in_other_tunnels_are_other_flows(tmp_path):
    inner = THERE / IP_THERE / TCP(1, 2)
    frames = [inner, *(THERE / IP_THERE / UDP() / VXLAN(vni) / inner for vni in (1, 2))]
    flows = [flow for flow in read_frames(tmp_path, frames) if flow.application == "TCP"]
    assert len({flow.uuid for flow in flows}) == 3
    assert len({flow.tracking_id for flow in flows}) == 1
    assert [flow.parent and flow.parent.network.id for flow in flows] == [None, 1, 2]


def test_parents_pass_over_parts_without_addresses(tmp_path):
    stacked = THERE / MPLS(1) / MPLS(2) / MPLS(3) / IP_THERE / TCP(1, 2)
    outer, inner = read_frames(tmp_path, [stacked])
    assert (outer.layers_path, inner.layers_path) == ("Ethernet/MPLS", "IPv4/TCP")
    assert inner.parent == outer


def test_a_first_part_without_addresses_is_no_parent(tmp_path):
    from flowtable.testing import PPP

    (flow,) = read_frames(tmp_path, [PPP() / MPLS(1) / IP_THERE / TCP(1, 2)], link_type=9)
    assert (flow.layers_path, flow.parent_uuid, flow.parent) == ("IPv4/TCP", "", None)


def test_of_two_network_layers_the_outermost_counts(tmp_path):
    (four,) = read_frames(tmp_path, [THERE / IP_THERE / IPv6() / TCP(1, 2)], tunnels=())
    assert (four.network.protocol, four.network.a) == ("IPV4", "10.0.0.1")
    (six,) = read_frames(tmp_path, [THERE / IPv6() / IP_THERE / TCP(1, 2)], tunnels=())
    assert (six.network.protocol, six.network.a) == ("IPV6", "2001:db8::1")
    assert six.transport.a == 1


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ((), 0),
        ((8,), 8),
        ((8, 10, 20), 335585288),
        ((1, 2, 3, 4, 5), 1 | 2 << 12 | 3 << 24 | 4 << 36 | 5 << 48),
        ((1, 2, 3, 4, 5, 6), 1 | 2 << 12 | 3 << 24 | 4 << 36 | 5 << 48),
        ((4095,) * 5, (1 << 60) - 1),
    ],
)
def test_vlan_ids_are_packed_from_outside_in(tmp_path, tags, expected):
    tagged = Packet((THERE, *(Dot1Q(tag, priority=7, drop_eligible=True) for tag in tags)))
    (flow,) = read_frames(tmp_path, [tagged / IP_THERE / TCP(1, 2)])
    assert flow.link.id == expected


def test_vlan_ids_do_not_tell_flows_apart(tmp_path):
    """The reference's keys leave them out; the first packet's stand in the flow."""
    (flow,) = read_frames(tmp_path, [THERE / Dot1Q(tag) / IP_THERE / TCP(1, 2) for tag in (5, 6)])
    assert (flow.link.id, flow.metric.ab_packets) == (5, 2)


@pytest.mark.parametrize(
    ("tunnel", "expected"),
    [
        (UDP() / VXLAN(0xFFFFFF), 0xFFFFFF),
        (UDP() / Geneve(5), 5),
        (GRE(key=0x0FFFFF), 0x0FFFFF),
        (GRE(key=0xFFFFFFFF, sequence=1), 0xFFFFFFFF),
        (GRE(), 0),
    ],
)
def test_network_ids_are_vnis_and_keys(tmp_path, tunnel, expected):
    outer, inner = read_frames(tmp_path, [THERE / IP_THERE / tunnel / Ethernet() / IPv4() / TCP(1, 2)])
    assert (outer.network.id, inner.network.id) == (expected, 0)


def test_the_last_network_id_of_a_part_counts(tmp_path):
    frame = THERE / IP_THERE / GRE(key=5) / IPv4() / UDP() / VXLAN(6) / Ethernet() / IPv4() / TCP(1, 2)
    (flow,) = read_frames(tmp_path, [frame], tunnels=())
    assert flow.network.id == 6
    assert len(read_frames(tmp_path, [frame])) == 3


# ---- ICMP


def icmp4(kind, code=0, number=0, way=IP_THERE):
    return THERE / way / ICMPv4(kind, code, number)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (0, "ECHO"), (8, "ECHO"), (3, "DESTINATION_UNREACHABLE"), (4, "SOURCE_QUENCH"), (5, "REDIRECT"),
        (9, "ROUTER"), (10, "ROUTER"), (11, "TIME_EXCEEDED"), (12, "PARAMETER_PROBLEM"), (13, "TIMESTAMP"),
        (14, "TIMESTAMP"), (15, "INFO"), (16, "INFO"), (17, "ADDRESS_MASK"), (18, "ADDRESS_MASK"),
        (1, "UNKNOWN"), (40, "UNKNOWN"), (255, "UNKNOWN"),
    ],
)  # fmt: skip
def test_kinds_of_icmp(tmp_path, kind, expected):
    (flow,) = read_frames(tmp_path, [icmp4(kind, 5, 0xABCD)])
    assert flow.to_dict()["ICMP"] == {"Type": expected, "Code": 5, "ID": 0xABCD}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (1, "DESTINATION_UNREACHABLE"), (2, "PACKET_TOO_BIG"), (3, "TIME_EXCEEDED"), (4, "PARAMETER_PROBLEM"),
        (128, "ECHO"), (129, "ECHO"), (133, "ROUTER"), (134, "ROUTER"), (135, "NEIGHBOR"), (136, "NEIGHBOR"),
        (137, "REDIRECT"), (0, "UNKNOWN"), (143, "UNKNOWN"),
    ],
)  # fmt: skip
def test_kinds_of_icmpv6(tmp_path, kind, expected):
    (flow,) = read_frames(tmp_path, [THERE / IPv6() / ICMPv6(kind, 3) / b"\xab\xcd" / bytes(60)])
    number = 0xABCD if expected == "ECHO" else 0
    assert flow.to_dict()["ICMP"] == {"Type": expected, "Code": 3, "ID": number}


def test_an_echo_and_its_reply_are_one_flow_by_id(tmp_path):
    frames = [icmp4(8, number=7), BACK / IP_BACK / ICMPv4(0, id=7), icmp4(8, number=8)]
    assert counts(read_frames(tmp_path, frames)) == [(1, 1), (1, 0)]
    six = [
        THERE / IPv6("2001:db8::1", "2001:db8::2") / ICMPv6(128) / ICMPv6Echo(7, 1),
        BACK / IPv6("2001:db8::2", "2001:db8::1") / ICMPv6(129, 9) / ICMPv6Echo(7, 1),
    ]
    assert counts(read_frames(tmp_path, six)) == [(1, 1)]


def test_codes_tell_icmp_flows_apart_but_for_echo6(tmp_path):
    assert len(read_frames(tmp_path, [icmp4(3, code) for code in (0, 1, 1, 3)])) == 3
    unreachable = [THERE / IPv6() / ICMPv6(1, code) / bytes(4) for code in (0, 1, 1, 4)]
    assert len(read_frames(tmp_path, unreachable)) == 3


def test_what_lies_in_an_icmp_error_is_not_looked_at(tmp_path):
    quoted = [icmp4(3) / IP_BACK / UDP(port, 53) for port in (1, 2)]
    assert counts(read_frames(tmp_path, quoted)) == [(2, 0)]
