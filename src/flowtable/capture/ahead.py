"""Unpacking in threads, while what was unpacked before is walked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from flowtable.background import Task
from flowtable.capture.streams import StreamError

if TYPE_CHECKING:
    from flowtable.capture.streams import UnpackedStream

__all__ = ["AheadStream"]

PIECE: Final = 1 << 19
"""Unpacked bytes that wait at most; a thread is not begun for much less."""

_Piece = tuple[memoryview, StreamError | OSError | None]
_NOTHING: Final = memoryview(b"")


class AheadStream:
    """An unpacked file whose next piece a thread unpacks, once as much was read without one.

    What is wrong in a piece is raised behind the bytes before it, as by the stream itself. Who was
    interrupted while bytes were taken cannot know which, so that reading on is a StreamError.
    """

    descriptor = -1

    def __init__(self, stream: UnpackedStream) -> None:
        """Take the stream, which is this one's from now on, and closed with it."""
        self._stream = stream
        self._piece: _Piece | None = (_NOTHING, None)  # what is given; None while somebody takes of it
        self._coming: Task[_Piece] | None = None  # from when on a thread unpacks
        self._unpacked = 0  # bytes before that
        self._rooms: list[memoryview] = []

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
        if self._piece is None:
            raise StreamError("reading it was interrupted before")
        (rest, error), self._piece = self._piece, None
        if not rest and error is None:
            count, rest, error = self._read_on(room)
        else:
            count, rest = _move(rest, room)
        self._piece = rest, error
        if not count and error is not None:
            raise error
        return count  # no signal comes between what was noted and this

    def _read_on(self, room: memoryview) -> tuple[int, memoryview, StreamError | OSError | None]:
        """Give what is next, from the stream at first and then from the thread, and what is left of it."""
        if self._coming is None:
            count, error = _read(self._stream, room)
            self._unpacked += count
            if count and self._unpacked >= PIECE:
                self._rooms = [memoryview(bytearray(PIECE)) for _ in range(2)]
                self._begin_next()
            return count, _NOTHING, error
        piece, error = self._coming.result()
        if piece and error is None:
            self._begin_next()
        return *_move(piece, room), error

    def _begin_next(self) -> None:
        self._rooms.reverse()  # what is given now is in the other one
        self._coming = Task(partial(_fill, self._rooms[0], self._stream))
        self._coming.begin()

    def close(self) -> None:
        """Wait for the thread to have done its piece, close the file, and forget what was not taken."""
        if self._coming is not None:
            self._coming.wait()
        self._stream.close()
        self._coming, self._piece, self._rooms = None, (_NOTHING, None), []


def _move(piece: memoryview, room: memoryview) -> tuple[int, memoryview]:
    """Give as much of a piece as there is room for; gives how much that is, and the rest."""
    count = min(len(room), len(piece))
    room[:count] = piece[:count]
    return count, piece[count:]


def _read(stream: UnpackedStream, room: memoryview) -> tuple[int, StreamError | OSError | None]:
    """Unpack some, or give what is wrong instead."""
    try:
        return stream.readinto(room), None
    except (StreamError, OSError) as error:
        return 0, error


def _fill(room: memoryview, stream: UnpackedStream) -> _Piece:
    """Unpack as much as there is room for, or up to the end or to what is wrong, which comes with it."""
    length, error = 0, None
    while length < len(room) and error is None:
        count, error = _read(stream, room[length:])
        if not count:
            break
        length += count
    return room[:length], error
