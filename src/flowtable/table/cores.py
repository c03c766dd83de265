"""One capture counted by several engines at a time, each with a share of the flows."""

from __future__ import annotations

from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from flowtable.table._cores import Deal, Dealer, rows_in_order

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable

    from flowtable.capture import PacketSource
    from flowtable.table._engine import Engine

__all__ = ["Cores"]

DEALS: Final = 4
"""Deals that are counted or wait for it, so that no engine waits for another one."""


class Cores:
    """Engines with the same records, to which frames are dealt by their outermost pair of addresses.

    While they count, this thread reads and deals on.
    """

    def __init__(self, engines: list[Engine], tunnels: Iterable[str]) -> None:
        self._engines = engines
        self._dealer = Dealer(tunnels)

    def run(self, source: PacketSource, progress: Callable[[PacketSource], None] | None = None) -> str:
        """Count all frames of a source; gives what ``Engine.run`` gives."""
        self._dealer.begin(source, DEALS)
        with ExitStack() as stack:
            threads = [stack.enter_context(ThreadPoolExecutor(1)) for _ in self._engines]
            outcome = self._run(source, threads, progress)
        self._dealer.end()
        ended = [engine.stop_dealt(self._dealer.latest) for engine in self._engines]
        return next((each for each in (outcome, *ended) if each != "done"), "done")

    def _run(
        self,
        source: PacketSource,
        threads: list[ThreadPoolExecutor],
        progress: Callable[[PacketSource], None] | None,
    ) -> str:
        counting: deque[tuple[Deal, list[Future[str]]]] = deque()
        deals = [Deal(len(self._engines)) for _ in range(DEALS)]
        goes_on = True
        while goes_on:
            deal = deals.pop()
            goes_on = self._dealer.deal(deal)
            hands = zip(threads, self._engines, strict=True)
            counting.append((deal, [t.submit(deal.count, e, hand) for hand, (t, e) in enumerate(hands)]))
            if progress is not None:
                progress(source)
            while counting and not (goes_on and deals):
                deal, futures = counting.popleft()
                if (outcome := _outcome(futures)) != "done":
                    return outcome
                deals.append(deal)
        return "done"

    def rows(self) -> array[int]:
        """Give the numbers of all records in the order in which their flows began."""
        return rows_in_order(self._engines)

    def counts(self) -> dict[str, Any]:
        """Give the sums of ``Engine.counts``."""
        total = _added([engine.counts() for engine in self._engines])
        return total | {"steps_back": self._dealer.steps_back}


def _outcome(futures: list[Future[str]]) -> str:
    """Wait for all; gives what went wrong with one of them, or that they are done."""
    outcomes = [future.result() for future in futures]
    return next((outcome for outcome in outcomes if outcome != "done"), "done")


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
