"""Addresses as text, against the standard library's."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from reading import read_frames, seeded

from flowtable.testing import TCP, Ethernet, IPv4, IPv6

GROUPS = (0, 0, 0, 0, 1, 0xF, 0xFF, 0xFFF, 0xFFFF, 0x10, 0x100, 0x1000, 0xABCD)
CHOSEN = [
    "::", "::1", "1::", "::ffff:1.2.3.4", "::ffff:0.0.0.0", "::fffe:1.2.3.4", "::1.2.3.4", "64:ff9b::1.2.3.4",
    "::ffff:0:1.2.3.4", "1:0:0:2::3", "1:0:0:2:0:0:0:3", "0:1::", "1:2:3:4:5:6:7:0", "0:2:3:4:5:6:7:8",
    "1:0:3:4:5:6:7:8", "fe80::1", "2001:db8:0:0:1:0:0:1", "0:0:0:0:0:fffe:0:0",
]  # fmt: skip


def as_written(address):
    """Give RFC 5952's text; for mapped IPv4 its section 5, which the library took up in Python 3.13."""
    mapped = address.ipv4_mapped
    return f"::ffff:{mapped}" if mapped is not None else str(address)


def addresses6():
    random = seeded(6)
    yield from map(IPv6Address, CHOSEN)
    for _ in range(3000):
        yield IPv6Address(b"".join(random.choice(GROUPS).to_bytes(2) for _ in range(8)))


def test_ipv6_is_written_as_rfc_5952_has_it(tmp_path):
    addresses = list(dict.fromkeys(addresses6()))
    flows = read_frames(tmp_path, [bytes(Ethernet() / IPv6(a.packed) / TCP(1, 2)) for a in addresses])
    expected = [as_written(address) for address in addresses]
    assert [flow.network.a for flow in flows] == expected
    assert flows.to_arrow()["network_a"].to_pylist() == expected
    assert {flow.network.b for flow in flows} == {"2001:db8::2"}


def test_ipv4_is_written_with_dots(tmp_path):
    random = seeded(4)
    addresses = [IPv4Address(at * 0x01010101) for at in range(256)]
    addresses += [IPv4Address(random.getrandbits(32)) for _ in range(500)]
    addresses = list(dict.fromkeys(addresses))
    flows = read_frames(tmp_path, [bytes(Ethernet() / IPv4(a.packed) / TCP(1, 2)) for a in addresses])
    assert [flow.network.a for flow in flows] == list(map(str, addresses))


@pytest.mark.parametrize("mac", ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "0a:b0:0c:d0:0e:f0"])
def test_macs_are_written_with_colons(tmp_path, mac):
    (flow,) = read_frames(tmp_path, [Ethernet(mac) / IPv4() / TCP(1, 2)])
    assert flow.link.a == mac


def test_ids_are_hex_without_leading_zeros(tmp_path):
    frames = [bytes(Ethernet() / IPv4() / TCP(port, 2)) for port in range(1, 2000)]
    flows = read_frames(tmp_path, frames)
    ids = [text for flow in flows for text in (flow.uuid, flow.tracking_id, flow.l3_tracking_id)]
    assert all(f"{int(text, 16):x}" == text for text in ids)
    assert min(map(len, ids)) < 16
