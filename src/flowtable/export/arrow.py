"""Arrow IPC files, which are Feather files of version 2."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from flowtable.export._ahead import ahead
from flowtable.export._files import Target, opened

__all__ = ["write_arrow"]


def write_arrow(reader: Any, to: Target) -> None:
    """Write the batches of a ``RecordBatchReader``."""
    with opened(to) as file, pa.ipc.new_file(file, reader.schema) as writer:
        for batch in ahead(reader):
            writer.write_batch(batch)
