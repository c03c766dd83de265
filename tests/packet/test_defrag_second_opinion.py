"""Scapy's opinion of what datagrams fragments make, and the fragments that scapy cuts."""

import sys
from pathlib import Path

import pytest
from pieces import carried, cut, datagram, piece, take_all
from reading import seeded

from flowtable import IPDefragger, PacketSequence

sys.path.insert(0, str(Path(__file__).parents[1] / "testing"))

from second_opinion import scapy

BOTH = pytest.mark.parametrize("version", [4, 6])


def put_together(frames, version):
    """Give what scapy's defragmenter makes of frames: what the one IP header that is left carries."""
    packets = [scapy.Ether(frame) for frame in frames]
    if version == 6:
        whole = scapy.defragment6(packets)
        return bytes(whole)[-whole[scapy.IPv6].plen :]
    (whole,) = scapy.defragment(scapy.PacketList(packets))
    assert whole[scapy.IP].flags == 0
    return bytes(whole[scapy.IP])[20:]


@BOTH
@pytest.mark.parametrize("size", [8, 64, 256, 1480])
def test_both_make_the_same_datagram(version, size):
    content = datagram(3000)
    frames = cut(content, size, version=version)
    shuffled = seeded(size).sample(frames, len(frames))  # scapy wants them in order
    assert carried(take_all(shuffled)[-1]) == put_together(frames, version) == content


def cut_by_scapy(version, size):
    """Give the frames that scapy cuts a datagram into, and the datagram."""
    ether, payload = scapy.Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02"), bytes(range(256)) * 12
    udp = scapy.UDP(sport=1000, dport=2000) / payload
    if version == 4:
        pieces = scapy.fragment(scapy.IP(src="192.0.2.1", dst="192.0.2.2", id=7) / udp, size)
        return [bytes(ether / at) for at in pieces], len(payload)
    header = scapy.IPv6(src="2001:db8::1", dst="2001:db8::2") / scapy.IPv6ExtHdrFragment(id=7)
    return [bytes(ether / at) for at in scapy.fragment6(header / udp, size)], len(payload)


@BOTH
@pytest.mark.parametrize("size", [256, 1280, 1504])
def test_what_scapy_cuts_is_put_together(version, size):
    frames, length = cut_by_scapy(version, size)
    assert len(frames) > 2
    *before, whole = take_all(frames)
    assert set(before) == {None}
    assert whole.transport_flow()[1:] == ((1000).to_bytes(2, "big"), (2000).to_bytes(2, "big"))
    assert whole.data.endswith(bytes(range(256)) * 12)
    assert whole.ip_metric.fragments == len(frames) - 1
    assert len(carried(whole)) == 8 + length


def test_both_wait_for_what_is_missing():
    frames = cut(datagram(300), 64)
    del frames[1]
    assert take_all(frames)[-1] is None
    assert len(scapy.defragment(scapy.PacketList(map(scapy.Ether, frames)))) == len(frames)


def test_both_keep_datagrams_apart():
    one, other = (cut(datagram(200), 64, number=number) for number in (1, 2))
    frames = [frame for pair in zip(one, other, strict=True) for frame in pair]
    defragger = IPDefragger()
    packets = [packet for frame in frames for packet in PacketSequence.from_frame(frame, defragger=defragger)]
    theirs = scapy.defragment(scapy.PacketList(map(scapy.Ether, frames)))
    assert len(packets) == len(theirs) == 2


# ---- as Linux does it (net/ipv4/inet_fragment.c, net/ipv6/reassembly.c)

LINUX = {
    "a piece inside what is there is a duplicate": ([(0, 64, True), (16, 16, True), (64, 8, False)], True),
    "a piece that is there is a duplicate": ([(0, 64, True), (0, 64, True), (64, 8, False)], True),
    "a piece over an edge is an overlap": ([(0, 64, True), (56, 16, True), (72, 8, False)], False),
    "a piece around what is there is an overlap": ([(8, 8, True), (0, 24, True), (24, 8, False)], False),
    "two ends are no datagram": ([(64, 8, False), (64, 16, False), (0, 64, True)], False),
    "a piece behind the end is no datagram": ([(64, 8, False), (80, 8, True), (0, 64, True)], False),
}


@pytest.mark.parametrize("name", LINUX)
def test_of_ipv6_the_same_becomes_whole_as_in_linux(name):
    rows, is_whole = LINUX[name]
    frames = [piece(bytes(size), offset, more=more, version=6) for offset, size, more in rows]
    assert (take_all(frames)[-1] is not None) == is_whole
