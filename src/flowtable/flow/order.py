"""Orders of flows, and the first ones of equal ones, by keys made from fields; of one table or of several."""

from __future__ import annotations

import heapq
import operator
from array import array
from typing import TYPE_CHECKING, Final

from flowtable.errors import OptionError
from flowtable.flow._flow import PLACES
from flowtable.flow._order import firsts, key_width, keys, keys_of_ends, ordered, rearranged
from flowtable.flow.schema import Field, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flowtable.flow._flow import Records
    from flowtable.flow.flowset import FlowSet, Part

__all__ = [
    "biggest",
    "check_order",
    "check_told_apart",
    "first_of_values",
    "first_ones",
    "has_keys",
    "sorted_positions",
]

_OF_ENDS: Final = {"TrackingID": True, "L3TrackingID": False}
"""Ids of ends, and whether those of the link are among them."""
_ENDS_BYTES: Final = 64


def has_keys(wanted: Field) -> bool:
    """Say whether records have keys of a field: not of messages, packets, or what enhancers have added."""
    return wanted.kind not in (Kind.JSON, Kind.PACKETS, Kind.EXTRA, Kind.EXTRAS)


def check_order(option: str, wanted: Field) -> None:
    """Raise OptionError if flows have no order by a field; ``option`` is what asks for it."""
    if wanted.kind is Kind.EXTRAS:
        raise OptionError(f"{option}: Extra has no order, but what is in it does: Extra.HostB")


def check_told_apart(option: str, wanted: Field) -> None:
    """Raise OptionError if flows cannot be told apart by a field."""
    if wanted.kind is Kind.EXTRAS:
        raise OptionError(f"{option}: flows cannot be told apart by Extra, but by what is in it: Extra.HostB")
    if wanted.kind in (Kind.JSON, Kind.PACKETS):
        raise OptionError(f"{option}: flows cannot be told apart by {wanted.path}")


def sorted_positions(
    parts: Sequence[Part], places: array[int] | None, wanted: Field, *, descending: bool
) -> array[int]:
    """Give the positions of flows in the order of a field; those that do not have it come last.

    ``places`` says where each flow is among the parts in a row, None that it is where it stands.
    """
    width = _width(wanted)
    return ordered(_in_order(_keys(parts, wanted), width, places), width, descending)


def first_ones(parts: Sequence[Part], places: array[int] | None, wanted: Field) -> bytearray:
    """Give a 1 for each flow that none before it is equal to in a field that has keys."""
    if wanted.path in _OF_ENDS:
        found = [keys_of_ends(records, rows, _OF_ENDS[wanted.path]) for records, rows in parts]
        return firsts(_in_order(found, _ENDS_BYTES, places), _ENDS_BYTES)
    width = _width(wanted)
    return firsts(_in_order(_keys(parts, wanted), width, places), width)


def first_of_values(values: Iterable[object]) -> bytes:
    """Give a 1 for each value that none before it is equal to."""
    first: dict[object, int] = {}
    return bytes(first.setdefault(value, at) == at for at, value in enumerate(values))


def _width(wanted: Field) -> int:
    return key_width(PLACES[wanted.place], wanted.kind.core) if wanted.place else 1


def _in_order(found: list[bytearray], width: int, places: array[int] | None) -> bytes | bytearray:
    keys = found[0] if len(found) == 1 else b"".join(found)
    return keys if places is None else rearranged(keys, width, places)


def _keys(parts: Sequence[Part], wanted: Field) -> list[bytearray]:
    ranks = _ranks([records for records, _ in parts], wanted)
    return [_keys_of(records, rows, wanted, rank) for (records, rows), rank in zip(parts, ranks, strict=True)]


def _keys_of(records: Records, rows: array[int] | None, wanted: Field, ranks: array[int] | None) -> bytearray:
    if wanted.place is not None and wanted.is_filled(records.options):
        return keys(records, rows, PLACES[wanted.place], wanted.kind.core, ranks)
    missing = b"\1" + bytes(_width(wanted) - 1)
    return bytearray(missing * (records.count if rows is None else len(rows)))


def _ranks(tables: Sequence[Records], wanted: Field) -> list[array[int] | None]:
    """Give how names compare, by their numbers in each table."""
    if wanted.kind is not Kind.NAME or wanted.place is None:
        return [None] * len(tables)
    names = [records.names(PLACES[wanted.place]) for records in tables]
    rank = {name: at for at, name in enumerate(sorted({name for each in names for name in each}))}
    return [array("I", [rank[name] for name in each]) for each in names]


def biggest(flows: FlowSet, number: int, *, smallest: bool = False) -> FlowSet:
    """Give so many flows, those with the most bytes of both ways first, or the fewest."""
    both_ways = list(map(operator.add, flows.values("Metric.ABBytes"), flows.values("Metric.BABytes")))
    choose = heapq.nsmallest if smallest else heapq.nlargest
    return flows.take(choose(number, range(len(flows)), key=both_ways.__getitem__))
