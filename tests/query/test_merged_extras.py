"""What enhancers have added, in sets of flows of several tables."""

import csv
import io
import json
import warnings

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from reading import read_frames

import flowtable
from flowtable import Filter, MergeContext, SearchQuery, TableQuery
from flowtable.enhance import Enhancer, EnhancerPipeline, HostNames
from flowtable.errors import EnhancerWarning
from flowtable.flow.extras import LONGEST_VALUE
from flowtable.query import answer
from flowtable.testing import TCP, Ethernet, IPv4, demo_capture

TOO_LONG = "x" * (LONGEST_VALUE + 1)


def read_ports(folder, ports, **options):
    return read_frames(folder, [Ethernet() / IPv4() / TCP(port, 80) for port in ports], **options)


@pytest.fixture
def sets(tmp_path):
    """Three sets, of which the second has no extras."""
    first, second, third = (read_ports(tmp_path, range(start, start + 5)) for start in (10, 20, 30))
    for flow in (*first[1:4], *third[::2]):
        flow.add_extra("HostA", f"host {flow.transport.a % 3}")
        flow.add_extra("Pört", str(flow.transport.a))
    return [first, second, third]


@pytest.fixture
def merged(sets):
    """Flows of three tables in turn."""
    flows = sets[0].merge(sets[1:])
    return flows.take([at % 3 * 5 + at // 3 for at in range(15)])


class Numbering(Enhancer):
    """Gives each flow its number in what it is given at once."""

    name = "numbering"

    def enhance(self, flow):
        self.enhance_many([flow])

    def enhance_many(self, flows):
        for number, flow in enumerate(flows):
            flow.add_extra("number", f"{number:02}")


def test_values_and_flows_say_the_same(merged):
    assert merged.values("Extra") == [dict(flow.extra) or None for flow in merged]
    assert merged.values("Extra.HostA") == [flow.extra.get("HostA") for flow in merged]
    assert [flow.transport.a for flow in merged if flow.extra] == [30, 11, 12, 32, 13, 34]


@pytest.mark.parametrize("descending", [False, True])
def test_they_are_sorted_by_one(merged, descending):
    have = [flow for flow in merged if flow.extra]
    have.sort(key=lambda flow: flow.extra["HostA"], reverse=descending)
    assert list(merged.sort("Extra.HostA", descending=descending)) == [
        *have,
        *(flow for flow in merged if not flow.extra),
    ]


def test_they_are_told_apart_by_one(merged):
    assert merged.dedup("Extra.HostA").values("Transport.A") == [10, 30, 11, 13]
    context = MergeContext(sort=True, sort_by="Extra.Pört", dedup=True, dedup_by="Extra.HostA")
    assert context.apply(merged).values("Transport.A") == [11, 12, 13, 10]


def test_they_are_searched_and_asked_for(sets, merged):
    query = SearchQuery(filter='Extra.HostA == "host 2"', sort=True, sort_by="Extra.Pört", from_=1)
    assert merged.search(query).values("Transport.A") == [32]
    asked = TableQuery.from_protobuf(TableQuery(query=query).to_protobuf())
    assert answer(asked, [merged, sets[1]]).flow_sets[0].values("Transport.A") == [32]


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ('Extra.HostA == "host 2"', lambda extra: extra.get("HostA") == "host 2"),
        ("Extra.HostA is None", lambda extra: "HostA" not in extra),
        (
            'match(Extra["Pört"], "^3") or Extra.HostA == "host 0"',
            lambda extra: extra.get("Pört", "")[:1] == "3" or extra.get("HostA") == "host 0",
        ),
        (Filter.null("Extra.Nothing"), lambda extra: True),  # noqa: ARG005
        (lambda flow: flow.extra, bool),
        (pc.field("extra").is_valid(), bool),
    ],
)
def test_filters_look_into_each_table(merged, where, wanted):
    assert list(merged.filter(where)) == [flow for flow in merged if wanted(flow.extra)]


def test_columns_have_them(merged, tmp_path):
    expected = [list(flow.extra.items()) or None for flow in merged]
    assert merged.to_arrow()["extra"].to_pylist() == expected
    merged.to_arrow().validate(full=True)
    merged.write_parquet(tmp_path / "flows.parquet")
    assert pq.read_table(tmp_path / "flows.parquet")["extra"].to_pylist() == expected


def test_batches_have_them(merged, monkeypatch):
    expected = merged.to_arrow()["extra"].to_pylist()
    monkeypatch.setattr("flowtable.flow.columns.BATCH_ROWS", 4)
    assert [len(batch) for batch in merged.arrow_reader()] == [4, 4, 4, 3]
    assert merged.to_arrow()["extra"].to_pylist() == expected


def test_lines_have_them_at_their_end(merged):
    out = io.BytesIO()
    merged.write_json(out)
    shown = [json.loads(line) for line in out.getvalue().splitlines()]
    assert shown == [flow.to_dict() for flow in merged]
    assert [list(flow)[-1] == "Extra" for flow in shown] == [bool(flow.extra) for flow in merged]


def test_csv_has_them(merged):
    out = io.BytesIO()
    merged.write_csv(out)
    rows = csv.DictReader(io.StringIO(out.getvalue().decode()))
    expected = [json.dumps(dict(flow.extra)) if flow.extra else "" for flow in merged]
    assert [row["extra"] for row in rows] == expected


def test_a_set_over_tables_without_extras_asks_for_none(tmp_path, monkeypatch):
    flows = read_ports(tmp_path, [1, 2]).merge(read_ports(tmp_path, [3]))
    for name in ("entries", "of", "find", "texts"):
        monkeypatch.setattr(f"flowtable.flow.extras.Extras.{name}", None)
    flows.to_arrow()
    flows.write_json(io.BytesIO())
    assert len(flows.filter("Extra.HostA is None")) == 3


# ---- enhancing


def test_enhancers_see_all_flows_of_a_merged_set_at_once(sets, merged):
    assert merged.enhance(Numbering()) is merged
    assert merged.values("Extra.number") == [f"{number:02}" for number in range(15)]
    assert sets[1].values("Extra.number") == ["01", "04", "07", "10", "13"]
    assert sets[0][1].extra == {"HostA": "host 2", "Pört": "11", "number": "03"}


def test_flows_that_are_not_in_the_set_are_left_alone(sets, merged):
    with EnhancerPipeline(Numbering()) as pipeline:
        merged[:2].enhance(pipeline)
    assert pipeline.statistics["numbering"].flows == 2
    assert [flow.transport.a for flows in sets for flow in flows if "number" in flow.extra] == [10, 20]


def test_names_are_learnt_from_the_flows_of_another_read(tmp_path):
    (tmp_path / "demo.pcapng").write_bytes(demo_capture())
    answers = flowtable.read(tmp_path / "demo.pcapng", bpf="port 53", extra_layers=("DNS",))
    others = flowtable.read(tmp_path / "demo.pcapng", bpf="tcp")
    answers.merge(others).enhance(HostNames())
    assert set(others.filter("Transport == 443").values("Extra.HostB")) == {"www.example.com"}


def test_one_that_fails_is_warned_of_once(merged):
    class Failing(Numbering):
        def enhance_many(self, flows):
            super().enhance_many(flows)
            raise LookupError(len(flows))

    with warnings.catch_warnings(record=True, action="always") as caught:
        merged.enhance(Failing())
    assert [(each.category, str(each.message)[-15:]) for each in caught] == [
        (EnhancerWarning, "LookupError: 15")
    ]


# ---- the account


def test_what_found_no_room_is_counted_once_a_table(sets):
    first, second, _ = sets
    for flow in (*first, *second[:2]):
        flow.add_extra("HostB", TOO_LONG)
    merged = first.merge([second, first[:2], second])
    assert merged.account.lost == {"extras that were too long": 7}
    assert merged[:1].account == merged.account
    assert merged.account.frames == first.account.frames + second.account.frames
    merged[0].add_extra("HostB", TOO_LONG)
    assert merged.account.lost == {"extras that were too long": 8}
    assert merged.merge(merged).account == merged.account
    assert first.account.lost == {"extras that were too long": 6}
    assert merged.account.adds_up()
