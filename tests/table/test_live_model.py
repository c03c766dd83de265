"""Timers of a live table, proved against a table that looks at every flow for every packet."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_model import ModelTable

from flowtable.table.live import Table
from flowtable.testing import DNS, GRE, START, TCP, UDP, Ethernet, IPv4, ManualClock, Question

A, B = "02:00:00:00:00:01", "02:00:00:00:00:02"
SECOND = 10**9
KINDS = ("udp", "dns", "tcp", "gre udp", "gre tcp", "gre gre udp", "gre alone")
APPLICATIONS = {"DNS": 10, "GRE": 25}


def inner(kind, ends, port, flags):
    src, dst = ends
    ports = (port, 5000) if src.endswith("1") else (5000, port)
    if kind == "dns":
        names = (port, 53) if src.endswith("1") else (53, port)
        return IPv4(src, dst) / UDP(*names) / DNS(questions=[Question("a.example")])
    if kind == "udp":
        return IPv4(src, dst) / UDP(*ports)
    return IPv4(src, dst) / TCP(*ports, flags)


def packet_of(kind, side, port, flags):
    """Give a frame, and its parts as the model takes them."""
    words = kind.split()
    ends = ("10.0.0.1", "10.0.0.2") if side == "x" else ("10.0.0.2", "10.0.0.1")
    frame, parts = Ethernet(A, B) if side == "x" else Ethernet(B, A), []
    layers = []
    for depth, word in enumerate(words[:-1]):
        around = (
            ("192.0.2.1", f"192.0.2.{depth + 2}") if side == "x" else (f"192.0.2.{depth + 2}", "192.0.2.1")
        )
        layers += [IPv4(*around), GRE()]
        parts.append((f"{word}{depth}", side, "", "GRE"))
    if words[-1] == "alone":
        layers += [inner("udp", ends, 9, "")]
        parts.append((("udp", 9), side, "", "UDP"))
    else:
        used = flags if words[-1] == "tcp" else ""
        layers.append(inner(words[-1], ends, port, flags))
        parts.append(((words[-1], port), side, used, {"dns": "DNS", "udp": "UDP", "tcp": "TCP"}[words[-1]]))
    for layer in layers:
        frame = frame / layer
    return bytes(frame), parts


packets = st.lists(
    st.tuples(
        st.sampled_from(
            [0, 1, SECOND // 2, SECOND, 9 * SECOND, 10 * SECOND, 15 * SECOND, 31 * SECOND, 200 * SECOND]
        )
        | st.integers(0, 70 * SECOND),
        st.sampled_from(KINDS),
        st.sampled_from("xy"),
        st.integers(1001, 1003),
        st.sampled_from(["S", "SA", "A", "A", "FA", "FA", "R"]),
    ),
    max_size=60,
)


def key_of(flow):
    if flow.application == "GRE":
        return f"gre{flow.layers_path.count('GRE') - 1 + _depth(flow)}"
    ports = {flow.transport.a, flow.transport.b} - {53, 5000}
    kind = "dns" if 53 in (flow.transport.a, flow.transport.b) else flow.transport.protocol.lower()
    return (kind, ports.pop() if ports else 5000)


def _depth(flow):
    depth, parent = 0, flow.parent
    while parent is not None:
        depth, parent = depth + 1, parent.parent
    return depth


def ended_row(flow):
    since = flow.last_update_metric
    return (
        key_of(flow), flow.start, flow.last, flow.metric.ab_packets, flow.metric.ba_packets, flow.finish_type,
        flow.segment, flow.parent and (key_of(flow.parent), flow.parent.start),
        since.ab_packets, since.ba_packets, since.start, since.last,
    )  # fmt: skip


def updated_row(flow):
    since = flow.last_update_metric
    return (
        since.last, key_of(flow), flow.start, flow.last, flow.metric.ab_packets, flow.metric.ba_packets,
        since.ab_packets, since.ba_packets, since.start, flow.finish_type,
    )  # fmt: skip


def both(rows, times, way):
    """Feed packets to the real table and to the model; gives what each handed out."""
    seconds = {name: value / SECOND for name, value in times.items() if value is not None}
    model = ModelTable(**times, applications={name: s * SECOND for name, s in APPLICATIONS.items()})
    ended, updated = [], []
    clock = ManualClock(START)
    table = Table(
        on_expire=lambda flows: ended.extend(map(ended_row, flows)),
        on_update=lambda flows: updated.extend(map(updated_row, flows)),
        application_timeouts=APPLICATIONS,
        clock=clock if way == "with a clock" else None,
        **seconds,
    )
    now = START
    frames = []
    with table:
        for after, *what in rows:
            now += after
            frame, parts = packet_of(*what)
            model.packet(now, parts)
            frames.append((now, frame, len(frame), 1))
            if way != "at once":
                table.feed(frames)
                frames = []
            if way == "with a clock":
                clock.set(now + after)
                model.pass_time(now + after)
                now += after
        table.feed(frames)
    model.stop()
    account = table.statistics.account
    assert account.adds_up()
    assert table.statistics.flows == 0
    return (ended, updated), (model.ended, model.updated)


def in_order(rows):
    return sorted(rows, key=repr)


@pytest.mark.parametrize("way", ["at once", "one by one", "with a clock"])
@pytest.mark.parametrize(
    "times",
    [
        {"expire_after": 30 * SECOND, "update_every": 20 * SECOND, "hold_ended": 15 * SECOND},
        {
            "expire_after": 60 * SECOND,
            "update_every": 7 * SECOND,
            "hold_ended": 0,
            "active_timeout": 9 * SECOND,
        },
        {
            "expire_after": 9 * SECOND,
            "update_every": 600 * SECOND,
            "hold_ended": 5 * SECOND,
            "active_timeout": 30 * SECOND,
        },
    ],
    ids=["expiry", "active timeout", "long active timeout"],
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=packets)
def test_flows_end_and_are_handed_out_as_the_model_says(times, way, rows):
    (ended, updated), (model_ended, model_updated) = both(rows, times, way)
    stopped = [row for row in model_ended if row[5] == "STOPPED"]
    assert in_order(ended) == in_order(model_ended)
    assert in_order(updated) == in_order(model_updated)
    assert len(stopped) == sum(row[5] == "STOPPED" for row in ended)
