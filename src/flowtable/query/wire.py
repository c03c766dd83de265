"""Filters and queries as messages: protocol buffers, as other programs of the reference's family have them.

Messages are described here in one table, and made from it when the first one is needed. Fields of our own
have numbers from 2000 on.

What is read from bytes is checked as what a person wrote is: whatever they are, they give a filter, a query
or a FilterError.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from flowtable.errors import ExtraMissing, FieldNotFound, FilterError, OptionError
from flowtable.flow.schema import Field, Kind, field
from flowtable.query.filters import (
    EQUAL,
    GREATER,
    LESS,
    NUMBERS,
    AllOf,
    AnyOf,
    Filter,
    InNetwork,
    Name,
    Not,
    Number,
    Present,
    Regex,
    Text,
)
from flowtable.query.search import SearchQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "read_filter",
    "read_message",
    "read_search",
    "write_filter",
    "write_message",
    "write_search",
]

LARGEST: Final = 1 << 20
"""Bytes of a filter or a query."""
DEEPEST: Final = 40
"""Filters inside each other; a message can be 100 deep, and each level takes two."""
MOST: Final = 10_000
"""Filters inside a filter."""
LONGEST: Final = 300
"""Characters of what is wrong that are said: they may quote what came from anywhere."""

_OR: Final = 0
_AND: Final = 1
_NOT: Final = 2
_END: Final = (1 << 63) - 1
"""How a page without an end is written."""
_MS: Final = 1_000_000

_PACKAGE: Final = "flowtable"
_MESSAGES: Final = {
    "Filter": (
        ("TermString", 1, "StringTerm"),
        ("TermInt64", 2, "Int64Term"),
        ("TermBool", 3, "BoolTerm"),
        ("GtInt64", 4, "Int64Term"),
        ("LtInt64", 5, "Int64Term"),
        ("GteInt64", 6, "Int64Term"),
        ("LteInt64", 7, "Int64Term"),
        ("Bool", 8, "BoolFilter"),
        ("Regex", 9, "StringTerm"),
        ("Null", 10, "NullTerm"),
        ("IPV4Range", 11, "StringTerm"),
        ("IPRange", 2000, "StringTerm"),
        ("Exact", 2001, "ExactTerm"),
    ),
    "BoolFilter": (("Op", 1, "int32"), ("Filters", 2, "Filter*")),
    "StringTerm": (("Key", 1, "string"), ("Value", 2, "string")),
    "Int64Term": (("Key", 1, "string"), ("Value", 2, "int64")),
    "BoolTerm": (("Key", 1, "string"), ("Value", 2, "bool")),
    "NullTerm": (("Key", 1, "string"),),
    # A number in the record's unit: ns of a time, thousandths of a fraction. 0 equal, 1 greater, 2 less.
    "ExactTerm": (("Key", 1, "string"), ("Comparison", 2, "int32"), ("Value", 3, "int64")),
    "Range": (("From", 1, "int64"), ("To", 2, "int64")),
    "SearchQuery": (
        ("Filter", 1, "Filter"),
        ("PaginationRange", 2, "Range"),
        ("Sort", 3, "bool"),
        ("Dedup", 4, "bool"),
        ("DedupBy", 5, "string"),
        ("SortBy", 6, "string"),
        ("SortOrder", 7, "int32"),
    ),
    "TableQuery": (("Type", 1, "string"), ("Query", 2, "bytes")),
    "TableReply": (("Status", 1, "int32"), ("FlowSetBytes", 2, "bytes*"), ("Reasons", 2000, "string*")),
}
_TERMS: Final = {
    "TermString": Filter.term,
    "TermInt64": Filter.term,
    "TermBool": Filter.term,
    "GtInt64": Filter.greater,
    "LtInt64": Filter.less,
    "GteInt64": Filter.at_least,
    "LteInt64": Filter.at_most,
    "Regex": Filter.regex,
    "IPV4Range": Filter.ip_range,
    "IPRange": Filter.ip_range,
}


# ---- bytes


def write_filter(wanted: Filter) -> bytes:
    """Write a filter; FilterError if it is too large or too deep for a message."""
    with _refusing("a filter"):
        message = _new("Filter")
        _Writer().put(wanted, message)
        return _limited(message.SerializeToString())


def read_filter(data: bytes) -> Filter:
    """Read a filter; FilterError if that is none."""
    with _refusing("a filter"):
        return _Reader().filter(_parsed("Filter", _limited(data)))


def write_search(query: SearchQuery) -> bytes:
    """Write a search query; FilterError if its filter is too large or too deep for a message."""
    with _refusing("a search query"):
        message = _new("SearchQuery")
        if isinstance(query.filter, Filter):
            _Writer().put(query.filter, message.Filter)
        if query.from_ or query.to is not None:
            message.PaginationRange.From = query.from_
            message.PaginationRange.To = _END if query.to is None else min(query.to, _END)
        message.Sort, message.SortBy, message.SortOrder = query.sort, query.sort_by, int(query.sort_order)
        message.Dedup, message.DedupBy = query.dedup, query.dedup_by
        return _limited(message.SerializeToString())


def read_search(data: bytes) -> SearchQuery:
    """Read a search query; FilterError if that is none. Fields that are not named are the usual ones."""
    with _refusing("a search query"):
        message = _parsed("SearchQuery", _limited(data))
        has_page = message.HasField("PaginationRange")
        page = message.PaginationRange
        named = {"sort_by": message.SortBy, "dedup_by": message.DedupBy}
        return SearchQuery(
            filter=_Reader().filter(message.Filter) if message.HasField("Filter") else None,
            from_=page.From if has_page else 0,
            to=page.To if has_page and page.To != _END else None,
            sort=message.Sort,
            sort_order=message.SortOrder,
            dedup=message.Dedup,
            **{name: path for name, path in named.items() if path},
        )


def write_message(kind: str, **values: Any) -> bytes:
    """Write a message of plain fields."""
    with _refusing(kind):
        data: bytes = _new(kind, **values).SerializeToString()
        return data


def read_message(kind: str, data: bytes) -> Any:
    """Read one; FilterError if that is none."""
    with _refusing(kind):
        return _parsed(kind, data)


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Turn all that can be wrong with a message into FilterError, in a few words."""
    try:
        yield
    except (FilterError, FieldNotFound, OptionError, ValueError) as error:
        said = _printable(str(error) if isinstance(error, FilterError) else f"{what}: {error}")
        raise FilterError(said if len(said) <= LONGEST else f"{said[:LONGEST]}…") from None


def _printable(said: str) -> str:
    """Spell out what a terminal would act on: names of what enhancers add may be anything."""
    return said if said.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in said)


def _limited(data: bytes) -> bytes:
    if len(data) > LARGEST:
        raise FilterError(f"a message has at most {LARGEST:,} bytes, not {len(data):,}")
    return data


# ---- filters into messages


class _Writer:
    """One filter's message, and how many filters inside it have been written."""

    def __init__(self) -> None:
        self._written = 0

    def put(self, wanted: Filter, message: Any, depth: int = 1) -> None:
        """Write a filter into an empty Filter message."""
        self._written += 1
        _check_limits(depth, self._written)
        match wanted:
            case AnyOf((Not(Present(f)), Name(wanted="") | Text(wanted=""))):
                _put_term(message.TermString, f, "")
            case AllOf(filters):
                self._put_bool(message.Bool, _AND, filters, depth)
            case AnyOf(filters):
                self._put_bool(message.Bool, _OR, filters, depth)
            case Not(Present(f)):
                message.Null.Key = f.path
            case Not(inner):
                self._put_bool(message.Bool, _NOT, (inner,), depth)
            case Present():
                self._put_bool(message.Bool, _NOT, (~wanted,), depth)
            case _:
                _put_condition(wanted, message)

    def _put_bool(self, message: Any, op: int, filters: tuple[Filter, ...], depth: int) -> None:
        message.SetInParent()  # it is there as well if nothing is in it
        message.Op = op
        for each in filters:
            self.put(each, message.Filters.add(), depth + 1)


def _check_limits(depth: int, filters: int) -> None:
    if depth > DEEPEST or filters > MOST:
        raise FilterError(f"more than {DEEPEST} filters are inside each other, or {MOST:,} in one")


def _put_condition(wanted: Filter, message: Any) -> None:
    match wanted:
        case InNetwork(end_b, network):
            term = message.IPV4Range if network.version == 4 else message.IPRange
            _put_term(term, field("Network.B" if end_b else "Network.A"), str(network))
        case Regex(f, pattern):
            _put_term(message.Regex, f, pattern)
        case Name(f, text) | Text(f, text):
            _put_term(message.TermString, f, text)
        case Number(f, comparison, number):
            _put_number(message, f, comparison, number)
        case _:
            raise FilterError(f"{type(wanted).__name__} has no message")


def _put_term(term: Any, f: Field, value: str | int) -> None:
    term.Key, term.Value = f.path, value


def _put_number(message: Any, f: Field, comparison: int, number: int) -> None:
    """Write a number as the reference has it, if it can be said in its units: whole ones, and ms of times."""
    if f.kind is Kind.FLAG and comparison == EQUAL and number in (0, 1):
        _put_term(message.TermBool, f, number)
    elif f.kind not in (Kind.TIME, Kind.FRACTION):
        terms = {EQUAL: message.TermInt64, GREATER: message.GtInt64, LESS: message.LtInt64}
        _put_term(terms[comparison], f, number)
    elif f.kind is Kind.TIME and comparison == GREATER and number % _MS == _MS - 1:
        _put_term(message.GtInt64, f, number // _MS)
    elif f.kind is Kind.TIME and comparison == LESS and number % _MS == 0:
        _put_term(message.LtInt64, f, number // _MS)
    else:
        _put_term(message.Exact, f, number)
        message.Exact.Comparison = comparison


# ---- messages into filters


class _Reader:
    """One filter's message, and how many filters inside it have been read."""

    def __init__(self) -> None:
        self._read = 0

    def filter(self, message: Any, depth: int = 1) -> Filter:
        self._read += 1
        _check_limits(depth, self._read)
        asked = message.ListFields()
        if len(asked) != 1:
            raise FilterError(f"a filter asks for one thing, not {len(asked)}")
        name, term = asked[0][0].name, asked[0][1]
        if name == "Bool":
            return self._bool(term, depth)
        if name == "Null":
            return Filter.null(term.Key)
        return _exact(term) if name == "Exact" else _TERMS[name](term.Key, term.Value)

    def _bool(self, message: Any, depth: int) -> Filter:
        filters = tuple(self.filter(each, depth + 1) for each in message.Filters)
        if message.Op == _NOT and len(filters) == 1:
            return ~filters[0]
        if message.Op in (_OR, _AND):
            return AllOf(filters) if message.Op == _AND else AnyOf(filters)
        raise FilterError(f"filters are joined by 0 or, 1 and, 2 not (of one), not by {message.Op}")


def _exact(term: Any) -> Filter:
    f = field(term.Key)
    if f.kind not in NUMBERS or term.Comparison not in (EQUAL, GREATER, LESS):
        raise FilterError(f"{f.path} cannot be compared in this way: {term.Comparison}")
    return Number(f, term.Comparison, term.Value)


# ---- what messages are


def _new(kind: str, **values: Any) -> Any:
    return _classes()[kind](**values)


def _parsed(kind: str, data: bytes) -> Any:
    message = _new(kind)
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - it is there if there is a message

    try:
        message.ParseFromString(data)
    except DecodeError:
        raise FilterError(f"these bytes are no {kind} message") from None
    return message


@functools.cache
def _classes() -> dict[str, Any]:
    """Make a class for each message, without generated code."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: PLC0415
    except ImportError as error:
        raise ExtraMissing("messages need protobuf: pip install 'flowtable[wire]'") from error
    file = descriptor_pb2.FileDescriptorProto(name="flowtable/query.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for each in fields:
            message.field.add(**_description(*each))
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


def _description(name: str, number: int, kind: str) -> dict[str, Any]:
    """Describe a field as descriptor.proto does; a star says that it is repeated."""
    numbers = {"int64": 3, "int32": 5, "bool": 8, "string": 9, "bytes": 12}
    single = kind.removesuffix("*")
    shown: dict[str, Any] = {"name": name, "number": number, "label": 3 if kind.endswith("*") else 1}
    if single in numbers:
        return shown | {"type": numbers[single]}
    return shown | {"type": 11, "type_name": f".{_PACKAGE}.{single}"}
