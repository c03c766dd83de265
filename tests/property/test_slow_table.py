"""read against the slow table: conversations in any order, both ways, in tunnels."""

import tempfile
from pathlib import Path

from cases import DEFAULT
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from reading import read_frames
from slow_table import shown, shown_fast, slow_flows

from flowtable.testing import (
    ARP,
    DNS,
    ERSPAN2,
    GRE,
    MPLS,
    NVGRE,
    START,
    TCP,
    UDP,
    VXLAN,
    Dot1Q,
    Ethernet,
    Geneve,
    GTPv1U,
    ICMPv4,
    IPv4,
    IPv6,
)

MACS = st.sampled_from(["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:01:00"])
FOUR = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.1.0"])
SIX = st.sampled_from(["2001:db8::1", "2001:db8::2", "::"])
PORTS = st.sampled_from([53, 1000, 1001, 4789])
VNIS = st.sampled_from([1, 2])
TUNNELS = st.sampled_from([(), ("vxlan",), ("gre", "mpls", "vxlan", "geneve"), DEFAULT])

links = st.builds(Ethernet, MACS, MACS)
networks = st.one_of(st.builds(IPv4, FOUR, FOUR), st.builds(IPv6, SIX, SIX))
transports = st.one_of(
    st.builds(TCP, PORTS, PORTS, st.sampled_from(["S", "SA", "A", "F", "R"])),
    st.builds(UDP, PORTS, PORTS),
    st.builds(lambda a: UDP(a, 53) / DNS(), PORTS),
    st.builds(lambda kind, number: ICMPv4(kind, 0, number), st.sampled_from([0, 3, 8]), VNIS),
)
packets = st.one_of(
    st.builds(lambda network, transport: network / transport, networks, transports),
    st.just(ARP() / b""),
)
frames = st.recursive(
    st.builds(lambda link, packet: link / packet, links, packets),
    lambda inner: st.one_of(
        st.builds(lambda a, b, c, v, p: a / b / UDP(c) / VXLAN(v) / p, links, networks, PORTS, VNIS, inner),
        st.builds(lambda a, b, c, v, p: a / b / UDP(c) / Geneve(v) / p, links, networks, PORTS, VNIS, inner),
        st.builds(lambda a, b, v, p: a / b / GRE(key=v) / p, links, networks, VNIS, inner),
        st.builds(lambda a, n, p: a / MPLS(n) / MPLS(n) / p, links, VNIS, inner),
        st.builds(lambda a, n, p: a / Dot1Q(n) / p, links, VNIS, packets),
        st.builds(lambda a, b, c, p: a / b / c / p, links, networks, networks, transports),
        st.builds(lambda a, b, v, p: a / b / GRE(sequence=1) / ERSPAN2(v) / p, links, networks, VNIS, inner),
        st.builds(lambda a, b, v, p: a / b / NVGRE(vsid=0x1000 | v) / p, links, networks, VNIS, inner),
        st.builds(lambda a, b, v, p: a / b / UDP(2152) / GTPv1U(v) / p, links, networks, VNIS, packets),
    ),
    max_leaves=3,
)
steps = st.integers(-3, 5).map(lambda ms: ms * 1_000_000)


@given(
    drawn=st.lists(frames, min_size=1, max_size=12),
    order=st.lists(st.tuples(st.integers(0, 11), steps), max_size=40),
    mode=st.sampled_from(["L2", "L3"]),
    tunnels=TUNNELS,
    key_ids=st.booleans(),
)
@example(drawn=[Ethernet() / IPv4() / TCP(1, 2)], order=[(0, 0)] * 40, mode="L2", tunnels=(), key_ids=False)
@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_any_interleaving_is_counted_as_the_slow_table_counts(drawn, order, mode, tunnels, key_ids):
    built = [bytes(frame) for frame in drawn]
    time, timed = START, []
    for at, step in order:
        time += step
        timed.append((time, built[at % len(built)]))
    with tempfile.TemporaryDirectory() as folder:
        flows = read_frames(Path(folder), timed, layer_key=mode, tunnels=tunnels, key_ids=key_ids)
    slow = slow_flows(timed, mode, tunnels, key_ids=key_ids)
    assert [shown_fast(flow) for flow in flows] == [shown(flow) for flow in slow]
