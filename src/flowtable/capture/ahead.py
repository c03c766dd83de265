"""Unpacking in threads, while what was unpacked before is walked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from flowtable.capture.streams import StreamError

if TYPE_CHECKING:
    from flowtable.capture.streams import UnpackedStream

__all__ = ["AheadStream"]

PIECE: Final = 1 << 19
"""Unpacked bytes that wait at most; a thread is not woken up for much less."""

_Piece = tuple[memoryview, StreamError | OSError | None]


class AheadStream:
    """An unpacked file whose next piece a thread of its own unpacks.

    What is wrong in a piece is raised behind the bytes before it, as by the stream itself.
    """

    descriptor = -1

    def __init__(self, stream: UnpackedStream) -> None:
        """Begin to unpack; the stream is this one's from now on, and closed with it."""
        self._stream = stream
        self._rest: memoryview = memoryview(b"")
        self._error: StreamError | OSError | None = None
        self._rooms = [memoryview(bytearray(PIECE)) for _ in range(2)]
        self._thread = ThreadPoolExecutor(1)
        self._begin_next()

    @property
    def place(self) -> str:
        """Offsets are those of the unpacked bytes."""
        return self._stream.place

    @property
    def position(self) -> int:
        """Packed bytes read so far, those of the piece that waits too."""
        return self._stream.position

    @property
    def size(self) -> int | None:
        """The packed file's length."""
        return self._stream.size

    def readinto(self, room: memoryview) -> int:
        """Give what is unpacked, and wait for it if nothing is; 0 only at the end."""
        if not self._rest and self._error is None:
            self._rest, self._error = self._coming.result()
            if self._rest and self._error is None:
                self._begin_next()
        if not self._rest and self._error is not None:
            raise self._error
        count = min(len(room), len(self._rest))
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _begin_next(self) -> None:
        self._rooms.reverse()  # what is given now is in the other one
        self._coming = self._thread.submit(_fill, self._rooms[0], self._stream)

    def close(self) -> None:
        """Wait for the thread to have done its piece, and close the file."""
        self._thread.shutdown(cancel_futures=True)
        self._stream.close()


def _fill(room: memoryview, stream: UnpackedStream) -> _Piece:
    """Unpack as much as there is room for, or up to the end or to what is wrong, which comes with it."""
    length = 0
    try:
        while length < len(room) and (count := stream.readinto(room[length:])):
            length += count
    except (StreamError, OSError) as error:
        return room[:length], error
    return room[:length], None
