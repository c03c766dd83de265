"""A TCP stream that is slow and obvious: a dictionary from a byte's place to the byte."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class SlowStream:
    """One side's stream, its SYN seen; places count from its first byte, and what waits has no limit."""

    next: int = 0
    held: dict[int, tuple[int, int]] = field(default_factory=dict)  # place -> byte, number of its segment
    heard: list[int | None] = field(default_factory=list)  # None: missing
    segments: set[int] = field(default_factory=set)
    out_of_order: int = 0
    retransmitted: int = 0
    skipped: int = 0
    end: int | None = None
    has_ended: bool = False
    bare_end: bool = False

    def take(self, number, place, data, *, fin=False):
        """Take a segment: its number in the capture, and where its first byte is."""
        is_probe = len(data) == 1 and place == self.next - 1
        new = [at for at in range(place, place + len(data)) if at >= self.next and at not in self.held]
        self.retransmitted += bool(data) and len(new) < len(data) and not is_probe
        for at in new:
            self.held[at] = data[at - place], number
        self.fill(number)
        if fin:
            self.take_fin(place + len(data), bare=not data)
        self.reach_end(late=not fin)

    def fill(self, number):
        """Give on what is next; what came before the segment that fills the gap was out of order."""
        late = set()
        while self.next in self.held:
            byte, segment = self.held.pop(self.next)
            self.heard.append(byte)
            self.segments.add(segment)
            late |= {segment} - {number}
            self.next += 1
        self.out_of_order += len(late)

    def take_fin(self, place, *, bare):
        if self.has_ended or self.end == place:
            self.retransmitted += bare
        else:
            self.end, self.bare_end = place, bare

    def reach_end(self, *, late):
        if self.end == self.next and not self.has_ended:
            self.has_ended = True
            self.next += 1
            self.out_of_order += late and self.bare_end
            if self.bare_end:
                self.segments.add(-1)

    def stop(self):
        """Nothing more comes: give up each gap."""
        while self.held:
            gap = min(self.held) - self.next
            self.heard += [None] * gap
            self.skipped += 1
            self.next += gap
            before = self.out_of_order
            self.fill(-2)
            self.out_of_order = before
        if self.end is not None and self.end > self.next:
            self.heard += [None] * (self.end - self.next)
            self.skipped += 1
            self.next = self.end
        self.reach_end(late=False)
