"""Which messages flows keep: the last of DNS, the first of DHCPv4 and VRRP, and only if asked for."""

import json

import pytest
from reading import read_frames

import flowtable
from flowtable import Limits, OptionError
from flowtable.errors import FieldNotFound
from flowtable.testing import (
    DNS,
    START,
    TCP,
    UDP,
    VRRP,
    VXLAN,
    DHCPv4,
    Dot1Q,
    Ethernet,
    Host,
    IPv4,
    IPv6,
    Pair,
    Question,
    Record,
    dns_exchange,
    fragments,
    opposite,
    wrap,
)

SECOND = 1_000_000_000
ALL = ("DNS", "DHCPv4", "VRRP")
ASK = Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / UDP(5000, 53)
REPLY = opposite(Ethernet() / IPv4("10.0.0.1", "10.0.0.2")) / UDP(53, 5000)


def dns(number, *names):
    return DNS(number, questions=tuple(Question(name) for name in names or ("a.b",)))


def read(folder, frames, **options):
    timed = [(START + at * SECOND, frame) for at, frame in enumerate(frames)]
    return read_frames(folder, timed, **{"extra_layers": ALL, **options})


def test_the_last_dns_message_is_kept_with_its_time(tmp_path):
    (flow,) = read(tmp_path, [ASK / dns(1), REPLY / dns(2), ASK / dns(3)])
    assert (flow.dns.id, flow.dns.timestamp) == (3, START + 2 * SECOND)
    assert flow.get("DNS")["timestamp"] == {"seconds": START // SECOND + 2}


@pytest.mark.parametrize("lengths", [(1, 200, 3), (200, 1, 201), (3, 2, 1), (60, 61, 62)])
def test_messages_of_any_length_take_each_others_place(tmp_path, lengths):
    names = [".".join("x" * min(length, 60) for _ in range(1 + length // 60)) for length in lengths]
    for count in range(1, 4):
        frames = [ASK / dns(at, name) for at, name in enumerate(names[:count])]
        (flow,) = read(tmp_path, frames)
        assert flow.dns.questions[0].name == names[count - 1]


def test_a_message_that_does_not_parse_leaves_the_one_before(tmp_path):
    broken = DNS(questions=(Question(b"\x80"),))
    flows = read(tmp_path, [ASK / dns(1), ASK / broken, ASK / b"?", ASK])
    assert flows[0].dns.id == 1
    assert flows.account.decode_stops == {"truncated DNS": 1, "malformed DNS": 1}


def test_a_flow_that_begins_with_what_does_not_parse_has_the_next_one(tmp_path):
    flows = read(tmp_path, [ASK / b"?", ASK / dns(7)])
    assert flows[0].dns.id == 7
    assert flows[0].application == "UDP"
    assert flows.account.decode_stops == {"truncated DNS": 1}


def test_the_first_dhcp_message_is_kept(tmp_path):
    ports = Ethernet() / IPv4("0.0.0.0", "255.255.255.255") / UDP(68, 67)  # noqa: S104 - an address, not a bind
    messages = [DHCPv4(xid=5, secs=7, flags=0x8000, server_name=b"boot", file=b"\xff/x"), DHCPv4(xid=6)]
    (flow,) = read(tmp_path, [ports / b"?", *(ports / message for message in messages)])
    assert (flow.dhcpv4.hardware_len, flow.dhcpv4.hardware_opts) == (6, 0)
    assert (flow.dhcpv4.xid, flow.dhcpv4.secs, flow.dhcpv4.flags) == (5, 7, 0x8000)
    assert flow.dhcpv4.server_name == b"boot".ljust(64, b"\0")
    assert flow.dhcpv4.file == b"\xff/x".ljust(128, b"\0")
    assert flow.get("DHCPv4")["server_name"].startswith("Ym9vdAAA")


@pytest.mark.parametrize(
    ("packet", "shown"),
    [
        (IPv4("10.0.0.1", "224.0.0.18") / VRRP(5, 100, ("10.0.0.9", "10.0.0.8"), interval=1, checksum=9),
         {"version": 2, "virtual_rtrID": 5, "priority": 100, "count_ipaddr": 2, "adver_int": 1,
          "checksum": 9}),
        (IPv4("10.0.0.1", "224.0.0.18") / VRRP(5, 0, version=3, interval=1000, checksum=9),
         {"version": 3, "virtual_rtrID": 5, "count_ipaddr": 1, "adver_int": 232, "checksum": 9,
          "max_adver_int": 1000}),
    ],
)  # fmt: skip
def test_vrrp_advertisements_of_both_versions(tmp_path, packet, shown):
    flows = read(tmp_path, [Ethernet() / packet])
    assert flows[0].get("VRRPv2") == shown
    assert flows[0].layers_path == "Ethernet/IPv4/VRRP"


def test_the_first_advertisement_is_kept(tmp_path):
    ends = Ethernet() / IPv4("10.0.0.1", "224.0.0.18")
    (flow,) = read(tmp_path, [ends / VRRP(priority=200), ends / VRRP(priority=0)])
    assert flow.vrrpv2.priority == 200


def test_nothing_is_kept_unless_it_is_asked_for(tmp_path):
    frames = [ASK / dns(1), Ethernet() / IPv4() / UDP(68, 67) / DHCPv4(), Ethernet() / IPv4() / VRRP()]
    for wanted in ((), ("DNS",), ("DHCPv4",), ("VRRP",), ("DNS", "DNS"), ALL):
        flows = read(tmp_path, frames, extra_layers=wanted)
        kept = [("DNS", f.dns) for f in flows] + [("DHCPv4", f.dhcpv4) for f in flows]
        kept += [("VRRP", f.vrrpv2) for f in flows]
        assert {name for name, message in kept if message is not None} == set(wanted)
        assert [f.layers_path.rpartition("/")[2] for f in flows] == ["DNS", "DHCPv4", "VRRP"]


def test_several_names_may_come_from_any_iterable(tmp_path):
    assert read(tmp_path, [ASK / dns(1)], extra_layers=iter(["DNS"]))[0].dns.id == 1


def test_a_flow_may_have_messages_of_several_kinds(tmp_path):
    """Ports 53 and 67: what is sent to 53 is DNS, and what comes back is DHCP."""
    ends = Ethernet() / IPv4("10.0.0.1", "10.0.0.2")
    back = opposite(ends)
    frames = [ends / UDP(67, 53) / dns(1), back / UDP(53, 67) / DHCPv4(xid=3), ends / UDP(67, 53) / dns(2)]
    (flow,) = read(tmp_path, frames)
    assert (flow.dns.id, flow.dhcpv4.xid) == (2, 3)
    assert flow.vrrpv2 is None


def test_messages_inside_tunnels_and_tags_belong_to_the_inner_flow(tmp_path):
    pair = Pair(Host("10.1.0.1"), Host("10.1.0.2"))
    inner = dns_exchange(pair, "db.example", "10.1.0.9", port=777)
    outer = Ethernet() / Dot1Q(7) / IPv4("192.0.2.1", "192.0.2.2") / UDP() / VXLAN(1)
    flows = read_frames(tmp_path, wrap(inner, outer), extra_layers=ALL)
    assert [flow.dns and flow.dns.answers[0].ip for flow in flows] == [None, "10.1.0.9"]
    six = Ethernet() / IPv6("2001:db8::1", "2001:db8::2") / UDP(1, 53) / dns(9)
    assert read(tmp_path, [six])[0].dns.id == 9


def test_a_message_in_fragments_is_kept_when_it_is_put_together(tmp_path):
    answers = tuple(Record.address(f"host-{n}.example", "192.0.2.1") for n in range(100))
    whole = IPv4("10.0.0.2", "10.0.0.1", id=7) / UDP(53, 5000) / DNS(7, 0x8180, answers=answers)
    pieces = [Ethernet() / piece for piece in fragments(whole, 512)]
    (flow,) = read(tmp_path, pieces, defrag=True)
    assert len(pieces) > 2
    assert [answer.name for answer in flow.dns.answers] == [f"host-{n}.example" for n in range(100)]
    assert flow.dns.timestamp == START + (len(pieces) - 1) * SECOND
    assert read(tmp_path, pieces)[0].dns is None


def test_dns_over_tcp_is_not_looked_at(tmp_path):
    message = bytes(dns(1))
    segment = Ethernet() / IPv4() / TCP(5000, 53) / (len(message).to_bytes(2) + message)
    assert read(tmp_path, [segment])[0].dns is None


def test_parts_of_messages_go_by_dotted_names(tmp_path):
    (flow,) = read(tmp_path, [REPLY / DNS(7, 0x8000, answers=(Record.address("a", "10.0.0.1"),))])
    assert flow.get("DNS.ID") == 7
    assert (flow.get("DNS.QR"), flow.get("DNS.AA")) == (True, False)
    assert (flow.get("DNS.q_d_count"), flow.get("DNS.questions")) == (0, [])
    assert flow.get("DNS.answers")[0]["IP"] == "10.0.0.1"
    assert flow.get("VRRPv2.priority") is None
    for name in ("DNS.id", "DNS.", "DNS.ID.x", "DNS.nothing"):
        with pytest.raises(FieldNotFound):
            flow.get(name)


def test_sets_sort_by_the_text_of_messages(tmp_path):
    frames = [ASK / dns(1), Ethernet() / IPv4() / TCP(1, 2)]
    flows = read(tmp_path, frames).sort("DNS")
    assert [flow.dns is None for flow in flows] == [False, True]
    assert json.loads(flows.values("DNS")[0]) == flows[0].get("DNS")


# ---- limits


def price(length):
    """Give what a message takes: an item of 32 bytes, a buffer in steps of 64, and the allocator's 16."""
    return 32 + 16 + (length + 63) // 64 * 64


def asks(count):
    return [
        Ethernet() / IPv4(f"10.0.{n >> 8}.{n & 255}", "10.9.9.9") / UDP(5000, 53) / dns(n)
        for n in range(count)
    ]


def test_a_limit_in_bytes_leaves_messages_out_and_counts_them(tmp_path):
    each = price(len(bytes(dns(0))))
    for fits in (0, 1, 7, 100):
        flows = read(tmp_path, asks(100), limits=Limits(message_bytes=fits * each + each - 1))
        assert [flow.dns is not None for flow in flows] == [True] * fits + [False] * (100 - fits)
        assert dict(flows.account.lost) == ({"DNS messages": 100 - fits} if fits < 100 else {})
        assert flows.account.adds_up()


def test_a_longer_message_that_does_not_fit_leaves_the_one_before(tmp_path):
    frames = [ASK / dns(1), ASK / dns(2, "x" * 60, "y" * 60), ASK / dns(3)]
    flows = read(tmp_path, frames[:2], limits=Limits(message_bytes=price(20)))
    assert flows[0].dns.id == 1
    assert flows.account.lost == {"DNS messages": 1}
    flows = read(tmp_path, frames, limits=Limits(message_bytes=price(20)))
    assert flows[0].dns.id == 3
    flows = read(
        tmp_path, frames[:2], limits=Limits(message_bytes=price(len(bytes(dns(2, "x" * 60, "y" * 60)))))
    )
    assert flows[0].dns.id == 2


def test_each_kind_is_counted_by_its_name(tmp_path):
    frames = [ASK / dns(1), Ethernet() / IPv4() / UDP(68, 67) / DHCPv4(), Ethernet() / IPv4() / VRRP()]
    account = read(tmp_path, frames * 2, limits=Limits(message_bytes=0)).account
    assert dict(account.lost) == {"DNS messages": 2, "DHCPv4 messages": 2, "VRRP messages": 2}
    assert account.in_flows == 6


def test_any_number_of_63_bits_is_a_limit(tmp_path):
    assert read(tmp_path, [ASK / dns(1)], limits=Limits(message_bytes=2**63 - 1))[0].dns.id == 1
    for number in (-1, 2**63):
        with pytest.raises(OptionError):
            Limits(message_bytes=number)


def test_an_unknown_layer_is_named_with_those_that_there_are(tmp_path):
    with pytest.raises(OptionError, match=r"no extra layer 'HTTP'; there are DNS, DHCPv4, VRRP"):
        flowtable.read(tmp_path / "none", extra_layers=("HTTP",))
