"""From flows back to their packets: a capture beside what is shown."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, cast

from flowtable.capture.streams import display_name
from flowtable.capture.writer import capture_format
from flowtable.cli.output import Output
from flowtable.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowtable.capture.writer import CaptureFormat
    from flowtable.flow import FlowSet

__all__ = ["Packets", "packets_beside"]


@dataclass(slots=True)
class Packets:
    """A capture that packets of flows go into, or none; and what there is to say about it."""

    output: Output | None = None
    file: IO[bytes] | None = None
    said: list[str] = field(default_factory=list)

    def write(self, flows: FlowSet) -> None:
        """Write the packets of flows, if there is a capture for them."""
        if self.output is None or self.file is None:
            return
        written = flows.write_pcap(self.file, format=cast("CaptureFormat", self.output.format))
        where = _name(self.output)
        self.said.append(f"{written:,} packet{'' if written == 1 else 's'} of flows written to {where}")


@contextmanager
def packets_beside(path: str | None, flows: Output, inputs: Sequence[str]) -> Iterator[Packets]:
    """Open a capture for packets, if there is a path for it; it appears under its name when it is complete.

    Raises:
        OptionError: flows go there as well, or it is one of ``inputs``, or a terminal.
        OutputError: it cannot be written.

    """
    if path is None:
        yield Packets()
        return
    output = Output.choose(path, capture_format(path), inputs)
    if output.path == flows.path:
        raise OptionError(f"--write-pcap: flows are written to {_name(flows)}; write packets to another file")
    with output.opened() as file:
        yield Packets(output, file)


def _name(output: Output) -> str:
    return "standard output" if output.path is None else display_name(output.path)
