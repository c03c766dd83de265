"""Applications by the port that they use, as users name them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

from flowtable.config import Settings
from flowtable.errors import OptionError

if TYPE_CHECKING:
    import os

__all__ = ["ApplicationPortMap"]

LONGEST_NAME: Final = 64
"""Characters."""
MOST_NAMES: Final = 32_768
_TABLE: Final = "application_ports"
_TRANSPORTS: Final = ("tcp", "udp")


class ApplicationPortMap:
    """Names of applications by TCP and UDP port, in capitals: ``ApplicationPortMap(tcp={8443: "webmail"})``.

    A flow is called by the port of its first packet's source, else by that of its destination.
    """

    def __init__(self, tcp: Mapping[int, str] | None = None, udp: Mapping[int, str] | None = None) -> None:
        """Take names by port.

        Raises:
            OptionError: a port is no number from 0 to 65,535, a name is empty, too long or does not print,
                or there are too many.

        """
        self.tcp: Mapping[int, str] = _checked("tcp", {} if tcp is None else tcp)
        self.udp: Mapping[int, str] = _checked("udp", {} if udp is None else udp)
        if len({*self.tcp.values(), *self.udp.values()}) > MOST_NAMES:
            raise OptionError(f"there are more than {MOST_NAMES:,} names of applications")

    @classmethod
    def from_config(cls, settings: str | os.PathLike[str] | Mapping[str, Any]) -> Self:
        """Take the table ``application_ports`` of a TOML file, or of a mapping that has its shape.

        ::

            [application_ports.tcp]
            8443 = "webmail"

        Raises:
            OptionError: the file cannot be read or is no TOML, or something in it cannot be; says which file,
                table and key.

        """
        loaded = Settings.load(settings)
        for name in loaded.table(_TABLE):
            if name not in _TRANSPORTS:
                raise OptionError(f"{loaded.place(_TABLE)} has tables tcp and udp, and no {name!r}")
        return cls(
            *(_by_number(loaded.place(_TABLE, name), loaded.table(_TABLE, name)) for name in _TRANSPORTS)
        )

    def application(self, transport: str, source: int, destination: int) -> str | None:
        """Give the name for a packet of ``"TCP"`` or ``"UDP"`` with these ports; None without one."""
        by_port = {"TCP": self.tcp, "UDP": self.udp}.get(transport, {})
        return by_port.get(source) or by_port.get(destination)

    def __len__(self) -> int:
        """Count the ports that have a name."""
        return len(self.tcp) + len(self.udp)

    def __eq__(self, other: object) -> bool:
        """Maps are equal if they give the same names."""
        if not isinstance(other, ApplicationPortMap):
            return NotImplemented
        return (self.tcp, self.udp) == (other.tcp, other.udp)

    __hash__ = None  # type: ignore[assignment]  # compared by what it holds

    def __repr__(self) -> str:
        """Say what it was made of."""
        return f"ApplicationPortMap(tcp={dict(self.tcp)!r}, udp={dict(self.udp)!r})"


def _checked(where: str, ports: Mapping[int, str]) -> Mapping[int, str]:
    if not isinstance(ports, Mapping):
        raise OptionError(f"{where}: takes a mapping of ports to names, not {type(ports).__name__}")
    for port in ports:
        if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= 65535:
            raise OptionError(f"{where}: a port is a number from 0 to 65,535, and not {port!r}")
    return MappingProxyType({port: _name(f"{where}: port {port}", name) for port, name in ports.items()})


def _name(where: str, name: object) -> str:
    if not isinstance(name, str):
        raise OptionError(f"{where}: a name is a text, and not {name!r}")
    capitals = name.strip().upper()
    if not 0 < len(capitals) <= LONGEST_NAME or not capitals.isprintable():
        raise OptionError(
            f"{where}: a name has 1 to {LONGEST_NAME} characters that print, and is not {name!a}"
        )
    return capitals


def _by_number(place: str, table: Mapping[Any, Any]) -> dict[int, str]:
    """Give a table with numbers for keys: those of TOML are texts."""
    return dict(_checked(place, {_number(key): name for key, name in table.items()}))


def _number(key: object) -> Any:
    """Give the number that a key spells as numbers are written; any other key as it is, to be refused."""
    is_number = isinstance(key, str) and key.isascii() and key.isdigit() and str(int(key[:5])) == key
    return int(key) if is_number and isinstance(key, str) else key
