"""Frames dealt out to several sources: every frame once, and what belongs together to the same one."""

import itertools
import random
import socket
import threading
from collections import defaultdict

import pytest
from live_reading import data_of, rest_of, some_of

from flowtable.capture import open_fanout
from flowtable.errors import CaptureError, OptionError
from flowtable.testing import (
    ARP,
    GRE,
    TCP,
    UDP,
    VXLAN,
    Dot1Q,
    Ethernet,
    ICMPv4,
    IPv4,
    IPv6,
    IPv6Fragment,
    ServiceTag,
    fragments,
)  # fmt: skip
from flowtable.testing.netns import send

pytestmark = pytest.mark.usefixtures("shared_network")

TAGS = [[], [Dot1Q(5)], [ServiceTag(5), Dot1Q(6)], [Dot1Q(1), Dot1Q(2), Dot1Q(3)]]


def pairs(count):
    """Pairs of IP addresses, IPv4 and IPv6."""
    random_ = random.Random(11)  # noqa: S311

    def group():
        return f"{random_.randrange(65536):x}"

    for number in range(count):
        if number % 2:
            yield IPv4, [f"10.{random_.randrange(256)}.0.{random_.randrange(1, 255)}" for _ in range(2)]
        else:
            yield (
                IPv6,
                [f"2001:db8::{random_.randrange(65536):x}:{random_.randrange(65536):x}" for _ in range(2)],
            )


def both_ways(layer, addresses, tags):
    """Frames of one pair: both ways, several protocols and ports, pieces, and tunnels with others inside."""
    for one, other in (addresses, addresses[::-1]):
        outer = Ethernet() if (one, other) == tuple(addresses) else Ethernet(src="02:00:00:00:00:99")
        for tag in tags:
            outer /= tag
        ip = layer(one, other)
        yield bytes(outer / ip / UDP(53, 1024))
        yield bytes(outer / ip / TCP(1024, 53))
        yield bytes(outer / ip / GRE() / IPv4("10.1.1.1", "10.2.2.2") / UDP(1, 2))
        yield bytes(
            outer / ip / UDP(1, 4789) / VXLAN(vni=1) / Ethernet() / IPv4("10.3.3.3", "10.4.4.4") / ICMPv4()
        )
        if layer is IPv4:
            yield from (bytes(piece) for piece in fragments(outer / ip / UDP(5, 6) / bytes(100), 40))
        else:
            yield bytes(outer / ip / IPv6Fragment(offset=0, more=True) / bytes(64))
            yield bytes(outer / ip / IPv6Fragment(offset=8) / bytes(64))


@pytest.mark.parametrize("tags", TAGS, ids=len)
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("interface", ["right", "left"])
def test_what_has_the_same_outermost_pair_comes_to_the_same_source(interface, threads, tags):
    sources = open_fanout(interface, threads)
    group_of = {}
    sent = []
    for number, (layer, addresses) in enumerate(pairs(200)):
        frames = list(both_ways(layer, addresses, tags))
        group_of.update(dict.fromkeys(frames, number))
        sent += frames
    send("left", sent)
    got = [data_of(rest_of(source)) for source in sources]
    assert sorted(frame for each in got for frame in each) == sorted(sent)
    places = defaultdict(set)
    for place, frames in enumerate(got):
        for frame in frames:
            places[group_of[frame]].add(place)
    assert all(len(each) == 1 for each in places.values())
    # Of 200 pairs each source has at least a fourth of its share: less is as likely as 40 heads of 40 coins.
    for place in range(threads):
        assert sum(each == {place} for each in places.values()) > 200 / threads / 4
    assert sum(source.statistics.received for source in sources) == len(sent)


def test_frames_without_an_ip_address_go_by_their_macs():
    sources = open_fanout("right", 2)
    macs = [
        (f"02:00:00:00:00:{one:02x}", f"02:00:00:00:01:{other:02x}")
        for one in range(20)
        for other in range(10)
    ]
    sent = {}
    for number, (one, other) in enumerate(macs):
        sent[bytes(Ethernet(src=one, dst=other) / ARP())] = number
        sent[bytes(Ethernet(src=other, dst=one) / ARP())] = number
        sent[bytes(Ethernet(src=other, dst=one, ether_type=0x88B5) / bytes(50))] = number
        sent[bytes(Ethernet(src=one, dst=other, ether_type=0x88B5) / bytes(50))] = number
    send("left", sent)
    got = [{sent[frame] for frame in data_of(rest_of(source))} for source in sources]
    assert got[0] | got[1] == set(range(len(macs)))
    assert not got[0] & got[1]
    assert min(len(got[0]), len(got[1])) > len(macs) / 8


def test_pairs_of_one_subnet_are_spread():
    sources = open_fanout("right", 2)
    send(
        "left", [bytes(Ethernet() / IPv4("10.0.0.1", f"10.0.0.{host}") / UDP(1, 2)) for host in range(2, 250)]
    )
    assert min(len(rest_of(source)) for source in sources) > 30


def test_frames_that_end_early_are_taken_by_somebody():
    sources = open_fanout("right", 2)
    whole = bytes(Ethernet() / Dot1Q(5) / Dot1Q(6) / IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 2))
    sent = [whole[:length] for length in range(20, len(whole))]
    send("left", sent)
    got = [frame for source in sources for frame in data_of(rest_of(source))]
    assert sorted(got) == sorted(sent)


def test_all_interfaces_are_dealt_out_by_address():
    sources = open_fanout("any", 2)
    there = [bytes(Ethernet() / IPv4("10.0.0.1", f"10.0.1.{host}") / UDP(1, 2)) for host in range(1, 200)]
    back = [bytes(Ethernet() / IPv4(f"10.0.1.{host}", "10.0.0.1") / UDP(2, 1)) for host in range(1, 200)]
    send("left", there + back)
    hosts = []
    for source in sources:
        got = [frame[20:] for frame in data_of(rest_of(source))]
        hosts.append({max(frame[12:16], frame[16:20]) for frame in got})
    assert not hosts[0] & hosts[1]
    assert len(hosts[0] | hosts[1]) == 199
    assert min(len(each) for each in hosts) > 30


def test_filters_go_with_it():
    sources = open_fanout("right", 2, bpf="vlan 5 and udp port 53")
    wanted = [
        bytes(Ethernet() / Dot1Q(5) / IPv4("10.0.0.1", f"10.0.1.{host}") / UDP(1, 53))
        for host in range(1, 100)
    ]
    send("left", [frame for each in wanted for frame in (each, each[:12] + each[16:])])
    assert sorted(frame for source in sources for frame in data_of(rest_of(source))) == sorted(wanted)


def test_several_interfaces_are_dealt_out_each(shared_network):
    shared_network.pair("left2", "right2")
    sources = open_fanout(["right", "right2"], 2)
    frames = [bytes(Ethernet() / IPv4("10.0.0.1", f"10.0.1.{host}") / UDP(1, 2)) for host in range(1, 100)]
    send("left", frames)
    send("left2", frames)
    got = [data_of(rest_of(source)) for source in sources]
    assert sorted(got[0] + got[1]) == sorted(frames * 2)
    assert min(len(each) for each in got) > 10


def test_one_thread_has_everything():
    (source,) = open_fanout("right", 1)
    send("left", [bytes(Ethernet() / ARP())] * 10)
    assert len(rest_of(source)) == 10


def test_groups_do_not_get_in_each_others_way():
    one, other = open_fanout("right", 2), open_fanout("right", 2)
    frames = [bytes(Ethernet() / IPv4("10.0.0.1", f"10.0.1.{host}") / UDP(1, 2)) for host in range(1, 100)]
    send("left", frames)
    for group in (one, other):
        assert sorted(frame for source in group for frame in data_of(rest_of(source))) == sorted(frames)


@pytest.mark.parametrize("threads", [0, -1, 257])
def test_as_many_threads_as_cannot_be(threads):
    with pytest.raises(OptionError, match=f"^threads is {threads}; it has to be 1 to 256$"):
        open_fanout("right", threads)


def test_no_such_interface():
    with pytest.raises(CaptureError, match="there is no interface 'nothing'"):
        open_fanout("nothing", 2)


def test_no_frame_comes_twice_while_a_group_is_made(shared_network):
    """A flood of frames that all differ goes on meanwhile."""
    over = threading.Event()

    def flood():
        with shared_network.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
            sender.bind(("left", 0))
            for number in itertools.count():
                if over.is_set():
                    return
                address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
                sender.send(bytes(Ethernet() / IPv4(address, "10.0.0.1") / UDP(1, 2)))

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        for _ in range(10):
            sources = open_fanout("right", 2)
            for source in sources:
                assert len(some_of(source, 10)) == 10
            got = [frame for source in sources for frame in data_of(rest_of(source))]
            assert len(set(got)) == len(got)
    finally:
        over.set()
        flooding.join()
