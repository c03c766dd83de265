"""Every way to look at a flow says the same: attributes, get, to_dict, NDJSON, Arrow, CSV and Parquet."""

import dataclasses
import io
import json

import pyarrow as pa
import pytest
from pyarrow import csv, ipc, parquet
from rich_capture import CAPTURE, NODE
from shown_messages import shown

from flowtable.flow import FIELDS, Kind

TYPES = {
    Kind.ADDRESS: pa.string(),
    Kind.ID: pa.string(),
    Kind.TEXT: pa.string(),
    Kind.NAME: pa.dictionary(pa.int32(), pa.string()),
    Kind.COUNT: pa.uint64(),
    Kind.TIME: pa.timestamp("ns", tz="UTC"),
    Kind.DURATION: pa.int64(),
    Kind.FLAG: pa.bool_(),
    Kind.FRACTION: pa.float64(),
    Kind.JSON: pa.string(),
    Kind.EXTRAS: pa.map_(pa.string(), pa.string()),
    Kind.PACKETS: pa.list_(
        pa.struct(
            {
                "timestamp": pa.timestamp("ns", tz="UTC"),
                "index": pa.uint32(),
                "data": pa.large_binary(),
                "link_type": pa.uint32(),
                "length": pa.uint32(),
            }
        )
    ),
}


PACKETS_BY_NUMBER = pa.list_(
    pa.struct(
        [
            field.with_type(pa.int64()) if field.name == "timestamp" else field
            for field in TYPES[Kind.PACKETS].value_type
        ]
    )
)


def by_attribute(flow, attribute):
    group, _, name = attribute.rpartition(".")
    holder = getattr(flow, group) if group else flow
    return None if holder is None else getattr(holder, name)


def as_shown(f, value):
    """Give an attribute as dictionaries have it: times in ms, messages and packets as dictionaries."""
    if f.kind is Kind.PACKETS and value is not None:
        return [packet.to_dict() for packet in value]
    if f.kind is Kind.TIME and value is not None:
        return value // 1_000_000
    if f.kind is Kind.EXTRAS:
        return dict(value) or None
    return shown(value)


def test_get_shows_what_attributes_hold(rich):
    for flow in rich:
        for f in FIELDS:
            expected = as_shown(f, by_attribute(flow, f.attribute))
            assert flow.get(f.path) == flow.get(f.attribute) == flow.get(f.column) == expected


def test_dictionaries_hold_what_get_shows(rich):
    for flow in rich:
        dictionary = flow.to_dict()
        for f in FIELDS:
            holder = dictionary.get(f.group, {}) if f.group else dictionary
            assert holder.get(f.name) == flow.get(f.path)
        whole = {f.path for f in FIELDS if not f.group}
        names = whole.intersection(dictionary)
        names |= {f"{group}.{name}" for group in {*dictionary} - whole for name in dictionary[group]}
        assert names <= {f.path for f in FIELDS}


def test_a_group_is_there_as_a_whole_or_not_at_all(rich):
    seen = set()
    for flow in rich:
        for group in ("link", "network", "transport", "icmp", "metric"):
            held = getattr(flow, group)
            seen.add((group, held is None))
            if held is not None:
                assert None not in dataclasses.astuple(held)
    assert len(seen) == 9  # each comes and lacks, but for the metric, which every flow has


def test_ndjson_is_the_dictionary(rich):
    out = io.BytesIO()
    rich.write_json(out)
    lines = out.getvalue().decode("ascii").split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == [flow.to_dict() for flow in rich]
    assert [list(json.loads(line)) for line in lines] == [list(flow.to_dict()) for flow in rich]


def arrow_value(f, value):
    """Give a value as columns have it: times in ns, messages as JSON, and null where there is none."""
    if f.kind is Kind.JSON and value is not None:
        return json.dumps(shown(value))
    if f.kind is Kind.PACKETS and value is not None:
        return [dataclasses.asdict(packet) for packet in value]
    if f.kind is Kind.EXTRAS:
        return list(value.items()) or None
    return None if f.kind is Kind.ID and value == "" else value


def columns_of(flows):
    return {f.column: [arrow_value(f, by_attribute(flow, f.attribute)) for flow in flows] for f in FIELDS}


def plain(table):
    """Give a table's values as numbers and texts."""
    out = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())  # noqa: PLW2901 - Python's times have no ns
        elif pa.types.is_list(column.type):
            column = column.cast(PACKETS_BY_NUMBER)  # noqa: PLW2901
        out[name] = column.to_pylist()
    return out


def test_columns_are_the_attributes(rich):
    table = rich.to_arrow()
    table.validate(full=True)
    assert plain(table) == columns_of(rich)
    assert plain(rich.arrow_reader().read_all()) == columns_of(rich)


def test_columns_have_the_types_of_their_kinds(rich):
    schema = rich.to_arrow().schema
    assert [(f.column, TYPES[f.kind]) for f in FIELDS] == [(c.name, c.type) for c in schema]
    assert [c.metadata for c in schema] == [
        {b"path": f.path.encode(), b"unit": f.unit.encode()} for f in FIELDS
    ]
    assert rich[:0].to_arrow().schema == schema


def test_what_an_option_would_fill_is_null(rich):
    table = rich.to_arrow()
    for f in FIELDS:
        records = rich[0]._records
        from_a_capture = f.path != "SamplingRate"  # which no capture file tells
        filled = f.is_filled(records.options) and from_a_capture
        filled = filled or (f.kind is Kind.EXTRAS and records.extras)
        assert (table[f.column].null_count == len(rich)) == (not filled), f.path


def test_parquet_keeps_the_columns(rich, tmp_path):
    rich.write_parquet(tmp_path / "flows.parquet")
    assert plain(parquet.read_table(tmp_path / "flows.parquet")) == columns_of(rich)


def test_arrow_files_keep_the_columns(rich, tmp_path):
    rich.write_arrow(tmp_path / "flows.arrow")
    assert plain(ipc.open_file(tmp_path / "flows.arrow").read_all()) == columns_of(rich)


def test_csv_keeps_the_columns(rich):
    out = io.BytesIO()
    rich.write_csv(out)
    texts = (Kind.NAME, Kind.PACKETS, Kind.EXTRAS)
    types = {f.column: pa.string() if f.kind in texts else TYPES[f.kind] for f in FIELDS}
    convert = csv.ConvertOptions(
        column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    parse = csv.ParseOptions(newlines_in_values=True)
    table = csv.read_csv(io.BytesIO(out.getvalue()), convert_options=convert, parse_options=parse)
    expected = columns_of(rich)
    expected["node_tid"] = ["'" + NODE] * len(rich)  # a spreadsheet takes it for text, and for no formula
    expected["capture_id"] = [CAPTURE] * len(rich)
    packets = [flow.get("LastRawPackets") for flow in rich]
    expected["last_raw_packets"] = [None if shown is None else json.dumps(shown) for shown in packets]
    extras = [flow.get("Extra") for flow in rich]
    expected["extra"] = [None if shown is None else json.dumps(shown) for shown in extras]
    assert plain(table) == expected


@pytest.mark.parametrize("node", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_from_outside_is_a_formula(tmp_path, node):
    from reading import read_frames

    from flowtable.testing import TCP, Ethernet, IPv4

    flows = read_frames(tmp_path, [Ethernet() / IPv4() / TCP(1, 2)], node_tid=node, capture_id=node)
    out = io.BytesIO()
    flows.write_csv(out)
    assert out.getvalue().decode().count("'" + node) == 2


def test_addresses_of_a_and_b_are_those_of_the_first_packet(tmp_path):
    from reading import read_frames

    from flowtable.testing import TCP, Ethernet, IPv4

    there = Ethernet("02:00:00:00:00:09", "02:00:00:00:00:01") / IPv4("10.0.0.1", "10.0.0.9") / TCP(9, 1)
    (flow,) = read_frames(tmp_path, [there])
    assert flow.to_dict()["Link"] == {
        "Protocol": "ETHERNET", "A": "02:00:00:00:00:09", "B": "02:00:00:00:00:01", "ID": 0,
    }  # fmt: skip
    assert flow.to_dict()["Network"] == {"Protocol": "IPV4", "A": "10.0.0.1", "B": "10.0.0.9", "ID": 0}
    assert flow.to_dict()["Transport"] == {"Protocol": "TCP", "A": 9, "B": 1, "ID": 0}
