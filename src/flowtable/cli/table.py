"""A table of flows for people, each below the tunnel that it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flowtable.cli import units
from flowtable.cli.layout import Column, fit_columns, fit_end, fit_path, short_path
from flowtable.cli.tree import MARKS, family_tree
from flowtable.flow.model import ends_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flowtable.flow import Flow

__all__ = ["Style", "table_lines"]

_LAYERS: Final = 20
_END: Final = 18
_APPLICATION: Final = 11
"""Widths that layers, IPv6 addresses and applications have before further columns are shown."""
_NOTHING: Final = "-"


@dataclass(frozen=True, slots=True)
class Style:
    """How wide lines may be, None for as wide as they are, and whether they have colours."""

    width: int | None = None
    colours: bool = False

    def paint(self, text: str, sgr: str) -> str:
        """Put a colour around a text that has something to show."""
        return f"\x1b[{sgr}m{text}\x1b[0m" if self.colours and text.strip() else text

    def cut(self, line: str) -> str:
        """Cut what is too long even at the columns' smallest."""
        return line if self.width is None else line[: self.width]


def table_lines(flows: Iterable[Flow], style: Style) -> Iterator[str]:
    """Lay out a table with two lines of titles, and the flows below the tunnels that they are in."""
    columns = _columns(list(family_tree(flows)), style.width)
    yield style.paint(style.cut(_groups(columns)), "2")
    yield style.paint(style.cut(_line([column.title for column in columns], columns)), "1")
    for cells in zip(*(column.cells for column in columns), strict=True):
        yield _painted(style.cut(_line(cells, columns)), cells[0], style)


def _columns(tree: list[tuple[str, Flow]], width: int | None) -> list[Column]:
    """Make the columns that fit; the first is the layers, the next two are the ends."""
    flows = [flow for _, flow in tree]
    metrics = [flow.metric for flow in flows]
    ends = [ends_of(flow) for flow in flows]
    core = [
        _layers([marks for marks, _ in tree], [flow.layers_path for flow in flows]),
        _ends("A", [a for a, _ in ends]),
        _ends("B", [b for _, b in ends]),
        Column("A→B", [units.count(m.ab_packets) for m in metrics]),
        Column("B→A", [units.count(m.ba_packets) for m in metrics], group="packets", gap=1),
        Column("A→B", [units.count(m.ab_bytes) for m in metrics]),
        Column("B→A", [units.count(m.ba_bytes) for m in metrics], group="bytes", gap=1),
    ]
    optional = [
        Column("duration", [units.duration(m.last - m.start) for m in metrics]),
        Column("RTT", [units.duration(m.rtt) if m.rtt else _NOTHING for m in metrics]),
        Column(
            "application", [flow.application for flow in flows], _APPLICATION, fit_path, right=False, rank=2
        ),
    ]
    return fit_columns(core, optional, width) if width is not None else _unfitted(core + optional)


def _layers(marks: list[str], paths: list[str]) -> Column:
    cells = [mark + path for mark, path in zip(marks, paths, strict=True)]
    short = max((len(m + short_path(path)) for m, path in zip(marks, paths, strict=True)), default=0)
    return Column("layers", cells, min(short, _LAYERS), _fit_layers, right=False, gap=0, rank=1)


def _ends(title: str, ends: list[str]) -> Column:
    """IPv6 addresses may be shortened; those of IPv4 are short, and useless when cut."""
    least = max((len(end) if "." in end else min(len(end), _END) for end in ends), default=0)
    return Column(title, ends, least, fit_end, right=False)


def _unfitted(columns: list[Column]) -> list[Column]:
    for column in columns:
        column.width = column.natural
    return columns


def _fit_layers(cell: str, width: int) -> str:
    """Write all paths in the shorter way once one is too long, and leave deep ones half of the width."""
    path = cell.lstrip(MARKS)
    marks = cell.removesuffix(path)
    if len(marks) > width // 2:
        marks = "…" + marks[len(marks) - width // 2 + 1 :]
    return marks + fit_path(short_path(path), width - len(marks))


def _groups(columns: list[Column]) -> str:
    """Give the line above the titles: what a column has in common with the one before it."""
    line, at = "", 0
    for column in columns:
        at += column.room
        if column.group:
            line = line.ljust(at - len(column.group)) + column.group
    return line


def _line(cells: Sequence[str], columns: list[Column]) -> str:
    return "".join(column.pad(cell) for cell, column in zip(cells, columns, strict=True)).rstrip()


def _painted(line: str, layers: str, style: Style) -> str:
    """Dim the layers but for the last one, which says most."""
    start = len(layers) - len(layers.lstrip(MARKS).rpartition("/")[2])
    return style.paint(line[:start], "2") + style.paint(line[start : len(layers)], "36") + line[len(layers) :]
