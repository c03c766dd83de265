"""flowtable: packets in, flows out."""

from __future__ import annotations

import importlib
import typing

from flowtable.capture import PcapWriter, RawPacket, RawPackets
from flowtable.capture.bpf import BPF, bpf_filter_to_raw
from flowtable.constants import (
    DEFAULT_CAPTURE_LENGTH,
    DEFAULT_PROTOBUF_FLOW_SIZE,
    MAX_CAPTURE_LENGTH,
    MAX_RAW_PACKET_LIMIT,
    NAMESPACE,
)
from flowtable.errors import (
    CaptureError,
    CaptureWarning,
    FilterError,
    FlowError,
    FlowProtocolError,
    LayerNotFound,
    OptionError,
    TableFull,
)
from flowtable.flow import Account, Flow, FlowSet
from flowtable.packet import (
    ICMPType,
    ICMPv4,
    ICMPv6,
    IPDefragger,
    IPDefraggerMetric,
    LayerKeyMode,
    LayerType,
    Packet,
    PacketSequence,
    default_layer_key_mode_name,
    first_layer_type,
    layers_path,
)
from flowtable.table import (
    ApplicationPortMap,
    Limits,
    StreamData,
    StreamEnds,
    TCPAssembler,
    TCPAssemblerStream,
    read,
)

if typing.TYPE_CHECKING:
    from flowtable.query import Filter, MergeContext, SearchQuery, TableQuery, TableReply
    from flowtable.table.handlers import FlowHandler
    from flowtable.table.live import Table
    from flowtable.table.scan import scan
    from flowtable.table.statistics import TableStatistics
    from flowtable.table.table_options import FlowOpts, FlowUUIDs, TableOpts

__version__ = "0.1.0"

__all__ = [
    "BPF",
    "DEFAULT_CAPTURE_LENGTH",
    "DEFAULT_PROTOBUF_FLOW_SIZE",
    "MAX_CAPTURE_LENGTH",
    "MAX_RAW_PACKET_LIMIT",
    "NAMESPACE",
    "Account",
    "ApplicationPortMap",
    "CaptureError",
    "CaptureWarning",
    "Filter",
    "FilterError",
    "Flow",
    "FlowError",
    "FlowHandler",
    "FlowOpts",
    "FlowProtocolError",
    "FlowSet",
    "FlowUUIDs",
    "ICMPType",
    "ICMPv4",
    "ICMPv6",
    "IPDefragger",
    "IPDefraggerMetric",
    "LayerKeyMode",
    "LayerNotFound",
    "LayerType",
    "Limits",
    "MergeContext",
    "OptionError",
    "Packet",
    "PacketSequence",
    "PcapWriter",
    "RawPacket",
    "RawPackets",
    "SearchQuery",
    "StreamData",
    "StreamEnds",
    "TCPAssembler",
    "TCPAssemblerStream",
    "Table",
    "TableFull",
    "TableOpts",
    "TableQuery",
    "TableReply",
    "TableStatistics",
    "bpf_filter_to_raw",
    "default_layer_key_mode_name",
    "first_layer_type",
    "layers_path",
    "read",
    "scan",
]


_LATER = {
    **dict.fromkeys(("Filter", "MergeContext", "SearchQuery", "TableQuery", "TableReply"), "query"),
    **dict.fromkeys(("FlowOpts", "FlowUUIDs", "TableOpts"), "table.table_options"),
    "FlowHandler": "table.handlers",
    "Table": "table.live",
    "TableStatistics": "table.statistics",
    "scan": "table.scan",
}


def __getattr__(name: str) -> object:
    """Load what stands on top when it is asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
