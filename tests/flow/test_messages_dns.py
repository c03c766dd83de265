"""DNS messages as text: every kind of record, beside what dnspython makes of the same bytes."""

import json
import struct

import dns.edns
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from dns_opinion import opinion
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtable.flow._messages import message_text
from flowtable.flow.dns_names import OPTIONS, TYPES
from flowtable.flow.messages import DNSQuestion, DNSRecord, message
from flowtable.testing import DNS, MX, SOA, SRV, TXT, DomainName, Question, Record

TIME = 1_600_000_000_010_000_000


def decoded(wire, time=TIME):
    return json.loads(message_text("DNS", bytes(wire), time))


def only_answer(record):
    (answer,) = decoded(DNS(flags=0x8180, answers=(record,)))["answers"]
    return {name: value for name, value in answer.items() if name not in ("name", "class", "TTL")}


def test_a_message_has_the_references_shape():
    question = Question("example.org")
    wire = bytes(
        DNS(77, 0x8180, questions=(question,), answers=(Record.address("example.org", "1.2.3.4", 5),))
    )
    assert decoded(wire) == opinion(wire, TIME) == {
        "ID": 77, "QR": True, "op_code": "Query", "RD": True, "RA": True, "response_code": "No Error",
        "q_d_count": 1, "a_n_count": 1,
        "questions": [{"name": "example.org", "type": "A", "class": "IN"}],
        "answers": [{"name": "example.org", "type": "A", "class": "IN", "TTL": 5, "data_length": 4,
                     "IP": "1.2.3.4"}],
        "timestamp": {"seconds": 1600000000, "nanos": 10000000},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        (Record("a", 1, b"\x0a\0\0\1"), {"type": "A", "data_length": 4, "IP": "10.0.0.1"}),
        (Record("a", 1, b"\x0a\0\0"), {"type": "A", "data_length": 3, "data": r"\# 3 0a0000"}),
        (Record("a", 1, b""), {"type": "A"}),
        (Record.address("a", "2001:db8::1"), {"type": "AAAA", "data_length": 16, "IP": "2001:db8::1"}),
        (Record("a", 2, DomainName("ns.b")), {"type": "NS", "data_length": 6, "NS": "ns.b"}),
        (Record("a", 5, DomainName("b.a")), {"type": "CNAME", "data_length": 4, "c_name": "b.a"}),
        (Record("a", 12, DomainName("host.b")), {"type": "PTR", "data_length": 8, "PTR": "host.b"}),
        (Record("a", 5, DomainName("")), {"type": "CNAME", "data_length": 1}),
        (Record("a", 16, TXT((b"one", b"", b"two"))),
         {"type": "TXT", "data_length": 9, "TXTs": ["one", "", "two"]}),
        (Record("a", 6, SOA("ns.b", "me.b", 1, 2, 3, 4, 5)),
         {"type": "SOA", "data_length": 31,
          "SOA": {"m_name": "ns.b", "r_name": "me.b", "serial": 1, "refresh": 2, "retry": 3, "expire": 4,
                  "minimum": 5}}),
        (Record("a", 6, SOA("", "", 0, 0, 0, 0, 0)), {"type": "SOA", "data_length": 22, "SOA": {}}),
        (Record("a", 33, SRV("s.b", 443, 1, 2)),
         {"type": "SRV", "data_length": 11, "SRV": {"priority": 1, "weight": 2, "port": 443, "name": "s.b"}}),
        (Record("a", 15, MX(10, "mx.b")),
         {"type": "MX", "data_length": 8, "MX": {"preference": 10, "name": "mx.b"}}),
        (Record("a", 15, MX(0, "")), {"type": "MX", "data_length": 3, "MX": {}}),
        (Record("a", 13, b"\3CPU\2OS"), {"type": "HINFO", "data_length": 7, "data": r"\# 7 03435055024f53"}),
        (Record("a", 65280, b"\xff"), {"type": "TYPE65280", "data_length": 1, "data": r"\# 1 ff"}),
    ],
    ids=lambda value: value.get("type") if isinstance(value, dict) else None,
)  # fmt: skip
def test_records_show_their_data_by_their_type(record, shown):
    assert only_answer(record) == shown


def test_edns_has_its_options_and_the_payload_size_as_its_class():
    """RFC 6891. The reference crashed on options (fault 7)."""
    options = (
        struct.pack("!HH", 10, 8) + bytes(8) + struct.pack("!HH", 65001, 1) + b"x" + struct.pack("!HH", 12, 0)
    )
    wire = bytes(DNS(additionals=(Record("", 41, options, ttl=0x8000, record_class=1232),)))
    assert decoded(wire)["additionals"] == [
        {
            "type": "OPT",
            "class": "CLASS1232",
            "TTL": 0x8000,
            "data_length": 21,
            "OPT": [
                {"code": "COOKIE", "data": "AAAAAAAAAAA="},
                {"code": "OPT65001", "data": "eA=="},
                {"code": "PADDING"},
            ],
        }
    ]  # fmt: skip
    assert decoded(wire) == opinion(wire, TIME)


@pytest.mark.parametrize("flags", [0, 0xFFFF, *(1 << bit for bit in range(16))])
def test_every_bit_of_the_header(flags):
    wire = bytes(DNS(flags=flags))
    assert decoded(wire) == opinion(wire, TIME)


def test_opcodes_and_response_codes_without_a_name_have_their_number():
    for number in range(16):
        wire = bytes(DNS(flags=number << 11 | number))
        if number != 6:  # which dnspython does not know
            assert decoded(wire) == opinion(wire, TIME)
    assert decoded(DNS(flags=6 << 11))["op_code"] == "DNS Stateful Operations"


def test_zeros_are_left_out():
    assert decoded(DNS(0, 0), 0) == {"op_code": "Query", "response_code": "No Error", "timestamp": {}}


def type_in_text(number):
    (question,) = decoded(DNS(questions=(Question("a", number),)))["questions"]
    return question["type"]


NAMED_BY_IANA_ONLY = {31, 32, 34, 40, 57, 58, 100, 101, 102, 259}


def test_types_have_the_names_that_dnspython_gives_them():
    for number in [*range(1, 600), 32767, 32768, 32769, 32770, 65280, 65535]:
        if number not in NAMED_BY_IANA_ONLY:
            assert type_in_text(number) == dns.rdatatype.to_text(number)
    assert [type_in_text(number) for number in (31, 58, 259)] == ["EID", "TALINK", "DOA"]


def test_what_only_iana_names_is_what_dnspython_does_not_know():
    unknown = {number for number in TYPES if dns.rdatatype.to_text(number) == f"TYPE{number}"}
    assert unknown == NAMED_BY_IANA_ONLY
    names = {option.value: option.name for option in dns.edns.OptionType}
    assert {number for number, name in OPTIONS.items() if names.get(number) not in (None, name)} == set()


# ---- names and texts of any bytes


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ([b"www", b"example", b"com"], "www.example.com"),
        ([b"a.b", b"c"], r"a\.b.c"),
        ([b"a\\b"], r"a\\b"),
        ([b'"quoted"'], r"\"quoted\""),
        ([b"a b"], r"a\032b"),
        ([b"\x1b[2J", b"\0"], r"\027[2J.\000"),
        ([b"\xff\xfe\x80<"], r"\255\254\128<"),
        (["ü".encode()], r"\195\188"),
        ([b"(@$;)"], r"\(\@\$\;\)"),
        ([b"a" * 63, b"b" * 63], "a" * 63 + "." + "b" * 63),
        ([], None),
    ],
)
def test_names_are_those_of_master_files(labels, shown):
    """RFC 1035, 5.1, which dig and dnspython follow; the root is left out."""
    wire_name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    wire = bytes(DNS(questions=(Question(wire_name),)))
    assert decoded(wire)["questions"][0].get("name") == shown
    assert decoded(wire) == opinion(wire, TIME)
    assert message_text("DNS", wire).isascii()


def test_texts_have_the_same_escapes_but_keep_what_prints():
    texts = (b'say "hi"; (a.b) @$', b"back\\slash", bytes(range(256))[:32], b"\x7f\x80\xff", "ü".encode())
    answer = only_answer(Record("a", 16, TXT(texts)))
    assert answer["TXTs"][0] == 'say "hi"; (a.b) @$'
    assert answer["TXTs"][1] == r"back\\slash"
    assert answer["TXTs"][3:] == [r"\127\128\255", r"\195\188"]
    wire = bytes(DNS(answers=(Record("a", 16, TXT(texts)),)))
    assert decoded(wire) == opinion(wire, TIME)


# ---- any message that dnspython can make

LABELS = st.binary(min_size=1, max_size=12)
NAMES = st.lists(LABELS, max_size=5).map(lambda labels: dns.name.Name([*labels, b""]))
SHORT, WORD = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)


def rdata(kind, *parts):
    """Give a strategy of record data of a type, made of strategies for its parts."""
    made = dns.rdata.get_rdata_class(dns.rdataclass.IN, kind)
    return st.tuples(*parts).map(lambda values: made(dns.rdataclass.IN, kind, *values))


ADDRESSES = st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str)
KINDS = dns.rdatatype.RdataType
RDATA = st.one_of(
    rdata(KINDS.A, ADDRESSES[0]),
    rdata(KINDS.AAAA, ADDRESSES[1]),
    rdata(KINDS.NS, NAMES),
    rdata(KINDS.CNAME, NAMES),
    rdata(KINDS.PTR, NAMES),
    rdata(KINDS.TXT, st.lists(st.binary(max_size=255), min_size=1, max_size=4)),
    rdata(KINDS.SOA, NAMES, NAMES, WORD, WORD, WORD, WORD, WORD),
    rdata(KINDS.SRV, SHORT, SHORT, SHORT, NAMES),
    rdata(KINDS.MX, SHORT, NAMES),
    st.builds(
        dns.rdata.GenericRdata, st.just(1), st.integers(65280, 65535).map(KINDS.make), st.binary(max_size=300)
    ),
)
RECORDS = st.lists(st.tuples(NAMES, st.integers(0, 2**31 - 1), RDATA), max_size=6)
EDNS = st.lists(st.builds(dns.edns.GenericOption, st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=4)


@st.composite
def messages(draw):
    made = dns.message.Message(draw(SHORT))
    made.flags = draw(SHORT) & ~0x7800  # a query, whatever else
    question = st.tuples(NAMES, SHORT.filter(lambda kind: kind not in {41, 250, *NAMED_BY_IANA_ONLY}))
    for name, kind in draw(st.lists(question, max_size=2)):
        made.question.append(dns.rrset.RRset(name, dns.rdataclass.IN, kind))
    for section in (made.answer, made.authority, made.additional):
        section += [dns.rrset.from_rdata(name, ttl, data) for name, ttl, data in draw(RECORDS)]
    options = draw(st.none() | EDNS)
    if options is not None:
        made.use_edns(0, draw(SHORT), payload=draw(SHORT), options=options)
    return made.to_wire(max_size=65535)


@settings(max_examples=300, deadline=None)
@given(messages(), st.integers(0, 2**62))
def test_dnspython_reads_the_same_from_every_message_that_it_makes(wire, time):
    shown = decoded(wire, time)
    if not shown.pop("cut", False):
        assert shown == opinion(wire, time)


def test_classes_are_made_from_the_same_text():
    wire = bytes(DNS(7, 0x8180, questions=(Question("a.b"),), answers=(Record("a.b", 15, MX(5, "c")),)))
    made = message("DNS", message_text("DNS", wire, TIME))
    assert (made.id, made.qr, made.aa, made.op_code, made.timestamp) == (7, True, False, "Query", TIME)
    assert made.questions == (DNSQuestion("a.b", "A", "IN"),)
    (answer,) = made.answers
    assert isinstance(answer, DNSRecord)
    assert (answer.name, answer.ttl, answer.mx.preference, answer.mx.name) == ("a.b", 300, 5, "c")
    assert answer.soa is answer.srv is None
    assert message("DNS", None) is None
