"""The account: every frame that was read is in exactly one of its terms."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Account", "by_frequency", "most", "together", "with_lost"]

SHOWN_REASONS: Final = 5


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the frames that were read.

    ``in_flows + filtered + held + discarded frames == frames``, always. ``decode_stops`` stands beside
    that sum: it counts by reason the frames whose decoding ended early, whose layers until then count.
    """

    frames: int = 0
    """Frames read."""
    in_flows: int = 0
    """Frames all of whose parts are counted in flows."""
    filtered: int = 0
    """Frames that the BPF expression did not match."""
    held: int = 0
    """Frames of fragments that still wait for others of their datagram."""
    discarded: Mapping[str, int] = field(default_factory=dict)
    """Frames that made no flow, by reason."""
    decode_stops: Mapping[str, int] = field(default_factory=dict)
    """Frames whose decoding ended early, by reason; applications are looked at when a flow begins."""
    flows: int = 0
    """Flows made."""
    times_clamped: int = 0
    """Frames with a time that cannot be: before 1970, beyond 64 bits of ns, or a fraction of many seconds."""
    steps_back: int = 0
    """Frames dated before the frame in front of them."""
    snapped: int = 0
    """Frames longer than their capture's snap length, cut to it."""
    paths_cut: int = 0
    """Flows whose layers path is cut short, since there are more than 65,534 paths."""
    incomplete: int = 0
    """Captures that ended in the middle of a record, or in a broken one."""

    lost: Mapping[str, int] = field(default_factory=dict)
    """What is left out of flows that are there, by name: over limits, or fragments thrown away in tunnels."""

    @property
    def frames_discarded(self) -> int:
        """Frames discarded for any reason."""
        return sum(self.discarded.values())

    def adds_up(self) -> bool:
        """Say whether every frame is in exactly one term: if not, that is a fault of flowtable."""
        return self.in_flows + self.filtered + self.held + self.frames_discarded == self.frames

    def __str__(self) -> str:
        """Give the sum in one line, the terms that are zero left out."""
        terms = (("in flows", self.in_flows), ("filtered", self.filtered), ("held", self.held))
        shown = [f"{n:,} {name}" for name, n in terms if n or name == "in flows"]
        if self.frames_discarded:
            reasons = [f"{n:,} {reason}" for reason, n in most(self.discarded)]
            shown.append(f"{self.frames_discarded:,} discarded ({', '.join(reasons)})")
        return f"{self.frames:,} frame{'s' * (self.frames != 1)}: {', '.join(shown)}"


def by_frequency(counts: Mapping[str, int]) -> dict[str, int]:
    """Put the most frequent first, so that their order says something, and does not depend on threads."""
    return dict(sorted(((what, n) for what, n in counts.items() if n), key=lambda row: (-row[1], row[0])))


def with_lost(account: Account, lost: Mapping[str, int]) -> Account:
    """Put what is left out of flows by now, by name, in place of what was then."""
    return replace(account, lost={**account.lost, **lost}) if lost else account


def together(accounts: Sequence[Account]) -> Account:
    """Add up what became of the frames of several reads; each adds up, and so does the sum."""
    return Account(**{f.name: _sum([getattr(each, f.name) for each in accounts]) for f in fields(Account)})


def since(now: Account, before: Account) -> Account:
    """Give what has become of the frames that were read since; fewer may be held than before."""
    fresh = {f.name: _difference(getattr(now, f.name), getattr(before, f.name)) for f in fields(Account)}
    return Account(**fresh)


def _difference(now: Any, before: Any) -> Any:
    """Subtract a count, or counts by name."""
    if isinstance(now, int):
        return now - before
    return {name: n - before.get(name, 0) for name, n in now.items() if n != before.get(name, 0)}


def _sum(terms: list[Any]) -> Any:
    """Add up counts, or counts by name."""
    if isinstance(terms[0], int):
        return sum(terms)
    counts: Counter[str] = Counter()
    for term in terms:
        counts.update(term)
    return dict(counts)


def most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Give the most frequent reasons, and what the others, of which there can be thousands, add up to."""
    rows = list(by_frequency(counts).items())
    rest = rows[SHOWN_REASONS:]
    if len(rest) < 2:
        return rows
    return [*rows[:SHOWN_REASONS], (f"for {len(rest):,} other reasons", sum(n for _, n in rest))]
