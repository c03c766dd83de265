"""Sets of flows: sequences, orders, filters, streams of columns, and what they keep alive."""

import gc

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from reading import read_frames

from flowtable import Flow, FlowError, FlowSet, OptionError
from flowtable.errors import FieldNotFound
from flowtable.testing import (
    START,
    UDP,
    VXLAN,
    Ethernet,
    Host,
    ICMPv4,
    IPv4,
    Pair,
    tcp_conversation,
    wrap,
)

TUNNEL = Ethernet() / IPv4("192.0.2.1", "192.0.2.2") / UDP() / VXLAN(7)


def conversation(host, size=100):
    pair = Pair(Host("10.0.0.1"), Host(f"10.0.0.{host}"))
    return tcp_conversation(pair, (40000, 80), b"x" * size, start=START)


@pytest.fixture
def tunnel(tmp_path):
    return read_frames(tmp_path, wrap([*conversation(2), *conversation(3, 5000), *conversation(4)], TUNNEL))


def numbers(flows):
    return [flow.metric.ab_bytes for flow in flows]


def test_a_set_is_a_sequence(rich):
    flows = list(rich)
    assert len(rich) == len(flows) == rich.account.flows
    assert [rich[at] for at in range(len(rich))] == flows
    assert [rich[-1 - at] for at in range(len(rich))] == flows[::-1] == list(reversed(rich))
    assert rich[7] in rich
    assert rich[7] not in rich[8:]
    assert "flow" not in rich
    assert bool(rich)
    assert not rich[:0]
    for beyond in (len(rich), -len(rich) - 1):
        with pytest.raises(IndexError):
            rich[beyond]
    with pytest.raises(TypeError):
        rich["0"]


@pytest.mark.parametrize(
    "cut", [slice(3, 9), slice(None, None, -1), slice(-5, None), slice(0, 0), slice(2, 50, 7), slice(9, 3)]
)
def test_slices_are_sets(rich, cut):
    part = rich[cut]
    assert isinstance(part, FlowSet)
    assert list(part) == list(rich)[cut]
    assert list(part[1:]) == list(rich)[cut][1:]
    assert part.account is rich.account
    assert part.to_arrow()["uuid"].to_pylist() == [flow.uuid for flow in part]


def test_flows_are_equal_and_hash_as_the_same_flow(tmp_path, tunnel):
    other = read_frames(tmp_path, wrap(conversation(2), TUNNEL))
    assert tunnel[0] == tunnel[0]
    assert hash(tunnel[0]) == hash(tunnel[:1][0])
    assert tunnel[0] != tunnel[1]
    assert tunnel[0] != other[0]
    assert tunnel[0] != tunnel[0].uuid
    assert len({*tunnel, *tunnel[::-1]}) == len(tunnel)


@pytest.mark.parametrize("path", [path for path in Flow.field_names() if path != "Extra"])
@pytest.mark.parametrize("descending", [False, True])
def test_sorting_is_stable_and_puts_what_is_missing_last(rich, path, descending):
    column = rich.to_arrow()[rich_column(path)]
    values = (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
    if pa.types.is_list(column.type):
        values = [value and [tuple(packet.values()) for packet in value] for value in values]
    have = [at for at, value in enumerate(values) if value is not None]
    have.sort(key=values.__getitem__, reverse=descending)
    order = have + [at for at, value in enumerate(values) if value is None]
    assert list(rich.sort(path, descending=descending)) == [rich[at] for at in order]


def rich_column(path):
    from flowtable.flow.schema import field

    return field(path).column


def test_sorting_again_keeps_the_first_order_among_equals(rich):
    twice = rich.sort("Metric.ABBytes").sort("LayersPath")
    assert list(twice) == sorted(rich, key=lambda flow: (flow.layers_path, flow.metric.ab_bytes))


def test_the_biggest_come_last_or_first(tunnel):
    assert numbers(tunnel.sort()) == sorted(numbers(tunnel))
    assert numbers(tunnel.sort("metric_ab_bytes", descending=True)) == sorted(numbers(tunnel), reverse=True)
    with pytest.raises(FieldNotFound):
        tunnel.sort("bytes")


def test_filters_are_functions_or_expressions(rich):
    big = [flow for flow in rich if flow.metric.ab_bytes > 200]
    assert list(rich.filter(lambda flow: flow.metric.ab_bytes > 200)) == big
    assert list(rich.filter(pc.field("metric_ab_bytes") > 200)) == big
    assert 0 < len(big) < len(rich)
    tcp = rich.filter(pc.field("transport_protocol") == "TCP")
    assert list(tcp) == [flow for flow in rich if flow.transport and flow.transport.protocol == "TCP"]
    assert list(tcp[1:].filter(pc.field("metric_ab_bytes") > 200)) == [f for f in tcp[1:] if f in big]
    assert len(rich.filter(lambda _: None)) == len(rich.filter(pc.scalar(False))) == 0  # noqa: FBT003
    assert len(rich[:0].filter(pc.field("metric_ab_bytes") > 200)) == 0


@pytest.mark.parametrize("where", [None, 5, b"tcp", [True]])
def test_other_filters_are_refused(rich, where):
    with pytest.raises(OptionError, match="a function of a flow or an Arrow expression"):
        rich.filter(where)


@pytest.mark.parametrize("wrong", [pc.field("bytes") > 5, pc.field("network_a") > 5, pc.field("uuid")])
def test_expressions_that_do_not_fit_are_flow_errors(rich, wrong):
    with pytest.raises(FlowError, match="filter"):
        rich.filter(wrong)


def test_errors_of_a_filter_function_are_its_own(rich):
    with pytest.raises(ZeroDivisionError):
        rich.filter(lambda flow: 1 // flow.metric.rtt)


# ---- streams of columns


def test_each_call_gives_a_stream_of_its_own(rich):
    tables = [pa.table(rich) for _ in range(3)]
    assert tables[0] == tables[1] == tables[2] == rich.to_arrow()
    first, second = pa.RecordBatchReader.from_stream(rich), pa.RecordBatchReader.from_stream(rich)
    assert first.read_all() == second.read_all()


def test_polars_and_pandas_take_a_set(rich):
    uuids = [flow.uuid for flow in rich]
    assert pl.DataFrame(rich)["uuid"].to_list() == rich.to_polars()["uuid"].to_list() == uuids
    frame = rich.to_pandas()
    assert list(frame["uuid"]) == uuids
    assert list(frame.columns) == rich.to_arrow().column_names
    assert rich[:0].to_polars().height == len(rich[:0].to_pandas()) == 0


def test_duckdb_asks_for_it_again_and_again(rich):
    total = sum(flow.metric.ab_bytes for flow in rich)
    flows = rich  # by this name the query finds it
    connection = duckdb.connect()
    for _ in range(3):
        assert connection.execute("select count(*), sum(metric_ab_bytes)::hugeint from flows").fetchone() == (
            len(flows),
            total,
        )
    with_parents = "select count(*) from flows a join flows b on a.parent_uuid = b.uuid"
    joined = connection.execute(with_parents).fetchone()
    assert joined == (sum(flow.parent is not None for flow in rich),)


def test_columns_come_in_batches(tmp_path):
    from flowtable.flow.columns import BATCH_ROWS

    frame = bytearray(bytes(Ethernet() / IPv4() / UDP(1, 2)))
    frames = []
    for number in range(BATCH_ROWS + 10):
        frame[26:30] = number.to_bytes(4)
        frames.append(bytes(frame))
    flows = read_frames(tmp_path, frames)
    sizes = [len(batch) for batch in flows.arrow_reader()]
    assert max(sizes) <= BATCH_ROWS
    assert sum(sizes) == len(flows) == BATCH_ROWS + 10
    last = flows.to_arrow()["network_a"][-1].as_py()
    assert last == flows[-1].network.a == "0.1.0.9"
    assert flows[::-1].to_arrow()["network_a"][0].as_py() == last


# ---- for people


def test_a_set_and_a_flow_say_what_they_are(tunnel):
    assert repr(tunnel) == f"<FlowSet: 4 flows; {tunnel.account}>"
    assert repr(tunnel[:1]).startswith("<FlowSet: 1 flow; ")
    assert "Ethernet/IPv4/UDP/VXLAN 192.0.2.1:49152 ↔ 192.0.2.2:4789" in repr(tunnel[0])
    assert "10.0.0.1:40000 ↔ 10.0.0.2:80" in repr(tunnel[1])


def test_notebooks_show_a_table_without_markup_from_outside(tmp_path, rich):
    shown = rich._repr_html_()
    assert shown.count("<tr>") == 21
    assert shown.startswith(f"<p>FlowSet: {len(rich)} flows")
    names = {tag.strip("/").split(" ")[0] for tag in shown.replace(">", "<").split("<")[1::2]}
    assert names <= {"p", "table", "tr", "th", "td"}
    assert rich[:0]._repr_html_().count("<tr>") == 1
    icmp = read_frames(tmp_path, [Ethernet() / IPv4() / ICMPv4(8)])
    assert "192.0.2.1" in icmp._repr_html_()


# ---- parents and children


def test_parents_and_children_survive_slices_and_sorts(tunnel):
    outer, *inner = tunnel
    assert outer.parent is None
    assert outer.children == inner
    for flow in inner:
        assert flow.parent == outer
        assert flow.parent_uuid == outer.uuid
        assert flow.children == []
    for part in (tunnel[1:], tunnel.sort(descending=True), tunnel.filter(lambda flow: flow.parent)):
        assert all(flow.parent == outer for flow in part if flow != outer)
    assert tunnel[:1][0].children == inner


def test_a_flow_keeps_alive_what_it_needs(tmp_path):
    child = read_frames(tmp_path, wrap(conversation(2), TUNNEL))[-1]
    gc.collect()
    assert child.parent.layers_path == "Ethernet/IPv4/UDP/VXLAN"
    assert child.parent.children == [child]
    stream = pa.RecordBatchReader.from_stream(read_frames(tmp_path, wrap(conversation(2), TUNNEL)))
    gc.collect()
    assert stream.read_all()["layers_path"][0].as_py() == "Ethernet/IPv4/UDP/VXLAN"


def test_columns_outlive_their_set(tmp_path):
    table = read_frames(tmp_path, wrap(conversation(2), TUNNEL)).to_arrow()
    gc.collect()
    assert table["network_a"].to_pylist() == ["192.0.2.1", "10.0.0.1"]
