"""The engine of a live table, made from what users say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowtable.flow._flow import Records
from flowtable.table._live import LiveEngine
from flowtable.table.options import link_filters, number_of_flows, text_option

if TYPE_CHECKING:
    from flowtable.table.table_options import TableOpts
    from flowtable.table.timers import Timers

__all__ = ["MAX_FLOWS", "live_engine"]

MAX_FLOWS: Final = 500_000
"""Flows that a table holds, unless told otherwise."""


def live_engine(  # noqa: PLR0913 - options
    opts: TableOpts, timers: Timers, max_flows: int, bpf: str | None, *, node_tid: str, capture_id: str
) -> LiveEngine:
    """Make an engine with records of its own.

    Raises:
        FilterError: the BPF expression is wrong.
        OptionError: an option has a value that it cannot have.

    """
    options = opts.checked(number_of_flows(max_flows))
    names = text_option("node_tid", node_tid), text_option("capture_id", capture_id)
    records = Records(*names, options.filled | {"update_every"}, options.limits)
    engine = LiveEngine(records, options, link_filters(bpf))
    engine.begin(timers, options.limits)
    return engine
