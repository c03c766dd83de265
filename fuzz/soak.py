"""Read many captures, as they are and with bytes changed, for a long time.

``make soak`` does so under sanitizers. Run it as ``python fuzz/soak.py [--seconds N] [CAPTURE OR FOLDER …]``.
What is given and what the tests' builders make is read whole in all modes first; then captures are changed at
random and read until the time is up. A promise that is broken is an AssertionError.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fuzz_inputs import ALL_MORE, SMALL, frames_of, options_of
from promises import hold
from seeds import CASES, ROOT, captures_seeds

import flowtable
from flowtable.testing import write_pcap

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL_ON: Final = options_of(ALL_MORE)
IN_THREADS: Final = {name: on for name, on in ALL_ON.items() if name not in ("defrag", "raw_packets")}
MODES: Final = (
    {"threads": 1},
    {"layer_key": "L3", "threads": 1},
    ALL_ON,
    {**ALL_ON, "layer_key": "L3"},
    {**ALL_ON, "limits": SMALL},
    {**IN_THREADS, "threads": 3},
)
LARGEST_CHANGED: Final = 200_000  # bytes; larger captures are only read as they are
WARM_UP: Final = 2_000  # captures read before memory is looked at
GROWTH: Final = 200  # MB that it may grow from then on; the sanitizers hold freed memory back


LIVES: Final = (
    {"idle": 0.05, "hold": 0.02, "active": 0.03, "max_flows": 20},
    {**ALL_ON, "idle": 0.5, "active": 0.001, "max_flows": 1},
    {**ALL_ON, "idle": 5, "hold": 0, "limits": SMALL},
)


def check_lives(path: Path, mode: dict[str, Any]) -> None:
    """Let the flows of a capture end while it is read; each is given once, and all packets are."""
    try:
        sets = flowtable.scan(path, **mode)
    except flowtable.FlowError:
        return
    given = 0
    try:
        for flows in sets:
            hold(flows)
            given += sum(flow.finish_type != "ACTIVE_TIMEOUT" for flow in flows)
    except flowtable.CaptureError:
        return
    assert sets.account.adds_up()
    assert given == sets.account.flows == sum(sets.flows_ended.values())


def check(path: Path, mode: dict[str, Any]) -> bool:
    """Read a capture and write its flows in all ways; False if it is refused."""
    try:
        flows = flowtable.read(path, **mode)
    except flowtable.FlowError:
        return False
    hold(flows)
    return True


def captures(given: list[Path], folder: Path) -> Iterator[Path]:
    """Give the captures to read: those asked for, and those that the tests' builders make."""
    for path in given:
        yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for number, data in enumerate(captures_seeds()):
        (folder / f"seed-{number}").write_bytes(data)
        yield folder / f"seed-{number}"
    yield from sorted((ROOT / "tests/adversity/found/captures").iterdir())
    for number, path in enumerate(sorted((ROOT / "tests/adversity/found/frames").iterdir())):
        link_type, _, frames = frames_of(path.read_bytes())
        write_pcap(folder / f"found-{number}", [frame.data for frame in frames], link_type=link_type)
        yield folder / f"found-{number}"
    for link_type in sorted({case.link_type for case in CASES}):
        frames = [case.frame for case in CASES if case.link_type == link_type]
        write_pcap(folder / f"cases-{link_type}", frames, link_type=link_type)
        yield folder / f"cases-{link_type}"


def changed(data: bytearray, source: random.Random) -> bytearray:
    """Change, cut out or put in some bytes."""
    for _ in range(source.choice((1, 1, 2, 8, 40, len(data) // 50 + 1))):
        at = source.randrange(len(data))
        what = source.random()
        if what < 0.8:
            data[at] = source.choice((0, 1, 0x7F, 0x80, 0xFF, source.randrange(256)))
        elif what < 0.9:
            del data[at : min(at + source.randrange(1, 30), len(data) - 1)]
        else:
            data[at:at] = source.randbytes(source.randrange(1, 30))
    return data


def resident_mb() -> int:
    """Give the memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20


def soak(given: list[Path], folder: Path, seconds: float, source: random.Random) -> str:
    """Read everything, then changed captures until the time is up; gives what was done."""
    end = time.monotonic() + seconds
    paths = list(captures(given, folder))
    read = sum(check(path, mode) for path in paths for mode in MODES)
    for path in paths:
        for mode in LIVES:
            check_lives(path, mode)
    small = [data for p in paths if 0 < p.stat().st_size <= LARGEST_CHANGED and (data := p.read_bytes())]
    count = held = 0
    while time.monotonic() < end:
        file = folder / "changed"
        file.write_bytes(changed(bytearray(source.choice(small)), source))
        check(file, source.choice(MODES))
        check_lives(file, source.choice(LIVES))
        count += 1
        if count == WARM_UP:
            held = resident_mb()
    grown = resident_mb() - held if held else 0
    assert grown < GROWTH, f"memory grew by {grown} MB"
    modes = len(MODES) + len(LIVES)
    return f"{len(paths):,} captures in {modes} modes, {read:,} read; {count:,} changed; {grown} MB more"


def main() -> None:
    """Soak; the capture that was changed last stays where it is if that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    parser.add_argument(
        "--folder", type=Path, help="where the captures that are made go, so that a crash leaves them"
    )
    parser.add_argument("captures", type=Path, nargs="*")
    asked = parser.parse_args()
    warnings.simplefilter("ignore", flowtable.CaptureWarning)
    folder = asked.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {asked.seed}; the capture that was changed last is {folder / 'changed'}", flush=True)
    print(soak(asked.captures, folder, asked.seconds, random.Random(asked.seed)))  # noqa: S311 - no secret


if __name__ == "__main__":
    main()
