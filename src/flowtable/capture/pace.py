"""The clock of live sources, for those few that wait for a time or notice that nothing comes.

Nothing that is counted depends on it: flows are timed by their packets.
"""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """What a source asks for the time; tests move one by hand."""

    def now(self) -> int:
        """Give a time in ns that never goes back."""

    def wait(self, seconds: float) -> None:
        """Let that time pass, or less."""


class SystemClock:
    """The system's own."""

    def now(self) -> int:
        """Give the time since some moment in the past, in ns."""
        return time.monotonic_ns()

    def wait(self, seconds: float) -> None:
        """Sleep; other threads run meanwhile."""
        time.sleep(seconds)
