"""``flowtable live``: the flows on interfaces, as they come."""

from __future__ import annotations

import signal
import time
import warnings
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from flowtable.cli.arguments import Parser, whole_number
from flowtable.cli.enhancers import add_enhancers, chosen_enhancers
from flowtable.cli.flow_options import add_flow_options, add_timers, flow_options, seconds, timers
from flowtable.cli.output import Output, OutputError
from flowtable.cli.rolling import RollingFiles
from flowtable.cli.stream import STREAMED, refuse_unstreamed, write_sets
from flowtable.cli.summary import account_lines, exit_status
from flowtable.cli.terminal import say
from flowtable.cli.top import TopView
from flowtable.errors import OptionError
from flowtable.table.live import Table
from flowtable.table.live_engine import MAX_FLOWS
from flowtable.table.table_options import FlowUUIDs, TableOpts

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from flowtable.capture import PacketSource
    from flowtable.flow import FlowSet

__all__ = ["SUMMARY", "run"]

SUMMARY: Final = "capture on interfaces and show or write flows as they end"

_DESCRIPTION: Final = """\
Capture on interfaces and show or write their flows.

On a terminal this shows the biggest flows, again every second; into a pipe it
writes NDJSON, one line for each flow when it has ended. Ctrl-C ends it: all flows
are handed over, and what became of every frame is said on standard error.
"""
_EXAMPLES: Final = """\
examples:
  flowtable live -i eth0                            the biggest flows, every second
  flowtable live -i eth0 -i eth1 -f 'not port 22'   two interfaces, as in tcpdump
  flowtable live -i eth0 | jq .Network              NDJSON, as flows end
  flowtable live -i eth0 -w 'flows-%Y%m%d-%H%M%S.parquet'   a file every five minutes
  flowtable live -i eth0 --active 60 -o json        long flows once a minute

Capturing takes CAP_NET_RAW: run as root, or give it that right by setcap.
"""
_DRAW_EVERY: Final = 1.0
"""Seconds."""
_LOOK_EVERY: Final = 0.2
_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)


def run(arguments: Sequence[str]) -> int:
    """Run the command and give its exit status."""
    options = _options(arguments)
    return run_table(options, partial(_sources, options), ", ".join(options.interface), clock=time.time_ns)


def run_table(
    options: argparse.Namespace,
    open_sources: Callable[[], Sequence[PacketSource]],
    title: str,
    *,
    clock: Callable[[], int] | None,
) -> int:
    """Feed a table until its sources end or a signal comes, and show or write what it hands out.

    Sources are opened when all else is known to be possible.
    """
    shown = _Shown.chosen(options)
    pipeline = _pipeline(options)
    table = Table(
        TableOpts.of(**flow_options(options)),
        uuids=FlowUUIDs(node_tid=options.node_tid, capture_id=options.capture_id),
        on_expire=shown.take,
        on_update=shown.take if options.updates else None,
        update_every=options.update_every,
        bpf=options.filter if clock is None else None,  # live, the kernel has it
        max_flows=MAX_FLOWS if options.max_flows is None else options.max_flows,
        enhancers=pipeline,
        clock=clock,
        wait_for_handlers=clock is None,
        **_table_timers(options),
    )
    sources: Sequence[PacketSource] = ()
    try:
        with _warnings_said(shown), _signals_noted() as noted:
            sources = open_sources()
            shown.check()
            _feed(table, sources, shown, title, options, noted)
            shown.close()
    finally:
        account = table.statistics.account
        if sources and not options.quiet:
            say(*account_lines(account), *_losses(table, shown))
    return exit_status(account) or int(table.statistics.handler_flows_dropped > 0)


def add_live_options(parser: Parser) -> None:
    """Add what commands with a live table have in common."""
    group = parser.add_argument_group("what is shown or written")
    add = group.add_argument
    add("-w", "--write", metavar="PATTERN", help="one file after the other, named by times (strftime)")
    add(
        "-o",
        "--format",
        metavar="FORMAT",
        choices=("table", *STREAMED),
        help=f"table, {', '.join(STREAMED)}: goes before the suffix",
    )
    add("--roll-every", metavar="SECONDS", type=seconds, default=300.0, help="how long a file is (300)")
    add("--updates", action="store_true", help="write flows that have changed as well, every so often")
    add("--update-every", metavar="SECONDS", type=seconds, default=60.0, help="how often that is (60)")
    add("--where", metavar="FILTER", help="only the flows that it wants, such as 'Transport == 443'")
    add("--duration", metavar="SECONDS", type=seconds, help="end after this time")
    add("-q", "--quiet", action="store_true", help="leave out the account")
    group = parser.add_argument_group("how packets become flows")
    add_timers(group)
    group.add_argument("--max-flows", metavar="N", type=whole_number, help=f"flows at a time ({MAX_FLOWS:,})")
    add_flow_options(group)
    add_enhancers(parser.add_argument_group("what is added to flows"))


class _Shown:
    """Where flows go."""

    def __init__(self, output: Output | None, files: RollingFiles | None, where: Any) -> None:
        self._output = output
        self.where = where
        self.files = files
        self.error: BrokenPipeError | OutputError | None = None

    @classmethod
    def chosen(cls, options: argparse.Namespace) -> _Shown:
        from flowtable.query import Filter  # noqa: PLC0415 - stands on top

        where = None if options.where is None else Filter.parse(options.where)
        if options.write not in (None, "-"):
            files = RollingFiles(options.write, options.format, options.roll_every)
            refuse_unstreamed(files.output, "live")
            return cls(None, files, where)
        output = Output.choose(None, options.format, [])
        if output.format not in ("table", "json"):
            raise OptionError(f"-o {output.format} is for files: say where to by -w")
        return cls(output, None, where)

    @property
    def is_table(self) -> bool:
        """Whether a person looks at the biggest flows."""
        return self._output is not None and self._output.format == "table"

    def take(self, flows: FlowSet) -> None:
        """Write flows that a table has handed out."""
        flows = flows if self.where is None else flows.filter(self.where)
        if self.files is not None:
            self.files.add(flows)
        elif self._output is not None and not self.is_table and self.error is None:
            self._write(flows, self._output)

    def _write(self, flows: FlowSet, output: Output) -> None:
        try:
            with output.opened() as file:
                write_sets([flows], output, file)
        except (BrokenPipeError, OutputError) as error:
            self.error = error

    def check(self) -> None:
        """See to it that files can be written where they are to be.

        Raises:
            OutputError: they cannot.

        """
        if self.files is not None:
            self.files.check()

    def close(self) -> None:
        """Write what is left.

        Raises:
            BrokenPipeError: nobody reads any more.
            OutputError: it cannot be written, or something before it could not.

        """
        if self.files is not None:
            self.files.close()
        if self.error is not None:
            raise self.error


def _feed(  # noqa: PLR0913, PLR0917 - what a run consists of
    table: Table,
    sources: Sequence[PacketSource],
    shown: _Shown,
    title: str,
    options: argparse.Namespace,
    noted: list[int],
) -> None:
    """Feed the table until its sources have ended, time is up, or a signal comes."""
    try:
        with table:
            for source in sources:
                table.add(source)
            if not (options.quiet or shown.is_table):
                say(f"reading {title}; Ctrl-C ends it")
            _watch(table, shown, title, options.duration, noted)
    except KeyboardInterrupt:
        table.stop()


def _watch(table: Table, shown: _Shown, title: str, duration: float | None, noted: list[int]) -> None:
    end = None if duration is None else time.monotonic() + duration
    with _view(table, shown, title) as view:
        drawn = time.monotonic() - _DRAW_EVERY
        while table.is_fed and shown.error is None and not noted:
            now = time.monotonic()
            if end is not None and now >= end:
                break
            if view is not None and now - drawn >= _DRAW_EVERY:
                view.draw(now - drawn)
                drawn = now
            if shown.files is not None:
                shown.files.roll()
            time.sleep(_LOOK_EVERY)
        if view is not None:
            view.draw(time.monotonic() - drawn)
    table.raise_errors()


@contextmanager
def _view(table: Table, shown: _Shown, title: str) -> Iterator[TopView | None]:
    if not shown.is_table:
        yield None
        return
    with TopView(table, title, shown.where) as view:
        yield view


@contextmanager
def _warnings_said(shown: _Shown) -> Iterator[None]:
    """Say each warning in one line when it comes, or after the view has gone."""
    held: list[str] = []

    def show(message: Warning | str, *_: object) -> None:
        line = f"flowtable: warning: {message}"
        if shown.is_table:
            held.append(line)
        else:
            say(line)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show  # type: ignore[assignment]  # it takes no more than it needs
        try:
            yield
        finally:
            say(*held)


@contextmanager
def _signals_noted() -> Iterator[list[int]]:
    """Note the signals that ask programs to end; none of them comes in between what is done then."""
    noted: list[int] = []

    def note(number: int, _frame: object) -> None:
        noted.append(number)

    numbers = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = [signal.signal(number, note) for number in numbers]
    try:
        yield noted
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        "flowtable live", description=_DESCRIPTION, epilog=_EXAMPLES, usage="%(prog)s -i INTERFACE [options]"
    )
    add = parser.add_argument_group("what is captured").add_argument
    add("-i", "--interface", metavar="NAME", action="append", help="an interface, or any; may be given again")
    add("--snap", metavar="BYTES", type=whole_number, help="keep so much of each frame (262144)")
    add("--buffer", metavar="BYTES", type=whole_number, help="of each interface, in the kernel (32 MiB)")
    add("--no-promiscuous", action="store_true", help="only what is for this machine")
    add("--threads", metavar="N", type=whole_number, default=1, help="threads that take packets (1)")
    add_live_options(parser)
    options = parser.parse_args(list(arguments))
    if not options.interface:
        raise OptionError("there is nothing to capture on: give an interface by -i, or -i any")
    return options


def _sources(options: argparse.Namespace) -> tuple[PacketSource, ...]:
    """Begin to capture; no right is needed afterwards."""
    from flowtable.capture.rights import CAP_DAC_OVERRIDE, drop_rights  # noqa: PLC0415 - few captures are live

    sources = _opened(options)
    drop_rights(keep=frozenset({CAP_DAC_OVERRIDE}) if options.write else frozenset())  # root's, to files
    return sources


def _opened(options: argparse.Namespace) -> tuple[PacketSource, ...]:
    from flowtable.capture import open_fanout, open_live  # noqa: PLC0415 - few captures are live

    chosen = {"bpf": options.filter, "promiscuous": not options.no_promiscuous}
    chosen |= {name: getattr(options, name) for name in ("snap", "buffer") if getattr(options, name)}
    if options.threads > 1:
        return open_fanout(options.interface, options.threads, **chosen)
    return (open_live(options.interface, **chosen),)


def _table_timers(options: argparse.Namespace) -> dict[str, Any]:
    names = {"idle": "expire_after", "active": "active_timeout", "hold": "hold_ended"}
    return {names[name]: value for name, value in timers(options).items()}


def _pipeline(options: argparse.Namespace) -> Any:
    enhancers = chosen_enhancers(options)
    if not enhancers:
        return None
    from flowtable.enhance import EnhancerPipeline  # noqa: PLC0415 - most do without

    return EnhancerPipeline(*enhancers)


def _losses(table: Table, shown: _Shown) -> Iterator[str]:
    """Say what did not come, or go, as it should have."""
    now = table.statistics
    received = f"{now.packets_received:,} received" if now.packets_received is not None else ""
    dropped = (
        (now.packets_dropped_by_kernel, "dropped by the kernel"),
        (now.packets_dropped_by_interface, "dropped by the interface"),
        (now.packets_dropped_by_queue, "dropped by a full queue"),
    )
    terms = [received, *(f"{number:,} {what}" for number, what in dropped if number)]
    if received:
        yield f"packets: {', '.join(terms)}"
    ended = [f"{number:,} {name}" for name, number in now.flows_ended.items() if number]
    if ended:
        yield f"flows ended: {', '.join(ended)}"
    if now.handler_flows_dropped or now.handler_errors:
        yield f"flows not written: {now.handler_flows_dropped:,}; errors in writing: {now.handler_errors:,}"
    if shown.files is not None and shown.files.dropped:
        yield f"flows lost, since no file could be written: {shown.files.dropped:,}"
