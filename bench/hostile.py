"""What the worst packets known cost, beside a normal one of the same size, in this process and on one core.

Each packet begins a flow, since that is when most is looked at. What a packet can ask for is limited by its
length and by the 16 flows that it can have: see the ratios, and the nanoseconds for each byte.
"""

from __future__ import annotations

import struct
import tempfile
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from measure import pinned
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import flowtable
from flowtable.testing import (
    GRE,
    LLDP,
    SCTP,
    TCP,
    UDP,
    DHCPv4,
    Dot1Q,
    Ethernet,
    Geneve,
    GeneveOption,
    IPv4,
    IPv6,
    Packet,
    write_pcap,
)

__all__ = ["HOSTILE", "as_table", "hostile"]

COPIES: Final = 1_000
SIZE: Final = 1400  # bytes of a payload
RUNS: Final = 5  # the best one counts: what is wanted is the work, not what disturbed it

IP4: Final = Ethernet() / IPv4()
IP6: Final = Ethernet() / IPv6()
EVERYTHING: Final = b"\xff\xff\xff\xff"


class Cost(NamedTuple):
    """What a packet takes, as it is and beside a normal packet of its size, and for each of its bytes."""

    size: int
    ns: float
    ratio: float
    ns_per_byte: float


def hostile(packets: dict[str, bytes] | None = None, **options: Any) -> dict[str, Cost]:
    """Measure each hostile packet beside a normal one of its size, read with these options."""
    with pinned(0), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hostile.pcap"
        return {name: cost(path, frame, options) for name, frame in (packets or HOSTILE).items()}


def cost(path: Path, frame: bytes, options: dict[str, Any]) -> Cost:
    """Measure one packet."""
    nothing = measured(path, [], options)
    worst, usual = (measured(path, copies(f), options) - nothing for f in (frame, normal(len(frame))))
    return Cost(len(frame), worst / COPIES, worst / usual, worst / COPIES / len(frame))


def measured(path: Path, frames: list[bytes], options: dict[str, Any]) -> int:
    """Give the CPU time of reading frames, in ns."""
    write_pcap(path, frames)
    taken = []
    for _ in range(RUNS):
        begin = time.process_time_ns()
        flowtable.read(path, **options)
        taken.append(time.process_time_ns() - begin)
    return min(taken)


def normal(size: int) -> bytes:
    """Give a packet that nobody looks into."""
    return bytes(IP4 / UDP(40_000, 40_001) / bytes(max(size - 42, 0)))


def copies(frame: bytes) -> list[bytes]:
    """Give a packet many times, each from another sender: the outermost IP address, or MAC, differs."""
    at = {b"\x08\x00": 26, b"\x86\xdd": 34}.get(frame[12:14], 8)
    return [frame[:at] + struct.pack(">I", 0x0A000000 + n) + frame[at + 4 :] for n in range(COPIES)]


def dns(body: bytes, *counts: int) -> bytes:
    return bytes(IP4 / UDP(40_000, 53) / (struct.pack(">HH4H", 1, 0x8180, *counts) + body))


def pointers(size: int) -> bytes:
    """Give names that are pointers to each other, as deep as the message is long."""
    targets = [12, *(min(13 + 2 * at, 0x3FFF) for at in range(1, size // 2))]
    return b"\1a\0" + b"".join(struct.pack(">H", 0xC000 | at) for at in targets)


def records_of_pointers(size: int) -> bytes:
    """Give a name of 127 labels, and records whose names are pointers to it."""
    name = b"\1a" * 127 + b"\0"
    return name + b"\0\1\0\1" + (b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 0)) * ((size - len(name)) // 12)


def opaque(protocol: int, body: bytes) -> bytes:
    return bytes(Ethernet() / IPv4(protocol=protocol) / body)


def options6(header: int, size: int) -> bytes:
    """Give IPv6 with extension headers of one-byte options, each as long as one can be."""
    one = b"\x3c\xff" + bytes(2046)
    return bytes(Ethernet() / IPv6(next_header=header) / (one * (size // 2048)))


SFLOW: Final = b"\0\0\0\5\0\0\0\1" + bytes(16)
HOSTILE: Final[dict[str, bytes]] = {
    "DNS, pointers to pointers": dns(pointers(SIZE), 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF),
    "DNS, pointers to pointers, 64 KB": dns(pointers(65_000), 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF),
    "DNS, records with the longest name": dns(records_of_pointers(SIZE), 1, 90, 0, 0),
    "DNS, records with the longest name, 64 KB": dns(records_of_pointers(65_000), 1, 5_000, 0, 0),
    "DNS, records of nothing": dns(b"\0\0\1\0\1\0\0\0\0\0\0" * (SIZE // 11), 0, SIZE // 11, 0, 0),
    "IPv4, one-byte options": bytes(Ethernet() / IPv4(options=b"\1" * 40) / TCP(1, 2)),
    "TCP, one-byte options": bytes(IP4 / TCP(1, 2, options=b"\1" * 40)),
    "IPv6 hop by hop, one-byte options": options6(0, 2048),
    "IPv6 destination, one-byte options, 60 KB": options6(60, 60_000),
    "VLAN tags": bytes(Ethernet() / Packet((Dot1Q(1),) * 300)),
    "GRE in GRE": bytes(Ethernet() / Packet((IPv4() / GRE()).layers * 30) / bytes(400)),
    "IP in IP": bytes(Ethernet() / Packet((IPv4() / IPv6()).layers * 20)),
    "Geneve, small options": bytes(IP4 / UDP() / Geneve(7, (GeneveOption(data=b""),) * 60) / bytes(900)),
    "SCTP, empty chunks": bytes(IP4 / SCTP(1, 2) / (b"\x0b\0\0\4" * (SIZE // 4))),
    "sFlow, billions of samples": bytes(IP4 / UDP(1, 6343) / (SFLOW + EVERYTHING + bytes(SIZE))),
    "sFlow, samples of nothing": bytes(
        IP4 / UDP(1, 6343) / (SFLOW + struct.pack(">I", 30) + (b"\0\0\0\2\0\0\0\x0c" + bytes(12)) * 69)
    ),
    "OSPF, billions of announcements": opaque(89, b"\x02\x04\x05\x78" + bytes(20) + EVERYTHING + bytes(SIZE)),
    "OSPF, announcements of nothing": opaque(
        89,
        b"\x02\x04"
        + struct.pack(">H", 28 + 20 * 65)
        + bytes(20)
        + struct.pack(">I", 65)
        + (b"\0\0\0\5" + bytes(14) + b"\0\x14") * 65,
    ),
    "IGMP, groups of nothing": opaque(2, b"\x22\0\0\0\0\0\0\xaa" + (b"\1\0\0\0" + bytes(4)) * 170),
    "LLDP, values of nothing": bytes(Ethernet() / LLDP((*LLDP().tlvs[:3], *(((9, b""),) * 690), (0, b"")))),
    "DHCPv4, one-byte options": bytes(IP4 / UDP(68, 67) / DHCPv4() / bytes(SIZE)),
    "DHCPv6, options of nothing": bytes(IP6 / UDP(546, 547) / (b"\1\0\0\0" + b"\0\1\0\0" * (SIZE // 4))),
    "SIP, empty lines": bytes(IP4 / UDP(1, 5060) / (b"\r\n" * (SIZE // 2))),
    "SIP, one line": bytes(IP4 / UDP(1, 5060) / (b"A " * (SIZE // 2))),
    "EthernetCTP, forwarded": bytes(Ethernet(ether_type=0x9000) / (b"\0\0" + b"\2\0" + bytes(6) * 200)),
}


def as_table(figures: dict[str, Cost]) -> Table:
    """Show the figures for people, the worst first."""
    table = Table(title="hostile packets", title_style="bold", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("packet, each the first of a flow")
    for column in ("bytes", "ns", "of a normal one's", "ns per byte"):
        table.add_column(column, justify="right")
    for name, cost in sorted(figures.items(), key=lambda item: -item[1].ratio):
        numbers = (f"{cost.size:,}", f"{cost.ns:,.0f}", f"{cost.ratio:.1f}", f"{cost.ns_per_byte:.2f}")
        table.add_row(name, *numbers)
    return table


if __name__ == "__main__":
    Console().print(as_table(hostile()))
