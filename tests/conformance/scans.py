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


def rows_of(flows: Iterable[flowtable.Flow]) -> list[dict[str, Any]]:
    """Give all that flows show, but what only live tables know of them."""
    rows = []
    for flow in flows:
        row = flow.to_dict()
        for name in ("LastUpdateMetric", "Segment"):
            row.pop(name, None)
        if row.get("FinishType") == "STOPPED":
            row["FinishType"] = "NOT_FINISHED"
        rows.append({name: value for name, value in row.items() if value != "NOT_FINISHED"})
    return rows


def sums_of(flows: Iterable[flowtable.Flow]) -> Counter[tuple[str, str]]:
    """Add up packets and bytes by ends.

    Both ways together, since A may be another one later, and of all paths, which go by the first packet.
    """
    sums: Counter[tuple[str, str]] = Counter()
    for flow in flows:
        for name in ("packets", "bytes"):
            there, back = (getattr(flow.metric, f"{way}_{name}") for way in ("ab", "ba"))
            sums[flow.tracking_id, name] += there + back
    return +sums


def scanned(path: str | os.PathLike[str], **options: Any) -> tuple[list[flowtable.Flow], Any]:
    """Read a capture by ``scan``; gives its flows and the account."""
    sets = flowtable.scan(path, **options)
    return [flow for flows in sets for flow in flows], sets.account


def fault_of_scan(path: str | os.PathLike[str], flows: flowtable.FlowSet, **options: Any) -> str | None:
    """Say what of a capture's flows is another way when they end; nothing if it is none."""
    for time, asked in (("time for ever", FOR_EVER), ("little time", SHORT)):
        ended, account = scanned(path, **asked, **options)
        if not account.adds_up() or account.in_flows != flows.account.in_flows:
            return f"with {time} the account is another one: {account}"
        if sums_of(ended) != sums_of(flows):
            return f"with {time} sums are other ones"
        if said := fault_of_order(ended) or (fault_of_flows(ended, flows) if asked is FOR_EVER else None):
            return said
    return None


def fault_of_flows(ended: list[flowtable.Flow], flows: flowtable.FlowSet) -> str | None:
    """Say whether they are other ones. A SYN after FIN or RST begins a flow only where flows end."""
    if len(ended) > len(flows) and any(flow.finish_type in ("TCP_FIN", "TCP_RST") for flow in flows):
        return None
    if sorted(rows_of(ended), key=str) != sorted(rows_of(flows), key=str):
        return "with time for ever flows are other ones"
    return None


def fault_of_order(ended: list[flowtable.Flow]) -> str | None:
    """Say whether a flow came before one inside it, or twice."""
    final = [flow.uuid for flow in ended if flow.finish_type != "ACTIVE_TIMEOUT"]
    place = {uuid: at for at, uuid in enumerate(final)}
    if any(place[flow.uuid] > place[flow.parent_uuid] for flow in ended if flow.parent_uuid in place):
        return "a flow came before one inside it"
    return None
