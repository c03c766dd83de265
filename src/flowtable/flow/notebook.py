"""Flows as an HTML table, as notebooks show them."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from flowtable.flow.model import ends_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowtable.flow.flowset import FlowSet
    from flowtable.flow.model import Flow

__all__ = ["as_html"]

SHOWN: Final = 20
HEAD: Final = ("layers", "A", "B", "A→B packets", "A→B bytes", "B→A packets", "B→A bytes")


def as_html(flows: FlowSet) -> str:
    """Show the first flows of a set, below what became of the frames."""
    rows = [_row("th", HEAD), *(_row("td", _cells(flow)) for flow in flows[:SHOWN])]
    return f"<p>{escape(repr(flows)[1:-1])}</p><table>{''.join(rows)}</table>"


def _cells(flow: Flow) -> tuple[str, ...]:
    m = flow.metric
    counts = m.ab_packets, m.ab_bytes, m.ba_packets, m.ba_bytes
    return flow.layers_path, *ends_of(flow), *(f"{n:,}" for n in counts)


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
