"""Compression: which one a file's first bytes tell of, and decoders that unpack in bounded steps.

The modules behind them are imported when a file needs them.
"""

from __future__ import annotations

import importlib
import sys
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Codec", "Decoder", "codec_of"]

MEMORY = 1 << 27
"""Bytes that a decoder may take for its window: what `zstd` allows by itself, twice what `xz -9` needs."""


class Decoder(Protocol):
    """One member's decoder, as bz2, lzma and zstd have it."""

    @property
    def eof(self) -> bool:
        """Whether the member is at its end; what came after it is in `unused_data`."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes without further packed bytes."""

    @property
    def unused_data(self) -> bytes:
        """What was given of the bytes after the member."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take packed bytes, give at most `max_length` unpacked ones."""


class Gunzip:
    """zlib's decoder in the shape of the others."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        """Whether the member is at its end."""
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        """What was given of the bytes after the member."""
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take packed bytes, give at most `max_length` unpacked ones."""
        out = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        # A full buffer may hide more output that needs no input, so it is asked for once more.
        self.needs_input = len(out) < max_length and not self._zlib.unconsumed_tail
        return out


def _bunzip() -> Decoder:
    return cast("Decoder", importlib.import_module("bz2").BZ2Decompressor())


def _unxz() -> Decoder:
    lzma = importlib.import_module("lzma")
    return cast("Decoder", lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=MEMORY))


def _unzstd() -> Decoder:
    zstd = importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    limit = {zstd.DecompressionParameter.window_log_max: MEMORY.bit_length() - 1}
    return cast("Decoder", zstd.ZstdDecompressor(options=limit))


@dataclass(frozen=True, slots=True)
class Codec:
    """One kind of compression."""

    name: str
    decoder: Callable[[], Decoder]
    padded: bool = False
    """Whether zero bytes may follow a member, as tapes and `xz` leave them."""

    fast: bool = False
    """Whether unpacking takes no longer than what is done with it, so that another thread would not help."""


_GZIP = Codec("gzip", Gunzip, padded=True)
_BZIP2 = Codec("bzip2", _bunzip)
_XZ = Codec("xz", _unxz, padded=True)
_ZSTD = Codec("zstd", _unzstd, fast=True)


def codec_of(head: bytes) -> Codec | None:
    """Tell a file's compression by its first bytes; None: none that is known.

    Magic numbers: RFC 1952, the bzip2 and xz formats' own documents, RFC 8878 (a zstd file may begin
    with a skippable frame).
    """
    if head.startswith(b"\x1f\x8b"):
        return _GZIP
    if head.startswith(b"BZh"):
        return _BZIP2
    if head.startswith(b"\xfd7zXZ\0"):
        return _XZ
    skippable = len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5
    return _ZSTD if skippable or head.startswith(b"\x28\xb5\x2f\xfd") else None
