"""flowtable: packets in, flows out."""

from __future__ import annotations

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
    "FlowProtocolError",
    "FlowSet",
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
    "TableFull",
    "TableQuery",
    "TableReply",
    "bpf_filter_to_raw",
    "default_layer_key_mode_name",
    "first_layer_type",
    "layers_path",
    "read",
]


_ON_TOP = ("Filter", "MergeContext", "SearchQuery", "TableQuery", "TableReply")


def __getattr__(name: str) -> object:
    """Load what stands on top when it is asked for."""
    if name not in _ON_TOP:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flowtable import query  # noqa: PLC0415

    return getattr(query, name)
