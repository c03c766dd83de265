"""Finds what these tests share with those of packets, of flows, and of conformance."""

import sys
from pathlib import Path

sys.path[:0] = (str(Path(__file__).parents[1] / room) for room in ("packet", "flow", "conformance"))
