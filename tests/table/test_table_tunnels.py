"""Tunnels as flows: both ways are one outer flow and one inner one, told apart by what both have."""

import pytest
from reading import read_frames
from two_ways import ALL, EITHER, NUMBERED, OUTER4, bridged, inner, link, outer, udp

import flowtable
from flowtable.flow.groups import TunnelID
from flowtable.testing import (
    DNS,
    ERSPAN2,
    GRE,
    MPLS,
    PPP,
    PPTP,
    UDP,
    VXLAN,
    Dot1Q,
    GTPv1U,
    IPv4,
    PPPoE,
    Question,
    Record,
    WireGuard,
)


def ways(flow):
    return flow.metric.ab_packets, flow.metric.ba_packets


@pytest.mark.parametrize("mode", ["L2", "L3"])
@pytest.mark.parametrize("name", ALL)
def test_both_ways_are_one_flow_outside_and_one_inside(tmp_path, name, mode):
    frames = [ALL[name](way, 5) for way in (0, 1, 1)]
    around, within = read_frames(tmp_path, frames, layer_key=mode)
    counts = (0, 0) if name == "pseudowire" and mode == "L3" else (1, 2)
    assert (ways(around), ways(within)) == (counts, (1, 2))
    assert within.parent == around
    assert within.application == "TCP"
    assert within.network.a in ("172.16.0.1", "2001:db8:9::1", "2001:0:a00:1::9")
    assert around.children == [within]


@pytest.mark.parametrize("name", NUMBERED)
def test_what_numbers_a_tunnel_on_both_ways_is_in_the_key(tmp_path, name):
    frames = [NUMBERED[name](way, number) for number in (5, 6) for way in (0, 1)]
    first, inside, second, inside_second = read_frames(tmp_path, frames)
    assert [ways(flow) for flow in (first, second, inside, inside_second)] == [(1, 1)] * 4
    assert second.network.id == first.network.id + 1
    assert first.l3_tracking_id != second.l3_tracking_id
    assert inside.l3_tracking_id == inside_second.l3_tracking_id
    assert inside.uuid != inside_second.uuid
    assert first.tunnel_id is None


@pytest.mark.parametrize("name", EITHER)
def test_what_may_differ_each_way_is_not_in_the_key(tmp_path, name):
    frames = [EITHER[name](way, number) for number in (5, 6) for way in (0, 1)]
    assert [ways(flow) for flow in read_frames(tmp_path, frames)] == [(2, 2), (2, 2)]


@pytest.mark.parametrize(
    ("name", "ab", "ba"),
    [
        ("gtpu", 7, 8),
        ("l2tpv3", 7, 8),
        ("l2tpv3_udp", 7, 8),
        ("l2tpv2", 7 << 16 | 7, 8 << 16 | 7),
        ("pptp", 7, 8),
    ],
)
def test_numbers_of_one_way_are_kept_by_way(tmp_path, name, ab, ba):
    frames = [EITHER[name](way, number) for number in (5, 7) for way in (0, 1)]
    around, within = read_frames(tmp_path, frames)
    assert (around.tunnel_id.ab, around.tunnel_id.ba) == (ab, ba)
    assert around.to_dict()["TunnelID"] == {"AB": ab, "BA": ba}
    assert around.get("TunnelID.AB") == ab
    assert within.tunnel_id is None
    assert "TunnelID" not in within.to_dict()


def test_a_way_that_was_not_seen_has_the_number_0(tmp_path):
    around, _ = read_frames(tmp_path, [EITHER["gtpu"](0, 5)])
    assert (around.tunnel_id.ab, around.tunnel_id.ba) == (5, 0)
    column = flowtable.read(tmp_path / "frames.pcap").to_arrow()["tunnel_id_ab"]
    assert column.to_pylist() == [5, None]


def test_signalling_is_part_of_its_tunnels_flow_and_has_no_number(tmp_path):
    echo = [outer(way) / UDP(2152) / GTPv1U(0, sequence=1, message_type=1 + way) for way in (0, 1)]
    data = [outer(way) / UDP(2152) / GTPv1U(9 + way) / inner(way) for way in (0, 1)]
    around, within = read_frames(tmp_path, echo + data + echo)
    assert ways(around) == (3, 3)
    assert (around.tunnel_id.ab, around.tunnel_id.ba) == (9, 10)
    assert ways(within) == (1, 1)
    (alone,) = read_frames(tmp_path, echo)
    assert alone.tunnel_id is None


# ---- key_ids

TAGGED = {
    "vlan": lambda way, n: link(way) / Dot1Q(n) / inner(way),
    "qinq": lambda way, n: link(way) / Dot1Q(9) / Dot1Q(n) / inner(way),
    "gre": EITHER["gre_key"],
    "erspan_and_gre": lambda way, n: outer(way) / GRE(key=n, sequence=1) / ERSPAN2(3) / bridged(way),
    "vlan_in_vxlan": lambda way, n: outer(way) / UDP(50000) / VXLAN(3) / link(way) / Dot1Q(n) / inner(way),
    "vlan_around_vxlan": lambda way, n: (
        link(way) / Dot1Q(n) / IPv4(*OUTER4[:: 1 - 2 * way]) / UDP(50000) / VXLAN(3) / bridged(way)
    ),
}


@pytest.mark.parametrize("mode", ["L2", "L3"])
@pytest.mark.parametrize("name", TAGGED)
def test_ids_are_in_the_key_only_if_asked_for(tmp_path, name, mode):
    frames = [TAGGED[name](way, number) for number in (5, 6, 4000) for way in (0, 1)]
    without = read_frames(tmp_path, frames, layer_key=mode)
    assert {ways(flow) for flow in without} == {(3, 3)}
    told = read_frames(tmp_path, frames, layer_key=mode, key_ids=True)
    outside = 1 if name == "vlan_in_vxlan" else 0
    assert len(told) - outside == 3 * (len(without) - outside)
    assert {ways(flow) for flow in told[outside:]} == {(1, 1)}
    assert len({flow.uuid for flow in told}) == len(told)
    changed = [flow for flow in told if (flow.link.id if name.startswith(("vlan", "qinq")) and flow.link else
                                         flow.network.id)]  # fmt: skip
    assert len(changed) >= 3


def test_vlan_ids_are_in_the_tracking_id_and_gre_keys_in_both(tmp_path):
    def ids(frame, **options):
        flow = read_frames(tmp_path, [frame], **options)[0]
        return flow.tracking_id, flow.l3_tracking_id

    plain, tagged = link(0) / inner(0), TAGGED["vlan"](0, 5)
    assert ids(plain) == ids(tagged) == ids(plain, key_ids=True)
    assert ids(tagged, key_ids=True)[0] != ids(tagged)[0]
    assert ids(tagged, key_ids=True)[1] == ids(tagged)[1]
    keyed = TAGGED["gre"](0, 5)
    assert ids(keyed, key_ids=True)[0] != ids(keyed)[0]
    assert ids(keyed, key_ids=True)[1] != ids(keyed)[1]


def test_vlan_ids_that_differ_late_are_told_apart(tmp_path):
    """All five count, though the key itself has no room for them."""

    def frame(*tags):
        packet = link(0)
        for tag in tags:
            packet = packet / Dot1Q(tag)
        return packet / inner(0)

    frames = [frame(1, 2, 3, 4, 5), frame(1, 2, 3, 4, 6), frame(2, 2, 3, 4, 5), frame(1, 2, 3, 4, 5)]
    flows = read_frames(tmp_path, frames, key_ids=True)
    assert [flow.metric.ab_packets for flow in flows] == [2, 1, 1]


@pytest.mark.parametrize("name", ["pptp", "gtpu", "l2tpv2", "l2tpv3", "nvgre", "ipip"])
def test_other_numbers_stay_out_of_the_key(tmp_path, name):
    """A PPTP key holds the payload's length, and NVGRE's the id of what it carries."""
    make = ALL[name]
    frames = [bytes(make(way, 5)) for way in (0, 1, 1)]
    frames.append(
        bytes(outer(0) / PPTP(call=5) / PPP() / inner(0) / b"longer") if name == "pptp" else frames[0]
    )
    flows = read_frames(tmp_path, frames, key_ids=True)
    assert [ways(flow) for flow in flows] == [(2, 2)] * 2


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_key_ids_is_a_switch(tmp_path, value):
    with pytest.raises(flowtable.FlowError, match="key_ids: takes True or False"):
        read_frames(tmp_path, [], key_ids=value)


# ---- which tunnels are looked at

HIDDEN = {
    "vxlan-gpe": ("VXLANGPE", NUMBERED["vxlan-gpe"]),
    "nvgre": ("NVGRE", NUMBERED["nvgre"]),
    "erspan": ("ERSPANII", NUMBERED["erspan"]),
    "l2tpv2": ("L2TPv2", EITHER["l2tpv2"]),
    "l2tpv3": ("L2TPv3", EITHER["l2tpv3"]),
    "teredo": ("Teredo", EITHER["teredo"]),
    "pseudowire": ("PWControlWord", EITHER["pseudowire"]),
    "wireguard": ("WireGuard", lambda way, _n: outer(way) / udp(way, WireGuard()) / b""),
}
REFERENCE = ("gre", "mpls", "vxlan", "geneve")


@pytest.mark.parametrize("name", HIDDEN)
def test_layers_that_the_reference_does_not_know_are_named_only_if_asked_for(tmp_path, name):
    layer, frame = HIDDEN[name]
    for tunnels, expected in ((REFERENCE, False), ((), False), ((name,), True), ((*REFERENCE, name), True)):
        (first, *others) = read_frames(tmp_path, [frame(0, 5)], tunnels=tunnels)
        assert (first.layers_path.split("/")[-1] == layer) is expected
        if expected and name != "wireguard":
            assert len(others) == 1


@pytest.mark.parametrize("name", ["ipip", "6in4", "4in6", "6in6", "gtpu", "etherip"])
def test_tunnels_of_known_layers_are_only_cut_if_asked_for(tmp_path, name):
    (uncut,) = read_frames(tmp_path, [EITHER[name](0, 5)], tunnels=REFERENCE)
    around, within = read_frames(tmp_path, [EITHER[name](0, 5)], tunnels=(name,))
    assert f"{around.layers_path}/{within.layers_path}" == uncut.layers_path
    assert uncut.network.a == around.network.a


@pytest.mark.parametrize(("name", "other"), [("6in4", "sit"), ("gtpu", "gtp")])
def test_some_tunnels_have_two_names(tmp_path, name, other):
    assert len(read_frames(tmp_path, [EITHER[name](0, 5)], tunnels=(other,))) == 2


def test_pppoe_is_cut_unless_told_otherwise(tmp_path):
    frames = [link(way) / PPPoE() / PPP() / inner(way) for way in (0, 1)]
    (flow,) = read_frames(tmp_path, frames, tunnels=("gre",))
    assert (flow.layers_path, flow.tunnel_id) == ("Ethernet/PPPoE/PPP/IPv4/TCP", None)
    around, within = read_frames(tmp_path, frames)
    assert (around.layers_path, within.layers_path) == ("Ethernet/PPPoE", "PPP/IPv4/TCP")
    assert (ways(around), ways(within)) == ((1, 1), (1, 1))


def test_sessions_of_pppoe_are_flows_of_their_own(tmp_path):
    """Both ways have one id, which is in the key; without the cut all are one flow, as in the reference."""
    frames = [link(way) / PPPoE(session=number) / PPP() / inner(way) for number in (1, 2) for way in (0, 1)]
    flows = read_frames(tmp_path, frames)
    assert [(flow.layers_path, ways(flow)) for flow in flows] == 2 * [
        ("Ethernet/PPPoE", (1, 1)),
        ("PPP/IPv4/TCP", (1, 1)),
    ]
    assert [flow.tunnel_id for flow in flows if not flow.parent] == [TunnelID(1, 1), TunnelID(2, 2)]
    assert len({flow.uuid for flow in flows}) == len({flow.tracking_id for flow in flows}) + 1 == 4
    assert len(read_frames(tmp_path, frames, tunnels=("gre",))) == 1


def test_the_outermost_label_of_mpls_is_kept_each_way(tmp_path):
    """Labels differ each way, so that they are in no key."""
    frames = [link(way) / MPLS(60 + way) / MPLS(9) / inner(way) for way in (0, 1)]
    around, _ = read_frames(tmp_path, frames)
    assert around.tunnel_id == TunnelID(60, 61)


def test_an_answer_to_a_port_that_is_wireguards_keeps_what_it_is(tmp_path):
    """Its port is one that clients get by chance; what is no such message only has no further name."""
    flows = read_frames(tmp_path, [outer(0) / UDP(443, 51820) / b"something else"])
    assert [flow.layers_path for flow in flows] == ["Ethernet/IPv4/UDP"]
    assert flows.account.decode_stops == {"malformed WireGuard": 1}


@pytest.mark.parametrize("port", [1701, 2152, 3544, 4790, 51820])
def test_a_clients_port_that_is_a_tunnels_by_chance_makes_no_tunnel(tmp_path, port):
    """An answer to it is told from a tunnel's header by all that the header has to be."""
    asked = [DNS(number, questions=(Question("www.example.com"),)) for number in range(0, 0x10000, 251)]
    frames = []
    for query in asked:
        answer = DNS(query.id, 0x8180, query.questions, (Record.address("www.example.com", "192.0.2.1"),))
        frames += [outer(0) / UDP(port, 53) / query, outer(1) / UDP(53, port) / answer]
    (flow,) = read_frames(tmp_path, frames)
    assert ways(flow) == (len(asked), len(asked))
    assert flow.tunnel_id is None
    assert flow.application == "DNS"


def test_bytes_of_an_inner_flow_are_what_its_tunnel_leaves(tmp_path):
    for name in ("gtpu", "ipip", "l2tpv3", "erspan", "nvgre", "pseudowire"):
        frame = bytes(ALL[name](0, 5))
        around, within = read_frames(tmp_path, [frame], layer_key="L3")
        expected = len(bytes(bridged(0))) if within.link else len(bytes(inner(0)))
        assert within.metric.ab_bytes == expected
        around, _ = read_frames(tmp_path, [frame])
        assert around.metric.ab_bytes == len(frame)
