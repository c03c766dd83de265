"""``python -m flowtable``: the same as the command ``flowtable``."""

from __future__ import annotations

import gc
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from flowtable.cli import main

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["command"]


def command() -> int:
    """Run the command line as what the process is there for; gives its exit status.

    What is left at the end goes with the process: looking through all of pyarrow for garbage took as long as
    40,000 packets.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else who started it has it ignored
        signal.signal(signal.SIGINT, _interrupt)
    status = main()
    gc.freeze()
    return status


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    """Stop in order at the first Ctrl-C, and let the next one end the process at once.

    Threads that are waited for then would be left running while Python ends, which it does not survive.
    """
    signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(command())
