"""Work that is done in a thread of its own, while whoever wants it goes on.

A signal's handler may raise between any two steps of the thread that waits, as Ctrl-C does. The classes of
``threading`` and ``concurrent.futures`` take several steps in Python to wait, and may leave a lock taken that
the other thread needs as well, so that both hang (bpo-29988). Here each step that matters is one call of
compiled code, and what has become of the work is looked at again whenever it is asked for.
"""

from __future__ import annotations

import atexit
import contextlib
import os
from _thread import start_new_thread
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Task"]

_Result = TypeVar("_Result")

_running: set[Task[Any]] = set()


class Task(Generic[_Result]):
    """One call of a function; what comes of it is kept as long as the task is.

    Invariant: a thread that was started sets the outcome, and only then gives its token.
    """

    def __init__(self, work: Callable[[], _Result]) -> None:
        """Keep a function for :meth:`begin`."""
        self._work = work
        self._threads: list[int] = []  # the one that does the work, once there is one
        self._token: SimpleQueue[None] = SimpleQueue()
        self._outcome: tuple[_Result] | BaseException | None = None

    def begin(self) -> None:
        """Begin, once, in a thread of its own; where none is to be had, :meth:`result` does the work."""
        try:
            _running.add(self)
            with contextlib.suppress(RuntimeError):
                # Compiled code all through: at no moment does a thread run that is not noted.
                self._threads.extend(map(start_new_thread, (self._do,), ((),)))
        finally:
            if not self._threads:
                _running.discard(self)

    @property
    def is_done(self) -> bool:
        """Whether there is an outcome."""
        return self._outcome is not None

    @property
    def has_failed(self) -> bool:
        """Whether the function has raised."""
        return isinstance(self._outcome, BaseException)

    @property
    def running(self) -> bool:
        """Whether a thread is at work."""
        return bool(self._threads) and self._outcome is None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no thread is at work, or that many seconds; who is interrupted may wait again.

        False: the time was too short.
        """
        while self.running:
            try:
                self._token.get(timeout=timeout)
            except Empty:
                return not self.running
            self._token.put(None)  # for others who wait
        return True

    def result(self) -> _Result:
        """Wait, and give what the function gives or raise what it raises, as often as it is asked for."""
        self.wait()
        if self._outcome is None:
            self._do()
        if isinstance(self._outcome, tuple):
            return self._outcome[0]
        assert self._outcome is not None  # noqa: S101  # what was begun has an outcome
        raise self._outcome

    def _do(self) -> None:
        outcome: tuple[_Result] | BaseException
        try:
            outcome = (self._work(),)
        except BaseException as error:  # noqa: BLE001 - who asks for the result gets it
            outcome = error
        _running.discard(self)
        self._outcome = outcome
        self._token.put(None)


@atexit.register
def _wait_for_all() -> None:
    """Let no thread be at work while Python ends, which code outside of Python would not survive."""
    for task in list(_running):
        task.wait()


os.register_at_fork(after_in_child=_running.clear)  # the child has none of these threads
