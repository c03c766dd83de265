"""``python -m flowtable``: the same as the command ``flowtable``."""

from __future__ import annotations

import sys

from flowtable.cli import main

if __name__ == "__main__":
    sys.exit(main())
