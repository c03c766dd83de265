"""Packets for people: the same decoder as the table's, one frame at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, overload

from flowtable.errors import FlowProtocolError, LayerNotFound, OptionError
from flowtable.packet._decode import dissect
from flowtable.packet.icmp import ICMPType, ICMPv4, ICMPv6
from flowtable.packet.ip_metric import IPMetric
from flowtable.packet.layer_key import LayerKeyMode
from flowtable.packet.layers import LAYERS, LayerType

if TYPE_CHECKING:
    from flowtable.capture.bpf import BPF
    from flowtable.capture.sflow_records import FlowSample
    from flowtable.packet._decode import PartFacts
    from flowtable.packet._defrag import IPDefragger

__all__ = [
    "TUNNELS",
    "Layer",
    "Packet",
    "PacketFlow",
    "PacketKeys",
    "PacketSequence",
    "TCPSegment",
    "layers_path",
]

TUNNELS: Final = (
    "gre",
    "mpls",
    "vxlan",
    "geneve",
    "ipip",
    "6in4",
    "4in6",
    "6in6",
    "gtpu",
    "erspan",
    "l2tpv3",
    "l2tpv2",
    "etherip",
    "vxlan-gpe",
    "nvgre",
    "teredo",
    "pseudowire",
    "wireguard",
    "pppoe",
)
"""Tunnels that begin a packet of their own inside the one that they are in, unless told otherwise.

WireGuard is named, but what it carries is encrypted. ``sit`` is another name of ``6in4``, and ``gtp`` of
``gtpu``.
"""

MAX_FRAME: Final = 0x7FFF_FFFF  # bytes
MAX_TIME: Final = 0x7FFF_FFFF_FFFF_FFFF  # Unix ns

_OUT_OF_PATH: Final = (LayerType.LINUX_SLL, LayerType.LINUX_SLL2)
_NETWORKS: Final = (LayerType.IPV4, LayerType.IPV6)
_TRANSPORTS: Final = (LayerType.TCP, LayerType.UDP, LayerType.SCTP, LayerType.UDPLITE, LayerType.RUDP)
_NUMBERED: Final = (  # tunnels whose number stands in the place of ports
    LayerType.VXLAN,
    LayerType.GENEVE,
    LayerType.VXLAN_GPE,
    LayerType.NVGRE,
    LayerType.ERSPAN_II,
    LayerType.ERSPAN_III,
)
_ICMPV4: Final = 1  # IcmpKind in _types.pxd


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: its type, the bytes of its header, and where they are in the frame.

    Behind fragments that were put together, that is the frame with the whole datagram in the place of its
    last piece.
    """

    type: LayerType
    contents: bytes
    offset: int


class PacketFlow(NamedTuple):
    """Two raw ends and the number of their kind, as a flow's ids have it: TCP 4, UDP 5, SCTP 6, ICMP 0."""

    kind: int
    source: bytes
    destination: bytes


class PacketKeys(NamedTuple):
    """What a packet's flow is found by: the table's key, and the L2 and L3 tracking ids, as numbers."""

    key: int
    l2: int
    l3: int


class TCPSegment(NamedTuple):
    """What a packet says as part of a TCP connection; ``length`` is its payload's bytes on the wire."""

    source: tuple[str, int]
    destination: tuple[str, int]
    sequence: int
    acknowledgment: int
    window: int
    flags: int
    payload: bytes
    length: int


def layers_path(layers: Iterable[Layer]) -> tuple[str, str]:
    """Give the path of some layers, without Linux cooked headers, and the application, its last name."""
    names = [str(layer.type) for layer in layers if layer.type not in _OUT_OF_PATH]
    return "/".join(names), names[-1] if names else ""


class Packet:
    """One packet of a frame: the whole frame, or what a tunnel in it carries.

    ``data`` are the bytes from its first layer on, ``length`` the bytes that it had on the wire, and
    ``ip_metric`` is None without IP or without a defragmenter.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        data: bytes,
        length: int,
        facts: PartFacts,
        ip_metric: IPMetric | None = None,
    ) -> None:
        self.layers = tuple(layers)
        self.data = data
        self.length = length
        self.ip_metric = ip_metric
        self._facts = facts

    def layer(self, kind: LayerType) -> Layer:
        """Find the first layer of a kind.

        Raises:
            LayerNotFound: the packet has none.

        """
        return self._first((kind,), str(kind))

    def link_layer(self) -> Layer:
        """Give the Ethernet layer.

        Raises:
            LayerNotFound: the packet has none.

        """
        return self.layer(LayerType.ETHERNET)

    def network_layer(self) -> Layer:
        """Give the outermost IP layer.

        Raises:
            LayerNotFound: the packet has none.

        """
        return self._first(_NETWORKS, "network")

    def transport_layer(self) -> Layer:
        """Give the outermost transport layer.

        Raises:
            LayerNotFound: the packet has none.

        """
        return self._first(_TRANSPORTS, "transport")

    def _first(self, kinds: Sequence[LayerType], name: str) -> Layer:
        for layer in self.layers:
            if layer.type in kinds:
                return layer
        raise LayerNotFound(f"{self!r} has no {name} layer")

    def transport_flow(self) -> PacketFlow:
        """Give the ports; of a packet that ends in a tunnel with a VNI the VNI and the destination's port.

        Raises:
            LayerNotFound: the packet has no transport layer.

        """
        found = self._facts.transport
        if found is None:
            raise LayerNotFound(f"{self!r} has no transport layer")
        kind, source, destination = found
        if self.layers[-1].type in _NUMBERED:
            return PacketFlow(0, self._facts.network_id.to_bytes(4, "big"), destination.to_bytes(2, "big"))
        return PacketFlow(kind, source.to_bytes(2, "big"), destination.to_bytes(2, "big"))

    def tcp_segment(self) -> TCPSegment:
        """Give the TCP segment: its ends as addresses and ports, its numbers and its payload as captured.

        Raises:
            LayerNotFound: the packet has no TCP layer whose header fits, or no IP layer.

        """
        found, network, transport = self._facts.segment, self._facts.network, self._facts.transport
        if found is None or network is None or transport is None:
            raise LayerNotFound(f"{self!r} has no TCP layer with its header")
        from ipaddress import ip_address  # noqa: PLC0415 - slow to import

        sequence, acknowledgment, window, flags, captured, length = found
        layer = self.layer(LayerType.TCP)
        begin = layer.offset + len(layer.contents) - self.layers[0].offset
        ends = [(str(ip_address(end)), port) for end, port in zip(network[1:], transport[1:], strict=True)]
        payload = self.data[begin : begin + captured]
        return TCPSegment(ends[0], ends[1], sequence, acknowledgment, window, flags, payload, length)

    def application_flow(self) -> PacketFlow:
        """Give what tells ICMP flows apart: type, code and id in four bytes.

        Raises:
            LayerNotFound: the packet has no ICMP layer.

        """
        if self._facts.icmp is None:
            raise LayerNotFound(f"{self!r} has no ICMP layer")
        return PacketFlow(0, self._facts.icmp_key.to_bytes(4, "big"), b"")

    def icmp(self) -> ICMPv4 | ICMPv6:
        """Give the ICMP message's type, code and id.

        Raises:
            LayerNotFound: the packet has no ICMP layer.

        """
        if self._facts.icmp is None:
            raise LayerNotFound(f"{self!r} has no ICMP layer")
        version, kind, code, number = self._facts.icmp
        return (ICMPv4 if version == _ICMPV4 else ICMPv6)(ICMPType(kind), code, number)

    def key(
        self,
        parent_uuid: str = "",
        layer_key: LayerKeyMode | str = LayerKeyMode.L2,
        *,
        key_ids: bool = False,
    ) -> PacketKeys:
        """Give what this packet's flow is found by, inside a parent flow or on its own.

        With ``key_ids`` VLAN ids and the GRE key count too.

        Raises:
            LayerNotFound: the packet has neither Ethernet nor IP, and so belongs to no flow.
            FlowProtocolError: ``parent_uuid`` is no id in hex.

        """
        try:
            parent = int(parent_uuid, 16) if parent_uuid else None
        except ValueError:
            raise FlowProtocolError(f"{parent_uuid!r} is no flow's UUID: it has to be hex") from None
        if parent is not None and not 0 <= parent < 1 << 64:
            raise FlowProtocolError(f"{parent_uuid!r} is no flow's UUID: it has at most 16 digits")
        ids = self._facts.ids(int(LayerKeyMode.by_name(layer_key)), key_ids, parent)
        if ids is None:
            raise LayerNotFound(f"{self!r} has neither an Ethernet nor a network layer")
        return PacketKeys(*ids)

    @property
    def path(self) -> str:
        """Names of the layers, as a flow that begins with this packet has them."""
        return layers_path(self.layers)[0]

    def __repr__(self) -> str:
        """Name the layers and the length."""
        return f"<Packet {self.path or 'without layers'}, {self.length:,} bytes>"


class PacketSequence(Sequence[Packet]):
    """The packets of one frame: the outermost first, then what the tunnels carry."""

    def __init__(self, packets: Iterable[Packet]) -> None:
        self.packets = tuple(packets)

    @classmethod
    def from_frame(  # noqa: PLR0913 - all but the first are options, by name only
        cls,
        data: bytes,
        *,
        link_type: int = 1,
        length: int | None = None,
        outer_length: int = 0,
        bpf: BPF | None = None,
        tunnels: Iterable[str] = TUNNELS,
        defragger: IPDefragger | None = None,
        time: int = 0,
    ) -> PacketSequence:
        """Decode a frame; what was decoded before an error is kept.

        With a defragmenter, a packet that is a piece of a datagram is here when the last piece comes, as the
        whole datagram. Until then only the packets around it are here: those of the tunnels that it is in.

        Args:
            data: the captured bytes.
            link_type: LINKTYPE number of the capture; 1 is Ethernet.
            length: bytes that the frame had on the wire, if that is more than ``data``.
            outer_length: bytes that the outermost packet is taken to have, if not 0.
            bpf: a frame that it does not match has no packets here.
            tunnels: the layers that end a packet.
            defragger: puts IP fragments together; without one they are packets of their own.
            time: when the frame was captured, Unix ns; fragments grow old by it.

        Raises:
            OptionError: an argument has a value that it cannot have.

        """
        data = bytes(memoryview(data))
        if not 0 <= link_type <= 0xFFFF or len(data) > MAX_FRAME:
            raise OptionError(f"from_frame: no frame has link type {link_type} and {len(data):,} bytes")
        for wire_length in (length or 0, outer_length):
            if not 0 <= wire_length <= MAX_FRAME:
                raise OptionError(f"from_frame: no frame has {wire_length:,} bytes on the wire")
        if not 0 <= time <= MAX_TIME:
            raise OptionError(f"from_frame: {time} is no time in Unix ns")
        if bpf is not None and not bpf.matches(data, length):
            return cls(())
        layers, parts, _, made = dissect(data, link_type, length, tuple(tunnels), time, defragger)
        packets = _packets(made or data, layers, parts, outer_length)
        return cls(packets if defragger is None else map(_with_ip_metric, packets))

    @classmethod
    def from_sflow_sample(
        cls,
        sample: FlowSample,
        *,
        bpf: BPF | None = None,
        tunnels: Iterable[str] = TUNNELS,
        defragger: IPDefragger | None = None,
        time: int = 0,
    ) -> list[PacketSequence]:
        """Decode the packets of a flow sample, as ``from_frame`` does: one sequence for each packet header.

        The frame's length is the sample's. A header of a protocol without a link type has no packets.

        Args:
            sample: one of ``parse_datagram(...).flow_samples``.
            bpf: a packet that it does not match has no packets here.
            tunnels: the layers that end a packet.
            defragger: puts IP fragments together, which takes samples of all of them.
            time: when the datagram came, Unix ns.

        Raises:
            OptionError: an argument has a value that it cannot have.

        """
        decode = partial(cls.from_frame, bpf=bpf, tunnels=tuple(tunnels), defragger=defragger, time=time)
        return [
            cls(())
            if each.link_type is None
            else decode(each.header, link_type=each.link_type, length=min(each.frame_length, MAX_FRAME))
            for each in sample.headers
        ]

    def __len__(self) -> int:
        """Count the packets."""
        return len(self.packets)

    @overload
    def __getitem__(self, index: int) -> Packet: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Packet, ...]: ...
    def __getitem__(self, index: int | slice) -> Packet | tuple[Packet, ...]:
        """Give a packet, or several."""
        return self.packets[index]

    def __repr__(self) -> str:
        """Show the packets."""
        return f"PacketSequence({list(self.packets)!r})"


def _with_ip_metric(packet: Packet) -> Packet:
    counts = packet._facts.fragments  # noqa: SLF001 - of this module
    packet.ip_metric = counts and IPMetric(*counts)
    return packet


def _packets(
    data: bytes, layers: list[tuple[int, int, int, int]], parts: list[PartFacts], outer_length: int
) -> Iterator[Packet]:
    remaining = outer_length
    for index, facts in enumerate(parts):
        own = [
            Layer(LAYERS[kind], data[at : at + size], at) for kind, at, size, part in layers if part == index
        ]
        if not own:
            continue
        yield Packet(own, data[own[0].offset :], remaining if outer_length else facts.length, facts)
        remaining = max(0, remaining - sum(len(layer.contents) for layer in own))
