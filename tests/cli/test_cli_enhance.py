"""What enhancers add, on the command line."""

import csv
import io
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from command import on_terminal, run
from mmdb_writer import MMDBWriter
from netaddr import IPSet

DEMO = Path(__file__).parents[2] / "examples" / "demo.pcapng"
NETWORKS = Path(__file__).parents[2] / "examples" / "networks.toml"
WEB = "203.0.113.80"


@pytest.fixture
def database(tmp_path):
    writer = MMDBWriter(6, "Test", ipv4_compatible=True)
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"country": {"iso_code": "NZ"}})
    writer.to_db_file(str(tmp_path / "a.mmdb"))
    return tmp_path / "a.mmdb"


def lines(*arguments):
    done = run("read", "-q", DEMO, *arguments)
    assert (done.status, done.err) == (0, "")
    return [json.loads(line) for line in done.out.splitlines()]


def test_each_adds_what_it_knows(database):
    flows = lines("--host-names", "--networks", NETWORKS, "--geoip", database, "--geoip", database)
    (web,) = [flow for flow in flows if flow.get("Transport", {}).get("A") == 52001]
    assert web["Extra"] == {"HostB": "www.example.com", "NetworkA": "living room", "CountryB": "NZ"}
    assert any("DNS" in flow for flow in flows)


def test_without_them_there_is_nothing():
    assert not any("Extra" in flow or "DNS" in flow for flow in lines())


def test_flows_are_chosen_and_ordered_by_what_was_added():
    """Names are learnt from flows that are not shown."""
    flows = lines("--host-names", "--where", 'Extra.HostB == "www.example.com"', "--sort", "Extra.HostB")
    assert len(flows) == 4
    assert {flow["Extra"]["HostB"] for flow in flows} == {"www.example.com"}
    assert not any("DNS" in flow for flow in flows)
    networks = [
        flow.get("Extra", {}).get("NetworkA")
        for flow in lines("--networks", NETWORKS, "--sort", "Extra.NetworkA")
    ]
    there = [name for name in networks if name]
    assert networks == sorted(there) + [None] * (len(networks) - len(there))
    assert "living room" in there


def test_of_flows_with_the_same_name_the_first_in_the_order_asked_for_is_given():
    chosen = ("--host-names", "--where", "Extra.HostB is not None and Metric.ABBytes > 0")
    every = lines(*chosen, "--sort", "Metric.ABBytes")
    assert len(every) > 1
    assert lines(*chosen, "--sort", "Metric.ABBytes", "--dedup-by", "Extra.HostB") == every[:1]
    first, without = lines("--host-names", "--sort", "Extra.HostB", "--dedup-by", "Extra.HostB")
    assert (first["Extra"], "Extra" in without) == ({"HostB": "www.example.com"}, False)


def test_files_of_other_formats_have_it(tmp_path):
    out = run("read", "-q", DEMO, "--host-names", "-o", "csv").out.decode()
    extras = [row["extra"] for row in csv.DictReader(io.StringIO(out))]
    assert {text for text in extras if text} == {'{"HostB": "www.example.com"}'}
    run("read", "-q", DEMO, "--host-names", "-w", tmp_path / "a.parquet")
    columns = pq.read_table(tmp_path / "a.parquet")["extra"].to_pylist()
    assert [column and dict(column) for column in columns] == [
        (text and json.loads(text)) or None for text in extras
    ]


def test_the_table_is_as_it_was():
    plain, enhanced = (on_terminal("read", DEMO, *more, columns=120).lines for more in ([], ["--host-names"]))
    assert plain == enhanced


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--networks", "missing.toml"], "'missing.toml' cannot be read: No such file or directory"),
        (["--networks", "empty.toml"], "--networks: empty.toml names no network in [networks]"),
        (
            ["--networks", "bad.csv"],
            "bad.csv, line 1: '\\x1b[2J' does not appear to be an IPv4 or IPv6 network",
        ),
        (["--geoip", "missing.mmdb"], "'missing.mmdb' cannot be read: No such file or directory"),
        (["--geoip", "bad.csv"], "'bad.csv' is no MaxMind DB"),
        (["--sort", "Extra.HostB"], "Extra.HostB is filled by --host-names, --networks or --geoip"),
        (["--sort", "Extra", "--host-names"], "--sort: Extra has no order"),
        (["--sort", "Extra"], "--sort: Extra has no order"),
        (["--dedup-by", "Extra.HostB"], "--dedup-by: Extra.HostB is filled by --host-names, --networks or"),
        (["--dedup-by", "Extra", "--host-names"], "--dedup-by: flows cannot be told apart by Extra, but by"),
        (["--host-names", "--where", "Extra.HostB =="], "is expected here"),
        (["--where", 'Extra == "a"'], "Extra is asked for by name"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.toml").write_text("")
    (tmp_path / "bad.csv").write_text("\x1b[2J,a\n")
    shutil.copy(DEMO, tmp_path / "demo.pcapng")
    screen = on_terminal("read", "demo.pcapng", *arguments, columns=300)
    assert screen.status == 2
    assert said in screen.text
    assert screen.controls == []


def test_one_that_fails_is_said(database, tmp_path):
    """A database whose records are broken, but whose metadata is not."""
    data = database.read_bytes()
    at = data.rindex(b"\xab\xcd\xefMaxMind.com")
    broken = tmp_path / "broken.mmdb"
    broken.write_bytes(b"\xff" * at + data[at:])
    done = run("read", DEMO, "--geoip", broken)
    assert done.status == 0
    assert "flowtable: warning: enhancer 'geoip' failed" in done.err
    assert "Traceback" not in done.err
