"""How the kernel deals frames out to several sockets: by their outermost pair of addresses.

Both ways of a flow, its fragments and all that is inside its tunnel have that pair in common, in one order or
the other, so that they come to the same socket. Frames without an IP address go by their MACs, and without
those to the first socket. A program of classic BPF says so, which the kernel runs for every frame
(PACKET_FANOUT_CBPF).

The odd number that it multiplies by is made up for each group, so that nobody outside can choose addresses
that all come to one socket.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

__all__ = ["fanout_program"]

Instruction: TypeAlias = "tuple[int, int, int, int]"

# Where the kernel finds things, wherever a frame is on its way: filter.rst in its documentation.
_LINK: Final = 0xFFE00000  # SKF_LL_OFF: from the link-layer header on
_NETWORK: Final = 0xFFF00000  # SKF_NET_OFF: from the network header on
_PROTOCOL: Final = 0xFFFFF000  # SKF_AD_OFF + SKF_AD_PROTOCOL: the EtherType

_LD_WORD, _LD_HALF, _LDX_SCRATCH, _ST = 0x20, 0x28, 0x61, 0x02
_MUL, _RSH, _ADD_X, _XOR_X = 0x24, 0x74, 0x0C, 0xAC
_JEQ, _RET, _RET_A, _TAX = 0x15, 0x06, 0x16, 0x07

_IPV4, _IPV6 = 0x0800, 0x86DD
_TAGS: Final = (0x8100, 0x88A8, 0x9100)
_MOST_TAGS: Final = 3  # in the frame, besides one that the kernel took out
_ETHERNET: Final = 14


def fanout_program(*, ethernet: bool, factor: int | None = None) -> list[Instruction]:
    """Give the program for frames of Ethernet, or without such a header; `factor` is secret unless given."""
    odd = (secrets.randbits(32) if factor is None else factor) | 1
    if not ethernet:
        return [(_LD_WORD, 0, 0, _PROTOCOL), *_by_protocol(odd, _NETWORK), (_RET, 0, 0, 0)]
    program: list[Instruction] = []
    for tags in range(_MOST_TAGS + 1):
        program += _behind_tags(odd, _LINK + _ETHERNET + 4 * tags)
    return program + _by_macs(odd)


def _behind_tags(odd: int, at: int) -> list[Instruction]:
    """Deal out by the addresses at `at`, if there is IP; go on behind if there is one more tag."""
    load: Instruction = (_LD_HALF, 0, 0, at - 2)
    by_ip = _by_protocol(odd, at)
    by_macs = _by_macs(odd)
    tests: list[Instruction] = []
    for left, tag in zip(range(len(_TAGS) - 1, -1, -1), _TAGS, strict=True):
        tests.append((_JEQ, left + len(by_macs), 0, tag))
    return [load, *by_ip, *tests, *by_macs]


def _by_protocol(odd: int, at: int) -> list[Instruction]:
    """Deal out by the IP addresses at `at` if A is the EtherType of IP; else go on, with A as it was."""
    by_ipv4 = _by_pair(odd, [at + 12], [at + 16])
    by_ipv6 = _by_pair(odd, range(at + 8, at + 24, 4), range(at + 24, at + 40, 4))
    return [(_JEQ, 0, len(by_ipv4), _IPV4), *by_ipv4, (_JEQ, 0, len(by_ipv6), _IPV6), *by_ipv6]


def _by_macs(odd: int) -> list[Instruction]:
    mac = [_half(_LINK + 4), *_times(odd), (_TAX, 0, 0, 0), _word(_LINK), (_ADD_X, 0, 0, 0)]
    other = [_half(_LINK + 10), *_times(odd), (_TAX, 0, 0, 0), _word(_LINK + 6), (_ADD_X, 0, 0, 0)]
    return _sum_of(odd, mac, other)


def _by_pair(odd: int, one: Iterable[int], other: Iterable[int]) -> list[Instruction]:
    return _sum_of(odd, _address(odd, list(one)), _address(odd, list(other)))


def _address(odd: int, words: list[int]) -> list[Instruction]:
    """Make one number of the words of an address, the first ones multiplied most often."""
    program = [_word(words[0])]
    for at in words[1:]:
        program += [*_times(odd), (_TAX, 0, 0, 0), _word(at), (_ADD_X, 0, 0, 0)]
    return program


def _sum_of(odd: int, one: list[Instruction], other: list[Instruction]) -> list[Instruction]:
    """Mix two numbers, add them, as their order must not matter, and return upper bits of the mixed sum."""
    program = [*one, *_mixed(odd), (_ST, 0, 0, 0), *other, *_mixed(odd)]
    program += [(_LDX_SCRATCH, 0, 0, 0), (_ADD_X, 0, 0, 0), *_mixed(odd)]
    return [*program, (_RSH, 0, 0, 8), (_RET_A, 0, 0, 0)]


def _mixed(odd: int) -> list[Instruction]:
    """Multiply, and let the upper half change the lower one."""
    return [*_times(odd), (_TAX, 0, 0, 0), (_RSH, 0, 0, 15), (_XOR_X, 0, 0, 0)]


def _times(odd: int) -> list[Instruction]:
    return [(_MUL, 0, 0, odd)]


def _word(at: int) -> Instruction:
    return (_LD_WORD, 0, 0, at)


def _half(at: int) -> Instruction:
    return (_LD_HALF, 0, 0, at)
