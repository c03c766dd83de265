"""Which layers tell flows apart."""

from __future__ import annotations

from enum import IntEnum

from flowtable.errors import OptionError

__all__ = ["LayerKeyMode", "default_layer_key_mode_name"]


class LayerKeyMode(IntEnum):
    """Which layers tell flows apart.

    ``L2``: MAC addresses as well as what lies above them. ``L3``: IP addresses and what lies above, and
    MAC addresses only where there is no IP.
    """

    L2 = 0
    L3 = 1

    @classmethod
    def by_name(cls, name: LayerKeyMode | str) -> LayerKeyMode:
        """Find a mode by its name.

        Raises:
            OptionError: there is no mode of this name.

        """
        try:
            return name if isinstance(name, cls) else cls[str(name)]
        except KeyError:
            raise OptionError(f"layer_key: there is no mode {name!r}; there are L2 and L3") from None

    def __str__(self) -> str:
        """Give the name."""
        return self.name


def default_layer_key_mode_name() -> str:
    """Give the name of the mode that is used unless told otherwise."""
    return str(LayerKeyMode.L2)
