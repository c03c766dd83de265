"""Flows: their fields, their records, and sets of them."""

from flowtable.flow.account import Account
from flowtable.flow.flowset import FlowSet
from flowtable.flow.messages import (
    DHCPv4Message,
    DNSMailExchange,
    DNSMessage,
    DNSOption,
    DNSQuestion,
    DNSRecord,
    DNSService,
    DNSStartOfAuthority,
    VRRPAdvertisement,
)
from flowtable.flow.model import (
    TTL,
    Flow,
    FlowLayer,
    FlowMetric,
    ICMPLayer,
    InterArrival,
    IPMetric,
    PacketSize,
    TCPFlags,
    TCPMetric,
    TransportLayer,
    TunnelID,
)
from flowtable.flow.names import FlowFinishType, FlowProtocol
from flowtable.flow.schema import FIELDS, Field, Kind

__all__ = [
    "FIELDS",
    "TTL",
    "Account",
    "DHCPv4Message",
    "DNSMailExchange",
    "DNSMessage",
    "DNSOption",
    "DNSQuestion",
    "DNSRecord",
    "DNSService",
    "DNSStartOfAuthority",
    "Field",
    "Flow",
    "FlowFinishType",
    "FlowLayer",
    "FlowMetric",
    "FlowProtocol",
    "FlowSet",
    "ICMPLayer",
    "IPMetric",
    "InterArrival",
    "Kind",
    "PacketSize",
    "TCPFlags",
    "TCPMetric",
    "TransportLayer",
    "TunnelID",
    "VRRPAdvertisement",
]
