"""Flows: their fields, their records, and sets of them."""

from flowtable.flow.account import Account
from flowtable.flow.flowset import FlowSet
from flowtable.flow.model import Flow, FlowLayer, FlowMetric, ICMPLayer, IPMetric, TCPMetric, TransportLayer
from flowtable.flow.names import FlowFinishType, FlowProtocol
from flowtable.flow.schema import FIELDS, Field, Kind

__all__ = [
    "FIELDS",
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
    "Kind",
    "TCPMetric",
    "TransportLayer",
]
