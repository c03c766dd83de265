"""Flows: their fields, their records, and sets of them; ``groups`` has what ``flow.network`` is."""

from flowtable.flow.account import Account
from flowtable.flow.flowset import FlowSet
from flowtable.flow.model import Flow
from flowtable.flow.names import FlowFinishType, FlowProtocol
from flowtable.flow.schema import FIELDS, Field, Kind

__all__ = [
    "FIELDS",
    "Account",
    "Field",
    "Flow",
    "FlowFinishType",
    "FlowProtocol",
    "FlowSet",
    "Kind",
]
