"""How frames become flows: the options of a table, checked once."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from flowtable.capture.bpf import LinkFilters
from flowtable.errors import OptionError
from flowtable.flow.extras import EXTRA_BYTES
from flowtable.flow.schema import EXTRA_LAYERS
from flowtable.packet import TUNNELS, LayerKeyMode
from flowtable.packet._decode import check_tunnels
from flowtable.table.application_ports import ApplicationPortMap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowtable.table.streams import StreamListener

__all__ = ["FILLING", "EngineOptions", "Limits", "listener_option", "text_option"]

FILLING: Final = ("packet_statistics", "tcp_metric", "reassemble", "extra_layers", "defrag", "raw_packets")
"""Names of the options that fill fields of flows."""
MOST_THREADS: Final = 256
"""Threads that can be asked for."""
MOST_RAW_PACKETS: Final = 65_535
"""Packets that a flow can be told to keep; they are numbered with 16 bits."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much memory options may take, in bytes; what is over is left out, and counted by name."""

    statistics_bytes: int = 1 << 30
    """Sizes of packets and times between them: 128 bytes a flow; flows begun later are without."""
    fragment_bytes: int = 64 << 20
    """IP fragments that wait for others; when there is no room, the oldest datagram goes."""
    fragment_datagrams: int = 65_536
    """Datagrams that wait for fragments; likewise."""
    fragment_seconds: int = 30
    """Time from a datagram's first fragment, by the packets' own times, after which it goes."""

    tcp_bytes: int = 1 << 30
    """What ``tcp_metric`` and ``reassemble`` keep of all connections; flows that begin later have none."""
    raw_packet_bytes: int = 256 << 20
    """Raw packets, with 40 bytes for each beside its frame; at most 32 GiB. Later ones are not kept."""

    message_bytes: int = 1 << 26
    """Messages that ``extra_layers`` keeps, of all flows together."""

    extra_bytes: int = EXTRA_BYTES
    """What enhancers add to all flows: 224 bytes a flow, and each text with some 60 bytes beside it."""

    stream_bytes: int = 1 << 20
    """Segments of one side of a connection that wait for a gap to be filled; then the gap is given up."""

    streams_bytes: int = 1 << 28
    """Segments that wait, of all connections."""

    stream_gaps: int = 128
    """No bytes, but gaps: how many one side may have before the first one is given up; 1,024 stand for more,
    since a segment's place is looked for among them."""

    def __post_init__(self) -> None:
        """Refuse what is no limit."""
        for limit in fields(self):
            value = getattr(self, limit.name)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
                raise OptionError(f"limits: {limit.name} takes a number from 0 to 2**63 - 1, not {value!r}")


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Options in the forms that the engine takes."""

    layer_key: LayerKeyMode = LayerKeyMode.L2
    tunnels: tuple[str, ...] = TUNNELS
    packet_statistics: bool = False
    key_ids: bool = False
    defrag: bool = False
    raw_packets: int = 0
    max_flows: int | None = None
    tcp_metric: bool = False
    extra_layers: tuple[str, ...] = ()
    reassemble: bool = False
    limits: Limits = Limits()
    app_ports: ApplicationPortMap | None = None
    threads: int | None = None

    @classmethod
    def checked(  # noqa: PLR0913 - options, by name only
        cls,
        *,
        layer_key: LayerKeyMode | str,
        tunnels: Iterable[str],
        packet_statistics: bool,
        key_ids: bool,
        defrag: bool,
        raw_packets: int,
        max_flows: int | None,
        tcp_metric: bool,
        extra_layers: Iterable[str],
        reassemble: bool,
        limits: Limits | None,
        app_ports: ApplicationPortMap | None,
        threads: int | None,
    ) -> EngineOptions:
        """Take options as users give them.

        Raises:
            OptionError: an option has a value that it cannot have.

        """
        return cls(
            layer_key=LayerKeyMode.by_name(layer_key),
            tunnels=_tunnels(tunnels),
            packet_statistics=_switch("packet_statistics", packet_statistics),
            key_ids=_switch("key_ids", key_ids),
            defrag=_switch("defrag", defrag),
            raw_packets=_raw_packets(raw_packets),
            max_flows=_limit(max_flows),
            tcp_metric=_switch("tcp_metric", tcp_metric) or reassemble,
            reassemble=_switch("reassemble", reassemble),
            extra_layers=_extra_layers(extra_layers),
            limits=_limits(limits),
            app_ports=_app_ports(app_ports),
            threads=_threads(threads),
        )

    @property
    def filled(self) -> frozenset[str]:
        """Names of the options in use that fill fields of flows."""
        return frozenset(name for name in FILLING if getattr(self, name))


def text_option(option: str, value: str) -> str:
    """Take a text that goes into flows."""
    if not isinstance(value, str):
        raise OptionError(f"{option}: takes a text, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise OptionError(f"{option}: {value!r} cannot be written as UTF-8") from error
    return value


def link_filters(bpf: str | None) -> LinkFilters | None:
    """Take an expression that chooses frames; none, or an empty one, takes all.

    Raises:
        FilterError: it is wrong.

    """
    expression = "" if bpf is None else text_option("bpf", bpf)
    return LinkFilters(expression) if expression.strip() else None


def _names(option: str, value: Iterable[str], such_as: tuple[str, ...]) -> tuple[str, ...]:
    several = hasattr(value, "__iter__") and not isinstance(value, str)
    names = tuple(value) if several else ()
    if not several or not all(isinstance(name, str) for name in names):
        raise OptionError(f"{option}: takes several names, such as {such_as!r}, not {value!r}")
    return names


def _tunnels(names: Iterable[str]) -> tuple[str, ...]:
    wanted = _names("tunnels", names, ("gre", "vxlan"))
    check_tunnels(wanted)
    return wanted


def _switch(option: str, value: bool) -> bool:  # noqa: FBT001 - the value of an option that is on or off
    if not isinstance(value, bool):
        raise OptionError(f"{option}: takes True or False, not {value!r}")
    return value


def _extra_layers(names: Iterable[str]) -> tuple[str, ...]:
    wanted = _names("extra_layers", names, EXTRA_LAYERS)
    for name in wanted:
        if name not in EXTRA_LAYERS:
            raise OptionError(
                f"extra_layers: there is no extra layer {name!r}; there are {', '.join(EXTRA_LAYERS)}"
            )
    return wanted


def number_of_flows(max_flows: int) -> int:
    """Take the number of flows that a live table has room for."""
    if not isinstance(max_flows, int) or isinstance(max_flows, bool) or max_flows < 1:
        raise OptionError(f"max_flows: takes a number of flows, 1 or more, not {max_flows!r}")
    return max_flows


def _limit(max_flows: int | None) -> int | None:
    if max_flows is not None and (not isinstance(max_flows, int) or max_flows < 0):
        raise OptionError(f"max_flows: takes a number of flows, 0 or more, not {max_flows!r}")
    return max_flows


def listener_option(streams: StreamListener | None) -> StreamListener | None:
    """Take what listens to streams."""
    if streams is not None and not callable(streams):
        raise OptionError(f"streams: takes a function of a list of StreamData, not {type(streams).__name__}")
    return streams


def _raw_packets(number: int) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MOST_RAW_PACKETS:
        raise OptionError(
            f"raw_packets: takes a number of packets, 0 to {MOST_RAW_PACKETS:,}, not {number!r}"
        )
    return number


def _threads(threads: int | None) -> int | None:
    if threads is not None and (
        not isinstance(threads, int) or isinstance(threads, bool) or not 1 <= threads <= MOST_THREADS
    ):
        raise OptionError(f"threads: takes a number from 1 to {MOST_THREADS}, not {threads!r}")
    return threads


def available_cores() -> int:
    """Count the cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_THREADS)


def _limits(limits: Limits | None) -> Limits:
    if limits is not None and not isinstance(limits, Limits):
        raise OptionError(f"limits: takes a flowtable.Limits, not {type(limits).__name__}")
    return limits or Limits()


def _app_ports(app_ports: ApplicationPortMap | None) -> ApplicationPortMap | None:
    if app_ports is not None and not isinstance(app_ports, ApplicationPortMap):
        raise OptionError(f"app_ports: takes an ApplicationPortMap, not {type(app_ports).__name__}")
    return app_ports
