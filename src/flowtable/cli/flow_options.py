"""How packets become flows, as options of every command that makes some."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from flowtable.cli.arguments import whole_number
from flowtable.errors import OptionError
from flowtable.flow.schema import EXTRA_LAYERS
from flowtable.packet import TUNNELS
from flowtable.table import ApplicationPortMap
from flowtable.table.options import FILLING

if TYPE_CHECKING:
    from typing import Any

__all__ = ["add_flow_options", "add_timers", "filling", "flow_options", "seconds", "timers"]


def add_flow_options(group: argparse._ArgumentGroup, *, kept: str = "none") -> None:
    """Add the options that :func:`flow_options` gives; ``kept`` is how many packets are unless it is said."""
    add = group.add_argument
    add("-f", "--filter", metavar="BPF", help="count only frames that match, as in tcpdump")
    add(
        "--layer-key",
        metavar="L2|L3",
        default="L2",
        help="tell flows apart by MAC addresses too (L2, the default)"
        ", or by IP addresses where there are some (L3)",
    )
    add(
        "--tunnels",
        metavar="NAMES",
        type=_names,
        default=TUNNELS,
        help=f"tunnels to look into, with commas between them, or none; the default is {','.join(TUNNELS)}",
    )
    add(
        "--packet-statistics",
        action="store_true",
        help="measure sizes of packets and the times between them",
    )
    add("--key-ids", action="store_true", help="tell flows apart by VLAN ids and GRE keys as well")
    add(
        "--extra-layers",
        metavar="NAMES",
        type=_names,
        default=(),
        help=f"messages to keep with flows, with commas between them: {','.join(EXTRA_LAYERS)}",
    )
    add("--defrag", action="store_true", help="put IP fragments together, and count whole datagrams")
    add(
        "--raw-packets",
        metavar="N",
        type=whole_number,
        help=f"keep N packets of each flow ({kept}, unless given)",
    )
    add("--node-tid", metavar="ID", default="", help="id of the node captured on, a part of flows' UUIDs")
    add("--capture-id", metavar="ID", default="", help="id of the capture, which flows carry")
    add("--app-ports", metavar="TOML", help="call applications by port: a file with [application_ports]")
    add("--tcp-metric", action="store_true", help="keep the times of SYN, FIN and RST each way")
    add("--reassemble", action="store_true", help="count what TCP streams lack or send again")


def flow_options(options: argparse.Namespace) -> dict[str, Any]:
    """Give what was chosen as ``flowtable.read``, ``flowtable.scan`` and ``TableOpts`` take it.

    Raises:
        OptionError: the file of ports names none.

    """
    return {
        "layer_key": options.layer_key,
        "tunnels": options.tunnels,
        "packet_statistics": options.packet_statistics,
        "key_ids": options.key_ids,
        "defrag": options.defrag,
        "raw_packets": options.raw_packets or 0,
        "app_ports": _app_ports(options.app_ports),
        "tcp_metric": options.tcp_metric,
        "extra_layers": options.extra_layers,
        "reassemble": options.reassemble,
    }


def filling(options: argparse.Namespace) -> frozenset[str]:
    """Give the names of the options given that fill fields of flows."""
    return frozenset(name for name in FILLING if getattr(options, name, False))


def add_timers(group: argparse._ArgumentGroup) -> None:
    """Add the options that :func:`timers` gives; None where they are not given."""
    add = group.add_argument
    add("--idle", metavar="SECONDS", type=seconds, help="without a packet, a flow ends (600)")
    add(
        "--active",
        metavar="SECONDS",
        type=seconds,
        help="write what a flow has counted as a record of its own, again and again (never)",
    )
    add("--hold", metavar="SECONDS", type=seconds, help="wait for late packets behind FIN or RST (15)")


def timers(options: argparse.Namespace) -> dict[str, float]:
    """Give the times that were chosen, as ``flowtable.scan`` takes them."""
    chosen = {name: getattr(options, name) for name in ("idle", "active", "hold")}
    return {name: value for name, value in chosen.items() if value is not None}


def seconds(text: str) -> float:
    """Take a time, as argparse wants it."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def _names(text: str) -> tuple[str, ...]:
    return () if text == "none" else tuple(name.strip() for name in text.split(","))


def _app_ports(path: str | None) -> ApplicationPortMap | None:
    ports = None if path is None else ApplicationPortMap.from_config(path)
    if ports is not None and not len(ports):
        raise OptionError(f"--app-ports: {path} names no port in [application_ports.tcp] or [….udp]")
    return ports
