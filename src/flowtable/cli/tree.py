"""Flows under the tunnels that carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowtable.flow import Flow

__all__ = ["MARKS", "family_tree"]

MARKS: Final = "├└│… "
"""What trees are drawn with; no layer's name begins with one of them."""

_ORPHAN: Final = "… "
"""Stands before a flow inside a tunnel that is not listed."""


def family_tree(flows: Iterable[Flow]) -> Iterator[tuple[str, Flow]]:
    """Put each flow below its nearest ancestor in the list, with the marks that draw the tree.

    A family stands where the first of its members stood in the list, and siblings keep their order.
    """
    listed = dict.fromkeys(flows)
    below: dict[Flow | None, list[Flow]] = {}
    for flow in listed:
        below.setdefault(_ancestor(flow, listed), []).append(flow)
    for root in dict.fromkeys(_root(flow, listed) for flow in listed):
        yield _ORPHAN if root.parent is not None else "", root
        yield from _descendants(root, below, "")


def _ancestor(flow: Flow, listed: dict[Flow, None]) -> Flow | None:
    above = flow.parent
    while above is not None and above not in listed:
        above = above.parent
    return above


def _root(flow: Flow, listed: dict[Flow, None]) -> Flow:
    above = _ancestor(flow, listed)
    while above is not None:
        flow, above = above, _ancestor(above, listed)
    return flow


def _descendants(flow: Flow, below: dict[Flow | None, list[Flow]], marks: str) -> Iterator[tuple[str, Flow]]:
    """Go down a tree, which is at most as deep as a packet has parts."""
    children = below.get(flow, [])
    for child in children:
        is_last = child is children[-1]
        yield marks + ("└ " if is_last else "├ "), child
        yield from _descendants(child, below, marks + ("  " if is_last else "│ "))
