"""What the tests of the core share: frames into captures into flows, and randomness that repeats."""

from __future__ import annotations

import random

import flowtable
from flowtable.testing import write_pcap


def seeded(number):
    """Give a source of numbers that is the same in every run."""
    return random.Random(number)  # noqa: S311 - nothing is hidden by it


def read_frames(folder, frames, *, link_type=1, **options):
    """Read frames as the only capture there is; times are exact to the nanosecond."""
    path = folder / "frames.pcap"
    write_pcap(path, frames, link_type=link_type, nanoseconds=True)
    flows = flowtable.read(path, **options)
    assert flows.account.adds_up()
    return flows


def makes_flow(path):
    """Say whether a part with this path is a packet of some flow."""
    return not {"Ethernet", "IPv4", "IPv6"}.isdisjoint(path.split("/"))
