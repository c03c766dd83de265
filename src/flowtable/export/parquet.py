"""Parquet files."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq

from flowtable.export._files import Target, opened
from flowtable.flow.schema import FIELDS, Kind

__all__ = ["write_parquet"]


def write_parquet(reader: Any, to: Target) -> None:
    """Write the batches of a ``RecordBatchReader``, a row group each.

    Ids never repeat, so that a dictionary of them only costs time; names always do, addresses mostly.
    """
    repeats = [f.column for f in FIELDS if f.kind in (Kind.NAME, Kind.ADDRESS)]
    with (
        opened(to) as file,
        pq.ParquetWriter(file, reader.schema, use_dictionary=repeats, compression="snappy") as writer,
    ):
        for batch in reader:
            writer.write_batch(batch)
