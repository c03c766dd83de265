"""Read every capture of a folder with libpcap too: flowtable has to give the same packets, and more by rule.

- Where libpcap stops reading for one of the reasons in ``MORE_IS_READ``, flowtable goes on.
- What libpcap does not take for a capture flowtable refuses, and says what it looks like.
- Times that cannot be are clamped and counted; libpcap hands them on.

Run it as ``python tests/conformance/corpus_libpcap.py FOLDER``; it exits with 1 if a capture differs.
"""

from __future__ import annotations

import pathlib
import sys
import warnings
from typing import Final, NamedTuple

import cypcap

import flowtable
from flowtable.capture import open_capture

MORE_IS_READ: Final = (
    "different from the type of the first interface",
    "different from the snapshot length of the first interface",
    "no Interface Description Blocks",  # a pcapng with nothing in it, or with nothing but other blocks
)
NO_CAPTURE: Final = ("unknown file format",)


class Reading(NamedTuple):
    """What a reader gave of each packet, and what it said at the end; nothing if it was content."""

    packets: list[tuple[int, bytes]]  # bytes on the wire, bytes captured
    times: list[int]  # Unix µs
    said: str
    clamped: int = 0


def by_libpcap(path: pathlib.Path) -> Reading:
    """Read a capture with libpcap."""
    reading = Reading([], [], "")
    try:
        with cypcap.open_offline(path) as capture:
            for header, data in capture:
                reading.packets.append((header.len, bytes(data)))
                reading.times.append(round(header.ts * 10**6))
    except cypcap.Error as error:
        return reading._replace(said=str(error.args[-1]))
    return reading


def by_flowtable(path: pathlib.Path) -> Reading:
    """Read a capture with flowtable: as frames, and as flows, which have to be made of as many."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            frames = list(open_capture(path))
        except flowtable.CaptureError as error:
            return Reading([], [], str(error))
    warnings.simplefilter("ignore")
    account = flowtable.read(path).account
    told = [str(warning.message) for warning in caught]
    if account.frames != len(frames) or not account.adds_up():
        told.append(f"not every frame is accounted for: {account}")
    packets, times = [(f.length, f.data) for f in frames], [f.time // 1000 for f in frames]
    return Reading(packets, times, "; ".join(told), account.times_clamped)


def fault(path: pathlib.Path) -> str | None:
    """What is wrong with the reading of a capture; nothing if it is none."""
    theirs, ours = by_libpcap(path), by_flowtable(path)
    if "accounted" in ours.said:
        return ours.said
    if any(reason in theirs.said for reason in NO_CAPTURE):
        return None if "is not a capture" in ours.said else f"is taken for a capture: {ours.said}"
    if any(reason in theirs.said for reason in MORE_IS_READ):
        count = len(theirs.packets)
        ours = ours._replace(packets=ours.packets[:count], times=ours.times[:count], said=theirs.said)
    if bool(theirs.said) != bool(ours.said):
        return f"libpcap says {theirs.said!r}, flowtable says {ours.said!r}"
    if theirs.packets != ours.packets:
        return f"libpcap reads {len(theirs.packets)} packets, flowtable {len(ours.packets)}, or other bytes"
    dated = sum(a != b for a, b in zip(theirs.times, ours.times, strict=True))
    return f"{dated} times differ, and {ours.clamped} are clamped" if dated > ours.clamped else None


def main(folder: str) -> int:
    """Look at every file below a folder."""
    files = sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file())
    faults = [(path, said) for path in files if (said := fault(path))]
    for path, said in faults:
        print(f"{path}: {said}")  # noqa: T201 - a command
    print(f"{len(files):,} captures beside libpcap, {len(faults):,} differ")  # noqa: T201
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
