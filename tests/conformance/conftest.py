"""Finds what these tests share with those of packets and of builders."""

import sys
from pathlib import Path

for room in ("packet", "table", "testing"):
    sys.path.insert(0, str(Path(__file__).parents[1] / room))
