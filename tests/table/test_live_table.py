"""A live table's own life: start and stop, threads, handlers, options, and what it says of itself."""

import asyncio
import contextlib
import logging
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from living import Watched, tcp, tunnel, udp

from flowtable.background import Task
from flowtable.capture import open_capture
from flowtable.enhance import Enhancer, EnhancerPipeline
from flowtable.errors import CaptureError, FilterError, FlowError, FlowProtocolError, OptionError
from flowtable.flow.flowset import FlowSet
from flowtable.table import ApplicationPortMap
from flowtable.table.allocator import TableAllocator
from flowtable.table.handlers import FlowHandler, HandlerQueue
from flowtable.table.live import Table
from flowtable.table.table_options import FlowOpts, FlowUUIDs, TableOpts
from flowtable.testing import START, ManualClock, write_pcap

LONG = 60  # seconds after which a test gives up waiting


def frames(*packets, at=0):
    return [(START + at * 10**9, data, len(data), 1) for data in packets]


# ---- life


def test_stop_hands_over_everything_once():
    ended = []
    with Table(on_expire=ended.extend) as table:
        table.feed(frames(*(udp(port) for port in range(1, 10_001)), tunnel(3)))
        assert ended == []
    assert len(ended) == len({flow.uuid for flow in ended}) == 10_004
    assert {flow.finish_type for flow in ended} == {"STOPPED"}
    families = [flow.application for flow in ended if flow.parent or flow.application == "GRE"]
    assert families == ["UDP", "GRE", "GRE", "GRE"]
    table.stop()
    assert len(ended) == 10_004
    assert table.statistics.flows == len(table) == 0


def test_a_stopped_table_takes_nothing_and_does_not_start_again():
    table = Table()
    with pytest.raises(FlowError, match="this table is new, and takes no packets"):
        table.feed(frames(udp()))
    table.stop()
    with table, pytest.raises(FlowError, match="this table is running; make another one"):
        table.start()
    with pytest.raises(FlowError, match="this table is stopped, and takes no packets"):
        table.feed(frames(udp()))
    with pytest.raises(FlowError, match="this table is stopped; make another one"):
        table.start()
    assert table.statistics.account.frames == 0


def test_a_table_without_handlers_counts():
    with Table() as table:
        table.feed(frames(udp(), udp(back=True), tcp("S")))
        assert repr(table) == "<Table, running: 2 flows>"
    assert table.statistics.flows_ended["STOPPED"] == 2
    assert repr(table) == "<Table, stopped: 0 flows>"


def test_async_with():
    ended = []

    async def fed():
        async with Table(on_expire=ended.extend) as table:
            await asyncio.to_thread(table.feed, frames(udp()))

    asyncio.run(fed())
    assert len(ended) == 1


def test_run_feeds_captures_and_stops(tmp_path):
    ended = []
    for number in (1, 2):
        write_pcap(tmp_path / f"{number}.pcap", [udp(number), udp(number)])
    table = Table(on_expire=ended.extend, clock=None)
    table.run(*(open_capture(tmp_path / f"{number}.pcap") for number in (1, 2)))
    assert sorted(flow.transport.a for flow in ended) == [1, 2]
    assert table.statistics.account.frames == 4


def test_what_a_source_raises_is_raised_when_all_is_handed_over(tmp_path):
    ended = []
    write_pcap(tmp_path / "a.pcap", [udp()] * 3)
    table = Table(on_expire=ended.extend).start()
    table.feed(open_capture(tmp_path / "a.pcap"))
    table.add([(-1, b"", 0, 1)])
    table.stop()
    assert not table.is_fed
    with pytest.raises(CaptureError, match="frame 0 has a time before 1970"):
        table.raise_errors()
    assert [flow.metric.ab_packets for flow in ended] == [3]


def test_what_a_source_raises_is_raised_by_run():
    class Endless:
        """Frames without an end, as a network has them."""

        def __iter__(self):
            raise RuntimeError("no network")

    table = Table()
    with pytest.raises(RuntimeError, match="no network"):
        table.run(Endless(), frames(udp()))
    assert len(table) == 0


def test_frames_that_cannot_be():
    with Table() as table:
        for row in [(-1, b"", 0, 1), (2**63, b"", 0, 1), (0, b"", 2**32, 1), (0, b"", 0, 2**16)]:
            with pytest.raises(CaptureError, match="frame 1 has a time"):
                table.feed([*frames(udp()), row])
        assert table.statistics.account.frames == 0


def test_a_table_forgets_the_frames_that_it_was_given():
    with Table() as table:
        for _ in range(100):
            table.feed(frames(udp()))
        assert table._sources == []
        assert table.statistics.account.frames == 100


def test_what_ended_sources_counted_stays(tmp_path):
    path = tmp_path / "cut.pcap"
    write_pcap(path, [udp(size=100)] * 3)
    path.write_bytes(path.read_bytes()[:-1])
    with Table() as table:
        for count in (1, 2):
            with pytest.warns(Warning, match=r"cut\.pcap"):
                table.feed(open_capture(path))
            account = table.statistics.account
            assert (account.frames, account.incomplete) == (2 * count, count)


# ---- threads


def test_many_threads_feed_at_once():
    """Each has flows of its own, and all of them have one together; each packet is counted once."""
    ended, threads, rounds = [], 8, 50
    with Table(on_expire=ended.extend, update_every=None) as table:
        go = threading.Barrier(threads)

        def feed(own):
            go.wait(LONG)
            for at in range(rounds):
                table.feed(frames(udp(own), udp(9), tunnel(2, port=own), at=at))

        workers = [threading.Thread(target=feed, args=(100 + n,)) for n in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(LONG)
    counted = sorted(flow.metric.ab_packets for flow in ended if flow.application == "UDP")
    assert counted == [rounds] * (2 * threads) + [rounds * threads]
    assert sorted(f.metric.ab_packets for f in ended if f.application == "GRE") == [rounds * threads] * 2
    assert table.statistics.account.frames == 3 * rounds * threads
    assert table.statistics.account.adds_up()


def test_stop_waits_for_threads_that_feed_and_loses_nothing():
    """What was counted is handed over, however threads and stop() meet."""
    for _ in range(20):
        ended = []
        table = Table(on_expire=ended.extend).start()
        begun = threading.Barrier(4)

        def feed(own, table=table, begun=begun):
            begun.wait(LONG)
            with contextlib.suppress(FlowError):  # the table is being stopped
                for at in range(200):
                    table.feed(frames(*(udp(own + n) for n in range(20)), at=at))

        workers = [threading.Thread(target=feed, args=(1000 * n,)) for n in (1, 2, 3)]
        for worker in workers:
            worker.start()
        begun.wait(LONG)
        stoppers = [threading.Thread(target=table.stop) for _ in range(2)]
        for stopper in stoppers:
            stopper.start()
        for each in (*stoppers, *workers):
            each.join(LONG)
        table.stop()
        account = table.statistics.account
        assert sum(flow.metric.ab_packets for flow in ended) == account.in_flows == account.frames
        assert len(table) == 0


# ---- handlers


def test_handlers_get_sets_in_the_order_in_which_they_were_handed_out():
    got = []
    with Table(on_expire=got.append, expire_after=1, update_every=None) as table:
        for at in range(0, 50, 2):
            table.feed(frames(udp(at + 1), at=at))
    assert all(isinstance(flows, FlowSet) for flows in got)
    assert [flow.transport.a for flows in got for flow in flows] == list(range(1, 51, 2))


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt])
def test_a_handler_that_raises_is_logged_counted_and_called_again(caplog, kind):
    got = []

    def handle(flows):
        got.append(flows)
        if len(got) == 1:
            raise kind("not this one")

    with caplog.at_level(logging.ERROR, "flowtable.table"), Table(on_expire=handle, expire_after=1) as table:
        table.feed(frames(udp(1)))
        table.feed(frames(udp(2), at=5))
    assert len(got) == 2
    assert table.statistics.handler_errors == 1
    assert "not this one" in caplog.text


def test_a_slow_handler_does_not_stop_packets_and_what_is_too_much_is_counted():
    got, working, go_on = [], threading.Event(), threading.Event()

    def handle(flows):
        working.set()
        assert go_on.wait(LONG)
        got.extend(flows)

    table = Table(on_expire=handle, expire_after=1, update_every=None, queued_flows=10).start()
    table.feed(frames(udp(1)))
    table.feed(frames(udp(2), at=2))
    assert working.wait(LONG)
    for at in range(4, 60, 2):
        table.feed(frames(udp(at), at=at))
    assert table.statistics.account.frames == 30
    assert table.statistics.handler_flows_dropped == 19
    go_on.set()
    for _ in range(100 * LONG):
        if len(got) == 10:
            break
        time.sleep(0.01)
    table.stop()
    assert [flow.transport.a for flow in got] == [1, 2, *range(4, 20, 2), 58]
    assert len(got) + 19 == table.statistics.flows_made == 30


def test_one_set_that_is_larger_than_the_queue_is_handed_over():
    got = []
    with Table(on_expire=got.extend, queued_flows=1) as table:
        table.feed(frames(*(udp(port) for port in range(1, 101))))
    assert len(got) == 100


def test_a_handler_may_look_at_the_table_and_cannot_stop_it():
    said, errors = [], []

    def handle(flows):
        said.append((len(table), table.statistics.flows_made, len(flows)))
        try:
            table.stop()
        except FlowError as error:
            errors.append(str(error))

    with Table(on_expire=handle, expire_after=1) as table:
        table.feed(frames(udp(1)))
        table.feed(frames(udp(2), at=5))
    assert len(said) == len(errors) == 2
    assert "a handler cannot stop the table" in errors[0]


def test_a_handler_may_feed_another_table():
    totals = []
    with (
        Table(on_expire=totals.extend) as second,
        Table(on_expire=lambda flows: second.feed(frames(*(udp(7) for _ in flows)))) as first,
    ):
        first.feed(frames(udp(1), udp(2)))
    assert [flow.metric.ab_packets for flow in totals] == [2]


def test_flow_handler_says_how_often():
    """Its ``every`` stands for update_every or expire_after."""
    callback = [].extend
    with Watched(expire_after=600) as watched:
        handler = FlowHandler(watched.ended.extend, every=5)
        assert (handler.callback, handler.every) == (watched.ended.extend, 5)
    ended, updated = [], []
    table = Table(
        on_expire=FlowHandler(ended.extend, 5), on_update=FlowHandler(updated.extend, 2), update_every=None
    )
    with table:
        table.feed(frames(udp()) + frames(udp(), at=4) + frames(udp(2), at=9))
    assert [flow.finish_type for flow in ended] == ["TIMEOUT", "STOPPED"]
    assert len(updated) == 2
    assert FlowHandler.of(callback).every is None
    with pytest.raises(OptionError, match="expire_after"):
        Table(on_expire=FlowHandler(callback, every=0))


def test_flows_that_were_handed_out_stay_as_they_are():
    """Their records are their own: the table counts on, reuses its records, and goes."""
    updated = []
    with Table(on_update=updated.extend, update_every=1, expire_after=2, application_timeouts={}) as table:
        for at in range(20):
            table.feed(frames(udp(1 + at // 5), tunnel(2, port=1 + at // 5), at=at))
    del table
    first = [flow for flow in updated if flow.last == START]
    assert {flow.metric.ab_packets for flow in first} == {1}
    assert {flow.parent_uuid for flow in first} >= {flow.parent.uuid for flow in first if flow.parent}


def test_a_queue_drops_nothing_below_its_limit():
    called = []
    queue = HandlerQueue(limit=3)
    assert [queue.put(called.append, n, 1) for n in range(5)] == [True, True, True, False, False]
    queue.start()
    queue.stop()
    assert (called, queue.dropped, queue.failed) == ([0, 1, 2], 2, 0)
    assert not queue.is_calling


class Named(Enhancer):
    name = "named"

    def __init__(self):
        self.calls = []

    def start(self):
        self.calls.append("start")

    def stop(self):
        self.calls.append("stop")

    def enhance(self, flow):
        flow.add_extra("Host", f"host {flow.network.a}")


def test_enhancers_add_before_handlers_see():
    named, got = Named(), []
    with Table(on_expire=got.extend, enhancers=EnhancerPipeline(named)) as table:
        table.feed(frames(udp()))
    assert [flow.extra for flow in got] == [{"Host": "host 10.0.0.1"}]
    assert named.calls == ["start", "stop"]


# ---- options


@pytest.mark.parametrize(
    ("alias", "name", "value"),
    [
        ("raw_packet_limit", "raw_packets", 3),
        ("extra_tcp_metric", "tcp_metric", True),
        ("ip_defrag", "defrag", True),
        ("reassemble_tcp", "reassemble", True),
        ("layer_key_mode", "layer_key", "L3"),
        ("app_port_map", "app_ports", ApplicationPortMap(tcp={1: "one"})),
    ],
)
def test_options_have_the_references_names_too(alias, name, value):
    opts = TableOpts.of(**{alias: value})
    assert opts == TableOpts(**{name: value})
    assert getattr(opts, alias) == getattr(opts, name) == value
    with pytest.raises(OptionError, match=f"{name} is given twice"):
        TableOpts.of(**{alias: value, name: value})


def test_options_of_a_flow():
    opts = FlowOpts.of(tcp_metric=True, ip_defrag=True, layer_key_mode="L3")
    assert opts == FlowOpts(tcp_metric=True, defrag=True, layer_key="L3")
    assert (opts.ip_defrag, opts.layer_key_mode, opts.app_port_map) == (True, "L3", None)


def test_options_that_are_none():
    with pytest.raises(OptionError, match="TableOpts has no option 'threads'; it has app_ports, defrag"):
        TableOpts.of(threads=3)
    with pytest.raises(AttributeError, match="TableOpts has no option 'threads'"):
        TableOpts().threads  # noqa: B018 - it is what is tested
    with pytest.raises(OptionError, match="raw_packets"):
        Table(TableOpts(raw_packets=-1))
    with pytest.raises(FilterError):
        Table(bpf="nonsense here")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("expire_after", 0),
        ("expire_after", -1),
        ("expire_after", "60"),
        ("expire_after", True),
        ("expire_after", float("nan")),
        ("update_every", 0),
        ("active_timeout", 1e-10),
        ("hold_ended", -1),
        ("application_timeouts", {"DNS": 0}),
        ("application_timeouts", {5: 5}),
        ("application_timeouts", ["DNS"]),
        ("max_flows", 0),
        ("max_flows", True),
        ("max_flows", 1.5),
        ("bpf", 5),
    ],
)
def test_wrong_values_are_named(name, value):
    with pytest.raises(OptionError, match=name):
        Table(on_update=print, **{name: value})


def test_what_flows_are_from():
    ended = []
    names = FlowUUIDs(node_tid="node", capture_id="capture")
    with Table(uuids=names, on_expire=ended.extend) as table:
        table.feed(frames(udp()))
    with Table(on_expire=ended.extend) as table:
        table.feed(frames(udp()))
    assert [(flow.node_tid, flow.capture_id) for flow in ended] == [("node", "capture"), ("", "")]
    assert ended[0].uuid != ended[1].uuid


def test_a_filter_chooses_packets():
    ended = []
    with Table(bpf="tcp", on_expire=ended.extend) as table:
        table.feed(frames(udp(), tcp("S"), tunnel()))
    assert [flow.application for flow in ended] == ["TCP"]
    assert table.statistics.account.filtered == 2


# ---- statistics


def test_statistics_count_all_that_happens():
    with Watched(expire_after=10, hold_ended=1, max_flows=3, active_timeout=4) as watched:
        watched.feed((0, tcp("S")), (0, tcp("R")), (0, udp(1)), (0, b"?"))
        watched.feed((2, udp(1)), (2, udp(2)), (2, udp(3)), (2, udp(4)))
        watched.at(20).feed((21, udp(5)))
        statistics = watched.table.statistics
        assert (statistics.flows, statistics.flows_made) == (1, 6)
        assert statistics.flows_ended == {
            "TIMEOUT": 3,
            "TCP_FIN": 0,
            "TCP_RST": 1,
            "EVICTED": 1,
            "ACTIVE_TIMEOUT": 0,
            "STOPPED": 0,
        }
        assert statistics.segments == watched.finishes.count("ACTIVE_TIMEOUT") > 0
        assert statistics.packets_received is None
        assert statistics.account.frames == 9
        assert statistics.account.discarded == {"truncated Ethernet": 1}
        assert statistics.account.adds_up()
    assert watched.table.statistics.flows_ended["STOPPED"] == 1


class Received:
    received, dropped_by_kernel, dropped_by_interface, dropped_by_queue = 10, 2, None, 0


def test_what_sources_know_is_added_up_while_they_are_fed_and_after():
    from flowtable.table.accounts import EndedSources

    class Source:
        times_clamped, snapped, incomplete, statistics = 1, 2, 3, Received()

    ended = EndedSources()
    ended.add(Source())
    ended.add(Source())
    known = ended.statistics
    assert (ended.times_clamped, ended.snapped, ended.incomplete) == (2, 4, 6)
    assert (known.received, known.dropped_by_kernel) == (20, 4)
    assert (known.dropped_by_interface, known.dropped_by_queue) == (None, 0)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=40), st.integers(1, 5))
def test_however_frames_are_cut_into_calls_the_flows_are_the_same(ports, size):
    def flows(cuts):
        ended = []
        with Table(on_expire=ended.extend, expire_after=5, application_timeouts={}) as table:
            rows = [frames(udp(port), at=at)[0] for at, port in enumerate(ports)]
            for first in range(0, len(rows), cuts):
                table.feed(rows[first : first + cuts])
        return sorted((flow.uuid, flow.metric.ab_packets, flow.finish_type) for flow in ended)

    assert flows(size) == flows(len(ports))


def test_statistics_come_every_so_often_by_the_time_of_the_packets_and_at_the_end():
    told = []
    clock = ManualClock(START)
    with Table(on_statistics=told.append, statistics_every=10, clock=clock) as table:
        table.feed(frames(udp(1)))
        for _ in range(4):
            clock.advance(5)
        table.feed(frames(udp(2), at=20))
    assert [each.flows_made for each in told] == [1, 1, 2]
    assert told[-1].flows == 0
    assert told[-1].account.frames == 2


def test_who_stops_a_table_that_is_being_stopped_waits_as_well():
    ended = []
    let_go = threading.Event()
    table = Table(on_expire=lambda flows: (let_go.wait(60), ended.extend(flows))).start()
    table.feed(frames(*(udp(port) for port in range(1, 20))))
    counted = []
    stopping = [threading.Thread(target=lambda: (table.stop(), counted.append(len(ended)))) for _ in range(3)]
    for thread in stopping:
        thread.start()
    let_go.set()
    for thread in stopping:
        thread.join()
    assert counted == [19, 19, 19]


def test_an_interrupted_stop_goes_on_when_it_is_asked_for_again(monkeypatch):
    ended = []
    let_go = threading.Event()
    table = Table(on_expire=lambda flows: (let_go.wait(60), ended.extend(flows))).start()
    table.feed(frames(udp(1), udp(2)))
    real = Task.result

    def interrupted(_task):
        monkeypatch.setattr(Task, "result", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(Task, "result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        table.stop()
    let_go.set()
    table.stop()
    assert len(ended) == 2


def test_packets_can_wait_for_handlers_and_the_end_always_does():
    """Of sets for which there is no room none is lost."""
    ended = []
    let_go = threading.Event()
    with Table(
        on_expire=lambda flows: (let_go.wait(60), ended.extend(flows)),
        expire_after=1,
        queued_flows=5,
        wait_for_handlers=True,
    ) as table:
        feeding = threading.Thread(
            target=lambda: [
                table.feed(frames(udp(port), udp(port + 100), at=5 * port)) for port in range(1, 30)
            ]
        )
        feeding.start()
        let_go.set()
        feeding.join()
    assert len(ended) == 58
    assert table.statistics.handler_flows_dropped == 0


def test_time_passes_for_a_table_that_is_fed_by_hand():
    """Its clock lets flows end though nobody calls it."""
    ended = threading.Event()
    with Table(on_expire=lambda _: ended.set(), expire_after=0.05, clock=time.time_ns) as table:
        now = time.time_ns()
        table.feed([(now, udp(1), len(udp(1)), 1)])
        assert ended.wait(60)


def test_a_coroutine_function_is_no_handler():
    async def handler(flows):
        pass

    with pytest.raises(OptionError, match="a handler is a plain function"):
        Table(on_expire=handler)


def test_tables_that_share_enhancers_stop_them_together():
    class Marking(Enhancer):
        name = "marking"

        def enhance(self, flow):
            flow.add_extra("Marked", "yes")

    ended = []
    pipeline = EnhancerPipeline(Marking())
    one, other = (Table(on_expire=ended.extend, enhancers=pipeline).start() for _ in range(2))
    one.feed(frames(udp(1)))
    one.stop()
    other.feed(frames(udp(2)))
    other.stop()
    assert [flow.extra for flow in ended] == [{"Marked": "yes"}] * 2
    assert not pipeline.is_running


def test_captures_are_fed_by_their_names_and_tables_searched_by_text(tmp_path):
    write_pcap(tmp_path / "a.pcap", [udp(1), udp(2)])
    with Table() as table:
        table.feed(tmp_path / "a.pcap")
        assert [flow.transport.a for flow in table.search("Transport == 2")] == [2]


def test_a_broken_sample_is_said_and_what_was_whole_is_counted():
    with Table() as table:
        with pytest.raises(FlowProtocolError):
            table.feed_sflow_sample(b"abc", START)
        assert table.statistics.account.frames == 0


def test_what_is_said_of_a_flow_is_said_in_order():
    """An update never comes behind the end, whatever else ends meanwhile."""
    told = []
    with Table(
        on_expire=lambda flows: told.extend((f.transport.a, f.finish_type) for f in flows),
        on_update=lambda flows: told.extend((f.transport.a, "update") for f in flows),
        expire_after=5,
        update_every=12,
    ) as table:
        table.feed(frames(udp(1)) + frames(udp(2), at=10) + frames(udp(3), at=100))
    assert [what for port, what in told if port == 1] == ["TIMEOUT"]
    assert [what for port, what in told if port == 2] == ["update", "TIMEOUT"]
    assert [what for port, what in told if port == 3] == ["STOPPED"]


def test_packets_of_ended_flows_are_a_capture_in_order(tmp_path):
    """Each frame once, as it was read, though flows in tunnels keep parts of the same frames."""
    ended = []
    given = [row for second in range(6) for row in frames(tunnel(2, second % 2), udp(second % 2), at=second)]
    with Table(TableOpts(raw_packets=50), on_expire=ended.append) as table:
        table.feed(given)
    for number, flows in enumerate(ended):
        flows.write_pcap(tmp_path / f"{number}.pcap")
    written = [frame for n in range(len(ended)) for frame in open_capture(tmp_path / f"{n}.pcap")]
    assert [(each.time, each.data) for each in written] == [(time, data) for time, data, _, _ in given]


def test_updates_that_are_asked_for_need_no_time():
    told = []
    with Table(
        on_update=lambda flows: told.extend(f.metric.ab_packets for f in flows), update_every=None
    ) as table:
        table.feed(frames(udp(1)) + frames(udp(1), at=10**6))
        table.update()
        table.feed(frames(udp(1), at=10**6))
        table.update()
        table.update()
    assert told == [1, 2]


def test_a_handler_cannot_release_its_table():
    errors = []

    def release(_flows):
        try:
            tables.release(table)
        except FlowError as error:
            errors.append(str(error))

    with TableAllocator(on_expire=release, expire_after=1) as tables:
        table = tables.alloc("one")
        table.feed(frames(udp(1)) + frames(udp(2), at=5))
    assert len(errors) == 2
    assert len(tables) == 0


def test_a_table_forgets_the_sources_that_were_added_and_have_ended():
    with Table() as table:
        for second in range(200):
            table.add(frames(udp(1), at=second))
            while table.is_fed:
                time.sleep(0.001)
        assert len(table._feeding) == 1
        assert table.statistics.account.frames == 200


def test_statistics_that_nobody_takes_do_not_pile_up():
    let_go = threading.Event()
    told = []
    with Table(
        on_statistics=lambda each: (let_go.wait(60), told.append(each)), statistics_every=1, queued_flows=3
    ) as table:
        for second in range(0, 100, 2):
            table.feed(frames(udp(1), at=second))
        let_go.set()
    assert 1 < len(told) < 10
    assert told[-1].account.frames == 50
