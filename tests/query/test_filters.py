"""Filters give the flows that looking at each flow gives."""

import contextlib
import operator
import random
import subprocess
import sys
from types import SimpleNamespace

import pytest
from rich_capture import EVERY_OPTION, rich_flows

import flowtable
from flowtable import Filter, FilterError, OptionError
from flowtable.errors import FieldNotFound
from flowtable.flow.schema import FIELDS, Kind
from flowtable.testing import START, TCP, UDP, Ethernet, IPv4, IPv6, demo_capture, write_pcap

NUMBERS = (Kind.COUNT, Kind.TIME, Kind.DURATION, Kind.FRACTION, Kind.FLAG)
COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    return rich_flows(tmp_path_factory.mktemp("rich"), **EVERY_OPTION)


def uuids(flows):
    return [flow.uuid for flow in flows]


def quoted(text):
    """Write a text as an expression has it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def value_of(flow, path):
    """An id that a flow does not have is an empty text in dictionaries."""
    has = flow.get(path)
    return None if has == "" and path == "ParentUUID" else has


def by_hand(flows, path, sign, value):
    """Choose flows by what ``get`` says, in the units of dictionaries."""
    chosen = []
    for flow in flows:
        has = value_of(flow, path)
        holds = has is not None and COMPARISONS[sign](has, value)
        chosen.append(has is None or holds if sign == "!=" else holds)
    return [flow for flow, is_chosen in zip(flows, chosen, strict=True) if is_chosen]


@pytest.mark.parametrize("path", [f.path for f in FIELDS if f.place and f.kind in NUMBERS])
def test_numbers_compare_as_in_python(flows, path):
    known = [flow.get(path) for flow in flows]
    values = sorted({value for value in known if value is not None})
    picked = values if len(values) < 4 else [values[0], values[len(values) // 2], values[-1]]
    for value in [*picked, 0, 7]:
        for sign in COMPARISONS:
            got = flows.filter(f"{path} {sign} {value!r}")
            assert uuids(got) == uuids(by_hand(flows, path, sign, value)), (sign, value)


@pytest.mark.parametrize("path", [f.path for f in FIELDS if f.place and f.kind not in NUMBERS])
def test_texts_are_equal_or_not(flows, path):
    kinds = {f.path: f.kind for f in FIELDS}
    if kinds[path] in (Kind.PACKETS, Kind.JSON):
        with pytest.raises(FilterError, match="cannot be asked for"):
            flows.filter(f'{path} == "a"')
        return
    values = {value_of(flow, path) for flow in flows} - {None}
    for value in [*sorted(values)[:5], "nothing"]:
        if path.startswith("Network.") and len(path) == len("Network.A") and value == "nothing":
            continue
        for sign in ("==", "!="):
            expected = by_hand(flows, path, sign, value)
            assert uuids(flows.filter(f"{path} {sign} {quoted(value)}")) == uuids(expected)
    with pytest.raises(FilterError, match="is a text"):
        flows.filter(f"{path} == 1")


@pytest.mark.parametrize(
    "path", [f.path for f in FIELDS if f.place and f.kind not in (Kind.PACKETS, Kind.JSON)]
)
def test_what_flows_do_not_have(flows, path):
    expected = [flow for flow in flows if value_of(flow, path) is None]
    assert uuids(flows.filter(f"{path} is None")) == uuids(expected)
    assert len(flows.filter(f"{path} is not None")) == len(flows) - len(expected)


def test_and_or_and_not(flows):
    tcp, large = "Transport.Protocol == 'TCP'", "Metric.ABBytes > 200"
    chosen = {
        f"{tcp} and {large}": lambda t, b: t and b,
        f"{tcp} or {large}": lambda t, b: t or b,
        f"not {tcp} and {large}": lambda t, b: not t and b,
        f"not ({tcp} or {large})": lambda t, b: not (t or b),
        f"{tcp} and {large} or not {tcp} and not {large}": lambda t, b: t == b,
        f"not not {tcp}": lambda t, _: t,
    }
    for expression, holds in chosen.items():
        expected = [
            flow
            for flow in flows
            if holds(flow.get("Transport.Protocol") == "TCP", flow.metric.ab_bytes > 200)
        ]
        assert uuids(flows.filter(expression)) == uuids(expected)
    built = Filter.term("Transport.Protocol", "TCP") & ~Filter.greater("Metric.ABBytes", 200)
    assert uuids(flows.filter(built)) == uuids(flows.filter(f"{tcp} and not {large}"))
    assert len(flows.filter(Filter.all_of())) == len(flows)
    assert len(flows.filter(Filter.any_of())) == 0


def test_chosen_rows_keep_their_order(flows):
    source = random.Random(4)  # noqa: S311 - nothing is hidden by it
    for size in (0, 1, 7, len(flows)):
        some = flows.take(source.sample(range(len(flows)), size))
        expected = [flow for flow in some if flow.metric.ab_packets > 1]
        assert uuids(some.filter("Metric.ABPackets > 1")) == uuids(expected)
        assert uuids(some.filter("not Metric.ABPackets > 1")) == [
            flow.uuid for flow in some if flow.metric.ab_packets <= 1
        ]


@pytest.fixture
def ends(tmp_path):
    frames = [
        Ethernet() / IPv4("10.1.2.3", "192.0.2.1") / TCP(50_000, 443),
        Ethernet() / IPv4("192.0.2.1", "10.200.0.1") / UDP(53, 50_000),
        Ethernet() / IPv4("11.0.0.1", "172.16.0.1") / UDP(1, 2),
        Ethernet() / IPv6("fd00::1", "2001:db8::1") / TCP(443, 50_001),
        Ethernet() / IPv6("::ffff:10.1.2.3", "fe80::1") / TCP(5, 6),
    ]
    write_pcap(
        tmp_path / "ends.pcap", [(START + n, bytes(f)) for n, f in enumerate(frames)], nanoseconds=True
    )
    return flowtable.read(tmp_path / "ends.pcap")


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ('Network.A in "10.0.0.0/8"', [0]),
        ('Network in "10.0.0.0/8"', [0, 1]),
        ('Network in ("10.0.0.0/9", "fd00::/8")', [0, 3]),
        ('Network not in "10.0.0.0/7"', [3, 4]),
        ('Network in "0.0.0.0/0"', [0, 1, 2]),
        ('Network in "::/0"', [3, 4]),
        ('Network in "10.1.2.3/31"', [0]),
        ('Network.A == "FD00:0:0::1"', [3]),
        ('Network == "::ffff:a01:203"', [4]),
        ('Network in ["172.16.0.1"]', [2]),
        ("Transport == 443", [0, 3]),
        ("443 == Transport.B", [0]),
        ("Transport in (53, 6,)", [1, 4]),
        ("Transport != 443", [1, 2, 4]),
        ("1 < Transport.A <= 443", [1, 3, 4]),
        ("50_000 > Transport > 49_999", []),
        ("50_000 >= Transport > 49_999", [0, 1]),
        ("0xC350 == Transport", [0, 1]),
        ('match(LayersPath, "IPv4/(TCP|UDP)$")', [0, 1, 2]),
        ('match(Network, "^192")', [0, 1]),
        ('LayersPath == "Ethernet/IPv6/TCP"', [3, 4]),
        (f"Start == {START // 10**6}", [0, 1, 2, 3, 4]),
        (f"Start > {START // 10**6}", []),
        ('Start >= "2030-01-01"', []),
        ('"1999-12-31T23:59:59+02:00" < Start', [0, 1, 2, 3, 4]),
        ("Metric.ABBytes", [0, 1, 2, 3, 4]),
        ("not Metric.BABytes and Application", [0, 1, 2, 3, 4]),
        ("Metric.ABPackets > 0.5", [0, 1, 2, 3, 4]),
        ("Metric.ABPackets == 0.5", []),
        ("Metric.ABPackets > -5", [0, 1, 2, 3, 4]),
        ("Transport.A < 1e3", [1, 2, 3, 4]),
        ("Metric.ABPackets == 99999999999999999999", []),
        ("Metric.ABPackets != -1e300", [0, 1, 2, 3, 4]),
        ("Start < 9999999999999999999999", [0, 1, 2, 3, 4]),
        ("Start == 9223372036854", []),
        ("Start == '9999-12-31'", []),
        ("Start > '0001-01-01T00:00+23:59'", [0, 1, 2, 3, 4]),
        ('CommunityID == "\ud800" or Application == "\ud800" or UUID == "ü"', []),
        ("metric.ab_packets == 1 and network_a == '11.0.0.1'", [2]),
    ],
)
def test_expressions(ends, expression, wanted):
    assert uuids(ends.filter(expression)) == [ends[n].uuid for n in wanted]


@pytest.mark.parametrize(
    ("expression", "says", "at"),
    [
        ("", "a number or a text in quotes is expected", 0),
        ("Transport = 443", "'=' is not understood", 10),
        ("Transprt == 443", "did you mean Transport", 0),
        ("Transport ==", "a number or a text in quotes is expected", 12),
        ("Transport == None", "a number or a text in quotes is expected", 13),
        ("Transport == 1 1", "nothing more is expected", 15),
        ("(Transport == 1", "'\\)' is expected", 15),
        ("Transport in (1 2)", "'\\)' is expected", 16),
        ("Transport is 1", "'None' is expected", 13),
        ('Transport == "x"', "is a number, and 'x' is none", 10),
        ("LayersPath > 3", "greater and less ask for numbers", 11),
        ('Network in "10.0.0"', "no IP address or network|no address or network", 0),
        ('match(LayersPath, "(")', "no regular expression", 6),
        ("match(LayersPath, 3)", "a regular expression is a text", 18),
        ("match(Start, 'a')", "is a number", 6),
        ("1 < 2", "one field and one value", 2),
        ("Network.A == Network.B", "one field and one value", 10),
        ("Start > 'yesterday'", "no time as ISO 8601 has it", 6),
        ("Metric.ABBytes > 1e999", "is a number, and inf is none", 15),
        ("__import__('os').system('x')", "is not understood", 16),
        ("Start.__class__", "a flow has no field", 0),
        ("Transport == \x1b[2J", "is not understood", 13),
    ],
)
def test_errors_point_at_the_place(ends, expression, says, at):
    with pytest.raises(FilterError, match=says) as raised:
        ends.filter(expression)
    lines = str(raised.value).split("\n")
    if len(lines) > 1:
        assert lines[-1] == "  " + " " * at + "^"
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 3000 + "Start" + ")" * 3000,
        "not " * 2000 + "Start",
        "Start or " * 5000 + "Start",
        "-" * 4000 + "1 < Start",
        "1 < " * 2000 + "Start",
        "9" * 5000 + " < Start",
        "'" * 4000,
        "Transport in (" + "1," * 4090 + ")",
        "\x00",
        "\ud800 == 1",
        "é == 1",
    ],
)
def test_hostile_expressions_are_refused_or_answered(ends, expression):
    with contextlib.suppress(FilterError):
        ends.filter(expression)


def test_long_expressions_within_the_limits(ends):
    assert len(ends.filter("(" * 64 + "Start" + ")" * 64)) == 5
    assert len(ends.filter(" or ".join(["Transport == 1"] * 450))) == 1


def test_regular_expressions_do_not_blow_up(ends):
    assert len(ends.filter('match(LayersPath, "(a*)*(a*)*(a*)*$b")')) == 0


def test_random_text_is_a_filter_or_an_error(ends):
    source = random.Random(7)  # noqa: S311 - nothing is hidden by it
    words = ["Transport", "Network.A", "==", "in", "not", "(", ")", "443", '"10.0.0.0/8"', "and", "or", "<"]
    words += [",", "is", "None", "match", "-", "'"]
    for _ in range(3000):
        with contextlib.suppress(FilterError):
            ends.filter(" ".join(source.choices(words, k=source.randrange(1, 9))))


def test_sets_and_nodes(ends, tmp_path):
    assert uuids(ends.filter(Filter.for_flow_set(ends[1:3]))) == uuids(ends[1:3])
    write_pcap(tmp_path / "a.pcap", [bytes(Ethernet() / IPv4() / UDP(1, 2))])
    here = flowtable.read(tmp_path / "a.pcap", node_tid="here")
    assert len(here.filter(Filter.for_node_tids(["there", "here"]))) == 1
    assert len(here.filter(Filter.for_nodes([SimpleNamespace(tid="there")]))) == 0
    assert len(here.filter(Filter.for_nodes([]))) == 0


def test_reading_gives_what_is_wanted(tmp_path):
    path = tmp_path / "demo.pcapng"
    path.write_bytes(demo_capture())
    every = flowtable.read(path)
    for where in ("Transport == 443", Filter.term("Transport", 443)):
        some = flowtable.read(path, where=where)
        assert uuids(some) == uuids(every.filter("Transport == 443"))
        assert some.account == every.account
    with pytest.raises(OptionError, match="where: takes a Filter or its text, not int"):
        flowtable.read(path, where=5)
    with pytest.raises(FilterError, match="has no field 'Ports'"):
        flowtable.read(tmp_path / "missing", where="Ports == 1")
    with pytest.raises(FieldNotFound):
        Filter.term("Ports", 1)
    with pytest.raises(OptionError, match="filter: takes a Filter"):
        every.filter(5)


def test_the_core_loads_no_filters():
    program = "import sys, flowtable; assert 'flowtable.query' not in sys.modules; flowtable.Filter"
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Filters'"):
        flowtable.Filters  # noqa: B018
