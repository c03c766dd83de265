"""Tables: frames in, flows out."""

from flowtable.table.reader import read

__all__ = ["read"]
