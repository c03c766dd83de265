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

    Names repeat, and have a dictionary; one of addresses costs more time than it saves room. Ids never
    repeat, so that compression would only cost time; messages are compressed. Times have their smallest and
    largest in each row group, by which readers leave groups out; all else is spread over all of them.
    """
    unique = (Kind.ID, Kind.TEXT)
    options = {
        "use_dictionary": [f.column for f in FIELDS if f.kind is Kind.NAME],
        "compression": {f.column: "none" if f.kind in unique else "snappy" for f in FIELDS},
        "write_statistics": [f.column for f in FIELDS if f.kind is Kind.TIME],
        "write_batch_size": BATCH_ROWS,
    }
    with opened(to) as file, pq.ParquetWriter(file, reader.schema, **options) as writer:
        for batch in ahead(reader):
            writer.write_batch(batch)
