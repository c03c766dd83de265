"""Fragments that never become datagrams, attacks by name, and clocks that go wrong."""

import resource
import struct
import subprocess
import sys

import pytest
from pieces import SECOND, adds_up, cut, datagram, piece, take, take_all
from reading import read_frames, seeded

from flowtable import IPDefragger, Limits
from flowtable.testing import START, UDP, VXLAN, Ethernet, IPv4, write_pcap

MIB = 1 << 20
BOTH = pytest.mark.parametrize("version", [4, 6])
HEAD = bytes(Ethernet(ether_type=0x0800))
MORE = 0x2000
TUNNEL = Ethernet() / IPv4() / UDP() / VXLAN(7) / Ethernet()


def small(source, number, offset, data, flags=MORE):
    """Give a fragment of IPv4, many of them in little time."""
    place = flags | offset // 8
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(data), number, place, 64, 17, 0, source, 1)
    return HEAD + ip + data


# ---- floods


def first_pieces(count, size):
    """Give first pieces of as many datagrams."""
    data = bytes(size)
    return (small(at >> 16, at & 0xFFFF, 0, data) for at in range(count))


def scattered(count):
    """Give pieces of 8 bytes, each of a hole's width from the next, of datagrams as large as can be."""
    return (small(at // 4000, 1, at % 4000 * 16, b"8 bytes.") for at in range(count))


def of_any_size(count):
    """Give pieces of all sizes, so that what is freed seldom fits what comes."""
    chance = seeded(1)
    for at in range(count):
        size = 8 * chance.choice((1, 2, 5, 30, 100, 180))
        yield small(at >> 3, chance.randrange(4), 8 * chance.randrange(4000), bytes(size))


def overlapping(count):
    """Give pieces that each bring 128 bytes at either end and thousands that are there already."""
    for at in range(count):
        reach = 128 * (1 + at % 32)
        yield small(at // 32, 1, 32_000 - reach, bytes(2 * reach))


FLOODS = {
    "first pieces": first_pieces(20_000, 8),
    "long first pieces": first_pieces(10_000, 1480),
    "scattered": scattered(250_000),
    "of any size": of_any_size(40_000),
    "overlapping": overlapping(40_000),
}
READER = """
import re, sys
import flowtable

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) << 10

limits = flowtable.Limits(fragment_bytes=int(sys.argv[2]))
flowtable.read(sys.argv[1], threads=1)
before = peak()
flows = flowtable.read(sys.argv[1], defrag=True, limits=limits)
assert flows.account.adds_up()
print(peak() - before, flows.account.held)
"""


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_takes_no_more_memory_than_the_limit(tmp_path, kind):
    """Of the process, beside reading it without the option; a few MiB are the allocator's own."""
    write_pcap(tmp_path / "flood.pcap", ((START, frame) for frame in FLOODS[kind]))
    limit = 8 * MIB
    command = [sys.executable, "-c", READER, str(tmp_path / "flood.pcap"), str(limit)]
    done = subprocess.run(command, check=True, capture_output=True)
    taken, held = map(int, done.stdout.split())
    assert held > 0
    assert limit // 2 < taken < limit + 4 * MIB


@pytest.mark.parametrize("limits", [Limits(fragment_bytes=MIB), Limits(fragment_datagrams=100)])
def test_what_a_flood_throws_away_is_counted(tmp_path, limits):
    account = read_frames(tmp_path, first_pieces(5_000, 64), defrag=True, limits=limits).account
    assert account.held + account.discarded["too many fragments"] == 5_000
    assert 0 < account.held < 1_000


def test_what_is_held_never_takes_more_than_the_limit():
    defragger = IPDefragger(max_bytes=100_000)
    for frame in of_any_size(3_000):
        take(defragger, frame)
        metric = defragger.metric
        assert 0 < metric.held_bytes <= 100_000
        assert adds_up(metric)
    defragger.flush_all()
    assert defragger.metric.held_bytes == 0


def test_one_datagram_that_fills_all_the_room_does_not_take_it_for_ever():
    """It keeps what it has, others that are younger go first; then its own age ends it."""
    defragger = IPDefragger(max_bytes=20_000, max_age=SECOND)
    for frame in scattered(1_000):
        take(defragger, frame)
    assert defragger.metric.held_datagrams == 1
    for now in (2 * SECOND, 2 * SECOND + 1):
        take_all(cut(datagram(100), 64), defragger, time=now)
    assert defragger.metric.datagrams == 2


def test_a_victim_among_many_is_put_together_while_there_is_room(tmp_path):
    """Only what is older than what fills the room goes."""
    flood = [*first_pieces(2_000, 8)]
    first, second = cut(datagram(100), 64, number=7)
    limits = Limits(fragment_bytes=4 * MIB)
    flows = read_frames(tmp_path, [*flood, first, *flood[:1_000], second], defrag=True, limits=limits)
    assert [flow.layers_path for flow in flows] == ["Ethernet/IPv4/Fragment/UDP"]


def test_thousands_wait_at_the_same_time_and_each_finds_its_pieces(tmp_path):
    """First pieces of 5,000 datagrams, then the last ones in another order."""
    count, content = 5_000, datagram(16)
    last = [small(at, 1, 8, content[8:], flags=0) for at in range(count)]
    frames = [small(at, 1, 0, content[:8]) for at in range(count)] + seeded(3).sample(last, count)
    flows = read_frames(tmp_path, ((START, frame) for frame in frames), defrag=True)
    assert len(flows) == count
    assert flows.account.in_flows == 2 * count
    assert set(flows.to_arrow()["ip_metric_fragments"].to_pylist()) == {1}


# ---- as many pieces as there can be


ORDERS = {
    "in order": lambda frames: frames,
    "reversed": lambda frames: frames[::-1],
    "every other, then the rest": lambda frames: frames[::2] + frames[1::2],
    "shuffled": lambda frames: seeded(2).sample(frames, len(frames)),
}


@BOTH
@pytest.mark.parametrize("order", ORDERS)
def test_the_smallest_pieces_come_together_in_any_order(version, order):
    """A datagram of 8,000 pieces; what they cost in these orders, ``bench/orders.py`` measures."""
    defragger = IPDefragger()
    take_all(ORDERS[order](cut(datagram(64_000), 8, version=version)), defragger)
    assert (defragger.metric.datagrams, defragger.metric.dropped) == (1, {})


@BOTH
def test_duplicates_of_the_smallest_pieces_are_dropped_by_name(version):
    first = cut(datagram(64_000), 8, version=version)[:-1]
    defragger = IPDefragger()
    take_all(first * 2, defragger)
    assert defragger.metric.dropped == {"duplicate fragment": 7_999}


# ---- attacks with names


ATTACKS = {
    # the second piece lies inside the first and ends the datagram before it
    "teardrop": [piece(bytes(40), more=True), piece(bytes(4), 24)],
    "new teardrop": [piece(bytes(48), more=True), piece(bytes(20), 24)],
    # a first and a last piece, with all of the datagram missing between them
    "rose": [piece(bytes(8), more=True), piece(bytes(8), 65_000)],
    # the last piece goes beyond the largest datagram
    "ping of death": [piece(bytes(1480), more=True, protocol=1), piece(bytes(1480), 65_120, protocol=1)],
    # the same last piece, again and again
    "jolt2": [piece(bytes(9), 65_456, protocol=1)] * 20,
    # nothing is the whole
    "empty": [piece(b"", more=True), piece(b"", 8)],
    # a first piece too short for the ports, and another one over it (RFC 1858)
    "tiny": [piece(bytes(7), more=True), piece(bytes(8), 8)],
    # all of them the first
    "opentear": [piece(bytes(8), more=True, src=bytes([10, 0, 0, at])) for at in range(50)],
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_make_no_flow_and_all_their_frames_are_somewhere(tmp_path, name):
    flows = read_frames(tmp_path, ATTACKS[name], defrag=True)
    assert len(flows) == 0
    assert flows.account.held + flows.account.frames_discarded == len(ATTACKS[name])


def test_ports_cannot_be_written_over(tmp_path):
    """RFC 3128: a later piece would bring other ports to a filter that lets the later ones win."""
    whole, forged = datagram(64, ports=(1000, 53)), datagram(64, ports=(1000, 22))
    frames = [piece(whole[:32], more=True), piece(forged[:40], more=True), piece(whole[40:], 40)]
    (flow,) = read_frames(tmp_path, frames, defrag=True)
    assert (flow.transport.b, flow.ip_metric.fragment_errors) == (53, 1)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_changed_in_fragments_their_frames_are_somewhere(tmp_path, seed):
    """Mostly in their headers; in all orders, some twice, some cut off."""
    chance = seeded(seed)
    frames = []
    for number, version in enumerate((4, 6, 4, 6)):
        outer = TUNNEL if number > 1 else None
        for frame in cut(
            datagram(200), chance.choice((8, 24, 64)), version=version, number=number, outer=outer
        ):
            changed = bytearray(frame)
            for _ in range(chance.choice((0, 0, 0, 1, 3))):
                at = chance.randrange(min(len(changed), chance.choice((30, 70, 120))))
                changed[at] = chance.choice((0, 1, 0x20, 0xFF, chance.randrange(256)))
            end = chance.randrange(14, len(changed)) if chance.random() < 0.1 else len(changed)
            frames += [bytes(changed[:end])] * chance.choice((1, 1, 1, 2))
    chance.shuffle(frames)
    flows = read_frames(tmp_path, frames, defrag=True)
    assert flows.account.frames == len(frames)
    small = Limits(fragment_bytes=3_000, fragment_datagrams=2, fragment_seconds=0)
    assert read_frames(tmp_path, frames, defrag=True, limits=small).account.frames == len(frames)


# ---- clocks


def held_after(times, max_age=30 * SECOND):
    """Give what is held and dropped when first pieces of as many datagrams come at these times."""
    defragger = IPDefragger(max_age=max_age)
    for number, at in enumerate(times):
        take(defragger, piece(bytes(8), more=True, number=number), at)
    assert adds_up(defragger.metric)
    return defragger.metric.held, defragger.metric.dropped


NOW, FUTURE = START, START + 74 * 365 * 86_400 * SECOND


def test_one_piece_from_the_future_ends_no_datagram():
    assert held_after([NOW, NOW + 1, FUTURE, NOW + 2, FUTURE, NOW + 3]) == (6, {})


def test_one_piece_from_the_past_ends_none_either():
    assert held_after([NOW, NOW + 1, 0, NOW + 2]) == (4, {})


def test_a_datagram_from_the_future_is_not_held_for_ever():
    """It goes in its turn, when it is the oldest."""
    later = NOW + 31 * SECOND
    assert held_after([FUTURE, NOW, NOW, later, later]) == (2, {"fragment too old": 3})


@pytest.mark.parametrize("step", [3600 * SECOND, -3600 * SECOND])
def test_after_a_step_of_the_clock_what_was_before_it_goes(step):
    assert held_after([NOW, NOW, NOW + step, NOW + step]) == (2, {"fragment too old": 2})


@pytest.mark.parametrize("step", [30 * SECOND, -30 * SECOND])
def test_a_smaller_step_does_no_harm(step):
    assert held_after([NOW, NOW, NOW + step, NOW + step]) == (4, {})


def test_a_piece_from_the_future_joins_no_datagram_of_the_present(tmp_path):
    """What has its id begins another one; the older is thrown away by name."""
    first, second = cut(datagram(100), 64)
    account = read_frames(tmp_path, [(NOW, first), (FUTURE, second)], defrag=True).account
    assert (account.held, account.discarded) == (1, {"fragment too old": 1})


def test_ids_that_come_back_join_nothing_old(tmp_path):
    """RFC 4963: a host with many datagrams uses each id again soon."""
    first, second = cut(datagram(100), 64)
    frames = [(NOW, first), (NOW + 31 * SECOND, first), (NOW + 31 * SECOND, second)]
    (flow,) = flows = read_frames(tmp_path, frames, defrag=True)
    assert flow.metric.ab_packets == 1
    assert flows.account.discarded == {"fragment too old": 1}


def test_an_age_of_0_joins_what_came_at_once():
    defragger = IPDefragger(max_age=0)
    first, second = cut(datagram(100), 64)
    assert take(defragger, first, 5) is None
    assert take(defragger, second, 6) is None
    assert take(defragger, first, 6) is not None


def test_memory_is_given_back_when_a_table_is_gone(tmp_path):
    """Thousands of tables, each with pieces that it holds, and none of them leaks."""
    frames = [*first_pieces(100, 1480)]
    read_frames(tmp_path, frames, defrag=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(300):
        read_frames(tmp_path, frames, defrag=True)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 << 10
