"""What flows know of ICMP messages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["ICMPType", "ICMPv4", "ICMPv6"]


class ICMPType(IntEnum):
    """What a flow calls an ICMP message: the same name for a request and its answer, in IPv4 and IPv6."""

    UNKNOWN = 0
    DESTINATION_UNREACHABLE = 1
    ECHO = 2
    NEIGHBOR = 3
    ADDRESS_MASK = 4
    INFO = 5
    PARAMETER_PROBLEM = 6
    REDIRECT = 7
    ROUTER = 8
    SOURCE_QUENCH = 9
    TIME_EXCEEDED = 10
    TIMESTAMP = 11
    PACKET_TOO_BIG = 12


@dataclass(frozen=True, slots=True)
class ICMPv4:
    """An ICMP message over IPv4: bytes 4 and 5 are its id, whatever its type."""

    type: ICMPType
    code: int
    id: int


@dataclass(frozen=True, slots=True)
class ICMPv6:
    """An ICMP message over IPv6: only echoes have an id."""

    type: ICMPType
    code: int
    id: int
