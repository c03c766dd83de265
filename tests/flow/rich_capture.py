"""A capture with flows of every kind."""

from __future__ import annotations

from cases import CASES

import flowtable
from flowtable.testing import START, Interface, demo_capture, write_pcapng
from flowtable.testing.captures import FrameSpec

EVERY_OPTION = {"packet_statistics": True}  # that fills fields
NODE, CAPTURE = '=cmd|"<b>n</b>', "capture ü\n"


def rich_flows(folder, **options):
    """Read the demo and, twice each, all cases under all their link types."""
    demo, rest = folder / "demo.pcapng", folder / "cases.pcapng"
    demo.write_bytes(demo_capture())
    links = sorted({case.link_type for case in CASES})
    interfaces = tuple(Interface(link_type, resolution=9) for link_type in links)
    frames = [
        FrameSpec(START + at * 1_000_003, case.frame, None, links.index(case.link_type))
        for at, case in enumerate(CASES * 2)
    ]
    write_pcapng(rest, frames, interfaces=interfaces)
    flows = flowtable.read([demo, rest], node_tid=NODE, capture_id=CAPTURE, **options)
    assert flows.account.adds_up()
    assert len(flows) > 80
    return flows
