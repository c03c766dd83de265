"""Tables: frames in, flows out."""

from flowtable.table.options import Limits
from flowtable.table.reader import read

__all__ = ["Limits", "read"]
