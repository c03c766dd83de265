"""What a source that runs on its own knows of the frames that came by."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SourceStatistics"]


@dataclass(frozen=True, slots=True)
class SourceStatistics:
    """Frames since the source was opened; None where a source cannot know."""

    received: int | None = None
    """That the source was given: those that passed the filter, were there one, and found room."""

    dropped_by_kernel: int | None = None
    """That passed the filter, and found no room in the kernel's buffer."""

    dropped_by_interface: int | None = None
    """That the interface could not hand to the kernel."""

    dropped_by_queue: int | None = None
    """That found no room in a queue of the source's own."""
