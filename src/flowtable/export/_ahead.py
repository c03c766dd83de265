"""Two things at a time: the next item is made while the last one is written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

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
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, source, end)
        while (item := coming.result()) is not end:
            coming = maker.submit(next, source, end)
            yield item  # type: ignore[misc]
