"""Captures as bytes, built field by field, and a few ways to read them."""

import struct
import warnings
from pathlib import Path

from flowtable.capture import open_capture
from flowtable.errors import CaptureWarning

MICRO, NANO, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
MAX_TIME = 2**63 - 1


def pcap(records, *, order="<", magic=MICRO, version=(2, 4), snap=65535, network=1):  # noqa: PLR0913  # one a field
    """`records` are (seconds, fraction, data) or (seconds, fraction, data, length)."""
    header = struct.pack(order + "IHHiIII", magic, *version, 0, 0, snap, network)
    wire_first = version[0] == 543 or version < (2, 3)
    return header + b"".join(
        pcap_record(*record, order=order, magic=magic, wire_first=wire_first) for record in records
    )


def pcap_record(  # noqa: PLR0913  # one a field
    seconds, fraction, data, length=None, captured=None, *, order="<", magic=MICRO, wire_first=False
):
    lengths = (len(data) if captured is None else captured, len(data) if length is None else length)
    lengths = lengths[::-1] if wire_first else lengths
    extra = bytes(8) if magic == MODIFIED else b""
    return struct.pack(order + "IIII", seconds, fraction, *lengths) + extra + data


def block(kind, body, *, order="<", trailer=None, length=None):
    body += bytes(-len(body) % 4)
    total = len(body) + 12 if length is None else length
    return (
        struct.pack(order + "II", kind, total)
        + body
        + struct.pack(order + "I", total if trailer is None else trailer)
    )


def section(*, order="<", version=(1, 0), options=b""):
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, *version, -1) + options, order=order)


def option(code, value, *, order="<"):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(link_type=1, snap=0, *, order="<", resolution=None, offset=None, options=b""):  # noqa: PLR0913  # one a field
    if resolution is not None:
        options += option(9, bytes([resolution]), order=order)
    if offset is not None:
        options += option(14, struct.pack(order + "q", offset), order=order)
    if options:
        options += option(0, b"", order=order)
    return block(1, struct.pack(order + "HHI", link_type, 0, snap) + options, order=order)


def enhanced(ticks, data, number=0, *, order="<", length=None, captured=None, options=b""):  # noqa: PLR0913  # one a field
    lengths = (len(data) if captured is None else captured, len(data) if length is None else length)
    fixed = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, *lengths)
    return block(6, fixed + data + bytes(-len(data) % 4) + options, order=order)


def obsolete(ticks, data, number=0, *, order="<", drops=0xFFFF):
    fixed = struct.pack(
        order + "HHIIII", number, drops, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data)
    )
    return block(2, fixed + data, order=order)


def simple(data, *, order="<", length=None):
    return block(3, struct.pack(order + "I", len(data) if length is None else length) + data, order=order)


def save(path, content):
    path.write_bytes(content)
    return path


def read(path):
    """All frames of a capture that is whole."""
    with open_capture(path) as source:
        return list(source)


def read_broken(path):
    """All frames of a capture that is not whole, and the one warning's text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        source = open_capture(path)
        frames = list(source)
    assert [warning.category for warning in caught] == [CaptureWarning]
    assert source.incomplete == 1
    return frames, str(caught[0].message)


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))
