"""CSV files."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from flowtable.capture.raw import RawPacket
from flowtable.export._ahead import ahead
from flowtable.export._files import Target, opened

__all__ = ["write_csv"]


def write_csv(reader: Any, to: Target) -> None:
    """Write the batches of a ``RecordBatchReader``; names as text, and times as RFC 3339 has them.

    A text from outside that a spreadsheet would take for a formula gets an apostrophe in front. Packets and
    what enhancers have added are JSON, as in NDJSON.
    """
    schema = pa.schema([(field.name, _plain(field.type)) for field in reader.schema])
    with opened(to) as file, csv.CSVWriter(file, schema) as writer:
        plain = (pa.RecordBatch.from_arrays([_column(c) for c in b.columns], schema=schema) for b in reader)
        for batch in ahead(plain):
            writer.write_batch(batch)


def _plain(kind: Any) -> Any:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    as_text = (pa.types.is_timestamp, pa.types.is_list, pa.types.is_map)
    return pa.string() if any(is_one(kind) for is_one in as_text) else kind


def _column(column: Any) -> Any:
    if pa.types.is_list(column.type):
        return _packets(column)
    if pa.types.is_map(column.type):
        return _extras(column)
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.string())
    if pa.types.is_dictionary(column.type):
        return pc.replace_substring_regex(column.cast(column.type.value_type), r"^([=+\-@\t\r])", r"'\1")
    return column


def _packets(column: Any) -> Any:
    """Spell out lists of packets; timestamps go by their numbers, since Python's have no ns."""
    names = ("timestamp", "index", "data", "link_type")
    members = [column.values.field(name) for name in names]
    members[0] = members[0].cast(pa.int64())
    packets = [RawPacket(*values).to_dict() for values in zip(*(m.to_pylist() for m in members), strict=True)]
    ends = column.offsets.to_pylist()
    texts = [json.dumps(packets[start:end]) if end > start else None for start, end in pairwise(ends)]
    return pa.array(texts, pa.string())


def _extras(column: Any) -> Any:
    if column.null_count == len(column):
        return pa.nulls(len(column), pa.string())
    names, values = column.keys.to_pylist(), column.items.to_pylist()
    texts = [
        json.dumps(dict(zip(names[start:end], values[start:end], strict=True))) if end > start else None
        for start, end in pairwise(column.offsets.to_pylist())
    ]
    return pa.array(texts, pa.string())
