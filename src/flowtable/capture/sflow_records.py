"""What sFlow version 5 datagrams hold (sflow.org, sFlow Version 5, July 2004), as data.

Each record's ``layout`` says how its fields follow each other on the wire, a letter a field: ``w`` a word of
32 bits, ``q`` one of 64, ``m`` a MAC address, ``4`` and ``6`` IP addresses, ``a`` one of either kind or none,
``t`` text, ``b`` bytes, ``l`` a list of words, ``p`` an AS path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from flowtable.capture.link_types import LinkType

__all__ = [
    "COUNTER_RECORDS",
    "FLOW_RECORDS",
    "HEADER_LINK_TYPES",
    "ASPathSegment",
    "CounterSample",
    "EthernetCounters",
    "ExtendedGateway",
    "ExtendedMPLS",
    "ExtendedMPLSFTN",
    "ExtendedMPLSLDP",
    "ExtendedMPLSTunnel",
    "ExtendedMPLSVC",
    "ExtendedNAT",
    "ExtendedRouter",
    "ExtendedSwitch",
    "ExtendedURL",
    "ExtendedUser",
    "ExtendedVLANTunnel",
    "FlowSample",
    "InterfaceCounters",
    "ProcessorCounters",
    "RawPacketHeader",
    "SFlowAgent",
    "SFlowDatagram",
    "SFlowInterface",
    "SFlowRecord",
    "SampledEthernet",
    "SampledIPv4",
    "SampledIPv6",
    "VLANCounters",
]

HEADER_LINK_TYPES: Final = {
    1: LinkType.ETHERNET,
    3: LinkType.IEEE802_5,
    4: LinkType.FDDI,
    5: LinkType.FRELAY,
    7: LinkType.PPP,
    11: LinkType.IPV4,
    12: LinkType.IPV6,
    13: LinkType.MPLS,
    14: LinkType.PPP_HDLC,
    15: LinkType.IEEE802_11,
}
"""Link types of the header protocols that have one; not token bus (2), X.25 (6), SMDS (8), AAL5 (9, 10)."""


class SFlowRecord:
    """A record of a sample; the base of all kinds."""

    __slots__ = ()
    layout: ClassVar[str]


@dataclass(frozen=True, slots=True)
class RawPacketHeader(SFlowRecord):
    """The first bytes of a sampled packet (flow record 1)."""

    layout = "wwwb"
    protocol: int
    """What the header begins with, see ``HEADER_LINK_TYPES``."""

    frame_length: int
    """Bytes that the packet had on the wire; of Ethernet with its check sequence."""

    stripped: int
    """Bytes that were taken off the packet before the header was."""

    header: bytes

    @property
    def link_type(self) -> LinkType | None:
        """What the header begins with, as captures say it; None where they have no number for it."""
        return HEADER_LINK_TYPES.get(self.protocol)


@dataclass(frozen=True, slots=True)
class SampledEthernet(SFlowRecord):
    """A sampled frame's addresses (flow record 2)."""

    layout = "wmmw"
    length: int
    source: str
    destination: str
    ether_type: int


@dataclass(frozen=True, slots=True)
class SampledIPv4(SFlowRecord):
    """A sampled IPv4 packet's ends (flow record 3)."""

    layout = "ww44wwww"
    length: int
    protocol: int
    source: str
    destination: str
    source_port: int
    destination_port: int
    tcp_flags: int
    tos: int


@dataclass(frozen=True, slots=True)
class SampledIPv6(SFlowRecord):
    """A sampled IPv6 packet's ends (flow record 4)."""

    layout = "ww66wwww"
    length: int
    protocol: int
    source: str
    destination: str
    source_port: int
    destination_port: int
    tcp_flags: int
    priority: int


@dataclass(frozen=True, slots=True)
class ExtendedSwitch(SFlowRecord):
    """VLANs and priorities that a switch gave the packet (flow record 1001)."""

    layout = "wwww"
    source_vlan: int
    source_priority: int
    destination_vlan: int
    destination_priority: int


@dataclass(frozen=True, slots=True)
class ExtendedRouter(SFlowRecord):
    """Where a router sent the packet (flow record 1002); mask lengths in bits."""

    layout = "aww"
    next_hop: str | None
    source_mask: int
    destination_mask: int


@dataclass(frozen=True, slots=True)
class ASPathSegment:
    """Autonomous systems on the way: a set (kind 1) or a sequence (2)."""

    kind: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ExtendedGateway(SFlowRecord):
    """What BGP knows of the packet's way (flow record 1003)."""

    layout = "awwwplw"
    next_hop: str | None
    router_as: int
    source_as: int
    source_peer_as: int
    destination_path: tuple[ASPathSegment, ...]
    communities: tuple[int, ...]
    local_preference: int


@dataclass(frozen=True, slots=True)
class ExtendedUser(SFlowRecord):
    """Who sent the packet, and to whom (flow record 1004); character sets as IANA has them."""

    layout = "wbwb"
    source_charset: int
    source: bytes
    destination_charset: int
    destination: bytes


@dataclass(frozen=True, slots=True)
class ExtendedURL(SFlowRecord):
    """The request that the packet belongs to (flow record 1005), the source's (1) or the other's (2)."""

    layout = "wtt"
    direction: int
    url: str
    host: str


@dataclass(frozen=True, slots=True)
class ExtendedMPLS(SFlowRecord):
    """Label stacks, as 32-bit stack entries (flow record 1006)."""

    layout = "all"
    next_hop: str | None
    in_stack: tuple[int, ...]
    out_stack: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ExtendedNAT(SFlowRecord):
    """The addresses that the packet was given (flow record 1007)."""

    layout = "aa"
    source: str | None
    destination: str | None


@dataclass(frozen=True, slots=True)
class ExtendedMPLSTunnel(SFlowRecord):
    """The label-switched path that the packet took (flow record 1008)."""

    layout = "tww"
    name: str
    tunnel_id: int
    tunnel_cos: int


@dataclass(frozen=True, slots=True)
class ExtendedMPLSVC(SFlowRecord):
    """The virtual circuit that the packet took (flow record 1009)."""

    layout = "tww"
    name: str
    vc_id: int
    label_cos: int


@dataclass(frozen=True, slots=True)
class ExtendedMPLSFTN(SFlowRecord):
    """The entry that maps the packet to a label (flow record 1010)."""

    layout = "tw"
    description: str
    mask: int


@dataclass(frozen=True, slots=True)
class ExtendedMPLSLDP(SFlowRecord):
    """The prefix length of the packet's forwarding class (flow record 1011)."""

    layout = "w"
    prefix_length: int


@dataclass(frozen=True, slots=True)
class ExtendedVLANTunnel(SFlowRecord):
    """VLAN tags that were taken off before the header, the outermost first (flow record 1012)."""

    layout = "l"
    stack: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InterfaceCounters(SFlowRecord):
    """An interface's counters (counter record 1; RFC 2233); speed in bit/s, status admin 1 and oper 2."""

    layout = "wwqwwqwwwwwwqwwwwww"
    index: int
    type: int
    speed: int
    direction: int
    status: int
    in_octets: int
    in_unicast: int
    in_multicast: int
    in_broadcast: int
    in_discards: int
    in_errors: int
    in_unknown_protocols: int
    out_octets: int
    out_unicast: int
    out_multicast: int
    out_broadcast: int
    out_discards: int
    out_errors: int
    promiscuous: int


@dataclass(frozen=True, slots=True)
class EthernetCounters(SFlowRecord):
    """An Ethernet interface's errors (counter record 2; RFC 2358)."""

    layout = "wwwwwwwwwwwww"
    alignment_errors: int
    fcs_errors: int
    single_collisions: int
    multiple_collisions: int
    sqe_test_errors: int
    deferred: int
    late_collisions: int
    excessive_collisions: int
    internal_transmit_errors: int
    carrier_sense_errors: int
    too_long: int
    internal_receive_errors: int
    symbol_errors: int


@dataclass(frozen=True, slots=True)
class VLANCounters(SFlowRecord):
    """A VLAN's counters (counter record 5)."""

    layout = "wqwwww"
    vlan: int
    octets: int
    unicast: int
    multicast: int
    broadcast: int
    discards: int


@dataclass(frozen=True, slots=True)
class ProcessorCounters(SFlowRecord):
    """An agent's load in hundredths of a percent, and its memory in bytes (counter record 1001)."""

    layout = "wwwqq"
    load_5s: int
    load_1m: int
    load_5m: int
    total_memory: int
    free_memory: int


FLOW_RECORDS: Final[dict[int, type[SFlowRecord]]] = {
    1: RawPacketHeader,
    2: SampledEthernet,
    3: SampledIPv4,
    4: SampledIPv6,
    1001: ExtendedSwitch,
    1002: ExtendedRouter,
    1003: ExtendedGateway,
    1004: ExtendedUser,
    1005: ExtendedURL,
    1006: ExtendedMPLS,
    1007: ExtendedNAT,
    1008: ExtendedMPLSTunnel,
    1009: ExtendedMPLSVC,
    1010: ExtendedMPLSFTN,
    1011: ExtendedMPLSLDP,
    1012: ExtendedVLANTunnel,
}
"""Records of flow samples that are known, by their format number (enterprise 0)."""

COUNTER_RECORDS: Final[dict[int, type[SFlowRecord]]] = {
    1: InterfaceCounters,
    2: EthernetCounters,
    5: VLANCounters,
    1001: ProcessorCounters,
}
"""Records of counter samples that are known, likewise."""


@dataclass(frozen=True, slots=True)
class SFlowInterface:
    """Where a packet came in or went out.

    ``kind`` 0: ``value`` is an ifIndex, 0 where it is not known; 1: the packet was discarded, and ``value``
    says why; 2: it went to so many interfaces. 0x3FFFFFFF stands for the agent itself.
    """

    kind: int
    value: int


@dataclass(frozen=True, slots=True)
class FlowSample:
    """A packet that was sampled, one in ``sampling_rate`` (sample 1, or 3 where it is ``expanded``).

    ``source`` is its kind (0: an interface) and number; ``pool`` packets could have been sampled until then,
    and ``drops`` samples were lost for want of room. Counts go on from sample to sample, up to 2^32.
    """

    sequence: int
    source: tuple[int, int]
    sampling_rate: int
    pool: int
    drops: int
    input: SFlowInterface
    output: SFlowInterface
    records: tuple[SFlowRecord, ...]
    expanded: bool = False

    @property
    def headers(self) -> tuple[RawPacketHeader, ...]:
        """The sampled packets' first bytes: one, or none where the agent sends other records."""
        return tuple(record for record in self.records if isinstance(record, RawPacketHeader))


@dataclass(frozen=True, slots=True)
class CounterSample:
    """Counters of a source (sample 2, or 4 where it is ``expanded``)."""

    sequence: int
    source: tuple[int, int]
    records: tuple[SFlowRecord, ...]
    expanded: bool = False


Sample: TypeAlias = FlowSample | CounterSample


@dataclass(frozen=True, slots=True)
class SFlowDatagram:
    """One datagram: who sent it, and its samples. ``uptime`` is in ms since the agent began.

    ``skipped`` counts the samples and records of kinds that are not known, by ``"sample 0:5"``,
    ``"flow record 4413:1"`` and the like: enterprise and format number.
    """

    agent: str
    sub_agent: int
    sequence: int
    uptime: int
    samples: tuple[Sample, ...]
    skipped: dict[str, int]

    @property
    def flow_samples(self) -> tuple[FlowSample, ...]:
        """The samples of packets."""
        return tuple(sample for sample in self.samples if isinstance(sample, FlowSample))

    @property
    def counter_samples(self) -> tuple[CounterSample, ...]:
        """The samples of counters."""
        return tuple(sample for sample in self.samples if isinstance(sample, CounterSample))


@dataclass(frozen=True, slots=True)
class SFlowAgent:
    """What came of one agent, or one of its sub-agents, by the sequence numbers of its datagrams."""

    address: str
    sub_agent: int
    received: int
    missing: int
    """Datagrams that were skipped, and did not come later."""

    late: int
    """Datagrams that came behind a later one, or twice."""

    restarts: int
    """Times that the numbers went back further than datagrams are late: the agent began again."""
