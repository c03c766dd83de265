"""Countries, cities and autonomous systems of addresses, from databases that the user has."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from flowtable.enhance._ends import CACHED_ADDRESSES, add_by_address
from flowtable.enhance.enhancer import Enhancer
from flowtable.errors import ExtraMissing, OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flowtable.flow import Flow

__all__ = ["GEOIP_FIELDS", "GeoIP"]

GEOIP_FIELDS: Final[Mapping[str, str]] = {
    "Country": "country.iso_code",
    "City": "city.names.en",
    "Asn": "autonomous_system_number",
    "Organisation": "autonomous_system_organization",
}
"""What is added of each end, and where it stands in a record of MaxMind's own databases."""

_MALFORMED: Final = (RuntimeError, LookupError, TypeError, ValueError, ArithmeticError, struct.error)
"""What reading a file raises that is no database, or a broken one."""


class GeoIP(Enhancer):
    """Adds ``CountryA``, ``CityA``, ``AsnA``, ``OrganisationA`` and the same of B, as far as databases know.

    Takes the path of a MaxMind DB file, whoever has made it, or of several. ``fields`` are what is added, and
    where it stands in the files' records: ``{"Country": "country_code"}``. The first file that has it counts.
    Files are read into memory as a whole: one that is replaced meanwhile does no harm. Each look-up takes
    some 50 µs, and the last 65,536 addresses are remembered.

    Raises:
        ExtraMissing: maxminddb is not installed.
        OptionError: a file cannot be read, or is no such database.

    """

    name = "geoip"

    def __init__(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        fields: Mapping[str, str] = GEOIP_FIELDS,
    ) -> None:
        self._paths = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
        self._fields = {name: path.split(".") for name, path in fields.items()}
        self._readers: list[Any] = []
        self._look_up = lru_cache(CACHED_ADDRESSES)(self._find)
        if not self._paths:
            raise OptionError("GeoIP: takes the path of a database, or several, and there is none")
        self.start()

    def start(self) -> None:
        """Read the files, unless they have been."""
        if not self._readers:
            self._readers = [_opened(path) for path in self._paths]

    def stop(self) -> None:
        """Let go of the files, and of what was remembered."""
        for reader in self._readers:
            reader.close()
        self._readers = []
        self._look_up.cache_clear()

    def enhance(self, flow: Flow) -> None:
        """Add what is known of both ends."""
        add_by_address(flow, self._look_up)

    def _find(self, address: str) -> Mapping[str, str]:
        version = 6 if ":" in address else 4
        known = [r for r in self._readers if version <= r.metadata().ip_version]
        records = [record for reader in known if (record := reader.get(address)) is not None]
        found = {name: _first(records, path) for name, path in self._fields.items()}
        return {name: text for name, text in found.items() if text}


def _first(records: Sequence[object], path: Sequence[str]) -> str:
    """Give the text or number that stands somewhere in one of some records; empty if there is none."""
    for record in records:
        at: object = record
        for step in path:
            at = at.get(step) if isinstance(at, Mapping) else None
        if isinstance(at, (str, int, float)) and at != "":
            return str(at)
    return ""


def _opened(path: str | os.PathLike[str]) -> Any:
    try:
        import maxminddb  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ExtraMissing("GeoIP needs maxminddb: pip install 'flowtable[geoip]'") from error
    name = os.fsdecode(path)
    shown = name if name.isprintable() else ascii(name)
    try:
        return maxminddb.open_database(name, maxminddb.MODE_MEMORY)
    except OSError as error:
        raise OptionError(f"{shown!r} cannot be read: {error.strerror}") from error
    except _MALFORMED as error:
        raise OptionError(f"{shown!r} is no MaxMind DB: {error}") from error
