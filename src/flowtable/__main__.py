"""``python -m flowtable``: the same as the command ``flowtable``."""

from __future__ import annotations

import gc
import sys

from flowtable.cli import main

__all__ = ["command"]


def command() -> int:
    """Run the command line as what the process is there for; gives its exit status.

    What is left at the end goes with the process: looking through all of pyarrow for garbage took as long as
    40,000 packets.
    """
    status = main()
    gc.freeze()
    return status


if __name__ == "__main__":
    sys.exit(command())
