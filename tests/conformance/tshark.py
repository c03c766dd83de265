"""What tshark makes of a capture."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opinions import Ends

FIELDS = {
    "eth": ("eth.src", "eth.dst"),
    "ip": ("ip.src", "ip.dst"),
    "ipv6": ("ipv6.src", "ipv6.dst"),
    "tcp": ("tcp.srcport", "tcp.dstport"),
    "udp": ("udp.srcport", "udp.dstport"),
    "udplite": ("udp.srcport", "udp.dstport"),
    "sctp": ("sctp.srcport", "sctp.dstport"),
}
NO_LAYERS = ("geninfo", "frame", "fake-field-wrapper")
PREFERENCES = ("ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE")


def needs_tshark() -> None:
    """Skip a test where tshark is missing; where everything has to be tested, fail."""
    if shutil.which("tshark"):
        return
    reason = "tshark is not installed: make system, as root on Debian"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def dissected(path: Path, *arguments: str) -> Iterator[list[tuple[str, Ends]]]:
    """Give of each packet its layers, outermost first: their names, and their ends if they have some."""
    preferences = [word for text in PREFERENCES for word in ("-o", text)]
    command = ["tshark", "-n", "-r", str(path), "-T", "pdml", *preferences, *arguments]
    said = subprocess.run(command, capture_output=True, check=True).stdout
    for packet in ET.fromstring(said).iter("packet"):  # noqa: S314 - what tshark itself has written
        yield [(name, ends) for name, ends in layers_in(packet) if name not in NO_LAYERS]


def layers_in(element: ET.Element) -> Iterator[tuple[str, Ends]]:
    """Find layers in layers as well, but for the packets that ICMP quotes."""
    for proto in element.findall("proto"):
        name = str(proto.get("name"))
        found = {field.get("name"): str(field.get("show")) for field in reversed(proto.findall("field"))}
        yield name, tuple(found[field] for field in FIELDS.get(name, ()) if field in found)
        if name not in ("icmp", "icmpv6"):
            yield from layers_in(proto)
