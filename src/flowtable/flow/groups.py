"""Groups of a flow's fields: what ``flow.network`` and its like give, each a row of the schema's group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flowtable.packet.ip_metric import IPMetric

__all__ = [
    "BY_NAME",
    "TTL",
    "FlowLayer",
    "FlowMetric",
    "ICMPLayer",
    "InterArrival",
    "PacketSize",
    "TCPFlags",
    "TCPMetric",
    "TransportLayer",
    "TunnelID",
]


@dataclass(frozen=True, slots=True)
class FlowLayer:
    """The link or network layer of a flow: protocol name, addresses of A and B as text, id."""

    protocol: str
    a: str
    b: str
    id: int


@dataclass(frozen=True, slots=True)
class TransportLayer:
    """The transport layer of a flow: protocol name and the ports of A and B."""

    protocol: str
    a: int
    b: int
    id: int


@dataclass(frozen=True, slots=True)
class ICMPLayer:
    """What kind of ICMP a flow is."""

    type: str
    code: int
    id: int


@dataclass(frozen=True, slots=True)
class FlowMetric:
    """Packets and bytes each way; ``start`` and ``last`` are Unix ns, ``rtt`` is ns."""

    ab_packets: int
    ab_bytes: int
    ba_packets: int
    ba_bytes: int
    start: int
    last: int
    rtt: int


@dataclass(frozen=True, slots=True)
class TCPMetric:
    """What was seen of a TCP connection; times are Unix ns.

    A time is None if it was not seen, and what only ``reassemble`` counts is None without it.
    """

    ab_syn_start: int | None
    ba_syn_start: int | None
    ab_syn_ttl: int | None
    ba_syn_ttl: int | None
    ab_fin_start: int | None
    ba_fin_start: int | None
    ab_rst_start: int | None
    ba_rst_start: int | None
    ab_segment_out_of_order: int | None
    ab_segment_skipped: int | None
    ab_segment_skipped_bytes: int | None
    ab_packets: int | None
    ab_bytes: int | None
    ab_saw_start: bool | None
    ab_saw_end: bool | None
    ba_segment_out_of_order: int | None
    ba_segment_skipped: int | None
    ba_segment_skipped_bytes: int | None
    ba_packets: int | None
    ba_bytes: int | None
    ba_saw_start: bool | None
    ba_saw_end: bool | None
    ab_retransmitted: int | None
    ba_retransmitted: int | None
    ab_zero_windows: int | None
    ba_zero_windows: int | None
    handshake_time: int | None


@dataclass(frozen=True, slots=True)
class TCPFlags:
    """TCP flags of all segments each way: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128."""

    ab: int
    ba: int


@dataclass(frozen=True, slots=True)
class TTL:
    """Smallest and largest TTL (IPv4) or hop limit (IPv6) of a packet."""

    min: int
    max: int


@dataclass(frozen=True, slots=True)
class TunnelID:
    """The number that a tunnel has each way, of the last packet.

    It is a GTP-U TEID, an L2TP or PPPoE session, a PPTP call, or the outermost MPLS label. Of L2TPv2 the
    upper 16 bits are its tunnel id and the lower ones its session id. 0: none seen.
    """

    ab: int
    ba: int


@dataclass(frozen=True, slots=True)
class PacketSize:
    """Sizes of the packets each way, in bytes as ``metric`` counts them; None where there were none.

    The deviation is the sample's, 0 of a single packet; mean and deviation are rounded to thousandths.
    """

    ab_min: int | None
    ab_mean: float | None
    ab_deviation: float | None
    ab_max: int | None
    ba_min: int | None
    ba_mean: float | None
    ba_deviation: float | None
    ba_max: int | None


@dataclass(frozen=True, slots=True)
class InterArrival:
    """Times between two packets in a row each way, in ns; None where there were fewer."""

    ab_min: int | None
    ab_mean: int | None
    ab_deviation: int | None
    ab_max: int | None
    ba_min: int | None
    ba_mean: int | None
    ba_deviation: int | None
    ba_max: int | None


BY_NAME: Final = {
    "Link": FlowLayer,
    "Network": FlowLayer,
    "Transport": TransportLayer,
    "ICMP": ICMPLayer,
    "Metric": FlowMetric,
    "LastUpdateMetric": FlowMetric,
    "TCPMetric": TCPMetric,
    "IPMetric": IPMetric,
    "TCPFlags": TCPFlags,
    "TTL": TTL,
    "PacketSize": PacketSize,
    "InterArrival": InterArrival,
    "TunnelID": TunnelID,
}
"""What the groups of the schema are."""
