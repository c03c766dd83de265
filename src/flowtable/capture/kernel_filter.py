"""A filter's program as the kernel takes it, for frames whose VLAN tag the kernel keeps apart from them.

Programs are made for whole frames, so that the same frames are chosen whether they come from an interface or
from a file. The kernel takes the outermost tag out of a frame before its filter sees it. So there it gets two
programs in one: for frames without a tag the program as it is; for others one that looks at the tag where
the kernel has it, and at everything behind it four bytes earlier. Where that cannot be said of an
instruction, the frame is taken; and the filter is asked again when the tag is back in its place. Nothing is
refused that should be taken.

What the kernel adds to BPF: its Documentation/networking/filter.rst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

__all__ = ["MAX_KERNEL_PROGRAM", "TAKE_ALL", "TAKE_NONE", "kernel_program", "take"]

Instruction: TypeAlias = "tuple[int, int, int, int]"

MAX_KERNEL_PROGRAM: Final = 4096  # instructions; BPF_MAXINSNS
_ALL: Final = 262_144  # bytes of a frame, as many as any can have

_SKF_AD: Final = 0xFFFFF000
_VLAN_TAG: Final = _SKF_AD + 44
_VLAN_TAG_PRESENT: Final = _SKF_AD + 48
_VLAN_TPID: Final = _SKF_AD + 60

_LD_WORD, _LD_HALF, _LD_BYTE = 0x20, 0x28, 0x30
_SIZES: Final = {_LD_WORD: 4, _LD_HALF: 2, _LD_BYTE: 1}
_BEHIND: Final = {0x40, 0x48, 0x50, 0xB1}  # loads from X + k, and the length of an IPv4 header
_LENGTHS: Final = {0x80, 0x81}
_JEQ, _JA, _RET = 0x15, 0x05, 0x06

_MACS: Final = 12  # bytes before the tag
_TAG: Final = 4

TAKE_NONE: Final[list[Instruction]] = [(_RET, 0, 0, 0)]


def take(snap: int) -> list[Instruction]:
    """Give the program that takes so many bytes of every frame."""
    return [(_RET, 0, 0, snap)]


TAKE_ALL: Final = take(_ALL)


def kernel_program(program: Sequence[Instruction], snap: int, *, tags: bool) -> list[Instruction]:
    """Give what to attach to a socket, which may be too long for that; with `tags`, to one of Ethernet.

    `snap` bytes are kept of a frame without a tag. Those with one come whole, as the filter is asked again.
    """
    plain = [_returning(snap, each) for each in program]
    if not tags:
        return plain
    tagged = [_returning(_ALL, _untagged(each)) for each in program]
    start = [(_LD_WORD, 0, 0, _VLAN_TAG_PRESENT), (_JEQ, 0, 1, 0), (_JA, 0, 0, len(tagged))]
    return start + tagged + plain


def _returning(snap: int, instruction: Instruction) -> Instruction:
    op, jt, jf, k = instruction
    return (op, jt, jf, snap) if op == _RET and k else instruction


def _untagged(instruction: Instruction) -> Instruction:
    """Give what does the same where the outermost tag is not in the frame; else take the frame."""
    op, jt, jf, k = instruction
    take_it = (_RET, 0, 0, _ALL)
    if op in _LENGTHS:
        return take_it
    if op in _SIZES:
        if k + _SIZES[op] <= _MACS:
            return instruction
        if op == _LD_HALF and k in (_MACS, _MACS + 2):
            return (_LD_WORD, 0, 0, _VLAN_TPID if k == _MACS else _VLAN_TAG)
    if op in _SIZES or op in _BEHIND:
        return (op, jt, jf, k - _TAG) if k >= _MACS + _TAG else take_it
    return instruction
