"""Flows by the dissection of others: the ends that their layers have, packet by packet, from outside in.

The parts are cut where flowtable cuts them: before every Ethernet header but the first, before an IP header
behind another one, and behind labels. Layers are called as tshark calls them.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowtable import Flow, FlowSet

Ends = tuple[str, ...]
Key = tuple[object, ...]

KINDS = {
    "link": ("eth",),
    "network": ("ip", "ipv6"),
    "transport": ("tcp", "udp", "udplite", "sctp"),
}
ENDING = ("mpls", "pwethcw", "pppoes", "PPPoE")
WITHOUT_SOURCE_PORT = ("vxlan", "geneve")  # it is drawn for each inner flow, and not in our keys


def parts(layers: list[tuple[str, Ends]]) -> list[dict[str, Ends]]:
    """Cut a packet's layers into parts; of each its ends by the kind of layer."""
    cut: list[dict[str, Ends]] = [{}]
    behind = False  # what a part ends with, before anything that has ends
    for name, both in layers:
        kind = next((kind for kind, names in KINDS.items() if name in names), None)
        begins = kind == "link" or (kind == "network" and (kind in cut[-1] or behind))
        if begins and cut[-1]:
            cut.append({})
        if kind and len(both) == 2:
            cut[-1].setdefault(kind, both)
        if name in WITHOUT_SOURCE_PORT and "transport" in cut[-1]:
            cut[-1]["transport"] = (cut[-1]["transport"][1],) * 2
        behind = name in ENDING or (behind and kind is None)
    return cut


def key_of(part: dict[str, Ends], parent: Key | None) -> tuple[Key, bool]:
    """Give what tells the flow of a part apart, the same both ways, and whether the ends were exchanged."""
    there = tuple(part.get(kind, ("", ""))[0] for kind in KINDS)
    back = tuple(part.get(kind, ("", ""))[1] for kind in KINDS)
    return (parent, *sorted((there, back))), there > back


def flows_of(packets: Iterable[list[tuple[str, Ends]]]) -> dict[Key, list[int]]:
    """Count packets each way by the ends that their layers have."""
    flows: dict[Key, list[int]] = collections.defaultdict(lambda: [0, 0])
    for layers in packets:
        parent: Key | None = None
        for part in parts(layers):
            if "link" in part or "network" in part:
                parent, swapped = key_of(part, parent)
                flows[parent][swapped] += 1
    return dict(flows)


def part_of(flow: Flow) -> dict[str, Ends]:
    """Give a flow's ends as its first packet has them."""
    layers = {"link": flow.link, "network": flow.network, "transport": flow.transport}
    part = {kind: (str(layer.a), str(layer.b)) for kind, layer in layers.items() if layer is not None}
    if flow.application in ("VXLAN", "VXLANGPE", "Geneve"):
        part["transport"] = (part["transport"][1],) * 2
    return part


def our_flows(found: FlowSet) -> dict[Key, list[int]]:
    """Give flows in the same form; those that only other things tell apart are added up."""
    flows: dict[Key, list[int]] = collections.defaultdict(lambda: [0, 0])
    keys: dict[str, Key] = {}
    for flow in found:  # parents come before their children
        key, swapped = key_of(part_of(flow), keys.get(flow.parent_uuid))
        keys[flow.uuid] = key
        flows[key][swapped] += flow.metric.ab_packets
        flows[key][not swapped] += flow.metric.ba_packets
    return dict(flows)
