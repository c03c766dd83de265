"""How interfaces are captured on, whichever way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flowtable.errors import OptionError

__all__ = ["BUFFER", "SNAP", "LiveOptions"]

SNAP: Final = 262_144
"""Bytes of a frame that are kept unless said otherwise: all of it."""

BUFFER: Final = 1 << 25
"""Bytes of kernel memory in which an interface's frames wait, unless said otherwise."""

_MOST_BUFFER: Final = 1 << 30
_MOST_WAIT_MS: Final = 60_000
_SMALLEST_BLOCK: Final = 1 << 16
_FEWEST_BLOCKS: Final = 4
_OVERHEAD: Final = 4096  # bytes of a block that no frame can have


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """What is captured, and how much is kept of it; OptionError for what cannot be."""

    bpf: str | None = None
    snap: int = SNAP
    buffer: int = BUFFER
    promiscuous: bool = True
    wait_ms: int = 50

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _refuse_outside("snap", self.snap, 1, SNAP)
        _refuse_outside("buffer", self.buffer, _FEWEST_BLOCKS * self.block_size, _MOST_BUFFER)
        _refuse_outside("wait_ms", self.wait_ms, 0, _MOST_WAIT_MS)

    @property
    def block_size(self) -> int:
        """Bytes of a ring's block, a power of two that the longest frame fits into."""
        return max(_SMALLEST_BLOCK, 1 << (self.snap + _OVERHEAD - 1).bit_length())

    @property
    def blocks(self) -> int:
        """Blocks of a ring."""
        return self.buffer // self.block_size


def _refuse_outside(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise OptionError(f"{name} is {value}; it has to be {least} to {most}")
