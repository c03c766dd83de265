"""Many flows: the index grows through several sizes, and nothing is lost or doubled."""

import struct

import pytest
from reading import read_frames, seeded

from flowtable.testing import START, TCP, UDP, VXLAN, Ethernet, IPv4

FLOWS = 100_000
SOURCE, PORTS = slice(26, 30), slice(34, 36)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Give flows of 100,000 clients, each one seen three times, the third time as a rush of all."""
    frame = bytearray(bytes(Ethernet() / IPv4() / TCP(1, 80)))
    frames, random = [], seeded(1)
    for client in range(FLOWS):
        frame[SOURCE] = struct.pack("!I", client)
        frames.append(bytes(frame))
    again = random.sample(range(FLOWS), FLOWS)
    early = [frames[random.randrange(at + 1)] for at in range(FLOWS)]
    timed = [timed for pair in zip(frames, early, strict=True) for timed in pair]
    rush = [frames[at] for at in again]
    return read_frames(tmp_path_factory.mktemp("many"), [(START, frame) for frame in timed + rush])


def test_every_flow_is_there_once_in_the_order_of_its_beginning(many):
    assert len(many) == FLOWS == many.account.flows
    table = many.to_arrow()
    addresses = [f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in range(FLOWS)]
    assert table["network_a"].to_pylist() == addresses
    assert len(set(table["uuid"].to_pylist())) == FLOWS


def test_every_packet_is_counted_once(many):
    table = many.to_arrow()
    packets = table["metric_ab_packets"].to_pylist()
    assert sum(packets) == many.account.in_flows == 3 * FLOWS
    assert min(packets) == 2
    assert set(table["metric_ba_packets"].to_pylist()) == {0}


def test_children_grow_with_their_parents(tmp_path):
    frame = bytearray(bytes(Ethernet() / IPv4() / UDP() / VXLAN(1) / Ethernet() / IPv4() / TCP(1, 2)))
    vni, inner, count = slice(46, 49), slice(76, 80), 20_000
    frames = []
    for number in range(count):
        frame[vni] = struct.pack("!I", number % 5000)[1:]
        frame[inner] = struct.pack("!I", number)
        frames.append(bytes(frame))
    flows = read_frames(tmp_path, frames)
    assert len(flows) == count + 5000
    table = flows.to_arrow()
    parents = dict(zip(table["uuid"].to_pylist(), table["network_id"].to_pylist(), strict=True))
    inside = [row for row in table.select(["parent_uuid", "network_a"]).to_pylist() if row["parent_uuid"]]
    for number, row in enumerate(inside):
        assert parents[row["parent_uuid"]] == number % 5000
    assert len(inside) == count
