"""``flowtable read``: capture files in, flows out."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import flowtable
from flowtable.cli.arguments import Parser, whole_number
from flowtable.cli.enhancers import add_enhancers, chosen_enhancers
from flowtable.cli.flow_options import add_flow_options, add_timers, filling, flow_options
from flowtable.cli.order import Order
from flowtable.cli.output import FORMATS, Output
from flowtable.cli.packets import packets_beside
from flowtable.cli.progress import progress_bar
from flowtable.cli.streaming import check_streaming, stream_flows
from flowtable.cli.summary import account_lines, exit_status
from flowtable.cli.terminal import say
from flowtable.cli.write import loading, write_flows
from flowtable.constants import MAX_RAW_PACKET_LIMIT
from flowtable.errors import CaptureWarning, EnhancerWarning, FilterWarning, OptionError
from flowtable.flow.schema import ENHANCE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from flowtable.enhance import Enhancer
    from flowtable.flow import Account, FlowSet

__all__ = ["SUMMARY", "run"]

SUMMARY: Final = "read captures and show or write their flows"

_DESCRIPTION: Final = """\
Read captures (pcap or pcapng, plain or compressed) and show or write their flows.

On a terminal this shows the biggest flows as a table, each below the tunnel that
it is in; into a pipe it writes NDJSON, one flow a line, with all that is known of
it. What became of every frame is said on standard error at the end.
"""
_EXAMPLES: Final = """\
examples:
  flowtable read trace.pcap                         the biggest flows, as a table
  flowtable read trace.pcap -w flows.parquet        all flows, for DuckDB, Polars, Spark
  flowtable read monday.pcap.gz tuesday.pcap.zst    several captures, in time order
  flowtable read trace.pcap -f 'tcp port 443'       only frames that match, as in tcpdump
  flowtable read trace.pcap --where 'Transport == 443 and Network in "10.0.0.0/8"'
  flowtable read trace.pcap --sort Metric.RTT       the slowest first
  flowtable read trace.pcap --dedup-by Network.A    one flow of each source
  flowtable read trace.pcap --write-pcap out.pcap   the first packets of each flow
  flowtable read trace.pcap --host-names --where 'Extra.HostB == "www.example.org"'
  flowtable read huge.pcap --stream -w huge.parquet in constant memory, flows as they end
  tcpdump -w - | flowtable read - | jq .Network     from a pipe, into a pipe

exit status: 0 if all went well, 1 if no frame could be decoded, 2 after an error.
"""


def run(arguments: Sequence[str]) -> int:
    """Run the command and give its exit status."""
    options = _options(arguments)
    enhancers = chosen_enhancers(options)
    order = Order.chosen(options, filling(options) | ({ENHANCE} if enhancers else set()))
    output = Output.choose(options.write, options.format, options.files)
    if options.stream:
        with _warnings_said():
            account = stream_flows(options, enhancers, output)
        return _ended(options, account, [])
    with packets_beside(options.write_pcap, output, options.files) as packets:
        with output.opened() as file:  # before a long read, which would be for nothing if this failed
            with loading(output), _warnings_said():
                flows = _enhanced(options, enhancers) if enhancers else _read(options, options.where)
                flows = order.distinct(flows)
            write_flows(flows, order, output, file)
        packets.write(order.limited(flows, as_table=output.format == "table"))
    return _ended(options, flows.account, packets.said)


def _ended(options: argparse.Namespace, account: Account, said: Sequence[str]) -> int:
    """Say what became of the frames, and give the exit status."""
    if not options.quiet:
        say(*said, *account_lines(account))
    return exit_status(account)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    options = _parser().parse(arguments)
    if not options.files:
        raise OptionError("there is no capture to read: give a FILE, or - for standard input")
    if options.raw_packets is None:
        options.raw_packets = 0 if options.write_pcap is None else MAX_RAW_PACKET_LIMIT
    elif options.raw_packets == 0 and options.write_pcap is not None:
        raise OptionError("--write-pcap: no packets are kept with --raw-packets 0")
    check_streaming(options)
    return options


def _parser() -> Parser:
    parser = Parser(
        "flowtable read", description=_DESCRIPTION, epilog=_EXAMPLES, usage="%(prog)s FILE... [options]"
    )
    parser.add_argument("files", metavar="FILE", nargs="*", help="captures; - is standard input")
    _add_output(parser.add_argument_group("what is shown or written"))
    _add_reading(parser)
    add_enhancers(parser.add_argument_group("what is added to flows (in JSON, CSV, Parquet and Arrow)"))
    return parser


def _add_output(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "-w", "--write", metavar="OUT", help="write to a file, whose suffix tells the format; - is the output"
    )
    add(
        "-o",
        "--format",
        metavar="FORMAT",
        choices=FORMATS,
        help=f"{', '.join(FORMATS)}: goes before the suffix",
    )
    add("--where", metavar="FILTER", help="only the flows that it wants, such as 'Transport == 443'")
    add(
        "--sort",
        metavar="FIELD",
        help="order by a field such as Metric.ABBytes or Start: counters and round-"
        "trip times with the biggest first, all else with the smallest",
    )
    add("--reverse", action="store_true", help="turn the order around")
    add("--dedup", action="store_true", help="only the first of flows along the same link: by TrackingID")
    add("--dedup-by", metavar="FIELD", help="only the first of flows that are equal in a field")
    add("--limit", metavar="N", type=whole_number, help="only the first N flows")
    add(
        "--write-pcap",
        metavar="OUT",
        help="write the packets kept of these flows as pcap, or as pcapng by the suffix",
    )
    add("-q", "--quiet", action="store_true", help="leave out the account and the progress bar")


def _add_reading(parser: Parser) -> None:
    group = parser.add_argument_group("how captures are read")
    add_flow_options(group, kept=f"{MAX_RAW_PACKET_LIMIT} with --write-pcap")
    group.add_argument(
        "--threads", metavar="N", type=whole_number, help="threads that count packets (one for each core)"
    )
    group.add_argument(
        "--max-flows", metavar="N", type=whole_number, help="end with an error at more flows than this"
    )
    group = parser.add_argument_group("captures of any size")
    group.add_argument(
        "--stream",
        action="store_true",
        help="write flows when they have ended, with time-outs, in the memory that those take which are there"
        " at a time; of more than --max-flows the one that was to end first does",
    )
    add_timers(group)


@contextmanager
def _warnings_said() -> Iterator[None]:
    """Say each warning in one line after the bar has gone, however reading ends."""
    with warnings.catch_warnings(record=True) as caught:
        for category in (CaptureWarning, EnhancerWarning, FilterWarning):
            warnings.simplefilter("always", category)
        try:
            yield
        finally:
            say(*(f"flowtable: warning: {warning.message}" for warning in caught))


def _enhanced(options: argparse.Namespace, enhancers: Sequence[Enhancer]) -> FlowSet:
    """Read flows of which all are there for the enhancers, and then choose."""
    where = None if options.where is None else flowtable.Filter.parse(options.where)
    flows = _read(options, None).enhance(*enhancers)
    return flows if where is None else flows.filter(where)


def _read(options: argparse.Namespace, where: str | None) -> FlowSet:
    with progress_bar(wanted=not options.quiet) as progress:
        return flowtable.read(
            options.files,
            bpf=options.filter,
            where=where,
            node_tid=options.node_tid,
            capture_id=options.capture_id,
            max_flows=options.max_flows,
            threads=options.threads,
            progress=progress,
            **flow_options(options),
        )
