"""Flows in the format and the place that were asked for."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Thread
from typing import IO, TYPE_CHECKING, Final, cast

from flowtable.cli.table import Style, table_lines
from flowtable.cli.terminal import SafeWriter, as_encodable, has_colours, terminal_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flowtable.cli.order import Order
    from flowtable.cli.output import Output
    from flowtable.flow import FlowSet

__all__ = ["loading", "write_flows"]

_WRITERS: Final[dict[str, Callable[[FlowSet, IO[bytes]], None]]] = {
    "json": lambda flows, file: flows.write_json(file),
    "csv": lambda flows, file: flows.write_csv(file),
    "parquet": lambda flows, file: flows.write_parquet(file),
    "arrow": lambda flows, file: flows.write_arrow(file),
}

_AROUND: Final = 8
"""Lines of a terminal that show no flow: the table's head, the account, and the prompts around them."""
_MOST: Final = 10_000  # lines for nobody in particular: a table is for people
_FEWEST: Final = 10


@contextmanager
def loading(output: Output) -> Iterator[None]:
    """Import what a format needs while packets are read: pyarrow takes as long as 100,000 of them."""
    modules = [f"flowtable.export.{output.format}"] if output.format in ("csv", "parquet", "arrow") else []
    loaders = [Thread(target=_load, args=(module,)) for module in modules]
    for loader in loaders:
        loader.start()
    try:
        yield
    finally:
        for loader in loaders:
            loader.join()  # Python cannot end in the middle of an import


def _load(module: str) -> None:
    with suppress(ImportError):  # raised again where it is needed
        import_module(module)


def write_flows(flows: FlowSet, order: Order, output: Output, file: IO[bytes]) -> None:
    """Write the flows in an order; what goes to a terminal is made safe on the way."""
    if output.format == "table":
        _write_table(flows, order, output, file)
        return
    if output.to_terminal:
        file = cast("IO[bytes]", SafeWriter(file))
    _WRITERS[output.format](order.apply(flows), file)


def _write_table(flows: FlowSet, order: Order, output: Output, file: IO[bytes]) -> None:
    """Fit the table to the terminal; elsewhere it takes the room that it needs, within reason."""
    style, limit, encoding = Style(), _MOST, "utf-8"
    if output.to_terminal:
        columns, lines = terminal_size()
        style = Style(columns, has_colours(sys.stdout))
        limit, encoding = max(lines - _AROUND, _FEWEST), sys.stdout.encoding
    shown = order.biggest(flows, limit)
    for line in table_lines(shown, style):
        file.write(as_encodable(line + "\n", encoding))
    if len(shown) < len(flows):
        more = f"… and {len(flows) - len(shown):,} more (--limit N shows N, -w FILE keeps all)"
        file.write(as_encodable(style.paint(more, "2") + "\n", encoding))
