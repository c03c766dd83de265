"""Live tables of one host with common settings, found by what they capture on, and asked together."""

from __future__ import annotations

from collections.abc import Callable  # noqa: TC003 - public annotations resolve at run time
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from flowtable.errors import FlowError
from flowtable.table.live import Table
from flowtable.table.table_options import FlowUUIDs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowtable.flow import FlowSet
    from flowtable.query import TableQuery, TableReply
    from flowtable.table.handlers import FlowHandler
    from flowtable.table.table_options import TableOpts

__all__ = ["TableAllocator"]


class TableAllocator:
    """Makes started tables, and lets them go.

    `on_update`, `on_expire` and the other options are those of every table: see ``Table``. A table is found
    by the id of its node, of which there is one each.
    """

    def __init__(
        self,
        *,
        on_update: FlowHandler | Callable[[FlowSet], object] | None = None,
        on_expire: FlowHandler | Callable[[FlowSet], object] | None = None,
        **options: Any,
    ) -> None:
        self._options = {"on_update": on_update, "on_expire": on_expire, **options}
        self._tables: dict[str, Table] = {}
        self._lock = Lock()

    def alloc(self, node_tid: str, opts: TableOpts | None = None, uuids: FlowUUIDs | None = None) -> Table:
        """Make a table for a node, and start it.

        Raises:
            FlowError: there is one for this node already.
            OptionError: an option has a value that it cannot have.

        """
        with self._lock:
            if node_tid in self._tables:
                raise FlowError(f"there is a table for node {node_tid!r} already; release it first")
            made = Table(opts, uuids=replace(uuids or FlowUUIDs(), node_tid=node_tid), **self._options)
            self._tables[node_tid] = made.start()
            return made

    def find(self, node_tid: str) -> Table | None:
        """Give the table of a node, if there is one."""
        return self._tables.get(node_tid)

    def release(self, table: Table) -> None:
        """Stop a table, which hands over its flows, and forget it.

        Raises:
            FlowError: it was not made here, is released already, or one of its handlers asks for it.

        """
        name = next((name for name, each in list(self._tables.items()) if each is table), None)
        if name is None:
            raise FlowError("this table was not made here, or has been released")
        table.stop()
        with self._lock:
            self._tables.pop(name, None)

    def query_table(self, query: TableQuery) -> TableReply:
        """Ask all tables, each of which answers for itself."""
        from flowtable.query import answer  # noqa: PLC0415 - stands on top, and is for those who ask

        return answer(query, list(self))

    def expire(self) -> None:
        """Let happen now, in all tables, what is due by their clocks."""
        for table in self:
            table.tick()

    def update(self) -> None:
        """Hand out now, in all tables, what has changed since the last update."""
        for table in self:
            table.update()

    def __len__(self) -> int:
        """Count the tables."""
        return len(self._tables)

    def __iter__(self) -> Iterator[Table]:
        """Give the tables."""
        return iter(list(self._tables.values()))

    def close(self) -> None:
        """Release all tables."""
        for table in self:
            self.release(table)

    def __enter__(self) -> Self:
        """Nothing needs to be done."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()
