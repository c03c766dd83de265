"""A table as simple as can be, which looks at every flow for every packet, to hold the real one against."""

from __future__ import annotations

from dataclasses import dataclass, field

NEVER = 1 << 80


@dataclass
class ModelFlow:
    key: tuple
    parent: ModelFlow | None
    start: int
    idle: int
    last: int = 0
    held_until: int = NEVER
    finish: str = "NOT_FINISHED"
    segment_start: int = 0
    segment: int = 0
    packets: dict = field(default_factory=lambda: {"A": 0, "B": 0})
    cut: dict = field(default_factory=lambda: {"A": 0, "B": 0})
    updated: dict = field(default_factory=lambda: {"A": 0, "B": 0})
    fins: set = field(default_factory=set)
    changed: bool = False


class ModelTable:
    """``ended`` and ``updated`` are what it has handed out, as tuples."""

    def __init__(self, *, expire_after, update_every, hold_ended, active_timeout=None, applications=None):
        self.expire_after, self.update_every = expire_after, update_every
        self.active, self.hold = active_timeout or NEVER, max(hold_ended, 1)
        self.applications = applications or {}
        self.flows = []
        self.ended, self.updated = [], []
        self.next_update = None
        self.updated_at = None

    def packet(self, time, parts):
        """Count a packet; its parts are ``(key, side that sent it, flags, application)``, outermost first."""
        self.pass_time(time)
        parent = None
        for key, side, flags, application in parts:
            parent = self.count(time, (key, parent), side, flags, application)

    def count(self, time, key, side, flags, application):
        flow = next((f for f in self.flows if (f.key, f.parent) == key), None)
        if flow is not None and flow.finish != "NOT_FINISHED" and flags == "S":
            self.end(flow, flow.finish)
            flow = None
        if flow is None:
            idle = min(self.applications.get(application, self.expire_after), self.expire_after)
            flow = ModelFlow(*key, time, idle, segment_start=time)
            flow.first = side
            self.flows.append(flow)
        flow.last = time
        flow.packets["A" if side == flow.first else "B"] += 1
        flow.changed = True
        if flow.finish == "NOT_FINISHED":
            flow.fins |= {side} if "F" in flags else set()
            if "R" in flags or len(flow.fins) == 2:
                flow.finish = "TCP_RST" if "R" in flags else "TCP_FIN"
                flow.held_until = time + self.hold
        return flow

    def end_due(self, flow):
        if any(each.parent is flow for each in self.flows):
            return NEVER
        return min(flow.last + flow.idle, flow.held_until)

    def pass_time(self, time):
        if self.next_update is None:
            self.next_update, self.updated_at = time + self.update_every, time
        while True:
            dues = [(self.end_due(f), 0, i) for i, f in enumerate(self.flows)]
            dues += [(f.segment_start + self.active, 1, i) for i, f in enumerate(self.flows)]
            dues.append((self.next_update, 2, None))
            due, what, which = min(dues, key=lambda each: each[:2])
            if due > time:
                return
            if what == 0:
                self.end(self.flows[which], "TIMEOUT")
            elif what == 1:
                self.cut(self.flows[which], due)
            else:
                self.update(due)

    def end(self, flow, finish):
        flow.finish = finish if flow.finish == "NOT_FINISHED" else flow.finish
        self.flows.remove(flow)
        self.ended.append(self.row(flow, flow.finish))

    def cut(self, flow, due):
        if flow.packets != flow.cut:
            self.ended.append(self.row(flow, "ACTIVE_TIMEOUT"))
            flow.updated = flow.updated
            flow.segment += 1
            flow.cut = dict(flow.packets)
        flow.segment_start = due

    def row(self, flow, finish):
        since = {side: flow.packets[side] - flow.cut[side] for side in "AB"}
        update = {side: flow.packets[side] - flow.updated[side] for side in "AB"}
        return (
            flow.key, flow.start, flow.last, since["A"], since["B"], finish, flow.segment,
            flow.parent and (flow.parent.key, flow.parent.start),
            update["A"], update["B"], max(self.updated_at, flow.start), flow.last,
        )  # fmt: skip

    def update(self, due):
        for flow in self.flows:
            if flow.changed:
                self.updated.append((
                    due, flow.key, flow.start, flow.last, flow.packets["A"], flow.packets["B"],
                    flow.packets["A"] - flow.updated["A"], flow.packets["B"] - flow.updated["B"],
                    max(self.updated_at, flow.start), flow.finish,
                ))  # fmt: skip
                flow.updated = dict(flow.packets)
                flow.changed = False
        self.updated_at, self.next_update = due, due + self.update_every

    def stop(self):
        """Let all flows end, those inside before those around."""
        while self.flows:
            inner = next(f for f in self.flows if not any(each.parent is f for each in self.flows))
            self.end(inner, "STOPPED")
