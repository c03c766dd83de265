"""The numbers of the names that flows hold, as protobuf messages have them."""

from __future__ import annotations

from enum import IntEnum

from flowtable.errors import FlowProtocolError

__all__ = ["FlowFinishType", "FlowProtocol"]


class FlowProtocol(IntEnum):
    """Protocols of a flow's layers; those from 16 on are flowtable's own."""

    ETHERNET = 0
    IPV4 = 1
    TCP = 2
    UDP = 3
    SCTP = 4
    IPV6 = 5
    ICMPV4 = 6
    ICMPV6 = 7
    UDPLITE = 16
    RUDP = 17

    @classmethod
    def by_name(cls, name: str) -> FlowProtocol:
        """Find a protocol by its name.

        Raises:
            FlowProtocolError: no flow protocol has this name.

        """
        try:
            return cls[name]
        except KeyError:
            raise FlowProtocolError(
                f"no flow protocol is called {name!r}; there are {', '.join(p.name for p in cls)}"
            ) from None


class FlowFinishType(IntEnum):
    """How a flow ended."""

    NOT_FINISHED = 0
    TIMEOUT = 1
    """No packet came for as long as the table waits."""
    TCP_FIN = 2
    TCP_RST = 3
    EVICTED = 16
    """It had to make room."""
    ACTIVE_TIMEOUT = 17
    """It has not: this is what it counted since it was cut the last time."""
    STOPPED = 18
    """The table was stopped."""
