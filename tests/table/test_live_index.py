"""Flows that come and go while the index grows: each packet finds the flow that it is of."""

import pytest
from living import SECOND, udp
from reading import seeded

from flowtable.table.live import Table
from flowtable.testing import START

IDLE = 20


class Model:
    """Flows by port, each ``[packets, time of the last one]``; those that end are ``ended``."""

    def __init__(self):
        self.living, self.ended = {}, []

    def packet(self, port, now):
        flow = self.living.get(port)
        if flow is not None and flow[1] + IDLE * SECOND <= now:
            self.ended.append((port, flow[0]))
            flow = None
        if flow is None:
            flow = self.living[port] = [0, now]
        flow[0], flow[1] = flow[0] + 1, now

    def stop(self):
        self.ended += [(port, flow[0]) for port, flow in self.living.items()]


def waves(source):
    """Give ports by turns: few that stay, and waves of many, which the index grows for and lets go."""
    for wave in (300, 3_000, 500, 12_000, 1_000, 30_000, 100, 6_000):
        first = source.randrange(1, 30_000)
        ports = list(range(first, first + wave))
        source.shuffle(ports)
        for port in ports:
            yield port
            if source.random() < 0.2:
                yield source.randrange(1, 400)
            if source.random() < 0.2:
                yield source.choice(ports)


@pytest.mark.parametrize("seed", range(3))
def test_flows_that_come_and_go(seed):
    source, model, ended = seeded(seed), Model(), []
    known = {}

    def take(flows):
        ended.extend(zip(flows.values("Transport.A"), flows.values("Metric.ABPackets"), strict=True))

    with Table(on_expire=take, expire_after=IDLE, application_timeouts={}) as table:
        now, frames = START, []
        for port in waves(source):
            now += source.choice((0, SECOND // 1000, SECOND // 200))
            data = known.get(port) or known.setdefault(port, udp(port))
            model.packet(port, now)
            frames.append((now, data, len(data), 1))
            if len(frames) == 500:
                table.feed(frames)
                frames = []
        table.feed(frames)
    model.stop()
    assert sorted(ended) == sorted(model.ended)
