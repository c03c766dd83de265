"""Filters as text, in Python's syntax: read by a parser of its own, and never evaluated.

::

    either   = both ("or" both)*
    both     = not ("and" not)*
    not      = "not" not | "(" either ")" | test
    test     = operand (comparison operand)+            # 0 < Metric.RTT <= 5_000_000
             | field ["not"] "in" values                # Transport in (80, 443), Network.A in "10.0.0.0/8"
             | field "is" ["not"] "None"
             | "match" "(" field "," text ")"           # match(LayersPath, "VXLAN|Geneve")
             | field                                    # a flow that has it, and not 0, false or empty
    field    = name | "Extra" "[" text "]"              # Extra["name of an enhancer's own"]
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from flowtable.errors import FieldNotFound, FilterError
from flowtable.flow.schema import ENDED_LAYERS, Kind, field, similar
from flowtable.query.filters import Filter, Value

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["parse"]

LONGEST: Final = 8192
"""Characters of an expression."""
DEEPEST: Final = 64
"""Brackets and ``not`` inside each other."""

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<number>0[xX][0-9a-fA-F]{1,16}|\d[\d_]{0,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?)(?![\w.])
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
      | (?P<sign>==|!=|>=|<=|[<>(),\[\]-])
    )""",
    re.VERBOSE | re.DOTALL,
)
_COMPARISONS: Final[dict[str, Callable[[str, Value], Filter]]] = {
    "==": Filter.term,
    "!=": Filter.not_equal,
    ">": Filter.greater,
    "<": Filter.less,
    ">=": Filter.at_least,
    "<=": Filter.at_most,
}
_TURNED: Final = {"==": "==", "!=": "!=", ">": "<", "<": ">", ">=": "<=", "<=": ">="}
_WORDS: Final = frozenset({"and", "or", "not", "in", "is", "None", "True", "False"})


_Operand = tuple[str | None, Value]
"""A field's name, or None and a value."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(expression: str) -> Filter:
    """Read a filter; FilterError says what is wrong, and where."""
    if not isinstance(expression, str):
        raise FilterError(f"a filter is a text, not {type(expression).__name__}")
    if len(expression) > LONGEST:
        raise FilterError(f"a filter has at most {LONGEST:,} characters, not {len(expression):,}")
    return _Parser(expression).whole()


class _Parser:
    """One expression, and how far it has been read."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = list(self._split())
        self._next = 0
        self._depth = 0

    def whole(self) -> Filter:
        found = self._either()
        if self._here.kind != "end":
            self._fail("nothing more is expected here")
        return found

    def _split(self) -> list[_Token]:
        tokens, at = [], 0
        end = len(self._expression.rstrip())
        while at < end:
            match = _TOKEN.match(self._expression, at)
            if match is None or match.lastgroup is None:
                at += len(self._expression[at:]) - len(self._expression[at:].lstrip())
                self._fail_at(at, f"{self._expression[at]!r} is not understood")
            tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
            at = match.end()
        return [*tokens, _Token("end", "", end)]

    # ---- what there is

    @property
    def _here(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, *texts: str) -> bool:
        """Pass over these words or signs, if they are all here."""
        following = self._tokens[self._next : self._next + len(texts)]
        if [t.text for t in following] != list(texts) or any(t.kind == "text" for t in following):
            return False
        self._next += len(texts)
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            self._fail(f"{text!r} is expected here")

    def _fail(self, why: str) -> NoReturn:
        self._fail_at(self._here.at, why)

    def _fail_at(self, at: int, why: str) -> NoReturn:
        """Show the place, in a piece of a long expression."""
        start = max(0, at - 40)
        piece = re.sub(r"\s", " ", self._expression[start : at + 40])
        piece = piece if piece.isprintable() else "".join(c if c.isprintable() else "?" for c in piece)
        raise FilterError(f"{why}\n  {piece}\n  {' ' * (at - start)}^")

    def _deeper(self, read: Callable[[], Filter]) -> Filter:
        if self._depth == DEEPEST:
            self._fail(f"more than {DEEPEST} brackets and nots are inside each other")
        self._depth += 1
        found = read()
        self._depth -= 1
        return found

    # ---- the grammar

    def _either(self) -> Filter:
        found = [self._both()]
        while self._take("or"):
            found.append(self._both())
        return found[0] if len(found) == 1 else Filter.any_of(*found)

    def _both(self) -> Filter:
        found = [self._not()]
        while self._take("and"):
            found.append(self._not())
        return found[0] if len(found) == 1 else Filter.all_of(*found)

    def _not(self) -> Filter:
        if self._take("not"):
            return ~self._deeper(self._not)
        if self._take("("):
            found = self._deeper(self._either)
            self._expect(")")
            return found
        return self._test()

    def _test(self) -> Filter:
        if self._take("match", "("):
            return self._match()
        if self._here.kind != "name" or self._here.text in _WORDS:
            return self._comparisons(None)
        at, name = self._here.at, self._field()
        if self._here.text in _COMPARISONS:
            return self._comparisons(name)
        if self._take("is"):
            return self._is(at, name)
        if self._take("not", "in"):
            return ~self._in(at, name)
        return self._in(at, name) if self._take("in") else self._made(at, lambda: _is_there(name))

    def _is(self, at: int, name: str) -> Filter:
        has_it = self._take("not")
        self._expect("None")
        null = self._made(at, lambda: Filter.null(name))
        return ~null if has_it else null

    def _comparisons(self, name: str | None) -> Filter:
        """Compare operands in a row, each with the next; ``name`` is a field if one has been read."""
        left: _Operand = (name, 0) if name is not None else (None, self._value())
        found: list[tuple[int, str, str, Value]] = []
        while self._here.kind == "sign" and self._here.text in _COMPARISONS:
            at, sign = self._here.at, self._here.text
            self._next += 1
            right = self._operand()
            if (left[0] is None) == (right[0] is None):
                self._fail_at(at, "a comparison is of one field and one value")
            if left[0] is None:
                found.append((at, _TURNED[sign], right[0] or "", left[1]))
            else:
                found.append((at, sign, left[0], right[1]))
            left = right
        if not found:
            self._fail("a comparison is expected here: ==, !=, <, <=, >, >=, in or is")
        return self._compared(found)

    def _operand(self) -> _Operand:
        is_field = self._here.kind == "name" and self._here.text not in _WORDS
        return (self._field(), 0) if is_field else (None, self._value())

    def _compared(self, comparisons: list[tuple[int, str, str, Value]]) -> Filter:
        """All of them; where a layer stands for its ends, several are true of the same one."""
        name = comparisons[0][2]
        if len(comparisons) > 1 and name in ENDED_LAYERS and all(each[2] == name for each in comparisons):
            ends = [
                [(at, sign, f"{name}.{end}", value) for at, sign, _, value in comparisons]
                for end in ("A", "B")
            ]
            return Filter.any_of(*map(self._compared, ends))
        found = [
            self._made(at, lambda sign=sign, name=name, value=value: _COMPARISONS[sign](name, value))  # type: ignore[misc]
            for at, sign, name, value in comparisons
        ]
        return found[0] if len(found) == 1 else Filter.all_of(*found)

    def _in(self, at: int, name: str) -> Filter:
        values = self._values()
        make = Filter.ip_range if _is_address(name) else Filter.term
        return self._made(at, lambda: Filter.any_of(*(make(name, value) for value in values)))  # type: ignore[arg-type]

    def _values(self) -> list[Value]:
        for begin, end in (("(", ")"), ("[", "]")):
            if self._take(begin):
                values = [self._value()]
                while self._take(","):
                    if self._here.text == end:
                        break
                    values.append(self._value())
                self._expect(end)
                return values
        return [self._value()]

    def _match(self) -> Filter:
        at, name = self._here.at, self._field()
        self._expect(",")
        pattern_at, pattern = self._here.at, self._value()
        if not isinstance(pattern, str):
            self._fail_at(pattern_at, "a regular expression is a text")
        self._expect(")")
        return self._made(at, lambda: Filter.regex(name, pattern))

    def _field(self) -> str:
        token = self._here
        if token.kind != "name" or token.text in _WORDS:
            self._fail("a field is expected here")
        if token.text not in ENDED_LAYERS:
            try:
                field(token.text)
            except FieldNotFound:
                self._fail(f"a flow has no field {token.text!r}; {_hint(token.text)}")
        self._next += 1
        return self._extra() if token.text in ("Extra", "extra") and self._here.text == "[" else token.text

    def _extra(self) -> str:
        """Read a name in quotes and brackets."""
        self._expect("[")
        at, name = self._here.at, self._value()
        if not isinstance(name, str) or not name:
            self._fail_at(at, "what an enhancer has added has a name, which is a text in quotes")
        self._expect("]")
        return f"Extra.{name}"

    def _value(self) -> Value:
        negative = self._take("-")
        token = self._here
        if token.kind == "number":
            number = _number(token.text)
        elif negative or (token.text not in ("True", "False") and token.kind != "text"):
            self._fail("a number or a text in quotes is expected here")
        self._next += 1
        if token.kind == "number":
            return -number if negative else number
        return _text(token.text) if token.kind == "text" else token.text == "True"

    def _made(self, at: int, make: Callable[[], Filter]) -> Filter:
        """Make a filter; what is wrong with its value is said with its place."""
        try:
            return make()
        except FilterError as error:
            self._fail_at(at, str(error))


def _number(text: str) -> int | float:
    digits = text.replace("_", "")
    if digits[:2] in ("0x", "0X"):
        return int(digits, 16)
    return float(digits) if set(digits) & set(".eE") else int(digits)


def _text(quoted: str) -> str:
    """Take a text out of its quotes; a backslash stands for itself, but before a quote or another one."""
    return re.sub(r"\\([\"'\\])", r"\1", quoted[1:-1])


def _is_address(name: str) -> bool:
    return name == "Network" or (name not in ENDED_LAYERS and field(name).path in ("Network.A", "Network.B"))


def _is_there(name: str) -> Filter:
    """Tell flows that have a field that says something."""
    number = name == "Transport" or (name not in ("Link", "Network") and _is_number(name))
    return ~Filter.null(name) & Filter.not_equal(name, 0 if number else "")


def _is_number(name: str) -> bool:
    return field(name).kind not in (Kind.ADDRESS, Kind.ID, Kind.TEXT, Kind.NAME, Kind.EXTRA)


def _hint(name: str) -> str:
    close = similar(name, ENDED_LAYERS)
    return f"did you mean {' or '.join(close)}?" if close else "Flow.field_names() lists them"
