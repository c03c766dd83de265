"""The demo capture: a morning on a small network, with most of what flowtable tells apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowtable.testing.captures import START, Interface, write_pcapng
from flowtable.testing.control import LLDP, lldp_tlvs
from flowtable.testing.conversations import (
    Host,
    Pair,
    Timed,
    dns_exchange,
    merge,
    ping,
    tcp_conversation,
    wrap,
)
from flowtable.testing.ethernet import ARP, MPLS, Dot1Q, Ethernet
from flowtable.testing.ip import IPv4
from flowtable.testing.transport import UDP
from flowtable.testing.tunnels import GRE, VXLAN, Geneve

if TYPE_CHECKING:
    from flowtable.testing._layer import Packet

__all__ = ["demo_capture"]

SECOND = 1_000_000_000

LAPTOP = Host("192.168.1.20", "02:1a:00:00:00:20")
LAPTOP6 = Host("2001:db8:1::20", LAPTOP.mac)
ROUTER_MAC = "02:1a:00:00:00:01"
RESOLVER = Host("192.0.2.53", ROUTER_MAC)
WEB = Host("203.0.113.80", ROUTER_MAC)
WEB6 = Host("2001:db8:80::80", ROUTER_MAC)


def _hello(size: int) -> bytes:
    # What a TLS record looks like from outside; nobody opens it.
    return b"\x16\x03\x01" + size.to_bytes(2) + bytes(index * 37 % 251 for index in range(size))


def _neighbors(start: int) -> list[Timed]:
    # The laptop looks for its router, and the switch says who it is.
    everyone = Ethernet(LAPTOP.mac, "ff:ff:ff:ff:ff:ff")
    request = ARP(LAPTOP.mac, LAPTOP.ip, target="192.168.1.1")
    reply = ARP(ROUTER_MAC, "192.168.1.1", LAPTOP.mac, LAPTOP.ip, operation=2)
    switch = LLDP(lldp_tlvs("02:1a:00:00:00:fe", "ge-0/0/7", system="access-switch-1"))
    return [
        (start, everyone / request),
        (start + SECOND // 2000, Ethernet(ROUTER_MAC, LAPTOP.mac) / reply),
        (start + SECOND, Ethernet("02:1a:00:00:00:fe", "01:80:c2:00:00:0e") / switch),
    ]


def _web(start: int) -> list[Timed]:
    # HTTPS after a DNS lookup, over both versions of IP.
    lookup = Pair(LAPTOP, RESOLVER, rtt=SECOND // 125)
    v4, v6 = Pair(LAPTOP, WEB, rtt=SECOND // 50), Pair(LAPTOP6, WEB6, rtt=SECOND // 55)
    return merge(
        dns_exchange(lookup, "www.example.com", WEB.ip, port=51001, start=start),
        dns_exchange(lookup, "www.example.com", WEB6.ip, port=51002, start=start + SECOND // 1000),
        tcp_conversation(v4, (52001, 443), _hello(517), _hello(5200), start=start + SECOND // 10),
        tcp_conversation(v6, (52002, 443), _hello(517), _hello(3100), start=start + SECOND // 9),
        ping(Pair(LAPTOP, WEB, rtt=SECOND // 52), 3, id=7, start=start + SECOND * 8 // 7),
        ping(Pair(LAPTOP6, WEB6, rtt=SECOND // 60), 2, id=8, start=start + SECOND * 9 // 7),
    )


def _vlan(start: int) -> list[Timed]:
    camera = Host("10.30.0.5", "02:1a:00:00:30:05")
    recorder = Host("10.30.0.9", "02:1a:00:00:30:09")
    pair = Pair(camera, recorder, tags=(Dot1Q(30),), rtt=SECOND // 1500)
    return tcp_conversation(pair, (40554, 554), b"OPTIONS * RTSP/1.0\r\n\r\n", _hello(900), start=start)


def _overlay(start: int) -> list[Timed]:
    # Two virtual machines in VXLAN: several inner flows in one outer one. And a ping in Geneve.
    one, two = Host("172.16.5.10", "02:1a:aa:00:00:10"), Host("172.16.5.20", "02:1a:aa:00:00:20")
    underlay = Ethernet("02:1a:bb:00:00:01", "02:1a:bb:00:00:02") / IPv4("10.0.0.11", "10.0.0.12")
    inner = Pair(one, two, rtt=SECOND // 1200)
    conversation = merge(
        dns_exchange(inner, "db.internal.example", "172.16.5.30", port=53001, start=start),
        tcp_conversation(
            inner, (44000, 5432), b"select 1" * 8, bytes(1800), start=start + SECOND // 20, mss=1400
        ),
        tcp_conversation(
            inner, (44001, 8080), b"GET / HTTP/1.1\r\n\r\n", bytes(700), start=start + SECOND // 15
        ),
    )
    vxlan, geneve = underlay / UDP(61234) / VXLAN(5001), underlay / UDP(61235) / Geneve(7001)
    return merge(
        wrap(conversation, vxlan),
        wrap(ping(inner, 2, id=9, start=start + SECOND // 2), geneve),
    )


def _gre(start: int) -> list[Timed]:
    # Two sites: a ping in GRE, and a web request in MPLS in GRE.
    pair = Pair(Host("10.1.0.5"), Host("10.2.0.5"), rtt=SECOND // 40)
    sites: Packet = Ethernet(ROUTER_MAC, "02:1a:00:00:00:02") / IPv4("198.51.100.1", "198.51.100.2")
    request = tcp_conversation(pair, (45000, 80), b"GET / HTTP/1.1\r\n\r\n", bytes(600), start=start + SECOND)
    return merge(
        wrap(ping(pair, 3, id=10, start=start), sites / GRE(key=77), keep_ethernet=False),
        wrap(request, sites / GRE() / MPLS(299_776), keep_ethernet=False),
    )


def demo_capture() -> bytes:
    """Give a pcapng of under 40 KB, always the same: what `make demo` reads and the README shows."""
    packets = merge(
        _neighbors(START),
        _web(START + 16 * SECOND // 7),
        _vlan(START + 23 * SECOND // 7),
        _overlay(START + 37 * SECOND // 7),
        _gre(START + 51 * SECOND // 7),
    )
    return write_pcapng(None, packets, interfaces=(Interface(resolution=9, name="eth0"),))
