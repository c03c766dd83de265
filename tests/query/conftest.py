"""Finds what these tests share with those of flows and of packets."""

import sys
from pathlib import Path

sys.path[:0] = (str(Path(__file__).parents[1] / room) for room in ("flow", "packet"))
