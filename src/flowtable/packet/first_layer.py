"""What a link's frames begin with."""

from __future__ import annotations

import warnings
from typing import Final

from flowtable.capture.link_types import LinkType
from flowtable.errors import CaptureWarning
from flowtable.packet.layers import LayerType

__all__ = ["first_layer_type"]

_ETHERNET: Final = (LayerType.ETHERNET, LinkType.ETHERNET)
_BY_ENCAPSULATION: Final = {
    "ether": _ETHERNET,
    "none": (LayerType.RAW_IP, LinkType.RAW),
    "gre": (LayerType.RAW_IP, LinkType.RAW),
    "sit": (LayerType.IPV4, LinkType.IPV4),
    "ipip": (LayerType.IPV4, LinkType.IPV4),
    "tunnel6": (LayerType.IPV6, LinkType.IPV6),
    "gre6": (LayerType.IPV6, LinkType.IPV6),
}


def first_layer_type(encap_type: str) -> tuple[LayerType, LinkType]:
    """Give the first layer and the link type of an interface's encapsulation, as Linux names it.

    An encapsulation that is not known is taken for Ethernet, with a ``CaptureWarning``.
    """
    if encap_type not in _BY_ENCAPSULATION:
        warnings.warn(
            f"encapsulation {encap_type!r} is not known; taken for Ethernet", CaptureWarning, stacklevel=2
        )
    return _BY_ENCAPSULATION.get(encap_type, _ETHERNET)
