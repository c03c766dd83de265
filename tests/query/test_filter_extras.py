"""Filters ask for what enhancers have added, by name."""

import re

import pytest
from rich_capture import EVERY_OPTION, EXTRAS, rich_flows

from flowtable import Filter, FilterError

NAMES = ("HostA", "HostB", "geo.country_b", 'a "quoted" name')


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    """Flows of which some have some texts."""
    flows = rich_flows(tmp_path_factory.mktemp("rich"))
    for at, flow in enumerate(flows):
        for name in NAMES[: at % 5]:
            flow.add_extra(name, f"{'www' if at % 2 else ''}{at % 3}")
    return flows


def by_hand(flows, wanted):
    return [flow for flow in flows if wanted(flow.extra)]


EXPRESSIONS = {
    'Extra.HostA == "www1"': lambda extra: extra.get("HostA") == "www1",
    'Extra.HostA != "www1"': lambda extra: extra.get("HostA") != "www1",
    '"www1" == extra.HostA': lambda extra: extra.get("HostA") == "www1",
    'Extra["HostB"] == "2"': lambda extra: extra.get("HostB") == "2",
    'Extra.geo.country_b in ("www0", "1")': lambda extra: extra.get("geo.country_b") in ("www0", "1"),
    'Extra["geo.country_b"] is None': lambda extra: "geo.country_b" not in extra,
    r'Extra["a \"quoted\" name"] is not None': lambda extra: NAMES[3] in extra,
    'Extra.HostB == ""': lambda extra: not extra.get("HostB"),
    "Extra.HostB": lambda extra: extra.get("HostB"),
    "not Extra.Nothing": lambda extra: True,  # noqa: ARG005
    'match(Extra.HostA, "^w+[01]$")': lambda extra: re.search("^w+[01]$", extra.get("HostA", "")),
    'match(Extra["HostA"], "w") and Extra.HostB == "www2"': (
        lambda extra: "w" in extra.get("HostA", "") and extra.get("HostB") == "www2"
    ),
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions_choose_what_looking_at_each_flow_chooses(flows, expression):
    expected = by_hand(flows, EXPRESSIONS[expression])
    assert list(flows.filter(expression)) == expected
    some = flows[::-2]
    assert list(some.filter(expression)) == by_hand(some, EXPRESSIONS[expression])


def test_filters_are_built_as_well(flows):
    wanted = Filter.term("Extra.HostA", "www1") & ~Filter.null("Extra.HostB")
    assert list(flows.filter(wanted)) == by_hand(
        flows, lambda extra: extra.get("HostA") == "www1" and "HostB" in extra
    )
    assert len(flows.filter(Filter.regex("Extra.HostA", "www"))) > 0


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ('Extra == "a"', "asked for by name"),
        ("Extra is None", "asked for by name"),
        ("Extra.HostA > 5", "is a text"),
        ("Extra.HostA == 5", "is a text"),
        ('Extra.HostA in "10.0.0.0/8" and Network.A > 5', "is a text"),
        ("Extra[5] is None", "a text in quotes"),
        ('Extra[""] is None', "a text in quotes"),
        ('Extra["a" is None', "']' is expected"),
        ('Extra[HostA] == "a"', "a text in quotes is expected"),
        ('Network["A"] == "a"', "nothing more is expected here"),
        ('match(Extra.HostA, "(")', "no regular expression"),
    ],
)
def test_what_is_wrong_is_said(flows, expression, why):
    with pytest.raises(FilterError, match=re.escape(why)):
        flows.filter(expression)


def test_flows_without_extras_have_none(tmp_path):
    flows = rich_flows(tmp_path)
    assert len(flows.filter("Extra.HostA is None")) == len(flows)
    assert len(flows.filter('match(Extra.HostA, "")')) == 0
    assert len(flows.filter('Extra.HostA == ""')) == len(flows)


def test_one_that_every_third_flow_has(tmp_path):
    flows = rich_flows(tmp_path, **EVERY_OPTION)
    assert len(flows.filter('Extra.HostB == "www.example.org"')) == len(flows[1::3])
    for name, text in EXTRAS.items():  # not only of ASCII
        assert list(flows.filter(Filter.term(f"Extra.{name}", text))) == list(flows[1::3])
        assert len(flows.filter(Filter.term(f"Extra.{name}", text + "ü"))) == 0
    assert len(flows.filter(Filter.term("Extra.HostB", "\udcff"))) == 0
