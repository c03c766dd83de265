"""A flow as Python sees it: a view of one record, with typed attributes."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from flowtable.capture.raw import RawPacket, RawPackets
from flowtable.flow._flow import PLACES
from flowtable.flow.schema import FIELDS, GROUPS, Field, Kind, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType

    from flowtable.flow._flow import Records
    from flowtable.flow.groups import (
        TTL,
        FlowLayer,
        FlowMetric,
        ICMPLayer,
        InterArrival,
        PacketSize,
        TCPFlags,
        TCPMetric,
        TransportLayer,
        TunnelID,
    )
    from flowtable.flow.messages import DHCPv4Message, DNSMessage, VRRPAdvertisement
    from flowtable.packet.ip_metric import IPMetric

__all__ = ["Flow", "ends_of", "value_of"]

NS_PER_MS: Final = 1_000_000

_IN_GROUP: Final[dict[str, tuple[Field, ...]]] = {
    group: tuple(f for f in FIELDS if f.group == group) for group in ("", *GROUPS)
}


_MESSAGES: Final = frozenset(f.path for f in FIELDS if f.kind is Kind.JSON)


def value_of(records: Records, number: int, wanted: Field) -> Any:
    """Read one field of a record: int, str, bool, or None where the flow does not have it. Times are ns.

    A message is a text: JSON. Extras are a dictionary.
    """
    if wanted.place is None:
        return _extra(records, number, wanted)
    if wanted.kind is Kind.PACKETS:
        return RawPackets(RawPacket(*packet) for packet in records.packets_of(number)) or None
    value = records.value(number, PLACES[wanted.place], wanted.kind.core)
    return bool(value) if wanted.kind is Kind.FLAG and value is not None else value


def _extra(records: Records, number: int, wanted: Field) -> Any:
    """Give what no record has, but enhancers add."""
    if wanted.kind is Kind.EXTRAS:
        return records.extras.of(number) or None
    return records.extras.find(number, wanted.extra) if wanted.kind is Kind.EXTRA else None


def _messages() -> ModuleType:
    """What messages are made of, loaded when one is looked at."""
    from flowtable.flow import messages  # noqa: PLC0415

    return messages


def _groups() -> ModuleType:
    """What groups of fields are made of, likewise."""
    from flowtable.flow import groups  # noqa: PLC0415

    return groups


def _shown(wanted: Field, value: Any) -> Any:
    """Give a value as dictionaries show it.

    Times are in ms, an id that is missing is an empty text, and a message is a dictionary.
    """
    if wanted.kind is Kind.JSON and value is not None:
        return _messages().dictionary(value)
    if wanted.kind is Kind.TIME and value is not None:
        return value // NS_PER_MS
    if wanted.kind is Kind.PACKETS and value is not None:
        return [packet.to_dict() for packet in value]
    return "" if value is None and wanted.kind is Kind.ID else value


class Flow:
    """A two-way flow. A is the source of its first packet, B its destination.

    A flow is a view: it reads its record when asked, and keeps alive the set that it came from.
    """

    __slots__ = ("_number", "_records")

    def __init__(self, records: Records, number: int) -> None:
        self._records = records
        self._number = number

    @staticmethod
    def field_names() -> list[str]:
        """Names that ``get`` takes, such as ``Network.A``."""
        return [f.path for f in FIELDS]

    def get(self, name: str) -> Any:
        """Give a field by its dotted name, as ``to_dict`` shows it; None where the flow does not have it.

        Times are Unix ms and round-trip times ns, as in the reference. The names of attributes
        (``network.a``) and columns (``network_a``) are understood as well. ``DNS.ID`` is a part of a
        message, and ``Extra.HostB`` is what an enhancer has added.

        Raises:
            FieldNotFound: no field has this name.

        """
        path, _, part = name.partition(".") if isinstance(name, str) else ("", "", "")
        if part and path in _MESSAGES:
            return _messages().part_of(path, part, self._value(path))
        wanted = field(name)
        return _shown(wanted, value_of(self._records, self._number, wanted))

    def to_dict(self) -> dict[str, Any]:
        """Give the flow in the reference's names and shape; layers that it lacks are left out."""
        out: dict[str, Any] = {}
        for f in FIELDS:
            value = _shown(f, value_of(self._records, self._number, f))
            if value is None:
                continue
            if f.group:
                out.setdefault(f.group, {})[f.name] = value
            else:
                out[f.name] = value
        return out

    def _group(self, name: str) -> Any:
        values = {
            f.attribute.rpartition(".")[2]: value_of(self._records, self._number, f) for f in _IN_GROUP[name]
        }
        if all(value is None for value in values.values()):
            return None
        return _groups().BY_NAME[name](**values)

    def _value(self, name: str) -> Any:
        return value_of(self._records, self._number, field(name))

    @property
    def uuid(self) -> str:
        """Id of this flow, in hex; another one each time the same ends begin again."""
        return str(self._value("UUID"))

    @property
    def layers_path(self) -> str:
        """Layers of the first packet, outermost first: ``Ethernet/IPv4/TCP``."""
        return str(self._value("LayersPath"))

    @property
    def application(self) -> str:
        """Last layer of the path, or what ``app_ports`` calls one of the first packet's ports."""
        return str(self._value("Application"))

    @property
    def link(self) -> FlowLayer | None:
        """MAC addresses, if the flow has an Ethernet layer."""
        group: FlowLayer | None = self._group("Link")
        return group

    @property
    def network(self) -> FlowLayer | None:
        """IP addresses, if the flow has an IP layer."""
        group: FlowLayer | None = self._group("Network")
        return group

    @property
    def transport(self) -> TransportLayer | None:
        """Ports, if the flow has a transport layer."""
        group: TransportLayer | None = self._group("Transport")
        return group

    @property
    def icmp(self) -> ICMPLayer | None:
        """Type, code and id, if the flow is one of ICMP messages."""
        group: ICMPLayer | None = self._group("ICMP")
        return group

    @property
    def dhcpv4(self) -> DHCPv4Message | None:
        """The first DHCPv4 message, if it was asked for."""
        message: DHCPv4Message | None = _messages().message("DHCPv4", self._value("DHCPv4"))
        return message

    @property
    def dns(self) -> DNSMessage | None:
        """The last DNS message, if it was asked for."""
        message: DNSMessage | None = _messages().message("DNS", self._value("DNS"))
        return message

    @property
    def vrrpv2(self) -> VRRPAdvertisement | None:
        """The first VRRP advertisement, of version 2 or 3, if it was asked for."""
        message: VRRPAdvertisement | None = _messages().message("VRRPv2", self._value("VRRPv2"))
        return message

    @property
    def metric(self) -> FlowMetric:
        """Packets, bytes and times."""
        metric: FlowMetric = self._group("Metric")
        return metric

    @property
    def last_update_metric(self) -> FlowMetric | None:
        """The same since the last update; live tables only."""
        group: FlowMetric | None = self._group("LastUpdateMetric")
        return group

    @property
    def tcp_metric(self) -> TCPMetric | None:
        """Times and streams of a TCP connection, if that was asked for."""
        group: TCPMetric | None = self._group("TCPMetric")
        return group

    @property
    def ip_metric(self) -> IPMetric | None:
        """Fragments, if defragmentation was asked for."""
        group: IPMetric | None = self._group("IPMetric")
        return group

    @property
    def start(self) -> int:
        """Time of the first packet, Unix ns."""
        return int(self._value("Start"))

    @property
    def last(self) -> int:
        """Time of the last packet, but never before the start, Unix ns."""
        return int(self._value("Last"))

    @property
    def tracking_id(self) -> str:
        """Id of the flow's ends, the same along a link."""
        return str(self._value("TrackingID"))

    @property
    def l3_tracking_id(self) -> str:
        """Id of the flow's ends above the link layer."""
        return str(self._value("L3TrackingID"))

    @property
    def parent_uuid(self) -> str:
        """UUID of the flow of the tunnel around this one; empty without."""
        return self._value("ParentUUID") or ""

    @property
    def node_tid(self) -> str:
        """Id of the node that was captured on, as given."""
        return str(self._value("NodeTID"))

    @property
    def capture_id(self) -> str:
        """Id of the capture, as given."""
        return str(self._value("CaptureID"))

    @property
    def raw_packets_captured(self) -> int:
        """Packets kept with the flow."""
        return int(self._value("RawPacketsCaptured"))

    @property
    def last_raw_packets(self) -> RawPackets | None:
        """The first packets of the flow, if ``raw_packets`` was asked for; None where none was kept.

        Of a flow that is in no other one they are whole frames; of one inside a tunnel they begin with its
        own first layer that a link type stands for, Ethernet or IP for most.
        """
        value: RawPackets | None = self._value("LastRawPackets")
        return value

    @property
    def raw_packets(self) -> RawPackets:
        """The same, and none where there are none."""
        return self.last_raw_packets or RawPackets()

    @property
    def finish_type(self) -> str:
        """How the flow ended: a name of ``FlowFinishType``."""
        return str(self._value("FinishType"))

    @property
    def segment(self) -> int | None:
        """How many records of this flow an active timeout cut before this one; live tables only."""
        value: int | None = self._value("Segment")
        return value

    @property
    def tcp_flags(self) -> TCPFlags | None:
        """TCP flags of all segments each way, if the flow is a TCP connection."""
        group: TCPFlags | None = self._group("TCPFlags")
        return group

    @property
    def ttl(self) -> TTL | None:
        """Smallest and largest TTL or hop limit, if the flow has an IP layer."""
        group: TTL | None = self._group("TTL")
        return group

    @property
    def tunnel_id(self) -> TunnelID | None:
        """GTP-U TEIDs, L2TP or PPPoE sessions, PPTP calls, MPLS labels, if the flow is such a tunnel's."""
        group: TunnelID | None = self._group("TunnelID")
        return group

    @property
    def dscp(self) -> int | None:
        """Differentiated services code point of the first packet, if the flow has an IP layer."""
        value: int | None = self._value("DSCP")
        return value

    @property
    def sampling_rate(self) -> int | None:
        """One packet in so many was sampled, as the last sample says, if the flow has any; counts are raw."""
        value: int | None = self._value("SamplingRate")
        return value

    @property
    def client(self) -> str | None:
        """``A`` or ``B``, if the flow has an IP layer.

        The client is who sent a SYN; else who got a SYN/ACK; else who has the higher port; else A.
        """
        value: str | None = self._value("Client")
        return value

    @property
    def community_id(self) -> str | None:
        """Community ID v1 with seed 0, if there is an IP layer: ``1:LQU9qZlK+B5F3KDmev6m5PMibrg=``."""
        value: str | None = self._value("CommunityID")
        return value

    @property
    def family_community_id(self) -> str | None:
        """Community ID of the innermost flow of the family, as tools give it that log only that one.

        Of a tunnel's flow it is that of the first flow that began inside it, and inside of that one; of a
        flow with nothing inside, its own. None where there is no IP layer.
        """
        value: str | None = self._value("FamilyCommunityID")
        return value

    @property
    def packet_size(self) -> PacketSize | None:
        """Sizes of packets each way, if ``packet_statistics`` was asked for."""
        group: PacketSize | None = self._group("PacketSize")
        return group

    @property
    def inter_arrival(self) -> InterArrival | None:
        """Times between packets each way, if ``packet_statistics`` was asked for."""
        group: InterArrival | None = self._group("InterArrival")
        return group

    @property
    def extra(self) -> Mapping[str, str]:
        """What enhancers have added, by name, as it is now; it cannot be written to."""
        return MappingProxyType(self._records.extras.of(self._number))

    def add_extra(self, name: str, value: str) -> None:
        """Add a text, as enhancers do, in place of the one that has this name.

        It is there for all who look at this flow, in every set. A flow takes 32 of them, names up to 64
        bytes of UTF-8 and texts up to 512; those of all flows take ``Limits.extra_bytes`` at most. What is
        over is left out, and counted in ``account.lost``.

        Raises:
            OptionError: these are no texts, or the name is empty.

        """
        self._records.extras.add(self._number, name, value)

    @property
    def parent(self) -> Flow | None:
        """The flow of the tunnel around this one."""
        number = self._records.parent_of(self._number)
        return None if number is None else Flow(self._records, number)

    @property
    def children(self) -> list[Flow]:
        """The flows inside this one, if it is a tunnel, in the order in which they began."""
        return [Flow(self._records, n) for n in self._records.children(self._number)]

    def __eq__(self, other: object) -> bool:
        """Flows are equal if they are the same flow of the same table."""
        if not isinstance(other, Flow):
            return NotImplemented
        return self._records is other._records and self._number == other._number

    def __hash__(self) -> int:
        """Agree with ``==``."""
        return hash((id(self._records), self._number))

    def __repr__(self) -> str:
        """Say what a person looks for first."""
        m = self.metric
        counts = f"{m.ab_packets:,}+{m.ba_packets:,} packets, {m.ab_bytes:,}+{m.ba_bytes:,} bytes"
        return f"<Flow {self.uuid} {self.layers_path} {' ↔ '.join(ends_of(self))}: {counts}>"


def ends_of(flow: Flow) -> tuple[str, str]:
    """The two ends as people write them: ``10.0.0.1:80``, ``[2001:db8::1]:80``, or a MAC."""
    network, transport = flow.network, flow.transport
    ends: Iterable[str] = ("", "")
    if network is not None:
        ends = (network.a, network.b)
    elif flow.link is not None:
        ends = (flow.link.a, flow.link.b)
    a, b = ends
    if transport is None:
        return a, b
    return _with_port(a, transport.a), _with_port(b, transport.b)


def _with_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
