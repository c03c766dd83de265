"""A set of flows: what ``read`` gives."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any, overload

from flowtable.errors import ExtraMissing, OptionError
from flowtable.flow._flow import PLACES
from flowtable.flow._rows import columns
from flowtable.flow.model import Flow, value_of
from flowtable.flow.schema import Kind, field

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from flowtable.capture.writer import CaptureFormat
    from flowtable.enhance import Enhancer, EnhancerPipeline
    from flowtable.flow._flow import Records
    from flowtable.flow.account import Account
    from flowtable.query import Filter

__all__ = ["FlowSet"]


class FlowSet:
    """Flows in order, with the account of the frames that they were made from.

    A set owns its flows or shares them with the set it was made from: slices, sorts and filters copy
    nothing but row numbers, and the parents and children of their flows are still found.

    It has what a sequence has, but does not call itself one: data frames take it for columns then, by its
    Arrow stream, and not for a list of objects.
    """

    def __init__(self, records: Records, account: Account, rows: array[int] | None = None) -> None:
        self._records = records
        self._account = account
        self._rows = rows

    @property
    def account(self) -> Account:
        """What became of every frame that was read, also for sets made from this one."""
        lost = self._records.extras.lost
        return replace(self._account, lost={**self._account.lost, **lost}) if lost else self._account

    def __len__(self) -> int:
        """Count the flows."""
        return self._records.count if self._rows is None else len(self._rows)

    def _numbers(self) -> Sequence[int]:
        return range(self._records.count) if self._rows is None else self._rows

    def _with(self, rows: array[int]) -> FlowSet:
        return FlowSet(self._records, self._account, rows)

    def __iter__(self) -> Iterator[Flow]:
        """Give the flows one by one, made as they are asked for."""
        records = self._records
        return (Flow(records, number) for number in self._numbers())

    @overload
    def __getitem__(self, index: int) -> Flow: ...
    @overload
    def __getitem__(self, index: slice) -> FlowSet: ...
    def __getitem__(self, index: int | slice) -> Flow | FlowSet:
        """Give one flow, or a set of those of a slice."""
        if isinstance(index, slice):
            return self._with(array("I", self._numbers()[index]))
        return Flow(self._records, self._numbers()[index])

    def __reversed__(self) -> Iterator[Flow]:
        """Give the flows one by one, the last first."""
        records = self._records
        return (Flow(records, number) for number in reversed(self._numbers()))

    def __contains__(self, flow: object) -> bool:
        """Say whether this very flow is in the set."""
        return (
            isinstance(flow, Flow) and flow._records is self._records and flow._number in self._numbers()  # noqa: SLF001 - a set looks into its flows
        )

    def take(self, positions: Iterable[int]) -> FlowSet:
        """Give the flows at some positions, in the order of these."""
        numbers = self._numbers()
        return self._with(array("I", [numbers[position] for position in positions]))

    def sort(self, by: str = "Metric.ABBytes", *, descending: bool = False) -> FlowSet:
        """Order by a field; flows that do not have it come last. Equal ones keep their order.

        Raises:
            FieldNotFound: no field has this name.
            OptionError: it is ``Extra``, of which only the texts have an order: ``Extra.HostB``.

        """
        if field(by).kind is Kind.EXTRAS:
            raise OptionError("sort: Extra has no order, but what is in it does: Extra.HostB")
        numbers = self._numbers()
        keys = self.values(by)
        have = [i for i, key in enumerate(keys) if key is not None]
        have.sort(key=keys.__getitem__, reverse=descending)
        missing = (i for i, key in enumerate(keys) if key is None)
        return self._with(array("I", [numbers[i] for part in (have, missing) for i in part]))

    def values(self, name: str) -> list[Any]:
        """Give one field of all flows, None where a flow does not have it; times are Unix ns.

        Raises:
            FieldNotFound: no field has this name.

        """
        wanted = field(name)
        if wanted.kind is Kind.EXTRA:
            return list(self._records.extras.texts(wanted.extra, self._numbers()))
        if wanted.kind is Kind.EXTRAS:
            return [self._records.extras.of(number) or None for number in self._numbers()]
        if wanted.place is None or not wanted.is_filled(self._records.options):
            return [None] * len(self)
        if wanted.kind.core not in (Kind.COUNT.core, Kind.FRACTION.core):
            return [value_of(self._records, number, wanted) for number in self._numbers()]
        one = [(PLACES[wanted.place], wanted.kind.core)]
        validity, _, _, data = columns(self._records, one, self._rows, 0, len(self))[0]
        values = memoryview(data).cast("d" if wanted.kind is Kind.FRACTION else "Q").tolist()
        if wanted.kind is Kind.FLAG:
            values = [bool(v) for v in values]
        if validity is None:
            return values
        return [v if validity[i >> 3] >> (i & 7) & 1 else None for i, v in enumerate(values)]

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
            return self._with(where.choose(self._records, self._rows))
        if callable(where):
            return self._with(array("I", [n for n in self._numbers() if where(Flow(self._records, n))]))
        return self._with(self._filter_columns(where))

    def _filter_columns(self, expression: Any) -> array[int]:
        import pyarrow as pa
        import pyarrow.compute as pc

        if not isinstance(expression, pc.Expression):
            raise OptionError(
                f"filter: takes a Filter, its text, a function of a flow or an Arrow expression, "
                f"not {type(expression).__name__}"
            )
        numbers = pa.Array.from_buffers(
            pa.uint32(), len(self), [None, pa.py_buffer(array("I", self._numbers()))]
        )
        try:
            kept = self.to_arrow().append_column("record number", numbers).filter(expression)
        except pa.ArrowException as error:
            raise OptionError(f"filter: {error}") from error
        return array("I", kept.column("record number").to_pylist())

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

        from flowtable.flow.columns import arrow_batches, arrow_schema

        return pa.Table.from_batches(arrow_batches(self._records, self._rows), arrow_schema())

    def arrow_reader(self) -> Any:
        """Give the flows as a ``pyarrow.RecordBatchReader`` that makes its batches as they are read."""
        import pyarrow as pa

        from flowtable.flow.columns import arrow_batches, arrow_schema

        return pa.RecordBatchReader.from_batches(arrow_schema(), arrow_batches(self._records, self._rows))

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

        write_json(self._records, self._rows, to)

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

        return write_pcap(self._records, self._rows, to, format=format, nanoseconds=nanoseconds)

    # ---- for people

    def __repr__(self) -> str:
        """Say how many flows there are, and what became of the frames."""
        return f"<FlowSet: {len(self):,} flow{'s' * (len(self) != 1)}; {self.account}>"

    def _repr_html_(self) -> str:
        """Show the first flows as a table in notebooks."""
        from flowtable.flow.notebook import as_html

        return as_html(self)
