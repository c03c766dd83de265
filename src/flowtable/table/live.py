"""A table that takes packets as they come, says what changed, and lets go of what ended."""

from __future__ import annotations

import asyncio
import atexit
import math
import os
from array import array
from collections.abc import Callable, Iterable, Mapping  # noqa: TC003 - public annotations resolve at run time
from functools import partial
from threading import Condition, Lock, get_ident
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from flowtable.background import Task
from flowtable.capture import PacketSource, open_capture
from flowtable.capture._given import GivenFrames
from flowtable.capture.statistics import together
from flowtable.errors import FlowError, TableFull
from flowtable.flow.account import Account, since
from flowtable.flow.flowset import FlowSet
from flowtable.flow.order import biggest
from flowtable.table.accounts import EndedSources, make_account
from flowtable.table.handlers import QUEUED_FLOWS, FlowHandler, HandlerQueue
from flowtable.table.live_engine import MAX_FLOWS, live_engine
from flowtable.table.statistics import TableStatistics
from flowtable.table.table_options import FlowUUIDs, TableOpts
from flowtable.table.timers import APPLICATION_TIMEOUTS, Timers, nanoseconds

if TYPE_CHECKING:
    from types import TracebackType

    from flowtable.capture import CapturedFrame, CapturePath
    from flowtable.flow._flow import Records
    from flowtable.packet import IPDefragger
    from flowtable.query import Filter, SearchQuery, TableQuery, TableReply
    from flowtable.table.accounts import Counted

__all__ = ["MAX_FLOWS", "Table"]

LAG: Final = 200_000_000
"""ns by which a clock's time counts later than packets' times: those from before may be on their way."""


LOOK_EVERY: Final = 0.2
"""Seconds between two looks whether a source has failed."""


class Enhancing(Protocol):
    """What adds to flows before handlers get them: an ``EnhancerPipeline``."""

    def start(self) -> None:
        """Get ready."""

    def stop(self) -> None:
        """Give back what was taken."""

    def enhance_many(self, flows: FlowSet, /) -> object:
        """Add to flows."""


class Table:
    """A live table of flows.

    Packets come by :meth:`feed`, from any number of threads. Flows that have changed are handed to
    `on_update` every so often, and flows that have ended to `on_expire`, each exactly once; both are called
    in a thread of the table's own. A flow ends when no packet has come for `expire_after` seconds (less for
    some applications, see `application_timeouts`), `hold_ended` seconds after FIN from both sides or a
    reset, when it has to make room for others, or with the table. One around others ends after them.

    Up to `queued_flows` flows wait for them; what is over is dropped and counted, or packets wait with
    `wait_for_handlers`: for captures, of which nothing is lost meanwhile. The end is always waited for.
    `on_statistics` gets the table's statistics every so many seconds, and at the end.

    Time is that of the packets. With a `clock`, a function that gives Unix ns, its time lets flows end as
    well while no packets come: live that is ``time.time_ns``. :meth:`tick` asks it.

    A table is started, fed, and stopped, once; ``with`` and ``async with`` do the first and the last.

    Raises:
        FilterError: the BPF expression is wrong.
        OptionError: an option has a value that it cannot have.

    """

    def __init__(  # noqa: PLR0913 - options, by name only
        self,
        opts: TableOpts | None = None,
        *,
        uuids: FlowUUIDs | None = None,
        on_update: FlowHandler | Callable[[FlowSet], object] | None = None,
        on_expire: FlowHandler | Callable[[FlowSet], object] | None = None,
        on_statistics: Callable[[TableStatistics], object] | None = None,
        statistics_every: float = 10,
        bpf: str | None = None,
        update_every: float | None = 60,
        expire_after: float = 600,
        active_timeout: float | None = None,
        application_timeouts: Mapping[str, float] = APPLICATION_TIMEOUTS,
        hold_ended: float = 15,
        max_flows: int = MAX_FLOWS,
        enhancers: Enhancing | None = None,
        clock: Callable[[], int] | None = None,
        queued_flows: int = QUEUED_FLOWS,
        wait_for_handlers: bool = False,
    ) -> None:
        self._on_update, self._on_expire = FlowHandler.of(on_update), FlowHandler.of(on_expire)
        timers = Timers.checked(
            expire_after=_every(self._on_expire, expire_after),
            update_every=self._updates(update_every),
            active_timeout=active_timeout,
            hold_ended=hold_ended,
            application_timeouts=application_timeouts,
        )
        uuids = uuids or FlowUUIDs()
        self._engine = live_engine(
            opts or TableOpts(), timers, max_flows, bpf, node_tid=uuids.node_tid, capture_id=uuids.capture_id
        )
        self._records = self._engine.records
        self._clock = clock
        self._enhancers = enhancers
        self._on_statistics = on_statistics
        self._report_every = nanoseconds("statistics_every", statistics_every)
        self._next_report: int | None = None
        self._handlers = HandlerQueue(
            queued_flows, idle=None if clock is None or self._is_manual else self.tick
        )
        self._wait_for_handlers = wait_for_handlers
        self._told = Account()  # what sets that were handed out have accounted for; theirs add up
        self._handing = Lock()  # so that handlers get flows in the order in which they were handed out
        self._changing = Condition()  # for what follows
        self._sources: list[tuple[PacketSource, int]] = []  # that are being fed, and by which thread
        self._ended_sources = EndedSources()
        self._feeding: list[Task[None]] = []
        self._stopping: Task[None] | None = None
        self._state = "new"

    def _updates(self, every: float | None) -> float | None:
        """Say how often there are updates; if somebody wants them but says no time, when asked for."""
        if self._on_update is None:
            return None
        chosen: float | None = _every(self._on_update, every)
        return math.inf if chosen is None else chosen

    # ---- life

    def start(self) -> Self:
        """Be ready for packets.

        Raises:
            FlowError: the table was started before.

        """
        with self._changing:
            if self._state != "new":
                raise FlowError(f"this table is {self._state}; make another one")
            self._state = "starting"
        if self._enhancers is not None:
            self._enhancers.start()
        self._handlers.start()
        self._state = "running"
        atexit.register(self.stop)  # else its threads would be waited for for ever
        if self._is_manual:
            self._clock.call_when_moved(self.tick)  # type: ignore[union-attr]
        return self

    def stop(self) -> None:
        """Take no more packets, and hand over all flows; returns when handlers have got them.

        Sources that are being fed are stopped first. Who comes second, or is interrupted and comes again,
        waits for the same. Nothing happens if the table does not run.

        Raises:
            FlowError: a handler of the table asks for it, which itself is waited for.

        """
        if self._handlers.is_calling:
            raise FlowError("a handler cannot stop the table that waits for it; let another thread do so")
        with self._changing:
            if self._state == "running":
                self._state, self._stopping = "stopping", Task(partial(self._stop_all, get_ident()))
                self._stopping.begin()
        if self._stopping is not None:
            self._stopping.result()

    def _stop_all(self, asking: int) -> None:
        """Stop, for a thread that may itself be feeding."""
        with self._changing:
            fed = [source for source, _ in self._sources]
        for source in fed:
            if hasattr(source, "stop"):
                source.stop()
        self._wait_for_feeders(asking)
        while self._engine.stop_some():
            self._hand_over(wait=True)
        self._hand_over(wait=True)
        self._report(last=True)
        self._handlers.stop()
        if self._enhancers is not None:
            self._enhancers.stop()
        self._state = "stopped"
        atexit.unregister(self.stop)

    def _wait_for_feeders(self, asking: int) -> None:
        """Let all other threads end what they count: flows that they begin are to be handed over as well."""
        with self._changing:
            self._changing.wait_for(lambda: all(thread == asking for _, thread in self._sources))
        for feeding in self._feeding:
            feeding.wait()

    def run(self, *sources: PacketSource) -> None:
        """Start, feed some sources at a time until all have ended or :meth:`stop` is called, and stop.

        What a source raises ends the table, and is raised when all flows are handed over.
        """
        self.start()
        try:
            for source in sources:
                self.add(source)
            while (running := [each for each in self._feeding if each.running]) and not self._has_failed:
                running[0].wait(LOOK_EVERY)
        finally:
            self.stop()
        self.raise_errors()

    def add(self, source: PacketSource) -> None:
        """Feed a source in a thread of its own; :meth:`raise_errors` and :meth:`run` raise what it raises."""
        feeding = Task(partial(self.feed, source))
        self._feeding = [each for each in self._feeding if each.has_failed or not each.is_done]
        self._feeding.append(feeding)
        feeding.begin()

    @property
    def is_fed(self) -> bool:
        """Whether a source that was added has not ended."""
        return not all(feeding.is_done for feeding in self._feeding)

    @property
    def _has_failed(self) -> bool:
        return any(each.has_failed for each in self._feeding)

    def raise_errors(self) -> None:
        """Raise what a source that was added has raised, if one has."""
        for feeding in self._feeding:
            if feeding.is_done:
                feeding.result()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Start."""
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, without keeping others waiting."""
        await asyncio.to_thread(self.stop)

    # ---- packets

    def feed(self, packets: PacketSource | CapturePath | Iterable[CapturedFrame]) -> None:
        """Take packets: all of a source or a capture, until it ends or the table is stopped, or some frames.

        A frame is a ``CapturedFrame`` or a tuple like one: Unix ns, bytes, length on the wire, link type.

        Raises:
            CaptureError: somebody else reads the source, or a frame has a time or length that none can have.
            FlowError: the table does not run.
            TableFull: there is no memory for another flow.

        """
        source = _source_of(packets)
        fed = source, get_ident()
        with self._changing:
            if self._state != "running":
                raise FlowError(f"this table is {self._state}, and takes no packets")
            self._sources.append(fed)
        try:
            self._count(source)
        finally:
            with self._changing:
                self._sources.remove(fed)
                self._ended_sources.add(source)
                self._changing.notify_all()

    def _count(self, source: PacketSource) -> None:
        outcome = "goes on"
        while outcome != "no memory" and self._goes_on(source):
            outcome = self._engine.count_window(source)
            if outcome == "done":
                self.tick()
                if not self._engine.refill(source):
                    break
            elif outcome == "goes on":
                self._hand_over()
        if outcome == "no memory":
            raise TableFull("there is no memory for another flow; allow fewer by max_flows", self._account())

    def feed_sflow_sample(self, datagram: bytes, time: int) -> None:
        """Take the packets that an sFlow datagram brings, which came at a time in Unix ns.

        Raises:
            FlowProtocolError: it is no sFlow datagram of version 5, or is broken; what was whole is counted.

        """
        from flowtable.capture.sflow import SFlowFeed, parse_datagram  # noqa: PLC0415 - most do without

        feed = SFlowFeed()
        feed.feed(datagram, time)
        feed.stop()
        self.feed(feed)
        if feed.discards:
            parse_datagram(datagram)  # says what is wrong with it, and where

    def _goes_on(self, source: PacketSource) -> bool:
        """Whether to read on: a source that was told to stop still has frames that came before."""
        return self._state == "running" or hasattr(source, "stop")

    def tick(self) -> None:
        """Let happen what is due by the clock, if there is one, and hand over what was handed out."""
        if self._clock is not None:
            self._engine.pass_until(self._clock() - (0 if self._is_manual else LAG))
        self._hand_over()
        self._report()

    def _report(self, *, last: bool = False) -> None:
        """Tell of the statistics if it is time to, or for the last time."""
        if self._on_statistics is None:
            return
        now = self._engine.clock
        if self._next_report is None:
            self._next_report = now + self._report_every
        if last or now >= self._next_report:
            self._next_report = now + self._report_every
            self._handlers.put(self._on_statistics, self.statistics, 1, wait=last)

    def update(self) -> None:
        """Hand out now what has changed since the last update, between two that are due."""
        self._engine.update_now()
        self._hand_over()

    @property
    def _is_manual(self) -> bool:
        """Whether the clock is one that says when it was moved, and goes by what packets it comes between."""
        return hasattr(self._clock, "call_when_moved")

    # ---- flows

    def _hand_over(self, *, wait: bool = False) -> None:
        """Give handlers what was handed out; who calls handlers leaves it to others who are at it."""
        if not self._handing.acquire(blocking=not self._handlers.is_calling):
            return
        try:
            handed = self._engine.handed()
            if handed is not None:
                self._put(*handed, wait=wait or self._wait_for_handlers)
        finally:
            self._handing.release()

    def _put(self, records: Records, groups: list[tuple[bool, int, array[int]]], *, wait: bool) -> None:
        account = self._account()
        fresh, self._told = since(account, self._told), account
        for ended, _, rows in groups:
            handler = self._on_expire if ended else self._on_update
            if handler is not None:
                flows, fresh = FlowSet(records, fresh, rows), Account()
                self._handlers.put(self._tell, (handler, flows), len(flows), wait=wait)

    def _tell(self, told: tuple[FlowHandler, FlowSet]) -> None:
        handler, flows = told
        try:
            if self._enhancers is not None:
                self._enhancers.enhance_many(flows)
        finally:
            handler.callback(flows)

    @property
    def ip_defragger(self) -> IPDefragger | None:
        """What puts IP fragments together, if ``defrag`` was asked for."""
        return self._engine.defragger

    # ---- questions

    @property
    def flows(self) -> FlowSet:
        """All flows in the table, as they are now."""
        return self._copies_of(lambda flows: flows)

    def search(self, query: SearchQuery | Filter | str) -> FlowSet:
        """Give the flows that a query wants, or a filter, as they are now.

        Each flow that is in the table when it is asked is looked at exactly once, and whole; packets go on
        meanwhile.
        """
        from flowtable.query import SearchQuery  # noqa: PLC0415 - stands on top, and is for those who ask

        asked = query if isinstance(query, SearchQuery) else SearchQuery(filter=query)
        return self._copies_of(asked.apply)

    def query(self, query: TableQuery) -> TableReply:
        """Answer a question to tables: see ``flowtable.query.answer``."""
        from flowtable.query import answer  # noqa: PLC0415 - stands on top, and is for those who ask

        return answer(query, [self])

    def biggest(self, number: int, where: Filter | str | None = None) -> FlowSet:
        """Give so many flows, of those that are wanted, with the most bytes of both ways first."""
        return self._copies_of(lambda flows: biggest(flows if where is None else flows.filter(where), number))

    def _copies_of(self, choose: Callable[[FlowSet], FlowSet]) -> FlowSet:
        """Give copies of some of the flows that are in the table now, each whole; packets go on meanwhile."""
        asked = 0
        try:
            asked = self._engine.begin_asking()
            account = self._account()
            chosen = choose(FlowSet(self._records, account, self._engine.there(asked)))
            return FlowSet(*self._copied(chosen, account))
        finally:
            if asked:
                self._engine.end_asking()

    def _copied(self, flows: FlowSet, account: Account) -> tuple[Records, Account, array[int]]:
        records, rows = self._engine.copies(array("I", flows._numbers()))  # noqa: SLF001 - they are its own
        return records, account, rows

    # ---- what it has done

    def _account(self) -> Account:
        with self._changing:
            sources: list[Counted] = [self._ended_sources, *(source for source, _ in self._sources)]
        return make_account(self._engine.counts(), self._records, sources)

    @property
    def statistics(self) -> TableStatistics:
        """What the table has done until now."""
        lives = self._engine.life_counts()
        with self._changing:
            sources = [source for source, _ in self._sources]
            ended = self._ended_sources.statistics
        packets = together([ended, *(each.statistics for each in sources if hasattr(each, "statistics"))])
        return TableStatistics(
            flows=lives["living"],
            flows_made=lives["begun"],
            flows_ended=lives["ended"],
            segments=lives["segments"],
            packets_received=packets.received,
            packets_dropped_by_kernel=packets.dropped_by_kernel,
            packets_dropped_by_interface=packets.dropped_by_interface,
            packets_dropped_by_queue=packets.dropped_by_queue,
            handler_flows_dropped=self._handlers.dropped,
            handler_errors=self._handlers.failed,
            account=self._account(),
        )

    def __len__(self) -> int:
        """Count the flows in the table."""
        return int(self._engine.life_counts()["living"])

    def __repr__(self) -> str:
        """Say what it does, and how many flows it has."""
        return f"<Table, {self._state}: {len(self):,} flow{'s' * (len(self) != 1)}>"


def _source_of(packets: PacketSource | CapturePath | Iterable[CapturedFrame]) -> PacketSource:
    if isinstance(packets, (str, bytes, os.PathLike)):
        return open_capture(packets)
    return packets if isinstance(packets, PacketSource) else GivenFrames(packets)


def _every(handler: FlowHandler | None, seconds: Any) -> Any:
    return seconds if handler is None or handler.every is None else handler.every
