"""What is asked of flows: which, in what order, each how often, and which page of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowtable.errors import OptionError
from flowtable.flow.order import check_order, check_told_apart
from flowtable.flow.schema import field
from flowtable.query.filters import Filter

if TYPE_CHECKING:
    from flowtable.flow import FlowSet

__all__ = ["MergeContext", "SearchQuery", "SortOrder"]


class SortOrder(enum.IntEnum):
    """Which way flows are sorted; the numbers are those of messages."""

    NONE = 0
    """As ascending."""
    ASCENDING = 1
    DESCENDING = 2


@dataclass(frozen=True, kw_only=True)
class MergeContext:
    """How flows of several sets are put into one: sorted if ``sort``, and then deduplicated if ``dedup``.

    Flows that do not have the field come last in either order, and are equal to each other. Of flows that are
    equal the first one stays, in the order that sorting gave them. Equal ones keep the order of their sets.

    Raises:
        FieldNotFound: no field has this name.
        OptionError: there is no such order, or flows have none by this field, or cannot be told apart by it.

    """

    sort: bool = False
    sort_by: str = "Last"
    sort_order: SortOrder | str = SortOrder.NONE
    dedup: bool = False
    dedup_by: str = "TrackingID"

    def __post_init__(self) -> None:  # noqa: D105 - checks what the class says
        check_order("sort_by", field(self.sort_by))
        check_told_apart("dedup_by", field(self.dedup_by))
        object.__setattr__(self, "sort_order", _sort_order(self.sort_order))

    def apply(self, flows: FlowSet) -> FlowSet:
        """Sort a set and deduplicate it."""
        if self.sort:
            flows = flows.sort(self.sort_by, descending=self.sort_order is SortOrder.DESCENDING)
        return flows.dedup(self.dedup_by) if self.dedup else flows


@dataclass(frozen=True, kw_only=True)
class SearchQuery(MergeContext):
    """Which flows are wanted: those of ``filter``, sorted, deduplicated, and of these ``from_`` up to ``to``.

    ``filter`` is a Filter or its text, or None for all flows; ``to`` is not among the flows given, and None
    for their end.

    Raises:
        FieldNotFound: no field has this name.
        FilterError: the text is no filter.
        OptionError: another value is one that cannot be.

    """

    filter: Filter | str | None = None
    from_: int = 0
    to: int | None = None

    def __post_init__(self) -> None:  # noqa: D105 - checks what the class says
        super().__post_init__()
        if isinstance(self.filter, str):
            object.__setattr__(self, "filter", Filter.parse(self.filter))
        if self.from_ < 0 or (self.to is not None and self.to < 0):
            raise OptionError(f"a page is from 0 on, and not from {self.from_} to {self.to}")

    @staticmethod
    def from_protobuf(message: bytes) -> SearchQuery:
        """Read a query from its message: docs/reference/messages.md.

        Raises:
            FilterError: it is no such message, or asks for what cannot be.
            ExtraMissing: protobuf is not installed.

        """
        from flowtable.query.wire import read_search  # noqa: PLC0415 - it makes queries

        return read_search(message)

    def to_protobuf(self) -> bytes:
        """Write the query as its message.

        Raises:
            FilterError: its filter is too large or too deep for one.
            ExtraMissing: protobuf is not installed.

        """
        from flowtable.query.wire import write_search  # noqa: PLC0415 - it knows queries

        return write_search(self)

    def apply(self, flows: FlowSet) -> FlowSet:
        """Give those of a set that are wanted."""
        if self.filter is not None:
            flows = flows.filter(self.filter)
        flows = super().apply(flows)
        return flows if self.from_ == 0 and self.to is None else flows[self.from_ : self.to]


def _sort_order(value: SortOrder | str) -> SortOrder:
    try:
        return SortOrder[value.upper()] if isinstance(value, str) else SortOrder(value)
    except (KeyError, ValueError):
        raise OptionError(f"sort_order: is none, ascending or descending, not {value!r}") from None
