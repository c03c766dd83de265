"""A minute of a network through a live table: what ``make soak`` does for an hour."""

import pathlib
import re
import subprocess
import sys

FUZZ = pathlib.Path(__file__).parents[2] / "fuzz"


def test_a_minute_of_a_network():
    """Each flow is handed out once, and memory stays what it is; in a process of its own, for the memory."""
    command = [sys.executable, FUZZ / "hour.py", "--seconds", "60", "--idle", "10", "--warm", "25"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(
        r"168,000 flows of 462,000 frames; at most 2\d,\d{3} at a time, \d+ MiB\n", ran.stdout
    )
