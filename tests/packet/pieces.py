"""Fragments one by one, and the datagrams that they make."""

from __future__ import annotations

from flowtable import IPDefragger, PacketSequence
from flowtable.testing import UDP, Ethernet, IPv4, IPv6, IPv6Fragment, Packet

SECOND = 10**9
UDP_PROTOCOL = 17
HEADER = {4: 34, 6: 62}  # bytes of Ethernet, IP and fragment header


def piece(  # noqa: PLR0913 - fields of a header, by name
    data, offset=0, *, more=False, version=4, number=1, outer=None, protocol=UDP_PROTOCOL, **ip
):
    """Give the frame of one fragment."""
    outer = Ethernet() if outer is None else outer
    if version == 4:
        flags = ip.pop("flags", "") + "M" * more
        header = IPv4(id=number, flags=flags, fragment_offset=offset, protocol=protocol, **ip)
        return bytes(outer / header / data)
    fragment = IPv6Fragment(id=number, offset=offset, more=more, next_header=protocol)
    return bytes(outer / IPv6(**ip) / fragment / data)


def datagram(size, ports=(1000, 2000)):
    """Give a UDP datagram of so many bytes, each of which tells its place."""
    body = bytes(at * 7 % 251 for at in range(size - 8))
    return bytes(UDP(*ports, checksum=0) / body)


def cut(content, size, **how):
    """Give the frames of a datagram's fragments, in order."""
    return [
        piece(content[at : at + size], at, more=at + size < len(content), **how)
        for at in range(0, len(content), size)
    ]


def nest(levels):
    """Give frames of which the last completes that many datagrams, each a piece of the next one inside."""
    content, protocol, rest = datagram(100), UDP_PROTOCOL, []
    for number in range(levels):
        size = (len(content) // 2 + 7) & ~7
        rest.append(piece(content[size:], size, number=number, protocol=protocol))
        content = piece(content[:size], more=True, number=number, protocol=protocol, outer=Packet())
        protocol = 4
    return [*rest, bytes(Ethernet(ether_type=0x0800) / content)]


def take(defragger, frame, time=0, **options):
    """Give the only packet that a frame completes, or None."""
    packets = PacketSequence.from_frame(frame, defragger=defragger, time=time, **options)
    return packets[0] if packets else None


def take_all(frames, defragger=None, **options):
    """Give what each of these frames completes."""
    defragger = defragger or IPDefragger()
    return [take(defragger, frame, **options) for frame in frames]


def carried(packet):
    """Give the bytes that a packet's IP header carries, once it was put together."""
    (at,) = [layer.offset for layer in packet.layers if str(layer.type) == "Fragment"]
    return packet.data[at - packet.layers[0].offset :]


def adds_up(metric):
    """Say whether every fragment is somewhere, once."""
    return metric.joined + metric.held + sum(metric.dropped.values()) == metric.fragments
