"""Flows by Python libraries, in the way that their own examples show; ``loops.py LIBRARY FILE``."""

from __future__ import annotations

import sys
import time
from collections import Counter
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

End: TypeAlias = tuple[Any, int]


def by_flowtable(path: str) -> int:
    """Read into a table, in process, and say how long that took."""
    flowtable = import_module("flowtable")

    begin = time.perf_counter()
    flows = flowtable.read(path)
    print(f"seconds={time.perf_counter() - begin:.6f}")
    return len(flows)


def by_nfstream(path: str) -> int:
    """Read by nfstream without dissection, with time-outs that cut nothing."""
    nfstream = import_module("nfstream")
    stream = nfstream.NFStreamer(source=path, n_dissections=0, idle_timeout=86_400, active_timeout=86_400)
    return sum(1 for _ in stream)


def by_dpkt(path: str) -> int:
    """Count packets by two-way five-tuple with dpkt."""
    dpkt = import_module("dpkt")
    flows: Counter[tuple[End, End, int]] = Counter()
    with open(path, "rb") as file:  # noqa: PTH123 - as its examples do
        for _, frame in dpkt.pcap.Reader(file):
            ip = dpkt.ethernet.Ethernet(frame).data
            if isinstance(ip, (dpkt.ip.IP, dpkt.ip6.IP6)):
                ports = getattr(ip.data, "sport", 0), getattr(ip.data, "dport", 0)
                flows[two_way((ip.src, ports[0]), (ip.dst, ports[1]), ip.p)] += 1
    return len(flows)


def by_scapy(path: str) -> int:
    """Count packets by two-way five-tuple with scapy."""
    scapy = import_module("scapy.all")
    flows: Counter[tuple[End, End, int]] = Counter()
    with scapy.PcapReader(path) as packets:
        for packet in packets:
            ip = packet.getlayer(scapy.IP) or packet.getlayer(scapy.IPv6)
            if ip is not None:
                ports = getattr(ip.payload, "sport", 0), getattr(ip.payload, "dport", 0)
                protocol = ip.proto if ip.version == 4 else ip.nh
                flows[two_way((ip.src, ports[0]), (ip.dst, ports[1]), protocol)] += 1
    return len(flows)


def two_way(src: End, dst: End, protocol: int) -> tuple[End, End, int]:
    """Give the same key for both directions."""
    return (src, dst, protocol) if src < dst else (dst, src, protocol)


LOOPS: Final[dict[str, Callable[[str], int]]] = {
    "flowtable": by_flowtable,
    "nfstream": by_nfstream,
    "dpkt": by_dpkt,
    "scapy": by_scapy,
}

if __name__ == "__main__":
    print(f"flows={LOOPS[sys.argv[1]](sys.argv[2])}")
