import io

import pytest
from second_opinion import scapy

from flowtable.testing import (
    START,
    UDP,
    Ethernet,
    FrameSpec,
    Interface,
    IPv4,
    Loopback,
    write_pcap,
    write_pcapng,
)

PACKET = Ethernet() / IPv4() / UDP(1, 2) / b"data"
FRAME = bytes(PACKET)


def read(data):
    """Give (ns, bytes, wire length) of each frame, as scapy reads them."""
    with scapy.RawPcapReader(io.BytesIO(data)) as reader:
        return [(stamp(meta), bytes(frame), meta.wirelen) for frame, meta in reader]


def stamp(meta):
    if hasattr(meta, "sec"):
        return meta.sec, meta.usec
    ticks = meta.tshigh << 32 | meta.tslow
    return divmod(ticks * 1_000_000_000 // meta.tsresol, 1_000_000_000)


@pytest.mark.parametrize("byteorder", ["little", "big"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap_is_read_back(byteorder, nanoseconds):
    frames = [(5_000_000_123, FRAME), (6_000_004_000, PACKET)]
    data = write_pcap(None, frames, byteorder=byteorder, nanoseconds=nanoseconds)
    fractions = (123, 4000) if nanoseconds else (0, 4)
    assert read(data) == [((5, fractions[0]), FRAME, 46), ((6, fractions[1]), FRAME, 46)]


def test_pcap_header():
    data = write_pcap(None, [], link_type=113, snaplen=96)
    assert data.hex() == "d4c3b2a10200040000000000000000006000000071000000"


def test_frames_are_cut_to_the_snap_length():
    assert read(write_pcap(None, [FRAME], snaplen=20))[0][1:] == (FRAME[:20], 46)
    assert read(write_pcapng(None, [FRAME], interfaces=(Interface(snaplen=20),)))[0][1:] == (FRAME[:20], 46)


def test_frames_without_a_time_follow_each_other():
    data = write_pcap(None, [FRAME, FRAME], start=START, step=2_000_000)
    assert [time for time, _, _ in read(data)] == [(START // 10**9, 0), (START // 10**9, 2000)]


def test_a_frame_can_have_been_longer_on_the_wire():
    assert read(write_pcap(None, [FrameSpec(0, FRAME, 1500)]))[0][2] == 1500


def test_times_before_1970_wrap_around():
    assert write_pcap(None, [(-1_000_000_000, FRAME)])[24:28] == b"\xff" * 4
    assert read(write_pcapng(None, [(-1000, FRAME)]))[0][0][0] > 2**40


def test_captures_are_written_to_files(tmp_path):
    for write, name in ((write_pcap, "a.pcap"), (write_pcapng, "a.pcapng")):
        assert write(tmp_path / name, [FRAME]) == (tmp_path / name).read_bytes()


@pytest.mark.parametrize("byteorder", ["little", "big"])
@pytest.mark.parametrize("sections", [1, 3])
def test_pcapng_is_read_back(byteorder, sections):
    frames = [(5_000_001_000 + number, FRAME + bytes(number)) for number in range(5)]
    data = write_pcapng(
        None, frames, byteorder=byteorder, sections=sections, interfaces=(Interface(resolution=9),)
    )
    assert read(data) == [((5, 1000 + number), FRAME + bytes(number), 46 + number) for number in range(5)]


@pytest.mark.parametrize(
    ("interface", "ticks"),
    [
        (Interface(), 7_500_000),
        (Interface(resolution=9), 7_500_000_000),
        (Interface(resolution=0x80 | 10), 7680),
        (Interface(offset=-3), 10_500_000),
        (Interface(resolution=0), 7),
    ],
)
def test_interfaces_count_time_their_own_way(interface, ticks):
    assert interface.ticks(7_500_000_000) == ticks


def test_several_interfaces_keep_their_link_types(tmp_path):
    interfaces = Interface(1, name="eth0"), Interface(0, resolution=9)
    loopback = bytes(Loopback() / IPv4() / UDP(1, 2))
    path = tmp_path / "two.pcapng"
    write_pcapng(path, [FrameSpec(5, FRAME), FrameSpec(6, loopback, interface=1)], interfaces=interfaces)
    first, second = scapy.rdpcap(str(path))
    assert (type(first), type(second)) == (scapy.Ether, scapy.Loopback)


def test_unknown_blocks_are_skipped():
    data = write_pcapng(None, [(0, FRAME)] * 3, unknown_blocks=True)
    assert len(read(data)) == 3


@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_obsolete_blocks_are_read_back(byteorder):
    data = write_pcapng(None, [(5_000_000, FRAME)], packet_block="obsolete", byteorder=byteorder)
    assert read(data) == [((0, 5_000_000), FRAME, 46)]


def test_simple_blocks_have_no_time():
    data = write_pcapng(None, [(5_000_000, FRAME)], packet_block="simple")
    with scapy.RawPcapReader(io.BytesIO(data)) as reader:
        assert [bytes(frame) for frame, _ in reader] == [FRAME]


def test_sections_without_frames_are_whole():
    assert write_pcapng(None, [], sections=2) == 2 * write_pcapng(None, [])
