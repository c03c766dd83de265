"""Finds what these tests share with those of packets, and with fuzzing."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "packet"), str(TESTS.parent / "fuzz")]
