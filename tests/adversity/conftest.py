"""Finds what these tests share with those of packets, and the form of the fuzz targets' inputs."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "packet"), str(TESTS.parent / "fuzz")]
