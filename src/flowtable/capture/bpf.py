"""BPF expressions: compiled by libpcap, verified and run by our own interpreter.

The language is that of tcpdump, libpcap's pcap-filter(7), with these differences:

- Hosts and networks are given by address. A name raises ``FilterError`` instead of asking the network.
  Names of ports and protocols are those of ``/etc/services`` and ``/etc/protocols``.
- An expression is ASCII, of at most 8 KiB and 512 words: the time that libpcap takes grows faster than
  the square of an expression's length (measured: 2 KiB of ``port 1 or 2 or ...`` take it 37 s).
- What only a live interface can answer is refused: ``ip broadcast`` needs its netmask, and
  ``protochain`` needs loops, which programs here are free of.

Link types are LINKTYPE_ numbers, as capture files hold them.
"""

from __future__ import annotations

import string
import warnings
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from flowtable.capture._bpf import Program
from flowtable.capture._bpf_names import network_names, words
from flowtable.capture.link_types import LinkType, dlt
from flowtable.errors import FilterError, FilterWarning, OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

__all__ = ["BPF", "MAX_EXPRESSION", "MAX_WORDS", "LinkFilters", "bpf_filter_to_raw"]

Instruction: TypeAlias = "tuple[int, int, int, int]"

MAX_EXPRESSION = 8192  # characters
MAX_WORDS = 512  # keywords, names, numbers and addresses; 256 ports take libpcap a second

# libpcap's optimizer takes time that grows with the cube of the program: 2 s for this many instructions.
_MAX_UNOPTIMIZED = 8192
_WHOLE_PACKET = 262_144  # bytes to keep of a match; libpcap's MAXIMUM_SNAPLEN
_MAX_CAPTURE_LENGTH = 0x7FFF_FFFF  # what libpcap's int holds
_QUOTED = 200  # characters of an expression that an error repeats
_RET_K = 0x06
_READABLE = frozenset(string.printable) - set("\v\f")

# An expression that compiles on none of these is wrong and not just out of place. Between them they take
# everything that libpcap knows how to compile without a live interface.
_PROBES = (
    1,  # Ethernet: nearly everything
    127,  # radiotap: wlan, type, subtype, dir
    276,  # Linux cooked v2: inbound, outbound, ifindex
    117,  # PFLOG: ifname, rset, reason, action
    123,  # SunATM: vpi, vci, lane, oam and so on
    140,  # MTP2: fisu, sio, opc and so on
    7,  # ARCNET: $1
)


def bpf_filter_to_raw(link_type: int, capture_length: int, expression: str) -> list[Instruction]:
    """Compile an expression to the ``(op, jt, jf, k)`` that kernels and other BPF machines take.

    ``capture_length`` is what a match returns, in bytes. A blank expression matches every packet.

    :raises FilterError: the expression is wrong for this link type; in libpcap's words.
    :raises OptionError: the capture length is not in 1 to 2147483647.
    """
    if not 1 <= capture_length <= _MAX_CAPTURE_LENGTH:
        raise OptionError(f"capture_length is {capture_length}; it has to be 1 to {_MAX_CAPTURE_LENGTH}")
    with _quoting(expression):
        return _instructions(link_type, capture_length, expression)


class BPF:
    """An expression for packets of one link type.

    >>> BPF(1, 256, "tcp port 80").matches(bytes(60))
    False

    :raises FilterError: the expression is wrong for this link type; in libpcap's words.
    """

    __slots__ = ("capture_length", "expression", "link_type", "program")

    def __init__(self, link_type: int, capture_length: int, expression: str) -> None:
        """Compile; the parameters are those of ``bpf_filter_to_raw``."""
        self.link_type = link_type
        self.capture_length = capture_length
        self.expression = expression
        instructions = bpf_filter_to_raw(link_type, capture_length, expression)
        with _quoting(expression):
            self.program = _verified(instructions)

    def matches(self, data: bytes | bytearray | memoryview, length: int | None = None) -> bool:
        """Whether a packet matches; ``length`` is its bytes on the wire, those of ``data`` unless given."""
        return self.program.filter(data, length) != 0

    def __repr__(self) -> str:
        """Show how to make it again."""
        return f"BPF({self.link_type}, {self.capture_length}, {self.expression!r})"


class LinkFilters:
    """One expression for all link types of a capture, compiled for each when it first appears.

    A link type that the expression does not fit matches nothing, and a ``FilterWarning`` says so once.

    :raises FilterError: the expression does not compile for any link type; in libpcap's words.
    """

    def __init__(self, expression: str) -> None:
        """Refuse an expression that is wrong for every link type."""
        self.expression = expression
        self._programs: dict[int, Program | None] = {}
        self._compiling = Lock()  # so that each is compiled, and warned of, once
        with _quoting(expression):
            _refuse_wrong_everywhere(expression)

    def program(self, link_type: int) -> Program | None:
        """Give the program for a link type; None when the expression matches nothing there.

        Raises nothing, except ``FilterWarning`` where a warnings filter makes it an error.
        """
        with self._compiling:
            if link_type not in self._programs:
                self._programs[link_type] = self._fitting(link_type)
            return self._programs[link_type]

    def _fitting(self, link_type: int) -> Program | None:
        try:
            return _program(link_type, self.expression)
        except _WrongError as reason:
            self._programs[link_type] = None  # before the warning, which may be made an error
            message = f"{_quoted(self.expression)} matches nothing on link type {_name(link_type)}: {reason}"
            warnings.warn(message, FilterWarning, stacklevel=3)
            return None

    def __repr__(self) -> str:
        """Show how to make it again."""
        return f"LinkFilters({self.expression!r})"


class _WrongError(Exception):
    """What is wrong with an expression; a FilterError that quotes the expression comes of it."""

    def __init__(self, reason: str, *, everywhere: bool = False) -> None:
        super().__init__(reason)
        self.everywhere = everywhere  # no other link type needs to be tried


@contextmanager
def _quoting(expression: str) -> Iterator[None]:
    try:
        yield
    except _WrongError as reason:
        raise FilterError(f"{_quoted(expression)}: {reason}") from None


def _quoted(expression: str) -> str:
    shown = expression if len(expression) <= _QUOTED else expression[:_QUOTED] + "..."
    return f"BPF expression {shown!r}"


def _name(link_type: int) -> str:
    try:
        return f"{link_type} ({LinkType(link_type).name})"
    except ValueError:
        return str(link_type)


def _refuse_wrong_everywhere(expression: str) -> None:
    """Try link types until one fits; the first one's reason is given when none does."""
    first: _WrongError | None = None
    for link_type in _PROBES:
        try:
            _program(link_type, expression)
        except _WrongError as wrong:
            first = first or wrong
            if wrong.everywhere:
                break
        else:
            return
    if first is not None:
        raise first


def _program(link_type: int, expression: str) -> Program:
    return _verified(_instructions(link_type, _WHOLE_PACKET, expression))


def _verified(instructions: list[Instruction]) -> Program:
    try:
        return Program(instructions)
    except FilterError as error:
        raise _WrongError(str(error)) from None


def _instructions(link_type: int, capture_length: int, expression: str) -> list[Instruction]:
    _refuse_oversized(expression)
    if not expression.strip():
        return [(_RET_K, 0, 0, capture_length)]
    _refuse_names(link_type, expression)
    return _compile(link_type, capture_length, expression)


def _refuse_oversized(expression: str) -> None:
    """Refuse what libpcap would take too long for, or would not read to its end."""
    reason = ""
    if len(expression) > MAX_EXPRESSION:
        reason = f"it has {len(expression)} characters; the limit is {MAX_EXPRESSION}"
    elif not _READABLE.issuperset(expression):
        at, found = next((at, found) for at, found in enumerate(expression) if found not in _READABLE)
        reason = f"character {at} is {found!r}; only printable ASCII is understood"
    elif (count := len(words(expression))) > MAX_WORDS:
        reason = f"it has {count} words; the limit is {MAX_WORDS}"
    if reason:
        raise _WrongError(reason, everywhere=True)


def _refuse_names(link_type: int, expression: str) -> None:
    """Refuse what libpcap would ask the network about; with its own words where it is bad syntax as well."""
    names, harmless = network_names(expression)
    if not names:
        return
    reason = f"{names[0]!r} is no address, and names of hosts and networks are not looked up"
    try:
        _libpcap(link_type, _WHOLE_PACKET, harmless, optimize=False)
    except _WrongError as wrong:
        if "syntax error" in str(wrong):
            reason = f"{wrong}, perhaps at {names[0]!r}"
    raise _WrongError(reason, everywhere=True)


def _compile(link_type: int, capture_length: int, expression: str) -> list[Instruction]:
    """Let libpcap compile a safe expression, and optimize when that takes a bounded time."""
    size = len(_libpcap(link_type, capture_length, expression, optimize=False))
    if size > _MAX_UNOPTIMIZED:
        reason = f"it makes {size} instructions; the limit is {_MAX_UNOPTIMIZED}"
        raise _WrongError(reason, everywhere=True)
    return _libpcap(link_type, capture_length, expression, optimize=True)


def _libpcap(link_type: int, capture_length: int, expression: str, *, optimize: bool) -> list[Instruction]:
    cypcap = _cypcap()
    try:
        program = cypcap.compile(dlt(link_type), capture_length, expression, optimize, cypcap.NETMASK_UNKNOWN)
    except cypcap.Error as error:
        raise _WrongError(error.msg) from None
    except OverflowError:
        raise _WrongError(f"unknown data link type {link_type}") from None
    return [tuple(instruction) for instruction in program]


@cache
def _cypcap() -> Any:
    """Load libpcap when the first expression needs it, since most captures are read without one."""
    import cypcap  # noqa: PLC0415

    return cypcap
