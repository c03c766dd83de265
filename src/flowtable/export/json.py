"""NDJSON: one flow a line, in the shape of ``Flow.to_dict``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from flowtable.export._files import Target, opened
from flowtable.flow._flow import PLACES
from flowtable.flow._rows import JsonProgramme, json_lines
from flowtable.flow.schema import FIELDS, Field, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flowtable.flow._flow import Records
    from flowtable.flow.extras import Extras
    from flowtable.flow.flowset import Run

__all__ = ["write_json"]

CHUNK_BYTES: Final = 1 << 20

_SHOWN: Final = {
    Kind.ADDRESS: 0,
    Kind.ID: 0,
    Kind.TEXT: 0,
    Kind.NAME: 1,
    Kind.COUNT: 2,
    Kind.DURATION: 2,
    Kind.TIME: 3,
    Kind.FRACTION: 4,
    Kind.FLAG: 5,
    Kind.JSON: 6,
    Kind.PACKETS: 7,
}


def write_json(runs: Iterable[Run], to: Target) -> None:
    """Write flows as NDJSON, run by run."""
    programmes: dict[int, JsonProgramme] = {}
    with opened(to) as file:
        for run in runs:
            records = run[0]
            programme = programmes.get(id(records))
            if programme is None:
                programme = programmes[id(records)] = JsonProgramme(_steps(records))
            for lines in _lines(run, programme):
                file.write(lines)


def _lines(run: Run, programme: JsonProgramme) -> Iterator[bytes | memoryview]:
    """Give the lines of a run, many at a time."""
    records, rows, at, stop = run
    numbers = range(records.count) if rows is None else rows
    most = max(1, CHUNK_BYTES // programme.line_bytes)
    while at < stop:
        first = at
        lines, at = json_lines(records, programme, rows, first, min(first + most, stop))
        if records.extras:
            lines = b"".join(_with_extras(bytes(lines), numbers[first:at], records.extras))
        yield lines


def _with_extras(lines: bytes, numbers: Sequence[int], extras: Extras) -> Iterator[bytes]:
    """Put what enhancers have added at the end of each line, inside of its last bracket."""
    for line, number in zip(lines.split(b"\n"), numbers, strict=False):  # nothing is behind the last line end
        added = extras.of(number)
        yield b'%s, "Extra": %s}\n' % (line[:-1], json.dumps(added).encode()) if added else line + b"\n"


def _steps(records: Records) -> list[tuple[bytes, bytes, int, int, bool, list[bytes]]]:
    """Lay out the fields that flows may have.

    What a flow does not have is left out, but for an id, which is shown as an empty text.
    """
    return [
        (
            f'"{f.group}": {{'.encode() if f.group else b"",
            f'"{f.name}": '.encode(),
            _place(f),
            _SHOWN[f.kind],
            f.kind is not Kind.ID,
            _names(records, f),
        )
        for f in FIELDS
        if f.is_filled(records.options)
    ]


def _place(f: Field) -> int:
    assert f.place is not None  # noqa: S101 - the caller has looked; for the type checker
    return PLACES[f.place]


def _names(records: Records, f: Field) -> list[bytes]:
    """Give a name's texts as JSON."""
    if f.kind is not Kind.NAME:
        return []
    return [json.dumps(text).encode() for text in records.names(_place(f))]
