"""What ``scan`` has to give of any capture, by what ``read`` gives of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import flowtable

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

FOR_EVER: Final = {"idle": 1e12, "hold": 1e12, "application_timeouts": {}}
SHORT: Final = {"idle": 0.5, "active": 0.2, "hold": 0.1, "application_timeouts": {"DNS": 0.1}, "max_flows": 8}
COUNTS: Final = ("Metric.ABPackets", "Metric.ABBytes", "Metric.BAPackets", "Metric.BABytes")


def rows_of(flows: Iterable[flowtable.Flow]) -> list[dict[str, Any]]:
    """Give all that flows show, but what only live tables know and how flows end there that do not in a file."""
    rows = []
    for flow in flows:
        row = flow.to_dict()
        for name in ("LastUpdateMetric", "Segment"):
            row.pop(name, None)
        if row.get("FinishType") == "STOPPED":
            row["FinishType"] = "NOT_FINISHED"
        rows.append({name: value for name, value in row.items() if value != "NOT_FINISHED"})
    return rows


def sums_of(flows: Iterable[flowtable.Flow]) -> Counter[tuple[str, str, str, str]]:
    """Add up packets and bytes by ends and path; both ways together, since A may be another one later."""
    sums: Counter[tuple[str, str, str, str]] = Counter()
    for flow in flows:
        for name in COUNTS:
            sums[flow.tracking_id, flow.layers_path, flow.application, name[-7:].lstrip("AB")] += flow.get(name)
    return +sums


def scanned(path: str | os.PathLike[str], **options: Any) -> tuple[list[flowtable.Flow], Any]:
    """Read a capture by ``scan``; gives its flows and the account."""
    sets = flowtable.scan(path, **options)
    return [flow for flows in sets for flow in flows], sets.account


def fault_of_scan(path: str | os.PathLike[str], flows: flowtable.FlowSet, **options: Any) -> str | None:
    """Say what of a capture's flows is another way when they end; nothing if it is none."""
    ended, account = scanned(path, **FOR_EVER, **options)
    if not account.adds_up() or account.frames != flows.account.frames:
        return f"with time for ever the account is another one: {account}"
    if sorted(rows_of(ended), key=str) != sorted(rows_of(flows), key=str):
        return "with time for ever flows are other ones"
    ended, account = scanned(path, **SHORT, **options)
    if not account.adds_up() or account.in_flows != flows.account.in_flows:
        return f"with little time the account is another one: {account}"
    if sums_of(ended) != sums_of(flows):
        return "with little time sums are other ones"
    return fault_of_order(ended)


def fault_of_order(ended: list[flowtable.Flow]) -> str | None:
    """Say whether a flow came before one inside it, or twice."""
    final = [flow.uuid for flow in ended if flow.finish_type != "ACTIVE_TIMEOUT"]
    place = {uuid: at for at, uuid in enumerate(final)}
    if any(place[flow.uuid] > place[flow.parent_uuid] for flow in ended if flow.parent_uuid in place):
        return "a flow came before one inside it"
    return None
