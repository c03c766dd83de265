"""The one list of what a flow holds; names, columns, JSON and the reference page all come from it.

One rule makes a field's three names: the dictionary's ``Metric.ABBytes`` is the attribute
``flow.metric.ab_bytes`` and the column ``metric_ab_bytes``.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from flowtable.errors import FieldNotFound

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["ENDED_LAYERS", "ENHANCE", "EXTRA_LAYERS", "FIELDS", "GROUPS", "Field", "Kind", "field", "similar"]


class Kind(enum.Enum):
    """What a field's values are; the value is the type of its column."""

    ADDRESS = "text: an address"
    ID = "text: hex digits"
    TEXT = "text"
    NAME = "dictionary of text"
    COUNT = "uint64"
    TIME = "timestamp[ns, UTC]"
    DURATION = "int64"
    FLAG = "bool"
    PACKETS = "list of structs: timestamp, index, data, link_type, length"
    FRACTION = "float64"
    JSON = "text: JSON"
    EXTRAS = "map of text to text"
    EXTRA = "text: one of a map's"

    @property
    def core(self) -> int:
        """How the core gives it: 0 a text, 1 one of a few, 2 a number, 3 thousandths, 4 JSON, 5 packets.

        It has no extras.
        """
        numbers = {
            Kind.ADDRESS: 0,
            Kind.ID: 0,
            Kind.TEXT: 0,
            Kind.NAME: 1,
            Kind.FRACTION: 3,
            Kind.JSON: 4,
            Kind.PACKETS: 5,
        }
        return numbers.get(self, 2)


@dataclass(frozen=True)
class Field:
    """One field of a flow.

    ``path`` is its name in dictionaries and filters, ``number`` its protobuf field numbers from the Flow
    message down, ``place`` its place in the record (``_flow.PLACES``), or None if it has none there.
    ``option`` names the option that it takes to fill it, if it takes one.
    """

    path: str
    number: tuple[int, ...]
    kind: Kind
    place: str | None
    unit: str
    meaning: str
    option: str | None = None

    @cached_property
    def attribute(self) -> str:
        """The attribute of ``Flow``, with dots: ``metric.ab_bytes``."""
        return ".".join(_snake(word) for word in self.path.split("."))

    @cached_property
    def column(self) -> str:
        """The column: ``metric_ab_bytes``."""
        return self.attribute.replace(".", "_")

    @cached_property
    def group(self) -> str:
        """The dictionary that it stands in, ``""`` for the flow's own."""
        return self.path.rpartition(".")[0]

    @cached_property
    def name(self) -> str:
        """Its name in that dictionary."""
        return self.path.rpartition(".")[2]

    @cached_property
    def extra(self) -> str:
        """What an enhancer calls it, if it is one of ``Extra``."""
        return self.path.partition(".")[2]

    def is_filled(self, options: Collection[str]) -> bool:
        """Say whether flows that were made with these options may have it."""
        has_place = self.place is not None or self.kind in (Kind.EXTRAS, Kind.EXTRA)
        return has_place and (self.option is None or self.option in options)


def _snake(name: str) -> str:
    """``ABBytes`` becomes ``ab_bytes``; the version in ``DHCPv4`` is no word of its own."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?!v\d)[a-z])", "_", name).lower()


def _layer(group: str, number: int, end: str, meaning_of_id: str) -> list[Field]:
    """The four fields of a link, network or transport layer."""
    ids = (1, 2, 3, 4) if group == "Transport" else (1, 3, 4, 5)
    ends = Kind.COUNT if group == "Transport" else Kind.ADDRESS
    place = group.lower()
    return [
        Field(f"{group}.{name}", (number, n), kind, f"{place}_{name.lower()}", "", meaning)
        for name, n, kind, meaning in (
            ("Protocol", ids[0], Kind.NAME, f"protocol of the {group.lower()} layer"),
            ("A", ids[1], ends, f"{end} of A, the source of the first packet"),
            ("B", ids[2], ends, f"{end} of B, its destination"),
            ("ID", ids[3], Kind.COUNT, meaning_of_id),
        )
    ]


def _metric(group: str, number: int, *, update: bool = False) -> list[Field]:
    """Packets, bytes and times of a flow, or of the time since its last update."""
    since = " since the last update" if update else ""
    prefix, option = ("update_", "update_every") if update else ("", None)
    start, last = (
        ("time of the update before, or of the first packet", "time of this update, or of the last packet")
        if update
        else ("time of the first packet", "time of the last packet, never before the start")
    )
    rows = (
        ("ABPackets", 2, Kind.COUNT, "ab_packets", "packets", f"packets from A to B{since}"),
        ("ABBytes", 3, Kind.COUNT, "ab_bytes", "bytes", f"bytes from A to B{since}"),
        ("BAPackets", 4, Kind.COUNT, "ba_packets", "packets", f"packets from B to A{since}"),
        ("BABytes", 5, Kind.COUNT, "ba_bytes", "bytes", f"bytes from B to A{since}"),
        ("Start", 6, Kind.TIME, "start", "ms", start),
        ("Last", 7, Kind.TIME, "last", "ms", last),
        ("RTT", 8, Kind.DURATION, "rtt", "ns", "round-trip time, 0 when none was measured"),
    )
    return [
        Field(f"{group}.{name}", (number, n), kind, prefix + place, unit, meaning, option)
        for name, n, kind, place, unit, meaning in rows
    ]


def _statistics(group: str, number: int, what: str) -> list[Field]:
    """The smallest, mean, deviation and largest of a quantity each way."""
    size = what == "size"
    unit = "bytes" if size else "ns"
    whole, mean = (Kind.COUNT, Kind.FRACTION) if size else (Kind.DURATION, Kind.DURATION)
    noun = "size of a packet" if size else "time between two packets in a row"
    rows = (
        ("Min", whole, "min_{}", "smallest {} {}"),
        ("Mean", mean, "mean_{}", "mean {} {}"),
        ("Deviation", mean, "{}_deviation", "sample standard deviation of the {} {}"),
        ("Max", whole, "max_{}", "largest {} {}"),
    )
    return [
        Field(
            f"{group}.{side}{name}",
            (number, 4 * way + n),
            kind,
            f"{side.lower()}_{place.format(what)}",
            unit,
            meaning.format(noun, f"from {side[0]} to {side[1]}"),
            "packet_statistics",
        )
        for way, side in enumerate(("AB", "BA"))
        for n, (name, kind, place, meaning) in enumerate(rows, start=1)
    ]


def _tcp_metric() -> list[Field]:
    """What ``tcp_metric`` and ``reassemble`` fill."""
    times = [
        (f"{side}{name}", kind, unit, meaning.format(side[0]))
        for name, kind, unit, meaning in (
            ("SynStart", Kind.TIME, "ms", "time of {}'s first SYN"),
            ("SynTTL", Kind.COUNT, "hops", "TTL of {}'s first SYN"),
            ("FinStart", Kind.TIME, "ms", "time of {}'s last FIN"),
            ("RstStart", Kind.TIME, "ms", "time of {}'s last RST"),
        )
        for side in ("AB", "BA")
    ]
    streams = [
        (f"{side}{name}", kind, unit, meaning.format(side[0]))
        for side in ("AB", "BA")
        for name, kind, unit, meaning in (
            ("SegmentOutOfOrder", Kind.COUNT, "segments", "segments of {} that came too early"),
            ("SegmentSkipped", Kind.COUNT, "segments", "gaps in what {} sent"),
            ("SegmentSkippedBytes", Kind.COUNT, "bytes", "bytes missing in what {} sent"),
            ("Packets", Kind.COUNT, "segments", "segments of {} in order"),
            ("Bytes", Kind.COUNT, "bytes", "payload of {} in order"),
            ("SawStart", Kind.FLAG, "", "whether the start of {}'s stream was seen"),
            ("SawEnd", Kind.FLAG, "", "whether its end was seen"),
        )
    ]
    own = [
        ("ABRetransmitted", Kind.COUNT, "segments", "segments of A sent again, at least in part"),
        ("BARetransmitted", Kind.COUNT, "segments", "segments of B sent again, at least in part"),
        ("ABZeroWindows", Kind.COUNT, "segments", "segments in which A had no room to receive"),
        ("BAZeroWindows", Kind.COUNT, "segments", "segments in which B had no room to receive"),
        ("HandshakeTime", Kind.DURATION, "ns", "time from the SYN to the ACK of the SYN/ACK"),
    ]
    numbers = [*range(1, len(times + streams) + 1), *range(2000, 2000 + len(own))]
    return [
        Field(
            f"TCPMetric.{name}",
            (38, n),
            kind,
            f"tcp_{_snake(name)}",
            unit,
            meaning,
            "tcp_metric" if n <= len(times) else "reassemble",
        )
        for n, (name, kind, unit, meaning) in zip(numbers, times + streams + own, strict=True)
    ]


EXTRA_LAYERS: Final = ("DNS", "DHCPv4", "VRRP")
"""What ``extra_layers`` takes."""
ENHANCE: Final = "enhance"
"""What fills ``Extra``, which is no option but a method of ``FlowSet``."""


def _messages() -> list[Field]:
    """What ``extra_layers`` fills; ``messages.py`` has what is inside."""
    rows = (
        ("DHCPv4", 1000, "the first DHCPv4 message"),
        ("DNS", 1001, "the last DNS message"),
        ("VRRPv2", 1002, "the first VRRP advertisement"),
    )
    return [
        Field(path, (number,), Kind.JSON, path.lower(), "", meaning, "extra_layers")
        for path, number, meaning in rows
    ]


FIELDS: Final[tuple[Field, ...]] = (
    Field("UUID", (1,), Kind.ID, "uuid", "", "id of this flow"),
    Field("LayersPath", (2,), Kind.NAME, "path", "", "layers of the first packet, outermost first"),
    Field("Application", (3,), Kind.NAME, "application", "", "last layer of the path, or a port's name"),
    *_layer("Link", 20, "MAC address", "VLAN ids, 12 bits each, the outermost lowest"),
    *_layer("Network", 21, "IP address", "VNI, VSID, ERSPAN session or GRE key of the last such layer"),
    *_layer("Transport", 22, "port", "not in use"),
    Field("ICMP.Type", (23, 1), Kind.NAME, "icmp_type", "", "kind of ICMP message"),
    Field("ICMP.Code", (23, 2), Kind.COUNT, "icmp_code", "", "its code"),
    Field("ICMP.ID", (23, 3), Kind.COUNT, "icmp_id", "", "its id, of ICMPv6 only echo's"),
    *_messages(),
    *_metric("LastUpdateMetric", 31, update=True),
    *_metric("Metric", 32),
    *_tcp_metric(),
    Field(
        "IPMetric.Fragments",
        (39, 1),
        Kind.COUNT,
        "fragments",
        "fragments",
        "pieces of datagrams, less one for each",
        "defrag",
    ),
    Field(
        "IPMetric.FragmentErrors",
        (39, 2),
        Kind.COUNT,
        "fragment_errors",
        "fragments",
        "bad pieces of these datagrams",
        "defrag",
    ),
    Field("Start", (10,), Kind.TIME, "start", "ms", "time of the first packet"),
    Field("Last", (11,), Kind.TIME, "last", "ms", "time of the last packet, never before the start"),
    Field("TrackingID", (50,), Kind.ID, "tracking_id", "", "id of these ends, the same along a link"),
    Field("L3TrackingID", (51,), Kind.ID, "l3_tracking_id", "", "id without link addresses"),
    Field("ParentUUID", (6,), Kind.ID, "parent_uuid", "", "UUID of the flow of the tunnel around this one"),
    Field("NodeTID", (33,), Kind.NAME, "node_tid", "", "id of the node that was captured on, as given"),
    Field("CaptureID", (34,), Kind.NAME, "capture_id", "", "id of the capture, as given"),
    Field("RawPacketsCaptured", (37,), Kind.COUNT, "raw_packets", "packets", "packets kept with the flow"),
    Field("LastRawPackets", (36,), Kind.PACKETS, "packets", "ms", "its first packets", "raw_packets"),
    Field("FinishType", (60,), Kind.NAME, "finish_type", "", "how the flow ended"),
    # Fields of our own, which the reference does not have; their numbers start at 2000.
    Field("TCPFlags.AB", (2000, 1), Kind.COUNT, "ab_tcp_flags", "bits", "TCP flags from A to B"),
    Field("TCPFlags.BA", (2000, 2), Kind.COUNT, "ba_tcp_flags", "bits", "TCP flags from B to A"),
    Field("TTL.Min", (2001, 1), Kind.COUNT, "min_ttl", "hops", "smallest TTL or hop limit of a packet"),
    Field("TTL.Max", (2001, 2), Kind.COUNT, "max_ttl", "hops", "largest TTL or hop limit of a packet"),
    Field("DSCP", (2002,), Kind.COUNT, "dscp", "", "differentiated services of the first packet"),
    Field("TunnelID.AB", (2005, 1), Kind.COUNT, "ab_tunnel_id", "", "tunnel's number from A to B, 0: none"),
    Field("TunnelID.BA", (2005, 2), Kind.COUNT, "ba_tunnel_id", "", "tunnel's number from B to A, 0: none"),
    Field(
        "SamplingRate",
        (2009,),
        Kind.COUNT,
        "sampling_rate",
        "packets",
        "one packet in so many was sampled, of the last one that was",
    ),
    Field("CommunityID", (2004,), Kind.TEXT, "community_id", "", "Community ID v1, seed 0"),
    Field(
        "Client",
        (2003,),
        Kind.NAME,
        "client",
        "",
        "A or B: whose connection it is",
    ),
    Field(
        "FamilyCommunityID",
        (2008,),
        Kind.TEXT,
        "family_community_id",
        "",
        "Community ID of the innermost flow that began inside this one, or of itself",
    ),
    *_statistics("PacketSize", 2006, "size"),
    *_statistics("InterArrival", 2007, "gap"),
    Field(
        "Segment",
        (2011,),
        Kind.COUNT,
        "segment",
        "",
        "records of this flow that an active timeout cut before",
        "update_every",
    ),
    # The last, since lines of JSON get it at their end. No record has it: it costs nothing until it is used.
    Field("Extra", (2010,), Kind.EXTRAS, None, "", "what enhancers have added, by name", ENHANCE),
)

ENDED_LAYERS: Final = ("Link", "Network", "Transport")
"""Groups of fields of which filters take the name alone, for both ends."""

GROUPS: Final[tuple[str, ...]] = tuple(dict.fromkeys(f.group for f in FIELDS if f.group))

_BY_NAME: Final[dict[str, Field]] = {name: f for f in FIELDS for name in (f.path, f.attribute, f.column)}


def field(name: str) -> Field:
    """Find a field by its path, attribute or column.

    ``Extra.`` and any name is a field as well, which an enhancer may fill.

    Raises:
        FieldNotFound: no field has this name.

    """
    try:
        return _BY_NAME[name]
    except (KeyError, TypeError):
        if isinstance(name, str) and name.partition(".")[0] in ("Extra", "extra") and name.partition(".")[2]:
            return _extra(name.partition(".")[2])
        raise FieldNotFound(f"a flow has no field {name!r}; Flow.field_names() lists them") from None


def _extra(name: str) -> Field:
    """One of the texts that enhancers add, whatever they call it."""
    return Field(f"Extra.{name}", (2010,), Kind.EXTRA, None, "", "what an enhancer has added", ENHANCE)


def similar(name: str, also: Iterable[str] = ()) -> list[str]:
    """Give the names of fields, and of what else may be meant, that look like this one."""
    import difflib  # noqa: PLC0415 - for those who err

    paths = {path.lower(): path for path in (*also, *(f.path for f in FIELDS if f.place is not None))}
    return [paths[match] for match in difflib.get_close_matches(name.lower(), paths, cutoff=0.8)]
