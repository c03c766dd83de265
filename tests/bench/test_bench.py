"""The benchmark's own parts: its captures hold what they promise, and its floor and flowtable agree."""

import inspect
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import flowtable

BENCH = Path(__file__).parents[2] / "bench"
SCALE = 0.001


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("captures")
    subprocess.run(
        [sys.executable, BENCH / "generate.py", "--scale", str(SCALE), "--into", folder], check=True
    )
    return folder


@pytest.fixture(scope="module")
def floor(tmp_path_factory):
    program = tmp_path_factory.mktemp("bin") / "floor"
    compiler = shutil.which("cc") or shutil.which("gcc")
    subprocess.run(
        [compiler, "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, BENCH / "floor.c"], check=True
    )
    return program


def test_mixed_has_the_packets_and_layers_that_it_promises(captures):
    flows = flowtable.read(captures / "mixed.pcap")
    paths = {flow.layers_path for flow in flows}
    assert flows.account.frames == flows.account.in_flows == 2_000
    assert not flows.account.decode_stops
    for path in (
        "Ethernet/IPv4/TCP",
        "Ethernet/IPv6/TCP",
        "Ethernet/Dot1Q/IPv4/TCP",
        "Ethernet/IPv4/UDP/VXLAN",
        "Ethernet/IPv4/UDP/DNS",
        "Ethernet/IPv4/ICMPv4",
        "Ethernet/ARP",
    ):
        assert path in paths


def test_connections_of_mixed_are_two_way_and_closed(captures):
    flows = [flow for flow in flowtable.read(captures / "mixed.pcap") if flow.layers_path.endswith("/TCP")]
    assert len(flows) == 50
    assert all(flow.metric.ab_packets >= 4 and flow.metric.ba_packets >= 3 for flow in flows)
    assert {str(flow.finish_type) for flow in flows} == {"TCP_FIN"}


@pytest.mark.parametrize(("name", "packets", "flows"), [("small64", 3_000, 1_000), ("churn", 2_000, 2_000)])
def test_crowds_have_exactly_so_many_flows(captures, name, packets, flows):
    read = flowtable.read(captures / f"{name}.pcap")
    assert (read.account.frames, len(read)) == (packets, flows)


def test_captures_are_the_same_each_time(captures, tmp_path):
    command = [sys.executable, BENCH / "generate.py", "mixed", "--scale", str(SCALE), "--into", tmp_path]
    subprocess.run(command, check=True)
    assert (tmp_path / "mixed.pcap").read_bytes() == (captures / "mixed.pcap").read_bytes()


@pytest.mark.parametrize(("name", "flows"), [("mixed", 160), ("small64", 1_000), ("churn", 2_000)])
def test_the_floor_counts_the_conversations(captures, floor, name, flows):
    told = subprocess.run(
        [floor, captures / f"{name}.pcap", "x"], check=True, capture_output=True, text=True
    ).stdout
    assert told.startswith(f"flows={flows} ")


def test_the_floor_says_that_it_cannot_read(floor, tmp_path):
    assert subprocess.run([floor, tmp_path / "missing"], check=False, capture_output=True).returncode == 2


def test_every_record_says_where_it_was_measured():
    records = sorted((BENCH / "results").glob("*.json"))
    assert records
    for path in records:
        about = json.loads(path.read_text())["machine"]
        assert {"time", "revision", "cpu", "cores", "kernel", "python", "versions"} <= about.keys()


def test_every_option_that_keeps_something_of_a_packet_is_measured(monkeypatch):
    """A new option is a new line in the benchmark."""
    monkeypatch.syspath_prepend(BENCH)
    import options

    from flowtable.table.options import FILLING

    parameters = inspect.signature(flowtable.read).parameters
    assert {*FILLING, "defrag", "key_ids"} <= set(options.EACH) <= set(parameters)
    assert {name: value for each in options.EACH.values() for name, value in each.items()} == options.ALL
