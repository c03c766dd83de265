"""Keys and ids in plain Python: the reference's rules over the bytes of a packet's layers."""

from __future__ import annotations

from dataclasses import dataclass

from flowtable import LayerType

WORD = 2**64 - 1
P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5

NETWORK_KINDS = {LayerType.IPV4: 1, LayerType.IPV6: 2}
TRANSPORT_KINDS = {
    LayerType.TCP: 4,
    LayerType.UDP: 5,
    LayerType.SCTP: 6,
    LayerType.RUDP: 7,
    LayerType.UDPLITE: 8,
}
MAC_KIND = 3
ICMPV4_TYPES = {
    **dict.fromkeys((0, 8), 2),
    **dict.fromkeys((9, 10), 8),
    **dict.fromkeys((13, 14), 11),
    **dict.fromkeys((15, 16), 5),
    **dict.fromkeys((17, 18), 4),
    3: 1,
    4: 9,
    5: 7,
    11: 10,
    12: 6,
}
ICMPV6_TYPES = {1: 1, 2: 12, 3: 10, 4: 6, 128: 2, 129: 2, 133: 8, 134: 8, 135: 3, 136: 3, 137: 7}
ECHO = 2


def rotated(x, bits):
    return (x << bits | x >> (64 - bits)) & WORD


def lane(start, word):
    return rotated((start + word * P2) & WORD, 31) * P1 & WORD


def xxh64(data, seed=0):
    """Hash by the steps of xxHash's specification, 64 bits."""
    whole = len(data) // 32 * 32
    if whole:
        lanes = [(seed + P1 + P2) & WORD, (seed + P2) & WORD, seed, (seed - P1) & WORD]
        for at in range(0, whole, 8):
            index = at // 8 % 4
            lanes[index] = lane(lanes[index], int.from_bytes(data[at : at + 8], "little"))
        h = sum(rotated(x, bits) for x, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & WORD
        for x in lanes:
            h = ((h ^ lane(0, x)) * P1 + P4) & WORD
    else:
        h = (seed + P5) & WORD
    return finished((h + len(data)) & WORD, data[whole:])


def finished(h, rest):
    while len(rest) >= 8:
        h = (rotated(h ^ lane(0, int.from_bytes(rest[:8], "little")), 27) * P1 + P4) & WORD
        rest = rest[8:]
    if len(rest) >= 4:
        h = (rotated(h ^ int.from_bytes(rest[:4], "little") * P1 & WORD, 23) * P2 + P3) & WORD
        rest = rest[4:]
    for byte in rest:
        h = rotated(h ^ byte * P5 & WORD, 11) * P1 & WORD
    h = (h ^ h >> 33) * P2 & WORD
    h = (h ^ h >> 29) * P3 & WORD
    return h ^ h >> 32


@dataclass(frozen=True)
class Ends:
    """What a packet says about its two ends: raw pairs, outermost of their kind, or None."""

    link: tuple[bytes, bytes] | None
    network: tuple[int, bytes, bytes] | None
    transport: tuple[int, bytes, bytes] | None
    icmp: int | None
    vni: bytes | None
    link_id: int = 0
    network_id: int = 0
    gre_key: int = 0


def ends_of(packet):
    layers = packet.layers
    last = layers[-1]
    return Ends(
        link=next(((e[6:12], e[:6]) for t, e in kinds(layers) if t == LayerType.ETHERNET), None),
        network=next((network_of(t, h) for t, h in kinds(layers) if t in NETWORK_KINDS), None),
        transport=next((transport_of(t, h) for t, h in kinds(layers) if t in TRANSPORT_KINDS), None),
        icmp=icmp_of(layers),
        vni=number_of(last.type, last.contents),
        link_id=link_id_of([header for kind, header in kinds(layers) if kind == LayerType.DOT1Q]),
        network_id=network_id_of(layers),
        gre_key=next((gre_key_of(h) for t, h in kinds(layers)[::-1] if t == LayerType.GRE and has_key(h)), 0),
    )


def kinds(layers):
    return [(layer.type, layer.contents) for layer in layers]


def number_of(kind, header):
    """Give the number that a tunnel has on both ways, as four bytes."""
    if kind in (LayerType.VXLAN, LayerType.GENEVE, LayerType.VXLAN_GPE, LayerType.NVGRE):
        return b"\0" + header[4:7]
    if kind in (LayerType.ERSPAN_II, LayerType.ERSPAN_III):
        return (int.from_bytes(header[2:4]) & 0x3FF).to_bytes(4)
    return None


def link_id_of(tags):
    return sum((int.from_bytes(tag[:2]) & 0xFFF) << 12 * at for at, tag in enumerate(tags[:5]))


def network_id_of(layers):
    """Give the VNI, VSID, GRE key or ERSPAN session of the last layer that has one."""
    found = 0
    for kind, header in kinds(layers):
        number = number_of(kind, header)
        if number is not None:
            found = int.from_bytes(number)
        elif kind == LayerType.GRE and header[0] & 0x20:
            found = gre_key_of(header)
    return found


def gre_key_of(header):
    at = 8 if header[0] & 0xC0 else 4
    return int.from_bytes(header[at : at + 4])


def has_key(gre):
    """Say whether there is one that numbers the tunnel: PPTP, version 1, has other things in its place."""
    return gre[0] & 0x20 and not gre[1] & 7


def network_of(kind, header):
    start, size = (12, 4) if kind == LayerType.IPV4 else (8, 16)
    ends = header[start : start + size], header[start + size : start + 2 * size]
    return NETWORK_KINDS[kind], *ends


def transport_of(kind, header):
    if kind == LayerType.RUDP:  # its ports have one byte
        return TRANSPORT_KINDS[kind], b"\0" + header[2:3], b"\0" + header[3:4]
    return TRANSPORT_KINDS[kind], header[:2], header[2:4]


def icmp_of(layers):
    found = None
    for kind, header in kinds(layers):
        if kind == LayerType.ICMPV4:
            flow_type = ICMPV4_TYPES.get(header[0], 0)
            found = flow_type << 24 | header[1] << 16 | int.from_bytes(header[4:6])
        elif kind == LayerType.ICMPV6:
            flow_type = ICMPV6_TYPES.get(header[0], 0)
            found = flow_type << 24 | (0 if flow_type == ECHO else header[1] << 16)
        elif kind == LayerType.ICMPV6_ECHO:
            found |= int.from_bytes(header[:2])
    return found


def by_link(ends, mode):
    return ends.network is None or (mode == "L2" and ends.link is not None)


def swapped(ends, mode):
    """Say whether the two ends change places, so that both directions look the same."""
    if by_link(ends, mode) and ends.link[0] != ends.link[1]:
        return ends.link[0] > ends.link[1]
    if ends.network is None:
        return False
    if ends.network[1] != ends.network[2]:
        return ends.network[1] > ends.network[2]
    return ends.transport is not None and ends.transport[1] > ends.transport[2]


def pair(a, b, kind, *, swap):
    return (b + a if swap else a + b) + kind.to_bytes(8)


def keys(ends, mode, parent="", *, key_ids=False):
    """Give the table's key, the L2 key and the L3 key as numbers."""
    swap, fed = swapped(ends, mode), b""
    if ends.network:
        fed += pair(*ends.network[1:], ends.network[0], swap=swap)
    if ends.vni is not None:
        fed += ends.vni + (ends.transport[2] if ends.transport else bytes(2)) + bytes(8)
    elif ends.transport:
        fed += pair(*ends.transport[1:], ends.transport[0], swap=swap)
    if ends.icmp is not None:
        fed += ends.icmp.to_bytes(4) + bytes(8)
    if key_ids and ends.gre_key:
        fed += ends.gre_key.to_bytes(4) + bytes(8)
    l3 = xxh64(fed)
    if by_link(ends, mode):
        fed += pair(*ends.link, MAC_KIND, swap=swap)
    if key_ids and ends.link_id:
        fed += ends.link_id.to_bytes(8) + bytes(8)
    return xxh64(fed + parent.encode()), xxh64(fed), l3


def uuid(key, start_ms, node_tid):
    return f"{xxh64(start_ms.to_bytes(8) + node_tid.encode(), key):x}"
