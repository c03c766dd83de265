"""``flowtable replay``: captures through a live table, at their own pace."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Final

from flowtable.capture import open_capture
from flowtable.cli.arguments import Parser
from flowtable.cli.live import add_live_options, run_table
from flowtable.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY: Final = "show or write a capture's flows as they were, at its own pace"

_DESCRIPTION: Final = """\
Read captures at the pace at which they were made, as if their packets came now.

Shows and writes what `flowtable live` does. Flows end by the times of the packets,
so that it hands out the same flows at any speed.
"""
_EXAMPLES: Final = """\
examples:
  flowtable replay trace.pcap                as fast as it was
  flowtable replay trace.pcap --speed 10     ten times as fast
  flowtable replay trace.pcap --speed max    as fast as can be
"""


def run(arguments: Sequence[str]) -> int:
    """Run the command and give its exit status."""
    options = _options(arguments)
    source = open_capture(options.files)
    if options.speed < math.inf:
        from flowtable.capture import PacedSource  # noqa: PLC0415 - few captures are replayed

        source = PacedSource(source, options.speed)
    return run_table(options, [source], ", ".join(options.files), clock=None)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        "flowtable replay", description=_DESCRIPTION, epilog=_EXAMPLES, usage="%(prog)s FILE... [options]"
    )
    parser.add_argument("files", metavar="FILE", nargs="*", help="captures; - is standard input")
    parser.add_argument("--speed", metavar="N", type=_speed, default=1.0, help="times as fast, or max (1)")
    add_live_options(parser)
    options = parser.parse(arguments)
    if not options.files:
        raise OptionError("there is no capture to replay: give a FILE, or - for standard input")
    return options


def _speed(text: str) -> float:
    try:
        speed = math.inf if text == "max" else float(text)
    except ValueError:
        speed = math.nan
    if not speed > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed: a number above 0, or max")
    return speed
