"""Seeds for the fuzz targets: the frames of the tests, conversations, captures of every form, and filters.

Run it as ``python fuzz/seeds.py FOLDER``; each target's seeds go into a folder of its own.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fuzz_inputs import ALL_MORE, EVERY_MODE, LIVES, ROOMS, TIMERS, filter_input, frames_input

from flowtable.capture.bpf import bpf_filter_to_raw
from flowtable.testing import (
    TCP,
    UDP,
    VXLAN,
    Ethernet,
    FrameSpec,
    Host,
    ICMPv4,
    Interface,
    IPv4,
    IPv6,
    Pair,
    SFlow,
    SFlowCounterSample,
    SFlowFlowSample,
    demo_capture,
    dns_exchange,
    fragments,
    merge,
    ping,
    tcp_conversation,
    wrap,
    write_pcap,
    write_pcapng,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowtable.testing.conversations import Timed

ROOT: Final = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / "packet"), str(ROOT / "tests" / "capture")]

from cases import CASES  # noqa: E402 - the tests' frames, which are no package
from sflow_datagrams import EVERY_COUNTER_RECORD, EVERY_FLOW_RECORD, EVERYTHING  # noqa: E402 - likewise

PAIRS: Final = (
    Pair(Host("10.0.0.1"), Host("10.0.0.2")),
    Pair(Host("2001:db8::1"), Host("2001:db8::2")),
)
PORTS: Final = (50_000, 443)
TUNNEL: Final = Ethernet() / IPv4() / UDP() / VXLAN(7)
EXPRESSIONS: Final = (
    "tcp port 80",
    "udp or icmp6",
    "vlan and ip",
    "ip[2:2] > 100 and tcp[13] & 2 != 0",
    "net 10.0.0.0/8 and not greater 1000",
    "ip6 and len % 7 != 3",
    "pppoes or (mpls 5 and ip)",
    "(ether[0] << 3) / (len - 30) * ip[0] > 9",
)


def frames_seeds() -> Iterator[bytes]:
    """Every frame of the tests alone, and conversations as several frames."""
    for case in CASES:
        for flags in (0, ALL_MORE):
            yield frames_input([case.frame], link_type=case.link_type, flags=flags)
    for talk in conversations():
        steps = [0, *(step_between(*pair) for pair in itertools.pairwise(talk))]
        frames = [bytes(packet) for _, packet in talk]
        for flags in EVERY_MODE:
            yield frames_input(frames, flags=flags, steps=steps)
    for some in fragmented():
        for flags in (0, ALL_MORE):
            yield frames_input(some, flags=flags)


def lives_seeds() -> Iterator[bytes]:
    """Conversations at once, with other steps between their packets, in tables of all kinds."""
    talks = list(conversations())
    for chosen in range(len(TIMERS) * len(ROOMS)):
        for flags in (0, ALL_MORE, 1 << chosen % LIVES):
            talk = merge(*talks[chosen % 5 :: 3])
            frames = [bytes(packet) for _, packet in talk]
            steps = [(1, 3, 7, 20)[(chosen + at) % 4] for at in range(len(frames))]
            yield frames_input(frames, flags=flags | chosen << LIVES, steps=steps)
    for some in fragmented():
        yield frames_input(some, flags=ALL_MORE)


def fragmented() -> Iterator[list[bytes]]:
    """Fragments in order, reverse, without the last, twice, overlapping, in a tunnel, and of a tunnel."""
    for datagram in (IPv4(id=9) / ICMPv4() / bytes(64), IPv6() / UDP(1, 53) / bytes(64)):
        pieces = [bytes(Ethernet() / piece) for piece in fragments(datagram, 24)]
        wider = [bytes(Ethernet() / piece) for piece in fragments(datagram, 40)]
        yield from (pieces, pieces[::-1], pieces[:-1], [*pieces, *pieces], [pieces[1], wider[0], *pieces])
        yield [bytes(TUNNEL / Ethernet() / piece) for piece in fragments(datagram, 24)]
        yield [bytes(piece) for piece in fragments(TUNNEL / Ethernet() / datagram, 64)]


def conversations() -> Iterator[list[Timed]]:
    """Two hosts that talk, also through a tunnel."""
    for pair in PAIRS:
        talks = [
            tcp_conversation(pair, PORTS, b"request", b"response" * 40),
            dns_exchange(pair, "www.example.com", "192.0.2.1" if pair is PAIRS[0] else "2001:db8::3"),
            ping(pair, 2),
        ]
        yield from talks
        yield from (wrap(talk, TUNNEL) for talk in talks)


def step_between(before: Timed, after: Timed) -> int:
    """Give the byte for the time between two packets, as near as one comes."""
    return min(127, round(((after[0] - before[0]) / 1_000_000) ** (1 / 3)))


def captures_seeds() -> Iterator[bytes]:
    """Every form of a capture file, each with a few frames."""
    frames = [case.frame for case in CASES[:: len(CASES) // 8]]
    yield demo_capture()
    for order in ("little", "big"):
        for nanoseconds in (False, True):
            yield write_pcap(None, frames, byteorder=order, nanoseconds=nanoseconds)
        yield write_pcap(None, frames, byteorder=order, snaplen=30, link_type=101)
        for block in ("enhanced", "simple", "obsolete"):
            yield write_pcapng(None, frames, byteorder=order, packet_block=block, sections=2)
    clocks = (Interface(1, resolution=9, offset=-5, name="eth0"), Interface(101, resolution=0x8A))
    specs = [FrameSpec(at * 10**9, frame, len(frame) + at, at % 2) for at, frame in enumerate(frames)]
    yield write_pcapng(None, specs, interfaces=clocks, unknown_blocks=True)


def filters_seeds() -> Iterator[bytes]:
    """What libpcap makes of expressions, over some frames."""
    frame = bytes(Ethernet() / IPv4() / TCP(50_000, 80, flags="S"))
    for expression in EXPRESSIONS:
        yield filter_input(bpf_filter_to_raw(1, 256, expression), frame)


def places_seeds() -> Iterator[bytes]:
    """Keys that are added up to a growth of the index and beyond, and removed in the middle of it."""
    for step in (1, 7, 64):
        adds = [(0, at * step, 63) for at in range(40)]
        removes = [(1, at * step + 5, 40) for at in range(40)]
        dues = [(2 | shift << 4, at * step, at * 5 % 251) for at in range(40) for shift in (0, 9)]
        turns = [each for some in zip(adds, removes, dues, dues[::-1], strict=False) for each in some]
        for rows in (adds + removes, turns, dues + [(3, at * step, 0) for at in range(0, 40, 2)]):
            yield b"".join(struct.pack(">BHB", *row) for row in rows)


def samples_seeds() -> Iterator[bytes]:
    """SFlow datagrams of every kind of record."""
    yield EVERYTHING
    for records in (EVERY_FLOW_RECORD[:1], EVERY_FLOW_RECORD, EVERY_FLOW_RECORD[:1] * 5):
        for expanded in (False, True):
            yield bytes(SFlow((SFlowFlowSample(records, expanded=expanded),)))
            yield bytes(SFlow((SFlowCounterSample(EVERY_COUNTER_RECORD, expanded=expanded),)))


SEEDS: Final = {
    "frames": frames_seeds,
    "lives": lives_seeds,
    "captures": captures_seeds,
    "filters": filters_seeds,
    "samples": samples_seeds,
    "places": places_seeds,
}


def write_seeds(folder: Path) -> None:
    """Write all seeds, and what was ever found, by what they hold."""
    for target, seeds in SEEDS.items():
        into = folder / target
        into.mkdir(parents=True, exist_ok=True)
        found = (path.read_bytes() for path in (ROOT / "tests/adversity/found" / target).glob("*"))
        for data in (*seeds(), *found):
            (into / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)


if __name__ == "__main__":
    write_seeds(Path(sys.argv[1]))
