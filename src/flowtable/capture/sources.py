"""Opening captures: one or several, from files or standard input."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable  # noqa: TC003  # public annotations resolve at run time
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from flowtable.capture._walk import (
    SMALLEST_WINDOW,
    WINDOW,
    WINDOWS_TOGETHER,
    CaptureReader,
    MergedReader,
    PacketSource,
)
from flowtable.capture.streams import ByteStream, UnpackedStream, display_name, open_stream
from flowtable.errors import OptionError

__all__ = ["CapturePath", "Waiting", "open_capture"]

CapturePath: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]

PARK = 64
"""Files open at once from which on further ones are open only while they are read."""


UNPACKERS: Final = 16
"""Compressed files that are unpacked at the same time."""


class Waiting(NamedTuple):
    """A capture that was looked at, and is opened when its first frame's turn comes."""

    first: int
    """The first frame's time in Unix ns."""

    order: int
    """Its place among the captures given; no two have the same."""

    open: Callable[[int], CaptureReader]
    """Opens it at its beginning, told how many others are open."""


def open_capture(paths: CapturePath | Iterable[CapturePath], *, ahead: bool = False) -> PacketSource:
    """Open one capture, or several as one in time order.

    A capture is pcap or pcapng, plain or compressed by gzip, zstd, xz or bzip2, whatever its name; ``-``
    is standard input. Several are merged by the time of each one's next frame, and at equal times in the
    order given; each one is looked into first, up to its first frame. With `ahead`, several compressed files
    that are open together are unpacked in threads of their own; of one, all else takes a tenth of the time.

    CaptureError: a path is missing, not readable, a directory, empty, not a capture, or so broken that
    not even its file header can be read. Whatever is wrong behind the header ends that capture with a
    CaptureWarning instead, and the packets before it count. OptionError: no path, or standard input twice.
    """
    names = _names(paths)
    if len(names) == 1:
        return _open(names[0], WINDOW)
    return _merged(names, ahead=ahead)


def _names(paths: CapturePath | Iterable[CapturePath]) -> list[str]:
    several = [paths] if isinstance(paths, (str, bytes, os.PathLike)) else paths
    names = [os.fsdecode(path) for path in several]
    if not names:
        raise OptionError("There is no capture to open: give at least one path, or - for standard input.")
    if names.count("-") > 1:
        raise OptionError("Standard input (-) can be read only once.")
    return names


def _open(name: str, window: int, *, parked: bool = False, ahead: bool = False) -> CaptureReader:
    stream: ByteStream = open_stream(name, parked=parked)
    if ahead and isinstance(stream, UnpackedStream) and stream.is_slow:
        from flowtable.capture.ahead import AheadStream  # noqa: PLC0415 - most captures are not compressed

        stream = AheadStream(stream)
    return CaptureReader(stream, display_name(name), window=window)


def _merged(names: list[str], *, ahead: bool) -> MergedReader:
    waiting: list[Waiting] = []
    total: int | None = 0
    incomplete = 0
    for order, name in enumerate(names):
        reader = _open(name, SMALLEST_WINDOW)
        size = reader.size
        reopenable = name != "-" and size is not None
        first = reader.first_time()
        if first is None:  # what was wrong with it, if anything was, has been said
            incomplete += reader.incomplete
            continue
        total = None if total is None or size is None else total + size
        again = partial(_reopen, name, ahead=ahead) if reopenable else partial(_keep, reader)
        waiting.append(Waiting(first, order, again))
        if reopenable:
            reader.close()
    return MergedReader(waiting, size=total, incomplete=incomplete)


def _reopen(name: str, others: int, *, ahead: bool) -> CaptureReader:
    """Open a file that was looked at; the more are open, the less each takes."""
    window = min(WINDOW, max(SMALLEST_WINDOW, WINDOWS_TOGETHER // (others + 1)))
    return _open(name, window, parked=others >= PARK, ahead=ahead and others < UNPACKERS)


def _keep(reader: CaptureReader, _others: int) -> CaptureReader:
    """Go on with the reader that looked at a pipe, which cannot be opened twice."""
    return reader
