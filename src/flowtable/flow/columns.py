"""Flows as Arrow columns."""

from __future__ import annotations

from array import array
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from flowtable.flow._flow import PLACES
from flowtable.flow._rows import columns, text_rows
from flowtable.flow.schema import FIELDS, Field, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowtable.flow._flow import Records

__all__ = ["BATCH_ROWS", "arrow_batches", "arrow_schema"]

BATCH_ROWS: Final = 65_536
TEXT_BYTES: Final = 1 << 28  # of JSON in a batch at most, unless one flow has more

_TYPES: Final[dict[Kind, Any]] = {
    Kind.ADDRESS: pa.string(),
    Kind.ID: pa.string(),
    Kind.TEXT: pa.string(),
    Kind.JSON: pa.string(),
    Kind.NAME: pa.dictionary(pa.int32(), pa.string()),
    Kind.COUNT: pa.uint64(),
    Kind.TIME: pa.timestamp("ns", tz="UTC"),
    Kind.DURATION: pa.int64(),
    Kind.FLAG: pa.bool_(),
    Kind.FRACTION: pa.float64(),
}


def arrow_schema() -> Any:
    """The columns of every set of flows: always the same, whatever options were used."""
    return pa.schema(
        [pa.field(f.column, _TYPES[f.kind], metadata={"path": f.path, "unit": f.unit}) for f in FIELDS]
    )


def arrow_batches(records: Records, rows: array[int] | None) -> Iterator[Any]:
    """Record batches of at most ``BATCH_ROWS`` flows, fewer where they keep long messages.

    ``rows`` are record numbers, or None for all.
    """
    schema = arrow_schema()
    filled = {f.path for f in FIELDS if f.is_filled(records.options)}
    placed = [(PLACES[f.place], f.kind.core) for f in FIELDS if f.place and f.path in filled]
    names = [_names(records, f) if f.kind is Kind.NAME else None for f in FIELDS]
    total = records.count if rows is None else len(rows)
    # Columns that nothing fills share one array of nulls a type, which is as long as a batch can be.
    nothing = {kind: pa.nulls(min(total, BATCH_ROWS), type_) for kind, type_ in _TYPES.items()}
    stop = 0
    while stop < total:
        start = stop
        stop = text_rows(records, rows, start, min(start + BATCH_ROWS, total), TEXT_BYTES)
        count = stop - start
        buffers = iter(columns(records, placed, rows, start, start + count))
        arrays = [
            _column(f, count, next(buffers), texts) if f.path in filled else nothing[f.kind].slice(0, count)
            for f, texts in zip(FIELDS, names, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _names(records: Records, f: Field) -> Any:
    """The texts of a name, by hand: pyarrow.array() would import all of pandas to look at a list."""
    texts = [name.encode() for name in records.names(PLACES[f.place or ""])]
    ends = array("i", accumulate(map(len, texts), initial=0))
    return pa.Array.from_buffers(pa.string(), len(texts), _arrow(None, memoryview(ends), b"".join(texts)))


def _column(f: Field, rows: int, buffers: tuple[Any, ...], names: Any) -> Any:
    """Wrap a column's buffers, without a copy."""
    validity, nulls, offsets, data = buffers
    if names is not None:
        indices = pa.Array.from_buffers(pa.int32(), rows, _arrow(validity, data), nulls)
        return pa.DictionaryArray.from_arrays(indices, names)
    parts = _arrow(validity, data) if offsets is None else _arrow(validity, offsets, data)
    if f.kind is Kind.FLAG:
        return pa.Array.from_buffers(pa.uint64(), rows, parts, nulls).cast(pa.bool_())
    return pa.Array.from_buffers(_TYPES[f.kind], rows, parts, nulls)


def _arrow(*buffers: bytes | memoryview | None) -> list[Any]:
    return [None if b is None else pa.py_buffer(b) for b in buffers]
