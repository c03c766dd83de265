"""What a live source says of what it received, and of what was lost before it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SourceStatistics"]


@dataclass(frozen=True, slots=True)
class SourceStatistics:
    """Packets so far; of a source of datagrams that hold several packets, datagrams. None: it cannot know."""

    received: int | None
    dropped_by_kernel: int | None
    dropped_by_interface: int | None
    dropped_by_queue: int | None
