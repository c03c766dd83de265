"""Reading packets: capture files, standard input, and what they hold.

``open_capture`` gives a :class:`PacketSource`; iterate it for people and tests, or hand it to a table,
which takes its frames without making Python objects::

    for frame in open_capture("traffic.pcapng.zst"):
        print(frame.time, link_type_name(frame.link_type), len(frame.data))

``open_live`` gives one that takes an interface's frames as they come, until its ``stop()``.
"""

from flowtable.capture._handed import LiveSource
from flowtable.capture._through import FilteredSource, PacedSource
from flowtable.capture._walk import CaptureReader, MergedReader, PacketSource
from flowtable.capture.frame import CapturedFrame
from flowtable.capture.link_types import LinkType, dlt, link_type_name
from flowtable.capture.live import open_fanout, open_live
from flowtable.capture.raw import RawPacket, RawPackets
from flowtable.capture.rights import drop_rights
from flowtable.capture.sources import CapturePath, open_capture
from flowtable.capture.statistics import SourceStatistics
from flowtable.capture.writer import PcapWriter

__all__ = [
    "CapturePath",
    "CaptureReader",
    "CapturedFrame",
    "FilteredSource",
    "LinkType",
    "LiveSource",
    "MergedReader",
    "PacedSource",
    "PacketSource",
    "PcapWriter",
    "RawPacket",
    "RawPackets",
    "SourceStatistics",
    "dlt",
    "drop_rights",
    "link_type_name",
    "open_capture",
    "open_fanout",
    "open_live",
]
