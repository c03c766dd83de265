"""From the counts of engines and sources to the account, in which they have names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from flowtable.capture.link_types import link_type_name
from flowtable.capture.statistics import SourceStatistics, together
from flowtable.flow._messages import KINDS
from flowtable.flow.account import Account, by_frequency
from flowtable.packet.layers import LAYER_NAMES, STEP_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowtable.flow._flow import Records

__all__ = ["EndedSources", "make_account"]

_STOPS: Final = (  # by the numbers of Stop in packet/_dissection.pxd
    "ended at",
    "truncated",
    "malformed",
    "unknown protocol after",
    "fragment of",
    "too many layers after",
    "too many tunnels after",
)
_TRUNCATED: Final = 1
_MALFORMED: Final = 2
_NO_ADDRESSES: Final = "without Ethernet or IP"


class Counted(Protocol):
    """What an account needs to know of a source."""

    @property
    def times_clamped(self) -> int:
        """Frames with a time that none can have."""

    @property
    def snapped(self) -> int:
        """Frames that were captured in part."""

    @property
    def incomplete(self) -> int:
        """Captures that end too early."""


@dataclass
class EndedSources:
    """The counts of sources that are let go."""

    times_clamped: int = 0
    snapped: int = 0
    incomplete: int = 0
    statistics: SourceStatistics = field(default_factory=SourceStatistics)

    def add(self, source: Any) -> None:
        """Take over what a source has counted."""
        self.times_clamped += source.times_clamped
        self.snapped += source.snapped
        self.incomplete += source.incomplete
        if hasattr(source, "statistics"):
            self.statistics = together([self.statistics, source.statistics])


def make_account(counts: dict[str, Any], records: Records, sources: Iterable[Counted]) -> Account:
    """Put the engine's and the sources' counts into names."""
    tallies = [(each.times_clamped, each.snapped, each.incomplete) for each in sources]
    times_clamped, snapped, incomplete = (sum(counts) for counts in zip((0, 0, 0), *tallies, strict=True))
    discarded = {
        f"link type {link_type_name(number)}": frames for number, frames in counts["unknown_links"].items()
    }
    if counts["turned_away"]:
        discarded["table full"] = counts["turned_away"]
    for (stop, layer), frames in counts["discards"].items():
        name = _stop_name(stop, layer) if stop in (_TRUNCATED, _MALFORMED) else _NO_ADDRESSES
        discarded[name] = discarded.get(name, 0) + frames
    discarded |= counts["fragments_discarded"]
    return Account(
        frames=counts["frames"],
        in_flows=counts["in_flows"],
        filtered=counts["filtered"],
        held=counts["held"],
        discarded=by_frequency(discarded),
        decode_stops=by_frequency({_stop_name(*key): frames for key, frames in counts["stops"].items()}),
        flows=counts["flows"],
        times_clamped=times_clamped,
        steps_back=counts["steps_back"],
        snapped=snapped,
        paths_cut=records.paths_cut,
        incomplete=incomplete,
        lost=by_frequency(counts["lost"] | records.lost(KINDS)),
    )


def _stop_name(stop: int, layer: int) -> str:
    return f"{_STOPS[stop]} {LAYER_NAMES.get(layer) or STEP_NAMES[layer]}"
