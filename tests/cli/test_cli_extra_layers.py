"""Messages on the command line: asked for by name, and harmless wherever they are shown."""

import csv
import io
import json

import pytest
from command import on_terminal, run

from flowtable.testing import DNS, TXT, UDP, DHCPv4, Ethernet, IPv4, Question, Record, write_pcap

HOSTILE = (
    b"\x1b[2J\x1b]0;owned\x07",
    b"=cmd|'/c calc'!A0",
    b"+1",
    b"-1",
    b"@SUM(A1)",
    "\u202e\u200b[bold red]".encode(),
    b'"},{"a":"',
    b"a,b\r\n;c\td",
    b"\x9b31m\x00",
)


@pytest.fixture
def hostile(tmp_path):
    """Give a capture of answers whose names and texts are what nobody wants to see."""
    path = tmp_path / "hostile.pcap"
    ends = Ethernet() / IPv4("10.0.0.1", "10.0.0.2")
    frames = []
    for port, text in enumerate(HOSTILE, 5000):
        name = bytes([len(text)]) + text + b"\0"
        answer = DNS(flags=0x8180, questions=(Question(name),), answers=(Record(name, 16, TXT((text,))),))
        frames.append(ends / UDP(port, 53) / answer)
    frames.append(ends / UDP(68, 67) / DHCPv4(server_name=HOSTILE[0], file=HOSTILE[1]))
    write_pcap(path, frames)
    return path


def test_messages_are_asked_for_by_name(demo):
    flows = [json.loads(line) for line in run("read", demo, "--extra-layers", "DNS,VRRP").lines]
    names = [flow["DNS"]["questions"][0]["name"] for flow in flows if "DNS" in flow]
    assert names == ["www.example.com", "www.example.com", "db.internal.example"]
    for arguments in ((), ("--extra-layers", "none"), ("--extra-layers", "VRRP")):
        assert b'"DNS": {' not in run("read", demo, *arguments).out


def test_an_unknown_layer_is_an_error_of_one_line(demo):
    outcome = run("read", demo, "--extra-layers", "HTTP")
    assert outcome.status == 2
    assert (
        outcome.err
        == "flowtable: extra_layers: there is no extra layer 'HTTP'; there are DNS, DHCPv4, VRRP\n"
    )


@pytest.mark.parametrize("name", ["table", "json", "csv"])
def test_hostile_names_are_made_harmless_on_a_terminal(hostile, name):
    screen = on_terminal(
        "read", hostile, "-o", name, "--extra-layers", "DNS,DHCPv4", term="dumb", columns=200
    )
    assert screen.status == 0
    assert screen.controls == []
    assert screen.text.isascii() or name == "table"
    assert "\u202e" not in screen.text


def test_hostile_names_are_one_line_of_json_each(hostile):
    outcome = run("read", hostile, "--extra-layers", "DNS")
    assert outcome.out.isascii()
    flows = [json.loads(line) for line in outcome.lines]
    assert len(flows) == len(HOSTILE) + 1
    assert all(set(flow["DNS"]) >= {"questions", "answers"} for flow in flows[: len(HOSTILE)])


def test_no_cell_of_a_table_is_a_formula(hostile):
    out = run("read", hostile, "-o", "csv", "--extra-layers", "DNS,DHCPv4").out.decode()
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == len(HOSTILE) + 1
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row.values())
    assert all(json.loads(row["dns"])["questions"] for row in rows if row["dns"])
    assert [bool(row["dhcpv4"]) for row in rows] == [False] * len(HOSTILE) + [True]


def test_flows_can_be_ordered_by_their_messages(demo):
    flows = [
        json.loads(line)
        for line in run("read", demo, "--extra-layers", "DNS", "--sort", "DNS", "--limit", 3).lines
    ]
    assert all("DNS" in flow for flow in flows)
