"""What databases in MaxMind's format say of addresses."""

import builtins
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from reading import read_frames

from flowtable import OptionError
from flowtable.enhance import EnhancerPipeline, GeoIP
from flowtable.errors import EnhancerWarning, ExtraMissing
from flowtable.testing import ARP, TCP, Ethernet, IPv4, IPv6

CITY = {
    "192.0.2.0/24": {
        "country": {"iso_code": "NZ", "names": {"en": "New Zealand"}},
        "city": {"names": {"de": "Wellington-Stadt", "en": "Wellington"}},
    },
    "2001:db8::/32": {"country": {"iso_code": "DE"}, "city": {"names": {"de": "Köln"}}},
    "203.0.113.0/24": {"country": "a text where a map is expected", "city": []},
}
ASN = {
    "192.0.2.0/25": {
        "autonomous_system_number": 64_500,
        "autonomous_system_organization": "=Beispiel & Söhne",
    },
    "198.51.100.0/24": {"autonomous_system_number": 0},
}


def write(path, networks, version=6):
    writer = MMDBWriter(version, "Test", ipv4_compatible=version == 6, int_type="u32")
    for network, record in networks.items():
        if version == 6 or ":" not in network:
            writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return write(tmp_path_factory.mktemp("city") / "city.mmdb", CITY)


@pytest.fixture(scope="module")
def asn(tmp_path_factory):
    return write(tmp_path_factory.mktemp("asn") / "asn.mmdb", ASN, version=4)


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    frames = [
        Ethernet() / IPv4("192.0.2.1", "192.0.2.200") / TCP(1, 2),
        Ethernet() / IPv6("2001:db8::1", "fd00::1") / TCP(1, 2),
        Ethernet() / IPv4("203.0.113.1", "198.51.100.1") / TCP(1, 2),
        Ethernet() / ARP(),
    ]
    return read_frames(tmp_path_factory.mktemp("flows"), frames)


@pytest.fixture(autouse=True)
def forget(flows):
    for flow in flows:
        flow._records.extras.forget(flow._number)


def extras(flows, enhancer):
    flows.enhance(enhancer)
    return [dict(flow.extra) for flow in flows]


WELLINGTON = {"Country": "NZ", "City": "Wellington"}


def at(end, texts):
    return {name + end: text for name, text in texts.items()}


def test_what_a_database_knows_is_added(flows, city):
    assert extras(flows, GeoIP(city)) == [
        {**at("A", WELLINGTON), **at("B", WELLINGTON)}, {"CountryA": "DE"}, {}, {},
    ]  # fmt: skip


def test_a_number_is_a_text_and_zero_is_one(flows, asn):
    """A database of IPv4 alone is not asked for IPv6."""
    assert extras(flows, GeoIP(asn)) == [
        {"AsnA": "64500", "OrganisationA": "=Beispiel & Söhne"}, {}, {"AsnB": "0"}, {},
    ]  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
def test_several_databases_go_together(flows, city, asn, order):
    first = extras(flows, GeoIP([city, asn][::order]))[0]
    assert first == {
        **at("A", WELLINGTON), "AsnA": "64500", "OrganisationA": "=Beispiel & Söhne", **at("B", WELLINGTON),
    }  # fmt: skip


def test_the_first_that_knows_counts(flows, city, tmp_path):
    other = write(tmp_path / "other.mmdb", {"192.0.2.0/24": {"country": {"iso_code": "XX"}}})
    assert extras(flows, GeoIP([other, city]))[0]["CountryA"] == "XX"
    assert extras(flows, GeoIP([other, city]))[0]["CityA"] == "Wellington"


def test_fields_are_those_of_the_file(flows, tmp_path):
    """Others lay their records out in their own way."""
    path = write(
        tmp_path / "own.mmdb",
        {"192.0.2.0/24": {"cc": "NZ", "is": {"anycast": True, "score": 0.5, "none": ""}}},
    )
    fields = {
        "Cc": "cc",
        "Anycast": "is.anycast",
        "Score": "is.score",
        "None": "is.none",
        "Is": "is",
        "No": "x.y",
    }
    assert extras(flows, GeoIP(path, fields=fields))[0] == {
        "CcA": "NZ", "AnycastA": "True", "ScoreA": "0.5", "CcB": "NZ", "AnycastB": "True", "ScoreB": "0.5",
    }  # fmt: skip


def test_it_can_be_started_again(flows, city):
    geoip = GeoIP(city)
    assert extras(flows[:1], geoip) == extras(flows[:1], geoip) != [{}]


def test_what_is_looked_up_again_is_remembered(flows, city):
    geoip = GeoIP(city)
    with EnhancerPipeline(geoip) as pipeline:
        pipeline.enhance_many(flows)
        pipeline.enhance_many(flows)
        assert geoip._look_up.cache_info().misses == 6
    assert geoip._look_up.cache_info().currsize == 0


def test_a_file_that_changes_meanwhile_does_no_harm(flows, tmp_path):
    path = write(tmp_path / "city.mmdb", CITY)
    geoip = GeoIP(path)
    path.write_bytes(b"")
    with EnhancerPipeline(geoip) as pipeline:
        pipeline.enhance_many(flows)
    assert flows[0].extra["CountryA"] == "NZ"
    with pytest.warns(EnhancerWarning, match="'geoip' could not be started.*is no MaxMind DB"):
        flows.enhance(geoip)


@pytest.mark.parametrize(
    ("paths", "why"),
    [
        ("no/such.mmdb", "'no/such.mmdb' cannot be read: No such file"),
        (["no/such.mmdb"], "'no/such.mmdb' cannot be read: No such file"),
        ([], "there is none"),
        ("a\0b", "is no MaxMind DB"),
    ],
)
def test_a_path_without_a_database_is_refused(paths, why):
    with pytest.raises(OptionError, match=why):
        GeoIP(paths)


@pytest.mark.parametrize("data", [b"", b"\0" * 5000, b"\xab\xcd\xefMaxMind.com", b"{}"])
def test_what_is_no_database_is_refused(tmp_path, data):
    (tmp_path / "no.mmdb").write_bytes(data)
    with pytest.raises(OptionError, match=r"no\.mmdb' is no MaxMind DB"):
        GeoIP(tmp_path / "no.mmdb")


def test_without_maxminddb_the_extra_is_named(city, monkeypatch):
    monkeypatch.setattr(builtins, "__import__", refusing("maxminddb"))
    with pytest.raises(ExtraMissing, match=r"flowtable\[geoip\]"):
        GeoIP(city)


def refusing(package):
    real = builtins.__import__

    def imports(name, *arguments, **options):
        if name == package:
            raise ImportError(name)
        return real(name, *arguments, **options)

    return imports


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_broken_database_is_refused_or_counted(flows, city, tmp_path_factory, changes):
    data = bytearray(city.read_bytes())
    for where, value in changes:
        data[int(where * len(data))] = value
    path = tmp_path_factory.mktemp("broken") / "broken.mmdb"
    path.write_bytes(data)
    try:
        geoip = GeoIP(path)
    except OptionError as error:
        assert "is no MaxMind DB" in str(error)  # noqa: PT017 - it may be read, too
        return
    with EnhancerPipeline(geoip, failures_in_a_row=99) as pipeline:
        pipeline.enhance_many(flows)
        had = pipeline.statistics["geoip"]
    assert had.flows + had.failures == len(flows)
    json.dumps([flow.to_dict() for flow in flows])
    flows.to_arrow()
