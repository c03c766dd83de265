"""Feeding captures to a table in a thread of their own, as fast as they are read or at their own pace."""

from __future__ import annotations

import atexit
import math
from functools import partial
from typing import TYPE_CHECKING, Protocol, Self

from flowtable.background import Task
from flowtable.capture._through import FilteredSource, PacedSource
from flowtable.capture.sources import open_capture

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowtable.capture import PacketSource
    from flowtable.capture.pace import Clock
    from flowtable.capture.sources import CapturePath

__all__ = ["FrameSink", "PcapTableFeeder"]


class FrameSink(Protocol):
    """What takes the frames of a source until that ends: a table."""

    def feed(self, source: PacketSource, /) -> object:
        """Read a source to its end."""


class PcapTableFeeder:
    """Feeds a capture, or several as one, to a table.

    With ``replay`` frames are fed at the capture's own pace, or ``speed`` times as fast; a gap of more than
    ``longest_gap`` seconds of the capture is cut to it, see ``PacedSource``. Without it they are fed as fast
    as the table takes them. Frames keep the times of the capture either way. ``bpf`` chooses among them.

    A program that ends stops its feeders::

        with PcapTableFeeder(table, "traffic.pcap", replay=True, speed=10):
            ...
    """

    def __init__(  # noqa: PLR0913 - all but the first two are options, by name only
        self,
        table: FrameSink,
        path: CapturePath | Iterable[CapturePath],
        *,
        replay: bool = False,
        speed: float = 1.0,
        bpf: str | None = None,
        longest_gap: float = 60.0,
        clock: Clock | None = None,
    ) -> None:
        self._table = table
        self._path = path
        self._bpf = bpf
        self._speed = speed if replay else math.inf
        self._longest_gap = longest_gap
        self._clock = clock
        self._fed: Task[object] | None = None
        self._filter: FilteredSource | None = None
        self.source: PacedSource | None = None
        """What is fed, or was fed last; its ``position`` says how far, in bytes."""

    @property
    def running(self) -> bool:
        """Whether frames are fed now."""
        return self._fed is not None and self._fed.running

    @property
    def filtered(self) -> int:
        """Frames that ``bpf`` did not choose, which the table has not seen."""
        return 0 if self._filter is None else self._filter.filtered

    def start(self) -> None:
        """Open the capture, and begin to feed it from its beginning.

        Raises:
            CaptureError: it is missing or no capture.
            FilterError: the BPF expression is wrong.
            OptionError: the speed or the gap is one that cannot be.
            RuntimeError: it is being fed already.

        """
        if self.running:
            raise RuntimeError("this feeder has been started; stop it first")
        self.source = self._open()
        self._fed = Task(partial(_feed, self._table, self.source))
        self._fed.begin()

    def _open(self) -> PacedSource:
        source = open_capture(self._path)
        try:
            if self._bpf is not None and self._bpf.strip():
                source = self._filter = FilteredSource(source, self._bpf)
            return PacedSource(source, self._speed, longest_gap=self._longest_gap, clock=self._clock)
        except BaseException:
            source.close()
            raise

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all is fed, or so many seconds; False: too few. Raises what feeding raised."""
        if self._fed is None:
            return True
        if not self._fed.wait(timeout):
            return False
        self._fed.result()
        return True

    def stop(self) -> None:
        """End feeding, and wait for it to end; raises what feeding raised. Does nothing if all is fed."""
        if self.source is not None:
            self.source.stop()
        self.wait()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop."""
        self.stop()


def _feed(table: FrameSink, source: PacedSource) -> object:
    """Feed a source to its end, and close it whatever happens."""
    atexit.register(source.stop)
    try:
        with source:
            return table.feed(source)
    finally:
        atexit.unregister(source.stop)
