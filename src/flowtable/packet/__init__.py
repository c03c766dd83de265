"""Packets: their layers, and the parts that tunnels cut them into."""

from flowtable.packet._defrag import IPDefragger
from flowtable.packet.first_layer import first_layer_type
from flowtable.packet.icmp import ICMPType, ICMPv4, ICMPv6
from flowtable.packet.ip_metric import IPDefraggerMetric, IPMetric
from flowtable.packet.layer_key import LayerKeyMode, default_layer_key_mode_name
from flowtable.packet.layers import LayerType
from flowtable.packet.packet import (
    TUNNELS,
    Layer,
    Packet,
    PacketFlow,
    PacketKeys,
    PacketSequence,
    layers_path,
)

__all__ = [
    "TUNNELS",
    "ICMPType",
    "ICMPv4",
    "ICMPv6",
    "IPDefragger",
    "IPDefraggerMetric",
    "IPMetric",
    "Layer",
    "LayerKeyMode",
    "LayerType",
    "Packet",
    "PacketFlow",
    "PacketKeys",
    "PacketSequence",
    "default_layer_key_mode_name",
    "first_layer_type",
    "layers_path",
]
