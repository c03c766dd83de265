"""Settings: the tables of a TOML file, or of a mapping that has the shape of one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flowtable.errors import OptionError

__all__ = ["TABLES", "Settings"]

TABLES: Final = ("application_ports", "networks")
"""The tables that there are; any other is a slip of the pen."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Tables by name, and what to call their source in messages."""

    source: str
    tables: Mapping[str, Any]

    @classmethod
    def load(cls, settings: str | os.PathLike[str] | Mapping[str, Any]) -> Settings:
        """Read a TOML file (https://toml.io), or take a mapping.

        Raises:
            OptionError: the file cannot be read or is no TOML, or there is a table that flowtable does not
                have; says which.

        """
        if isinstance(settings, Mapping):
            loaded = cls("settings", settings)
        elif isinstance(settings, (str, os.PathLike)):
            path = os.fsdecode(settings)
            loaded = cls(path if path.isprintable() else ascii(path), _read(path))
        else:
            raise OptionError(f"settings: takes a path or a mapping, not {type(settings).__name__}")
        for name in loaded.tables:
            if name not in TABLES:
                raise OptionError(
                    f"{loaded.source}: there is no table {name!r}; there are {', '.join(TABLES)}"
                )
        return loaded

    def table(self, *names: str) -> Mapping[str, Any]:
        """Give a table, or one inside another; what is not there is empty.

        Raises:
            OptionError: it is no table.

        """
        inside: Any = self.tables
        for depth, name in enumerate(names, start=1):
            inside = inside.get(name, {})
            if not isinstance(inside, Mapping):
                raise OptionError(f"{self.place(*names[:depth])} is a table, and not {inside!r}")
        found: Mapping[str, Any] = inside
        return found

    def place(self, *names: str) -> str:
        """Say where a table is, for messages."""
        return f"{self.source}: [{'.'.join(names)}]"


def _read(path: str) -> Mapping[str, Any]:
    import tomllib  # noqa: PLC0415 - slow to import

    try:
        with open(path, "rb") as file:  # noqa: PTH123 - takes every path that open() takes
            return tomllib.load(file)
    except OSError as error:
        raise OptionError(f"{path!r} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, or a null byte in the path
        raise OptionError(f"{path!r} is no TOML: {error}") from error
