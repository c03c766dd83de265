"""Names of networks, as the user gives them."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final

from flowtable.config import Settings
from flowtable.enhance._ends import CACHED_ADDRESSES, add_by_address
from flowtable.enhance.enhancer import Enhancer
from flowtable.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowtable.flow import Flow

__all__ = ["NetworkNames"]

_TABLE: Final = "networks"
_NOTHING: Final[Mapping[str, str]] = {}


class NetworkNames(Enhancer):
    """Adds ``NetworkA`` and ``NetworkB``: the name of the smallest network that has the end's address.

    Takes names by network, ``{"10.0.0.0/8": "office", "fd00::/8": "lab"}``, or a file that has them: TOML
    with a table ``[networks]``, or CSV (``.csv``) with a network and a name in each line.

    Raises:
        OptionError: the file cannot be read, or something is no network; says where.

    """

    name = "network-names"

    def __init__(self, networks: Mapping[str, str] | str | os.PathLike[str]) -> None:
        self._names: dict[int, dict[int, dict[int, str]]] = {4: {}, 6: {}}
        for place, network, name in _rows(networks):
            self._put(place, _network(place, network), name)
        for version, by_length in self._names.items():  # the longest first
            self._names[version] = dict(sorted(by_length.items(), reverse=True))
        self._look_up = lru_cache(CACHED_ADDRESSES)(self._find)

    def __len__(self) -> int:
        """Count the networks."""
        return sum(len(names) for by_length in self._names.values() for names in by_length.values())

    def enhance(self, flow: Flow) -> None:
        """Name the networks of both ends."""
        add_by_address(flow, self._look_up)

    def _put(self, place: str, network: IPv4Network | IPv6Network, name: object) -> None:
        if not isinstance(name, str) or not name.strip():
            raise OptionError(f"{place}: the name of {network} is a text, and not {name!r}")
        names = self._names[network.version].setdefault(network.prefixlen, {})
        prefix = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        if prefix in names:
            raise OptionError(f"{place}: {network} has two names: {names[prefix]!r} and {name!r}")
        names[prefix] = name.strip()

    def _find(self, text: str) -> Mapping[str, str]:
        address = ip_address(text)
        bits = int(address)
        for length, names in self._names[address.version].items():
            name = names.get(bits >> (address.max_prefixlen - length))
            if name is not None:
                return {"Network": name}
        return _NOTHING


def _rows(networks: Mapping[str, str] | str | os.PathLike[str]) -> Iterator[tuple[str, object, object]]:
    """Give each network and its name, with the place where they stand."""
    if not isinstance(networks, (Mapping, str, os.PathLike)):
        raise OptionError(f"NetworkNames: takes a mapping or a path, not {type(networks).__name__}")
    if isinstance(networks, (str, os.PathLike)) and os.fsdecode(networks).lower().endswith(".csv"):
        yield from _csv_rows(os.fsdecode(networks))
        return
    settings = Settings.load({_TABLE: networks} if isinstance(networks, Mapping) else networks)
    for network, name in settings.table(_TABLE).items():
        yield settings.place(_TABLE), network, name


def _csv_rows(path: str) -> Iterator[tuple[str, object, object]]:
    """Read a network and a name from each line; empty lines and those that begin with # have none."""
    shown = path if path.isprintable() else ascii(path)
    for number, row in _csv_lines(path, shown):
        if not row or row[0].startswith("#"):
            continue
        if len(row) != 2:
            raise OptionError(f"{shown}, line {number}: takes a network and a name, not {len(row)} columns")
        yield f"{shown}, line {number}", row[0].strip(), row[1]


def _csv_lines(path: str, shown: str) -> list[tuple[int, list[str]]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:  # noqa: PTH123 - takes what open() takes
            reader = csv.reader(file, strict=True)
            return [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise OptionError(f"{shown!r} cannot be read: {error.strerror}") from error
    except (csv.Error, ValueError) as error:  # no CSV, no UTF-8, or a null byte in the path
        raise OptionError(f"{shown!r} is no CSV: {error}") from error


def _network(place: str, text: object) -> IPv4Network | IPv6Network:
    try:
        if isinstance(text, str):
            return ip_network(text)
    except ValueError as error:
        raise OptionError(f"{place}: {error}") from None
    raise OptionError(f"{place}: {text!r} is no network, such as '10.0.0.0/8' or 'fd00::/8'")
