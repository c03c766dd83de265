"""Where a capture's bytes come from: files, standard input, and what they unpack to.

A stream fills a buffer as far as it can with one step, and says how far it has read. Whether it is
compressed is told by its first bytes, never by its name. What cannot be read raises OSError, as the
system does, or :class:`StreamError`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
from typing import TYPE_CHECKING, Protocol

from flowtable.capture.codecs import codec_of
from flowtable.errors import CaptureError

if TYPE_CHECKING:
    from flowtable.capture.codecs import Codec, Decoder

__all__ = [
    "ByteStream",
    "FileStream",
    "StreamError",
    "UnpackedStream",
    "display_name",
    "open_stream",
    "reason",
]

HEAD = 512
"""Bytes read first, to see what a file is."""

PIECE = 16 * 1024
"""Packed bytes given to a decoder at once. What a piece unpacks to before an error in it is lost, so it
is small."""

STEP = 64 * 1024
"""Bytes that are unpacked at once, whoever asks for how many: so that as much is lost, and the same."""

EMPTY_MEMBERS = 1000
"""In a row; a decoder is made for each, and no tool writes so many."""

_STANDARD_INPUT = 0


class StreamError(Exception):
    """A stream's bytes are broken; the message says how, and is never shown without the file's name."""


class ByteStream(Protocol):
    """What a :class:`~flowtable.capture._walk.CaptureReader` reads."""

    @property
    def place(self) -> str:
        """What follows a byte offset in a message: which bytes these are counted in."""

    @property
    def position(self) -> int:
        """Bytes read so far, as they are on disk."""

    @property
    def size(self) -> int | None:
        """Bytes that there are, as they are on disk; None for a pipe."""

    @property
    def descriptor(self) -> int:
        """The open file whose bytes, from where it stands, are all that is left to read; -1: there is none.

        Who reads it on tells nobody; the stream goes on behind that.
        """

    def readinto(self, room: memoryview) -> int:
        """Read at least one byte, and at most as many as there is room for; 0 only at the end."""

    def close(self) -> None:
        """Give the file back; more than once does no harm."""


def reason(error: BaseException) -> str:
    """Give an error's words, without the number that OSError puts before them."""
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def display_name(path: str) -> str:
    """Spell a path for messages: standard input by name, and nothing that a terminal would obey."""
    if path == "-":
        return "standard input"
    return path if path.isprintable() and path else ascii(path)


class FileStream:
    """A file, device, pipe or standard input, read with read(2).

    Python's wrappers of read(2) release the interpreter lock and go on after a signal. A `parked` file
    is open only while it is read, for when there are more files than descriptors.
    """

    place = ""

    def __init__(self, path: str, *, parked: bool = False) -> None:
        """Open a path, or ``-``; OSError, and ValueError for a path with a zero byte."""
        self._fd = -1  # until open() has given one; close() is called in any case
        self._parked = False
        self._path = path
        self._fd = _STANDARD_INPUT if path == "-" else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._status = os.fstat(self._fd)
        self._at = 0
        self._head = b""
        if parked and self.reopenable:
            self._park()

    @property
    def reopenable(self) -> bool:
        """Whether opening the path again gives the same bytes from the start."""
        return self._path != "-" and stat.S_ISREG(self._status.st_mode)

    @property
    def is_directory(self) -> bool:
        """Whether this is a directory, which can be opened but not read."""
        return stat.S_ISDIR(self._status.st_mode)

    @property
    def is_terminal(self) -> bool:
        """Whether someone would have to type the capture."""
        return self._fd >= 0 and os.isatty(self._fd)

    @property
    def position(self) -> int:
        """Bytes given so far."""
        return self._at - len(self._head)

    @property
    def size(self) -> int | None:
        """The file's length; None for what has none."""
        return self._status.st_size if stat.S_ISREG(self._status.st_mode) else None

    @property
    def descriptor(self) -> int:
        """The regular file that is read; reading others may take long, and be interrupted."""
        is_file = stat.S_ISREG(self._status.st_mode)
        return self._fd if is_file and not self._head and not self._parked else -1

    def head(self) -> bytes:
        """Look at the first bytes, up to 512, without taking them; under 16 only when there are no more."""
        while len(self._head) < 16:
            piece = bytearray(HEAD)
            count = self._read(memoryview(piece))
            if count == 0:
                break
            self._head += piece[:count]
        return self._head

    def readinto(self, room: memoryview) -> int:
        """Read once; 0 only at the end."""
        if not self._head:
            return self._read(room)
        count = min(len(room), len(self._head))
        room[:count] = self._head[:count]
        self._head = self._head[count:]
        return count

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self._fd > _STANDARD_INPUT:
            with contextlib.suppress(OSError):
                os.close(self._fd)
        self._fd = -1
        self._parked = False

    __del__ = close

    def _read(self, room: memoryview) -> int:
        if self._parked:
            return self._read_parked(room)
        if self._fd < 0:
            return 0
        while True:
            try:
                count = os.readv(self._fd, [room])
            except BlockingIOError:  # standard input may be shared with someone who made it so
                poll = select.poll()
                poll.register(self._fd, select.POLLIN)
                poll.poll()
            else:
                self._at += count
                return count

    def _park(self) -> None:
        os.close(self._fd)
        self._fd = -1
        self._parked = True

    def _read_parked(self, room: memoryview) -> int:
        fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if not os.path.samestat(os.fstat(fd), self._status):
                raise StreamError("another file has taken its place")
            count = os.preadv(fd, [room], self._at)
        finally:
            os.close(fd)
        self._at += count
        return count


class UnpackedStream:
    """What a compressed file unpacks to, one member after the other.

    A step has a limit, so a small file that unpacks to a huge one takes no more memory than any other, and no
    more time than what is read of it.
    """

    def __init__(self, packed: FileStream, codec: Codec) -> None:
        """Unpack a file from its beginning; it is closed with this stream."""
        self._packed = packed
        self._codec = codec
        self._decoder: Decoder | None = None
        self._rest = b""  # read of the packed file, but not given to a decoder
        self._ready = memoryview(b"")  # unpacked, but not given to anybody
        self._members = 0
        self._empty = 0

    @property
    def place(self) -> str:
        """Offsets are those of the unpacked bytes."""
        return f" of its unpacked {self._codec.name} data"

    @property
    def position(self) -> int:
        """Packed bytes read so far."""
        return self._packed.position

    @property
    def size(self) -> int | None:
        """The packed file's length."""
        return self._packed.size

    @property
    def descriptor(self) -> int:
        """None: what is in the file has to be unpacked."""
        return -1

    @property
    def is_slow(self) -> bool:
        """Whether unpacking takes longer than what is done with it."""
        return not self._codec.fast

    def readinto(self, room: memoryview) -> int:
        """Unpack until there is at least one byte; 0 only at the end of the last member."""
        while not self._ready and (self._decoder is not None or self._next_member()):
            self._ready = memoryview(self._step())
        if self._ready:
            self._empty = 0
        count = min(len(room), len(self._ready))
        room[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        """Close the packed file and forget the decoder, which may be large."""
        self._decoder = None
        self._rest = b""
        self._ready = memoryview(b"")
        self._packed.close()

    def _next_member(self) -> bool:
        """Begin the next member; False at the end of the file."""
        while self._fill():
            if self._members and self._codec.padded:
                self._rest = self._rest.lstrip(b"\0")
                if not self._rest:
                    continue
            try:
                self._decoder = self._codec.decoder()
            except ImportError as error:
                raise StreamError(f"this Python is built without {self._codec.name}") from error
            self._members += 1
            self._empty += 1
            if self._empty > EMPTY_MEMBERS:
                raise StreamError(f"{EMPTY_MEMBERS:,} {self._codec.name} members in a row hold nothing")
            return True
        return False

    def _step(self) -> bytes:
        """Give the decoder what it wants, and take some bytes; none does not mean the end."""
        assert self._decoder is not None  # noqa: S101  # readinto() made it
        packed = b""
        if self._decoder.needs_input:
            if not self._fill():
                raise StreamError(
                    f"its {self._codec.name} data end too early, at byte {self.position} on disk"
                )
            packed, self._rest = self._rest[:PIECE], self._rest[PIECE:]
        try:
            data = self._decoder.decompress(packed, STEP)
        except Exception as error:  # each module has its own classes, and none is loaded here
            raise StreamError(self._broken(error)) from error
        if self._decoder.eof:
            self._rest = self._decoder.unused_data + self._rest
            self._decoder = None
        return data

    def _broken(self, error: BaseException) -> str:
        return f"its {self._codec.name} data are broken before byte {self.position} on disk ({reason(error)})"

    def _fill(self) -> bool:
        """Have packed bytes in `_rest`; False at the end of the file."""
        if not self._rest:
            piece = bytearray(PIECE)
            self._rest = bytes(piece[: self._packed.readinto(memoryview(piece))])
        return bool(self._rest)


def open_stream(path: str, *, parked: bool = False) -> FileStream | UnpackedStream:
    """Open a capture's bytes, unpacked; CaptureError when they cannot be opened."""
    name = display_name(path)
    try:
        stream = FileStream(path, parked=parked)
        return _unpacked(stream, name)
    except (OSError, StreamError, ValueError) as error:
        if isinstance(error, CaptureError):
            raise
        number = error.errno if isinstance(error, OSError) else None
        raise CaptureError(
            f"{name} cannot be opened: {reason(error)}", errno=number, filename=name
        ) from error


def _unpacked(stream: FileStream, name: str) -> FileStream | UnpackedStream:
    """Put a decoder before a file that needs one."""
    try:
        _refuse_what_has_no_bytes(stream, name)
        codec = codec_of(stream.head())
    except BaseException:
        stream.close()
        raise
    return stream if codec is None else UnpackedStream(stream, codec)


def _refuse_what_has_no_bytes(stream: FileStream, name: str) -> None:
    if stream.is_directory:
        raise CaptureError(f"{name} is a directory, not a capture", errno=errno.EISDIR, filename=name)
    if stream.is_terminal:
        raise CaptureError(f"{name} is a terminal, not a capture", filename=name)
