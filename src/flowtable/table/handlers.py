"""Who is told of flows, off the packet path: nothing that a handler does stops packets."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable  # noqa: TC003 - public annotations resolve at run time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Condition, get_ident
from typing import TYPE_CHECKING, Any, Final

from flowtable.background import Task
from flowtable.errors import OptionError

if TYPE_CHECKING:
    from flowtable.flow.flowset import FlowSet

__all__ = ["QUEUED_FLOWS", "FlowHandler", "HandlerQueue"]

QUEUED_FLOWS: Final = 1_000_000
"""Flows that may wait for handlers; what is over is dropped and counted."""

IDLE_EVERY: Final = 0.2
"""Seconds between two calls while no flows come."""

_LOG: Final = logging.getLogger("flowtable.table")


@dataclass(frozen=True)
class FlowHandler:
    """A function that gets lists of flows, and how often.

    ``every`` is in seconds: for updates the time between two of them, for flows that end the time without a
    packet after which they do; None leaves it to the table.
    """

    callback: Callable[[FlowSet], object]
    every: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be called in a thread."""
        if not callable(self.callback) or inspect.iscoroutinefunction(self.callback):
            raise OptionError(f"a handler is a plain function of a list of flows, not {self.callback!r}")

    @classmethod
    def of(cls, handler: FlowHandler | Callable[[FlowSet], object] | None) -> FlowHandler | None:
        """Take a handler, or its function alone."""
        if handler is None or isinstance(handler, FlowHandler):
            return handler
        return cls(handler)


class HandlerQueue:
    """Calls functions one after the other in a thread of its own.

    One that raises is logged and counted; what does not find room in the queue is dropped and counted.
    """

    def __init__(self, limit: int = QUEUED_FLOWS, idle: Callable[[], object] | None = None) -> None:
        """Take how many flows may wait, and what is called now and then while none does."""
        self._limit = limit
        self._idle = idle
        self._queue: SimpleQueue[tuple[Callable[..., object], Any, int] | None] = SimpleQueue()
        self._room = Condition()
        self._work: Task[None] | None = None
        self._thread = 0
        self._waiting = 0
        self.dropped = 0
        self.failed = 0

    def start(self) -> None:
        """Begin to call."""
        self._work = Task(self._call_all)
        self._work.begin()

    @property
    def is_calling(self) -> bool:
        """Whether this thread is the one that calls handlers, and so cannot wait for them."""
        return self._thread == get_ident()

    def put(self, function: Callable[..., object], what: Any, weight: int, *, wait: bool = False) -> bool:
        """Let a function be called with something that counts for so many flows; False: it is dropped.

        With `wait` it is not, and this returns when there is room for it.
        """
        with self._room:
            if wait and not self.is_calling:
                self._room.wait_for(lambda: self._has_room_for(weight))
            if not self._has_room_for(weight):
                self.dropped += weight
                return False
            self._waiting += weight
        self._queue.put((function, what, weight))
        return True

    def _has_room_for(self, weight: int) -> bool:
        """Whether so many flows may wait; none but a set of more than the limit waits alone."""
        return self._waiting + weight <= self._limit or not self._waiting

    def stop(self) -> None:
        """Call what waits, and end; nothing may be put afterwards."""
        if self._work is not None:
            self._queue.put(None)
            self._work.result()

    def _call_all(self) -> None:
        self._thread = get_ident()
        for function, what, weight in iter(self._next, None):
            self._call(function, what)
            with self._room:
                self._waiting -= weight
                self._room.notify_all()
        self._thread = 0  # another thread may have the same number from now on

    def _next(self) -> tuple[Callable[..., object], Any, int] | None:
        while True:
            try:
                return self._queue.get(timeout=None if self._idle is None else IDLE_EVERY)
            except Empty:
                self._call(lambda idle: idle(), self._idle)

    def _call(self, function: Callable[..., object], what: Any) -> None:
        try:
            function(what)
        except BaseException:  # noqa: BLE001 - whatever it is, sys.exit() too, the next ones are called
            self.failed += 1
            _LOG.exception("a handler of flows raised; it is not called again with these")
