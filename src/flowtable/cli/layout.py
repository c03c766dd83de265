"""Making things fit: layers paths, addresses and columns in the width that there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Column", "fit_columns", "fit_end", "fit_path", "short_path"]

_SHORT: Final = {"Ethernet": "Eth", "LinkLayerDiscovery": "LLDP", "CiscoDiscovery": "CDP"}

TIGHT: Final = 7
"""How narrow a column may become in a terminal that is too small for everything."""


def short_path(path: str) -> str:
    """Leave out of each layer's name what the one before it has said.

    >>> short_path("Ethernet/IPv6/IPv6HopByHop/ICMPv6/ICMPv6Echo")
    'Eth/IPv6/HopByHop/ICMPv6/Echo'
    """
    names = path.split("/")
    names = [name.removeprefix(before) or name for before, name in zip(["/", *names], names, strict=False)]
    return "/".join(_SHORT.get(name, name) for name in names)


def fit_path(path: str, width: int) -> str:
    """Shorten a path from its middle: where it begins and above all where it ends is what counts.

    >>> [fit_path("Ethernet/IPv4/UDP/VXLAN", width) for width in (23, 18, 15, 7, 4)]
    ['Ethernet/IPv4/UDP/VXLAN', 'Eth/IPv4/UDP/VXLAN', 'Eth/…/UDP/VXLAN', '…/VXLAN', 'VXL…']
    """
    if len(path) <= width:
        return path
    path = short_path(path)
    if len(path) <= width:
        return path
    names = path.split("/")
    for start in range(2, len(names)):
        fitting = "/".join([names[0], "…", *names[start:]])
        if len(fitting) <= width:
            return fitting
    fitting = f"…/{names[-1]}"
    return fitting if len(fitting) <= width else _cut(names[-1], width)


def fit_end(end: str, width: int) -> str:
    """Shorten an address from its middle: the network, the host and the port stay recognizable.

    >>> fit_end("[2001:db8:1::20]:52002", 18)
    '[2001:…::20]:52002'
    """
    if len(end) <= width:
        return end
    head = max((width - 1) // 3, 1)
    return _cut(end, width) if width < 5 else f"{end[: head + 1]}…{end[head + 2 - width :]}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"[:width]


@dataclass(slots=True)
class Column:
    """A column of a table: its cells, how narrow it may become, and what became of it."""

    title: str
    cells: list[str]
    least: int = 0
    """The width below which it should not go."""
    shorten: Callable[[str, int], str] | None = None
    """Makes a cell fit a width; None for a column that is never narrower than its cells."""
    right: bool = True
    gap: int = 2
    """Spaces in front of it."""
    group: str = ""
    """What it and the column before it have in common."""
    rank: int = 0
    """When it may have more than the least width: the lowest first."""
    width: int = 0

    def __post_init__(self) -> None:
        """Begin with the least width."""
        self.width = self.natural
        if self.shorten is not None:
            self.width = max(min(self.least, self.natural), len(self.title))

    @property
    def natural(self) -> int:
        """The width that its cells would like to have."""
        return max(map(len, (self.title, *self.cells)))

    @property
    def room(self) -> int:
        """What it takes of a line."""
        return self.width + self.gap

    def settle(self) -> None:
        """Make the cells as narrow as the column has become."""
        if self.shorten is not None and self.width < self.natural:
            self.cells = [self.shorten(cell, self.width) for cell in self.cells]

    def pad(self, text: str) -> str:
        """Put a cell, or the title, in its place."""
        return " " * self.gap + (text.rjust(self.width) if self.right else text.ljust(self.width))


def fit_columns(core: list[Column], optional: list[Column], width: int) -> list[Column]:
    """Choose columns, and widths for those that can be shortened, so that lines fit.

    All of ``core`` is kept. ``optional`` columns are added in order while there is room for them; what is
    left then goes to those that are shortened.
    """
    columns = list(core)
    spare = width - sum(column.room for column in columns)
    for column in optional:
        if column.room > spare:
            break
        columns.append(column)
        spare -= column.room
    elastic = [column for column in columns if column.shorten is not None]
    if spare < 0:
        _narrow(elastic, -spare)
    else:
        _widen(elastic, spare)
    for column in elastic:
        column.settle()
    return columns


def _widen(columns: list[Column], spare: int) -> None:
    """Give columns the room that is left, as far as they have use for it: the ends first."""
    for column in sorted(columns, key=lambda column: column.rank):
        grown = min(spare, column.natural - column.width)
        column.width += grown
        spare -= grown


def _narrow(columns: list[Column], excess: int) -> None:
    """Take from columns what a line is too long: from the layers first, then from the widest."""
    layers = columns[0]
    taken = min(excess, layers.width - TIGHT)
    layers.width -= taken
    for _ in range(excess - taken):
        max(columns[1:], key=lambda column: column.width).width -= 1
