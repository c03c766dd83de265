"""Flows as Arrow columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from flowtable.flow._flow import PLACES
from flowtable.flow.schema import FIELDS, Field, Kind

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator

    from flowtable.flow._flow import Records

__all__ = ["BATCH_ROWS", "arrow_batches", "arrow_schema"]

BATCH_ROWS: Final = 65_536

_TYPES: Final[dict[Kind, Any]] = {
    Kind.ADDRESS: pa.string(),
    Kind.ID: pa.string(),
    Kind.NAME: pa.dictionary(pa.int32(), pa.string()),
    Kind.COUNT: pa.uint64(),
    Kind.TIME: pa.timestamp("ns", tz="UTC"),
    Kind.DURATION: pa.int64(),
    Kind.FLAG: pa.bool_(),
}


def arrow_schema() -> Any:
    """The columns of every set of flows: always the same, whatever options were used."""
    return pa.schema(
        [pa.field(f.column, _TYPES[f.kind], metadata={"path": f.path, "unit": f.unit}) for f in FIELDS]
    )


def arrow_batches(records: Records, rows: array[int] | None) -> Iterator[Any]:
    """Record batches of at most ``BATCH_ROWS`` flows; ``rows`` are record numbers, or None for all."""
    schema = arrow_schema()
    names = {f.place: _names(records, f) for f in FIELDS if f.kind is Kind.NAME}
    total = records.count if rows is None else len(rows)
    for start in range(0, total, BATCH_ROWS):
        part = (rows, start, min(start + BATCH_ROWS, total))
        columns = [_column(records, f, names.get(f.place), part) for f in FIELDS]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _names(records: Records, f: Field) -> Any:
    return pa.array(records.names(PLACES[f.place or ""]), pa.string())


def _column(records: Records, f: Field, names: Any, part: tuple[array[int] | None, int, int]) -> Any:
    """One field of some flows, without a copy."""
    rows, start, stop = part
    if f.place is None:
        return pa.nulls(stop - start, _TYPES[f.kind])
    validity, nulls, offsets, data = records.column(PLACES[f.place], f.kind.core, rows, start, stop)
    buffers = [None if b is None else pa.py_buffer(b) for b in (validity, offsets, data)]
    if f.kind is Kind.NAME:
        indices = pa.Array.from_buffers(pa.int32(), stop - start, [buffers[0], buffers[2]], nulls)
        return pa.DictionaryArray.from_arrays(indices, names)
    if offsets is None:
        del buffers[1]
    return pa.Array.from_buffers(_TYPES[f.kind], stop - start, buffers, nulls)
