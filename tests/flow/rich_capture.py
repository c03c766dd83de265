"""A capture with flows of every kind."""

from __future__ import annotations

from cases import CASES

import flowtable
from flowtable.testing import START, TCP, Ethernet, Interface, IPv4, demo_capture, write_pcapng
from flowtable.testing.captures import FrameSpec

MACS, ADDRESSES = ("02:00:00:00:00:01", "02:00:00:00:00:02"), ("10.9.9.1", "10.9.9.2")
RESETS = [
    bytes(Ethernet(*MACS[::way]) / IPv4(*ADDRESSES[::way]) / TCP(*(1, 2)[::way], flags="R"))
    for way in (1, -1)
]
EVERY_OPTION = {  # that fills fields
    "packet_statistics": True,
    "tcp_metric": True,
    "reassemble": True,
    "extra_layers": ("DNS", "DHCPv4", "VRRP"),
    "raw_packets": 3,
}
EXTRAS = {"HostB": "www.example.org", 'a "name"': "=1+1", "Ünicode.": "tab\t, line\n, \x1b[0m, \x00, 🦉, \\"}
NODE, CAPTURE = '=cmd|"<b>n</b>', "capture ü\n"


def rich_flows(folder, **options):
    """Read the demo and, twice each, all cases under all their link types; and resets both ways.

    With options, every third flow has what an enhancer would add.
    """
    demo, rest = folder / "demo.pcapng", folder / "cases.pcapng"
    demo.write_bytes(demo_capture())
    links = sorted({case.link_type for case in CASES})
    interfaces = tuple(Interface(link_type, resolution=9) for link_type in links)
    frames = [
        FrameSpec(START + at * 1_000_003, case.frame, None, links.index(case.link_type))
        for at, case in enumerate(CASES * 2)
    ]
    frames += [FrameSpec(START, frame, None, links.index(1)) for frame in RESETS]
    write_pcapng(rest, frames, interfaces=interfaces)
    flows = flowtable.read([demo, rest], node_tid=NODE, capture_id=CAPTURE, **options)
    assert flows.account.adds_up()
    assert len(flows) > 80
    for flow in flows[1::3] if options else ():
        for name, text in EXTRAS.items():
            flow.add_extra(name, text)
    return flows
