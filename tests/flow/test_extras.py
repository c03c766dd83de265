"""What enhancers add to flows: kept with them, within limits, and in whatever is made of them."""

import sys
import threading
import tracemalloc

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import read_frames

from flowtable import Limits, OptionError
from flowtable.errors import FieldNotFound
from flowtable.flow.columns import BATCH_ROWS, arrow_schema
from flowtable.flow.extras import (
    FLOW_BYTES,
    LONGEST_NAME,
    LONGEST_VALUE,
    MOST_EXTRAS,
    Extras,
)
from flowtable.testing import TCP, Ethernet, IPv4

PAIR = [Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(port, 80) for port in (1, 2)]
NAMES, TEXTS = st.sampled_from(["HostA", "HostB", "geo.country_b", "ü"]), st.text(max_size=5)


@pytest.fixture
def flows(tmp_path):
    return read_frames(tmp_path, PAIR)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return read_frames(tmp_path_factory.mktemp("shared"), PAIR)


def test_a_flow_has_none_until_something_is_added(flows):
    first, second = flows
    assert first.extra == {}
    assert first.get("Extra") is first.get("Extra.HostA") is None
    assert "Extra" not in first.to_dict()
    first.add_extra("HostA", "a.example.org")
    first.add_extra("HostB", "b.example.org")
    first.add_extra("HostA", "c.example.org")
    assert dict(first.extra) == first.get("Extra") == {"HostA": "c.example.org", "HostB": "b.example.org"}
    assert list(first.to_dict())[-1] == "Extra"
    assert first.get("Extra.HostA") == first.get("extra.HostA") == "c.example.org"
    assert (second.extra, second.get("Extra.HostA")) == ({}, None)


def test_it_cannot_be_written_to_but_by_adding(flows):
    flow = flows[0]
    flow.add_extra("HostA", "a")
    with pytest.raises(TypeError):
        flow.extra["HostA"] = "b"
    before = flow.extra
    flow.add_extra("HostA", "b")
    assert (before["HostA"], flow.extra["HostA"]) == ("a", "b")


def test_it_is_there_in_every_set(flows):
    flows[1].add_extra("HostA", "a")
    cut = flows[1:].sort("Start").filter("Transport == 2")
    assert cut[0].extra == {"HostA": "a"}
    assert cut.values("Extra.HostA") == ["a"]
    assert flows.values("Extra.HostA") == [None, "a"]
    assert flows.values("Extra") == [None, {"HostA": "a"}]
    assert [flow.transport.a for flow in flows.sort("Extra.HostA")] == [2, 1]
    with pytest.raises(OptionError, match="Extra has no order"):
        flows.sort("Extra")


def test_flows_are_told_apart_by_one_of_them(tmp_path):
    flows = read_frames(tmp_path, [Ethernet() / IPv4() / TCP(port, 80) for port in range(1, 8)])
    for flow, text in zip(flows, ("a", "ü", None, "a", "ü", None, ""), strict=True):
        if text is not None:
            flow.add_extra("HostA", text)
    assert flows.dedup("Extra.HostA").values("Transport.A") == [1, 2, 3, 7]
    assert flows[::-1].dedup("extra.HostA").values("Transport.A") == [7, 6, 5, 4]
    assert flows.dedup("Extra.HostB").values("Transport.A") == [1]
    assert flows.sort("Extra.HostA", descending=True).values("Transport.A") == [2, 5, 1, 4, 7, 3, 6]
    with pytest.raises(OptionError, match="told apart by Extra, but by what is in it"):
        flows.dedup("Extra")


def test_a_name_may_have_dots(flows):
    flows[0].add_extra("geo.country_b", "NZ")
    assert flows[0].get("Extra.geo.country_b") == "NZ"
    assert flows.filter('Extra["geo.country_b"] == "NZ"')[0] == flows[0]
    with pytest.raises(FieldNotFound):
        flows[0].get("Extra.")


@pytest.mark.parametrize(("name", "value"), [("", "a"), ("a", 5), (None, "a"), ("a", None), (b"a", "a")])
def test_only_texts_are_taken(flows, name, value):
    with pytest.raises(OptionError, match="add_extra"):
        flows[0].add_extra(name, value)
    assert flows[0].extra == {}


def test_what_utf8_cannot_hold_is_spelled_out(flows):
    flows[0].add_extra("a\udc80", "b\udcff")
    assert flows[0].extra == {r"a\udc80": r"b\udcff"}
    assert flows.to_arrow()["extra"].to_pylist() == [[(r"a\udc80", r"b\udcff")], None]


# ---- limits


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("n" * LONGEST_NAME, "v" * LONGEST_VALUE, True),
        ("n" * (LONGEST_NAME + 1), "v", False),
        ("n", "v" * (LONGEST_VALUE + 1), False),
        ("ü" * (LONGEST_NAME // 2), "ü" * (LONGEST_VALUE // 2), True),
        ("ü" * (LONGEST_NAME // 2) + "n", "v", False),
        ("n", "ü" * (LONGEST_VALUE // 2) + "v", False),
    ],
)
def test_lengths_are_limited_in_bytes(flows, name, value, fits):
    flows[0].add_extra(name, value)
    assert flows[0].extra == ({name: value} if fits else {})
    assert flows.account.lost == ({} if fits else {"extras that were too long": 1})
    assert flows[1:].account.lost == flows.account.lost


def test_texts_of_a_flow_are_limited_in_number(flows):
    for number in range(MOST_EXTRAS + 3):
        flows[0].add_extra(str(number), "")
    flows[0].add_extra("0", "again")
    assert len(flows[0].extra) == MOST_EXTRAS
    assert flows[0].extra["0"] == "again"
    assert flows.account.lost == {"extras of flows that had 32": 3}


def test_texts_of_all_flows_are_limited_in_bytes(tmp_path):
    price = FLOW_BYTES + 16 + sys.getsizeof("HostA") + sys.getsizeof("a")
    flows = read_frames(tmp_path, PAIR, limits=Limits(extra_bytes=price))
    flows[0].add_extra("HostA", "a")
    flows[0].add_extra("HostA", "longer")
    flows[0].add_extra("HostB", "a")
    flows[1].add_extra("HostA", "a")
    assert [flow.extra for flow in flows] == [{"HostA": "a"}, {}]
    assert flows.account.lost == {"extras that found no room": 3}
    assert flows[0]._records.lost({})["extras that found no room"] == 3  # as a table counts it


def test_what_is_said_of_a_batch_of_rows_holds():
    """Offsets in a column have 31 bits."""
    assert BATCH_ROWS * MOST_EXTRAS * max(LONGEST_NAME, LONGEST_VALUE) < 1 << 31


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), NAMES, TEXTS | st.just(None))))
def test_memory_is_counted_back(steps):
    """After whatever was added and forgotten, the count is that of what is there."""
    extras, there = Extras(), {}
    for number, name, text in steps:
        if text is None:
            extras.forget(number)
            there.pop(number, None)
        else:
            extras.add(number, name, text)
            there.setdefault(number, {})[name] = text
    assert {n: extras.of(n) for n in range(4) if extras.of(n)} == there
    fresh = Extras()
    for number, texts in there.items():
        for name, text in texts.items():
            fresh.add(number, name, text)
    assert (len(extras), extras.used) == (len(fresh), fresh.used)
    for number in there:
        extras.forget(number)
    assert (len(extras), extras.used) == (0, 0)


@pytest.mark.parametrize("flows", [1, 1000, 43_691, 87_382])
def test_memory_is_what_is_counted_or_less(flows):
    """Also right after the dictionary has grown; every text is one of its own."""
    extras = Extras()
    tracemalloc.start()
    for number in range(flows):
        extras.add(number, f"name {number}", f"ünique {number}")
        extras.add(number, f"other {number}", f"text {number}")
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken <= extras.used + 4096


def test_threads_lose_nothing():
    extras = Extras()

    def add(start):
        for number in range(2000):
            extras.add(number % 50, f"{start}", str(number))

    threads = [threading.Thread(target=add, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(extras) == 50
    assert all(len(extras.of(number)) == 4 for number in range(50))
    for number in range(50):
        extras.forget(number)
    assert extras.used == 0


# ---- columns and files without them


def test_the_column_is_there_and_null_without_extras(flows):
    column = flows.to_arrow()["extra"]
    assert column.type == arrow_schema().field("extra").type == pa.map_(pa.string(), pa.string())
    assert column.null_count == 2


def test_a_set_without_extras_does_not_ask_for_any(flows, monkeypatch, tmp_path):
    for name in ("entries", "of", "find", "texts"):
        monkeypatch.setattr(Extras, name, None)
    flows.to_arrow()
    flows.write_json(tmp_path / "flows.json")
    flows.write_csv(tmp_path / "flows.csv")
    assert len(flows.filter("Extra.HostA is None")) == 2


@settings(deadline=None)
@given(st.lists(st.dictionaries(NAMES, TEXTS, max_size=3), min_size=2, max_size=2))
def test_columns_have_what_flows_have(shared, both):
    flows = shared[:]
    for flow, texts in zip(flows, both, strict=True):
        flow._records.extras.forget(flow._number)
        for name, text in texts.items():
            flow.add_extra(name, text)
    assert flows.to_arrow()["extra"].to_pylist() == [list(texts.items()) or None for texts in both]
    assert [dict(flow.extra) for flow in flows] == both
