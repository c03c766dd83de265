"""Parquet files."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq

from flowtable.export._ahead import ahead
from flowtable.export._files import Target, opened
from flowtable.flow.columns import BATCH_ROWS
from flowtable.flow.schema import FIELDS, Kind

__all__ = ["write_parquet"]


def write_parquet(reader: Any, to: Target) -> None:
    """Write the batches of a ``RecordBatchReader``, a row group each.

    Names repeat, and have a dictionary; one of addresses costs more time than it saves room. Counts and times
    are kept as differences (DELTA_BINARY_PACKED), in half of the room and, for times, half of the time. Ids
    never repeat, so that compression would only cost time; messages are compressed. Times have their smallest
    and largest in each row group, by which readers leave groups out; all else is spread over all of them.
    """
    packed = (Kind.ID, Kind.TEXT, Kind.TIME)
    differences = (Kind.COUNT, Kind.TIME)
    options = {
        "use_dictionary": [f.column for f in FIELDS if f.kind is Kind.NAME],
        "column_encoding": {f.column: "DELTA_BINARY_PACKED" for f in FIELDS if f.kind in differences},
        "compression": {f.column: "none" if f.kind in packed else "snappy" for f in FIELDS},
        "write_statistics": [f.column for f in FIELDS if f.kind is Kind.TIME],
        "write_batch_size": BATCH_ROWS,
    }
    with opened(to) as file, pq.ParquetWriter(file, reader.schema, **options) as writer:
        for batch in ahead(reader):
            writer.write_batch(batch)
