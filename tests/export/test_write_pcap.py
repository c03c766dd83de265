"""From flows back to their packets: a capture of what flows kept gives the same flows again."""

import io
import os

import cypcap
import pytest
from cases import CASES
from reading import makes_flow, read_frames, seeded

import flowtable
from flowtable import OptionError
from flowtable.capture import open_capture
from flowtable.testing import (
    GRE,
    START,
    TCP,
    UDP,
    VXLAN,
    Ethernet,
    FrameSpec,
    Interface,
    IPv4,
    LinuxCooked,
    Payload,
    demo_capture,
    write_pcapng,
)

OUTER = Ethernet() / IPv4("192.0.2.1", "192.0.2.2") / UDP(7) / VXLAN(5)
ALL = 65535
FORMATS = pytest.mark.parametrize("kind", ["pcap", "pcapng"])
BY_LINK_TYPE = {
    number: [case.frame for case in CASES if case.link_type == number and makes_flow(case.parts[0])]
    for number in sorted({case.link_type for case in CASES})
}


def inner(port):
    return Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(port, 80)


def shown(flows):
    return [
        {name: value for name, value in flow.to_dict().items() if name != "LastRawPackets"} for flow in flows
    ]


def read_bytes(folder, data, **options):
    path = folder / "again"
    path.write_bytes(data)
    return flowtable.read(path, **options)


def written(flows, **options):
    out = io.BytesIO()
    number = flows.write_pcap(out, **options)
    return number, out.getvalue()


@FORMATS
@pytest.mark.parametrize("link_type", [number for number, frames in BY_LINK_TYPE.items() if frames])
def test_flows_of_every_link_type_come_back(tmp_path, kind, link_type):
    frames = [(START + n * 1_234_567, frame) for n, frame in enumerate(BY_LINK_TYPE[link_type] * 2)]
    flows = read_frames(tmp_path, frames, link_type=link_type, raw_packets=ALL)
    number, data = written(flows, format=kind)
    again = read_bytes(tmp_path, data, raw_packets=ALL)
    assert number == len(frames) == again.account.frames
    assert [flow.to_dict() for flow in again] == [flow.to_dict() for flow in flows]
    assert {packet.link_type for flow in again if not flow.parent for packet in flow.raw_packets} == {
        link_type
    }


@pytest.mark.parametrize(
    "link_type", [n for n, frames in BY_LINK_TYPE.items() if frames and n not in (12, 14)]
)
def test_libpcap_reads_as_many(tmp_path, link_type):
    flows = read_frames(tmp_path, BY_LINK_TYPE[link_type], link_type=link_type, raw_packets=1)
    number, data = written(flows)
    (tmp_path / "a.pcap").write_bytes(data)
    with cypcap.open_offline(tmp_path / "a.pcap") as theirs:
        read = [bytes(packet) for _, packet in theirs]
    assert read == [frame.data for frame in open_capture(tmp_path / "a.pcap")]
    assert set(read) <= {bytes(frame) for frame in BY_LINK_TYPE[link_type]}
    assert len(read) == number
    assert number > 0


def test_interfaces_of_several_link_types_need_pcapng(tmp_path):
    frames = [
        FrameSpec(START, bytes(Ethernet() / IPv4() / UDP(1, 2)), None, 0),
        FrameSpec(START + 1, bytes(LinuxCooked() / IPv4() / TCP(1, 2)), None, 1),
        FrameSpec(START + 2, bytes(IPv4() / TCP(3, 4)), None, 2),
        FrameSpec(START + 3, bytes(Ethernet() / IPv4() / UDP(1, 2)), None, 0),
    ]
    path = tmp_path / "mixed.pcapng"
    write_pcapng(path, frames, interfaces=(Interface(1, resolution=9), Interface(113, resolution=9),
                                           Interface(101, resolution=9)))  # fmt: skip
    flows = flowtable.read(path, raw_packets=ALL)
    with pytest.raises(OptionError, match=r"this one has ETHERNET, and the packet LINUX_SLL.*pcapng"):
        flows.write_pcap(tmp_path / "out.pcap")
    assert not (tmp_path / "out.pcap").exists()
    assert flows.write_pcap(tmp_path / "out.pcapng") == 4
    assert list(open_capture(tmp_path / "out.pcapng")) == list(open_capture(path))


@FORMATS
def test_a_whole_capture_comes_back_in_its_order(tmp_path, kind):
    path = tmp_path / "demo.pcapng"
    path.write_bytes(demo_capture())
    flows = flowtable.read(path, raw_packets=ALL)
    for some in (flows, flows[::-1], flows.sort("Metric.ABBytes")):
        assert written(some, format=kind)[0] == flows.account.frames
        assert list(open_capture_of(tmp_path, written(some, format=kind)[1])) == list(open_capture(path))


def open_capture_of(folder, data):
    (folder / "again").write_bytes(data)
    return open_capture(folder / "again")


def test_packets_stay_in_the_order_of_a_capture_whose_times_go_back(tmp_path):
    frames = [(START - n * 1_000, bytes(Ethernet() / IPv4() / TCP(1 + n % 2, 80))) for n in range(6)]
    flows = read_frames(tmp_path, frames, raw_packets=ALL)
    again = read_bytes(tmp_path, written(flows)[1])
    assert shown(again)[0]["Metric"] == shown(flows)[0]["Metric"]
    assert [frame.time for frame in open_capture(tmp_path / "again")] == [time for time, _ in frames]


def test_truncated_frames_come_back_with_their_lengths(tmp_path):
    frames = [FrameSpec(START, bytes(OUTER / inner(1))[:120], 1500), FrameSpec(START, bytes(inner(2)), 999)]
    flows = read_frames(tmp_path, frames, raw_packets=ALL)
    again = read_bytes(tmp_path, written(flows)[1], raw_packets=ALL)
    assert [flow.to_dict() for flow in again] == [flow.to_dict() for flow in flows]
    assert flows[0].metric.ab_bytes == 1500


@pytest.mark.parametrize("number", [1, 2, 10])
def test_the_first_packets_of_each_flow(tmp_path, number):
    frames = [bytes(inner(port)) for _ in range(5) for port in (1, 2, 3)]
    flows = read_frames(tmp_path, frames, raw_packets=number)
    assert written(flows)[0] == 3 * min(number, 5)
    again = read_bytes(tmp_path, written(flows)[1])
    assert [flow.uuid for flow in again] == [flow.uuid for flow in flows]
    assert [flow.metric.ab_packets for flow in again] == [min(number, 5)] * 3


# ---- tunnels


@pytest.fixture
def tunnel(tmp_path):
    return read_frames(tmp_path, [OUTER / inner(port) for port in (1, 2, 1, 2)], raw_packets=ALL)


def test_nothing_is_written_twice(tmp_path, tunnel):
    number, data = written(tunnel)
    assert (len(tunnel), number) == (3, 4)
    assert [flow.to_dict() for flow in read_bytes(tmp_path, data, raw_packets=ALL)] == [
        flow.to_dict() for flow in tunnel
    ]


@pytest.mark.parametrize("number", [1, 2, 10])
def test_the_first_packets_of_each_flow_inside_are_there_with_the_tunnel_around_them(tmp_path, number):
    """A tunnel's flow keeps its own first packets only: the frames of what is inside are kept whole too."""
    frames = [bytes(OUTER / inner(port)) for port in range(1, 21) for _ in range(3)]
    flows = read_frames(tmp_path, frames, raw_packets=number)
    again = read_bytes(tmp_path, written(flows)[1])
    assert [flow.layers_path for flow in again] == [flow.layers_path for flow in flows]
    assert [flow.metric.ab_packets for flow in again[1:]] == [min(number, 3)] * 20
    assert [len(flow.raw_packets[0].data) for flow in flows[1:]] == [len(bytes(inner(1)))] * 20


def test_what_was_put_together_is_in_no_frame(tmp_path):
    """It is written for flows inside alone, and never among frames of another link type."""
    inside = bytes(GRE() / IPv4() / UDP(1, 2) / Payload(bytes(300)))
    head = {"src": "10.0.0.1", "dst": "10.0.0.2", "protocol": 47}
    first = [Ethernet() / IPv4(**head, id=n, flags="M") / Payload(inside[:64]) for n in (1, 2)]
    last = [Ethernet() / IPv4(**head, id=n, fragment_offset=64) / Payload(inside[64:]) for n in (1, 2)]
    frames = [bytes(frame) for frame in (*first, *last)]
    flows = read_frames(tmp_path, frames, raw_packets=1, defrag=True)
    number, data = written(flows)
    assert {frame.link_type for frame in open_capture_of(tmp_path, data)} == {1}
    assert 1 <= number <= len(frames)
    number, data = written(flows[1:])
    assert [(frame.link_type, len(frame.data)) for frame in open_capture_of(tmp_path, data)] == [(101, 328)]


@pytest.mark.parametrize("number", [1, 2, 10])
def test_every_flow_of_a_capture_comes_back(tmp_path, number):
    path = tmp_path / "demo.pcapng"
    path.write_bytes(demo_capture())
    flows = flowtable.read(path, raw_packets=number)
    again = read_bytes(tmp_path, written(flows, format="pcapng")[1])
    assert sorted(flow.tracking_id for flow in again) == sorted(flow.tracking_id for flow in flows)


def test_flows_inside_alone_give_their_own_packets(tmp_path, tunnel):
    number, data = written(tunnel.filter(lambda flow: flow.transport.a == 2))
    assert number == 2
    assert [frame.data for frame in open_capture_of(tmp_path, data)] == [bytes(inner(2))] * 2
    (alone,) = read_bytes(tmp_path, data)
    assert (alone.tracking_id, alone.parent) == (tunnel[2].tracking_id, None)


def test_tunnels_in_tunnels(tmp_path):
    frames = [OUTER / Ethernet() / IPv4("172.16.0.1", "172.16.0.2") / GRE() / IPv4() / UDP(1, 2)] * 3
    flows = read_frames(tmp_path, frames, raw_packets=ALL)
    assert len(flows) == 3
    for some, size in ((flows, len(bytes(frames[0]))), (flows[1:], 74 - 8), (flows[2:], 28), (flows[::2], 0)):
        number, data = written(some)
        lengths = {len(frame.data) for frame in open_capture_of(tmp_path, data)}
        assert number == 3
        assert lengths == {size or len(bytes(frames[0]))}


def test_a_link_type_each_for_flows_inside(tmp_path):
    frames = [OUTER / inner(1), Ethernet() / IPv4() / GRE() / IPv4() / TCP(9, 9)]
    flows = read_frames(tmp_path, frames, raw_packets=1).filter(lambda flow: flow.parent is not None)
    out = tmp_path / "inner.pcapng"
    assert flows.write_pcap(out) == 2
    assert [frame.link_type for frame in open_capture(out)] == [1, 101]


# ---- files and options


def test_without_packets_there_is_nothing_to_write(tmp_path):
    flows = read_frames(tmp_path, [inner(1)])
    with pytest.raises(OptionError, match="raw_packets=N"):
        flows.write_pcap(tmp_path / "out.pcap")
    assert not (tmp_path / "out.pcap").exists()


@FORMATS
def test_a_set_of_none_is_an_empty_capture(tmp_path, tunnel, kind):
    number, data = written(tunnel[:0], format=kind)
    assert number == 0
    assert list(open_capture_of(tmp_path, data)) == []


def test_paths_are_written_and_open_files_stay_open(tmp_path, tunnel):
    out = io.BytesIO()
    tunnel.write_pcap(out)
    assert not out.closed
    for path in (tmp_path / "a.pcap", os.fspath(tmp_path / "b.pcap")):
        tunnel.write_pcap(path)
    assert (tmp_path / "a.pcap").read_bytes() == (tmp_path / "b.pcap").read_bytes() == out.getvalue()


def test_times_in_microseconds(tmp_path):
    flows = read_frames(tmp_path, [(START + 1_999, inner(1))], raw_packets=1)
    data = written(flows, nanoseconds=False)[1]
    assert [frame.time for frame in open_capture_of(tmp_path, data)] == [START + 1_000]


def test_a_folder_that_is_not_there_and_a_full_disk_are_the_systems_errors(tmp_path, tunnel):
    with pytest.raises(FileNotFoundError):
        tunnel.write_pcap(tmp_path / "no" / "folder")
    with pytest.raises(OSError, match="No space left"):
        tunnel.write_pcap("/dev/full")


def test_random_sets_of_random_captures(tmp_path):
    chance = seeded(11)
    frames = []
    for _ in range(400):
        packet = inner(chance.randrange(1, 20))
        frames.append(bytes(OUTER / packet if chance.random() < 0.4 else packet))
    flows = read_frames(tmp_path, frames, raw_packets=ALL)
    for _ in range(20):
        some = flows.take(chance.sample(range(len(flows)), chance.randrange(len(flows))))
        number, data = written(some)
        assert number == sum(f.raw_packets_captured for f in some if f.parent is None or f.parent not in some)
        times = [frame.time for frame in open_capture_of(tmp_path, data)]
        assert times == sorted(times)


def test_take_gives_flows_by_position(tunnel):
    assert list(tunnel.take([2, 0])) == [tunnel[2], tunnel[0]]
    assert list(tunnel[::-1].take([-1])) == [tunnel[0]]
    with pytest.raises(IndexError):
        tunnel.take([3])
