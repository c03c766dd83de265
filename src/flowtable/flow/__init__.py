"""Flows: their fields, their records, and sets of them."""

from flowtable.flow.account import Account
from flowtable.flow.flowset import FlowSet
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
from flowtable.flow.model import Flow
from flowtable.flow.names import FlowFinishType, FlowProtocol
from flowtable.flow.schema import FIELDS, Field, Kind
from flowtable.packet.ip_metric import IPMetric

__all__ = [
    "FIELDS",
    "TTL",
    "Account",
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
]
