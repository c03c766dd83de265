"""A set of flows: what ``read`` gives."""

from __future__ import annotations

from array import array
from itertools import groupby, repeat
from typing import IO, TYPE_CHECKING, Any, overload

from flowtable.errors import ExtraMissing, OptionError
from flowtable.flow._flow import PLACES, Records
from flowtable.flow._order import chosen, rearranged, split, taken
from flowtable.flow._rows import columns
from flowtable.flow.account import together, with_lost
from flowtable.flow.model import Flow, value_of
from flowtable.flow.order import (
    check_order,
    check_told_apart,
    first_of_values,
    first_ones,
    has_keys,
    sorted_positions,
)
from flowtable.flow.schema import Field, Kind, field

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from flowtable.capture.writer import CaptureFormat
    from flowtable.enhance import Enhancer, EnhancerPipeline
    from flowtable.flow.account import Account
    from flowtable.query import Filter, MergeContext, SearchQuery

__all__ = ["FlowSet", "Part", "Run"]

Part = tuple[Records, "array[int] | None"]
"""A table, and the numbers of some of its flows in order; None for all of them."""
Run = tuple[Records, "array[int] | None", int, int]
"""The same, and where those that are meant begin and end."""


class FlowSet:
    """Flows in order, with the account of the frames that they were made from.

    A set owns its flows or shares them with the set it was made from: slices, sorts, filters and merges copy
    nothing but row numbers, and the parents and children of their flows are still found.

    It has what a sequence has, but does not call itself one: data frames take it for columns then, by its
    Arrow stream, and not for a list of objects.
    """

    def __init__(self, records: Records, account: Account, rows: array[int] | None = None) -> None:
        self._tables: tuple[tuple[Records, Account], ...] = ((records, account),)
        self._rows = rows
        self._whose: array[int] | None = None  # which table each flow is of, where there are several

    @property
    def account(self) -> Account:
        """What became of every frame that was read, also for sets made from this one.

        Of a merged set it is the sum of those of the reads that its flows came from. What enhancers could
        not add to their flows since is in ``lost``.
        """
        accounts = [with_lost(account, records.extras.lost) for records, account in self._tables]
        return accounts[0] if len(accounts) == 1 else together(accounts)

    def __len__(self) -> int:
        """Count the flows."""
        return len(self._numbers())

    def _numbers(self) -> Sequence[int]:
        return range(self._tables[0][0].count) if self._rows is None else self._rows

    def _owners(self) -> Iterable[Records]:
        tables = [records for records, _ in self._tables]
        return repeat(tables[0]) if self._whose is None else map(tables.__getitem__, self._whose)

    def _with(self, rows: array[int], whose: array[int] | None) -> FlowSet:
        made = FlowSet(*self._tables[0], rows)
        made._tables, made._whose = self._tables, whose
        return made

    def _kept(self, mask: bytes | bytearray) -> FlowSet:
        """Keep the flows that have a 1."""
        return self._with(chosen(self._rows, mask), self._whose and chosen(self._whose, mask))

    def _at(self, positions: array[int]) -> FlowSet:
        """Give the flows at some positions, which count from 0."""
        rows = array("I", self._numbers()) if self._rows is None else self._rows
        return self._with(taken(rows, positions), self._whose and taken(self._whose, positions))

    def _split(self) -> tuple[list[Part], array[int] | None]:
        """Give the flows of each table, and where each flow of the set is among these in a row.

        None says that each is where it stands, as with a single table.
        """
        if self._rows is None or self._whose is None:
            return [(self._tables[0][0], self._rows)], None
        numbers, places = split(self._rows, self._whose, len(self._tables))
        return [(records, rows) for (records, _), rows in zip(self._tables, numbers, strict=True)], places

    def __iter__(self) -> Iterator[Flow]:
        """Give the flows one by one, made as they are asked for."""
        return map(Flow, self._owners(), self._numbers())

    @overload
    def __getitem__(self, index: int) -> Flow: ...
    @overload
    def __getitem__(self, index: slice) -> FlowSet: ...
    def __getitem__(self, index: int | slice) -> Flow | FlowSet:
        """Give one flow, or a set of those of a slice."""
        if isinstance(index, slice):
            return self._with(array("I", self._numbers()[index]), self._whose and self._whose[index])
        number = self._numbers()[index]
        return Flow(self._tables[0 if self._whose is None else self._whose[index]][0], number)

    def __reversed__(self) -> Iterator[Flow]:
        """Give the flows one by one, the last first."""
        return iter(self[::-1])

    def __contains__(self, flow: object) -> bool:
        """Say whether this very flow is in the set."""
        if not isinstance(flow, Flow):
            return False
        return any(
            flow._records is records and flow._number in (range(records.count) if rows is None else rows)
            for records, rows in self._split()[0]
        )

    def take(self, positions: Iterable[int]) -> FlowSet:
        """Give the flows at some positions, in the order of these."""
        every = range(len(self))
        return self._at(array("I", [every[position] for position in positions]))

    def sort(self, by: str = "Metric.ABBytes", *, descending: bool = False) -> FlowSet:
        """Order by a field; flows that do not have it come last. Equal ones keep their order.

        Raises:
            FieldNotFound: no field has this name.
            OptionError: it is ``Extra``, of which only the texts have an order: ``Extra.HostB``.

        """
        wanted = field(by)
        check_order("sort", wanted)
        if has_keys(wanted):
            return self._at(sorted_positions(*self._split(), wanted, descending=descending))
        values = self.values(by)
        have = [i for i, value in enumerate(values) if value is not None]
        have.sort(key=values.__getitem__, reverse=descending)
        return self._at(array("I", [*have, *(i for i, value in enumerate(values) if value is None)]))

    def dedup(self, by: str = "TrackingID") -> FlowSet:
        """Keep the first of the flows that are equal in a field; those that do not have it are equal.

        ``TrackingID`` and ``L3TrackingID`` are hashes that can be made to collide: flows equal in them are
        equal if their addresses, ports, ICMP and tunnel ids are as well.

        Raises:
            FieldNotFound: no field has this name.
            OptionError: flows cannot be told apart by this field: messages, packets, and all of ``Extra``.

        """
        wanted = field(by)
        check_told_apart("dedup", wanted)
        if has_keys(wanted):
            return self._kept(first_ones(*self._split(), wanted))
        return self._kept(first_of_values(self.values(by)))

    def search(self, query: SearchQuery) -> FlowSet:
        """Give the flows that a query wants, in its order: filter, sort, dedup, and a page of these."""
        return query.apply(self)

    def merge(self, others: FlowSet | Iterable[FlowSet], context: MergeContext | None = None) -> FlowSet:
        """Put the flows of other sets behind these, and sort and dedup as ``context`` says.

        Nothing is copied but row numbers. A flow that is in several sets is in the merged one as often.
        """
        merged = _one_behind_the_other([self, *([others] if isinstance(others, FlowSet) else others)])
        return merged if context is None else context.apply(merged)

    def values(self, name: str) -> list[Any]:
        """Give one field of all flows, None where a flow does not have it; times are Unix ns.

        Raises:
            FieldNotFound: no field has this name.

        """
        wanted = field(name)
        parts, places = self._split()
        found = [value for part in parts for value in _values(*part, wanted)]
        return found if places is None else [found[place] for place in places]

    def filter(self, where: Filter | str | Callable[[Flow], object] | Any) -> FlowSet:
        """Keep the flows that are wanted.

        ``where`` is a Filter or its text (``"Transport == 443"``), a function of a flow, or an Arrow
        expression over columns.

        Raises:
            FilterError: the text is no filter.
            OptionError: ``where`` is none of these.

        """
        from flowtable.query import Filter

        if isinstance(where, str):
            where = Filter.parse(where)
        if isinstance(where, Filter):
            parts, places = self._split()
            masks = [where.mask(*part) for part in parts]
            return self._kept(masks[0] if places is None else rearranged(b"".join(masks), 1, places))
        if callable(where):
            return self._kept(bytes(bool(where(flow)) for flow in self))
        return self._filter_columns(where)

    def _filter_columns(self, expression: Any) -> FlowSet:
        import pyarrow as pa
        import pyarrow.compute as pc

        if not isinstance(expression, pc.Expression):
            raise OptionError(
                f"filter: takes a Filter, its text, a function of a flow or an Arrow expression, "
                f"not {type(expression).__name__}"
            )
        every = array("I", range(len(self)))
        positions = pa.Array.from_buffers(pa.uint32(), len(self), [None, pa.py_buffer(every)])
        try:
            kept = self.to_arrow().append_column("position", positions).filter(expression)
        except pa.ArrowException as error:
            raise OptionError(f"filter: {error}") from error
        return self._at(array("I", kept.column("position").to_pylist()))

    def enhance(self, *enhancers: Enhancer | EnhancerPipeline) -> FlowSet:
        """Let enhancers add to these flows what they know, and give this set.

        Takes enhancers, or one pipeline of them, which is started and stopped unless it is running. They see
        all flows of the set at once. One that raises does no harm to the others, and is warned of.

        Raises:
            OptionError: something is no enhancer.

        """
        from flowtable.enhance.pipeline import enhance_set

        enhance_set(self, enhancers)
        return self

    # ---- columns

    def to_arrow(self) -> Any:
        """Give the flows as a ``pyarrow.Table``."""
        import pyarrow as pa

        from flowtable.flow.columns import arrow_schema

        return pa.Table.from_batches(self._batches(), arrow_schema())

    def arrow_reader(self) -> Any:
        """Give the flows as a ``pyarrow.RecordBatchReader`` that makes its batches as they are read."""
        import pyarrow as pa

        from flowtable.flow.columns import arrow_schema

        return pa.RecordBatchReader.from_batches(arrow_schema(), self._batches())

    def _batches(self) -> Iterator[Any]:
        """Give Arrow's record batches; flows of several tables in pieces that are small enough for one."""
        from flowtable.flow.columns import BATCH_ROWS, arrow_batches, batches_of_several, fits_a_batch

        parts, places = self._split()
        if places is None:
            yield from arrow_batches(*parts[0])
        elif len(self) < 2 or fits_a_batch(parts):
            yield from batches_of_several(parts, places)
        else:
            step = BATCH_ROWS if len(self) > BATCH_ROWS else (len(self) + 1) // 2
            for start in range(0, len(self), step):
                yield from self[start : start + step]._batches()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give a fresh stream at each call (Arrow PyCapsule interface): DuckDB asks several times."""
        return self.arrow_reader().__arrow_c_stream__(requested_schema)

    def to_pandas(self, **options: Any) -> Any:
        """Give the flows as a ``pandas.DataFrame``; options go to ``pyarrow.Table.to_pandas``.

        Raises:
            ExtraMissing: pandas is not installed.

        """
        try:
            import pandas  # noqa: F401, ICN001 - only whether it is there
        except ImportError as error:
            raise ExtraMissing("to_pandas needs pandas: pip install 'flowtable[pandas]'") from error
        return self.to_arrow().to_pandas(**options)

    def to_polars(self) -> Any:
        """Give the flows as a ``polars.DataFrame``.

        Raises:
            ExtraMissing: polars is not installed.

        """
        try:
            import polars as pl
        except ImportError as error:
            raise ExtraMissing("to_polars needs polars: pip install 'flowtable[polars]'") from error
        return pl.from_arrow(self.to_arrow())

    # ---- files

    def write_json(self, to: str | os.PathLike[str] | IO[bytes]) -> None:
        """Write NDJSON: one flow a line, as ``to_dict`` shows it."""
        from flowtable.export.json import write_json

        write_json(self._runs(), to)

    def _runs(self) -> Iterator[Run]:
        """Give the flows as they stand, in runs of one table each."""
        if self._whose is None:
            yield self._tables[0][0], self._rows, 0, len(self)
            return
        start = 0
        for table, same in groupby(self._whose):
            stop = start + sum(1 for _ in same)
            yield self._tables[table][0], self._rows, start, stop
            start = stop

    def write_csv(self, to: str | os.PathLike[str] | IO[bytes]) -> None:
        """Write a table with the columns of ``to_arrow`` and a line of their names."""
        from flowtable.export.csv import write_csv

        write_csv(self.arrow_reader(), to)

    def write_parquet(self, to: str | os.PathLike[str] | IO[bytes]) -> None:
        """Write a Parquet file."""
        from flowtable.export.parquet import write_parquet

        write_parquet(self.arrow_reader(), to)

    def write_arrow(self, to: str | os.PathLike[str] | IO[bytes]) -> None:
        """Write an Arrow IPC file (Feather version 2)."""
        from flowtable.export.arrow import write_arrow

        write_arrow(self.arrow_reader(), to)

    def write_pcap(
        self,
        to: str | os.PathLike[str] | IO[bytes],
        *,
        format: CaptureFormat | None = None,  # noqa: A002 - what everybody calls it
        nanoseconds: bool = True,
    ) -> int:
        """Write the packets that ``raw_packets`` kept as a capture, and give how many there were.

        They come in the order in which they were read. A flow inside another one of this set is in that
        one's packets and is not written again; a set of inner flows alone gives their own packets, without
        the tunnel around them. ``format`` is ``"pcap"`` or ``"pcapng"``, and unless given goes by the
        suffix; times have ns unless told otherwise.

        Raises:
            OptionError: no packets were kept, or they have several link types and the format is pcap.

        """
        from flowtable.export.pcap import write_pcap

        return write_pcap(self._split()[0], to, format=format, nanoseconds=nanoseconds)

    # ---- for people

    def __repr__(self) -> str:
        """Say how many flows there are, and what became of the frames."""
        return f"<FlowSet: {len(self):,} flow{'s' * (len(self) != 1)}; {self.account}>"

    def _repr_html_(self) -> str:
        """Show the first flows as a table in notebooks."""
        from flowtable.flow.notebook import as_html

        return as_html(self)


def _one_behind_the_other(sets: Sequence[FlowSet]) -> FlowSet:
    """Put sets in a row. A table that several share is one."""
    tables = {id(table[0]): table for each in sets for table in each._tables}
    number_of = {table: number for number, table in enumerate(tables)}
    rows, whose = array("I"), array("I")
    for each in sets:
        numbers = array("I", [number_of[id(records)] for records, _ in each._tables])
        of_each = array("I", bytes(4 * len(each))) if each._whose is None else each._whose
        rows.extend(array("I", each._numbers()))
        whose.extend(taken(numbers, of_each))
    merged = sets[0]._with(rows, whose if len(tables) > 1 else None)
    merged._tables = tuple(tables.values())
    return merged


def _values(records: Records, rows: array[int] | None, wanted: Field) -> list[Any]:
    """Give one field of flows of one table."""
    numbers = range(records.count) if rows is None else rows
    if wanted.kind is Kind.EXTRA:
        return list(records.extras.texts(wanted.extra, numbers))
    if wanted.kind is Kind.EXTRAS:
        return [records.extras.of(number) or None for number in numbers]
    if wanted.place is None or not wanted.is_filled(records.options):
        return [None] * len(numbers)
    if wanted.kind.core not in (Kind.COUNT.core, Kind.FRACTION.core):
        return [value_of(records, number, wanted) for number in numbers]
    one = [(PLACES[wanted.place], wanted.kind.core)]
    validity, _, _, data = columns(records, one, rows, 0, len(numbers))[0]
    values = memoryview(data).cast("d" if wanted.kind is Kind.FRACTION else "Q").tolist()
    if wanted.kind is Kind.FLAG:
        values = [bool(v) for v in values]
    if validity is None:
        return values
    return [v if validity[i >> 3] >> (i & 7) & 1 else None for i, v in enumerate(values)]
