"""A shell user's habits, and options that reach what they are for."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import run

import flowtable
from flowtable.testing import PPP, TCP, Dot1Q, Ethernet, IPv4, IPv6, PPPoE, write_pcap


def flows(outcome):
    assert outcome.status == 0, outcome.err
    return [json.loads(line) for line in outcome.out.splitlines()]


def test_options_and_files_come_in_any_order(demo, tmp_path):
    second = shutil.copy(demo, tmp_path / "second.pcapng")
    outcomes = [
        run("read", demo, "-f", "tcp", second, "--limit=2"),
        run("read", "--limit", 2, demo, second, "-ftcp"),
        run("read", "-f", "tcp", "--limit", 2, "--", demo, second),
    ]
    assert len({outcome.out for outcome in outcomes}) == 1
    assert {outcome.err for outcome in outcomes} == {"194 frames: 54 in 2 flows, 140 filtered\n"}


def test_names_after_two_dashes_may_look_like_options(demo, tmp_path):
    shutil.copy(demo, tmp_path / "-w")
    assert len(flows(run("read", "--", "-w", cwd=tmp_path))) == 19


def test_standard_input_is_a_dash(demo):
    for data in (demo.read_bytes(), gzip.compress(demo.read_bytes())):
        outcome = run("read", "-", stdin=data)
        assert outcome.out == run("read", demo).out


def test_sort_puts_amounts_biggest_first_and_all_else_smallest_first(demo):
    by_bytes = [flow["Metric"]["ABBytes"] for flow in flows(run("read", demo, "--sort", "Metric.ABBytes"))]
    assert by_bytes == sorted(by_bytes, reverse=True)
    by_start = [flow["Start"] for flow in flows(run("read", demo, "--sort", "metric_start"))]
    assert by_start == sorted(by_start)
    by_path = [flow["LayersPath"] for flow in flows(run("read", demo, "--sort", "LayersPath", "--reverse"))]
    assert by_path == sorted(by_path, reverse=True)


def test_reverse_alone_turns_the_order_around(demo):
    assert flows(run("read", demo, "--reverse")) == flows(run("read", demo))[::-1]
    smallest = run("read", demo, "-o", "table", "--reverse", "--limit", 1).lines[2]
    assert smallest.startswith("Ethernet/ARP")


def test_limit_cuts_after_sorting(demo):
    everything = flows(run("read", demo, "--sort", "Metric.RTT"))
    assert flows(run("read", demo, "--sort", "Metric.RTT", "--limit", 2)) == everything[:2]
    assert flows(run("read", demo, "--limit", 0)) == []


def test_dedup_gives_the_first_in_the_order_asked_for(demo):
    every = flows(run("read", demo))

    def firsts(found):
        ports = {}
        for flow in found:
            ports.setdefault(flow.get("Transport", {}).get("B"), flow)
        return list(ports.values())

    by_port = ("--dedup-by", "Transport.B")
    assert flows(run("read", demo, *by_port)) == firsts(every)
    assert flows(run("read", demo, *by_port, "--reverse")) == firsts(every[::-1])
    by_start = flows(run("read", demo, "--sort", "Metric.ABBytes"))
    assert flows(run("read", demo, *by_port, "--sort", "Metric.ABBytes")) == firsts(by_start)
    limited = run("read", demo, *by_port, "--sort", "Metric.ABBytes", "--limit", 2)
    assert flows(limited) == firsts(by_start)[:2]
    lines = run("read", demo, "-o", "table", "--dedup-by", "Network.Protocol", "--limit", 9).lines
    assert len(lines) == 2 + 3  # IPv4, IPv6 and neither
    assert len(flows(run("read", demo, "--dedup", "--where", "Transport == 443"))) == 2


def test_dedup_takes_no_file_for_a_field(demo):
    assert run("read", "--dedup", demo).out == run("read", demo, "--dedup").out == run("read", demo).out


def test_ids_and_keys_reach_the_flows(demo):
    given = flows(run("read", demo, "--node-tid", "n1", "--capture-id", "c1", "--layer-key", "L3"))
    expected = flowtable.read(demo, node_tid="n1", capture_id="c1", layer_key="L3")
    assert given == [flow.to_dict() | given[i] for i, flow in enumerate(expected)]
    assert {(flow["NodeTID"], flow["CaptureID"]) for flow in given} == {("n1", "c1")}


def test_tunnels_are_chosen_by_name(demo):
    paths = {flow["LayersPath"] for flow in flows(run("read", demo, "--tunnels", "none"))}
    assert any("/VXLAN/Ethernet/" in path for path in paths)
    assert any("/GRE/IPv4/" in path for path in paths)
    paths = {flow["LayersPath"] for flow in flows(run("read", demo, "--tunnels", "vxlan,geneve"))}
    assert not any("/VXLAN/" in path for path in paths)
    assert any("/GRE/IPv4/" in path for path in paths)


def test_more_tunnels_have_names_of_their_own(tmp_path):
    path = tmp_path / "tunnels.pcap"
    write_pcap(path, [Ethernet() / PPPoE() / PPP() / IPv4() / IPv6() / TCP(1, 2)])
    for names, expected in (
        ("pppoe,sit", ["Ethernet/PPPoE", "PPP/IPv4", "IPv6/TCP"]),
        ("6in4", ["Ethernet/PPPoE/PPP/IPv4", "IPv6/TCP"]),
        ("none", ["Ethernet/PPPoE/PPP/IPv4/IPv6/TCP"]),
    ):
        found = flows(run("read", path, "--tunnels", names, "--sort", "Start"))
        assert [flow["LayersPath"] for flow in found] == expected


def test_vlans_tell_flows_apart_if_asked_for(tmp_path):
    path = tmp_path / "vlans.pcap"
    write_pcap(path, [Ethernet() / Dot1Q(vlan) / IPv4() / TCP(1, 2) for vlan in (5, 6, 5)])
    assert [flow["Metric"]["ABPackets"] for flow in flows(run("read", path))] == [3]
    apart = flows(run("read", path, "--key-ids", "--sort", "Start"))
    assert [(flow["Link"]["ID"], flow["Metric"]["ABPackets"]) for flow in apart] == [(5, 2), (6, 1)]


def test_max_flows_that_suffice_change_nothing(demo):
    assert run("read", demo, "--max-flows", 19).out == run("read", demo).out


def test_several_captures_are_one_stream(tmp_path):
    talk = Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(50000, 80)
    for name, start in (("late", 2), ("early", 1)):
        write_pcap(tmp_path / name, [talk], start=start * 1_000_000_000)
    [flow] = flows(run("read", tmp_path / "late", tmp_path / "early"))
    assert (flow["Start"], flow["Last"], flow["Metric"]["ABPackets"]) == (1000, 2000, 2)


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("read", "--help"), ("read", "-h")])
def test_help_is_shown_with_what_there_is(arguments):
    outcome = run(*arguments)
    assert (outcome.status, outcome.err) == (0, "")
    assert b"read" in outcome.out
    if arguments[0] == "read":
        options = (
            "-f",
            "-w",
            "-o",
            "--layer-key",
            "--sort",
            "--limit",
            "--tunnels",
            "--node-tid",
            "--max-flows",
        )
        assert all(f"{option}".encode() in outcome.out for option in options)
        assert b"examples:\n  flowtable read trace.pcap" in outcome.out


def test_the_version_is_the_packages():
    for arguments in (("--version",), ("read", "--version")):
        assert run(*arguments).out.decode() == f"flowtable {flowtable.__version__}\n"


def test_without_a_command_it_explains_itself():
    outcome = run()
    assert (outcome.status, outcome.out) == (2, b"")
    assert "usage: flowtable COMMAND" in outcome.err


def test_the_script_is_the_module(demo):
    script = Path(sys.executable).with_name("flowtable")
    done = subprocess.run([script, "read", demo], capture_output=True, check=True)
    assert done.stdout == run("read", demo).out
