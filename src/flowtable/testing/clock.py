"""A clock that tests move by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ManualClock"]

_SECOND: Final = 10**9


class ManualClock:
    """Gives the time that it was set to, in Unix ns; tables that go by it look at it whenever it is moved.

    ::

        clock = ManualClock(start)
        with Table(clock=clock, on_expire=…) as table:
            table.feed(frames)
            clock.advance(600)
    """

    def __init__(self, now: int = 0) -> None:
        self.now = now
        self._looking: list[Callable[[], object]] = []

    def __call__(self) -> int:
        """Give the time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.set(self.now + round(seconds * _SECOND))

    def set(self, now: int) -> None:
        """Let it be another time."""
        self.now = now
        for look in self._looking:
            look()

    def call_when_moved(self, function: Callable[[], object]) -> None:
        """Call a function whenever the clock is moved."""
        self._looking.append(function)
