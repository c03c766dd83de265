"""What a TCP connection's two sides sent, for someone who listens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StreamData", "StreamEnds", "StreamListener", "TCPAssemblerStream"]


class StreamEnds(NamedTuple):
    """The ends of a connection: addresses and ports. A sent the first packet that was seen."""

    a: tuple[str, int]
    b: tuple[str, int]


class StreamData(NamedTuple):
    """Bytes that one side of a connection sent, those of a side in order."""

    flow: Any
    """The connection: a ``Flow``, whose counts go on changing while a capture is read, and which other
    threads may look at meanwhile; of a ``TCPAssembler`` the flow registered for it, or its ``StreamEnds``."""
    side: str
    """``"A"`` or ``"B"``: who sent them."""
    data: bytes
    """The payload of one segment, or what is new of it; empty with an end, or after a last gap."""
    skipped: int
    """Bytes that are missing before these: lost, over a limit, or not captured; -1: nobody knows."""
    start: bool
    """Nothing came before: the SYN was seen."""
    end: bool
    """Nothing follows: a FIN or a reset was seen. More may follow a reset that its receiver did not heed."""
    time: int
    """When the segment was captured, Unix ns."""


StreamListener: TypeAlias = "Callable[[list[StreamData]], object]"
"""What ``read(streams=…)`` takes: it is called with what came since the last time."""


class TCPAssemblerStream(ABC):
    """Who listens to one connection of a ``TCPAssembler``: a class of your own that inherits from this."""

    @abstractmethod
    def reassembled(self, data: list[StreamData]) -> None:
        """Take what came next of either side."""

    @abstractmethod
    def reassembly_complete(self) -> None:
        """Nothing more comes: both sides sent FIN, one reset, or the assembler was flushed."""
