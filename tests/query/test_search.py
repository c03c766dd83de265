"""Sort, dedup, pages and merges give what doing the same to lists of flows gives."""

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich_capture import EVERY_OPTION, rich_flows

import flowtable
from flowtable import Filter, FilterError, FlowSet, OptionError
from flowtable.errors import FieldNotFound
from flowtable.flow.schema import FIELDS, Kind
from flowtable.query import MergeContext, SearchQuery, SortOrder
from flowtable.testing import (
    START,
    TCP,
    UDP,
    VXLAN,
    Ethernet,
    Host,
    ICMPv4,
    IPv4,
    IPv6,
    Pair,
    demo_capture,
    tcp_conversation,
    wrap,
    write_pcap,
)

COMPARED = [f.path for f in FIELDS if f.kind not in (Kind.PACKETS, Kind.JSON, Kind.EXTRAS)]
COMPARED += ["Extra.HostB"]
TUNNEL = Ethernet() / IPv4("192.0.2.1", "192.0.2.2") / UDP() / VXLAN(7)


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    return rich_flows(tmp_path_factory.mktemp("rich"), **EVERY_OPTION)


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Give sets from captures with other options, names and nodes, some flows of two of them with extras."""
    folder = tmp_path_factory.mktemp("several")
    (folder / "demo.pcapng").write_bytes(demo_capture())
    pair = Pair(Host("10.0.0.1"), Host("10.0.0.2"))
    inside = wrap(tcp_conversation(pair, (40000, 80), b"x" * 300, start=START), TUNNEL)
    write_pcap(folder / "tunnel.pcap", inside)
    odd = flowtable.ApplicationPortMap(tcp={80: "web", 443: "odd"})
    sets = [
        flowtable.read(folder / "demo.pcapng", node_tid="one", raw_packets=3, extra_layers=("DNS",)),
        flowtable.read(folder / "tunnel.pcap", node_tid="two", capture_id="c", packet_statistics=True),
        flowtable.read(folder / "demo.pcapng", app_ports=odd, tcp_metric=True, bpf="tcp"),
    ]
    for at, flow in enumerate([*sets[0][::2], *sets[2][1:]]):
        flow.add_extra("HostB", f"ü{at % 3}")
        flow.add_extra("=1+1", "a\nb")
    return sets


@pytest.fixture(scope="module")
def merged(several):
    return several[0].merge(several[1:])


def shuffled(flows, step=7):
    """Mix flows of several tables."""
    return flows.take(sorted(range(len(flows)), key=lambda at: (at * step) % 31))


# ---- dedup


@pytest.mark.parametrize("path", COMPARED)
def test_dedup_keeps_the_first_of_equals(rich, path):
    seen, expected = set(), []
    for flow, value in zip(rich, rich.values(path), strict=True):
        if value not in seen:
            expected.append(flow)
        seen.add(value)
    assert list(rich.dedup(path)) == expected
    backwards = rich[::-1].dedup(path)
    assert {flow.get(path) for flow in backwards} == {flow.get(path) for flow in expected}


@pytest.mark.parametrize("path", ["DNS", "LastRawPackets", "Extra"])
def test_messages_and_packets_do_not_tell_flows_apart(rich, path):
    with pytest.raises(OptionError, match="cannot be told apart by"):
        rich.dedup(path)
    with pytest.raises(OptionError, match="cannot be told apart by"):
        MergeContext(dedup_by=path)


def test_dedup_of_an_unknown_field(rich):
    with pytest.raises(FieldNotFound):
        rich.dedup("Ports")
    assert len(rich[:0].dedup()) == 0


def seen_twice(tmp_path, *frames, **options):
    """Read the same frames at two places, where they came a ms later and perhaps the other way first."""
    write_pcap(tmp_path / "a.pcap", [bytes(f) for f in frames])
    write_pcap(tmp_path / "b.pcap", [bytes(f) for f in frames], start=START + 10**6, nanoseconds=True)
    return [flowtable.read(tmp_path / f"{name}.pcap", node_tid=name, **options) for name in ("a", "b")]


def test_what_is_seen_at_two_places_is_one_flow(tmp_path):
    there = [
        Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(1, 2),
        Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(1, 3),
        Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / ICMPv4(8),
        Ethernet() / IPv6("fd00::1", "fd00::2") / UDP(1, 2),
    ]
    first, second = seen_twice(tmp_path, *there)
    assert {f.uuid for f in first}.isdisjoint(f.uuid for f in second)
    assert list(first.merge(second).dedup()) == list(first)
    assert list(second.merge(first).dedup()) == list(second)
    assert list(first.merge(second).dedup("L3TrackingID")) == list(first)


def test_both_ways_are_one_flow(tmp_path):
    there, back = ("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1")
    write_pcap(tmp_path / "a.pcap", [Ethernet() / IPv4(*there) / TCP(1, 2)])
    write_pcap(tmp_path / "b.pcap", [Ethernet() / IPv4(*back) / TCP(2, 1)])
    one, other = (flowtable.read(tmp_path / name, layer_key="L3") for name in ("a.pcap", "b.pcap"))
    assert one[0].network.a != other[0].network.a
    assert list(one.merge(other).dedup()) == list(one)


COLLIDING = [  # found by computing xxHash64 backwards, which takes seconds
    (("10.0.0.1", "10.0.0.2"), (40000, 443)),
    (("11.136.96.231", "31.30.200.1"), (19455, 12705)),
]


def test_ids_that_were_made_to_collide_are_told_apart_by_their_ends(tmp_path):
    """Fault 15: two connections whose xxHash64 of addresses and ports is the same."""
    frames = [Ethernet() / IPv4(*ends) / TCP(*ports) for ends, ports in COLLIDING]
    write_pcap(tmp_path / "a.pcap", frames * 2)
    flows = flowtable.read(tmp_path / "a.pcap", layer_key="L3")
    assert len(flows) == 2
    for path in ("TrackingID", "L3TrackingID"):
        assert flows[0].get(path) == flows[1].get(path)
        assert len(flows.dedup(path)) == 2
        assert len(flows.merge(flows).dedup(path)) == 2


# ---- searches


@pytest.mark.parametrize("order", list(SortOrder))
@pytest.mark.parametrize("page", [(0, None), (2, 9), (5, 3), (1000, 1001), (3, 10**12)])
def test_a_search_filters_sorts_dedups_and_cuts(rich, order, page):
    query = SearchQuery(
        filter="Transport.A > 0",
        sort=True,
        sort_by="Metric.ABBytes",
        sort_order=order,
        dedup=True,
        dedup_by="Transport.B",
        from_=page[0],
        to=page[1],
    )
    found = [flow for flow in rich if flow.transport and flow.transport.a]
    found.sort(key=lambda flow: flow.metric.ab_bytes, reverse=order is SortOrder.DESCENDING)
    firsts = list({flow.transport.b: flow for flow in reversed(found)}.values())
    expected = [flow for flow in found if flow in firsts][page[0] : page[1]]
    assert list(rich.search(query)) == expected


def test_a_search_that_asks_for_nothing_gives_all(rich):
    assert list(rich.search(SearchQuery())) == list(rich)
    assert list(rich.search(SearchQuery(sort_by="Start", sort_order="descending"))) == list(rich)
    assert rich.search(SearchQuery(sort=True)).values("Last") == sorted(rich.values("Last"))


@pytest.mark.parametrize(
    ("wrong", "kind", "says"),
    [
        ({"filter": "Transport ="}, FilterError, "is not understood"),
        ({"sort_by": "Ports"}, FieldNotFound, "no field 'Ports'"),
        ({"dedup_by": "Ports"}, FieldNotFound, "no field 'Ports'"),
        ({"dedup_by": "DNS"}, OptionError, "cannot be told apart by DNS"),
        ({"dedup_by": "Extra"}, OptionError, "dedup_by: flows cannot be told apart by Extra"),
        ({"sort_by": "Extra"}, OptionError, "sort_by: Extra has no order"),
        ({"sort_order": "upwards"}, OptionError, "none, ascending or descending, not 'upwards'"),
        ({"sort_order": 3}, OptionError, "not 3"),
        ({"from_": -1}, OptionError, "from 0 on"),
        ({"to": -1}, OptionError, "from 0 on"),
    ],
)
def test_searches_that_cannot_be(wrong, kind, says):
    with pytest.raises(kind, match=says):
        SearchQuery(**wrong)


def test_searches_are_equal_and_hash_as_what_they_ask_for():
    one = SearchQuery(filter="Transport == 443", sort_order="descending")
    assert one == SearchQuery(filter=Filter.parse("Transport == 443"), sort_order=SortOrder.DESCENDING)
    assert hash(one) == hash(SearchQuery(filter="Transport == 443", sort_order=2))
    assert one != SearchQuery(filter="Transport == 80")


# ---- sets over several tables


def test_a_merged_set_is_a_sequence(several, merged):
    every = [flow for flows in several for flow in flows]
    assert list(merged) == every
    assert len(merged) == len(every)
    assert [merged[at] for at in range(-len(merged), len(merged))] == every + every
    assert list(reversed(merged)) == every[::-1]
    mixed = shuffled(merged)
    assert isinstance(mixed, FlowSet)
    assert sorted(f.uuid for f in mixed) == sorted(f.uuid for f in every)
    assert list(mixed[3::2]) == list(mixed)[3::2]
    assert list(mixed[5:9][1:]) == list(mixed)[6:9]
    assert all(flow in merged for flow in every)
    assert all((flow in mixed[:7]) == (flow in list(mixed)[:7]) for flow in every)
    assert len(merged[:0]) == 0
    for beyond in (len(merged), -len(merged) - 1):
        with pytest.raises(IndexError):
            merged[beyond]


def test_a_flow_of_a_merged_set_is_the_flow_of_its_table(several, merged):
    mixed = shuffled(merged)
    assert {f.node_tid for f in mixed} == {"one", "two", ""}
    assert "ODD" in {f.application for f in mixed}
    dictionaries = {f.uuid: f.to_dict() for flows in several for f in flows}
    assert [f.to_dict() for f in mixed] == [dictionaries[f.uuid] for f in mixed]
    for flow in mixed:
        assert flow.parent is None or flow in flow.parent.children
        assert flow.parent_uuid == (flow.parent.uuid if flow.parent else "")


@pytest.mark.parametrize("path", [*flowtable.Flow.field_names(), "Extra.HostB", "Extra.Nothing"])
def test_fields_of_a_merged_set(merged, path):
    mixed = shuffled(merged)
    one_by_one = [value for flow in mixed for value in mixed.take([list(mixed).index(flow)]).values(path)]
    assert mixed.values(path) == one_by_one
    if path not in COMPARED:
        return
    have = [at for at, value in enumerate(one_by_one) if value is not None]
    without = [at for at, value in enumerate(one_by_one) if value is None]
    for descending in (False, True):
        order = sorted(have, key=one_by_one.__getitem__, reverse=descending) + without
        assert list(mixed.sort(path, descending=descending)) == [mixed[at] for at in order]


def test_filters_of_a_merged_set(merged):
    mixed = shuffled(merged)
    tcp = [f for f in mixed if f.transport and f.transport.protocol == "TCP"]
    assert 0 < len(tcp) < len(mixed)
    assert list(mixed.filter("Transport.Protocol == 'TCP'")) == tcp
    assert list(mixed.filter(lambda f: f.transport and f.transport.protocol == "TCP")) == tcp
    assert list(mixed.filter(pc.field("transport_protocol") == "TCP")) == tcp
    assert list(mixed.filter("NodeTID == 'two'")) == [f for f in mixed if f.node_tid == "two"]
    assert list(mixed.filter("TCPMetric.ABSynStart")) == [
        f for f in mixed if f.tcp_metric and f.tcp_metric.ab_syn_start
    ]
    assert list(mixed.filter(Filter.for_flow_set(mixed[:3]))) == [
        f for f in mixed if f.tracking_id in {g.tracking_id for g in mixed[:3]}
    ]


def test_columns_of_a_merged_set(several, merged):
    mixed = shuffled(merged)
    rows = {row["uuid"]: row for flows in several for row in flows.to_arrow().to_pylist()}
    assert mixed.to_arrow().to_pylist() == [rows[f.uuid] for f in mixed]
    assert pa.table(mixed) == mixed.to_arrow()
    assert mixed.to_arrow().schema == several[0].to_arrow().schema
    assert pl.DataFrame(mixed)["uuid"].to_list() == [f.uuid for f in mixed]
    counted = duckdb.sql("select node_tid, count(*) from mixed group by 1 order by 1").fetchall()
    assert counted == [("", len(several[2])), ("one", len(several[0])), ("two", len(several[1]))]
    assert merged[:0].to_arrow().num_rows == 0


def test_columns_of_a_merged_set_come_in_batches(monkeypatch, merged):
    expected = shuffled(merged).to_arrow().to_pylist()
    monkeypatch.setattr("flowtable.flow.columns.BATCH_ROWS", 4)
    sizes = [len(batch) for batch in shuffled(merged).arrow_reader()]
    assert max(sizes) <= 4
    assert sum(sizes) == len(merged)
    monkeypatch.setattr("flowtable.flow.columns.TEXT_BYTES", 3)  # one flow at least
    assert shuffled(merged).to_arrow().to_pylist() == expected


def test_files_of_a_merged_set(tmp_path, several, merged):
    mixed = shuffled(merged)
    lines = {}
    for number, flows in enumerate(several):
        flows.write_json(tmp_path / f"{number}.json")
        texts = (tmp_path / f"{number}.json").read_text().splitlines()
        lines |= dict(zip([f.uuid for f in flows], texts, strict=True))
    mixed.write_json(tmp_path / "mixed.json")
    assert (tmp_path / "mixed.json").read_text().splitlines() == [lines[f.uuid] for f in mixed]
    for suffix in ("csv", "parquet", "arrow"):
        getattr(mixed, f"write_{suffix}")(tmp_path / f"mixed.{suffix}")
    assert pq.read_table(tmp_path / "mixed.parquet")["uuid"].to_pylist() == [f.uuid for f in mixed]


def test_packets_of_a_merged_set_come_by_their_times(tmp_path):
    frames = [bytes(Ethernet() / IPv4() / UDP(port, 9)) for port in range(1, 7)]
    write_pcap(tmp_path / "even.pcap", frames[::2], step=2000, nanoseconds=True)
    write_pcap(tmp_path / "odd.pcap", frames[1::2], start=START + 1000, step=2000, nanoseconds=True)
    even, odd = (flowtable.read(tmp_path / name, raw_packets=1) for name in ("even.pcap", "odd.pcap"))
    bare = flowtable.read(tmp_path / "odd.pcap")
    assert even.merge([odd, bare]).write_pcap(tmp_path / "all.pcap") == 6
    again = flowtable.read(tmp_path / "all.pcap")
    assert again.values("Transport.A") == [1, 2, 3, 4, 5, 6]
    with pytest.raises(OptionError, match="no packets were kept"):
        bare.merge(bare).write_pcap(tmp_path / "none.pcap")


def test_the_account_of_a_merged_set_is_the_sum(several, merged):
    account = merged.account
    assert account.adds_up()
    for name in ("frames", "in_flows", "filtered", "held", "flows", "frames_discarded", "steps_back"):
        assert getattr(account, name) == sum(getattr(flows.account, name) for flows in several)
    stops = {name for flows in several for name in flows.account.decode_stops}
    assert account.decode_stops == {
        name: sum(flows.account.decode_stops.get(name, 0) for flows in several) for name in stops
    }
    assert merged[:1].account == account
    assert repr(merged) == f"<FlowSet: {len(merged)} flows; {account}>"
    assert str(len(merged)) in merged._repr_html_()


def test_pieces_of_one_read_are_one_table(rich):
    again = rich[3:].merge(rich[:3])
    assert again.account is rich.account
    assert list(again) == [*rich[3:], *rich[:3]]
    assert list(again.to_arrow()["uuid"].to_pylist()) == [f.uuid for f in again]
    assert len(rich.merge(rich)) == 2 * len(rich)
    assert list(rich.merge(rich).dedup("UUID")) == list(rich)
    assert list(rich.merge([])) == list(rich)


def test_merging_merged_sets(several, merged):
    twice = shuffled(merged).merge([several[1], merged[::-1]])
    assert list(twice) == [*shuffled(merged), *several[1], *merged[::-1]]
    assert twice.account == merged.account


# ---- the law of merging


PORTS = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 4)), min_size=0, max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    captures=st.lists(PORTS, min_size=50, max_size=50),
    sort_by=st.sampled_from(["Last", "Metric.ABPackets", "Transport.A", "NodeTID", "ICMP.Code", "UUID"]),
    sort_order=st.sampled_from(list(SortOrder)),
    dedup_by=st.sampled_from(["TrackingID", "L3TrackingID", "Transport.B", "NodeTID", "ICMP.Type", "UUID"]),
    sort=st.booleans(),
    dedup=st.booleans(),
)
def test_a_merge_of_sorted_and_deduplicated_sets_is_the_same_done_in_one(tmp_path, captures, **how):
    sets = [read_ports(tmp_path, number, ports) for number, ports in enumerate(captures)]
    context = MergeContext(**how)
    merged = (
        sets[0]
        .search(SearchQuery(**how))
        .merge([flows.search(SearchQuery(**how)) for flows in sets[1:]], context)
    )
    assert list(merged) == by_hand([flow for flows in sets for flow in flows], context)


def read_ports(folder, number, ports):
    frames = [Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / UDP(*pair) for pair in ports]
    write_pcap(folder / "a.pcap", frames, start=START + number % 3 * 1000, step=number % 2 * 10**6)
    return flowtable.read(folder / "a.pcap", node_tid=str(number % 5))


def by_hand(flows, context):
    """Sort and deduplicate a list of flows."""
    if context.sort:
        descending = context.sort_order is SortOrder.DESCENDING
        have = [flow for flow in flows if flow.get(context.sort_by) is not None]
        have.sort(key=lambda flow: exactly(flow, context.sort_by), reverse=descending)
        flows = have + [flow for flow in flows if flow not in have]
    if not context.dedup:
        return flows
    firsts = {}
    for flow in flows:
        firsts.setdefault(flow.get(context.dedup_by), flow)
    return list(firsts.values())


def exactly(flow, path):
    return flow.last if path == "Last" else flow.get(path)
