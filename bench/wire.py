"""Headers of many packets at once, as NumPy records that mirror the wire, and captures made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Array: TypeAlias = "np.ndarray[Any, Any]"

ETHERNET: Final = np.dtype([("dst", "u1", 6), ("src", "u1", 6), ("type", ">u2")])
VLAN: Final = np.dtype([("tag", ">u2"), ("type", ">u2")])
ARP: Final = np.dtype(
    [("types", "u1", 6), ("operation", ">u2"), ("src_mac", "u1", 6), ("src", ">u4"), ("dst_mac", "u1", 6),
     ("dst", ">u4")]
)  # fmt: skip
IPV4: Final = np.dtype(
    [("version", "u1"), ("tos", "u1"), ("length", ">u2"), ("id", ">u2"), ("fragment", ">u2"),
     ("ttl", "u1"), ("protocol", "u1"), ("checksum", ">u2"), ("src", ">u4"), ("dst", ">u4")]
)  # fmt: skip
IPV6: Final = np.dtype(
    [("version", "u1", 4), ("length", ">u2"), ("protocol", "u1"), ("hops", "u1"),
     ("src_net", "u1", 12), ("src", ">u4"), ("dst_net", "u1", 12), ("dst", ">u4")]
)  # fmt: skip
TCP: Final = np.dtype(
    [("src", ">u2"), ("dst", ">u2"), ("seq", ">u4"), ("ack", ">u4"), ("offset", "u1"), ("flags", "u1"),
     ("window", ">u2"), ("checksum", ">u2"), ("urgent", ">u2")]
)  # fmt: skip
UDP: Final = np.dtype([("src", ">u2"), ("dst", ">u2"), ("length", ">u2"), ("checksum", ">u2")])
VXLAN: Final = np.dtype([("flags", ">u4"), ("vni", ">u4")])  # the VNI is the upper 24 bits
ICMP: Final = np.dtype(
    [("type", "u1"), ("code", "u1"), ("checksum", ">u2"), ("id", ">u2"), ("seq", ">u2"), ("data", "u1", 56)]
)
RECORD: Final = np.dtype([("seconds", "<u4"), ("us", "<u4"), ("captured", "<u4"), ("length", "<u4")])

IS_ARP, IS_VLAN, IS_IPV4, IS_IPV6 = 0x0806, 0x8100, 0x0800, 0x86DD
IS_ICMP, IS_TCP, IS_UDP = 1, 6, 17

CLIENT_MAC: Final = np.array([2, 0, 0, 0, 0, 1], "u1")
SERVER_MAC: Final = np.array([2, 0, 0, 0, 0, 2], "u1")
DOCUMENTATION: Final = np.frombuffer(bytes.fromhex("20010db8 00000000 00000000"), "u1")  # 2001:db8::/96
SHORTEST: Final = 60  # bytes of an Ethernet frame without its checksum
PCAP_HEADER: Final = np.array([0xA1B2C3D4, 2 | 4 << 16, 0, 0, 262_144, 1], "<u4").view("u1")
SCATTER: Final = 50_000  # frames whose headers are put into the file at once
FILLER: Final = 1 << 20  # bytes of noise that payloads are made of, again and again


class Frames(NamedTuple):
    """Frames with the same headers: behind these, up to their length, is noise."""

    time: Array
    """Unix µs."""
    headers: Array
    """Bytes, a row a frame, at least as many as the shortest frame has."""
    length: Array
    """Bytes on the wire."""


def ethernet(backwards: Array, ethertype: int) -> Array:
    """Make Ethernet headers; ``backwards`` is true where the server sends."""
    header = np.zeros(len(backwards), ETHERNET)
    header["src"] = np.where(backwards[:, None], SERVER_MAC, CLIENT_MAC)
    header["dst"] = np.where(backwards[:, None], CLIENT_MAC, SERVER_MAC)
    header["type"] = ethertype
    return header


def vlan(tag: Array, ethertype: int) -> Array:
    """Make 802.1Q tags."""
    header = np.zeros(len(tag), VLAN)
    header["tag"], header["type"] = tag, ethertype
    return header


def arp_request(src: Array, dst: Array) -> Array:
    """Make ARP requests for IPv4 addresses."""
    header = np.zeros(len(src), ARP)
    header["types"], header["operation"] = (0, 1, 8, 0, 6, 4), 1
    header["src_mac"], header["src"], header["dst"] = CLIENT_MAC, src, dst
    return header


def ipv4(ends: tuple[Array, Array], protocol: int | Array, payload: int | Array) -> Array:
    """Make IPv4 headers from (source, destination); ``payload`` is in bytes."""
    header = np.zeros(len(ends[0]), IPV4)
    header["version"], header["fragment"], header["ttl"] = 0x45, 0x4000, 64
    header["length"], header["protocol"] = np.add(payload, IPV4.itemsize), protocol
    header["id"] = np.arange(len(header)) & 0xFFFF
    header["src"], header["dst"] = ends
    header["checksum"] = checksum(header)
    return header


def ipv6(ends: tuple[Array, Array], protocol: int, payload: int | Array) -> Array:
    """Make IPv6 headers; an end is the last four bytes of an address in 2001:db8::/96."""
    header = np.zeros(len(ends[0]), IPV6)
    header["version"][:, 0], header["hops"] = 0x60, 64
    header["length"], header["protocol"] = payload, protocol
    header["src_net"], header["dst_net"] = DOCUMENTATION, DOCUMENTATION
    header["src"], header["dst"] = ends
    return header


def tcp(ports: tuple[Array, Array], flags: int | Array, seq: Array, ack: int | Array) -> Array:
    """Make TCP headers; their checksum is left out, as a card that computes it would show it."""
    header = np.zeros(len(ports[0]), TCP)
    header["src"], header["dst"] = ports
    header["seq"], header["ack"] = seq & 0xFFFF_FFFF, ack
    header["offset"], header["flags"], header["window"] = 0x50, flags, 29_200
    return header


def udp(ports: tuple[Array, Array], payload: int | Array) -> Array:
    """Make UDP headers without a checksum."""
    header = np.zeros(len(ports[0]), UDP)
    header["src"], header["dst"] = ports
    header["length"] = np.add(payload, UDP.itemsize)
    return header


def vxlan(vni: Array) -> Array:
    """Make VXLAN headers."""
    header = np.zeros(len(vni), VXLAN)
    header["flags"], header["vni"] = 8 << 24, vni << 8
    return header


def echo(backwards: Array, identifier: Array) -> Array:
    """Make ICMP echo requests, and replies where ``backwards``, with the 56 bytes that ping sends."""
    header = np.zeros(len(identifier), ICMP)
    header["type"], header["id"], header["seq"] = np.where(backwards, 0, 8), identifier, 1
    header["data"] = np.arange(56)
    header["checksum"] = checksum(header)
    return header


def checksum(headers: Array) -> Array:
    """Give the Internet checksum (RFC 1071) of each record, whose own checksum is zero still."""
    total = headers.view(">u2").reshape(len(headers), -1).sum(axis=1, dtype="u4")
    total = (total & 0xFFFF) + (total >> 16)
    folded: Array = (total & 0xFFFF) + (total >> 16)
    return ~folded & 0xFFFF


def stack(*headers: Array) -> Array:
    """Put headers one behind the other, and zeros up to the shortest frame."""
    rows = [header.view("u1").reshape(len(header), -1) for header in headers]
    width = sum(row.shape[1] for row in rows)
    padding = np.zeros((len(rows[0]), max(0, SHORTEST - width)), "u1")
    return np.concatenate([*rows, padding], axis=1)


def write_pcap(path: Path, groups: Sequence[Frames], seed: int) -> None:
    """Write frames in the order of their times, through a mapping of the file."""
    time = np.concatenate([group.time for group in groups])
    length = np.concatenate([group.length for group in groups])
    order = np.argsort(time, kind="stable")
    ends = np.cumsum(RECORD.itemsize + length[order])
    place = np.empty(len(order), "i8")  # of each frame in the file, in the order in which they were given
    place[order] = len(PCAP_HEADER) + ends - (RECORD.itemsize + length[order])
    file = np.memmap(path, "u1", "w+", shape=len(PCAP_HEADER) + int(ends[-1]))
    _fill(file, np.random.default_rng(seed))
    file[: len(PCAP_HEADER)] = PCAP_HEADER
    first = 0
    for group in groups:
        _put_frames(file, place[first : first + len(group.time)], group)
        first += len(group.time)
    file.flush()


def _fill(file: Array, rng: np.random.Generator) -> None:
    noise = rng.integers(0, 256, FILLER, "u1")
    for at in range(0, len(file), FILLER):
        file[at : at + FILLER] = noise[: len(file) - at]


def _put_frames(file: Array, place: Array, group: Frames) -> None:
    record = np.zeros(len(place), RECORD)
    record["seconds"], record["us"] = np.divmod(group.time, 1_000_000)
    record["captured"] = record["length"] = group.length
    for at in range(0, len(place), SCATTER):
        some = slice(at, at + SCATTER)
        rows = np.hstack([record[some].view("u1").reshape(-1, RECORD.itemsize), group.headers[some]])
        file[place[some, None] + np.arange(rows.shape[1])] = rows
