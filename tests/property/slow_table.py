"""A flow table that is slow and obvious: a dictionary from a packet's ends to what its flow counts."""

from __future__ import annotations

from dataclasses import dataclass, field

from id_oracle import by_link, ends_of, swapped

from flowtable import LayerType, PacketSequence


@dataclass
class SlowFlow:
    """What one flow counts, as plain numbers."""

    path: str
    start: int
    last: int
    parent: SlowFlow | None
    swap: bool
    counts: list[int] = field(default_factory=lambda: [0, 0, 0, 0])


def key_of(ends, mode, *, swap, key_ids):
    """Give the ends in order, MACs only where they count, and ids where they were asked for."""
    turn = -1 if swap else 1
    link = ends.link[::turn] if by_link(ends, mode) else None
    network = ends.network and (ends.network[0], *ends.network[1:][::turn])
    if ends.vni is not None:
        transport = "vni", ends.vni, ends.transport and ends.transport[2]
    else:
        transport = ends.transport and (ends.transport[0], *ends.transport[1:][::turn])
    ids = (ends.link_id, ends.gre_key) if key_ids else None
    return link, network, transport, ends.icmp, ids


def length_of(packet, mode):
    """L2 keys count what IP says where there is no Ethernet."""
    first = packet.layers[0].type
    if mode == "L3" or first is LayerType.ETHERNET:
        return packet.length
    header = packet.network_layer()
    at = 2 if header.type is LayerType.IPV4 else 4
    return int.from_bytes(header.contents[at : at + 2])


def slow_flows(timed, mode, tunnels, *, key_ids=False):
    """Count frames into flows; gives them in the order in which they began."""
    table = {}
    for time, frame in timed:
        parent, parent_key = None, None
        for packet in PacketSequence.from_frame(bytes(frame), tunnels=tunnels):
            ends = ends_of(packet)
            if ends.link is None and ends.network is None:
                continue
            swap = swapped(ends, mode)
            parent_key = key_of(ends, mode, swap=swap, key_ids=key_ids), parent_key
            flow = table.setdefault(parent_key, SlowFlow(packet.path, time, time, parent, swap))
            count(flow, time, swap, 0 if nothing_counts(ends, mode) else 1, length_of(packet, mode))
            parent = flow
    return list(table.values())


def nothing_counts(ends, mode):
    return mode == "L3" and ends.network is None


def count(flow, time, swap, packets, length):
    flow.last = max(time, flow.start)
    at = 0 if swap == flow.swap else 2
    flow.counts[at] += packets
    flow.counts[at + 1] += packets * length


def shown(slow):
    """Give a slow flow as comparable values."""
    return slow.path, slow.start, slow.last, tuple(slow.counts), slow.parent and slow.parent.path


def shown_fast(flow):
    m = flow.metric
    counts = m.ab_packets, m.ab_bytes, m.ba_packets, m.ba_bytes
    return flow.layers_path, flow.start, flow.last, counts, flow.parent and flow.parent.layers_path
