"""Live tables that are asked while packets come."""

import random
import threading

import pytest

from flowtable import FlowError, SearchQuery, TableQuery
from flowtable.table.allocator import TableAllocator
from flowtable.table.live import Table
from flowtable.table.table_options import FlowUUIDs
from flowtable.testing import GRE, START, TCP, UDP, Ethernet, IPv4

SECOND = 10**9
A, B = "02:00:00:00:00:01", "02:00:00:00:00:02"


def udp(number, time=START, *, port=53000, tunnel=False):
    around = IPv4("192.0.2.1", "192.0.2.2") / GRE() if tunnel else None
    inside = IPv4(f"10.0.{number >> 8}.{number & 255}", "10.1.0.1") / UDP(1000, port) / b"data"
    frame = bytes(Ethernet(A, B) / around / inside if tunnel else Ethernet(A, B) / inside)
    return time, frame, len(frame), 1


def test_a_search_gives_what_a_set_of_the_same_flows_gives():
    frames = [
        udp(n, START + n, port=440 + n % 9, tunnel=n % 5 == 0) for n in range(300) for _ in range(1 + n % 7)
    ]
    queries = [
        SearchQuery(),
        SearchQuery(
            filter="Transport == 443", sort=True, sort_by="Metric.ABBytes", sort_order="descending", to=5
        ),
        SearchQuery(filter='Network in "10.0.0.0/25"', dedup=True, dedup_by="Transport.B"),
        SearchQuery(sort=True, sort_by="Start", from_=10, to=20),
    ]
    with Table() as table:
        table.feed(frames)
        flows = table.flows
        for query in queries:
            found = table.search(query)
            assert sorted(f.uuid for f in found) == sorted(f.uuid for f in flows.search(query))
            assert [f.to_dict() for f in found] == [f.to_dict() for f in flows.search(query)]
        reply = table.query(TableQuery(query=SearchQuery(filter="Transport == 1")))
        assert (reply.status, len(reply.flow_sets)) == (204, 1)
        assert table.query(TableQuery("Other")).status == 400
        assert [
            f.parent.layers_path for f in table.search(SearchQuery(filter='LayersPath == "IPv4/UDP"'))
        ] == (["Ethernet/IPv4/GRE"] * 60)


def test_copies_stay_what_they_were():
    with Table() as table:
        table.feed([udp(1)])
        before = table.flows
        table.feed([udp(1), udp(2)])
        assert [f.metric.ab_packets for f in before] == [1]
        assert sorted(f.metric.ab_packets for f in table.flows) == [1, 2]


def test_the_biggest_flows_come_first():
    with Table() as table:
        table.feed([udp(n, port=100 + n) for n in range(1, 20) for _ in range(n)])
        assert [f.transport.b for f in table.biggest(2, "Transport.B < 110")] == [109, 108]
    with Table() as table:
        table.feed([udp(n) for n in range(1, 20) for _ in range(n)])
        assert [f.metric.ab_packets for f in table.biggest(3)] == [19, 18, 17]
        assert len(table.biggest(100)) == 19


def test_flows_that_end_while_somebody_asks_are_in_the_answer_once():
    """Their records are not used again until the answer is complete."""
    with Table(expire_after=10, max_flows=50) as table:
        table.feed([udp(n) for n in range(40)])
        engine = table._engine
        asked = engine.begin_asking()
        table.feed([udp(100 + n, START + 60 * SECOND) for n in range(45)])  # all others have ended
        there = engine.there(asked)
        records, rows = engine.copies(there)
        engine.end_asking()
        assert sorted(records.value(row, 6 + 2, 0) is not None for row in rows) == [True] * 40
        assert len(set(there)) == len(there) == 40
        table.feed([udp(200, START + 61 * SECOND)])
        assert len(table.flows) == len(table) == 46


def test_each_flow_is_seen_once_and_whole_while_packets_come():
    """Packets and bytes of a flow belong together, whenever it is looked at."""
    frames = [[udp(n, START + turn * 1000) for n in range(500) for _ in range(3)] for turn in range(40)]
    length = frames[0][0][2]
    stopping = threading.Event()
    seen = []

    def ask():
        while not stopping.is_set():
            flows = table.search(SearchQuery(filter="Metric.ABPackets > 0"))
            seen.append(len(flows))
            assert all(f.metric.ab_bytes == length * f.metric.ab_packets for f in flows)
            assert len({f.uuid for f in flows}) == len(flows)

    with Table() as table:
        asking = threading.Thread(target=ask)
        asking.start()
        for batch in frames:
            table.feed(batch)
        stopping.set()
        asking.join()
        assert len(table.flows) == 500
        assert {f.metric.ab_packets for f in table.flows} == {120}
    assert max(seen, default=0) <= 500


def test_a_table_under_pressure_answers_with_what_it_has():
    numbers = random.Random(1)  # noqa: S311 - nothing is hidden by it
    with Table(max_flows=64, expire_after=5) as table:
        for turn in range(200):
            table.feed(
                [
                    udp(numbers.randrange(500), START + turn * SECOND // 4, tunnel=turn % 3 == 0)
                    for _ in range(30)
                ]
            )
            flows = table.search(SearchQuery(sort=True, sort_by="Metric.ABBytes", to=10))
            assert len(flows) <= 10
            assert all(f.parent is None or f.parent.application == "GRE" for f in flows)
            assert len(table) <= 64


def test_an_allocator_makes_tables_finds_and_releases_them():
    ended, updated = [], []
    with TableAllocator(on_expire=ended.extend, on_update=updated.extend, update_every=60) as tables:
        one = tables.alloc("one")
        two = tables.alloc("two", uuids=FlowUUIDs(capture_id="c"))
        with pytest.raises(FlowError, match="there is a table for node 'one' already"):
            tables.alloc("one")
        one.feed([udp(1)])
        two.feed([udp(1), udp(2)])
        reply = tables.query_table(TableQuery(query=SearchQuery()))
        assert (reply.status, [len(found) for found in reply.flow_sets]) == (200, [1, 2])
        assert {f.node_tid for found in reply.flow_sets for f in found} == {"one", "two"}
        assert tables.find("one") is one
        assert tables.find("three") is None
        tables.update()
        tables.expire()
        tables.release(one)
        with pytest.raises(FlowError, match="not made here, or has been released"):
            tables.release(one)
        assert [f.node_tid for f in ended] == ["one"]
        assert len(tables) == 1
    assert sorted(f.node_tid for f in ended) == ["one", "two", "two"]
    assert sorted(f.last_update_metric.ab_packets for f in updated) == [1, 1, 1]


def test_tcp_flags_and_all_are_in_copies_too():
    with Table() as table:
        frame = bytes(Ethernet(A, B) / IPv4("10.0.0.1", "10.0.0.2") / TCP(1, 2, "S"))
        table.feed([(START, frame, len(frame), 1)])
        (flow,) = table.flows
        assert flow.tcp_flags.ab == 2
        assert flow.finish_type == "NOT_FINISHED"
        assert flow.community_id.startswith("1:")
