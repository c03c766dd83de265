"""Flows as Arrow columns."""

from __future__ import annotations

from array import array
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from flowtable.flow._flow import PLACES
from flowtable.flow._rows import columns, packet_columns, text_rows
from flowtable.flow.schema import FIELDS, Field, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flowtable.flow._flow import Records
    from flowtable.flow.extras import Extras
    from flowtable.flow.flowset import Part

__all__ = ["BATCH_ROWS", "arrow_batches", "arrow_schema", "batches_of_several", "fits_a_batch"]

BATCH_ROWS: Final = 65_536
FIRST_ROWS: Final = 8_192
"""Of the first batch, and then ever more, so that who writes them need not wait for long."""
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
    Kind.PACKETS: pa.list_(
        pa.struct(
            [
                pa.field("timestamp", pa.timestamp("ns", tz="UTC")),
                pa.field("index", pa.uint32()),
                pa.field("data", pa.large_binary()),  # offsets of 32 bits would end at 2 GiB a batch
                pa.field("link_type", pa.uint32()),
                pa.field("length", pa.uint32()),
            ]
        )
    ),
    Kind.FRACTION: pa.float64(),
    Kind.EXTRAS: pa.map_(pa.string(), pa.string()),
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
    filled = {f for f in FIELDS if f.is_filled(records.options)}
    made_here = [f for f in FIELDS if f in filled and f.kind is not Kind.PACKETS]
    placed = [(PLACES[f.place], f.kind.core) for f in made_here if f.place]
    names = {f: _names(records, f) for f in FIELDS if f.kind is Kind.NAME}
    total = records.count if rows is None else len(rows)
    # Columns that nothing fills share one array of nulls a type, which is as long as a batch can be.
    nothing = {kind: pa.nulls(min(total, BATCH_ROWS), type_) for kind, type_ in _TYPES.items()}
    stop = 0
    while stop < total:
        start = stop
        most = min(max(start, FIRST_ROWS), BATCH_ROWS)
        stop = text_rows(records, rows, start, min(start + most, total), TEXT_BYTES)
        buffers = iter(columns(records, placed, rows, start, stop))
        arrays = []
        for f in FIELDS:
            if f.kind is Kind.EXTRAS and records.extras:
                arrays.append(_extras(records.extras, (range(total) if rows is None else rows)[start:stop]))
            elif f not in filled:
                arrays.append(nothing[f.kind].slice(0, stop - start))
            elif f.kind is Kind.PACKETS:
                arrays.append(_packets(stop - start, packet_columns(records, rows, start, stop)))
            else:
                arrays.append(_column(f, stop - start, next(buffers), names.get(f)))
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def fits_a_batch(parts: Sequence[Part]) -> bool:
    """Say whether flows of several tables are one batch: not too many, and with messages not too long."""
    lengths = [records.count if rows is None else len(rows) for records, rows in parts]
    room = TEXT_BYTES // len(parts)
    return sum(lengths) <= BATCH_ROWS and all(
        text_rows(records, rows, 0, length, room) == length
        for (records, rows), length in zip(parts, lengths, strict=True)
    )


def batches_of_several(parts: Sequence[Part], places: array[int]) -> Iterator[Any]:
    """Make a batch of flows of several tables; ``places`` says where each is among these in a row."""
    schema = arrow_schema()
    batches = [batch for records, rows in parts if rows for batch in arrow_batches(records, rows)]
    table = pa.Table.from_batches(batches, schema).unify_dictionaries()
    order = pa.Array.from_buffers(pa.uint32(), len(places), [None, pa.py_buffer(places)])
    yield from table.take(order).combine_chunks().to_batches()


def _names(records: Records, f: Field) -> Any:
    """The texts of a name, by hand: pyarrow.array() would import all of pandas to look at a list."""
    return _strings(records.names(PLACES[f.place or ""]))


def _strings(texts: Iterable[str]) -> Any:
    encoded = [text.encode() for text in texts]
    ends = array("i", accumulate(map(len, encoded), initial=0))
    return pa.Array.from_buffers(pa.string(), len(encoded), _arrow(None, memoryview(ends), b"".join(encoded)))


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


def _packets(rows: int, buffers: tuple[Any, ...]) -> Any:
    """Wrap the buffers of packets, which are lists of structs."""
    validity, nulls, offsets, packets, times, indices, ends, data, link_types, lengths = buffers
    kind = _TYPES[Kind.PACKETS]
    columns = ((times,), (indices,), (ends, data), (link_types,), (lengths,))
    members = [
        pa.Array.from_buffers(kind.value_type.field(i).type, packets, _arrow(None, *parts))
        for i, parts in enumerate(columns)
    ]
    structs = pa.StructArray.from_arrays(members, fields=list(kind.value_type))
    return pa.Array.from_buffers(kind, rows, _arrow(validity, offsets), nulls, children=[structs])


def _extras(extras: Extras, numbers: Sequence[int]) -> Any:
    """Maps of what enhancers have added; a flow that has nothing has no map."""
    kind = _TYPES[Kind.EXTRAS]
    entries = [extras.entries(number) for number in numbers]
    ends = array("i", accumulate((len(each) // 2 for each in entries), initial=0))
    sides = [_strings(text for each in entries for text in each[side::2]) for side in (0, 1)]
    pairs = pa.StructArray.from_arrays(sides, fields=[kind.key_field, kind.item_field])
    validity = bytearray(len(entries) // 8 + 1)
    for row, each in enumerate(entries):
        validity[row >> 3] |= bool(each) << (row & 7)
    return pa.Array.from_buffers(kind, len(entries), _arrow(validity, memoryview(ends)), children=[pairs])


def _arrow(*buffers: bytes | bytearray | memoryview | None) -> list[Any]:
    return [None if b is None else pa.py_buffer(b) for b in buffers]
