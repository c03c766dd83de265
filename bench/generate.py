"""Captures to measure with: the same bytes each time, made in a few seconds.

mixed    2.0 M packets, 1.1 GB: TCP connections with handshake and close, DNS, ping, ARP; 5 % of them over
         IPv6, 5 % in a VLAN, 5 % of the connections in VXLAN
small64  3.0 M frames of 64 bytes, 1.0 M flows in random order: every packet looks up a flow far away
churn    2.0 M frames of 64 bytes, each a flow of its own: every packet begins a flow
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import wire
from wire import Frames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wire import Array

CAPTURES: Final = Path(__file__).parent / "captures"
START: Final = 1_700_000_000_000_000  # Unix µs
FIN, SYN, PUSH, ACK = 0x01, 0x02, 0x08, 0x10
HANDSHAKE, CLOSE = 3, 4  # packets
CLIENTS, SERVERS, RESOLVERS = 10 << 24, 172 << 24 | 16 << 16, 9 << 24
VXLAN_ENDS: Final = (192 << 24 | 168 << 16 | 1, 192 << 24 | 168 << 16 | 2)
VXLAN_ROOM: Final = 1_410  # bytes of TCP payload that fit into a frame of 1,500 bytes and its tunnel
PORTS: Final = {443: 0.55, 80: 0.25, 8080: 0.07, 22: 0.05, 25: 0.04, 993: 0.04}
QUESTION: Final = b"\1\0\0\1\0\0\0\0\0\0\3www\x08h0000000\7example\3com\0\0\1\0\1"  # after DNS's id
ANSWER: Final = b"\x81\x80\0\1\0\1" + QUESTION[6:] + b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xcb\0\x71\7"


@dataclass(frozen=True)
class Mix:
    """What crosses a link: about 160,000 conversations in ten minutes."""

    packets: int = 2_000_000
    connections: int = 50_000
    dns: int = 100_000
    pings: int = 10_000
    arps: int = 5_000
    ipv6: float = 0.05
    vlan: float = 0.05
    vxlan: float = 0.05
    frame_sizes: tuple[int, ...] = (64, 576, 1500)
    size_shares: tuple[float, ...] = (0.40, 0.24, 0.36)
    seconds: int = 600

    def scaled(self, scale: float) -> Mix:
        """Give the same mix with fewer packets and fewer conversations."""
        counts = ("packets", "connections", "dns", "pings", "arps")
        return replace(self, **{name: max(1, round(getattr(self, name) * scale)) for name in counts})


@dataclass(frozen=True)
class Crowd:
    """Frames of 64 bytes from many flows, half TCP and half UDP, evenly in a minute."""

    packets: int
    flows: int
    seed: int
    seconds: int = 60
    replies: float = 0.4

    def scaled(self, scale: float) -> Crowd:
        """Give the same crowd with fewer packets and fewer flows."""
        return replace(
            self, packets=max(1, round(self.packets * scale)), flows=max(1, round(self.flows * scale))
        )


MIXED: Final = Mix()
SMALL64: Final = Crowd(packets=3_000_000, flows=1_000_000, seed=2)
CHURN: Final = Crowd(packets=2_000_000, flows=2_000_000, seed=3)


class Segments(NamedTuple):
    """TCP segments, ordered by connection and in it by time."""

    connection: Array
    backwards: Array
    flags: Array
    payload: Array
    time: Array
    seq: Array
    ack: Array

    def where(self, chosen: Array) -> Segments:
        """Give some of them."""
        return Segments(*(column[chosen] for column in self))


def mixed(mix: Mix, seed: int = 1) -> list[Frames]:
    """Make all frames of a mix."""
    rng = np.random.default_rng(seed)
    return [
        *tcp_frames(mix, rng),
        *dns_frames(mix, rng),
        *ping_frames(mix, rng),
        arp_frames(mix, rng),
    ]


# ---- TCP


def tcp_frames(mix: Mix, rng: np.random.Generator) -> Iterator[Frames]:
    """Make TCP connections, each in one of four wrappings."""
    n = mix.connections
    shares = [1 - mix.ipv6 - mix.vlan - mix.vxlan, mix.ipv6, mix.vlan, mix.vxlan]
    wrapping = rng.choice(4, n, p=shares)
    room = np.where(wrapping == 3, VXLAN_ROOM, 65_535)
    segments = make_segments(mix, room, rng)
    client = (CLIENTS | rng.integers(1, 1 << 16, n), 1024 + rng.permutation(60_000)[:n])
    server = (SERVERS | rng.integers(1, 1 << 12, n), rng.choice(list(PORTS), n, p=list(PORTS.values())))
    for kind, wrap in enumerate((in_ipv4, in_ipv6, in_vlan, in_vxlan)):
        some = segments.where(wrapping[segments.connection] == kind)
        if len(some.time):
            addresses, ports = (_ends(some, client[i], server[i]) for i in range(2))
            header = wire.tcp(ports, some.flags, some.seq, some.ack)
            headers, size = wrap(some, addresses, header)
            yield Frames(some.time, headers, np.maximum(size + some.payload, wire.SHORTEST))


def make_segments(mix: Mix, room: Array, rng: np.random.Generator) -> Segments:
    """Make the handshake, the data and the close of every connection; ``room`` bounds a payload."""
    counts = data_counts(mix, rng) + HANDSHAKE + CLOSE
    connection = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    index = np.arange(len(connection)) - first[connection]
    left = counts[connection] - index
    is_data = (index >= HANDSHAKE) & (left > CLOSE)
    backwards = is_data & (rng.random(len(connection)) < 0.6) | (index == 1) | (left == 3) | (left == 2)
    flags = np.select([index == 0, index == 1, is_data, (left == 4) | (left == 2)],
                      [SYN, SYN | ACK, PUSH | ACK, FIN | ACK], ACK)  # fmt: skip
    sizes = rng.choice(mix.frame_sizes, len(connection), p=mix.size_shares)
    payload = np.where(is_data, np.minimum(np.maximum(sizes - 40, 4), room[connection]), 0)
    time = segment_times(mix, connection, first, rng)
    seq, ack = sequence_numbers(connection, first, backwards, payload, flags)
    return Segments(connection, backwards, flags, payload, time, seq, ack)


def data_counts(mix: Mix, rng: np.random.Generator) -> Array:
    """Say how many data segments each connection has: few have most, as everywhere."""
    others = 2 * mix.dns + 2 * mix.pings + mix.arps
    total = max(mix.connections, mix.packets - others - mix.connections * (HANDSHAKE + CLOSE))
    weight = rng.pareto(1.6, mix.connections) + 0.2
    counts: Array = np.clip((weight / weight.sum() * total).astype("i8"), 1, 5_000)
    missing = max(0, total - int(counts.sum()))
    more = np.bincount(np.arange(missing) % mix.connections, minlength=mix.connections)
    return counts + more


def segment_times(mix: Mix, connection: Array, first: Array, rng: np.random.Generator) -> Array:
    """Spread the connections over the capture, and their segments over their lives."""
    start = rng.uniform(0, mix.seconds - 40, len(first))
    life = np.minimum(rng.exponential(8, len(first)) + 0.05, 38)
    moment = np.sort(connection + rng.random(len(connection))) - connection  # sorted in each connection
    moment[first] = 0
    return _us(start[connection] + life[connection] * moment)


def sequence_numbers(
    connection: Array, first: Array, backwards: Array, payload: Array, flags: Array
) -> tuple[Array, Array]:
    """Number the bytes of both sides from 1,000; SYN and FIN count as one."""
    advance = payload + ((flags & (SYN | FIN)) != 0)
    sent = []
    for side in (False, True):
        total = np.cumsum(np.where(backwards == side, advance, 0))
        before = total[first] - np.where(backwards[first] == side, advance[first], 0)
        sent.append(1_000 + total - before[connection])
    own, other = np.where(backwards, sent[::-1], sent)
    return own - advance, np.where(flags == SYN, 0, other)


def _ends(some: Segments, client: Array, server: Array) -> tuple[Array, Array]:
    near, far = client[some.connection], server[some.connection]
    return np.where(some.backwards, far, near), np.where(some.backwards, near, far)


def in_ipv4(some: Segments, ends: tuple[Array, Array], tcp: Array) -> tuple[Array, int]:
    """Put segments into IPv4; gives the headers, and how many bytes they are without padding."""
    ip = wire.ipv4(ends, wire.IS_TCP, 20 + some.payload)
    return wire.stack(wire.ethernet(some.backwards, wire.IS_IPV4), ip, tcp), 54


def in_ipv6(some: Segments, ends: tuple[Array, Array], tcp: Array) -> tuple[Array, int]:
    """Put segments into IPv6."""
    ip = wire.ipv6(ends, wire.IS_TCP, 20 + some.payload)
    return wire.stack(wire.ethernet(some.backwards, wire.IS_IPV6), ip, tcp), 74


def in_vlan(some: Segments, ends: tuple[Array, Array], tcp: Array) -> tuple[Array, int]:
    """Put segments into IPv4 in one of 50 VLANs."""
    tag = wire.vlan(100 + some.connection % 50, wire.IS_IPV4)
    ip = wire.ipv4(ends, wire.IS_TCP, 20 + some.payload)
    return wire.stack(wire.ethernet(some.backwards, wire.IS_VLAN), tag, ip, tcp), 58


def in_vxlan(some: Segments, ends: tuple[Array, Array], tcp: Array) -> tuple[Array, int]:
    """Put segments into IPv4 in one of 16 VXLAN networks between two hosts."""
    inner, size = in_ipv4(some, ends, tcp)
    carried = 8 + size + some.payload
    here, there = (np.where(some.backwards, *pair) for pair in (VXLAN_ENDS[::-1], VXLAN_ENDS))
    ports = 49_152 + some.connection % 16_000, np.full(len(carried), 4789)
    outer = wire.stack(
        wire.ethernet(some.backwards, wire.IS_IPV4),
        wire.ipv4((here, there), wire.IS_UDP, 8 + carried),
        wire.udp(ports, carried),
        wire.vxlan(5_000 + some.connection % 16),
    )[:, :50]
    return np.hstack([outer, inner[:, :size]]), 50 + size


# ---- the rest of a mix


def dns_frames(mix: Mix, rng: np.random.Generator) -> Iterator[Frames]:
    """Make DNS queries and their answers; no two have the same client and port."""
    number = np.arange(mix.dns)
    client = CLIENTS | 1 << 16 | (number // 60_000) << 14 | rng.integers(1, 1 << 14, mix.dns)
    resolver = RESOLVERS | rng.integers(1, 5, mix.dns)
    asked = rng.uniform(0, mix.seconds - 2, mix.dns)
    answered = asked + rng.uniform(0.001, 0.08, mix.dns)
    wrapping = rng.choice(3, mix.dns, p=[1 - mix.ipv6 - mix.vlan, mix.ipv6, mix.vlan])
    for kind in range(3):
        some = number[wrapping == kind]
        near, far = (client[some], 1024 + some % 60_000), (resolver[some], np.full(len(some), 53))
        if len(some):
            yield _dns(some, kind, near, far, _us(asked[some]))
            yield _dns(some, kind, far, near, _us(answered[some]), answer=True)


def _dns(  # noqa: PLR0913 - a packet has this many facts
    number: Array,
    kind: int,
    src: tuple[Array, Array],
    dst: tuple[Array, Array],
    time: Array,
    *,
    answer: bool = False,
) -> Frames:
    ends, ports = zip(src, dst, strict=True)
    backwards = np.full(len(number), answer)
    message = _dns_message(number, ANSWER if answer else QUESTION)
    size = message.shape[1]
    rest = (wire.udp(ports, size), message)
    ip = (wire.ipv6 if kind == 1 else wire.ipv4)(ends, wire.IS_UDP, 8 + size)
    ethertype = (wire.IS_IPV4, wire.IS_IPV6, wire.IS_VLAN)[kind]
    tags = [wire.vlan(100 + number % 50, wire.IS_IPV4)] if kind == 2 else []
    headers = wire.stack(wire.ethernet(backwards, ethertype), *tags, ip, *rest)
    return Frames(time, headers, np.full(len(number), headers.shape[1]))


def _dns_message(number: Array, text: bytes) -> Array:
    """Write an id and, into the name www.h0000000.example.com, a number."""
    message = np.empty((len(number), 2 + len(text)), "u1")
    message[:, 0], message[:, 1] = number >> 8 & 0xFF, number & 0xFF
    message[:, 2:] = np.frombuffer(text, "u1")
    last = 2 + text.index(b"h0000000") + 7
    for digit in range(6):
        message[:, last - digit] = 48 + number // 10**digit % 10
    return message


def ping_frames(mix: Mix, rng: np.random.Generator) -> Iterator[Frames]:
    """Make one echo request from each of many hosts, and its reply."""
    number = np.arange(mix.pings)
    host, target = CLIENTS | 2 << 16 | number, CLIENTS | 3 << 16 | number % 254 + 1
    asked = _us(rng.uniform(0, mix.seconds - 2, mix.pings))
    for answer in (False, True):
        backwards = np.full(mix.pings, answer)
        ends = (target, host) if answer else (host, target)
        ip = wire.ipv4(ends, wire.IS_ICMP, wire.ICMP.itemsize)
        headers = wire.stack(
            wire.ethernet(backwards, wire.IS_IPV4), ip, wire.echo(backwards, number & 0xFFFF)
        )
        yield Frames(asked + 10_000 * answer, headers, np.full(mix.pings, 98))


def arp_frames(mix: Mix, rng: np.random.Generator) -> Frames:
    """Make ARP requests, to everybody."""
    host = CLIENTS | np.arange(mix.arps)
    link = wire.ethernet(np.full(mix.arps, fill_value=False), wire.IS_ARP)
    link["dst"] = 0xFF
    headers = wire.stack(link, wire.arp_request(host, host + 7))
    return Frames(_us(rng.uniform(0, mix.seconds, mix.arps)), headers, np.full(mix.arps, wire.SHORTEST))


# ---- crowds


def crowd(many: Crowd) -> list[Frames]:
    """Make all frames of a crowd: each flow at least once, in random order."""
    rng = np.random.default_rng(many.seed)
    more = rng.integers(0, many.flows, many.packets - many.flows)
    flow = rng.permutation(np.concatenate([np.arange(many.flows), more]))
    seen_before = np.ones(many.packets, bool)
    seen_before[np.unique(flow, return_index=True)[1]] = False
    backwards = seen_before & (rng.random(many.packets) < many.replies)
    time = START + np.arange(many.packets) * many.seconds * 1_000_000 // many.packets
    return [
        _crowd_frames(flow[kind], backwards[kind], time[kind], is_tcp=is_tcp)
        for is_tcp, kind in ((True, flow % 2 == 1), (False, flow % 2 == 0))
    ]


def _crowd_frames(flow: Array, backwards: Array, time: Array, *, is_tcp: bool) -> Frames:
    client = CLIENTS | flow * 2_654_435_761 & 0xFF_FFFF  # times an odd number: no two are equal
    server = SERVERS | flow * 40_503 & 0xFFFF
    near, far = 32_768 + flow * 7_919 % 28_000, np.full(len(flow), 443) if is_tcp else 20_000 + flow % 997
    ends, ports = (
        (np.where(backwards, b, a), np.where(backwards, a, b)) for a, b in ((client, server), (near, far))
    )
    transport = wire.tcp(ports, PUSH | ACK, time * 10, 0) if is_tcp else wire.udp(ports, 22)
    ip = wire.ipv4(ends, wire.IS_TCP if is_tcp else wire.IS_UDP, 30)
    headers = wire.stack(wire.ethernet(backwards, wire.IS_IPV4), ip, transport)
    return Frames(time, headers, np.full(len(flow), 64))


def _us(seconds: Array) -> Array:
    return START + (seconds * 1_000_000).astype("i8")


def main() -> None:
    """Write one capture, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=["mixed", "small64", "churn"])
    parser.add_argument("--scale", type=float, default=1.0, help="a share of the packets and flows")
    parser.add_argument("--into", type=Path, default=CAPTURES, help="folder; default: bench/captures")
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    crowds = {"small64": SMALL64, "churn": CHURN}
    for name in options.names:
        scale = options.scale
        frames = mixed(MIXED.scaled(scale)) if name == "mixed" else crowd(crowds[name].scaled(scale))
        wire.write_pcap(options.into / f"{name}.pcap", frames, seed=0)
        print(f"{options.into / name}.pcap: {sum(len(group.time) for group in frames):,} packets")


if __name__ == "__main__":
    main()
