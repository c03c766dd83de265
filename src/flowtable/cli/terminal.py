"""Text for people: nothing that a terminal would obey, on the streams that there are."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from typing import IO, Final

__all__ = ["SafeWriter", "as_encodable", "has_colours", "is_terminal", "safe", "say", "terminal_size"]

_ASCII: Final = str.maketrans({"…": "~", "→": ">", "├": "|", "└": "`", "│": "|", "µ": "u"})


def safe(text: str) -> str:
    r"""Spell out what does not print: controls, line ends, text direction marks, lost bytes of file names.

    >>> print(safe("\x1b[2J"))
    \x1b[2J
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def say(*lines: str) -> None:
    """Print lines on standard error, if there is one; what it cannot take is nobody's fault."""
    if sys.stderr is None:  # closed by the caller; print() would take standard output instead
        return
    with contextlib.suppress(OSError):
        for line in lines:
            sys.stderr.write(safe(line) + "\n")


def is_terminal(file: IO[str] | None) -> bool:
    """Say whether a person reads this stream."""
    return file is not None and file.isatty()


def has_colours(file: IO[str]) -> bool:
    """Say whether colours are wanted there: https://no-color.org, and terminals that know none."""
    return file.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def as_encodable(text: str, encoding: str) -> bytes:
    """Encode text that has drawing characters, with ASCII in their place where they do not exist."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "replace")


def terminal_size() -> tuple[int, int]:
    """Give the columns and lines of the terminal on standard output."""
    import shutil  # noqa: PLC0415 - loads every compression that there is, and pipes have no size

    return shutil.get_terminal_size()


class SafeWriter:
    """A binary file on the way to a terminal: UTF-8 text in, with everything but line ends made safe."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.closed = False

    def write(self, data: bytes) -> int:
        """Write a piece, which may end in the middle of a character."""
        lines = self._decoder.decode(bytes(data)).split("\n")
        self._file.write("\n".join(map(safe, lines)).encode())
        return len(data)

    def flush(self) -> None:
        """Flush the terminal."""
        self._file.flush()
