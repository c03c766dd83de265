"""Packets for people: layers by kind, ends, keys, and what is said when there are none."""

import pytest

from flowtable import (
    BPF,
    FlowProtocolError,
    LayerKeyMode,
    LayerNotFound,
    LayerType,
    OptionError,
    PacketSequence,
    default_layer_key_mode_name,
    first_layer_type,
    layers_path,
)
from flowtable.capture import LinkType
from flowtable.errors import CaptureWarning
from flowtable.packet import Layer
from flowtable.testing import (
    ARP,
    GRE,
    MPLS,
    NVGRE,
    TCP,
    UDP,
    VXLAN,
    VXLANGPE,
    Dot1Q,
    Ethernet,
    Geneve,
    ICMPv4,
    IPv4,
    IPv6,
    LinuxCooked,
)

SYN = bytes(Ethernet() / IPv4("192.0.2.1", "192.0.2.2") / TCP(50000, 80, "S"))
TUNNEL = bytes(
    Ethernet() / IPv4() / UDP(1000) / VXLAN(5) / Ethernet() / IPv6("2001:db8::1", "2001:db8::2") / TCP(1, 2)
)


def only(frame, **options):
    (packet,) = PacketSequence.from_frame(frame, **options)
    return packet


@pytest.mark.parametrize(
    ("encapsulation", "expected"),
    [
        ("ether", (LayerType.ETHERNET, LinkType.ETHERNET)),
        ("none", (LayerType.RAW_IP, LinkType.RAW)),
        ("gre", (LayerType.RAW_IP, LinkType.RAW)),
        ("sit", (LayerType.IPV4, LinkType.IPV4)),
        ("ipip", (LayerType.IPV4, LinkType.IPV4)),
        ("tunnel6", (LayerType.IPV6, LinkType.IPV6)),
        ("gre6", (LayerType.IPV6, LinkType.IPV6)),
    ],
)
def test_first_layers_of_encapsulations(encapsulation, expected):
    assert first_layer_type(encapsulation) == expected


def test_an_unknown_encapsulation_is_taken_for_ethernet_and_says_so():
    with pytest.warns(CaptureWarning, match="'infiniband' is not known"):
        assert first_layer_type("infiniband") == (LayerType.ETHERNET, LinkType.ETHERNET)


def test_raw_ip_link_and_layer_belong_together():
    layer, link_type = first_layer_type("none")
    assert (int(layer), int(link_type)) == (55555, 101)
    assert only(SYN[14:], link_type=link_type).path == "IPv4/TCP"


def test_key_modes():
    assert (LayerKeyMode.L2, LayerKeyMode.L3) == (0, 1)
    assert [str(mode) for mode in LayerKeyMode] == ["L2", "L3"]
    assert default_layer_key_mode_name() == "L2"
    assert LayerKeyMode.by_name("L3") is LayerKeyMode.L3
    assert LayerKeyMode.by_name(LayerKeyMode.L2) is LayerKeyMode.L2
    for wrong in ("l2", "L4", "", "by_name", None, 1, []):
        with pytest.raises(OptionError, match="there are L2 and L3"):
            LayerKeyMode.by_name(wrong)


def test_a_path_leaves_out_cooked_headers():
    layers = [
        Layer(kind, b"", 0) for kind in (LayerType.LINUX_SLL, LayerType.IPV4, LayerType.UDP, LayerType.DNS)
    ]
    assert layers_path(layers) == ("IPv4/UDP/DNS", "DNS")
    assert layers_path(layers[:1]) == ("", "")
    assert layers_path([]) == ("", "")


def test_layers_by_kind():
    packet = only(SYN)
    assert packet.link_layer().contents == SYN[:14]
    assert packet.network_layer().contents == SYN[14:34]
    assert packet.transport_layer() == packet.layer(LayerType.TCP) == packet.layers[-1]
    assert packet.transport_layer().offset == 34
    assert (packet.length, packet.data, packet.ip_metric) == (len(SYN), SYN, None)


def test_layers_that_are_not_there():
    packet = only(bytes(LinuxCooked() / ARP()), link_type=113)
    for ask in (
        packet.link_layer,
        packet.network_layer,
        packet.transport_layer,
        packet.transport_flow,
        packet.application_flow,
        packet.key,
        lambda: packet.layer(LayerType.GRE),
    ):
        with pytest.raises(LayerNotFound, match="has n"):
            ask()


def test_the_outermost_layer_of_a_kind_counts():
    packet = only(bytes(IPv4("10.0.0.1", "10.0.0.2") / IPv6() / TCP(1, 2)), link_type=101, tunnels=())
    assert packet.network_layer().type is LayerType.IPV4
    twice = only(TUNNEL, tunnels=())
    assert twice.link_layer().offset == 0
    assert twice.transport_layer().type is LayerType.UDP


def test_ports_and_what_stands_for_them():
    assert only(SYN).transport_flow() == (4, (50000).to_bytes(2), (80).to_bytes(2))
    outer, inner = PacketSequence.from_frame(TUNNEL)
    assert outer.transport_flow() == (0, (5).to_bytes(4), (4789).to_bytes(2))
    assert inner.transport_flow() == (4, b"\0\1", b"\0\2")
    geneve = only(bytes(Ethernet() / IPv6() / UDP(7) / Geneve(0xABCDEF)))
    assert geneve.transport_flow() == (0, b"\0\xab\xcd\xef", (6081).to_bytes(2))
    gpe = only(bytes(Ethernet() / IPv6() / UDP(7) / VXLANGPE(0xABCDEF, 1)))
    assert gpe.transport_flow() == (0, b"\0\xab\xcd\xef", (4790).to_bytes(2))
    with pytest.raises(LayerNotFound, match="transport"):
        only(bytes(Ethernet() / IPv6() / NVGRE(protocol=0x6558))).transport_flow()


def test_ids_may_be_part_of_a_packets_keys():
    frame = bytes(Ethernet() / Dot1Q(5) / IPv4() / GRE(key=7))
    plain, with_ids = only(frame).key(), only(frame).key(key_ids=True)
    assert [a == b for a, b in zip(plain, with_ids, strict=True)] == [False, False, False]
    assert only(frame).key("", "L3", key_ids=True).l3 == with_ids.l3
    untagged = only(bytes(Ethernet() / IPv4() / GRE(key=7)))
    assert untagged.key(key_ids=True).l3 == with_ids.l3
    assert untagged.key(key_ids=True).l2 != with_ids.l2


def test_icmp_is_told_apart_by_type_code_and_id():
    packet = only(bytes(Ethernet() / IPv4() / ICMPv4(8, 0, 0x1234)))
    assert packet.application_flow() == (0, b"\x02\0\x12\x34", b"")
    with pytest.raises(LayerNotFound, match="transport"):
        packet.transport_flow()


def test_keys_take_a_parent_and_a_mode():
    packet = only(SYN)
    alone = packet.key()
    assert packet.key("", "L2") == packet.key(layer_key=LayerKeyMode.L2) == alone
    assert packet.key("abc").key != alone.key
    assert packet.key("abc")[1:] == alone[1:]
    assert packet.key(layer_key="L3").l2 == alone.l3
    for wrong in ("xyz", "0" * 8 + "g", "1" * 17, "-1"):
        with pytest.raises(FlowProtocolError, match="no flow's UUID"):
            packet.key(wrong)
    with pytest.raises(OptionError, match="layer_key"):
        packet.key(layer_key="L4")


def test_a_sequence_is_one_of_packets():
    packets = PacketSequence.from_frame(TUNNEL)
    assert len(packets) == 2
    assert packets[-1] is packets[1]
    assert packets[:1] == (packets[0],)
    assert list(packets) == list(packets.packets)
    assert "Ethernet/IPv4/UDP/VXLAN" in repr(packets)
    assert len(PacketSequence.from_frame(b"")) == 0
    assert len(PacketSequence.from_frame(SYN, link_type=60000)) == 0


def test_lengths_of_parts():
    outer, inner = PacketSequence.from_frame(TUNNEL, length=1500)
    assert (outer.length, inner.length) == (1500, 1500 - 14 - 20 - 8 - 8)
    outer, inner = PacketSequence.from_frame(TUNNEL, outer_length=900)
    assert (outer.length, inner.length) == (900, 850)
    assert PacketSequence.from_frame(TUNNEL, length=10)[1].length == 0


def test_only_frames_that_match_have_packets():
    assert len(PacketSequence.from_frame(SYN, bpf=BPF(1, 65535, "tcp port 80"))) == 1
    assert len(PacketSequence.from_frame(SYN, bpf=BPF(1, 65535, "udp"))) == 0
    assert len(PacketSequence.from_frame(SYN, length=9000, bpf=BPF(1, 65535, "greater 8000"))) == 1


def test_cuts_are_as_asked():
    frame = bytes(Ethernet() / IPv4() / GRE() / MPLS() / IPv4() / TCP(1, 2))
    paths = {
        ("gre", "mpls"): ["Ethernet/IPv4/GRE/MPLS", "IPv4/TCP"],
        ("gre",): ["Ethernet/IPv4/GRE/MPLS", "IPv4/TCP"],
        ("mpls",): ["Ethernet/IPv4/GRE/MPLS", "IPv4/TCP"],
        (): ["Ethernet/IPv4/GRE/MPLS/IPv4/TCP"],
    }
    for tunnels, expected in paths.items():
        assert [packet.path for packet in PacketSequence.from_frame(frame, tunnels=tunnels)] == expected


@pytest.mark.parametrize(
    "options",
    [
        {"link_type": -1},
        {"link_type": 0x10000},
        {"length": -1},
        {"length": 1 << 31},
        {"outer_length": -1},
        {"outer_length": 1 << 31},
        {"tunnels": ("teleporter",)},
        {"tunnels": "gre"},
    ],
    ids=str,
)
def test_wrong_values_are_refused(options):
    with pytest.raises(OptionError):
        PacketSequence.from_frame(SYN, **options)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_are_a_frame(kind):
    assert only(kind(SYN)).path == "Ethernet/IPv4/TCP"
