"""A defragmenter that is slow and obvious: a dictionary from a byte's place to the byte."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

LONGEST = 65_535


@dataclass(frozen=True)
class SlowPiece:
    """A fragment as its headers say; ``data`` may be shorter than ``length``, which was not captured then."""

    key: int
    offset: int
    data: bytes
    length: int
    more: bool
    time: int = 0


@dataclass
class SlowDatagram:
    """What is there of one datagram."""

    begun: int
    there: dict[int, int | None] = field(default_factory=dict)
    """Place -> byte, None for one that was not captured."""
    end: int | None = None
    pieces: int = 0
    errors: int = 0
    broken: str = ""


class SlowDefragger:
    """Takes one piece after the other; nothing is limited but the age."""

    def __init__(self, version: int, max_age: int) -> None:
        self.version = version
        self.max_age = max_age
        self.waiting: dict[int, SlowDatagram] = {}
        self.dropped: Counter[str] = Counter()
        self.times: list[int] = []

    def take(self, piece: SlowPiece) -> tuple[bytes, int, int] | None:
        """Give bytes (up to the first that is missing), pieces and bad pieces of what is whole now."""
        self.expire(piece)
        fault = self.fault(piece)
        if not fault and piece.offset == 0 and not piece.more:
            return piece.data, 1, 0
        self.forget(piece)
        datagram = self.waiting.get(piece.key)
        if datagram is None and not fault:
            datagram = self.waiting[piece.key] = SlowDatagram(piece.time)
        if not fault:
            fault = self.add(datagram, piece)
        if fault:
            self.dropped[fault] += 1
            if datagram:
                datagram.errors += 1
            return None
        if datagram.end is None or any(at not in datagram.there for at in range(datagram.end)):
            return None
        del self.waiting[piece.key]
        whole = [datagram.there[at] for at in range(datagram.end)]
        readable = whole.index(None) if None in whole else len(whole)
        return bytes(whole[:readable]), datagram.pieces, datagram.errors

    def expire(self, piece: SlowPiece) -> None:
        """The oldest goes if both of the last times are far from its begin."""
        self.times.append(piece.time)
        for key, datagram in [*self.waiting.items()]:
            if any(abs(time - datagram.begun) <= self.max_age for time in self.times[-2:]):
                break
            self.drop(key)

    def forget(self, piece: SlowPiece) -> None:
        """What has the key and is far from this piece is another datagram."""
        mine = self.waiting.get(piece.key)
        if mine and abs(piece.time - mine.begun) > self.max_age:
            self.drop(piece.key)

    def drop(self, key: int) -> None:
        self.dropped["fragment too old"] += self.waiting.pop(key).pieces

    def fault(self, piece: SlowPiece) -> str:
        """Say what is wrong with a piece alone."""
        if not piece.length and (piece.offset or piece.more):
            return "short fragment"
        if piece.more and piece.length % 8:
            return "short fragment"
        if self.version == 4 and (piece.offset > 8183 * 8 or 20 + piece.offset + piece.length > LONGEST):
            return "fragment beyond 65,535 bytes"
        if piece.offset + piece.length > LONGEST:
            return "fragment beyond 65,535 bytes"
        return ""

    def add(self, datagram: SlowDatagram, piece: SlowPiece) -> str:
        """Keep what is new."""
        if datagram.broken:
            return datagram.broken
        end = piece.offset + piece.length
        places = range(piece.offset, end)
        old = [at for at in places if at in datagram.there]
        furthest = max(datagram.there, default=-1) + 1
        fault = ""
        known = datagram.end if datagram.end is not None else LONGEST
        if end > known or (not piece.more and (end < furthest or datagram.end not in (None, end))):
            fault = "contradictory fragment"
        elif len(old) == piece.length and (piece.more or datagram.end is not None):
            fault = "duplicate fragment"
        elif old and self.version == 6:
            fault = "overlapping fragment"
        if self.version == 6 and fault and fault != "duplicate fragment":
            datagram.broken = fault
            self.dropped[fault] += datagram.pieces
            datagram.pieces = 0
            datagram.there.clear()
        if fault:
            return fault
        datagram.pieces += 1
        datagram.errors += bool(old)
        if not piece.more:
            datagram.end = end
        for at in places:
            inside = at - piece.offset
            byte = piece.data[inside] if inside < len(piece.data) else None
            datagram.there.setdefault(at, byte)
        return ""
