"""What a person sees: the table on a terminal, and nothing that a terminal would obey."""

import re

import pytest
from command import COLOUR, on_terminal, run

from flowtable.testing import TCP, UDP, VXLAN, Ethernet, IPv4, IPv6, write_pcap

HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202e\x9b31m[bold red]"


@pytest.mark.parametrize("columns", [40, 80, 100, 120, 200])
def test_the_table_fits_the_terminal(demo, columns):
    screen = on_terminal("read", demo, columns=columns)
    assert screen.status == 0
    assert len(screen.lines) == 2 + 19 + 1
    assert max(map(len, screen.lines)) <= columns
    assert screen.controls == []


def test_80_columns_show_all_of_ipv4_and_what_counts_of_the_rest(demo):
    lines = on_terminal("read", demo, columns=80).lines
    assert lines[1].split() == ["layers", "A", "B", "A→B", "B→A", "A→B", "B→A"]
    assert lines[2].split() == [
        "Eth/IPv4/TCP",
        "192.168.1.20:52001",
        "203.0.113.80:443",
        "7",
        "7",
        "912",
        "5.59k",
    ]
    assert any(
        line.startswith("Eth/IPv6/TCP        [2001:…::20]:52002  [2001:…80::80]:443 ") for line in lines
    )


def test_120_columns_show_every_column(demo):
    lines = on_terminal("read", demo, columns=120).lines
    assert lines[1].split()[-3:] == ["duration", "RTT", "application"]
    assert lines[2].split()[-3:] == ["60.6ms", "20.1ms", "TCP"]
    assert any("[2001:db8:1::20]:52002  [2001:db8:80::80]:443" in line for line in lines)


def test_children_are_indented_under_their_parents(demo):
    layers = [line.split("  ")[0] for line in on_terminal("read", demo, columns=80).lines]
    vxlan = layers.index("Eth/IPv4/UDP/VXLAN")
    assert layers[vxlan + 1 : vxlan + 4] == ["├ Eth/IPv4/TCP", "├ Eth/IPv4/TCP", "└ Eth/IPv4/UDP/DNS"]
    gre = layers.index("Eth/IPv4/GRE")
    assert layers[gre + 1 : gre + 3] == ["├ IPv4/TCP", "└ IPv4/ICMPv4"]


def test_grandchildren_are_indented_further(tmp_path):
    inner = Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(1, 2)
    middle = Ethernet() / IPv4("172.16.0.1", "172.16.0.2") / UDP(3) / VXLAN(1)
    outer = Ethernet() / IPv4("192.0.2.1", "192.0.2.2") / UDP(4) / VXLAN(2)
    capture = tmp_path / "nested.pcap"
    write_pcap(capture, [outer / middle / inner])
    lines = on_terminal("read", capture, columns=200).lines
    assert lines[2].startswith("Ethernet/IPv4/UDP/VXLAN  ")
    assert lines[3].startswith("└ Ethernet/IPv4/UDP/VXLAN  ")
    assert lines[4].startswith("  └ Ethernet/IPv4/TCP  ")


def test_the_biggest_come_first_and_the_others_are_counted(tmp_path):
    capture = tmp_path / "many.pcap"
    write_pcap(
        capture,
        [Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / UDP(1024 + i, 9) / bytes(10 * i) for i in range(50)],
    )
    lines = on_terminal("read", capture, lines=24).lines
    ports = [int(re.search(r":(\d+)", line)[1]) for line in lines if "/UDP" in line]
    assert ports == [1073 - i for i in range(16)]
    assert len(lines) < 24
    assert lines[-2].startswith("… and 34 more")
    lines = on_terminal("read", capture, "--limit", 3).lines
    assert lines[-2].startswith("… and 47 more")


def test_a_flow_whose_tunnel_is_not_listed_says_so(demo):
    lines = run("read", demo, "-o", "table", "--sort", "Metric.RTT", "--limit", 2).lines
    assert [line.split("  ")[0] for line in lines[2:4]] == ["… IPv4/TCP", "… IPv4/ICMPv4"]


def test_long_ipv6_addresses_keep_both_their_ends(tmp_path):
    capture = tmp_path / "six.pcap"
    a, b = "2001:db8:1111:2222:3333:4444:5555:6666", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"
    write_pcap(capture, [Ethernet() / IPv6(a, b) / TCP(50000, 443)])
    row = on_terminal("read", capture, columns=80).lines[2]
    assert re.search(r" \[2001:…6666\]:50000 +\[2001:\S*…\S*:ffff\]:443 ", row)
    assert f"[{a}]:50000  [{b}]:443" in on_terminal("read", capture, columns=200).lines[2]


def test_colours_are_left_out_where_they_are_not_wanted(demo):
    assert COLOUR.search(on_terminal("read", demo).text)
    assert not COLOUR.search(on_terminal("read", demo, NO_COLOR="1").text)
    assert not COLOUR.search(on_terminal("read", demo, term="dumb").text)


def test_a_terminal_without_drawing_characters_gets_ascii(demo):
    screen = on_terminal("read", demo, PYTHONIOENCODING="ascii")
    assert screen.status == 0
    assert screen.text.isascii()
    assert any(line.startswith("` Eth/") for line in screen.lines)


def test_binary_formats_are_refused_on_a_terminal(demo):
    for name in ("parquet", "arrow"):
        screen = on_terminal("read", demo, "-o", name)
        assert screen.status == 2
        assert screen.text.startswith(f"flowtable: {name} is binary and no terminal can show it: ")


@pytest.mark.parametrize("name", ["table", "json", "csv"])
def test_hostile_ids_are_made_harmless(demo, name):
    arguments = ("--node-tid", HOSTILE, "--capture-id", HOSTILE + "\n")
    screen = on_terminal("read", demo, "-o", name, *arguments, term="dumb", columns=200)
    assert screen.status == 0
    assert screen.controls == []
    assert "\x1b" not in screen.text
    assert "\u202e" not in screen.text


def test_hostile_names_and_expressions_are_made_harmless(demo, tmp_path):
    capture = tmp_path / f"{HOSTILE}.pcap"
    capture.write_bytes(demo.read_bytes()[:-10])
    cases = (
        ("read", capture, "-o", "json", "--limit", 0),  # a warning that names the file
        ("read", tmp_path / "none" / HOSTILE),
        ("read", demo, "-f", f"tcp {HOSTILE}"),
        ("read", demo, "-w", tmp_path / f"{HOSTILE}.x"),
        ("read", demo, "--tunnels", HOSTILE),
        ("read", demo, "--layer-key", HOSTILE),
        ("read", demo, "--sort", HOSTILE),
        ("read", demo, "--limit", HOSTILE),
        ("read", demo, f"--{HOSTILE}"),
        (HOSTILE,),
    )
    for arguments in cases:
        screen = on_terminal(*arguments, term="dumb")
        assert screen.status == (0 if arguments == cases[0] else 2)
        assert "flowtable: " in screen.text
        assert screen.controls == []
        assert "\u202e" not in screen.text
