"""Where a command's flows go, and in which format."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from flowtable.capture.streams import display_name, reason
from flowtable.cli.terminal import is_terminal
from flowtable.errors import FlowError, OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["FORMATS", "Output", "OutputError"]

FORMATS: Final = ("table", "json", "csv", "parquet", "arrow")
_BINARY: Final = ("parquet", "arrow", "pcap", "pcapng")
_SUFFIXES: Final = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".json": "json",
    ".ndjson": "json",
    ".jsonl": "json",
    ".arrow": "arrow",
    ".feather": "arrow",
}


class OutputError(FlowError, OSError):
    """What was asked for cannot be written; says where and why."""

    def __str__(self) -> str:
        """Give the sentence alone."""
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Output:
    """A file, or standard output if ``path`` is None, and one of ``FORMATS``."""

    path: str | None
    format: str

    @classmethod
    def choose(cls, path: str | None, named: str | None, inputs: Sequence[str]) -> Output:
        """Settle the format: the one that is named, else by the suffix, else by who reads it.

        Raises:
            OptionError: the suffix tells nothing, a terminal would get binary data, or the file is one of
                ``inputs``.

        """
        if path in (None, "-"):
            return cls(None, _for_standard_output(named))
        assert path is not None  # noqa: S101 - "-" and None are done with; for the type checker
        _refuse_inputs(path, inputs)
        return cls(path, named or _by_suffix(path))

    @property
    def to_terminal(self) -> bool:
        """Whether a person looks at it."""
        return self.path is None and is_terminal(sys.stdout)

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open it for writing; a file appears under its name when it is complete, and not before.

        Raises:
            OutputError: it cannot be written.
            BrokenPipeError: nobody reads it any more.

        """
        try:
            with self._target() as file:
                yield file
        except (BrokenPipeError, FlowError):
            raise
        except OSError as error:
            name = "standard output" if self.path is None else display_name(self.path)
            raise OutputError(f"{name} cannot be written: {reason(error)}") from error

    def _target(self) -> contextlib.AbstractContextManager[IO[bytes]]:
        if self.path is None:
            return _standard_output()
        given = Path(self.path)
        if given.exists() and not given.is_file():  # a pipe, a device, or a directory, which says so
            return given.open("wb")  # by its own name: a pipe in /dev/fd resolves to none
        return _beside(Path(os.path.realpath(given)))


def _for_standard_output(named: str | None) -> str:
    if named in _BINARY and is_terminal(sys.stdout):
        raise OptionError(
            f"{named} is binary and no terminal can show it: write it to a file, or into a pipe"
        )
    return named or ("table" if is_terminal(sys.stdout) else "json")


def _by_suffix(path: str) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in _SUFFIXES:
        known = ", ".join(_SUFFIXES)
        told = f"the suffix {suffix} tells no format" if suffix else "there is no suffix to tell the format"
        raise OptionError(f"{display_name(path)}: {told}; use -o, or one of {known}")
    return _SUFFIXES[suffix]


def _refuse_inputs(path: str, inputs: Sequence[str]) -> None:
    """Refuse to write over a capture that is read, by whatever name it is called."""
    if any(_same_file(path, 0 if name == "-" else name) for name in inputs):
        raise OptionError(f"{display_name(path)} is a capture that is read; write to another file")


def _same_file(path: str, read: str | int) -> bool:
    try:
        there, here = os.stat(path), os.stat(read)  # noqa: PTH116 - may be the number of an open file
    except (OSError, ValueError):  # what is not there is not the same
        return False
    return stat.S_ISREG(there.st_mode) and os.path.samestat(there, here)


@contextmanager
def _standard_output() -> Iterator[IO[bytes]]:
    if sys.stdout is None:
        raise OSError("it is closed")
    file = sys.stdout.buffer
    yield file
    file.flush()


@contextmanager
def _beside(target: Path) -> Iterator[IO[bytes]]:
    """Write a new file beside the target and let it take the target's place, or leave no trace."""
    new = target.with_name(f".flowtable-{os.urandom(8).hex()}")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), "wb") as file:  # noqa: PTH123
            if target.exists():
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
