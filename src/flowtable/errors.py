"""Every exception and warning that flowtable raises on purpose.

::

    FlowError
    ├── CaptureError      (OSError)       a capture cannot be opened, or is no capture
    ├── FilterError       (ValueError)    a filter expression is wrong
    ├── OptionError       (ValueError)    an option has a value that it cannot have
    ├── FieldNotFound     (LookupError)   no flow field has this name
    ├── LayerNotFound     (LookupError)   a packet lacks the layer that was asked for
    ├── FlowProtocolError (ValueError)    no flow protocol has this name or number
    ├── TableFull         (MemoryError)   more flows than ``max_flows`` allows
    └── ExtraMissing      (ImportError)   an optional package is not installed

    CaptureWarning        (UserWarning)   a capture ended in the middle of a record, and the like
    EnhancerWarning       (UserWarning)   an enhancer fails, and may have been switched off
    FilterWarning         (UserWarning)   a filter cannot match on one of a capture's link types

No input, however malformed, raises anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowtable.flow.account import Account

__all__ = [
    "CaptureError",
    "CaptureWarning",
    "EnhancerWarning",
    "ExtraMissing",
    "FieldNotFound",
    "FilterError",
    "FilterWarning",
    "FlowError",
    "FlowProtocolError",
    "LayerNotFound",
    "OptionError",
    "TableFull",
]


class FlowError(Exception):
    """The root of all errors that flowtable raises."""


class CaptureError(FlowError, OSError):
    """A capture cannot be opened or is no capture; says which file, what it looks like, and where.

    ``errno`` and ``filename`` are set where the system gave one; ``str()`` is one sentence all the same.
    """

    def __init__(self, message: str, *, errno: int | None = None, filename: str | None = None) -> None:
        """Take the whole sentence; ``errno`` and ``filename`` are for programs."""
        super().__init__(message)
        self.errno = errno
        self.filename = filename

    def __str__(self) -> str:
        """Give the sentence alone: OSError would put the number and the name around it."""
        return str(self.args[0])


class FilterError(FlowError, ValueError):
    """A filter expression is wrong; carries libpcap's own words for BPF expressions."""


class OptionError(FlowError, ValueError):
    """An option was given a value that it cannot have; says which values it takes."""


class FieldNotFound(FlowError, LookupError):
    """No field of a flow has this name."""


class LayerNotFound(FlowError, LookupError):
    """A packet does not have the layer that was asked for."""


class FlowProtocolError(FlowError, ValueError):
    """No flow protocol has this name or number."""


class TableFull(FlowError, MemoryError):
    """Reading made more flows than ``max_flows`` allows, or than there is memory for.

    ``account`` says what became of the frames read until then.
    """

    def __init__(self, message: str, account: Account) -> None:
        super().__init__(message)
        self.account = account


class ExtraMissing(FlowError, ImportError):
    """An optional package is needed for this and is not installed; names the extra that brings it."""


class CaptureWarning(UserWarning):
    """Part of a capture could not be read; says which file and at which byte offset."""


class EnhancerWarning(UserWarning):
    """An enhancer raised, and may have been switched off; says which one, and what it raised."""


class FilterWarning(UserWarning):
    """A filter expression does not fit one of a capture's link types and matches nothing there."""
