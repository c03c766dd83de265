"""Two things at a time: the next item is made while the last one is written."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from flowtable.background import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["ahead"]

_Item = TypeVar("_Item")


def ahead(items: Iterable[_Item]) -> Iterator[_Item]:
    """Give items, of which the next one is made in another thread meanwhile.

    One item waits at most. What making one raises is raised where it is asked for.
    """
    source = iter(items)
    end = object()
    coming = Task(partial(next, source, end))
    try:
        coming.begin()
        while (item := coming.result()) is not end:
            coming = Task(partial(next, source, end))
            coming.begin()
            yield item
    finally:
        coming.wait()
