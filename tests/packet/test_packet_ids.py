"""Keys and ids against an oracle in plain Python, packet by packet and flow by flow."""

import pytest
from cases import CASES, DEFAULT, REFERENCE
from id_oracle import ends_of, keys, swapped, uuid, xxh64
from reading import makes_flow, read_frames, seeded

from flowtable import LayerNotFound, PacketSequence
from flowtable.testing import (
    ERSPAN2,
    GRE,
    MPLS,
    NVGRE,
    RUDP,
    SCTP,
    START,
    TCP,
    UDP,
    VXLAN,
    VXLANGPE,
    Dot1Q,
    Ethernet,
    Geneve,
    GTPv1U,
    ICMPv4,
    ICMPv6,
    ICMPv6Echo,
    IPv4,
    IPv6,
    SCTPData,
    UDPLite,
)

MODES = ["L2", "L3"]
NODE = "node-of-the-test"
CUTS = [REFERENCE, DEFAULT, ()]


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("", 0xEF46DB3751D8E999),
        ("a", 0xD24EC4F1A98C6E5B),
        ("abc", 0x44BC2CF5AD770999),
        ("Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_the_oracle_knows_xxhash(text, digest):
    assert xxh64(text.encode()) == digest


def agrees(folder, frame, mode, tunnels, **options):
    """Hold the packets of a frame and the flows that it makes against the oracle."""
    key_ids = options.get("key_ids", False)
    packets = PacketSequence.from_frame(frame, link_type=options.get("link_type", 1), tunnels=tunnels)
    flows = read_frames(folder, [(START, frame)], layer_key=mode, tunnels=tunnels, node_tid=NODE, **options)
    making = [packet for packet in packets if makes_flow(packet.path)]
    parent = ""
    for packet, flow in zip(making, flows, strict=True):
        expected = keys(ends_of(packet), mode, parent, key_ids=key_ids)
        assert tuple(packet.key(parent, mode, key_ids=key_ids)) == expected
        assert (flow.link.id if flow.link else 0) in (0, ends_of(packet).link_id)
        assert (flow.network.id if flow.network else 0) in (0, ends_of(packet).network_id)
        assert (flow.tracking_id, flow.l3_tracking_id) == (f"{expected[1]:x}", f"{expected[2]:x}")
        assert flow.uuid == uuid(expected[0], START // 1_000_000, NODE)
        assert flow.parent_uuid == parent
        parent = flow.uuid
    return making, flows


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_protocol_has_the_ids_of_the_rules(tmp_path, case):
    for mode in MODES:
        for tunnels in CUTS:
            agrees(tmp_path, case.frame, mode, tunnels, link_type=case.link_type)
        agrees(tmp_path, case.frame, mode, DEFAULT, link_type=case.link_type, key_ids=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_part_without_addresses_has_no_key(case):
    for packet in PacketSequence.from_frame(case.frame, link_type=case.link_type):
        if not makes_flow(packet.path):
            with pytest.raises(LayerNotFound, match="neither"):
                packet.key()


# Few values each, so that equal ends, and ends that differ late, come up often.
MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02", "fe:00:00:00:00:00"]
ADDRESSES4 = ["10.0.0.1", "10.0.0.2", "200.0.0.1"]
ADDRESSES6 = ["2001:db8::1", "2001:db8::2", "::ffff:10.0.0.1", "::"]
PORTS = [1, 2, 256, 65535]


MORE_TUNNELS = ("ipip", "gtpu", "erspan", "nvgre", "vxlan-gpe")
BRIDGED = ("vxlan", "geneve", "erspan", "nvgre")


class Ways:
    """A conversation of random protocols as both of its directions."""

    def __init__(self, random):
        self.random = random
        self.mac = random.choices(MACS, k=2)
        self.version = random.choice((4, 6))
        self.ip = random.choices(ADDRESSES4 if self.version == 4 else ADDRESSES6, k=2)
        self.port = random.choices(PORTS, k=2)
        self.tunnel = random.choice((None, "vxlan", "geneve", "gre", "mpls", "vlan", *MORE_TUNNELS))
        self.kind = random.choice(("tcp", "udp", "udplite", "sctp", "rudp", "icmp", "echo", "none"))
        self.number = random.choice((0, 1, 65535))

    def frames(self):
        return bytes(self.frame(0)), bytes(self.frame(1))

    def frame(self, way):
        inner = self.network(way) / self.transport(way)
        if self.tunnel is None:
            return self.link(way) / inner
        outer = self.link(way) / IPv4(*("10.9.0.1", "10.9.0.2")[:: 1 - 2 * way])
        around = {
            "vxlan": outer / UDP(40000 + way) / VXLAN(self.number),
            "geneve": outer / UDP(40000 + way) / Geneve(self.number),
            "gre": outer / GRE(key=self.number),
            "mpls": self.link(way) / MPLS(self.number),
            "vlan": self.link(way) / Dot1Q(self.number & 0xFFF),
            "ipip": outer,
            "gtpu": outer / UDP(2152) / GTPv1U(way + 1),
            "erspan": outer / GRE(sequence=way) / ERSPAN2(self.number & 0x3FF),
            "nvgre": outer / NVGRE(vsid=0x1000 | self.number),
            "vxlan-gpe": outer / UDP(40000 + way) / VXLANGPE(self.number),
        }[self.tunnel]
        return around / (self.link(way) / inner if self.tunnel in BRIDGED else inner)

    def link(self, way):
        return Ethernet(*self.mac[:: 1 - 2 * way])

    def network(self, way):
        return (IPv4 if self.version == 4 else IPv6)(*self.ip[:: 1 - 2 * way])

    def transport(self, way):
        ports = self.port[:: 1 - 2 * way]
        if self.kind == "sctp":
            return SCTP(*ports) / SCTPData(b"data")
        if self.kind == "rudp":
            return RUDP(*(port & 0xFF for port in ports))
        if self.kind in ("icmp", "echo"):
            return self.icmp(way)
        return {"tcp": TCP(*ports), "udp": UDP(*ports), "udplite": UDPLite(*ports), "none": b"data"}[
            self.kind
        ]

    def icmp(self, way):
        if self.version == 4:
            echo = ICMPv4((8, 0)[way], id=self.number)
            return ICMPv4(3, self.number & 0xFF) if self.kind == "icmp" else echo
        if self.kind == "icmp":
            return ICMPv6(1, self.number & 0xFF) / bytes(4)
        return ICMPv6((128, 129)[way]) / ICMPv6Echo(self.number, 1)


@pytest.mark.parametrize("seed", range(250))
def test_random_conversations_have_the_ids_of_the_rules(tmp_path, seed):
    random = seeded(seed)
    for mode in MODES:
        there, back = Ways(random).frames()
        key_ids = seed % 2 == 1
        packets, flows = agrees(tmp_path, there, mode, DEFAULT, key_ids=key_ids)
        agrees(tmp_path, back, mode, DEFAULT, key_ids=key_ids)
        both = read_frames(tmp_path, [there, back], layer_key=mode, node_tid=NODE, key_ids=key_ids)
        assert [flow.uuid for flow in both] == [flow.uuid for flow in flows]
        for packet, flow in zip(packets, both, strict=True):
            assert_counts_both_ways(flow, ends_of(packet), mode)


def assert_counts_both_ways(flow, ends, mode):
    """With equal ends all packets go from A to B; L3 keys count nothing where there is no IP."""
    others = ends.link, ends.network and ends.network[1:], ends.transport and ends.transport[1:]
    link, network, transport = [pair and pair[::-1] for pair in others]
    back = type(ends)(
        link,
        network and (ends.network[0], *network),
        transport and (ends.transport[0], *transport),
        ends.icmp,
        ends.vni,
    )
    counts = flow.metric.ab_packets, flow.metric.ba_packets
    if mode == "L3" and ends.network is None:
        assert counts == (0, 0)
    else:
        assert counts == ((1, 1) if swapped(ends, mode) != swapped(back, mode) else (2, 0))


def test_the_nodes_id_counts_in_full(tmp_path):
    frame = bytes(Ethernet() / IPv4() / TCP(1, 2))
    key, _, _ = keys(ends_of(PacketSequence.from_frame(frame)[0]), "L2")
    for node in ("", "ü", "n" * 247, "n" * 248, "n" * 249, "n" * 5000):
        (flow,) = read_frames(tmp_path, [(START, frame)], node_tid=node)
        assert flow.uuid == uuid(key, START // 1_000_000, node)
