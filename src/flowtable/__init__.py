"""flowtable: packets in, flows out."""

from flowtable.errors import FlowError
from flowtable.table.reader import read

__all__ = ["FlowError", "read"]
