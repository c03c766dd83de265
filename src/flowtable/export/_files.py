"""Where exports go: a path, or a binary file that is open."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Target", "opened"]

Target = str | os.PathLike[str] | IO[bytes]


@contextmanager
def opened(to: Target) -> Iterator[IO[bytes]]:
    """Open a path for writing and close it after use; leave an open file open."""
    if isinstance(to, (str, os.PathLike)):
        with open(to, "wb") as file:  # noqa: PTH123 - takes every path that open() takes
            yield file
    else:
        yield to
