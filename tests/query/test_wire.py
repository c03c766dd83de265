"""Filters and queries as messages: the reference's numbers, both ways, and whatever the bytes are."""

import contextlib
import random
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc
from hypothesis import given, settings
from hypothesis import strategies as st
from rich_capture import EVERY_OPTION, rich_flows

from flowtable import Filter, FilterError, SearchQuery, TableQuery, TableReply
from flowtable.flow.schema import FIELDS, Kind
from flowtable.query import SortOrder, wire

PROTO = """
syntax = "proto3";
package reference;
message TermStringFilter { string Key = 1; string Value = 2; }
message TermInt64Filter { string Key = 1; int64 Value = 2; }
message TermBoolFilter { string Key = 1; bool Value = 2; }
message NullFilter { string Key = 1; }
message ExactFilter { string Key = 1; int32 Comparison = 2; int64 Value = 3; }
enum BoolFilterOp { OR = 0; AND = 1; NOT = 2; }
message BoolFilter { BoolFilterOp Op = 1; repeated Filter Filters = 2; }
message Filter {
  oneof asked {
    TermStringFilter TermString = 1;
    TermInt64Filter TermInt64 = 2;
    TermBoolFilter TermBool = 3;
    TermInt64Filter GtInt64 = 4;
    TermInt64Filter LtInt64 = 5;
    TermInt64Filter GteInt64 = 6;
    TermInt64Filter LteInt64 = 7;
    BoolFilter Bool = 8;
    TermStringFilter Regex = 9;
    NullFilter Null = 10;
    TermStringFilter IPV4Range = 11;
    TermStringFilter IPRange = 2000;
    ExactFilter Exact = 2001;
  }
}
message Range { int64 From = 1; int64 To = 2; }
enum SortOrder { none = 0; ascending = 1; descending = 2; }
message SearchQuery {
  Filter Filter = 1;
  Range PaginationRange = 2;
  bool Sort = 3;
  bool Dedup = 4;
  string DedupBy = 5;
  string SortBy = 6;
  SortOrder SortOrder = 7;
}
message TableQuery { string Type = 1; bytes query = 2; }
message TableReply { int32 Status = 1; repeated bytes FlowSetBytes = 2; }
"""


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Give classes that protoc made of what the reference's messages are."""
    folder = tmp_path_factory.mktemp("protoc")
    (folder / "query.proto").write_text(PROTO)
    out = folder / "query.bin"
    arguments = ["protoc", f"-I{folder}", f"--descriptor_set_out={out}", str(folder / "query.proto")]
    assert protoc.main(arguments) == 0
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"reference.{name}"))


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    return rich_flows(tmp_path_factory.mktemp("rich"), **EVERY_OPTION)


def both_ways(wanted):
    return Filter.from_protobuf(wanted.to_protobuf())


# ---- the reference's messages


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (Filter.term("Application", "DNS"), 'TermString { Key: "Application" Value: "DNS" }'),
        (Filter.term("UUID", ""), 'TermString { Key: "UUID" }'),
        (Filter.term("Transport.A", 443), 'TermInt64 { Key: "Transport.A" Value: 443 }'),
        (Filter.term("transport_a", 443), 'TermInt64 { Key: "Transport.A" Value: 443 }'),
        (
            Filter.term("TCPMetric.ABSawStart", value=True),
            'TermBool { Key: "TCPMetric.ABSawStart" Value: true }',
        ),
        (Filter.greater("Metric.ABBytes", 5), 'GtInt64 { Key: "Metric.ABBytes" Value: 5 }'),
        (Filter.less("Metric.RTT", -5), 'LtInt64 { Key: "Metric.RTT" Value: -5 }'),
        (Filter.greater("Start", 1_700_000_000_000), 'GtInt64 { Key: "Start" Value: 1700000000000 }'),
        (Filter.less("Last", 1_700_000_000_000), 'LtInt64 { Key: "Last" Value: 1700000000000 }'),
        (Filter.regex("LayersPath", "^Eth"), 'Regex { Key: "LayersPath" Value: "^Eth" }'),
        (Filter.null("Network.A"), 'Null { Key: "Network.A" }'),
        (Filter.ip_range("Network.A", "10.0.0.0/8"), 'IPV4Range { Key: "Network.A" Value: "10.0.0.0/8" }'),
        (Filter.ip_range("Network.B", "fd00::/8"), 'IPRange { Key: "Network.B" Value: "fd00::/8" }'),
        (Filter.term("Network.A", "FD00::1"), 'IPRange { Key: "Network.A" Value: "fd00::1/128" }'),
        (
            Filter.greater("Start", "2026-06-01T10:00:00.000001"),
            'Exact { Key: "Start" Comparison: 1 Value: 1780308000000001000 }',
        ),
        (
            Filter.less("PacketSize.ABMean", 1.5),
            'Exact { Key: "PacketSize.ABMean" Comparison: 2 Value: 1500 }',
        ),
        (Filter.term("Extra.HostB", "ü"), 'TermString { Key: "Extra.HostB" Value: "ü" }'),
        (Filter.term("extra.HostB", ""), 'TermString { Key: "Extra.HostB" }'),
        (Filter.regex('Extra.a "name"', "^w"), 'Regex { Key: "Extra.a \\"name\\"" Value: "^w" }'),
        (Filter.null("Extra.geo.country"), 'Null { Key: "Extra.geo.country" }'),
        (~Filter.null("ICMP.ID"), 'Bool { Op: NOT Filters { Null { Key: "ICMP.ID" } } }'),
        (Filter.all_of(), "Bool { Op: AND }"),
        (Filter.any_of(), "Bool { }"),
        (
            Filter.term("DSCP", 1) & Filter.not_equal("DSCP", 2) | Filter.null("DSCP"),
            """Bool {
                Filters { Bool {
                    Op: AND
                    Filters { TermInt64 { Key: "DSCP" Value: 1 } }
                    Filters { Bool { Op: NOT Filters { TermInt64 { Key: "DSCP" Value: 2 } } } }
                } }
                Filters { Null { Key: "DSCP" } }
            }""",
        ),
    ],
)
def test_filters_are_the_reference_s_messages(reference, wanted, shown):
    from google.protobuf import text_format

    expected = text_format.Parse(shown, reference("Filter")())
    assert reference("Filter").FromString(wanted.to_protobuf()) == expected
    assert Filter.from_protobuf(expected.SerializeToString()) == wanted
    assert both_ways(wanted) == wanted


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("GteInt64", 443, Filter.at_least("Transport", 443)),
        ("LteInt64", 443, Filter.at_most("Transport", 443)),
        ("TermInt64", 443, Filter.term("Transport", 443)),
        ("GtInt64", 443, Filter.greater("Transport", 443)),
    ],
)
def test_layers_alone_stand_for_both_ends(reference, name, value, expected):
    message = reference("Filter")()
    getattr(message, name).Key, getattr(message, name).Value = "Transport", value
    assert Filter.from_protobuf(message.SerializeToString()) == expected


def test_queries_are_the_reference_s_messages(reference):
    query = SearchQuery(
        filter="Transport.A == 443",
        from_=10,
        to=20,
        sort=True,
        sort_by="Metric.ABBytes",
        sort_order="descending",
        dedup=True,
        dedup_by="UUID",
    )
    message = reference("SearchQuery").FromString(query.to_protobuf())
    assert message.Filter.TermInt64.Key == "Transport.A"
    assert (message.PaginationRange.From, message.PaginationRange.To) == (10, 20)
    assert (message.Sort, message.SortBy, message.SortOrder) == (True, "Metric.ABBytes", 2)
    assert (message.Dedup, message.DedupBy) == (True, "UUID")
    assert SearchQuery.from_protobuf(message.SerializeToString()) == query
    assert SearchQuery.from_protobuf(b"") == SearchQuery()
    assert not reference("SearchQuery").FromString(SearchQuery().to_protobuf()).HasField("PaginationRange")


def test_table_messages_are_the_reference_s(reference):
    query = TableQuery("SearchQuery", SearchQuery(filter="Start"))
    message = reference("TableQuery").FromString(query.to_protobuf())
    assert (message.Type, message.query) == ("SearchQuery", query.query.to_protobuf())
    assert TableQuery.from_protobuf(message.SerializeToString()).search() == query.search()
    reply = TableReply(207, (b"one", b"two"), ("gone",))
    message = reference("TableReply").FromString(reply.to_protobuf(bytes))
    assert (message.Status, list(message.FlowSetBytes)) == (207, [b"one", b"two"])
    assert TableReply.from_protobuf(reply.to_protobuf(bytes)) == reply


# ---- both ways


NUMBERS = [f.path for f in FIELDS if f.place and f.kind in (Kind.COUNT, Kind.TIME, Kind.DURATION, Kind.FLAG)]
FRACTIONS = [f.path for f in FIELDS if f.place and f.kind is Kind.FRACTION]
TEXTS = [f.path for f in FIELDS if f.place and f.kind in (Kind.NAME, Kind.ID, Kind.TEXT)]
TEXTS += ["Extra.HostB", "Extra.Ünicode."]
COMPARING = st.sampled_from(
    [Filter.term, Filter.not_equal, Filter.greater, Filter.less, Filter.at_least, Filter.at_most]
)
WHOLE = st.integers(-(1 << 70), 1 << 70) | st.integers(-3, 70_000) | st.booleans()
VALUES = WHOLE | st.floats(allow_nan=False, allow_infinity=False)
NETWORKS = st.one_of(st.ip_addresses(v=4, network="10.0.0.0/8"), st.ip_addresses(v=6)).flatmap(
    lambda ip: st.integers(0, ip.max_prefixlen).map(lambda bits: f"{ip}/{bits}")
)
CONDITIONS = st.one_of(
    st.builds(lambda make, *term: make(*term), COMPARING, st.sampled_from([*NUMBERS, "Transport"]), VALUES),
    st.builds(lambda make, *term: make(*term), COMPARING, st.sampled_from(FRACTIONS), VALUES),
    st.builds(Filter.term, st.sampled_from(TEXTS), st.text(st.characters(codec="utf-8"), max_size=9)),
    st.builds(Filter.greater, st.just("Start"), st.datetimes().map(lambda t: t.isoformat())),
    st.builds(Filter.term, st.just("Last"), st.datetimes().map(lambda t: t.isoformat())),
    st.builds(Filter.regex, st.sampled_from([*TEXTS, "Link"]), st.sampled_from(["", "a|b", "^.{3}$"])),
    st.builds(Filter.null, st.sampled_from([*NUMBERS, *TEXTS, "Network"])),
    st.builds(Filter.ip_range, st.sampled_from(["Network", "Network.A", "Network.B"]), NETWORKS),
)
FILTERS = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.builds(lambda some: Filter.all_of(*some), st.lists(inner, max_size=4)),
        st.builds(lambda some: Filter.any_of(*some), st.lists(inner, max_size=4)),
        st.builds(lambda one: ~one, inner),
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(wanted=FILTERS)
def test_filters_go_both_ways(flows, wanted):
    there = wanted.to_protobuf()
    back = Filter.from_protobuf(there)
    assert back == wanted
    assert back.to_protobuf() == there
    assert list(flows.filter(back)) == list(flows.filter(wanted))


@settings(max_examples=100, deadline=None)
@given(
    wanted=st.none() | FILTERS,
    page=st.tuples(st.integers(0, (1 << 63) - 1), st.none() | st.integers(0, (1 << 63) - 2)),
    flags=st.tuples(st.booleans(), st.booleans()),
    names=st.tuples(st.sampled_from([*NUMBERS, "DNS"]), st.sampled_from(NUMBERS + TEXTS)),
    order=st.sampled_from(list(SortOrder)),
)
def test_queries_go_both_ways(wanted, page, flags, names, order):
    query = SearchQuery(
        filter=wanted,
        from_=page[0],
        to=page[1],
        sort=flags[0],
        dedup=flags[1],
        sort_by=names[0],
        dedup_by=names[1],
        sort_order=order,
    )
    assert SearchQuery.from_protobuf(query.to_protobuf()) == query


@pytest.mark.parametrize(
    "expression",
    [
        'Transport == 443 and not (Network in "10.0.0.0/8" or ParentUUID is None)',
        "0 < Metric.RTT <= 5_000_000",
        "Start == 1780308000000",
        "not not not Metric.ABBytes",
        "Transport in (80, 443) and match(LayersPath, 'VXLAN|Geneve')",
        "Extra.HostB == 'www.example.org' and not Extra['a \"name\"'] or match(Extra.HostB, '^a')",
    ],
)
def test_filters_from_text_go_both_ways(flows, expression):
    wanted = Filter.parse(expression)
    assert both_ways(wanted) == wanted
    assert list(flows.filter(both_ways(wanted))) == list(flows.filter(expression))


# ---- limits, and bytes from anywhere


def nested(levels):
    """Put a filter into so many others, of two kinds in turn."""
    wanted = Filter.null("DNS" if levels < 0 else "Start")
    for level in range(levels - 1):
        wanted = Filter.all_of(wanted) if level % 2 else Filter.any_of(wanted)
    return wanted


def test_depth_is_limited_both_ways():
    assert both_ways(nested(wire.DEEPEST)) == nested(wire.DEEPEST)
    with pytest.raises(FilterError, match="more than 40 filters are inside each other"):
        nested(wire.DEEPEST + 1).to_protobuf()
    for levels in (wire.DEEPEST, 45, 60, 5000):
        message = b"\x52\x07\x0a\x05Start"
        for _ in range(levels):
            message = length(0x42, length(0x12, message))
        with pytest.raises(FilterError, match=r"inside each other|no Filter message"):
            Filter.from_protobuf(message)


def length(tag, data):
    """Put a tag and a length before bytes."""
    size, digits = len(data), bytearray([tag])
    while size > 127:
        digits.append(size & 127 | 128)
        size >>= 7
    return bytes(digits) + bytes([size]) + data


def test_size_and_number_are_limited_both_ways():
    many = Filter.any_of(*[Filter.null("Start")] * (wire.MOST - 1))
    assert both_ways(many) == many
    with pytest.raises(FilterError, match="10,000 in one"):
        (many | Filter.null("Start")).to_protobuf()
    null = length(0x12, b"\x52\x07\x0a\x05Start")
    with pytest.raises(FilterError, match="10,000 in one"):
        Filter.from_protobuf(length(0x42, null * wire.MOST))
    with pytest.raises(FilterError, match="at most 1,048,576 bytes, not"):
        Filter.term("Application", "x" * (1 << 20)).to_protobuf()
    with pytest.raises(FilterError, match="at most 1,048,576 bytes, not"):
        Filter.from_protobuf(bytes((1 << 20) + 1))
    with pytest.raises(FilterError, match="at most 1,048,576 bytes, not"):
        SearchQuery.from_protobuf(bytes((1 << 20) + 1))


def message_of(reference, shown, kind="Filter"):
    from google.protobuf import text_format

    return text_format.Parse(shown, reference(kind)()).SerializeToString()


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        ("", "asks for one thing, not 0"),
        ('Null { Key: "Ports" }', "no field 'Ports'"),
        ("Null { }", "no field ''"),
        ('Null { Key: "\\033[2J" }', r"no field '\\x1b\[2J'"),
        ('Null { Key: "DNS" }', "cannot be asked for in a filter"),
        ('Null { Key: "Extra" }', "Extra is asked for by name"),
        ('Null { Key: "Extra." }', r"no field 'Extra\.'"),
        ('TermInt64 { Key: "Extra.\\033[2J" }', r"Extra\.\\x1b\[2J is a text"),
        ('TermString { Key: "Transport.A" Value: "a" }', "is a number, and 'a' is none"),
        ('TermInt64 { Key: "UUID" Value: 1 }', "is a text"),
        ('GtInt64 { Key: "UUID" Value: 1 }', "greater and less ask for numbers"),
        ('Regex { Key: "UUID" Value: "(" }', "no regular expression"),
        ('Regex { Key: "Start" Value: "a" }', "is a number"),
        ('Regex { Key: "UUID" Value: "((((a{1000}){1000}){1000}){1000})" }', "no regular expression"),
        ('IPV4Range { Key: "Network" Value: "10.0.0" }', "no IP address or network"),
        ('IPV4Range { Key: "UUID" Value: "10.0.0.0/8" }', "no IP address, which networks are of"),
        ("Bool { Op: NOT }", "2 not \\(of one\\)"),
        ('Bool { Op: NOT Filters { Null { Key: "UUID" } } Filters { Null { Key: "UUID" } } }', "of one"),
        ('Exact { Key: "UUID" }', "cannot be compared in this way"),
        ('Exact { Key: "Start" Comparison: 3 }', "cannot be compared in this way: 3"),
    ],
)
def test_messages_that_are_no_filter(reference, shown, says):
    with pytest.raises(FilterError, match=says) as raised:
        Filter.from_protobuf(message_of(reference, shown))
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        ('SortBy: "Ports"', "no field 'Ports'"),
        ('DedupBy: "DNS"', "cannot be told apart"),
        ('DedupBy: "Extra"', "cannot be told apart"),
        ('SortBy: "Extra"', "Extra has no order"),
        ("PaginationRange { From: -1 }", "from 0 on"),
        ("PaginationRange { To: -1 }", "from 0 on"),
        ("Filter { }", "asks for one thing, not 0"),
    ],
)
def test_messages_that_are_no_query(reference, shown, says):
    with pytest.raises(FilterError, match=says):
        SearchQuery.from_protobuf(message_of(reference, shown, "SearchQuery"))
    with pytest.raises(FilterError, match="none, ascending or descending, not 7"):
        SearchQuery.from_protobuf(b"\x38\x07")


def test_what_is_wrong_is_said_in_few_words(reference):
    for shown in ('Null { Key: "%s" }', 'Regex { Key: "UUID" Value: "(%s" }'):
        with pytest.raises(FilterError) as raised:
            Filter.from_protobuf(message_of(reference, shown % ("x" * 100_000)))
        assert len(str(raised.value)) <= wire.LONGEST + 1


def test_two_things_asked_for_in_one_filter_are_refused():
    both = Filter.null("Start").to_protobuf() + Filter.term("UUID", "a").to_protobuf()
    with pytest.raises(FilterError, match="asks for one thing, not 2"):
        Filter.from_protobuf(both)


def test_texts_that_are_no_unicode_have_no_message():
    with pytest.raises(FilterError):
        Filter.term("Application", "\ud800").to_protobuf()
    with pytest.raises(FilterError, match="no Filter message"):
        Filter.from_protobuf(b"\x52\x02\x0a\xff")


READERS = [Filter, SearchQuery, TableQuery, TableReply]


@settings(max_examples=500, deadline=None)
@given(data=st.binary(max_size=60))
@pytest.mark.parametrize("kind", READERS)
def test_any_bytes_are_a_message_or_a_filter_error(kind, data):
    with contextlib.suppress(FilterError):
        assert isinstance(kind.from_protobuf(data), kind)


@settings(max_examples=100, deadline=None)
@given(wanted=FILTERS, seed=st.integers(0, 1 << 32))
def test_damaged_messages_are_a_filter_or_a_filter_error(flows, wanted, seed):
    source = random.Random(seed)  # noqa: S311 - nothing is hidden by it
    message = bytearray(wanted.to_protobuf())
    for _ in range(source.randrange(1, 4)):
        if message:
            message[source.randrange(len(message))] = source.randrange(256)
    try:
        damaged = Filter.from_protobuf(bytes(message[: source.randrange(len(message) + 1)]))
    except FilterError:
        return
    assert len(flows.filter(damaged)) <= len(flows)


def test_without_protobuf_the_extra_is_named():
    program = (
        "import sys; sys.modules['google.protobuf'] = None; sys.modules['google'] = None\n"
        "import flowtable\nfrom flowtable.errors import ExtraMissing\n"
        "for ask in (lambda: flowtable.Filter.null('Start').to_protobuf(),\n"
        "            lambda: flowtable.Filter.from_protobuf(b''), flowtable.TableQuery().search):\n"
        "    try: ask()\n"
        "    except ExtraMissing as error: assert 'flowtable[wire]' in str(error)\n"
        "    else: raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
