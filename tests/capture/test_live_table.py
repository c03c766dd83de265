"""Interfaces into live tables: flows are what was sent, packet for packet."""

from collections import Counter

import pytest
from live_reading import until

from flowtable.capture import open_fanout, open_live
from flowtable.table.live import Table
from flowtable.testing import GRE, TCP, UDP, VXLAN, Dot1Q, Ethernet, IPv4, IPv6
from flowtable.testing.netns import send

pytestmark = pytest.mark.usefixtures("shared_network")


MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")


def frames():
    """Both ways of conversations of 250 hosts, plain, tagged and in tunnels, in turns."""
    for host in range(250):
        near, far, outer_far = f"10.0.0.{host}", "10.1.0.1", f"198.51.100.{host}"
        for way in (1, -1):
            link, inner_link = Ethernet(*MACS[::way]), Ethernet(*MACS[::way])
            ip, outer = IPv4(*(near, far)[::way]), IPv4(*("192.0.2.1", outer_far)[::way])
            six = IPv6(*(f"2001:db8::{host:x}", "2001:db8::ffff")[::way])
            yield bytes(link / ip / TCP(*(1, 2)[::way]) / bytes(host))
            yield bytes(link / Dot1Q(5) / six / UDP(*(3, 4)[::way]))
            tunnelled = inner_link / ip / UDP(*(5, 6)[::way]) / bytes(host)
            yield bytes(link / outer / UDP(1024, 4789) / VXLAN(vni=9) / tunnelled)
            yield bytes(link / outer / GRE() / ip / UDP(*(7, 8)[::way]))


PATHS = {
    "Ethernet/IPv4/TCP", "Ethernet/Dot1Q/IPv6/UDP", "Ethernet/IPv4/UDP/VXLAN", "Ethernet/IPv4/UDP",
    "Ethernet/IPv4/GRE", "IPv4/UDP",
}  # fmt: skip


def described(flow):
    """What a flow is, and what was counted; in whichever order the two ways of it came."""
    metric = flow.metric
    ends = sorted(
        [
            (flow.network.a, metric.ab_packets, metric.ab_bytes),
            (flow.network.b, metric.ba_packets, metric.ba_bytes),
        ]
    )
    return flow.layers_path, *ends, flow.network.id, flow.parent_uuid != ""


def flows_of(sources, sent):
    """Count what is sent in a live table; gives its flows, and its statistics before it was stopped."""
    ended = Counter()
    table = Table(on_expire=lambda flows: ended.update(described(flow) for flow in flows))
    with table:
        for source in sources:
            table.add(source)
        send("left", sent)
        until(lambda: table.statistics.account.frames >= len(sent))
        statistics = table.statistics
    assert table.statistics.handler_errors == 0
    return ended, statistics


def test_flows_are_what_was_sent_with_nothing_dropped():
    sent = list(frames()) * 25  # 50,000
    flows, statistics = flows_of([open_live("right")], sent)
    assert statistics.packets_received == len(sent) == 50_000
    assert statistics.packets_dropped_by_kernel == 0
    assert statistics.account.adds_up()
    assert Counter(path for path, *_ in flows.elements()) == dict.fromkeys(PATHS, 250)
    for _, one, other, _, _ in flows.elements():
        assert (one[1], other[1]) == (25, 25)
        assert one[2] == other[2]


@pytest.mark.parametrize("threads", [2, 3])
def test_flows_are_the_same_with_several_threads(threads):
    sent = list(frames())
    one, _ = flows_of([open_live("right")], sent)
    several, statistics = flows_of(open_fanout("right", threads), sent)
    assert several == one
    assert statistics.packets_received == len(sent)


def test_an_overload_is_in_the_tables_statistics():
    source = open_live("right", snap=2048, buffer=1 << 18)
    sent = [bytes(Ethernet() / IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 2) / bytes(1000))] * 5000
    send("left", sent)
    with Table() as table:
        table.add(source)
        until(lambda: table.statistics.account.frames == source.statistics.received)
        statistics = table.statistics
    assert statistics.packets_dropped_by_kernel > 0
    assert statistics.packets_received + statistics.packets_dropped_by_kernel == len(sent)
    assert statistics.account.frames == statistics.packets_received
