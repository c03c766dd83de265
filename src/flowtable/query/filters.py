"""Filters: which flows are wanted, as a tree of conditions."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Final

from flowtable.errors import FilterError
from flowtable.flow._flow import PLACES
from flowtable.flow.schema import ENDED_LAYERS, Field, Kind, field
from flowtable.query._match import (
    match_name,
    match_network,
    match_number,
    match_presence,
    match_text,
)

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable, Sequence

    from flowtable.flow import FlowSet
    from flowtable.flow._flow import Records

__all__ = ["Filter", "Value"]

Value = int | float | str | bool

EQUAL: Final = 0
GREATER: Final = 1
LESS: Final = 2
_MOST: Final = (1 << 63) - 1
NUMBERS: Final = (Kind.COUNT, Kind.TIME, Kind.DURATION, Kind.FRACTION, Kind.FLAG)


class Filter(ABC):
    """Which flows are wanted.

    Filters are made by the functions here, from text by ``parse``, and from each other with ``&``, ``|``
    and ``~``. A field is named by its path, attribute or column; ``Link``, ``Network`` and ``Transport``
    alone mean that one of the two ends has the value. What a flow does not have equals nothing but an empty
    text, and is neither greater nor less than anything.

    Numbers have the units of ``Flow.to_dict``: times are Unix ms, durations ns. A time may be a text as ISO
    8601 has it, in UTC unless it says otherwise, and is exact then. Addresses are equal however they are
    spelt.

    All raise FieldNotFound for a name that no field has, and FilterError for a value that it cannot have.
    """

    @staticmethod
    def parse(expression: str) -> Filter:
        """Read a filter from text in Python's syntax, which is never evaluated: docs/reference/filters.md.

        Raises:
            FilterError: it is not a filter; says where.

        """
        from flowtable.query.expression import parse  # noqa: PLC0415 - it makes filters

        return parse(expression)

    @staticmethod
    def from_protobuf(message: bytes) -> Filter:
        """Read a filter from its message: docs/reference/messages.md.

        Raises:
            FilterError: it is no such message, or is too large or too deep.
            ExtraMissing: protobuf is not installed.

        """
        from flowtable.query.wire import read_filter  # noqa: PLC0415 - it makes filters

        return read_filter(message)

    def to_protobuf(self) -> bytes:
        """Write the filter as its message.

        Raises:
            FilterError: it is too large or too deep for one.
            ExtraMissing: protobuf is not installed.

        """
        from flowtable.query.wire import write_filter  # noqa: PLC0415 - it knows filters

        return write_filter(self)

    @staticmethod
    def term(name: str, value: Value) -> Filter:
        """Flows in which a field equals a value."""
        return _either(name, functools.partial(_equal, value=value))

    @staticmethod
    def not_equal(name: str, value: Value) -> Filter:
        """All other flows than those of ``term``."""
        return ~Filter.term(name, value)

    @staticmethod
    def greater(name: str, value: Value) -> Filter:
        """Flows in which a field is greater than a value."""
        return _either(name, lambda f: Number(f, GREATER, _number(f, value, GREATER)))

    @staticmethod
    def less(name: str, value: Value) -> Filter:
        """Flows in which a field is less than a value."""
        return _either(name, lambda f: Number(f, LESS, _number(f, value, LESS)))

    @staticmethod
    def at_least(name: str, value: Value) -> Filter:
        """Flows in which a field is greater than a value, or equal to it."""
        return Filter.greater(name, value) | Filter.term(name, value)

    @staticmethod
    def at_most(name: str, value: Value) -> Filter:
        """Flows in which a field is less than a value, or equal to it."""
        return Filter.less(name, value) | Filter.term(name, value)

    @staticmethod
    def regex(name: str, pattern: str) -> Filter:
        """Flows in whose text a regular expression is found (RE2's syntax, which no pattern makes slow)."""
        return _either(name, lambda f: Regex(_texts(f), pattern))

    @staticmethod
    def null(name: str) -> Filter:
        """Flows that do not have a field."""
        return _either(name, lambda f: ~Present(f))

    @staticmethod
    def ip_range(name: str, network: str) -> Filter:
        """Flows with an address in a network such as ``10.0.0.0/8`` or ``fd00::/8``."""
        return _either(name, functools.partial(_in_network, network=network))

    @staticmethod
    def all_of(*filters: Filter) -> Filter:
        """Flows that all of some filters want; every flow if there are none."""
        return AllOf(filters)

    @staticmethod
    def any_of(*filters: Filter) -> Filter:
        """Flows that one of some filters wants; no flow if there are none."""
        return AnyOf(filters)

    @staticmethod
    def for_flow_set(flows: FlowSet) -> Filter:
        """Flows along the same links as those of a set: with the ``TrackingID`` of one of them."""
        return _any_text("TrackingID", (flow.tracking_id for flow in flows))

    @staticmethod
    def for_node_tids(tids: Iterable[str]) -> Filter:
        """Flows captured on one of some nodes, by their ids."""
        return _any_text("NodeTID", tids)

    @staticmethod
    def for_nodes(nodes: Iterable[object]) -> Filter:
        """Flows captured on one of some nodes, which are anything with a ``tid``."""
        return Filter.for_node_tids(node.tid for node in nodes)  # type: ignore[attr-defined]

    def __and__(self, other: Filter) -> Filter:
        """Flows that both want."""
        return AllOf((self, other))

    def __or__(self, other: Filter) -> Filter:
        """Flows that one of both wants."""
        return AnyOf((self, other))

    def __invert__(self) -> Filter:
        """Flows that this one does not want."""
        return Not(self)

    @abstractmethod
    def mask(self, records: Records, rows: array[int] | None) -> bytes | bytearray:
        """Give a byte for each of some records, or of all: 1 for those wanted, else 0."""


@dataclass(frozen=True, repr=False)
class Condition(Filter):
    """What is asked of one field."""

    field: Field

    def mask(self, records: Records, rows: array[int] | None) -> bytes | bytearray:
        if not self.field.is_filled(records.options):
            return bytes(records.count if rows is None else len(rows))
        return self._of_filled(records, rows, PLACES[self.field.place or ""])

    @abstractmethod
    def _of_filled(self, records: Records, rows: array[int] | None, place: int) -> bytes | bytearray: ...


class OfText(Condition):
    """What may be asked of what enhancers have added as well, which is no part of a record."""

    def mask(self, records: Records, rows: array[int] | None) -> bytes | bytearray:
        if self.field.kind is not Kind.EXTRA or not records.extras:
            return super().mask(records, rows)
        numbers: Sequence[int] = range(records.count) if rows is None else rows
        return self._of_texts(records.extras.texts(self.field.extra, numbers))

    @abstractmethod
    def _of_texts(self, texts: Sequence[str | None]) -> bytes: ...


@dataclass(frozen=True, repr=False)
class Present(OfText):
    def _of_filled(self, records: Records, rows: array[int] | None, place: int) -> bytearray:
        return match_presence(records, rows, place)

    def _of_texts(self, texts: Sequence[str | None]) -> bytes:
        return bytes(text is not None for text in texts)


@dataclass(frozen=True, repr=False)
class Number(Condition):
    comparison: int
    wanted: int

    def _of_filled(self, records: Records, rows: array[int] | None, place: int) -> bytearray:
        return match_number(records, rows, place, self.comparison, self.wanted)


@dataclass(frozen=True, repr=False)
class Name(Condition):
    wanted: str

    def _of_filled(self, records: Records, rows: array[int] | None, place: int) -> bytearray:
        wanted = bytes(name == self.wanted for name in records.names(place))
        return match_name(records, rows, place, wanted)


@dataclass(frozen=True, repr=False)
class Text(OfText):
    wanted: str

    def _of_filled(self, records: Records, rows: array[int] | None, place: int) -> bytearray:
        return match_text(records, rows, place, self.wanted.encode())

    def _of_texts(self, texts: Sequence[str | None]) -> bytes:
        return bytes(text == self.wanted for text in texts)


@dataclass(frozen=True, repr=False)
class InNetwork(Filter):
    end_b: bool
    network: IPv4Network | IPv6Network

    def mask(self, records: Records, rows: array[int] | None) -> bytearray:
        packed = self.network.network_address.packed
        return match_network(records, rows, self.end_b, packed, self.network.prefixlen)


@dataclass(frozen=True, repr=False)
class Regex(OfText):
    pattern: str

    def __post_init__(self) -> None:
        _search(self.pattern, [""])

    def _of_filled(self, records: Records, rows: array[int] | None, place: int) -> bytes | bytearray:
        if self.field.kind is Kind.NAME:
            return match_name(records, rows, place, _search(self.pattern, records.names(place)))
        numbers: Sequence[int] = range(records.count) if rows is None else rows
        core = self.field.kind.core
        return self._of_texts([records.value(number, place, core) for number in numbers])

    def _of_texts(self, texts: Sequence[str | None]) -> bytes:
        return _search(self.pattern, texts)


@dataclass(frozen=True, repr=False)
class Not(Filter):
    filter: Filter

    def __invert__(self) -> Filter:
        return self.filter

    def mask(self, records: Records, rows: array[int] | None) -> bytes | bytearray:
        return self.filter.mask(records, rows).translate(_TURNED)


@dataclass(frozen=True, repr=False)
class AllOf(Filter):
    filters: tuple[Filter, ...]

    def mask(self, records: Records, rows: array[int] | None) -> bytes:
        length = records.count if rows is None else len(rows)
        together = int.from_bytes(b"\1" * length, "little")
        for each in self.filters:
            together &= int.from_bytes(each.mask(records, rows), "little")
        return together.to_bytes(length, "little")


@dataclass(frozen=True, repr=False)
class AnyOf(Filter):
    filters: tuple[Filter, ...]

    def mask(self, records: Records, rows: array[int] | None) -> bytes:
        length = records.count if rows is None else len(rows)
        together = 0
        for each in self.filters:
            together |= int.from_bytes(each.mask(records, rows), "little")
        return together.to_bytes(length, "little")


_TURNED: Final = bytes((1, 0)) + bytes(254)


def _either(name: str, condition: Callable[[Field], Filter]) -> Filter:
    """Ask one field, or both ends of a layer."""
    if name in ENDED_LAYERS:
        return AnyOf((condition(field(f"{name}.A")), condition(field(f"{name}.B"))))
    wanted = field(name)
    if wanted.kind is Kind.EXTRAS:
        raise FilterError("Extra is asked for by name in a filter: Extra.HostB")
    if wanted.kind is Kind.PACKETS or wanted.kind is Kind.JSON:
        raise FilterError(f"{wanted.path} cannot be asked for in a filter")
    return condition(wanted)


def _any_text(name: str, texts: Iterable[str]) -> Filter:
    return AnyOf(tuple(Filter.term(name, text) for text in dict.fromkeys(texts)))


def _equal(f: Field, value: Value) -> Filter:
    if f.kind in NUMBERS:
        return _equal_number(f, value)
    if not isinstance(value, str):
        raise FilterError(f"{f.path} is a text, and {value!r} is none")
    if value == "":
        return ~Present(f) | (Name(f, "") if f.kind is Kind.NAME else Text(f, ""))
    if f.kind is Kind.NAME:
        return Name(f, value)
    if f.path in ("Network.A", "Network.B"):
        return _in_network(f, value)
    if not value.isascii() and f.kind is not Kind.EXTRA:  # nor can all of it be encoded
        return AnyOf(())
    return Text(f, value.lower() if f.kind in (Kind.ADDRESS, Kind.ID) else value)


def _equal_number(f: Field, value: Value) -> Filter:
    """Equal to the unit that the value is given in: a time in ms is all ns of that ms."""
    first, last = _scaled(f, value)
    if abs(first) > _MOST or first.denominator != 1:
        return AnyOf(())
    if first == last:
        return Number(f, EQUAL, int(first))
    return Number(f, GREATER, int(first) - 1) & Number(f, LESS, min(int(last) + 1, _MOST))


def _number(f: Field, value: Value, comparison: int) -> int:
    """Give the whole number, in the record's unit, that is compared with."""
    if f.kind not in NUMBERS:
        raise FilterError(f"{f.path} is a text; greater and less ask for numbers")
    first, last = _scaled(f, value)
    number = last.__floor__() if comparison == GREATER else first.__ceil__()
    return max(-_MOST, min(number, _MOST))


def _scaled(f: Field, value: Value) -> tuple[Fraction, Fraction]:
    """Give the first and the last number of the record's unit that a value stands for."""
    if f.kind is Kind.TIME and isinstance(value, str):
        exact = Fraction(_unix_ns(f, value))
        return exact, exact
    if isinstance(value, str) or value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
        raise FilterError(f"{f.path} is a number, and {value!r} is none")
    number = Fraction(repr(value) if isinstance(value, float) else value) * (
        1_000_000 if f.kind is Kind.TIME else 1000 if f.kind is Kind.FRACTION else 1
    )
    whole_ms = f.kind is Kind.TIME and number.denominator == 1 and number % 1_000_000 == 0
    return number, number + 999_999 if whole_ms else number


def _unix_ns(f: Field, text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise FilterError(f"{f.path}: {text!r} is no time as ISO 8601 has it") from None
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000


def _in_network(f: Field, network: str) -> Filter:
    if f.path not in ("Network.A", "Network.B"):
        raise FilterError(f"{f.path} is no IP address, which networks are of")
    try:
        return InNetwork(f.name == "B", ip_network(network, strict=False))
    except ValueError:
        raise FilterError(
            f"{network!r} is no IP address or network, such as 10.0.0.0/8 or fd00::/8"
        ) from None


def _texts(f: Field) -> Field:
    if f.kind in NUMBERS:
        raise FilterError(f"{f.path} is a number; regular expressions are for texts")
    return f


def _search(pattern: str, texts: Sequence[str | None]) -> bytes:
    """Give 1 for texts in which a pattern is found."""
    import pyarrow as pa  # noqa: PLC0415 - its RE2 takes no more time for bad patterns
    import pyarrow.compute as pc  # noqa: PLC0415

    try:
        found = pc.match_substring_regex(pa.array(texts, pa.string()), pattern)
    except (pa.ArrowException, UnicodeError) as error:
        raise FilterError(f"{pattern!r} is no regular expression: {error}") from None
    return bytes(map(bool, found.to_pylist()))
