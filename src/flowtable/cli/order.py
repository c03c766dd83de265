"""Which flows, and in what order."""

from __future__ import annotations

import difflib
import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowtable.errors import FieldNotFound, OptionError
from flowtable.flow.schema import FIELDS, Field, Kind, field

if TYPE_CHECKING:
    from collections.abc import Collection

    from flowtable.flow import FlowSet

__all__ = ["Order"]


@dataclass(frozen=True, slots=True)
class Order:
    """An order of flows by a field, or as is natural, perhaps turned around; and how many to give.

    Amounts, which are counters and durations, come with the biggest first; all else with the smallest.
    Flows that lack the field come last in any case.
    """

    by: Field | None = None
    reverse: bool = False
    limit: int | None = None

    @classmethod
    def named(
        cls, name: str | None, options: Collection[str] = (), *, reverse: bool, limit: int | None
    ) -> Order:
        """Look for a field before a long read, and help with its spelling; options are those in use.

        Raises:
            FieldNotFound: no field has this name.
            OptionError: the option that fills this field is not in use.

        """
        return cls(None if name is None else _field(name, options), reverse, limit)

    def apply(self, flows: FlowSet) -> FlowSet:
        """Give the flows in this order, or as they began."""
        if self.by is not None:
            amount = self.by.unit != "" and self.by.kind in (Kind.COUNT, Kind.DURATION, Kind.FRACTION)
            flows = flows.sort(self.by.path, descending=amount != self.reverse)
        elif self.reverse:
            flows = flows[::-1]
        return flows[: self.limit]

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
        there, back = flows.values("Metric.ABBytes"), flows.values("Metric.BABytes")
        total = [a + b for a, b in zip(there, back, strict=True)]
        choose = heapq.nsmallest if self.reverse else heapq.nlargest
        return flows.take(choose(limit, range(len(flows)), key=total.__getitem__))


def _field(name: str, options: Collection[str]) -> Field:
    try:
        wanted = field(name)
    except FieldNotFound:
        raise FieldNotFound(f"--sort: a flow has no field {name!r}; {_hint(name)}") from None
    if wanted.kind is Kind.EXTRAS:
        raise OptionError("--sort: Extra has no order, but what is in it does: Extra.HostB")
    if wanted.kind is Kind.EXTRA and not wanted.is_filled(options):
        raise OptionError(f"--sort: {wanted.path} is filled by --host-names, --networks or --geoip")
    if not wanted.is_filled(options):
        raise OptionError(
            f"--sort: {wanted.path} is filled by the option {wanted.option}, which is not in use"
        )
    return wanted


def _hint(name: str) -> str:
    paths = {f.path.lower(): f.path for f in FIELDS if f.place is not None}
    close = [paths[match] for match in difflib.get_close_matches(name.lower(), paths, cutoff=0.8)]
    if not close:
        return "there are Metric.ABBytes, Start, Network.A and others"
    return f"did you mean {' or '.join(close)}?"
