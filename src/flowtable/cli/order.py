"""Which flows, and in what order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowtable.errors import FieldNotFound, OptionError
from flowtable.flow.order import biggest, check_order, check_told_apart
from flowtable.flow.schema import Field, Kind, field, similar

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection

    from flowtable.flow import FlowSet

__all__ = ["Order"]


@dataclass(frozen=True, slots=True)
class Order:
    """An order of flows by a field, or as is natural, perhaps turned around; and how many to give.

    Amounts, which are counters and durations, come with the biggest first; all else with the smallest.
    Flows that lack the field come last in any case. Of flows that are equal in ``once``, the first in this
    order is given.
    """

    by: Field | None = None
    reverse: bool = False
    limit: int | None = None
    once: Field | None = None

    @classmethod
    def chosen(cls, options: argparse.Namespace, filling: Collection[str]) -> Order:
        """Look for fields before a long read, and help with their spelling; ``filling`` options are in use.

        Raises:
            FieldNotFound: no field has this name.
            OptionError: the option that fills this field is not in use, or flows have no order by it or are
                not told apart.

        """
        by = None if options.sort is None else _field("--sort", options.sort, filling, check_order)
        once = options.dedup_by or ("TrackingID" if options.dedup else None)
        told_apart = None if once is None else _field("--dedup-by", once, filling, check_told_apart)
        return cls(by, options.reverse, options.limit, told_apart)

    def distinct(self, flows: FlowSet) -> FlowSet:
        """Give the first of the flows that are equal, in this order; all if none are to be left out."""
        if self.once is None:
            return flows
        kept = self._sorted(flows).dedup(self.once.path)
        return kept[::-1] if self.by is None and self.reverse else kept  # as they began

    def apply(self, flows: FlowSet) -> FlowSet:
        """Give the flows in this order, or as they began."""
        return self._sorted(flows)[: self.limit]

    def _sorted(self, flows: FlowSet) -> FlowSet:
        if self.by is not None:
            amount = self.by.unit != "" and self.by.kind in (Kind.COUNT, Kind.DURATION, Kind.FRACTION)
            return flows.sort(self.by.path, descending=amount != self.reverse)
        return flows[::-1] if self.reverse else flows

    def limited(self, flows: FlowSet, *, as_table: bool) -> FlowSet:
        """Give the flows that a limit leaves, which are the biggest in a table; all without one."""
        if self.limit is None:
            return flows
        return self.biggest(flows, len(flows)) if as_table else self.apply(flows)

    def biggest(self, flows: FlowSet, default_limit: int) -> FlowSet:
        """Give the flows in this order, or with the most bytes of both ways first."""
        limit = default_limit if self.limit is None else self.limit
        if self.by is not None:
            return self.apply(flows)[:limit]
        return biggest(flows, limit, smallest=self.reverse)


def _field(option: str, name: str, filling: Collection[str], check: Callable[[str, Field], None]) -> Field:
    try:
        wanted = field(name)
    except FieldNotFound:
        raise FieldNotFound(f"{option}: a flow has no field {name!r}; {_hint(name)}") from None
    check(option, wanted)
    if wanted.kind is Kind.EXTRA and not wanted.is_filled(filling):
        raise OptionError(f"{option}: {wanted.path} is filled by --host-names, --networks or --geoip")
    if not wanted.is_filled(filling):
        raise OptionError(
            f"{option}: {wanted.path} is filled by the option {wanted.option}, which is not in use"
        )
    return wanted


def _hint(name: str) -> str:
    close = similar(name)
    if not close:
        return "there are Metric.ABBytes, Start, Network.A and others"
    return f"did you mean {' or '.join(close)}?"
