"""Every protocol and rule of cases.py: as it is, cut short at every byte, and with bytes flipped."""

import pytest
from cases import CASES
from reading import makes_flow, read_frames, seeded

import flowtable
from flowtable import FlowError, PacketSequence
from flowtable.testing import Interface, write_pcapng
from flowtable.testing.captures import FrameSpec

NAMES = {case.name for case in CASES}

# What these cut off leaves another message of the same protocol, or one that is whole where the longer one
# was malformed: the number of bytes, and what then follows that the uncut frame does not have.
WHOLE_AGAIN = {
    ("mldv2_query", 86): "MLDv1MulticastListenerQuery",
    ("igmp_v3_too_many_sources", 42): "IGMP",
    ("cdp_tlv_of_3", 26): "CiscoDiscovery",
    ("cdp_tlv_beyond", 26): "CiscoDiscovery",
    ("dhcpv4_option_beyond", 282): "DHCPv4",
    ("dhcpv4_option_beyond", 285): "DHCPv4",
    ("dhcpv6_option_beyond", 66): "DHCPv6",
    ("dhcpv6_option_beyond", 80): "DHCPv6",
    ("dhcpv6_option_beyond", 86): "DHCPv6",
    ("cut_wireguard_data_of_17", 74): "WireGuard",
    ("cut_wireguard_too_long", 190): "WireGuard",
}


def packets_of(case, frame=None):
    return PacketSequence.from_frame(
        case.frame if frame is None else frame, link_type=case.link_type, tunnels=case.tunnels
    )


def parts_of(case):
    return tuple(packet.path for packet in packets_of(case))


def layers_of(case, size=None):
    return [str(layer.type) for packet in packets_of(case, case.frame[:size]) for layer in packet.layers]


def test_names_of_cases_are_unique():
    assert len(NAMES) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_frame_is_decoded_into_its_parts(case):
    assert parts_of(case) == case.parts


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reading_makes_a_flow_of_each_part_with_addresses(tmp_path, case):
    flows = read_frames(tmp_path, [case.frame], link_type=case.link_type, tunnels=case.tunnels)
    assert tuple(flow.layers_path for flow in flows) == tuple(filter(makes_flow, case.parts))
    for flow in flows:
        assert flow.application == flow.layers_path.rpartition("/")[2]
        assert (flow.metric.ab_packets, flow.metric.ba_packets) == (1, 0)
    assert flows.account.frames == 1
    assert flows.account.in_flows == bool(flows)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_layers_lie_one_behind_the_other(case):
    """Headers do not overlap, and a packet's bytes begin with its first header."""
    end = 0
    for packet in packets_of(case):
        assert packet.data == case.frame[packet.layers[0].offset :]
        for layer in packet.layers:
            assert layer.offset >= end
            end = layer.offset + len(layer.contents)
            assert layer.contents == case.frame[layer.offset : end]
    assert end <= len(case.frame)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_frame_cut_short_has_the_first_layers_of_the_whole(case):
    whole = layers_of(case)
    for size in range(len(case.frame)):
        layers = layers_of(case, size)
        extra = [name for at, name in enumerate(layers) if name not in whole[at : at + 1]]
        assert extra == [WHOLE_AGAIN[case.name, size]] if (case.name, size) in WHOLE_AGAIN else not extra


def test_exceptions_to_cutting_are_of_cases_that_exist():
    assert {name for name, _ in WHOLE_AGAIN} <= NAMES


def flipped(frame, random):
    data = bytearray(frame)
    for _ in range(random.randint(1, 4)):
        data[random.randrange(len(data))] = random.choice((0, 0xFF, random.randrange(256)))
    return bytes(data)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_flipped_bytes_stay_within_the_limits(case):
    random = seeded(case.name)
    for _ in range(60):
        packets = packets_of(case, flipped(case.frame, random))
        assert sum(makes_flow(packet.path) for packet in packets) <= 16
        assert sum(len(packet.layers) for packet in packets) <= 32


def test_whole_captures_of_damaged_frames_add_up(tmp_path):
    """Frames of all link types, cut and flipped, through the table at once, under both kinds of keys."""
    random = seeded(1)
    interfaces = tuple(Interface(link_type) for link_type in sorted({case.link_type for case in CASES}))
    number = {interface.link_type: at for at, interface in enumerate(interfaces)}
    frames = [
        FrameSpec(time, flipped(case.frame, random)[: random.randint(1, 400)], None, number[case.link_type])
        for time in range(20)
        for case in CASES
    ]
    path = tmp_path / "damaged.pcapng"
    write_pcapng(path, frames, interfaces=interfaces)
    for mode in ("L2", "L3"):
        flows = flowtable.read(path, layer_key=mode, key_ids=mode == "L3")
        assert flows.account.adds_up()
        assert flows.account.frames == len(frames)
        assert sum(flow.metric.ab_packets + flow.metric.ba_packets for flow in flows) > len(frames) // 2
        assert not any(flow.to_dict()["UUID"] == "" for flow in flows)


def test_no_frame_of_random_bytes_raises_anything_else():
    random = seeded(2)
    for _ in range(5000):
        link_type = random.randrange(0x10000) if random.random() < 0.1 else random.choice((0, 1, 9, 113, 127))
        try:
            PacketSequence.from_frame(random.randbytes(random.randrange(120)), link_type=link_type)
        except FlowError:
            pytest.fail("decoding keeps what it has; it does not raise")
