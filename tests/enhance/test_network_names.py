"""Networks have the names that the user gives them."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import read_frames

from flowtable import OptionError
from flowtable.enhance import NetworkNames
from flowtable.testing import ARP, TCP, Ethernet, IPv4, IPv6

OFFICE = {
    "10.0.0.0/8": "office",
    "10.1.0.0/16": "lab",
    "10.1.2.3": "printer",
    "fd00::/8": "vpn",
    "::/0": "v6",
}


def extras(tmp_path, frames, enhancer):
    flows = read_frames(tmp_path, frames)
    flows.enhance(enhancer)
    return [dict(flow.extra) for flow in flows]


def test_the_smallest_network_names_an_end(tmp_path):
    frames = [
        Ethernet() / IPv4("10.2.0.1", "10.1.0.1") / TCP(1, 2),
        Ethernet() / IPv4("10.1.2.3", "192.0.2.1") / TCP(1, 2),
        Ethernet() / IPv6("fd00::1", "2001:db8::1") / TCP(1, 2),
        Ethernet() / ARP(),
    ]
    assert extras(tmp_path, frames, NetworkNames(OFFICE)) == [
        {"NetworkA": "office", "NetworkB": "lab"},
        {"NetworkA": "printer"},
        {"NetworkA": "vpn", "NetworkB": "v6"},
        {},
    ]


ADDRESSES = st.one_of(
    st.integers(0, 15).map(lambda n: ipaddress.IPv4Address((n << 28) | n)),
    st.integers(0, 15).map(lambda n: ipaddress.IPv6Address((n << 124) | n)),
    st.ip_addresses(),
)
NETWORKS = st.tuples(ADDRESSES, st.integers(0, 128)).map(
    lambda pair: ipaddress.ip_network((pair[0], min(pair[1], pair[0].max_prefixlen)), strict=False)
)


@settings(deadline=None)
@given(st.lists(NETWORKS, unique=True, max_size=12), st.lists(ADDRESSES, min_size=1))
def test_it_is_the_longest_of_those_that_have_the_address(networks, addresses):
    names = NetworkNames({str(network): f"<{network}>" for network in networks})
    assert len(names) == len(networks)
    for address in addresses:
        having = [n for n in networks if n.version == address.version and address in n]
        best = max(having, key=lambda n: n.prefixlen, default=None)
        assert names._look_up(str(address)) == ({} if best is None else {"Network": f"<{best}>"})


def test_they_come_from_toml(tmp_path):
    """The same file may have other settings."""
    path = tmp_path / "names.toml"
    path.write_text('[networks]\n"10.0.0.0/8" = "office"\n[application_ports.tcp]\n80 = "WEB"\n')
    frames = [Ethernet() / IPv4("10.0.0.1", "192.0.2.1") / TCP(1, 2)]
    assert extras(tmp_path, frames, NetworkNames(path)) == [{"NetworkA": "office"}]


def test_they_come_from_csv(tmp_path):
    path = tmp_path / "names.CSV"
    path.write_bytes(
        b'\xef\xbb\xbf10.0.0.0/8,office\r\n\n# a note, or two\n192.0.2.0/24 ,"caf\xc3\xa9, bar"\n'
    )
    frames = [Ethernet() / IPv4("10.0.0.1", "192.0.2.1") / TCP(1, 2)]
    assert extras(tmp_path, frames, NetworkNames(str(path))) == [
        {"NetworkA": "office", "NetworkB": "café, bar"}
    ]


@pytest.mark.parametrize(
    ("networks", "why"),
    [
        (5, "a mapping or a path, not int"),
        ({"10.0.0.1/8": "a"}, r"settings: \[networks\]: 10.0.0.1/8 has host bits set"),
        ({"office": "10.0.0.0/8"}, "'office' does not appear to be"),
        ({"10.0.0.0/33": "a"}, "'10.0.0.0/33' does not appear to be"),
        ({7: "a"}, "7 is no network"),
        ({"10.0.0.0/8": ""}, "the name of 10.0.0.0/8 is a text, and not ''"),
        ({"10.0.0.0/8": 7}, "is a text, and not 7"),
        ({"10.0.0.0/8": "a", "10/8": "b"}, "'10/8' does not appear"),
        ({"10.0.0.0/8": "a", "10.0.0.0/255.0.0.0": "b"}, "10.0.0.0/8 has two names: 'a' and 'b'"),
        ("no/such/file.toml", "'no/such/file.toml' cannot be read: No such file"),
        ("no/such/file.csv", "'no/such/file.csv' cannot be read: No such file"),
        ("a\0b.csv", "is no CSV"),
    ],
)
def test_what_is_wrong_is_said(networks, why):
    with pytest.raises(OptionError, match=why):
        NetworkNames(networks)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.csv", b"10.0.0.0/8,a\n10.0.0.0/8\n", "line 2: takes a network and a name, not 1 columns"),
        ("a.csv", b"10.0.0.0/8,a,b\n", "line 1: .*not 3 columns"),
        ("a.csv", b"network,name\n", "line 1: 'network' does not appear"),
        ("a.csv", b'10.0.0.0/8,"a\n', "is no CSV"),
        ("a.csv", b"10.0.0.0/8,\xff\n", "is no CSV"),
        ("a.csv", b"10.0.0.0/8,a\n\n10.0.0.0/8,b\n", "line 3: 10.0.0.0/8 has two names"),
        ("a.toml", b"[networks\n", "is no TOML"),
        ("a.toml", b"[network]\n", "there is no table 'network'"),
        ("a.toml", b"networks = 5\n", r"\[networks\] is a table, and not 5"),
        ("a.toml", b'[networks]\n"10.0.0.0/8" = 5\n', "is a text, and not 5"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(tmp_path, name, data, why):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(OptionError, match=why):
        NetworkNames(tmp_path / name)
