"""The rules by which IP datagrams are put together, one by one, for both versions of IP."""

import itertools

import pytest
from pieces import HEADER, SECOND, adds_up, carried, cut, datagram, nest, piece, take, take_all

from flowtable import IPDefragger, IPDefraggerMetric, LayerType, OptionError, PacketSequence
from flowtable.packet import IPMetric
from flowtable.testing import (
    ARP,
    TCP,
    UDP,
    Dot1Q,
    Ethernet,
    ICMPv6,
    IPv4,
    IPv6,
    IPv6Destination,
    IPv6Fragment,
    IPv6HopByHop,
    Packet,
)

CONTENT = datagram(100)
BOTH = pytest.mark.parametrize("version", [4, 6])
PATHS = {4: "Ethernet/IPv4/Fragment/UDP", 6: "Ethernet/IPv6/IPv6Fragment/Fragment/UDP"}


@BOTH
@pytest.mark.parametrize("order", [*itertools.permutations(range(4))], ids=str)
def test_the_last_piece_to_come_completes_a_datagram_in_any_order(version, order):
    frames = cut(CONTENT, 32, version=version)
    *before, whole = take_all([frames[at] for at in order])
    assert before == [None, None, None]
    assert whole.path == PATHS[version]
    assert carried(whole) == CONTENT
    assert whole.ip_metric == IPMetric(3, 0)
    assert whole.length == len(frames[order[-1]])


@BOTH
def test_layers_of_a_whole_datagram_have_their_contents(version):
    *_, whole = take_all(cut(CONTENT, 24, version=version))
    udp = whole.layer(LayerType.UDP)
    assert (udp.contents, udp.offset) == (CONTENT[:8], HEADER[version])
    assert whole.data[udp.offset :] == CONTENT
    assert whole.transport_flow()[1:] == (b"\x03\xe8", b"\x07\xd0")


def test_without_a_defragmenter_a_fragment_is_a_packet_of_its_own():
    packets = [PacketSequence.from_frame(frame)[0] for frame in cut(CONTENT, 32)]
    assert {packet.path for packet in packets} == {"Ethernet/IPv4/Fragment"}
    assert {packet.ip_metric for packet in packets} == {None}


@pytest.mark.parametrize(
    ("frame", "metric"),
    [
        (bytes(Ethernet() / IPv4() / TCP(1, 2)), IPMetric(0, 0)),
        (bytes(Ethernet() / IPv6() / TCP(1, 2)), IPMetric(0, 0)),
        (bytes(Ethernet() / ARP()), None),
    ],
)
def test_packets_with_ip_have_an_ip_metric(frame, metric):
    assert take(IPDefragger(), frame).ip_metric == metric


def test_applications_are_found_in_what_was_put_together():
    from flowtable.testing import DNS, Question

    packet = Ethernet() / IPv4() / UDP(40000, 53) / DNS(questions=(Question("a" * 50 + ".example"),))
    content = bytes(packet)[34:]
    *_, whole = take_all(cut(content, 16))
    assert whole.path == "Ethernet/IPv4/Fragment/UDP/DNS"
    assert whole.layers[-1].contents == content[8:]


# ---- which pieces belong together


OTHERS = {
    "id": {"number": 2},
    "source": {"src": "192.0.2.9"},
    "destination": {"dst": "192.0.2.9"},
    "protocol": {"protocol": 6},
    "vlan": {"outer": Ethernet() / Dot1Q(7)},
}


@pytest.mark.parametrize("name", OTHERS)
def test_pieces_of_other_datagrams_stay_apart(name):
    first, second = cut(CONTENT, 64)
    _, other = cut(CONTENT, 64, **OTHERS[name])
    assert take_all([first, other]) == [None, None]
    assert take_all([first, other, second])[-1] is not None


def test_pieces_the_other_way_are_other_pieces():
    there = cut(CONTENT, 64, src="192.0.2.1", dst="192.0.2.2")
    back = cut(CONTENT, 64, src="192.0.2.2", dst="192.0.2.1")
    assert take_all([there[0], back[1]]) == [None, None]


def test_ipv6_takes_the_protocol_of_the_piece_at_the_front():
    """RFC 8200, 4.5: the others' may differ, and are not used."""
    first, second = cut(CONTENT, 64, version=6)
    odd = piece(CONTENT[64:], 64, version=6, protocol=6)
    for frames in ([first, odd], [odd, first]):
        assert take_all(frames)[-1].path == PATHS[6]
    assert take_all([second, first])[-1].path == PATHS[6]


def test_ipv6_ids_have_32_bits():
    first, _ = cut(CONTENT, 64, version=6, number=1)
    _, second = cut(CONTENT, 64, version=6, number=0x10001)
    assert take_all([first, second]) == [None, None]


def test_ipv6_extension_headers_may_stand_before_and_behind_the_cut():
    """RFC 8200, 4.5; a header chain that goes on in the second piece is no reason to drop the datagram."""
    inner = Packet((IPv6Destination(((30, bytes(40)),)), UDP(1, 2, checksum=0))) / bytes(30)
    content = bytes(inner)
    frames = []
    for at in range(0, len(content), 24):
        fragment = IPv6Fragment(offset=at, more=at + 24 < len(content), next_header=60)
        frames.append(bytes(Ethernet() / IPv6() / IPv6HopByHop() / fragment / content[at : at + 24]))
    whole = take_all(frames)[-1]
    assert whole.path == "Ethernet/IPv6/IPv6HopByHop/IPv6Fragment/Fragment/IPv6Destination/UDP"


@pytest.mark.parametrize("next_header", [59, 253])
def test_a_datagram_may_carry_nothing_that_is_known(next_header):
    whole = take_all(cut(CONTENT, 64, version=6, protocol=next_header))[-1]
    assert whole.path == "Ethernet/IPv6/IPv6Fragment/Fragment"


# ---- atomic fragments: RFC 6946


def test_a_fragment_that_is_a_whole_datagram_needs_no_other():
    whole = take(IPDefragger(), piece(CONTENT, version=6))
    assert (whole.path, whole.ip_metric) == (PATHS[6], IPMetric(0, 0))
    assert carried(whole) == CONTENT


def test_it_leaves_others_of_its_id_alone():
    first, second = cut(CONTENT, 64, version=6)
    defragger = IPDefragger()
    first, atom, second = take_all([first, piece(datagram(40), version=6), second], defragger)
    assert first is None
    assert len(carried(atom)) == 40
    assert (carried(second), second.ip_metric) == (CONTENT, IPMetric(1, 0))
    assert defragger.metric.datagrams == 2


def test_an_atomic_fragment_may_be_empty():
    packet = take(IPDefragger(), bytes(Ethernet() / IPv6() / IPv6Fragment(next_header=59)))
    assert packet.path == "Ethernet/IPv6/IPv6Fragment/Fragment"


def test_a_fragment_header_behind_ipv4_is_left_alone():
    frame = bytes(Ethernet() / IPv4(protocol=44) / IPv6Fragment(more=True) / bytes(16))
    assert take(IPDefragger(), frame).path == "Ethernet/IPv4/IPv6Fragment/Fragment"


# ---- pieces that are left alone or thrown away


def test_a_fragment_that_must_not_be_one_is_left_alone():
    defragger = IPDefragger()
    frames = cut(CONTENT, 32, flags="D")
    assert {packet.path for packet in take_all(frames, defragger)} == {"Ethernet/IPv4/Fragment"}
    assert defragger.metric == IPDefraggerMetric()


BAD = {
    "empty_first": ("short fragment", {"data": b"", "more": True}),
    "empty_last": ("short fragment", {"data": b"", "offset": 8}),
    "of_seven_bytes": ("short fragment", {"data": bytes(7), "more": True}),
    "of_seventeen_bytes": ("short fragment", {"data": bytes(17), "offset": 8, "more": True}),
}
BAD_IPV4 = {
    "offset": ("fragment beyond 65,535 bytes", {"data": bytes(8), "offset": 8184 * 8}),
    "end": ("fragment beyond 65,535 bytes", {"data": bytes(64), "offset": 8183 * 8}),
    "end_of_many": ("fragment beyond 65,535 bytes", {"data": bytes(1480), "offset": 65_528, "more": True}),
}
BAD_IPV6 = {
    "end": ("fragment beyond 65,535 bytes", {"data": bytes(8), "offset": 65_528}),
    "end_of_many": ("fragment beyond 65,535 bytes", {"data": bytes(1480), "offset": 65_000}),
}
ALL_BAD = [
    *((4, *row) for row in {**BAD, **BAD_IPV4}.values()),
    *((6, *row) for row in {**BAD, **BAD_IPV6}.values()),
]


@pytest.mark.parametrize(("version", "reason", "how"), ALL_BAD)
def test_bad_pieces_are_thrown_away_by_name(version, reason, how):
    defragger = IPDefragger()
    assert take(defragger, piece(version=version, **how)) is None
    metric = defragger.metric
    assert (metric.fragments, metric.held, metric.held_bytes) == (1, 0, 0)
    assert metric.dropped == {reason: 1}


@BOTH
def test_the_last_piece_may_be_of_any_length(version):
    for size in (97, 98, 103):
        *_, whole = take_all(cut(datagram(size), 96, version=version))
        assert carried(whole) == datagram(size)


@pytest.mark.parametrize(("version", "longest"), [(4, 65_515), (6, 65_535)])
def test_the_longest_datagram_is_put_together(version, longest):
    content = datagram(8) + bytes(longest - 8)
    *_, whole = take_all(cut(content, 1480, version=version))
    assert carried(whole) == content


def test_headers_in_front_of_the_cut_count_for_the_longest_datagram():
    """RFC 791 counts the header, RFC 8200 the extension headers."""
    four = piece(bytes(400), 65_112, options=bytes([1] * 8))
    assert take(IPDefragger(), four) is None
    defragger = IPDefragger()
    six = Ethernet() / IPv6() / IPv6HopByHop() / IPv6Fragment(offset=65_520, next_header=17)
    assert take(defragger, bytes(six / bytes(8))) is None
    assert defragger.metric.dropped == {"fragment beyond 65,535 bytes": 1}


# ---- what is there already


@BOTH
def test_duplicates_are_passed_over_and_counted(version):
    first, second = cut(CONTENT, 64, version=version)
    defragger = IPDefragger()
    whole = take_all([first, first, second], defragger)[-1]
    assert (carried(whole), whole.ip_metric) == (CONTENT, IPMetric(1, 1))
    assert defragger.metric.dropped == {"duplicate fragment": 1}
    assert adds_up(defragger.metric)


@BOTH
def test_what_is_inside_what_is_there_brings_nothing(version):
    """RFC 8200, 4.5, lets duplicates pass; as in Linux, that they bring nothing new makes them some."""
    forged = piece(b"\xff" * 16, 16, more=True, version=version)
    first, second = cut(CONTENT, 64, version=version)
    whole = take_all([first, forged, second])[-1]
    assert (carried(whole), whole.ip_metric) == (CONTENT, IPMetric(1, 1))


def test_of_ipv4_the_bytes_that_came_first_stand():
    ours, theirs = b"a" * 48, b"b" * 48
    whole = take_all([piece(ours, more=True), piece(theirs, 24, more=True), piece(b"c" * 40, 64)])[-1]
    assert carried(whole) == b"a" * 48 + b"b" * 24 + b"c" * 32
    assert whole.ip_metric == IPMetric(2, 2)


def test_a_piece_around_what_is_there_fills_the_holes():
    pieces = [(b"a" * 8, 8), (b"b" * 8, 24), (b"c" * 40, 0)]
    frames = [piece(data, offset, more=True) for data, offset in pieces]
    whole = take_all([*frames, piece(b"d", 40)])[-1]
    assert carried(whole) == b"c" * 8 + b"a" * 8 + b"c" * 8 + b"b" * 8 + b"c" * 8 + b"d"
    assert whole.ip_metric == IPMetric(3, 1)


@pytest.mark.parametrize("overlap", [(b"b" * 48, 24), (b"b" * 104, 0), (b"b" * 16, 40)])
def test_of_ipv6_an_overlap_ends_the_datagram(overlap):
    """RFC 5722: all its pieces go, also those still to come."""
    data, offset = overlap
    defragger = IPDefragger()
    frames = [
        piece(b"a" * 48, more=True, version=6),
        piece(data, offset, more=True, version=6),
        piece(b"c" * 16, 48, version=6),
        piece(b"a" * 48, more=True, version=6),
    ]
    assert take_all(frames, defragger) == [None] * 4
    assert defragger.metric.dropped == {"overlapping fragment": 4}
    assert (defragger.metric.held, defragger.metric.held_datagrams) == (0, 1)
    assert adds_up(defragger.metric)


def test_another_datagram_may_have_the_id_once_the_broken_one_is_too_old():
    defragger = IPDefragger(max_age=30 * SECOND)
    for frame in (piece(b"a" * 48, more=True, version=6), piece(b"b" * 48, 24, more=True, version=6)):
        take(defragger, frame)
    first, second = cut(CONTENT, 64, version=6)
    assert take(defragger, first, 30 * SECOND) is None
    assert defragger.metric.dropped == {"overlapping fragment": 3}
    assert take(defragger, first, 30 * SECOND + 1) is None
    assert take(defragger, second, 30 * SECOND + 1) is not None


CONTRADICTIONS = {
    "beyond_the_end": [(32, 32, False), (64, 32, True)],
    "another_end": [(32, 32, False), (64, 16, False)],
    "an_earlier_end": [(64, 32, False), (0, 32, False)],
    "an_end_before_what_is_there": [(64, 32, True), (32, 16, False)],
}


@pytest.mark.parametrize("name", [name for name in CONTRADICTIONS if name != "an_earlier_end"])
def test_what_contradicts_what_came_first_is_thrown_away(name):
    for version in (4, 6):
        defragger = IPDefragger()
        for offset, size, more in CONTRADICTIONS[name]:
            take(defragger, piece(bytes(size), offset, more=more, version=version))
        metric = defragger.metric
        assert metric.dropped == {"contradictory fragment": 1 if version == 4 else 2}
        assert metric.held == (1 if version == 4 else 0)


def test_of_ipv4_a_datagram_outlives_a_contradiction():
    first, second = cut(CONTENT, 64)
    whole = take_all([second, piece(bytes(8), 104), piece(bytes(8), 160, more=True), first])[-1]
    assert (carried(whole), whole.ip_metric) == (CONTENT, IPMetric(1, 2))


def test_a_last_piece_of_known_bytes_still_tells_the_end():
    frames = [piece(b"a" * 48, more=True), piece(b"b" * 16, 32)]
    whole = take_all(frames)[-1]
    assert (carried(whole), whole.ip_metric) == (b"a" * 48, IPMetric(1, 1))
    frames = [piece(b"a" * 48, more=True, version=6), piece(b"b" * 16, 32, version=6)]
    assert take_all(frames)[-1] is None


def test_bad_pieces_count_only_for_datagrams_that_are_there():
    first, second = cut(CONTENT, 64)
    bad = piece(bytes(7), 64, more=True)
    assert take_all([first, bad, bad, second])[-1].ip_metric == IPMetric(1, 2)
    assert take_all([bad, first, second])[-1].ip_metric == IPMetric(1, 0)


# ---- pieces that were not captured whole


@BOTH
def test_what_was_not_captured_is_as_if_it_were_there_but_cannot_be_read(version):
    """The datagram is whole and counts; it is read up to the first byte that is missing."""
    first, second = cut(CONTENT, 64, version=version)
    short = first[: HEADER[version] + 20]
    for frames in ([short, second], [second, short]):
        defragger = IPDefragger()
        packets = [
            PacketSequence.from_frame(frame, length=len(whole), defragger=defragger)
            for frame, whole in zip(frames, [first if f is short else f for f in frames], strict=True)
        ]
        assert len(packets[0]) == 0
        (packet,) = packets[1]
        assert (packet.path, packet.ip_metric) == (PATHS[version], IPMetric(1, 0))
        assert carried(packet) == CONTENT[:20]


@BOTH
def test_what_was_not_on_the_wire_makes_no_piece(version):
    """A header that says more than its frame had is a lie, and no host would take the piece."""
    first, _ = cut(CONTENT, 64, version=version)
    defragger = IPDefragger()
    assert take(defragger, first[:-1]) is None
    assert take(defragger, first[:-9], length=len(first) - 1) is None
    assert defragger.metric.dropped == {"truncated fragment": 2}


def test_padding_is_no_part_of_a_piece():
    first, second = cut(datagram(40), 32)
    whole = take_all([first + bytes(12), second + bytes(12)])[-1]
    assert carried(whole) == datagram(40)


def test_a_total_length_of_0_is_what_was_captured():
    """Segmentation left to the card, as for packets in one piece."""
    first = piece(CONTENT[:64], more=True, total_length=0)
    assert carried(take_all([first, piece(CONTENT[64:], 64)])[-1]) == CONTENT


# ---- pieces of pieces


def test_a_datagram_may_hold_a_piece_of_another():
    inner = cut(CONTENT, 64, outer=Packet(), number=5)
    pieces = [frame for i, part in enumerate(inner) for frame in cut(part, 32, number=i, protocol=4)]
    defragger = IPDefragger()
    *before, whole = take_all(pieces, defragger, tunnels=())
    assert set(before) == {None}
    assert whole.path == "Ethernet/IPv4/Fragment/IPv4/Fragment/UDP"
    assert whole.ip_metric == IPMetric(len(cut(inner[1], 32)) - 1 + 1, 0)
    assert whole.data.endswith(CONTENT)
    assert (defragger.metric.datagrams, defragger.metric.held) == (3, 0)
    assert adds_up(defragger.metric)


@pytest.mark.parametrize("levels", [1, 2, 5, 15])
def test_one_frame_may_complete_many_datagrams(levels):
    frames = nest(levels)
    *before, whole = take_all(frames, tunnels=())
    assert before == [None] * levels
    assert whole.path == "Ethernet" + levels * "/IPv4/Fragment" + "/UDP"
    assert whole.data.endswith(CONTENT)
    assert whole.ip_metric == IPMetric(levels, 0)


def test_as_many_as_there_may_be_layers():
    defragger = IPDefragger()
    whole = take_all(nest(20), defragger, tunnels=())[-1]
    assert len(whole.layers) == 32
    assert defragger.metric.datagrams == 15
    assert adds_up(defragger.metric)


def test_an_ipv6_fragment_header_may_stand_in_a_fragment():
    inner = bytes(Packet((IPv6Fragment(id=9, next_header=17),)) / CONTENT)
    whole = take_all(cut(inner, 48, version=6, protocol=44))[-1]
    assert whole.path == "Ethernet/IPv6/IPv6Fragment/Fragment/IPv6Fragment/Fragment/UDP"
    assert whole.data.endswith(CONTENT)


# ---- the object


def test_defrag_is_from_frame():
    defragger = IPDefragger()
    first, second = cut(CONTENT, 64)
    assert len(defragger.defrag(first, time=5)) == 0
    (whole,) = defragger.defrag(second, time=6)
    assert whole.path == PATHS[4]


def test_what_is_held_can_be_flushed():
    defragger = IPDefragger()
    for number, time in enumerate((10, 20, 30)):
        take(defragger, piece(bytes(64), more=True, number=number), time)
    assert defragger.metric.held_datagrams == 3
    assert defragger.flush_older_than(20) == 1
    assert defragger.flush_all() == 2
    assert defragger.flush_all() == defragger.flush_older_than(2**80) == 0
    metric = defragger.metric
    assert metric.dropped == {"fragment too old": 1, "flushed fragment": 2}
    assert (metric.held, metric.held_datagrams, metric.held_bytes) == (0, 0, 0)


def test_a_metric_is_a_frozen_picture():
    defragger = IPDefragger()
    before = defragger.metric
    take_all(cut(CONTENT, 64), defragger)
    assert before == IPDefraggerMetric()
    after = defragger.metric
    assert (after.fragments, after.joined, after.datagrams, after.held_bytes) == (2, 2, 1, 0)
    with pytest.raises(AttributeError):
        after.fragments = 1


@pytest.mark.parametrize("name", ["max_bytes", "max_datagrams", "max_age"])
@pytest.mark.parametrize("value", [-1, 1.5, "1", None, True])
def test_limits_are_numbers(name, value):
    with pytest.raises(OptionError, match=name):
        IPDefragger(**{name: value})


def test_limits_may_be_as_large_as_one_likes():
    defragger = IPDefragger(max_bytes=1 << 90, max_datagrams=1 << 90, max_age=1 << 90)
    assert take_all(cut(CONTENT, 64), defragger)[-1] is not None


@pytest.mark.parametrize("time", [-1, 1 << 63])
def test_times_are_unix_ns(time):
    with pytest.raises(OptionError, match="Unix ns"):
        PacketSequence.from_frame(piece(CONTENT), time=time)


def test_icmp_is_seen_whole():
    content = bytes(Packet((ICMPv6(128, 0),)) / (b"\0\x07\0\1" + bytes(60)))
    whole = take_all(cut(content, 32, version=6, protocol=58))[-1]
    assert whole.icmp().id == 7
