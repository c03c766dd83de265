"""One capture counted by several engines at a time, each with a share of the flows."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Final

from flowtable.table._cores import Crew

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable

    from flowtable.capture import PacketSource
    from flowtable.table._engine import Engine

__all__ = ["Cores"]

_LOOK: Final = 0.05
"""Seconds between two calls of ``progress``."""


class Cores:
    """Engines with the same records, to which frames are dealt by their outermost pair of addresses."""

    def __init__(self, engines: list[Engine], tunnels: Iterable[str]) -> None:
        self._engines = engines
        self._crew = Crew(engines, tunnels)

    def run(self, source: PacketSource, progress: Callable[[PacketSource], None] | None = None) -> str:
        """Count all frames of a source; gives what ``Engine.run`` gives."""
        self._crew.begin(source)
        with ThreadPoolExecutor(len(self._engines)) as threads:
            try:
                self._work(threads, source, progress)
            except BaseException:
                self._crew.stop()
                raise
        return self._crew.end()

    def _work(
        self,
        threads: ThreadPoolExecutor,
        source: PacketSource,
        progress: Callable[[PacketSource], None] | None,
    ) -> None:
        """Wait for the threads that do the work; this one hears of Ctrl-C, and tells of progress."""
        working = {threads.submit(self._crew.work) for _ in self._engines}
        while working:
            done, working = wait(working, _LOOK, FIRST_EXCEPTION)
            for each in done:
                each.result()
            if progress is not None:
                progress(source)

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
