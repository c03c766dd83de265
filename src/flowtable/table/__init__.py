"""Tables: frames in, flows out."""

from flowtable.table.application_ports import ApplicationPortMap
from flowtable.table.options import Limits
from flowtable.table.reader import read
from flowtable.table.streams import StreamData

__all__ = ["ApplicationPortMap", "Limits", "StreamData", "read"]
