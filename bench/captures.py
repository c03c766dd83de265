"""The captures to measure with: made when they are not there, cut for slow programs, and in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "PACKETS", "capture", "scaled", "warm"]

FOLDER: Final = Path(__file__).parent / "captures"
PACKETS: Final = {"mixed": 2_000_000, "small64": 3_000_000, "churn": 2_000_000}
GENERATE: Final = Path(__file__).with_name("generate.py")
FILE_HEADER, RECORD_HEADER = 24, 16


def capture(name: str, packets: int | None = None) -> Path:
    """Give a capture, or one of its first packets."""
    whole = FOLDER / f"{name}.pcap"
    if not whole.exists():  # in a process of its own, since NumPy would stay in this one
        subprocess.run([sys.executable, str(GENERATE), name], check=True)
    if packets is None or packets >= PACKETS[name]:
        return whole
    slice_ = FOLDER / f"{name}-{packets}.pcap"
    if not slice_.exists():
        _copy_packets(whole, slice_, packets)
    return slice_


def scaled(name: str, scale: float) -> Path:
    """Give a capture of the same kind with fewer packets and flows."""
    folder = FOLDER / f"scale-{scale:g}"
    if not (folder / f"{name}.pcap").exists():
        command = [sys.executable, str(GENERATE), name]
        subprocess.run(
            [*command, "--scale", str(scale), "--into", str(folder)], check=True, stdout=subprocess.DEVNULL
        )
    return folder / f"{name}.pcap"


def warm(path: Path) -> None:
    """Read a file once, so that none of those that are compared waits for the disk."""
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def _copy_packets(source: Path, target: Path, packets: int) -> None:
    with source.open("rb") as file, target.open("wb") as out:
        out.write(file.read(FILE_HEADER))
        for _ in range(packets):
            header = file.read(RECORD_HEADER)
            out.write(header + file.read(int.from_bytes(header[8:12], "little")))
