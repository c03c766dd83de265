"""What flowtable promises of the flows of any capture, however broken: for fuzzing, soaking and tests."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from flowtable.capture.sflow import SFlowFeed, parse_datagram
from flowtable.errors import FlowProtocolError
from flowtable.flow.schema import FIELDS, Kind

if TYPE_CHECKING:
    from flowtable import FlowSet

LONGEST_DATAGRAM = 65_507  # bytes that UDP carries


def hold(flows: FlowSet) -> None:
    """Look at a set of flows in all ways that it can be written; AssertionError if a promise is broken."""
    assert flows.account.adds_up(), flows.account
    assert all(flow.last >= flow.start >= 0 for flow in flows)
    for name in (field.path for field in FIELDS if field.kind is Kind.DURATION):
        assert all(value is None or value >= 0 for value in flows.values(name)), f"a negative {name}"
    lines = io.BytesIO()
    flows.write_json(lines)
    for line, flow in zip(lines.getvalue().splitlines(), flows, strict=True):
        assert json.loads(line) == flow.to_dict()
    flows.to_arrow().validate(full=True)


def hold_samples(datagram: bytes, time: int) -> None:
    """Look at an sFlow datagram as data and as frames: they agree where all of it can be read."""
    source = SFlowFeed(max_agents=1)
    source.feed(datagram, time)
    source.stop()
    frames = list(source)
    refused = source.discards.keys() & {"version", "malformed"}
    try:
        found = parse_datagram(datagram)
    except FlowProtocolError:
        return  # frames before the fault count, and a fault in what gives no frame is none for them
    headers = [header for sample in found.flow_samples for header in sample.headers]
    assert not refused, source.discards
    assert [frame.data for frame in frames] == [each.header for each in headers if each.link_type is not None]
