"""The checksums that builders fill in."""

from __future__ import annotations

__all__ = ["crc32", "crc32c", "fletcher16", "internet_checksum"]

from zlib import crc32


def internet_checksum(data: bytes) -> int:
    """Give the one's complement of the one's complement sum of 16-bit words (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def _crc32c_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC32C = _crc32c_table()


def crc32c(data: bytes) -> int:
    """Give the Castagnoli CRC that SCTP uses (RFC 9260, appendix A)."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _CRC32C[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def fletcher16(data: bytes, position: int) -> int:
    """Give the ISO checksum that makes both sums of ``data`` zero (RFC 905, annex B; OSPF's LSAs).

    It is meant for the two bytes at ``position``, which count as zero whatever they hold.
    """
    data = data[:position] + b"\0\0" + data[position + 2 :]
    first = sum(data) % 255
    second = sum((len(data) - at) * byte for at, byte in enumerate(data)) % 255
    x = ((len(data) - position - 1) * first - second) % 255 or 255
    y = (510 - first - x) % 255 or 255
    return x << 8 | y
