"""What is counted of IP fragments: for a packet or a flow, and by a defragmenter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["IPDefraggerMetric", "IPMetric"]


@dataclass(frozen=True, slots=True)
class IPMetric:
    """What was seen of IP fragments.

    ``fragments`` are the pieces of datagrams, less one for each datagram, and ``fragment_errors`` those that
    were bad: there already, overlapping others, or contradicting them or the standard.
    """

    fragments: int = 0
    fragment_errors: int = 0


@dataclass(frozen=True, slots=True)
class IPDefraggerMetric:
    """What became of the fragments that an ``IPDefragger`` took.

    ``joined + held + dropped fragments == fragments``, always.
    """

    fragments: int = 0
    """Fragments taken."""
    joined: int = 0
    """Those whose datagram became whole."""
    datagrams: int = 0
    """Datagrams that became whole."""
    held: int = 0
    """Fragments that wait for others of their datagram."""
    held_datagrams: int = 0
    """Datagrams that wait, with those of which all that still comes is dropped."""
    held_bytes: int = 0
    """Memory that these take."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Fragments thrown away, by reason."""
