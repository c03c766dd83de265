"""Whole processes: how long they took, what they cost."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Run", "pinned", "run"]


@dataclass(frozen=True)
class Run:
    """One run of a program, from its start to its end."""

    seconds: float
    cpu: float
    """Seconds of all its threads and of the processes that it waited for, in the kernel too."""
    peak: int
    """Bytes resident at most, pages of mapped files included. Less than this harness itself has (some
    30 MB) cannot be seen: the kernel counts from before the program replaces the harness's copy."""
    output: str


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Let this process, and those that it starts, run on one core only; None leaves them free."""
    before = os.sched_getaffinity(0)
    try:
        if core is not None:
            os.sched_setaffinity(0, {core})
        yield
    finally:
        os.sched_setaffinity(0, before)


def run(command: Sequence[str], *, core: int | None = None) -> Run:
    """Run a program to its end.

    Raises:
        subprocess.CalledProcessError: it ended with an error.

    """
    with tempfile.TemporaryFile() as output, pinned(core):
        begin = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, list(command), text)
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, text)
