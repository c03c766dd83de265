"""NDJSON: one flow a line, in the shape of ``Flow.to_dict``."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Final

from flowtable.export._files import Target, opened
from flowtable.flow._flow import PLACES
from flowtable.flow._rows import JsonProgramme, json_lines
from flowtable.flow.schema import FIELDS, Field, Kind

if TYPE_CHECKING:
    from array import array

    from flowtable.flow._flow import Records

__all__ = ["write_json"]

CHUNK_BYTES: Final = 1 << 20

_SHOWN: Final = {
    Kind.ADDRESS: 0,
    Kind.ID: 0,
    Kind.TEXT: 0,
    Kind.NAME: 1,
    Kind.COUNT: 2,
    Kind.FLAG: 2,
    Kind.DURATION: 2,
    Kind.TIME: 3,
    Kind.FRACTION: 4,
}


def write_json(records: Records, rows: array[int] | None, to: Target) -> None:
    """Write flows as NDJSON; ``rows`` are record numbers, or None for all."""
    programme = JsonProgramme(_steps(records))
    total = records.count if rows is None else len(rows)
    lines = max(1, CHUNK_BYTES // programme.line_bytes)
    with opened(to) as file:
        for start in range(0, total, lines):
            file.write(json_lines(records, programme, rows, start, min(start + lines, total)))


def _steps(records: Records) -> list[tuple[bytes, int, int, int, bool, list[bytes]]]:
    """Lay out the fields that are filled, each with what stands in front of it.

    A group's first field says how many fields to pass over where the flow does not have the group; a
    field without a group is passed over alone, and an id that is missing is shown as an empty text.
    """
    groups = [(name, list(members)) for name, members in groupby(_filled(records), lambda f: f.group)]
    steps: list[tuple[bytes, int, int, int, bool, list[bytes]]] = []
    for group, members in groups:
        for i, f in enumerate(members):
            begins, closes = group != "" and i == 0, group != "" and i == len(members) - 1
            before = (", " if steps else "{") + (f'"{group}": {{' if begins else "") + f'"{f.name}": '
            alone = 1 if not group and f.kind is not Kind.ID else 0
            skip = len(members) if begins else alone
            steps.append((before.encode(), _place(f), _SHOWN[f.kind], skip, closes, _names(records, f)))
    return steps


def _filled(records: Records) -> list[Field]:
    return [f for f in FIELDS if f.is_filled(records.options)]


def _place(f: Field) -> int:
    assert f.place is not None  # noqa: S101 - the caller has looked; for the type checker
    return PLACES[f.place]


def _names(records: Records, f: Field) -> list[bytes]:
    """Give a name's texts as JSON."""
    if f.kind is not Kind.NAME:
        return []
    return [json.dumps(text).encode() for text in records.names(_place(f))]
