"""The biggest flows of a live table on a terminal, drawn again and again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Self

from flowtable.cli import units
from flowtable.cli.table import Style, table_lines
from flowtable.cli.terminal import as_encodable, has_colours, safe, terminal_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowtable.query import Filter
    from flowtable.table.live import Table

__all__ = ["TopView"]

_AROUND: Final = 4
"""Lines that show no flow: the two titles, the line at the top, and the one that the cursor is in."""
_FEWEST: Final = 3

_ENTER: Final = "\x1b[?1049h\x1b[?25l"  # the alternate screen, without a cursor
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"
_HOME: Final = "\x1b[H"
_REST_OF_LINE: Final = "\x1b[K"
_REST_OF_SCREEN: Final = "\x1b[J"


class TopView:
    """Draws over what it drew; afterwards the terminal is as before, with the last drawing below."""

    def __init__(self, table: Table, title: str, where: Filter | None) -> None:
        self._table = table
        self._where = where
        self._title = title
        self._before: tuple[int, int] | None = None
        self._drawn: list[str] = []

    def __enter__(self) -> Self:
        """Take the screen."""
        self._write(_ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._write(_LEAVE + "".join(f"{line}\n" for line in self._drawn))

    def draw(self, seconds: float) -> None:
        """Draw what the table has now, `seconds` after it was drawn before."""
        columns, lines = terminal_size()
        style = Style(columns, has_colours(sys.stdout))
        self._drawn = [style.cut(self._status(seconds)), *self._flows(style, lines)]
        self._write(_HOME + "".join(f"{line}{_REST_OF_LINE}\n" for line in self._drawn) + _REST_OF_SCREEN)

    def _flows(self, style: Style, lines: int) -> Iterator[str]:
        return table_lines(self._table.biggest(max(lines - _AROUND, _FEWEST), self._where), style)

    def _status(self, seconds: float) -> str:
        """One line: where from, how many flows, how fast, and what was lost."""
        now = self._table.statistics
        frames, made = now.account.frames, now.flows_made
        before = self._before or (frames, made)
        self._before = frames, made
        rate = units.count(round((frames - before[0]) / seconds)) if seconds > 0 else "0"
        begun = units.count(round((made - before[1]) / seconds)) if seconds > 0 else "0"
        terms = [
            f"{safe(self._title)}: {now.flows:,} flow{'' if now.flows == 1 else 's'}",
            f"{rate} packets/s",
            f"{begun} new flows/s",
        ]
        if now.packets_dropped_by_kernel:
            terms.append(f"{now.packets_dropped_by_kernel:,} packets dropped")
        return ", ".join(terms)

    def _write(self, text: str) -> None:
        sys.stdout.buffer.write(as_encodable(text, sys.stdout.encoding))
        sys.stdout.buffer.flush()
