"""What enhancers add to flows: texts by name, within limits."""

from __future__ import annotations

import sys
from threading import Lock
from typing import TYPE_CHECKING, Final

from flowtable.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["EXTRA_BYTES", "LONGEST_NAME", "LONGEST_VALUE", "MOST_EXTRAS", "Extras"]

MOST_EXTRAS: Final = 32
"""Texts that a flow can have; with the longest ones of these, those of a batch of rows fit into 31 bits."""
LONGEST_NAME: Final = 64
"""Bytes of a name, in UTF-8."""
LONGEST_VALUE: Final = 512
"""Bytes of a text, in UTF-8."""
EXTRA_BYTES: Final = 1 << 29
"""Memory that the texts of all flows may take, unless a limit says otherwise."""

FLOW_BYTES: Final = 224
"""What a flow takes beside its texts: a place in a dictionary that has just grown, a number, a tuple."""
_ENTRY_BYTES: Final = 16  # two pointers

_TOO_MANY: Final = f"extras of flows that had {MOST_EXTRAS}"
_TOO_LONG: Final = "extras that were too long"
_NO_ROOM: Final = "extras that found no room"


class Extras:
    """The texts of some records, by the records' numbers.

    A flow's texts are one tuple, ``(name, text, name, text, …)``, that is replaced and never changed: who
    reads needs no lock. Memory is counted as if no two flows had a text in common.
    """

    def __init__(self, limit: int = EXTRA_BYTES) -> None:
        self._entries: dict[int, tuple[str, ...]] = {}
        self._limit = limit
        self._used = 0
        self._lost = {_TOO_MANY: 0, _TOO_LONG: 0, _NO_ROOM: 0}
        self._lock = Lock()

    def __len__(self) -> int:
        """Count the flows that have any."""
        return len(self._entries)

    @property
    def used(self) -> int:
        """Bytes taken."""
        return self._used

    @property
    def lost(self) -> dict[str, int]:
        """Texts that were left out, by reason."""
        return {reason: n for reason, n in self._lost.items() if n}

    def add(self, number: int, name: str, value: str) -> None:
        """Give a flow a text, in place of the one that has this name.

        What is over a limit is left out and counted; the text from before then stays.

        Raises:
            OptionError: these are no texts, or the name is empty.

        """
        name, value = _utf8("name", name), _utf8("value", value)
        if not name:
            raise OptionError("add_extra: the name is empty")
        with self._lock:
            reason = self._put(number, name, value)
            if reason is not None:
                self._lost[reason] += 1

    def _put(self, number: int, name: str, value: str) -> str | None:
        """Put a text in its place; if it cannot be, give the reason."""
        if _length(name) > LONGEST_NAME or _length(value) > LONGEST_VALUE:
            return _TOO_LONG
        before = self._entries.get(number, ())
        at = _place_of(before, name)
        if at == 2 * MOST_EXTRAS:
            return _TOO_MANY
        after = (*before[:at], name, value, *before[at + 2 :])
        more = _price(after) - _price(before)
        if more > 0 and self._used + more > self._limit:
            return _NO_ROOM
        self._entries[number] = after
        self._used += more
        return None

    def forget(self, number: int) -> None:
        """Take away a flow's texts: its record is to be another flow's."""
        with self._lock:
            self._used -= _price(self._entries.pop(number, ()))

    def entries(self, number: int) -> tuple[str, ...]:
        """Give a flow's names and texts in turn; nothing if it has none."""
        return self._entries.get(number, ())

    def of(self, number: int) -> dict[str, str]:
        """Give a flow's texts by name, in the order in which they came."""
        entries = self.entries(number)
        return dict(zip(entries[::2], entries[1::2], strict=True))

    def find(self, number: int, name: str) -> str | None:
        """Give one text of a flow, or None."""
        entries = self._entries.get(number)
        if entries is None:
            return None
        at = _place_of(entries, name)
        return None if at == len(entries) else entries[at + 1]

    def texts(self, name: str, numbers: Iterable[int]) -> list[str | None]:
        """Give the text of one name of many flows, None where there is none."""
        return [self.find(number, name) for number in numbers]


def _utf8(what: str, text: str) -> str:
    r"""Take a text that UTF-8 can hold; a half of a surrogate pair is spelled out: ``\udcff``."""
    if not isinstance(text, str):
        raise OptionError(f"add_extra: the {what} is a text, not {type(text).__name__}")
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _place_of(entries: tuple[str, ...], name: str) -> int:
    """Say where a name stands, or would be put: at the end."""
    for at in range(0, len(entries), 2):
        if entries[at] == name:
            return at
    return len(entries)


def _price(entries: tuple[str, ...]) -> int:
    """Give the bytes that a flow's texts take."""
    if not entries:
        return 0
    return FLOW_BYTES + _ENTRY_BYTES * (len(entries) // 2) + sum(map(sys.getsizeof, entries))
