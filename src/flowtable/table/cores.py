"""One capture counted by several engines at a time, each with a share of the flows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from flowtable.table._cores import Crew

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable

    from flowtable.capture import PacketSource
    from flowtable.table._engine import Engine

__all__ = ["Cores"]


class Cores:
    """Engines with the same records, to which frames are dealt by their outermost pair of addresses."""

    def __init__(self, engines: list[Engine], tunnels: Iterable[str]) -> None:
        self._engines = engines
        self._crew = Crew(engines, tunnels)

    def run(self, source: PacketSource, progress: Callable[[PacketSource], None] | None = None) -> str:
        """Count all frames of a source; gives what ``Engine.run`` gives."""
        return self._crew.run(source, progress)

    def rows(self) -> array[int]:
        """Give the numbers of all records in the order in which their flows began."""
        return self._crew.rows()

    def counts(self) -> dict[str, Any]:
        """Give the sums of ``Engine.counts``."""
        total = _added([engine.counts() for engine in self._engines])
        return total | {"steps_back": self._crew.steps_back()}


def _added(counts: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up numbers, and mappings to numbers."""
    return {name: _sum([each[name] for each in counts]) for name in counts[0]}


def _sum(values: list[Any]) -> Any:
    if not isinstance(values[0], dict):
        return sum(values)
    total: Counter[Any] = Counter()
    for each in values:
        total.update(each)
    return dict(total)
