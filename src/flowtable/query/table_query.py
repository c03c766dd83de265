"""What is asked of tables, here or on other hosts, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol

from flowtable.errors import FieldNotFound, FilterError, FlowError, OptionError
from flowtable.flow.flowset import FlowSet
from flowtable.query.search import SearchQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["TableQuery", "TableReply", "answer"]

SEARCH: Final = "SearchQuery"


@dataclass(frozen=True)
class TableQuery:
    """A question to tables: its type, of which there is one, and the query, perhaps still as a message."""

    type: str = SEARCH
    query: SearchQuery | bytes = b""

    def search(self) -> SearchQuery:
        """Give the search query.

        Raises:
            FilterError: the type is another one, or the message is none of a query.
            ExtraMissing: the query is a message, and protobuf is not installed.

        """
        if self.type != SEARCH:
            raise FilterError(f"a table takes queries of the type {SEARCH!r}, not {self.type[:100]!r}")
        return self.query if isinstance(self.query, SearchQuery) else SearchQuery.from_protobuf(self.query)

    def to_protobuf(self) -> bytes:
        """Write the question as its message.

        Raises:
            FilterError: its filter is too large or too deep for one.
            ExtraMissing: protobuf is not installed.

        """
        from flowtable.query.wire import write_message  # noqa: PLC0415 - takes an extra

        query = self.query.to_protobuf() if isinstance(self.query, SearchQuery) else self.query
        return write_message("TableQuery", Type=self.type, Query=query)

    @staticmethod
    def from_protobuf(message: bytes) -> TableQuery:
        """Read a question from its message; what is asked stays a message, which ``search`` reads.

        Raises:
            FilterError: it is no such message.
            ExtraMissing: protobuf is not installed.

        """
        from flowtable.query.wire import read_message  # noqa: PLC0415 - takes an extra

        read = read_message("TableQuery", message)
        return TableQuery(read.Type, read.Query)


@dataclass(frozen=True)
class TableReply:
    """What tables answered: a set of flows of each that could answer, perhaps still as messages.

    ``status`` is 200; 204 if there are no flows; 207 if some table failed; 400 if the question was bad.
    ``reasons`` say what failed.
    """

    status: int
    flow_sets: tuple[FlowSet | bytes, ...] = ()
    reasons: tuple[str, ...] = ()

    def to_protobuf(self, encode: Callable[[FlowSet], bytes]) -> bytes:
        """Write the reply as its message; ``encode`` writes a set of flows as one.

        Raises:
            ExtraMissing: protobuf is not installed.

        """
        from flowtable.query.wire import write_message  # noqa: PLC0415 - takes an extra

        sets = [encode(each) if isinstance(each, FlowSet) else each for each in self.flow_sets]
        return write_message("TableReply", Status=self.status, FlowSetBytes=sets, Reasons=self.reasons)

    @staticmethod
    def from_protobuf(message: bytes) -> TableReply:
        """Read a reply from its message; sets of flows stay messages.

        Raises:
            FilterError: it is no such message.
            ExtraMissing: protobuf is not installed.

        """
        from flowtable.query.wire import read_message  # noqa: PLC0415 - takes an extra

        read = read_message("TableReply", message)
        return TableReply(read.Status, tuple(read.FlowSetBytes), tuple(read.Reasons))


class Searchable(Protocol):
    """What can be asked: a set of flows, a live table, or who asks one elsewhere."""

    def search(self, query: SearchQuery, /) -> FlowSet:
        """Give the flows that a query wants."""


def answer(query: TableQuery, tables: Iterable[Searchable]) -> TableReply:
    """Ask tables: sets of flows, live tables, or anything else with their ``search``.

    A table fails that raises FlowError or OSError; the others answer all the same.
    """
    try:
        search = query.search()
    except (FilterError, FieldNotFound, OptionError) as error:
        return TableReply(HTTPStatus.BAD_REQUEST.value, reasons=(str(error),))
    found: list[FlowSet] = []
    failed: list[str] = []
    for table in tables:
        try:
            found.append(table.search(search))
        except (FlowError, OSError) as error:
            failed.append(str(error))
    there = any(len(flows) for flows in found)
    status = HTTPStatus.MULTI_STATUS if failed else HTTPStatus.OK if there else HTTPStatus.NO_CONTENT
    return TableReply(status.value, tuple(found), tuple(failed))
