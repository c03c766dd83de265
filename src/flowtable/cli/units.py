"""Numbers as people read them: three digits and a unit."""

from __future__ import annotations

__all__ = ["count", "duration"]

_NS_PER_SECOND = 1_000_000_000
_CLOCKS = (("d", 86_400, "h", 3_600), ("h", 3_600, "m", 60), ("m", 60, "s", 1))


def count(number: int) -> str:
    """Shorten a number of packets or bytes, in powers of 1000.

    >>> [count(n) for n in (999, 1_000, 56_049, 999_950)]
    ['999', '1.00k', '56.0k', '1.00M']
    """
    return _three_digits(number, 1, ("", "k", "M", "G", "T", "P", "E"))


def duration(ns: int) -> str:
    """Shorten a time span in ns.

    >>> [duration(n) for n in (0, 883_333, 20_050_000, 59_996_000_000, 7_260_000_000_000)]
    ['0', '883µs', '20.1ms', '1m00s', '2h01m']
    """
    seconds = (ns + _NS_PER_SECOND // 2) // _NS_PER_SECOND
    if seconds < 60:
        return _three_digits(ns, 1, ("ns", "µs", "ms", "s")) if ns else "0"
    name, unit, small, part = next(clock for clock in _CLOCKS if seconds >= clock[1])
    return f"{seconds // unit}{name}{seconds % unit // part:02}{small}"


def _three_digits(number: int, unit: int, names: tuple[str, ...]) -> str:
    """Give the first unit in which a number, rounded, has at most three digits before the point."""
    if number < 1000:
        return f"{number}{names[0]}"
    for name in names[1:]:
        unit *= 1000
        for places, limit in ((2, 10), (1, 100), (0, 1000)):
            if round(number / unit, places) < limit:
                return f"{number / unit:.{places}f}{name}"
    return f"{number / unit:.0f}{names[-1]}"
