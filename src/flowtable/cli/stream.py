"""Sets of flows written one after the other, as they come."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Final, cast

from flowtable.cli.terminal import SafeWriter
from flowtable.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowtable.cli.output import Output
    from flowtable.flow import FlowSet

__all__ = ["STREAMED", "refuse_unstreamed", "write_sets"]

STREAMED: Final = ("json", "csv", "parquet")
"""Formats that flows can be added to: of Arrow files each name has one dictionary for all."""


def refuse_unstreamed(output: Output, option: str) -> None:
    """Refuse formats that need all flows at once.

    Raises:
        OptionError: it is such a format.

    """
    if output.format not in STREAMED:
        raise OptionError(
            f"{option} writes flows as they come: -o {', '.join(STREAMED)}, not {output.format}"
        )


def write_sets(sets: Iterable[FlowSet], output: Output, file: IO[bytes]) -> None:
    """Write all flows of some sets; NDJSON after each set, the others in batches."""
    if output.format == "json":
        file = cast("IO[bytes]", SafeWriter(file)) if output.to_terminal else file
        for flows in sets:
            flows.write_json(file)
            file.flush()
    elif output.format == "csv":
        from flowtable.export.csv import write_csv  # noqa: PLC0415 - loads pyarrow

        write_csv(_reader(sets), file)
    else:
        from flowtable.export.parquet import write_parquet  # noqa: PLC0415 - likewise

        write_parquet(_reader(sets), file)


def _reader(sets: Iterable[FlowSet]) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    from flowtable.flow.columns import arrow_schema  # noqa: PLC0415

    return pa.RecordBatchReader.from_batches(arrow_schema(), _batches(sets))


def _batches(sets: Iterable[FlowSet]) -> Iterator[Any]:
    """Make batches of about the size that a set from ``read`` has them in."""
    from flowtable.flow.columns import BATCH_ROWS  # noqa: PLC0415

    tables: list[Any] = []
    for flows in sets:
        tables.append(flows.to_arrow())
        if sum(table.num_rows for table in tables) >= BATCH_ROWS:
            yield from _together(tables)
            tables = []
    if tables:
        yield from _together(tables)


def _together(tables: list[Any]) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415

    yield from pa.concat_tables(tables).unify_dictionaries().combine_chunks().to_batches()
