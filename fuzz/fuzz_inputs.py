"""The form of the fuzz targets' inputs, for those who make seeds and for those who run findings again.

An input of *frames* is a link type and flags (which of ``OPTIONS`` are on), two bytes each and big-endian,
and frames, each behind four bytes: its length (two bytes; the input's end may cut it short), the time since
the frame before as ``cubic_ms``, and how many bytes longer it was on the wire. An input of *lives* has the
same form, and goes through a live table: the upper six bits of its flags choose one of ``TIMERS`` and of
``ROOMS``. An input of *captures* is a capture file. An input of *filters* is a number of BPF instructions,
they as (op, jt, jf, k) in the form of the kernel's sock_filter, little-endian, and a frame to run them over.
An input of *places* is steps of four bytes: what to do with the index or the heap, a key, how many or when.
"""

from __future__ import annotations

import struct
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flowtable.packet import LayerKeyMode
from flowtable.table import Limits
from flowtable.table.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flowtable.capture.bpf import Instruction

MORE: Final[tuple[dict[str, Any], ...]] = (
    {"defrag": True},
    {"key_ids": True},
    {"packet_statistics": True},
    {"tcp_metric": True},
    {"tcp_metric": True, "reassemble": True},
    {"extra_layers": ("DNS", "DHCPv4", "VRRP")},
    {"raw_packets": 3},
)
"""What ``read`` does if it is asked to: a new option is one more line here."""

SMALL: Final = Limits(**{limit.name: 4096 for limit in fields(Limits)})
MODEST: Final = Limits(
    **{limit.name: min(getattr(Limits(), limit.name), 1 << 20) for limit in fields(Limits)}
)
"""More than an input can fill; room for what the default allows takes longer to clear than an input takes."""
OPTIONS: Final = (*MORE, {"layer_key": LayerKeyMode.L3}, {"limits": SMALL}, {"tunnels": ()})
"""What each bit of the flags turns on."""

TIMERS: Final = tuple(
    Timers(expire_after=idle, update_every=update, active_timeout=active, hold_ended=hold)
    for idle, hold in ((50_000_000, 20_000_000), (5_000_000_000, 0))
    for update in (None, 30_000_000)
    for active in (None, 1, 40_000_000, 1_000_000_000)
)
"""When flows of a live table end: some ms or some seconds, as the steps between frames are."""
ROOMS: Final = (1, 2, 5, 1_000_000)
"""How many flows it has room for."""
LIVES: Final = 10
"""The bit of the flags where these begin."""

ALL_MORE: Final = (1 << len(MORE)) - 1
EVERYTHING: Final = (1 << len(OPTIONS)) - 1
EVERY_MODE: Final = (0, *(1 << bit for bit in range(len(OPTIONS))), ALL_MORE, EVERYTHING)
"""Flags: nothing, each option alone, and many together."""

START: Final = 1_600_000_000_000_000_000
"""The time that the first frame's is counted from, in Unix ns."""


class InputFrame(NamedTuple):
    """A frame of an input; ``length`` is that on the wire."""

    time: int
    data: bytes
    length: int


def options_of(flags: int) -> dict[str, Any]:
    """Give the options that an input's flags turn on."""
    chosen = [option for bit, option in enumerate(OPTIONS) if flags >> bit & 1]
    return {name: value for option in chosen for name, value in option.items()}


def life_of(flags: int) -> tuple[Timers, int]:
    """Give the timers and the room of a live table that an input's flags choose."""
    chosen = flags >> LIVES
    return TIMERS[chosen % len(TIMERS)], ROOMS[chosen // len(TIMERS) % len(ROOMS)]


def frames_input(
    frames: Iterable[bytes], *, link_type: int = 1, flags: int = 0, steps: Sequence[int] = ()
) -> bytes:
    """Put frames into an input; ``steps`` are times since the frame before, and 0 where there are no more."""
    data = struct.pack(">HH", link_type, flags)
    for number, frame in enumerate(frames):
        step = steps[number] if number < len(steps) else 0
        data += struct.pack(">HBB", len(frame), step, 0) + frame
    return data


def frames_of(data: bytes) -> tuple[int, int, list[InputFrame]]:
    """Take an input apart into its link type, flags and frames."""
    link_type, flags = struct.unpack_from(">HH", data)
    return link_type, flags, list(_frames(data, 4))


def _frames(data: bytes, at: int) -> Iterator[InputFrame]:
    time = START
    while at + 4 <= len(data):
        size, step, more = struct.unpack_from(">HBB", data, at)
        frame = data[at + 4 : at + 4 + size]
        time += cubic_ms(step) * 1_000_000
        yield InputFrame(time, frame, len(frame) + more)
        at += 4 + size


def cubic_ms(step: int) -> int:
    """Give the time in ms that a byte stands for: nothing to half an hour, forwards and backwards."""
    signed = step - 256 if step & 0x80 else step
    return signed**3


def filter_input(program: Sequence[Instruction], frame: bytes) -> bytes:
    """Put a program and a frame into an input."""
    return bytes([len(program)]) + b"".join(struct.pack("<HBBI", *row) for row in program) + frame


def filter_of(data: bytes) -> tuple[list[Instruction], bytes]:
    """Take an input apart into its program and frame."""
    code = data[1 : 1 + 8 * data[0]] if data else b""
    return list(struct.iter_unpack("<HBBI", code[: len(code) // 8 * 8])), data[1 + len(code) :]
