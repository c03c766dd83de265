"""Conversations of two hosts as timed packets, and tunnels to put them into."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeAlias

from flowtable.testing._layer import Layer, Packet
from flowtable.testing.captures import START
from flowtable.testing.dns import DNS, Question, Record
from flowtable.testing.ethernet import Ethernet
from flowtable.testing.icmp import ICMPv4, ICMPv6, ICMPv6Echo
from flowtable.testing.ip import IPv4, IPv6
from flowtable.testing.transport import TCP, UDP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Host", "Pair", "Timed", "dns_exchange", "merge", "opposite", "ping", "tcp_conversation", "wrap"]

Timed: TypeAlias = tuple[int, Packet]
"""A packet and when it was seen, in Unix ns."""

MILLISECOND = 1_000_000
SYN_OPTIONS = bytes.fromhex("020405b4 0402 0101 01030307")
"""MSS 1460, SACK permitted, two no-operations, window scale 7."""


@dataclass(frozen=True)
class Host:
    """An end of a conversation. Without a MAC address it has one that follows from its IP address."""

    ip: str
    mac: str = ""

    @property
    def link_address(self) -> str:
        """The MAC address: the one given, or 02:00 and the last four bytes of the IP address."""
        return self.mac or "02:00:" + ip_address(self.ip).packed[-4:].hex(":")


@dataclass(frozen=True)
class Pair:
    """Two hosts, as someone beside the client sees them: an answer takes ``rtt`` ns to come back.

    ``tags`` stand between Ethernet and IP: VLAN tags, MPLS labels, a PPPoE session.
    """

    client: Host
    server: Host
    tags: tuple[Layer, ...] = ()
    rtt: int = 12 * MILLISECOND

    def header(self, *, to_server: bool) -> Packet:
        """Give the headers of a packet up to IP."""
        src, dst = (self.client, self.server) if to_server else (self.server, self.client)
        outer = Packet((Ethernet(src.link_address, dst.link_address), *self.tags))
        if ip_address(src.ip).version == 6:
            return outer / IPv6(src.ip, dst.ip)
        return outer / IPv4(src.ip, dst.ip, flags="D")


class _TcpTalk:
    """Two TCPs and a clock: keeps the sequence numbers right while segments go either way."""

    def __init__(self, pair: Pair, ports: tuple[int, int], start: int) -> None:
        self.packets: list[Timed] = []
        self._pair = pair
        self._ports = ports
        self._now = start
        self._next = {True: 1_000_000 + ports[0], False: 9_000_000 + ports[0]}

    def wait(self, ns: int) -> None:
        self._now += ns

    def send(self, flags: str, data: bytes = b"", *, to_server: bool, options: bytes = b"") -> None:
        src, dst = self._ports if to_server else self._ports[::-1]
        ack = self._next[not to_server] if "A" in flags else 0
        segment = TCP(src, dst, flags, self._next[to_server], ack, options=options)
        packet = self._pair.header(to_server=to_server) / segment
        self.packets.append((self._now, packet / data if data else packet))
        self._next[to_server] += len(data) + ("S" in flags) + ("F" in flags)
        self.wait(MILLISECOND // 20)

    def send_all(self, data: bytes, mss: int, *, to_server: bool) -> None:
        """Send data in segments; the other side acknowledges every second one, and the last."""
        pieces = [data[at : at + mss] for at in range(0, len(data), mss)]
        for number, piece in enumerate(pieces, 1):
            last = number == len(pieces)
            self.send("PA" if last else "A", piece, to_server=to_server)
            if number % 2 == 0 or last:
                self.send("A", to_server=not to_server)


def tcp_conversation(  # noqa: PLR0913 -- all but the pair and the ports have a usual value
    pair: Pair,
    ports: tuple[int, int],
    request: bytes = b"",
    response: bytes = b"",
    *,
    start: int = START,
    mss: int = 1460,
) -> list[Timed]:
    """Make a TCP connection: handshake, request, response, and a close that the client begins.

    ``ports`` are the client's and the server's; ``mss`` is in bytes, ``start`` in Unix ns.
    """
    talk = _TcpTalk(pair, ports, start)
    talk.send("S", to_server=True, options=SYN_OPTIONS)
    talk.wait(pair.rtt)
    talk.send("SA", to_server=False, options=SYN_OPTIONS)
    talk.send("A", to_server=True)
    talk.send_all(request, mss, to_server=True)
    talk.wait(pair.rtt)
    talk.send_all(response, mss, to_server=False)
    talk.send("FA", to_server=True)
    talk.wait(pair.rtt)
    talk.send("FA", to_server=False)
    talk.send("A", to_server=True)
    return talk.packets


def dns_exchange(pair: Pair, name: str, answer: str, *, port: int = 49152, start: int = START) -> list[Timed]:
    """Make a query for a name's address, of the answer's version, and the response to it."""
    record = Record.address(name, answer)
    question = (Question(name, record.record_type),)
    query = DNS(id=port, flags=0x0100, questions=question)
    response = DNS(id=port, flags=0x8180, questions=question, answers=(record,))
    return [
        (start, pair.header(to_server=True) / UDP(port, 53) / query),
        (start + pair.rtt, pair.header(to_server=False) / UDP(53, port) / response),
    ]


def ping(pair: Pair, count: int = 3, *, id: int = 1, start: int = START) -> list[Timed]:  # noqa: A002
    """Make ``count`` echo requests a second apart, and their replies."""
    data = bytes(range(0x10, 0x38))
    version = ip_address(pair.client.ip).version
    packets = []
    for seq in range(1, count + 1):
        for to_server in (True, False):
            time = start + (seq - 1) * 1000 * MILLISECOND + (0 if to_server else pair.rtt)
            if version == 4:
                echo = ICMPv4(8 if to_server else 0, id=id, seq=seq) / data
            else:
                echo = ICMPv6(128 if to_server else 129) / ICMPv6Echo(id, seq) / data
            packets.append((time, pair.header(to_server=to_server) / echo))
    return packets


def opposite(packet: Packet) -> Packet:
    """Exchange the addresses of a packet's Ethernet and IP headers, and leave its ports alone.

    The port of a UDP tunnel's destination is the same both ways.
    """
    return Packet(
        tuple(
            replace(layer, src=layer.dst, dst=layer.src)
            if isinstance(layer, Ethernet | IPv4 | IPv6)
            else layer
            for layer in packet.layers
        )
    )


def _source(packet: Packet) -> str | bytes:
    # Hosts behind routers may share a MAC address, so that IP says more about who sends.
    sources = [layer for layer in packet.layers if isinstance(layer, IPv4 | IPv6)]
    return sources[0].src if sources else next(at.src for at in packet.layers if isinstance(at, Ethernet))


def wrap(packets: Sequence[Timed], tunnel: Packet, *, keep_ethernet: bool = True) -> list[Timed]:
    """Put a conversation into a tunnel, whose headers are those of the way from client to server.

    ``keep_ethernet=False`` leaves out the inner Ethernet header, for tunnels of IP.
    """
    client = _source(packets[0][1]) if packets else ""
    wrapped = []
    for time, packet in packets:
        outer = tunnel if _source(packet) == client else opposite(tunnel)
        inner = packet if keep_ethernet else Packet(packet.layers[1:])
        wrapped.append((time, outer / inner))
    return wrapped


def merge(*conversations: Iterable[Timed]) -> list[Timed]:
    """Give the packets of several conversations in the order of their times."""
    return sorted((timed for packets in conversations for timed in packets), key=lambda timed: timed[0])
