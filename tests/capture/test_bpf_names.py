"""Names are found wherever libpcap would look them up, and nowhere else."""

import pytest

from flowtable.capture._bpf_names import network_names, words

HARMLESS = [
    "tcp port 80", "port http or smtp", "tcp port (http or https) and not udp", "portrange ftp-http",
    "proto tcp", r"ip proto \tcp", r"ether proto \ip or \arp", "host 10.0.0.1 or 10.0.0.2", "net 10",
    "net 10.1/16", "net 0x0a.1.2", "net 10.0.0.0 mask 255.0.0.0", "host ::1",
    "host fe80::1:2 and src ::ffff:1.2.3.4", "host 1:2:3:4:5:6:7:8", "ether host aa:bb:cc:dd:ee:ff",
    "ether src a-b-c-d-e-f", "ether host aabb.ccdd.eeff", "ether host aabbccddeeff", "ip[0:2] > 5",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "ip[ 0 : 2 ] = 0x10", "icmp[icmptype] = icmp-echo",
    "icmp6[icmp6type]=icmp6-redirect", "type mgt subtype beacon", "wlan dir nods", "on em0 and rset foo",
    "isis and l1", "len <= 60 && !arp || es-is", "link host $1f", "reason match and action block",
    "vlan 5 and mpls 3 and geneve",
]  # fmt: skip

NAMES = {
    "host example.com": ["example.com"],
    "src foo or dst bar": ["foo", "bar"],
    "foo": ["foo"],
    "net foonet and port http": ["foonet"],
    "port http and dst smtp": ["smtp"],
    "port 80 and host foo": ["foo"],
    "port 80 and tcp or foo": ["foo"],
    "host 1.2.3.4.5": ["1.2.3.4.5"],
    "host 10.0.0.1.": ["10.0.0.1."],
    "host 1.2.3.4-x": ["1.2.3.4-x"],
    "host 12ab": ["12ab"],
    "host bad:beef": ["bad:beef"],
    "host ::g": ["g"],
    "host fe80::1%eth0": ["eth0"],
    "host a::2::b": ["a::2::b"],
    "ether host foo": ["foo"],
    "host tcp-foo": ["tcp-foo"],
    "host HOST": ["HOST"],
    r"host \ip": [r"\ip"],
    "gateway foo": ["foo"],
    "host(foo)": ["foo"],
    "host _foo": ["foo"],
}


@pytest.mark.parametrize("expression", HARMLESS)
def test_no_name(expression):
    assert network_names(expression)[0] == []


@pytest.mark.parametrize(("expression", "names"), NAMES.items())
def test_names(expression, names):
    found, harmless = network_names(expression)
    assert found == names
    assert network_names(harmless)[0] == []


def test_words():
    assert words("tcp[2:2]>=80&&(host ::1)") == ["tcp", "2:2", "80", "host", "::1"]
    assert words(r"ip proto \tcp!udp") == ["ip", "proto", r"\tcp", "udp"]
