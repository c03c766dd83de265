"""What a source that runs on its own knows of the frames that came by."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SourceStatistics", "together"]


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


def together(several: Sequence[SourceStatistics]) -> SourceStatistics:
    """Add up what some sources know; None where none does."""
    return SourceStatistics(
        *(_sum([getattr(each, f.name) for each in several]) for f in fields(SourceStatistics))
    )


def _sum(terms: list[int | None]) -> int | None:
    known = [term for term in terms if term is not None]
    return sum(known) if known else None
