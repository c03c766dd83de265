"""Applications named by port."""

import io
import json
from itertools import count

import pyarrow as pa
import pytest
from reading import read_frames

import flowtable
from flowtable import ApplicationPortMap, OptionError
from flowtable.table.application_ports import LONGEST_NAME, MOST_NAMES
from flowtable.testing import (
    ARP,
    DNS,
    SCTP,
    TCP,
    UDP,
    VXLAN,
    Ethernet,
    ICMPv4,
    IPv4,
    IPv6,
    LinuxCooked,
    Question,
    UDPLite,
)

PORTS = ApplicationPortMap(tcp={8443: "webmail", 80: "Http"}, udp={53: "names", 4789: "overlay"})


def application(folder, frame, ports=PORTS, **options):
    return [flow.application for flow in read_frames(folder, [frame], app_ports=ports, **options)]


def over_ip(layer):
    return Ethernet() / IPv4() / layer


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (over_ip(TCP(50000, 8443)), ["WEBMAIL"]),
        (over_ip(TCP(8443, 50000)), ["WEBMAIL"]),
        (Ethernet() / IPv6() / TCP(8443, 50000), ["WEBMAIL"]),
        (LinuxCooked() / IPv4() / TCP(50000, 80), ["HTTP"]),
        (over_ip(TCP(80, 8443)), ["HTTP"]),
        (over_ip(TCP(8443, 80)), ["WEBMAIL"]),
        (over_ip(TCP(53, 53)), ["TCP"]),
        (over_ip(UDP(8443, 80)), ["UDP"]),
        (over_ip(UDP(50000, 53) / DNS(1, questions=[Question("a.example")])), ["NAMES"]),
        (over_ip(UDP(50000, 53) / b"?"), ["NAMES"]),
        (over_ip(UDPLite(8443, 53)), ["UDPLite"]),
        (over_ip(SCTP(80, 80)), ["SCTP"]),
        (over_ip(ICMPv4(8, 0)), ["ICMPv4"]),
        (Ethernet() / ARP(), ["ARP"]),
        (over_ip(UDP(1) / VXLAN(5) / Ethernet() / IPv4() / TCP(1, 80)), ["OVERLAY", "HTTP"]),
        (bytes(over_ip(TCP(1, 80)))[:36], ["IPv4"]),
    ],
    ids=count(),
)
def test_tcp_and_udp_flows_are_called_by_their_ports_the_sources_first(tmp_path, frame, expected):
    link_type = 113 if bytes(frame)[:2] == b"\0\0" else 1
    assert application(tmp_path, frame, link_type=link_type) == expected


def test_the_path_stays(tmp_path):
    frame = over_ip(UDP(50000, 53) / DNS(1, questions=[Question("a.example")]))
    (flow,) = read_frames(tmp_path, [frame], app_ports=PORTS)
    assert (flow.layers_path, flow.application) == ("Ethernet/IPv4/UDP/DNS", "NAMES")


def test_the_first_packet_decides(tmp_path):
    frames = [over_ip(TCP(80, 8443)), Ethernet() / IPv4("10.0.0.2", "10.0.0.1") / TCP(8443, 80)]
    swapped = [Ethernet() / IPv4("10.0.0.2", "10.0.0.1") / TCP(8443, 80), over_ip(TCP(80, 8443))]
    assert read_frames(tmp_path, frames, app_ports=PORTS)[0].application == "HTTP"
    assert read_frames(tmp_path, swapped, app_ports=PORTS)[0].application == "WEBMAIL"


def test_every_port_from_0_to_65535_can_have_a_name(tmp_path):
    ports = ApplicationPortMap(tcp={0: "zero", 65535: "last"})
    assert application(tmp_path, over_ip(TCP(0, 1)), ports) == ["ZERO"]
    assert application(tmp_path, over_ip(TCP(1, 65535)), ports) == ["LAST"]


def test_without_names_nothing_changes(tmp_path):
    frame = over_ip(TCP(50000, 80))
    assert application(tmp_path, frame, None) == application(tmp_path, frame, ApplicationPortMap()) == ["TCP"]


def names_of_column(flows):
    return flows.to_arrow()["application"].combine_chunks().dictionary.to_pylist()


def test_every_view_has_the_name_and_the_column_only_names_in_use(tmp_path):
    frames = [over_ip(TCP(port, 80)) for port in range(1000, 1005)] + [over_ip(UDP(1, 2)), Ethernet() / ARP()]
    flows = read_frames(tmp_path, frames, app_ports=PORTS)
    expected = ["HTTP"] * 5 + ["UDP", "ARP"]
    out = io.BytesIO()
    flows.write_json(out)
    assert [flow.application for flow in flows] == expected
    assert [flow.get("Application") for flow in flows] == expected
    assert [json.loads(line)["Application"] for line in out.getvalue().splitlines()] == expected
    assert flows.to_arrow()["application"].to_pylist() == expected
    assert flows.values("application") == expected
    assert sorted(names_of_column(flows)) == ["", "ARP", "HTTP", "UDP"]
    assert flows.to_polars()["application"].cast(str).to_list() == expected
    assert list(flows.to_pandas()["application"]) == expected


def test_a_users_name_that_is_a_layers_is_one_name(tmp_path):
    ports = ApplicationPortMap(tcp={80: "DNS", 81: "udp", 82: "UdP"})
    frames = [over_ip(TCP(1, port)) for port in (80, 81, 82)]
    frames += [over_ip(UDP(1, 2)), over_ip(UDP(1, 53) / DNS(1, questions=[Question("a.example")]))]
    flows = read_frames(tmp_path, frames, app_ports=ports)
    assert [flow.application for flow in flows] == ["DNS", "UDP", "UDP", "UDP", "DNS"]
    assert sorted(names_of_column(flows)) == ["", "DNS", "UDP"]


def test_as_many_names_as_there_may_be(tmp_path):
    ports = ApplicationPortMap(tcp={port: f"application {port}" for port in range(MOST_NAMES)})
    frames = [over_ip(TCP(0 if port else 1, port)) for port in range(0, MOST_NAMES, 1024)]
    shown = read_frames(tmp_path, frames, app_ports=ApplicationPortMap(tcp=dict(list(ports.tcp.items())[1:])))
    assert [flow.application for flow in shown][1:] == [
        f"APPLICATION {port}" for port in range(1024, MOST_NAMES, 1024)
    ]
    with pytest.raises(OptionError, match="more than 32,768 names"):
        ApplicationPortMap(tcp=ports.tcp, udp={1: "one more"})
    everywhere = ApplicationPortMap(
        tcp=dict.fromkeys(range(65536), "x"), udp=dict.fromkeys(range(65536), "X")
    )
    assert len(everywhere) == 131_072


# ---- the map


def test_names_are_in_capitals_and_looked_up_source_first():
    assert PORTS.tcp == {8443: "WEBMAIL", 80: "HTTP"}
    assert PORTS.application("TCP", 80, 8443) == "HTTP"
    assert PORTS.application("TCP", 1, 8443) == "WEBMAIL"
    assert PORTS.application("UDP", 1, 8443) is None
    assert PORTS.application("SCTP", 80, 80) is None
    assert len(PORTS) == 4
    assert repr(ApplicationPortMap(udp={1: "a"})) == "ApplicationPortMap(tcp={}, udp={1: 'A'})"
    assert ApplicationPortMap(tcp={1: "a"}) == ApplicationPortMap(tcp={1: "A "}) != ApplicationPortMap()
    assert ApplicationPortMap() != {}


def test_a_map_does_not_change():
    with pytest.raises(TypeError):
        PORTS.tcp[1] = "x"


@pytest.mark.parametrize("port", [-1, 65536, "80", 80.0, True, None])
def test_what_is_no_port(port):
    with pytest.raises(OptionError, match="tcp: a port is a number from 0 to 65,535"):
        ApplicationPortMap(tcp={port: "x"})


@pytest.mark.parametrize(
    "name",
    ["", "  ", 5, None, b"x", "x" * (LONGEST_NAME + 1), "\x1b[2J", "a\nb", "\u202eevil", "\ud800", "ß" * 33],
    ids=ascii,
)
def test_what_is_no_name(name):
    with pytest.raises(OptionError, match="udp: port 7: a name") as raised:
        ApplicationPortMap(udp={7: name})
    assert str(raised.value).isprintable()


def test_what_is_no_map():
    for wrong in ([80], "http", 5):
        with pytest.raises(OptionError, match="takes a mapping"):
            ApplicationPortMap(wrong)


@pytest.mark.parametrize("wrong", [{80: "HTTP"}, "ports.toml", 5, True])
def test_read_takes_a_map(tmp_path, wrong):
    with pytest.raises(OptionError, match="app_ports: takes an ApplicationPortMap"):
        flowtable.read(tmp_path / "missing.pcap", app_ports=wrong)


# ---- from settings


TOML = """\
[application_ports.tcp]
8443 = "webmail"
80 = "Http"

[application_ports.udp]
53 = "names"
4789 = "overlay"
"""


def test_from_a_file_or_a_mapping(tmp_path):
    path = tmp_path / "ports.toml"
    path.write_text(TOML)
    same = {"application_ports": {"tcp": {"8443": "webmail", "80": "http"}, "udp": dict(PORTS.udp)}}
    for source in (path, str(path), same):
        assert ApplicationPortMap.from_config(source) == PORTS
    assert ApplicationPortMap.from_config({}) == ApplicationPortMap()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[application_ports]\nsctp = {}", r"ports\.toml: \[application_ports\] has .*udp, and no 'sctp'"),
        ("[application_ports]\n80 = 'http'", r"\[application_ports\] has .*no '80'"),
        ("[application_ports]\ntcp = 80", r"\[application_ports\.tcp\] is a table, and not 80"),
        ("[application_ports.tcp]\nhttp = 80", r"\.toml: \[application_ports\.tcp\]: a port .*not 'http'"),
        ("[application_ports.udp]\n65536 = 'x'", r"\[application_ports\.udp\]: a port .*not 65536"),
        ("[application_ports.udp]\n080 = 'x'", r"a port .*not '080'"),
        ("[application_ports.udp]\n-1 = 'x'", r"a port .*not '-1'"),
        ("[application_ports.udp]\n" + "9" * 5000 + " = 'x'", r"a port .*not '9999"),
        ("[application_ports.udp]\n'²' = 'x'", r"a port .*not '²'"),
        ("[application_ports.udp]\n53 = 7", r"\.toml: \[application_ports\.udp\]: port 53: a name .*not 7"),
        ("[application_ports.udp]\n53 = ''", r"\[application_ports\.udp\]: port 53: a name has 1 to 64"),
        ('[application_ports.udp]\n53 = "\\u001b"', r"port 53: a name .*not '\\x1b'"),
        ("[other]", r"ports\.toml: there is no table 'other'"),
    ],
    ids=count(),
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_table_and_key(tmp_path, text, message):
    path = tmp_path / "ports.toml"
    path.write_text(text)
    with pytest.raises(OptionError, match=message):
        ApplicationPortMap.from_config(path)


def test_a_name_that_is_a_formula_is_harmless_in_a_spreadsheet(tmp_path):
    ports = ApplicationPortMap(tcp={80: "=cmd|'/c calc'!a1"})
    out = io.BytesIO()
    read_frames(tmp_path, [over_ip(TCP(1, 80))], app_ports=ports).write_csv(out)
    assert b"\"'=CMD|" in out.getvalue()


def test_names_with_quotes_are_json(tmp_path):
    ports = ApplicationPortMap(tcp={80: 'a "b" \\ é 漢'})
    flows = read_frames(tmp_path, [over_ip(TCP(1, 80))], app_ports=ports)
    out = io.BytesIO()
    flows.write_json(out)
    assert json.loads(out.getvalue()) == flows[0].to_dict()
    assert flows[0].application == 'A "B" \\ É 漢'
    assert isinstance(flows.to_arrow()["application"].type, pa.DictionaryType)
