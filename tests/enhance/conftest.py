"""Finds what these tests share with those of packets."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "packet"))
