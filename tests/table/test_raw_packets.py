"""The packets that flows keep: which ones, where they begin, and how much memory they may take."""

import io
import json
import subprocess
import sys

import pyarrow as pa
import pytest
from cases import CASES
from pieces import cut, nest
from reading import makes_flow, read_frames, seeded

import flowtable
from flowtable import Limits, OptionError, RawPackets
from flowtable.capture import LinkType, open_capture
from flowtable.testing import (
    ARP,
    GRE,
    MPLS,
    PPP,
    START,
    TCP,
    UDP,
    VXLAN,
    Dot1Q,
    Ethernet,
    FrameSpec,
    Interface,
    IPv4,
    IPv6,
    Packet,
    demo_capture,
    write_pcap,
    write_pcapng,
)

OUTER = Ethernet() / IPv4("192.0.2.1", "192.0.2.2")
INNER = IPv4("10.0.0.1", "10.0.0.2") / UDP(1, 2) / b"payload"
ENTRY = 40  # bytes that a packet takes beside its own


def frame(port, size=10):
    """A frame of 54 bytes, and a trailer of any size."""
    return bytes(Ethernet() / IPv4() / TCP(port, 80)) + bytes(size)


def kept(flow):
    return [(p.timestamp, p.index, p.data, p.link_type, p.length) for p in flow.raw_packets]


# ---- which ones


@pytest.mark.parametrize("number", [0, 1, 2, 3, 7, 65535])
def test_the_first_so_many_packets_of_each_flow_are_kept(tmp_path, number):
    frames = [frame(port, at) for at in range(3) for port in (1, 2)] + [frame(1, 99), frame(3)]
    flows = read_frames(tmp_path, frames, raw_packets=number)
    for flow, port in zip(flows, (1, 2, 3), strict=True):
        own = [(START + at * 1_000_000, f) for at, f in enumerate(frames) if f[34:36] == bytes([0, port])]
        expected = [(time, at, f, 1, len(f)) for at, (time, f) in enumerate(own[:number], start=1)]
        assert kept(flow) == expected
        assert flow.raw_packets_captured == len(expected)
        assert flow.raw_packets.link_type == (1 if expected else None)
        assert isinstance(flow.raw_packets, RawPackets)
    assert flows.account.lost == {}


def test_both_ways_are_kept(tmp_path):
    answer = bytes(
        Ethernet("02:00:00:00:00:02", "02:00:00:00:00:01") / IPv4("192.0.2.2", "192.0.2.1") / TCP(80, 1)
    )
    there = bytes(
        Ethernet("02:00:00:00:00:01", "02:00:00:00:00:02") / IPv4("192.0.2.1", "192.0.2.2") / TCP(1, 80)
    )
    (flow,) = read_frames(tmp_path, [there, answer, there, answer], raw_packets=3)
    assert [p.data for p in flow.raw_packets] == [there, answer, there]
    assert [p.index for p in flow.raw_packets] == [1, 2, 3]


def test_without_the_option_nothing_is_kept(tmp_path):
    (flow,) = read_frames(tmp_path, [frame(1)])
    assert flow.raw_packets == ()
    assert flow.last_raw_packets is flow.get("LastRawPackets") is None
    assert flow.raw_packets_captured == 0
    assert "LastRawPackets" not in flow.to_dict()


@pytest.mark.parametrize("times", [[0], [5, 3, 9], [(1 << 32) * 10**9 - 1, 1]])
def test_times_are_exact_and_packets_stay_in_the_order_of_the_capture(tmp_path, times):
    (flow,) = read_frames(tmp_path, [(time, frame(1)) for time in times], raw_packets=9)
    assert [p.timestamp for p in flow.raw_packets] == times


def test_what_was_cut_is_kept_as_it_was_captured_with_its_length(tmp_path):
    path = tmp_path / "a.pcap"
    whole = bytes(OUTER / GRE() / INNER)
    write_pcap(path, [FrameSpec(START, whole[:70], 1500)])
    outer, inner = flowtable.read(path, raw_packets=1)
    assert kept(outer) == [(START, 1, whole[:70], 1, 1500)]
    assert kept(inner) == [(START, 1, whole[38:70], 101, 1500 - 38)]


def test_a_length_on_the_wire_that_cannot_be_stays(tmp_path):
    path = tmp_path / "a.pcap"
    write_pcap(path, [FrameSpec(START, frame(1), 5)])
    (flow,) = flowtable.read(path, raw_packets=1)
    assert flow.raw_packets[0].length == 5


def test_a_flow_that_counts_nothing_keeps_its_packets_all_the_same(tmp_path):
    """In L3 mode a flow without addresses counts no packets."""
    arp = bytes(Ethernet() / ARP())
    (flow,) = read_frames(tmp_path, [arp] * 5, layer_key="L3", raw_packets=3)
    assert flow.metric.ab_packets == 0
    assert [p.index for p in flow.raw_packets] == [1, 2, 3]


def test_interfaces_of_one_flow_may_have_several_link_types(tmp_path):
    path = tmp_path / "a.pcapng"
    over_ip = IPv4() / TCP(1, 2)
    frames = [
        FrameSpec(START, bytes(Ethernet() / over_ip), None, 0),
        FrameSpec(START, bytes(over_ip), None, 1),
    ]
    write_pcapng(path, frames, interfaces=(Interface(1), Interface(101)))
    (flow,) = flowtable.read(path, layer_key="L3", raw_packets=5)
    assert [(p.link_type, p.data) for p in flow.raw_packets] == [(1, frames[0].data), (101, frames[1].data)]
    assert flow.raw_packets.link_type is None


# ---- where they begin


@pytest.mark.parametrize(
    ("outer", "inner", "link_type"),
    [
        (OUTER / UDP(1) / VXLAN(5), Ethernet() / INNER, LinkType.ETHERNET),
        (OUTER / GRE(), INNER, LinkType.RAW),
        (OUTER / GRE(), IPv6() / UDP(1, 2), LinkType.RAW),
        (OUTER / GRE(), PPP() / INNER, LinkType.PPP),
        (Ethernet() / MPLS(5), INNER, LinkType.RAW),
        (OUTER / GRE() / MPLS(5), INNER, LinkType.RAW),
        (OUTER / GRE(), Ethernet() / Dot1Q(3) / INNER, LinkType.ETHERNET),
    ],
)
def test_a_packet_inside_a_tunnel_begins_with_its_own_first_layer(tmp_path, outer, inner, link_type):
    whole, alone = bytes(outer / inner), bytes(inner)
    flows = read_frames(tmp_path, [whole + b"trailer"], raw_packets=1)
    assert [(p.data, p.link_type) for p in flows[0].raw_packets] == [(whole + b"trailer", 1)]
    assert [(p.data, p.link_type) for p in flows[1].raw_packets] == [(alone + b"trailer", link_type)]


def test_a_vlan_without_ethernet_is_left_out(tmp_path):
    """There is no link type that begins with it."""
    flows = read_frames(tmp_path, [OUTER / GRE() / Dot1Q(3) / INNER], raw_packets=1)
    assert [p.link_type for p in flows[1].raw_packets] == [101]
    assert flows[1].raw_packets[0].data == bytes(INNER)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_packet_alone_is_what_its_flow_had(tmp_path, case):
    """The packet of a part, read by its link type, gives a flow with the same path and the same children."""
    flows = read_frames(tmp_path, [case.frame], link_type=case.link_type, raw_packets=1)
    for at, flow in enumerate(flows):
        (packet,) = flow.raw_packets
        alone = read_frames(tmp_path, [packet.data], link_type=packet.link_type)
        assert [f.layers_path for f in alone[1:]] == [f.layers_path for f in flows[at + 1 :]]
        left_out = flow.layers_path.removesuffix(alone[0].layers_path)
        assert left_out.strip("/") in ("", "Dot1Q", "NSH")  # there is no link type that begins with them
        assert alone[0].metric.ab_packets == 1
    if makes_flow(case.parts[0]):
        assert flows[0].raw_packets[0].data == case.frame
        assert flows[0].raw_packets[0].link_type == case.link_type


# ---- fragments that were put together


def pieces(carried, **how):
    """Give the fragments of a datagram that ends with a packet of its own."""
    return cut(bytes(UDP(50000, checksum=0) / VXLAN(7) / carried), 24, **how)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("back", [False, True])
def test_what_is_inside_a_datagram_is_kept_whole_and_the_datagram_as_its_last_piece(tmp_path, version, back):
    inner = Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(1, 2) / b"payload"
    frames = pieces(inner, version=version)[:: -1 if back else 1]
    outer, inside = read_frames(tmp_path, frames * 2, defrag=True, raw_packets=5)
    assert [(p.data, p.link_type, p.length) for p in inside.raw_packets] == [
        (bytes(inner), 1, len(bytes(inner)))
    ] * 2
    assert [(p.data, p.link_type, p.length) for p in outer.raw_packets] == [
        (frames[-1], 1, len(frames[-1]))
    ] * 2


def test_a_datagram_inside_a_tunnel_is_kept_as_its_last_piece_too(tmp_path):
    carried = Ethernet() / INNER
    around = OUTER / UDP(1) / VXLAN(5) / Ethernet()
    frames = pieces(carried, outer=around)
    outermost, middle, inside = read_frames(tmp_path, frames, defrag=True, raw_packets=9)
    assert [p.data for p in outermost.raw_packets] == frames
    assert [p.data for p in middle.raw_packets] == [frames[-1][len(bytes(OUTER / UDP(1) / VXLAN(5))) :]]
    assert [p.data for p in inside.raw_packets] == [bytes(carried)]


def test_pieces_inside_of_pieces_are_kept_each_as_it_was_decoded(tmp_path):
    carried = bytes(UDP(50000, checksum=0) / VXLAN(7) / Ethernet() / INNER)
    within = cut(carried, 64, outer=Packet(), number=5)
    frames = [frame for i, part in enumerate(within) for frame in cut(part, 32, number=i, protocol=4)]
    flows = read_frames(tmp_path, frames, defrag=True, raw_packets=9)
    assert [flow.raw_packets_captured for flow in flows] == [2, 1, 1]
    ends = [
        at for at, frame in enumerate(frames) if frame[20] & 0x20 == 0
    ]  # without the flag for more to come
    assert [p.data for p in flows[0].raw_packets] == [frames[at] for at in ends]
    assert [p.data for p in flows[1].raw_packets] == [within[-1]]
    assert [p.data for p in flows[2].raw_packets] == [bytes(Ethernet() / INNER)]


def test_one_part_may_be_put_together_twice(tmp_path):
    """Without tunnels, datagrams in datagrams are one part: it is kept as the frame that completed it."""
    frames = nest(3)
    (flow,) = read_frames(tmp_path, frames, defrag=True, tunnels=(), raw_packets=9)
    assert [p.data for p in flow.raw_packets] == [frames[-1]]


def test_bytes_that_are_missing_in_a_datagram_are_missing_in_what_is_inside(tmp_path):
    inner = Ethernet() / INNER / bytes(40)
    frames = pieces(inner)
    path = tmp_path / "cut.pcap"
    write_pcap(path, [*frames[:-1], FrameSpec(START + 1_000_000_000, frames[-1][:-3], len(frames[-1]))])
    flows = flowtable.read(path, defrag=True, raw_packets=1)
    for flow in flows[1:]:
        assert [(p.data, p.length) for p in flow.raw_packets] == [(bytes(inner)[:-3], len(bytes(inner)))]


# ---- every view


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "demo.pcapng"
    path.write_bytes(demo_capture())
    return path


def test_whole_frames_are_those_of_the_capture(demo):
    flows = flowtable.read(demo, raw_packets=65535)
    outermost = [packet for flow in flows if flow.parent is None for packet in flow.raw_packets]
    outermost.sort(key=lambda packet: packet.timestamp)
    assert [(p.timestamp, p.data, p.length, p.link_type) for p in outermost] == [
        frame[:4] for frame in open_capture(demo)
    ]


def test_dictionaries_lines_and_columns_agree(demo):
    flows = flowtable.read(demo, raw_packets=4)
    out = io.BytesIO()
    flows.write_json(out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert lines == [flow.to_dict() for flow in flows]
    assert [line["LastRawPackets"] for line in lines] == [
        [packet.to_dict() for packet in flow.raw_packets] for flow in flows
    ]
    assert {len(line["LastRawPackets"]) for line in lines} >= {1, 2, 4}
    column = flows.to_arrow()["last_raw_packets"]
    assert [row and [p["data"] for p in row] for row in column.to_pylist()] == [
        [packet.data for packet in flow.raw_packets] for flow in flows
    ]
    assert flows[::-1].to_arrow()["last_raw_packets"].to_pylist() == column.to_pylist()[::-1]


def test_columns_are_the_same_with_and_without(demo):
    assert flowtable.read(demo).to_arrow().schema == flowtable.read(demo, raw_packets=1).to_arrow().schema


@pytest.mark.parametrize("batch_bytes", [1, 5000, 1 << 28])
def test_batches_of_many_bytes_are_cut(demo, monkeypatch, batch_bytes):
    monkeypatch.setattr("flowtable.flow.columns.TEXT_BYTES", batch_bytes)
    flows = flowtable.read(demo, raw_packets=4)
    batches = flows.to_arrow().to_batches()
    assert (len(batches) == 1) == (batch_bytes > 5000)
    rows = [row for batch in batches for row in batch.column("last_raw_packets").to_pylist()]
    assert [[p["index"] for p in row] for row in rows] == [[p.index for p in f.raw_packets] for f in flows]


@pytest.mark.parametrize("piece", [1, 10_000, 1 << 20])
def test_lines_of_any_length_are_whole(tmp_path, monkeypatch, piece):
    monkeypatch.setattr("flowtable.export.json.CHUNK_BYTES", piece)
    sizes = (0, 1, 2, 3, 1400, 200_000)
    frames = [frame(port, size) for port, size in enumerate(sizes, start=1) for _ in range(3)]
    flows = read_frames(tmp_path, frames, raw_packets=2)
    out = io.BytesIO()
    flows.write_json(out)
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [flow.to_dict() for flow in flows]


def test_data_frames_and_sql_have_the_bytes(demo):
    import duckdb

    flows = flowtable.read(demo, raw_packets=2)
    first = flows[0].raw_packets[0]
    assert flows.to_polars()["last_raw_packets"][0][0]["data"] == first.data
    assert flows.to_pandas()["last_raw_packets"][0][0]["index"] == 1
    packets = "(SELECT unnest(last_raw_packets) AS p FROM flows)"
    found = duckdb.sql(f"SELECT octet_length(p.data), p.link_type FROM {packets} LIMIT 1")  # noqa: S608 - ours
    assert found.fetchall() == [(len(first.data), 1)]


def test_random_captures_keep_what_a_list_keeps(tmp_path):
    chance = seeded(36)
    frames = [frame(chance.randrange(1, 9), chance.randrange(1500)) for _ in range(500)]
    flows = read_frames(tmp_path, frames, raw_packets=17)
    expected = {}
    for f in frames:
        expected.setdefault(f[34:36], []).append(f)
    assert [[p.data for p in flow.raw_packets] for flow in flows] == [own[:17] for own in expected.values()]
    assert [flow.raw_packets_captured for flow in flows] == [min(17, len(own)) for own in expected.values()]


# ---- limits


def room(size):
    return (ENTRY + size + 7) // 8 * 8


@pytest.mark.parametrize("packets", [0, 1, 5])
def test_what_is_over_the_limit_is_not_kept_and_counted(tmp_path, packets):
    frames = [frame(port) for port in range(1, 10)]
    limits = Limits(raw_packet_bytes=packets * room(len(frames[0])))
    flows = read_frames(tmp_path, frames, raw_packets=3, limits=limits)
    assert [flow.raw_packets_captured for flow in flows] == [1] * packets + [0] * (9 - packets)
    assert flows.account.lost == {"raw packets that were not kept": 9 - packets}
    assert [flow.last_raw_packets is None for flow in flows] == [False] * packets + [True] * (9 - packets)
    out = io.BytesIO()
    flows.write_json(out)
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [flow.to_dict() for flow in flows]
    assert flows.to_arrow()["last_raw_packets"].null_count == 9 - packets


def test_a_packet_that_was_not_kept_is_not_replaced_but_a_smaller_one_may_fit(tmp_path):
    frames = [frame(1, 10), frame(1, 1000), frame(1, 10), frame(1, 10)]
    limits = Limits(raw_packet_bytes=2 * room(len(frames[0])))
    flows = read_frames(tmp_path, frames, raw_packets=3, limits=limits)
    assert [p.index for p in flows[0].raw_packets] == [1, 3]
    assert flows[0].raw_packets_captured == 2
    assert flows.account.lost == {"raw packets that were not kept": 1}


def test_any_number_of_63_bits_is_a_limit(tmp_path):
    assert (
        len(
            read_frames(tmp_path, [frame(1)], raw_packets=1, limits=Limits(raw_packet_bytes=2**63 - 1))[
                0
            ].raw_packets
        )
        == 1
    )
    with pytest.raises(OptionError, match="raw_packet_bytes"):
        Limits(raw_packet_bytes=-1)


def test_the_longest_packets_fill_pieces_of_memory_one_behind_the_other(tmp_path):
    path = tmp_path / "long.pcap"
    frames = [
        frame(port, size) for port, size in enumerate([200_000] * 12 + [10] * 50 + [262_000] * 5, start=1)
    ]
    write_pcap(path, frames)
    flows = flowtable.read(path, raw_packets=1)
    assert [flow.raw_packets[0].data for flow in flows] == frames


MEMORY = """
import re, sys
import flowtable
def peak(): return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) << 10
flowtable.read(sys.argv[1])
flowtable.read(sys.argv[1], raw_packets=1)
before = peak()
flows = flowtable.read(
    sys.argv[1], raw_packets=65535, limits=flowtable.Limits(raw_packet_bytes=int(sys.argv[2]))
)
print(peak() - before, sum(len(p.data) for f in flows for p in f.raw_packets), flows.account.lost)
"""


@pytest.mark.parametrize("limit", [1 << 20, 32 << 20])
def test_memory_stays_under_the_limit(tmp_path, limit):
    """A capture with 72 MB in packets, of which a limit lets through what it says."""
    path = tmp_path / "much.pcap"
    write_pcap(path, [frame(port, 1400) for port in (1, 2)] * 25_000)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path), str(limit)], capture_output=True, check=True, text=True
    )
    grown, payload, lost = done.stdout.split(maxsplit=2)
    assert 0.9 * limit < int(payload) <= limit
    assert int(grown) < limit + int(payload) // 8 + (6 << 20)
    assert int(lost.rpartition(" ")[2].strip("}\n")) == 50_000 - int(payload) // 1454


def test_packets_outlive_the_capture_and_the_set(tmp_path):
    packets = read_frames(tmp_path, [frame(1)], raw_packets=1)[0].raw_packets
    (tmp_path / "frames.pcap").unlink()
    assert packets[0].data == frame(1)


def test_the_column_is_of_lists_of_structs(tmp_path):
    column = read_frames(tmp_path, [frame(1)], raw_packets=1).to_arrow()["last_raw_packets"]
    assert pa.types.is_list(column.type)
    assert [field.name for field in column.type.value_type] == [
        "timestamp", "index", "data", "link_type", "length",
    ]  # fmt: skip
