"""Bytes that flows count: the rules of lengths, one by one."""

import pytest
from reading import read_frames

from flowtable.testing import (
    ARP,
    GRE,
    LLC,
    MPLS,
    PPP,
    SNAP,
    START,
    TCP,
    UDP,
    VXLAN,
    Dot1Q,
    Dot11,
    Dot11Data,
    Ethernet,
    IPv4,
    IPv6,
    LinuxCooked,
    Loopback,
    RadioTap,
)
from flowtable.testing.captures import FrameSpec

DATA = bytes(100)
IP4 = IPv4("10.0.0.1", "10.0.0.2") / TCP(1, 2) / DATA
IP6 = IPv6() / TCP(1, 2) / DATA
TOTAL4, PAYLOAD6 = 20 + 20 + 100, 20 + 100
MODES = pytest.mark.parametrize("mode", ["L2", "L3"])


def bytes_of(flows):
    return [flow.metric.ab_bytes + flow.metric.ba_bytes for flow in flows]


@MODES
@pytest.mark.parametrize("inner", [IP4, IP6, Dot1Q(5) / IP4])
def test_ethernet_counts_the_frame_on_the_wire(tmp_path, mode, inner):
    frame = bytes(Ethernet() / inner)
    assert bytes_of(read_frames(tmp_path, [frame], layer_key=mode)) == [len(frame)]
    cut = FrameSpec(START, frame[:60], 9000)
    assert bytes_of(read_frames(tmp_path, [cut], layer_key=mode)) == [9000]
    padded = Ethernet(pad=400) / inner
    assert bytes_of(read_frames(tmp_path, [padded], layer_key=mode)) == [400]


def test_ethernet_without_ip_counts_in_l2_only(tmp_path):
    arp = bytes(Ethernet(pad=60) / ARP())
    assert bytes_of(read_frames(tmp_path, [arp, arp])) == [120]
    assert bytes_of(read_frames(tmp_path, [arp, arp], layer_key="L3")) == [0]


@MODES
@pytest.mark.parametrize(
    ("link_type", "head"),
    [
        (113, LinuxCooked()),
        (9, PPP()),
        (0, Loopback()),
        (127, RadioTap() / Dot11() / Dot11Data() / LLC() / SNAP()),
        (101, None),
    ],
)
def test_all_else_counts_what_ip_says(tmp_path, mode, link_type, head):
    for inner, expected in ((IP4, TOTAL4), (IP6, PAYLOAD6)):
        frame = bytes(head / inner if head else inner)
        whole = read_frames(tmp_path, [frame], link_type=link_type, layer_key=mode)
        cut = read_frames(
            tmp_path, [FrameSpec(START, frame[:-90], 9000)], link_type=link_type, layer_key=mode
        )
        assert bytes_of(whole) == bytes_of(cut) == [expected]


def test_a_total_length_of_zero_means_what_was_captured(tmp_path):
    (flow,) = read_frames(tmp_path, [IPv4(total_length=0) / TCP(1, 2) / DATA], link_type=101)
    assert flow.metric.ab_bytes == TOTAL4


def test_a_length_that_lies_counts_as_it_is(tmp_path):
    (flow,) = read_frames(tmp_path, [IPv4(total_length=9000) / TCP(1, 2)], link_type=101)
    assert flow.metric.ab_bytes == 9000


@MODES
def test_a_child_has_what_its_parent_leaves(tmp_path, mode):
    inner = Ethernet() / IP4
    frame = bytes(Ethernet() / IPv4("10.9.0.1", "10.9.0.2") / UDP() / VXLAN(7) / inner)
    expected = [len(frame), len(bytes(inner))]
    assert bytes_of(read_frames(tmp_path, [frame, frame], layer_key=mode)) == [2 * n for n in expected]
    cut = FrameSpec(START, frame[:120], 5000)
    assert bytes_of(read_frames(tmp_path, [cut], layer_key=mode)) == [5000, 5000 - 50]


def test_parts_without_flows_take_their_share(tmp_path):
    """Each label of a stack is a part of four bytes; only the last part makes a flow of its own."""
    stack = Ethernet() / MPLS(1) / MPLS(2) / Ethernet() / IP4
    frame = bytes(stack)
    assert bytes_of(read_frames(tmp_path, [frame])) == [len(frame), len(frame) - 14 - 8]


def test_l2_keys_count_an_inner_ip_packet_as_ip_says(tmp_path):
    frame = bytes(Ethernet() / IPv4("10.9.0.1", "10.9.0.2") / GRE() / IP6)
    assert bytes_of(read_frames(tmp_path, [frame])) == [len(frame), PAYLOAD6]


def test_no_length_is_negative(tmp_path):
    """A frame that says to be shorter than its headers leaves nothing to what it carries."""
    frame = bytes(Ethernet() / IPv4("10.9.0.1", "10.9.0.2") / UDP() / VXLAN(7) / Ethernet() / IP4)
    short = FrameSpec(START, frame, 20)
    assert bytes_of(read_frames(tmp_path, [short])) == [20, 0]


@pytest.mark.parametrize("size", [1000, 65_515, 65_516, 70_000])
def test_a_total_length_of_zero_may_stand_for_more_than_the_field_can_say(tmp_path, size):
    packet = IPv4("10.0.0.1", "10.0.0.2", total_length=0) / TCP(50_000, 80)
    for headers, link_type in ((Ethernet() / packet, 1), (packet, 101)):
        frame = bytes(headers) + bytes(size)
        (flow,) = read_frames(tmp_path, [frame], link_type=link_type)
        assert flow.layers_path.endswith("IPv4/TCP")
        assert flow.metric.ab_bytes == len(frame)
