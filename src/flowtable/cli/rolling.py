"""Flows written to one file after the other, each of which appears when it is complete."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from flowtable.capture.streams import display_name, reason
from flowtable.cli.output import Output, OutputError
from flowtable.cli.stream import write_sets
from flowtable.errors import FlowError, OptionError

if TYPE_CHECKING:
    from flowtable.flow import FlowSet

__all__ = ["RollingFiles"]

ROLL_FLOWS: Final = 100_000
"""Flows with which a file is full before its time is up."""
KEPT_FLOWS: Final = 1_000_000
"""Flows that wait for a disk that has no room; beyond, the oldest are dropped, and counted."""

_LOG: Final = logging.getLogger("flowtable.command")


class RollingFiles:
    """Files by a pattern of times (strftime), such as ``flows-%Y%m%d-%H%M%S.parquet``.

    Flows are kept until their file's time is up or it is full, and written at once. If that fails they are
    kept, and written with the next file.
    """

    def __init__(self, pattern: str, named: str | None, every: float) -> None:
        """Take a pattern, the format if it is not told by the suffix, and the seconds of a file."""
        if time.strftime(pattern) == pattern:
            raise OptionError(
                f"-w: one file after the other is written; put a time into the name, as in "
                f"{Path(pattern).with_name(Path(pattern).stem + '-%Y%m%d-%H%M%S' + Path(pattern).suffix)}"
            )
        self._pattern = pattern
        self._format = Output.choose(pattern, named, []).format
        self._every = every
        self._sets: list[FlowSet] = []
        self._kept = 0
        self._waits = False  # for the time of the next file, since the last one could not be written
        self._since = time.monotonic()
        self._lock = Lock()
        self.written = 0
        self.dropped = 0
        self.failed = 0

    @property
    def output(self) -> Output:
        """The file that would be written now."""
        return Output(time.strftime(self._pattern), self._format)

    def check(self) -> None:
        """See whether a file can be made there.

        Raises:
            OutputError: it cannot.

        """
        path = Path(self.output.path or "").parent / f".flowtable-{os.urandom(8).hex()}"
        try:
            path.touch(exist_ok=False)
            path.unlink()
        except OSError as error:
            raise OutputError(f"{display_name(self._pattern)} cannot be written: {reason(error)}") from error

    def add(self, flows: FlowSet) -> None:
        """Keep flows for the next file."""
        with self._lock:
            self._sets.append(flows)
            self._kept += len(flows)
            if self._kept >= ROLL_FLOWS and not self._waits:
                self._write()

    def roll(self) -> None:
        """Write a file if its time is up."""
        with self._lock:
            if time.monotonic() - self._since >= self._every:
                self._write()

    def close(self) -> None:
        """Write what is left.

        Raises:
            OutputError: that cannot be written.

        """
        with self._lock:
            if self._sets:
                try:
                    self._write_file()
                except BaseException:
                    self.dropped += self._kept
                    raise

    def _write(self) -> None:
        """Write a file, or say why that cannot be."""
        self._since = time.monotonic()
        if not self._sets:
            return
        try:
            self._write_file()
        except (FlowError, OSError) as error:
            self.failed += 1
            _LOG.warning("flowtable: %s; %s flows are kept for the next file", error, f"{self._kept:,}")
            self._waits = True
            while self._kept > KEPT_FLOWS:
                lost = len(self._sets.pop(0))
                self.dropped += lost
                self._kept -= lost

    def _write_file(self) -> None:
        output = self._free(self.output)
        with output.opened() as file:
            write_sets(self._sets, output, file)
        self.written += self._kept
        self._sets, self._kept, self._waits = [], 0, False

    def _free(self, output: Output) -> Output:
        """Take a name that no file has: several may be full within a second."""
        path = Path(output.path or "")
        number = 1
        while path.exists():
            path = path.with_name(f"{Path(output.path or '').stem}-{number}{path.suffix}")
            number += 1
        return Output(str(path), output.format)
