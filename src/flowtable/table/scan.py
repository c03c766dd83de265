"""``scan``: captures of any size in, flows out as they end, in constant memory."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Self

from flowtable.capture import open_capture
from flowtable.errors import TableFull
from flowtable.flow.account import Account, since
from flowtable.flow.flowset import FlowSet
from flowtable.table.accounts import make_account
from flowtable.table.live_engine import MAX_FLOWS, live_engine
from flowtable.table.reader import filter_option
from flowtable.table.table_options import TableOpts
from flowtable.table.timers import APPLICATION_TIMEOUTS, Timers

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from flowtable.capture import PacketSource
    from flowtable.query import Filter
    from flowtable.table._live import LiveEngine

__all__ = ["Scan", "scan"]


def scan(  # noqa: PLR0913 - options, by name only
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    idle: float = 600,
    active: float | None = None,
    hold: float = 15,
    application_timeouts: Mapping[str, float] = APPLICATION_TIMEOUTS,
    max_flows: int = MAX_FLOWS,
    bpf: str | None = None,
    where: Filter | str | None = None,
    node_tid: str = "",
    capture_id: str = "",
    progress: Callable[[PacketSource], None] | None = None,
    **options: Any,
) -> Scan:
    """Read captures and give sets of the flows that have ended, as they end.

    It is a live table over files: memory is that of the flows that are there at a time, and of one set. All
    times are those of the packets.

    Args:
        paths: as for ``read``.
        idle: seconds without a packet after which a flow ends.
        active: seconds after which what a flow has counted is given as a record of its own, and again.
        hold: seconds for which a flow that FIN or RST has ended waits for late packets.
        application_timeouts: seconds without a packet after which flows of an application end, by its name.
        max_flows: flows at a time; the one whose time would be up first ends to make room.
        bpf: as for ``read``.
        where: give only the flows that this filter wants.
        node_tid: as for ``read``.
        capture_id: as for ``read``.
        progress: as for ``read``.
        options: those of ``TableOpts``.

    Raises:
        CaptureError: a path is missing or is no capture.
        FilterError: the BPF expression or ``where`` is wrong.
        OptionError: an option has a value that it cannot have.
        TableFull: while iterating: there is no memory for another flow.

    """
    timers = Timers.checked(
        expire_after=idle,
        update_every=None,
        active_timeout=active,
        hold_ended=hold,
        application_timeouts=application_timeouts,
    )
    opts, wanted = TableOpts.of(**options), filter_option(where)
    engine = live_engine(opts, timers, max_flows, bpf, node_tid=node_tid, capture_id=capture_id)
    return Scan(engine, open_capture(paths), wanted, progress)


class Scan:
    """Sets of flows, one after the other; ``account`` says what became of the frames read until then."""

    def __init__(
        self,
        engine: LiveEngine,
        source: PacketSource,
        where: Filter | None,
        progress: Callable[[PacketSource], None] | None,
    ) -> None:
        self._engine = engine
        self._source = source
        self._where = where
        self._progress = progress
        self._ready: deque[FlowSet] = deque()
        self._more = True
        self._told = Account()  # what sets that were given have accounted for; theirs add up

    @property
    def account(self) -> Account:
        """What became of the frames read until now."""
        return make_account(self._engine.counts(), self._engine.records, [self._source])

    @property
    def flows_ended(self) -> Mapping[str, int]:
        """Flows that were given, or are to be, by finish type."""
        ended: Mapping[str, int] = self._engine.life_counts()["ended"]
        return ended

    def __iter__(self) -> Self:
        """Give the sets."""
        return self

    def __next__(self) -> FlowSet:
        """Give the next set."""
        while not self._ready:
            if not self._more:
                raise StopIteration
            self._more = self._go_on()
            self._take()
        return self._ready.popleft()

    def close(self) -> None:
        """Read no more, and give back files; flows that have not ended are not given."""
        self._source.close()
        self._more = False

    def __enter__(self) -> Self:
        """Nothing needs to be done."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _go_on(self) -> bool:
        """Read until a set is full, and at the end let flows end; False when there are none left."""
        while True:
            outcome = self._engine.count_window(self._source)
            if self._progress is not None:
                self._progress(self._source)
            if outcome == "goes on":
                return True
            if outcome == "no memory":
                raise TableFull("there is no memory for another flow; allow fewer by max_flows", self.account)
            if not self._engine.refill(self._source):
                return self._engine.stop_some()

    def _take(self) -> None:
        handed = self._engine.handed()
        if handed is None:
            return
        records, groups = handed
        account = self.account
        fresh, self._told = since(account, self._told), account
        for _, _, rows in groups:
            flows, fresh = FlowSet(records, fresh, rows), Account()
            flows = flows if self._where is None else flows.filter(self._where)
            if len(flows):
                self._ready.append(flows)
