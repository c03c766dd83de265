"""sFlow version 5: packets that switches and hosts sample, and the counters that they send with them.

``SFlowSource`` listens for datagrams and gives the sampled packets as frames, ``SFlowFeed`` does so for
datagrams that come in another way, and ``parse_datagram`` reads all that is in one::

    with SFlowSource("0.0.0.0", allow=["192.0.2.0/24"]) as source:
        for frame in source:
            print(frame.time, frame.length, frame.sampling_rate)
"""

from flowtable.capture._samples import SFlowFeed, SFlowReader, SFlowSource
from flowtable.capture._sflow import parse_datagram
from flowtable.capture.sflow_records import (
    COUNTER_RECORDS,
    FLOW_RECORDS,
    HEADER_LINK_TYPES,
    ASPathSegment,
    CounterSample,
    EthernetCounters,
    ExtendedGateway,
    ExtendedMPLS,
    ExtendedMPLSFTN,
    ExtendedMPLSLDP,
    ExtendedMPLSTunnel,
    ExtendedMPLSVC,
    ExtendedNAT,
    ExtendedRouter,
    ExtendedSwitch,
    ExtendedURL,
    ExtendedUser,
    ExtendedVLANTunnel,
    FlowSample,
    InterfaceCounters,
    ProcessorCounters,
    RawPacketHeader,
    SampledEthernet,
    SampledIPv4,
    SampledIPv6,
    SFlowAgent,
    SFlowDatagram,
    SFlowInterface,
    SFlowRecord,
    VLANCounters,
)

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
    "SFlowFeed",
    "SFlowInterface",
    "SFlowReader",
    "SFlowRecord",
    "SFlowSource",
    "SampledEthernet",
    "SampledIPv4",
    "SampledIPv6",
    "VLANCounters",
    "parse_datagram",
]
