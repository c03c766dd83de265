"""Names of hosts by what clients were told in the traffic."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import read_frames

from flowtable import OptionError
from flowtable.enhance import EnhancerPipeline, HostNames
from flowtable.enhance.host_names import answers_of
from flowtable.flow.messages import DNSMessage, DNSQuestion, DNSRecord
from flowtable.testing import (
    DNS,
    START,
    TCP,
    UDP,
    DomainName,
    Ethernet,
    IPv4,
    IPv6,
    Question,
    Record,
)

SECOND = 1_000_000_000
CLIENT, OTHER, RESOLVER, SERVER = "10.0.0.1", "10.0.0.2", "10.0.0.53", "192.0.2.80"


def ip(source, destination):
    return (IPv6 if ":" in source else IPv4)(source, destination)


def answer(seconds, name, *records, client=CLIENT, ports=(53, 40_000), **other):
    """Give a response that a client got; ``other`` goes before what makes it one."""
    message = DNS(**{"flags": 0x8180, "questions": (Question(name),), "answers": records, **other})
    frame = Ethernet() / ip(RESOLVER, client) / UDP(*ports) / message
    return (START + int(seconds * SECOND), bytes(frame))


def connection(seconds, *, client=CLIENT, server=SERVER, port=50_000):
    return (START + int(seconds * SECOND), bytes(Ethernet() / ip(client, server) / TCP(port, 443, "S")))


def address(name, to=SERVER, ttl=300):
    return Record.address(name, to, ttl)


def alias(name, to, ttl=300):
    return Record(name, 5, DomainName(to), ttl)


def named(tmp_path, frames, enhancer=None):
    """Give what the flows that are no DNS got, in the order in which they began."""
    flows = read_frames(tmp_path, frames, extra_layers=("DNS",))
    enhancer = HostNames() if enhancer is None else enhancer
    flows.enhance(enhancer)
    return [dict(flow.extra) for flow in flows if flow.application != "DNS"]


def test_an_address_has_the_name_that_was_asked_for(tmp_path):
    frames = [
        answer(0, "www.example.org", address("www.example.org")),
        connection(1),
        connection(1, server="192.0.2.81", port=50_001),
    ]
    assert named(tmp_path, frames) == [{"HostB": "www.example.org"}, {}]


def test_names_of_ipv6_and_of_either_end(tmp_path):
    server = "2001:db8::80"
    frames = [
        answer(0, "WWW.Example.org", address("www.eXample.org", server)),
        connection(1, client="2001:db8::1", server=server),
        connection(2, client=server, server="2001:db8::2"),
    ]
    assert named(tmp_path, frames) == [{"HostB": "www.example.org"}, {"HostA": "www.example.org"}]


def test_aliases_lead_to_the_name_that_was_asked_for(tmp_path):
    chain = [
        address("c.cdn.example", ttl=600),
        alias("b.example.net", "c.cdn.example", ttl=90),
        alias("www.example.org", "b.example.net", ttl=600),
    ]
    frames = [answer(0, "www.example.org", *chain), connection(90), connection(91, port=50_001)]
    assert named(tmp_path, frames) == [{"HostB": "www.example.org"}, {}]


@pytest.mark.parametrize(
    "frame",
    [
        answer(0, "a.example", address("a.example"), flags=0x0100),
        answer(0, "a.example", address("a.example"), flags=0x8183),
        answer(0, "a.example", address("bank.example")),
        answer(0, "a.example", alias("a.example", "b.example"), address("c.example")),
        answer(0, "a.example", alias("a.example", "b.example"), alias("b.example", "a.example")),
        answer(0, "a.example", Record("a.example", 1, b"\xc0\x00\x02\x50", record_class=3)),
        answer(0, "a.example", Record("a.example", 1, b"\xc0\x00\x02")),
        answer(0, "a.example", questions=()),
        answer(0, "", address("")),
        answer(0, "", address("a.example"), questions=(Question("a.example"), Question("b.example"))),
        answer(0, "a.example"),
    ],
)
def test_what_answers_no_question_teaches_nothing(tmp_path, frame):
    assert named(tmp_path, [frame, connection(1)]) == [{}]


# ---- time


@pytest.mark.parametrize(
    ("ttl", "begins", "has_name"),
    [
        (300, 0, True),
        (300, 300, True),
        (300, 300.001, False),
        (300, -0.001, False),
        (0, 60, True),
        (0, 61, False),
        (1 << 30, 86_400, True),
        (1 << 30, 86_401, False),
    ],
)
def test_a_name_holds_as_long_as_its_ttl_in_the_packets_own_time(tmp_path, ttl, begins, has_name):
    frames = sorted([answer(0, "a.example", address("a.example", ttl=ttl)), connection(begins)])
    assert named(tmp_path, frames) == [{"HostB": "a.example"} if has_name else {}]


def test_limits_of_a_ttl_can_be_told(tmp_path):
    frames = [answer(0, "a.example", address("a.example", ttl=7)), connection(7), connection(8, port=2)]
    assert named(tmp_path, frames, HostNames(least_ttl=0)) == [{"HostB": "a.example"}, {}]
    frames = [answer(0, "a.example", address("a.example", ttl=99)), connection(7), connection(8, port=2)]
    assert named(tmp_path, frames, HostNames(least_ttl=0, most_ttl=7)) == [{"HostB": "a.example"}, {}]


def test_an_address_that_is_given_on_has_the_name_of_its_time(tmp_path):
    frames = [
        answer(0, "a.example", address("a.example"), ports=(53, 40_001)),
        connection(1),
        answer(2, "b.example", address("b.example"), ports=(53, 40_002)),
        connection(3, port=50_001),
    ]
    assert named(tmp_path, frames) == [{"HostB": "a.example"}, {"HostB": "b.example"}]


def test_the_same_answer_again_is_one_for_longer(tmp_path):
    """Also where flows are handed over late: the first of both connections began before the second answer."""
    frames = [
        answer(0, "a.example", address("a.example"), ports=(53, 40_001)),
        answer(200, "a.example", address("a.example"), ports=(53, 40_002)),
        connection(100),
        connection(450, port=50_001),
    ]
    flows = read_frames(tmp_path, sorted(frames), extra_layers=("DNS",))
    answers = flows.filter('Application == "DNS"')
    others = flows.filter('Application == "TCP"')
    with EnhancerPipeline(HostNames()) as pipeline:
        answers.enhance(pipeline)
        others.enhance(pipeline)
    assert [flow.extra for flow in others] == [{"HostB": "a.example"}] * 2


def test_an_older_answer_that_comes_later_changes_nothing(tmp_path):
    frames = [
        answer(0, "old.example", address("old.example"), ports=(53, 40_001)),
        answer(5, "new.example", address("new.example"), ports=(53, 40_002)),
        connection(10),
    ]
    old, new, flow = read_frames(tmp_path, frames, extra_layers=("DNS",))
    host_names = HostNames()
    for each in (new, old, flow):
        host_names.enhance(each)
    assert flow.extra == {"HostB": "new.example"}


# ---- who was told


def test_each_client_has_the_name_that_it_was_told(tmp_path):
    frames = [
        answer(0, "a.example", address("a.example")),
        answer(1, "b.example", address("b.example"), client=OTHER),
        connection(2),
        connection(2, client=OTHER),
        connection(2, client="10.0.0.3"),
    ]
    one, two, three = named(tmp_path, frames)
    assert (one, two, three) == ({"HostB": "a.example"}, {"HostB": "b.example"}, {"HostB": "b.example"})
    assert named(tmp_path, frames, HostNames(anyone=False)) == [one, two, {}]


def test_the_client_is_who_did_not_speak_from_port_53(tmp_path):
    """A capture may begin with the response, or hold a question of the resolver's own."""
    there = (START, bytes(Ethernet() / IPv4(CLIENT, RESOLVER) / UDP(40_000, 53) / DNS()))
    response = answer(1, "a.example", address("a.example"))
    for frames in ([there, response], [response]):
        assert named(tmp_path, [*frames, connection(2)], HostNames(anyone=False)) == [{"HostB": "a.example"}]
    back = answer(0, "a.example", address("a.example"), ports=(40_000, 53))
    other_way = connection(2, client=RESOLVER)
    assert named(tmp_path, [back, other_way], HostNames(anyone=False)) == [{"HostB": "a.example"}]


def test_flows_without_messages_or_addresses_are_left_alone(tmp_path):
    frames = [(START, bytes(Ethernet())), connection(1)]
    flows = read_frames(tmp_path, frames)
    flows.enhance(HostNames())
    assert all(flow.extra == {} for flow in flows)


# ---- limits


def test_the_oldest_answers_go_first(tmp_path):
    hosts = [f"192.0.2.{n}" for n in range(10)]
    frames = [
        answer(n / 10, f"{n}.example", address(f"{n}.example", host), ports=(53, 40_000 + n))
        for n, host in enumerate(hosts)
    ]
    frames += [connection(2 + n, server=host, port=50_000 + n) for n, host in enumerate(hosts)]
    host_names = HostNames(limit=4, anyone=False)
    assert named(tmp_path, frames, host_names) == [{}] * 6 + [{"HostB": f"{n}.example"} for n in range(6, 10)]
    assert (len(host_names), host_names.forgotten) == (4, 6)


@pytest.mark.parametrize(
    "options", [{"limit": 0}, {"least_ttl": -1}, {"most_ttl": 5}, {"least_ttl": 9, "most_ttl": 8}]
)
def test_limits_are_checked(options):
    with pytest.raises(OptionError, match="HostNames"):
        HostNames(**options)


def test_hostile_names_are_shown_as_dns_tools_show_them(tmp_path):
    name = b"\x07\x1b[2J\xff\x00\n\x03foo\x00"
    frames = [
        answer(0, "", Record(name, 1, b"\xc0\x00\x02\x50"), questions=(Question(name),)),
        connection(1),
    ]
    (extra,) = named(tmp_path, frames)
    assert extra == {"HostB": r"\027[2j\255\000\010.foo"}


# ---- the law of answers, beside a slow way to see it

NAMES = st.sampled_from(["a.x", "B.x", "b.X", "c.y", ""])
RECORDS = st.one_of(
    st.builds(
        lambda owner, to, ttl: DNSRecord(owner, "CNAME", "IN", ttl, c_name=to),
        NAMES, NAMES, st.integers(0, 9),
    ),
    st.builds(
        lambda owner, host, ttl: DNSRecord(owner, "A", "IN", ttl, ip=f"10.0.0.{host}"),
        NAMES, st.integers(0, 3), st.integers(0, 9),
    ),
)  # fmt: skip


@settings(deadline=None)
@given(NAMES, st.lists(RECORDS, max_size=8))
def test_answers_are_what_can_be_reached_from_the_question(asked, records):
    message = DNSMessage(
        qr=True, response_code="No Error", questions=(DNSQuestion(asked),), answers=tuple(records)
    )
    reached = {asked.lower()}
    for _ in records:
        reached |= {r.c_name.lower() for r in records if r.type == "CNAME" and r.name.lower() in reached}
    got = list(answers_of(message))
    possible = {r.ip for r in records if r.ip and r.name.lower() in reached} if asked else set()
    assert {ip for ip, _, _ in got} <= possible
    owners = [r.name.lower() for r in records if r.type == "CNAME"]
    if len(set(owners)) == len(owners):  # of two aliases of one name, one is followed
        assert {ip for ip, _, _ in got} == possible
    for host, name, seconds in got:
        assert ipaddress.ip_address(host)
        assert name == asked.lower()
        assert seconds <= max(r.ttl for r in records if r.ip == host)
