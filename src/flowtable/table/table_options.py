"""Options of live tables as objects, with the reference's spellings beside our own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping  # noqa: TC003 - public annotations resolve at run time
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from flowtable.errors import OptionError
from flowtable.packet import TUNNELS, LayerKeyMode
from flowtable.table.application_ports import ApplicationPortMap  # noqa: TC001
from flowtable.table.options import EngineOptions, Limits

__all__ = ["FlowOpts", "FlowUUIDs", "TableOpts"]


class _Aliased:
    """Options that can be given, and read, by the reference's names as well."""

    ALIASES: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def of(cls, **options: Any) -> Self:
        """Take options by either name.

        Raises:
            OptionError: there is no such option, or one is given by both of its names.

        """
        names = [cls.ALIASES.get(name, name) for name in options]
        known = {each.name for each in fields(cls)}  # type: ignore[arg-type]  # those below are dataclasses
        for given, name in zip(options, names, strict=True):
            if name not in known:
                raise OptionError(
                    f"{cls.__name__} has no option {given!r}; it has {', '.join(sorted(known))}"
                )
            if names.count(name) > 1:
                raise OptionError(f"{cls.__name__}: {name} is given twice, by both of its names")
        return cls(**dict(zip(names, options.values(), strict=True)))

    def __getattr__(self, name: str) -> Any:
        if name in type(self).ALIASES:
            return getattr(self, type(self).ALIASES[name])
        raise AttributeError(f"{type(self).__name__} has no option {name!r}")


@dataclass(frozen=True, kw_only=True)
class FlowOpts(_Aliased):
    """How packets become flows: what of :class:`TableOpts` one flow needs."""

    ALIASES: ClassVar[Mapping[str, str]] = {
        "ip_defrag": "defrag",
        "layer_key_mode": "layer_key",
        "app_port_map": "app_ports",
    }

    tcp_metric: bool = False
    defrag: bool = False
    layer_key: LayerKeyMode | str = "L2"
    app_ports: ApplicationPortMap | None = None


@dataclass(frozen=True, kw_only=True)
class FlowUUIDs:
    """Where flows are from: these go into the flows, and ``node_tid`` into their UUIDs."""

    parent_uuid: str = ""
    l2_id: int = 0
    l3_id: int = 0
    node_tid: str = ""
    capture_id: str = ""


@dataclass(frozen=True, kw_only=True)
class TableOpts(_Aliased):
    """How a table makes flows: the options of ``read`` of the same names."""

    ALIASES: ClassVar[Mapping[str, str]] = {
        "raw_packet_limit": "raw_packets",
        "extra_tcp_metric": "tcp_metric",
        "ip_defrag": "defrag",
        "reassemble_tcp": "reassemble",
        "layer_key_mode": "layer_key",
        "app_port_map": "app_ports",
    }

    layer_key: LayerKeyMode | str = "L2"
    tunnels: Iterable[str] = TUNNELS
    packet_statistics: bool = False
    key_ids: bool = False
    defrag: bool = False
    raw_packets: int = 0
    tcp_metric: bool = False
    extra_layers: Iterable[str] = ()
    reassemble: bool = False
    limits: Limits | None = None
    app_ports: ApplicationPortMap | None = None

    def checked(self, max_flows: int | None) -> EngineOptions:
        """Give them in the forms that the engine takes.

        Raises:
            OptionError: an option has a value that it cannot have.

        """
        options = {each.name: getattr(self, each.name) for each in fields(self)}
        return EngineOptions.checked(**options, max_flows=max_flows, threads=1)
