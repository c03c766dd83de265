"""Names of hosts, learnt from the DNS answers in the traffic itself."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from flowtable.enhance._ends import addresses_of
from flowtable.enhance.enhancer import Enhancer
from flowtable.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from flowtable.flow import Flow
    from flowtable.flow.messages import DNSMessage

__all__ = ["HostNames"]

NS_PER_S: Final = 1_000_000_000
_DNS_PORT: Final = 53
_ANYONE: Final = ""


class _Answer(NamedTuple):
    """What somebody was told an address is called, and from when to when, Unix ns."""

    name: str
    since: int
    until: int


class HostNames(Enhancer):
    """Adds ``HostA`` and ``HostB``: the name by which an end was asked for in DNS.

    Flows have to be read with ``extra_layers=("DNS",)``. Learnt are the addresses (A, AAAA) that answer the
    question of a response, also by way of aliases (CNAME), whose name is then the one that was asked for. The
    name holds for flows that begin after the response, as long as its TTL says, and at least ``least_ttl``
    seconds, since programs use an address for longer than they may.

    What is learnt is what a client was told, which may be a lie: nothing is asked of anybody. A flow's end
    gets the name that the other end was told; only if that was told nothing, and ``anyone`` is true, the last
    one that any client was told. ``limit`` answers are kept, a few hundred bytes each; the oldest go first.
    """

    name = "host-names"

    def __init__(
        self, *, limit: int = 65_536, least_ttl: int = 60, most_ttl: int = 86_400, anyone: bool = True
    ) -> None:
        if limit < 1 or not 0 <= least_ttl <= most_ttl:
            raise OptionError("HostNames: takes a limit from 1 on, and 0 <= least_ttl <= most_ttl")
        self._limit = limit
        self._least_ttl, self._most_ttl = least_ttl, most_ttl
        self._anyone = anyone
        self._answers: dict[tuple[str, str], _Answer] = {}  # by who was told, and of which address
        self.forgotten = 0
        """Answers that went because there were too many."""

    def __len__(self) -> int:
        """Count the answers that are kept."""
        return len(self._answers)

    def enhance(self, flow: Flow) -> None:
        """Learn from a flow, and name its ends."""
        self.enhance_many([flow])

    def enhance_many(self, flows: Collection[Flow]) -> None:
        """Go through responses and beginnings of flows in the order of time."""
        events: list[tuple[int, bool, Flow, DNSMessage | None]] = []
        for flow in flows:
            message = flow.dns
            if message is not None and message.qr:
                events.append((message.timestamp, False, flow, message))
            events.append((flow.start, True, flow, None))
        events.sort(key=itemgetter(0, 1))  # what is learnt goes before what begins at the same time
        for _, _, flow, message in events:
            if message is None:
                self._name(flow)
            else:
                self._learn(flow, message)

    def _learn(self, flow: Flow, message: DNSMessage) -> None:
        ends = addresses_of(flow)
        asked_by_b = flow.get("Transport.A") == _DNS_PORT != flow.get("Transport.B")
        if not ends:
            return
        client = ends[asked_by_b]
        for address, name, ttl in answers_of(message):
            until = message.timestamp + min(max(ttl, self._least_ttl), self._most_ttl) * NS_PER_S
            answer = _Answer(name, message.timestamp, until)
            self._keep((client, address), answer)
            if self._anyone:
                self._keep((_ANYONE, address), answer)

    def _keep(self, key: tuple[str, str], answer: _Answer) -> None:
        """Keep an answer as the youngest; the same one again is one for a longer time."""
        before = self._answers.pop(key, answer)
        if before.name == answer.name:
            times = min(before.since, answer.since), max(before.until, answer.until)
            self._answers[key] = _Answer(answer.name, *times)
        else:
            self._answers[key] = max(before, answer, key=lambda each: each.since)
        if len(self._answers) > self._limit:
            del self._answers[next(iter(self._answers))]
            self.forgotten += 1

    def _name(self, flow: Flow) -> None:
        ends, start = addresses_of(flow), flow.start
        for end, address, other in zip(("HostA", "HostB"), ends, ends[::-1], strict=False):
            name = self._find((other, address), start) or self._find((_ANYONE, address), start)
            if name:
                flow.add_extra(end, name)

    def _find(self, key: tuple[str, str], time: int) -> str | None:
        answer = self._answers.get(key)
        return answer.name if answer is not None and answer.since <= time <= answer.until else None


def answers_of(message: DNSMessage) -> Iterator[tuple[str, str, int]]:
    """Give the addresses that answer a question: each with the name asked for, and how many seconds it holds.

    A message has one question (RFC 9619); records that do not lead from it to an address are passed over, so
    that an answer says nothing of names that nobody has asked it for. Names are in small letters.
    """
    if not message.qr or message.response_code != "No Error" or len(message.questions) != 1:
        return
    aliases = {r.name.lower(): r for r in message.answers if r.type == "CNAME" and r.class_ == "IN"}
    name = at = message.questions[0].name.lower()
    seconds = {at: 1 << 32}  # that each name on the way holds
    while at in aliases and (to := aliases[at].c_name.lower()) not in seconds:
        seconds[to] = min(seconds[at], aliases[at].ttl)
        at = to
    for record in message.answers:
        owner = record.name.lower()
        if name and record.ip and record.class_ == "IN" and owner in seconds:
            yield record.ip, name, min(record.ttl, seconds[owner])
