"""Packets that are kept with their time and link type, as a flow hands them out."""

from __future__ import annotations

from binascii import b2a_base64
from dataclasses import dataclass
from typing import Any

__all__ = ["RawPacket", "RawPackets"]

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, order=True, slots=True)
class RawPacket:
    """One packet as it was captured."""

    timestamp: int
    """Unix time in ns, 0 or later."""

    index: int
    """Which packet of its flow it is, from 1 on."""

    data: bytes
    """What was captured of it."""

    link_type: int
    """What ``data`` begins with: a LINKTYPE_ number, see :class:`~flowtable.capture.link_types.LinkType`."""

    length: int | None = None
    """Bytes that it had on the wire; unless given, as many as ``data`` has."""

    def __post_init__(self) -> None:
        """Fill in the length on the wire."""
        if self.length is None:
            object.__setattr__(self, "length", len(self.data))

    def to_dict(self) -> dict[str, Any]:
        """Give the reference's names and shape: the time in ms, the bytes in base64 (RFC 4648)."""
        return {
            "Timestamp": self.timestamp // _NS_PER_MS,
            "Index": self.index,
            "Data": b2a_base64(self.data, newline=False).decode("ascii"),
            "LinkType": self.link_type,
        }


class RawPackets(tuple[RawPacket, ...]):
    """Packets in order, such as the first ones of a flow."""

    __slots__ = ()

    @property
    def link_type(self) -> int | None:
        """The link type that all have; None without packets, and where several interfaces' differ."""
        kinds = {packet.link_type for packet in self}
        return kinds.pop() if len(kinds) == 1 else None
