"""How far a long read has come, on standard error."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from flowtable.cli.terminal import is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flowtable.capture import PacketSource

__all__ = ["progress_bar"]

_PATIENCE: Final = 0.5
"""Seconds after which a read counts as long."""
_REFRESH: Final = 0.1


@contextmanager
def progress_bar(*, wanted: bool) -> Iterator[Callable[[PacketSource], None] | None]:
    """Give what ``flowtable.read`` takes as ``progress``; the bar goes away with the block."""
    if not (wanted and is_terminal(sys.stderr)):
        yield None
        return
    bar = _Bar()
    try:
        yield bar.update
    finally:
        bar.close()


class _Bar:
    """A bar that appears when reading takes long, drawn between two refills and by no thread."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _PATIENCE
        self._progress: Any = None

    def update(self, source: PacketSource) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _REFRESH
        if self._progress is None:
            self._progress = _start(source)
        task = self._progress.task_ids[0]
        self._progress.update(task, completed=source.position, frames=f"{source.frames:,}", refresh=True)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def _start(source: PacketSource) -> Any:
    """Load rich, which takes longer than most captures, and draw the bar."""
    from rich import progress  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    known = (progress.BarColumn(bar_width=20), progress.TaskProgressColumn(), progress.TimeRemainingColumn())
    bar = progress.Progress(
        progress.SpinnerColumn(),
        progress.TextColumn("reading"),
        *(known if source.size is not None else ()),
        progress.DownloadColumn(),
        progress.TextColumn("{task.fields[frames]} frames"),
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
    )
    bar.add_task("reading", total=source.size, completed=source.position, frames=f"{source.frames:,}")
    bar.start()
    return bar
