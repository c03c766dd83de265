"""Applications named by port, on the command line."""

import json

import pytest
from command import on_terminal, run

from flowtable.testing import TCP, Ethernet, IPv4, write_pcap


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "a.pcap"
    write_pcap(path, [Ethernet() / IPv4("192.0.2.1", "192.0.2.2") / TCP(50000, 8443)])
    return path


def settings(folder, text):
    path = folder / "ports.toml"
    path.write_text(text)
    return path


def test_flows_are_called_by_the_ports_of_a_file(capture, tmp_path):
    ports = settings(tmp_path, "[application_ports.tcp]\n8443 = 'webmail'\n")
    done = run("read", capture, "--app-ports", ports)
    assert (done.status, json.loads(done.out)["Application"]) == (0, "WEBMAIL")
    assert "WEBMAIL" in on_terminal("read", capture, "--app-ports", ports, columns=120).text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[application_ports.tcp]\nhttp = 'x'\n", "[application_ports.tcp]: a port is a number"),
        ('[application_ports.tcp]\n80 = "\\u001b[2J"\n', "port 80: a name has 1 to 64 characters that print"),
        ("[application_ports.tcp\n", "is no TOML"),
        ("", "names no port in [application_ports.tcp]"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_in_a_line(capture, tmp_path, text, said):
    screen = on_terminal("read", capture, "--app-ports", settings(tmp_path, text), columns=300)
    assert screen.status == 2
    assert said in screen.text
    assert screen.controls == []


def test_a_file_that_is_not_there(capture):
    done = run("read", capture, "--app-ports", "missing.toml")
    assert (done.status, done.out) == (2, b"")
    assert done.err == "flowtable: 'missing.toml' cannot be read: No such file or directory\n"
