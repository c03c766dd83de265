"""What a TCP connection's two sides sent, for someone who listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowtable.flow import Flow

__all__ = ["StreamData", "StreamListener"]


class StreamData(NamedTuple):
    """Bytes that one side of a connection sent, those of a side in order."""

    flow: Flow
    """The connection; its counts go on changing while a capture is read."""
    side: str
    """``"A"`` or ``"B"``: who sent them."""
    data: bytes
    """The payload of one segment, or what is new of it; empty with an end, or after a last gap."""
    skipped: int
    """Bytes that are missing before these: lost, over a limit, or not captured; -1: nobody knows."""
    start: bool
    """Nothing came before: the SYN was seen."""
    end: bool
    """Nothing follows: a FIN or a reset was seen. More may follow a reset that its receiver did not heed."""
    time: int
    """When the segment was captured, Unix ns."""


StreamListener: TypeAlias = "Callable[[list[StreamData]], object]"
"""What ``read(streams=…)`` takes: it is called with what came since the last time."""
