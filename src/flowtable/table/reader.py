"""``read``: capture files in, flows out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowtable.capture import open_capture
from flowtable.errors import OptionError, TableFull
from flowtable.flow._flow import Records
from flowtable.flow.flowset import FlowSet
from flowtable.packet import TUNNELS
from flowtable.table._engine import Engine
from flowtable.table.accounts import make_account
from flowtable.table.options import (
    EngineOptions,
    available_cores,
    link_filters,
    listener_option,
    text_option,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from flowtable.capture import PacketSource
    from flowtable.capture.bpf import LinkFilters
    from flowtable.packet import LayerKeyMode
    from flowtable.query import Filter
    from flowtable.table.application_ports import ApplicationPortMap
    from flowtable.table.cores import Cores
    from flowtable.table.options import Limits
    from flowtable.table.streams import StreamListener

__all__ = ["read"]

SMALL_CAPTURE: Final = 16 << 20
"""Bytes of a capture that is read before threads would have begun to help."""


def read(  # noqa: PLR0913 - all but the first are options, by name only
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    layer_key: LayerKeyMode | str = "L2",
    bpf: str | None = None,
    where: Filter | str | None = None,
    tunnels: Iterable[str] = TUNNELS,
    packet_statistics: bool = False,
    key_ids: bool = False,
    defrag: bool = False,
    raw_packets: int = 0,
    node_tid: str = "",
    capture_id: str = "",
    max_flows: int | None = None,
    tcp_metric: bool = False,
    extra_layers: Iterable[str] = (),
    reassemble: bool = False,
    streams: StreamListener | None = None,
    limits: Limits | None = None,
    app_ports: ApplicationPortMap | None = None,
    threads: int | None = None,
    progress: Callable[[PacketSource], None] | None = None,
) -> FlowSet:
    """Read captures and give their flows.

    There are no timers: nothing expires, and FIN and RST only set ``finish_type``.

    Args:
        paths: a capture file or several, pcap or pcapng, perhaps compressed; ``-`` is standard input.
            Several are read as one stream in time order.
        layer_key: ``"L2"`` tells flows apart by MAC addresses too, ``"L3"`` by IP addresses where there
            are some.
        bpf: a filter expression as tcpdump takes it; frames that it does not match are counted as
            filtered.
        where: give only the flows that this filter wants, a ``Filter`` or its text such as
            ``"Transport == 443"``; the account is that of all frames, and parents and children of the flows
            are still found.
        tunnels: the tunnels whose payload is a flow of its own, with the outer flow as its parent.
        packet_statistics: measure sizes of packets and the times between them each way.
        key_ids: tell flows apart by their VLAN ids and GRE keys as well.
        defrag: put IP fragments together; a datagram counts when its last piece comes. Without this,
            fragments belong to a flow of their addresses.
        raw_packets: keep the first so many packets of each flow, up to 65,535; ``MAX_RAW_PACKET_LIMIT`` of
            them tell what a flow is.
        node_tid: id of the node that was captured on; it is part of the flows' UUIDs.
        capture_id: id of the capture, which the flows carry.
        max_flows: raise ``TableFull`` instead of making more flows than this.
        tcp_metric: keep when each side of a TCP connection sent SYN, FIN and RST, and the SYN's TTL.
        extra_layers: of ``"DNS"``, ``"DHCPv4"`` and ``"VRRP"`` those whose messages flows keep: the last
            DNS message, the first of the others.
        reassemble: follow TCP streams by their sequence numbers, and count what is in order, missing, out of
            order and sent again; ``tcp_metric`` comes with it.
        streams: called with a list of ``StreamData`` now and then while reading, off the packet path, and
            with what is left at the end; ``reassemble`` comes with it. What it raises ends reading, and is
            raised.
        limits: how much memory options may take.
        app_ports: names of applications by TCP and UDP port; they go before the last layer's.
        threads: how many are to count packets; unless given, one for each core that the process may use, and
            one for a small capture. The flows are the same, in the same order. A flow stays with the one that
            has its outermost pair of addresses, so that all that is in one tunnel is counted by one thread;
            with ``defrag``, ``raw_packets``, ``reassemble``, ``streams`` or ``max_flows``, and of what comes
            through a pipe, one counts all.
            Which flows go without something when one of ``limits`` is reached depends on the threads.
        progress: called now and then with the packet source, whose ``position`` and ``size`` are bytes.

    Raises:
        CaptureError: a path is missing or is no capture.
        FilterError: the BPF expression or ``where`` is wrong.
        OptionError: an option has a value that it cannot have.
        TableFull: there are more flows than ``max_flows``, or than there is memory for.

    """
    options = EngineOptions.checked(
        layer_key=layer_key,
        tunnels=tunnels,
        packet_statistics=packet_statistics,
        key_ids=key_ids,
        defrag=defrag,
        raw_packets=raw_packets,
        max_flows=max_flows,
        tcp_metric=tcp_metric,
        extra_layers=extra_layers,
        reassemble=reassemble if streams is None else True,
        limits=limits,
        app_ports=app_ports,
        threads=threads,
    )
    where = filter_option(where)
    filters = link_filters(bpf)
    names = text_option("node_tid", node_tid), text_option("capture_id", capture_id)
    records = Records(*names, options.filled, options.limits)
    listener = listener_option(streams)
    source = open_capture(paths, ahead=(options.threads or available_cores()) > 1)
    table = _engines(records, options, filters, listener, _threads(options, listener, source))
    outcome = table.run(source, progress)
    account = make_account(table.counts(), records, [source])
    if outcome == "no memory":
        raise TableFull(f"there is no memory for another flow after {account.flows:,} flows", account)
    if outcome == "table full":
        raise TableFull(
            f"there are more flows than the {options.max_flows or account.flows:,} allowed, "
            f"after {account.frames:,} frames; allow more, or filter",
            account,
        )
    flows = FlowSet(records, account, table.rows())
    return flows if where is None else flows.filter(where)


def filter_option(where: Filter | str | None) -> Filter | None:
    """Read a filter before a long read."""
    if where is None:
        return None
    from flowtable.query import Filter  # noqa: PLC0415 - stands on top, and is for those who ask

    if not isinstance(where, (Filter, str)):
        raise OptionError(f"where: takes a Filter or its text, not {type(where).__name__}")
    return Filter.parse(where) if isinstance(where, str) else where


def _engines(
    records: Records,
    options: EngineOptions,
    filters: LinkFilters | None,
    listener: StreamListener | None,
    threads: int,
) -> Engine | Cores:
    """Make what counts: an engine, or several that share the flows."""
    engines = [Engine(records, options, filters, listener, engines=threads) for _ in range(threads)]
    if threads == 1:
        return engines[0]
    from flowtable.table.cores import Cores  # noqa: PLC0415 - small captures do without

    return Cores(engines, options.tunnels)


def _threads(options: EngineOptions, listener: StreamListener | None, source: PacketSource) -> int:
    """Say how many threads are to count.

    It is one where the order of all packets matters: they are kept or given on in that order, or what is one
    too many for a limit (a flow, a fragment, a segment that waits) has to be the last one. A pipe is read by
    the thread that hears of Ctrl-C, since nothing else ends a wait for bytes that do not come.
    """
    in_order = options.raw_packets or options.defrag or options.reassemble or options.max_flows is not None
    if in_order or listener is not None or source.size is None:
        return 1
    if options.threads is not None:
        return options.threads
    return 1 if source.size < SMALL_CAPTURE else available_cores()
