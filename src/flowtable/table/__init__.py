"""Tables: frames in, flows out."""

from flowtable.table._assembler import TCPAssembler
from flowtable.table.application_ports import ApplicationPortMap
from flowtable.table.options import Limits
from flowtable.table.reader import read
from flowtable.table.streams import StreamData, StreamEnds, TCPAssemblerStream

__all__ = [
    "ApplicationPortMap",
    "Limits",
    "StreamData",
    "StreamEnds",
    "TCPAssembler",
    "TCPAssemblerStream",
    "read",
]
