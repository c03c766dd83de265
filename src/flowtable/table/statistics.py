"""What a live table has done until now."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - public annotations resolve at run time
from dataclasses import dataclass, field

from flowtable.flow.account import Account

__all__ = ["TableStatistics"]


@dataclass(frozen=True, slots=True)
class TableStatistics:
    """A live table at one moment; all counts are since its start, but ``flows``.

    None stands for what no source of the table can know.
    """

    flows: int = 0
    """Flows in the table."""
    flows_made: int = 0
    flows_ended: Mapping[str, int] = field(default_factory=dict)
    """Flows that were handed out for good, by finish type; ``EVICTED`` had to make room."""
    segments: int = 0
    """Records that an active timeout cut."""
    packets_received: int | None = None
    """Frames that sources have got, by their own counters."""
    packets_dropped_by_kernel: int | None = None
    packets_dropped_by_interface: int | None = None
    packets_dropped_by_queue: int | None = None
    handler_flows_dropped: int = 0
    """Flows that were not given to a handler, since it is too slow."""
    handler_errors: int = 0
    """Times that a handler raised."""
    account: Account = field(default_factory=Account)
    """What became of every frame: discards and decode stops by name."""
