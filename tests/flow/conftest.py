"""Finds what these tests share with those of packets, and reads a capture of everything once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "packet"))


@pytest.fixture(scope="session", params=[False, True], ids=["plain", "every option"])
def rich(tmp_path_factory, request):
    """Flows of every protocol, tunnels in tunnels, answers, and times that are no whole milliseconds."""
    from rich_capture import EVERY_OPTION, rich_flows

    return rich_flows(tmp_path_factory.mktemp("rich"), **(EVERY_OPTION if request.param else {}))
