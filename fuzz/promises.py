"""What flowtable promises of the flows of any capture, however broken: for fuzzing, soaking and tests."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from flowtable.flow.schema import FIELDS, Kind

if TYPE_CHECKING:
    from flowtable import FlowSet


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
