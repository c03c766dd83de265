"""When the flows of a live table end, and when they are handed out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from flowtable.errors import OptionError

__all__ = ["APPLICATION_TIMEOUTS", "Timers", "nanoseconds"]

SECOND: Final = 10**9
APPLICATION_TIMEOUTS: Final[Mapping[str, float]] = {"ARP": 10, "DNS": 10}
"""Seconds without a packet after which flows of an application end."""


@dataclass(frozen=True, slots=True)
class Timers:
    """Times in ns; None is never."""

    expire_after: int = 600 * SECOND
    update_every: int | None = 60 * SECOND
    active_timeout: int | None = None
    hold_ended: int = 15 * SECOND
    applications: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def checked(
        cls,
        *,
        expire_after: float,
        update_every: float | None,
        active_timeout: float | None,
        hold_ended: float,
        application_timeouts: Mapping[str, float],
    ) -> Timers:
        """Take seconds as users give them.

        Raises:
            OptionError: a time is none, or not positive.

        """
        if not isinstance(application_timeouts, Mapping):
            raise OptionError(f"application_timeouts: takes names with seconds, not {application_timeouts!r}")
        return cls(
            expire_after=nanoseconds("expire_after", expire_after),
            update_every=None if update_every is None else nanoseconds("update_every", update_every),
            active_timeout=None if active_timeout is None else nanoseconds("active_timeout", active_timeout),
            hold_ended=nanoseconds("hold_ended", hold_ended, least=0),
            applications={
                _name(name): nanoseconds(f"application_timeouts[{name!r}]", seconds)
                for name, seconds in application_timeouts.items()
            },
        )


def _name(name: str) -> str:
    if not isinstance(name, str):
        raise OptionError(f"application_timeouts: names of applications are texts, not {name!r}")
    return name


def nanoseconds(option: str, seconds: float, *, least: int = 1) -> int:
    """Give a time in ns; what is longer than 292 years is as long, and not never."""
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and not math.isnan(seconds)
    if not number or seconds < 0:
        raise OptionError(f"{option}: takes seconds, not {seconds!r}")
    if seconds >= (1 << 63) / SECOND:
        return (1 << 63) - 2
    nanoseconds = round(seconds * SECOND)
    if nanoseconds < least:
        raise OptionError(f"{option}: takes more than {seconds!r} seconds")
    return nanoseconds
