"""``flowtable read --stream``: flows of captures of any size, as they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import flowtable
from flowtable.cli.flow_options import flow_options, timers
from flowtable.cli.progress import progress_bar
from flowtable.cli.stream import refuse_unstreamed, write_sets
from flowtable.errors import OptionError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from flowtable.cli.output import Output
    from flowtable.enhance import Enhancer
    from flowtable.flow import Account, FlowSet

__all__ = ["check_streaming", "stream_flows"]

_WITHOUT: Final = ("sort", "reverse", "limit", "dedup", "dedup_by", "write_pcap", "threads")
"""Options that need all flows, or several threads."""
_WITH: Final = ("idle", "active", "hold")


def check_streaming(options: argparse.Namespace) -> None:
    """Refuse options that only go with ``--stream``, or only without it.

    Raises:
        OptionError: there is one.

    """
    for name in _WITHOUT if options.stream else _WITH:
        if getattr(options, name) is not None and getattr(options, name) is not False:
            way = "goes without" if options.stream else "takes"
            raise OptionError(f"--{name.replace('_', '-')} {way} --stream")


def stream_flows(options: argparse.Namespace, enhancers: Sequence[Enhancer], output: Output) -> Account:
    """Write flows as they end; gives what became of the frames."""
    refuse_unstreamed(output, "--stream")
    with output.opened() as file, progress_bar(wanted=not options.quiet) as progress:
        sets = flowtable.scan(
            options.files,
            bpf=options.filter,
            where=None if enhancers else options.where,
            node_tid=options.node_tid,
            capture_id=options.capture_id,
            progress=progress,
            **_max_flows(options),
            **dict[str, Any](timers(options)),
            **flow_options(options),
        )
        with sets:
            write_sets(_enhanced(sets, enhancers, options.where) if enhancers else sets, output, file)
        return sets.account


def _max_flows(options: argparse.Namespace) -> dict[str, Any]:
    return {} if options.max_flows is None else {"max_flows": options.max_flows}


def _enhanced(sets: Iterator[FlowSet], enhancers: Sequence[Enhancer], where: str | None) -> Iterator[FlowSet]:
    """Add to flows, and then choose."""
    from flowtable.enhance import EnhancerPipeline  # noqa: PLC0415 - most do without

    wanted = None if where is None else flowtable.Filter.parse(where)
    pipeline = EnhancerPipeline(*enhancers)
    pipeline.start()
    try:
        for flows in sets:
            pipeline.enhance_many(flows)
            yield flows if wanted is None else flows.filter(wanted)
    finally:
        pipeline.stop()
