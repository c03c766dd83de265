"""Expressions: what libpcap compiles, what is refused before it sees it, and link types."""

import os
import subprocess
import sys
import threading
import warnings

import cypcap
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtable.capture.bpf import BPF, MAX_EXPRESSION, MAX_WORDS, LinkFilters, bpf_filter_to_raw
from flowtable.errors import FilterError, FilterWarning, OptionError

ETHERNET, RAW_IP, RADIOTAP, COOKED, SUNATM = 1, 101, 127, 113, 123
UNKNOWN = 65000
IPV4 = bytes.fromhex("45000028000100004006000001020304050607 08".replace(" ", ""))
TCP = bytes.fromhex("04d20050000000000000000050022000 00000000".replace(" ", ""))
FRAME = bytes.fromhex("ffffffffffff0011223344550800") + IPV4 + TCP


# One link type


def test_raw_instructions_are_those_of_libpcap():
    expected = [tuple(i) for i in cypcap.compile(1, 256, "tcp port 80", True, cypcap.NETMASK_UNKNOWN)]  # noqa: FBT003
    assert bpf_filter_to_raw(ETHERNET, 256, "tcp port 80") == expected
    assert expected[-2] == (6, 0, 0, 256)


@pytest.mark.parametrize("expression", ["", " ", "\t\r\n "])
def test_a_blank_expression_matches_all(expression):
    assert bpf_filter_to_raw(ETHERNET, 96, expression) == [(6, 0, 0, 96)]
    assert BPF(UNKNOWN, 96, expression).matches(b"")
    assert LinkFilters(expression).program(UNKNOWN) is not None


def test_matches():
    bpf = BPF(ETHERNET, 256, "tcp port 80")
    assert bpf.matches(FRAME)
    assert bpf.matches(memoryview(FRAME))
    assert not bpf.matches(FRAME[:30])
    assert not BPF(ETHERNET, 256, "tcp port 81").matches(FRAME)
    assert repr(bpf) == "BPF(1, 256, 'tcp port 80')"


def test_the_length_on_the_wire_counts():
    bpf = BPF(ETHERNET, 256, "greater 1000")
    assert not bpf.matches(FRAME)
    assert bpf.matches(FRAME, 1500)


def test_link_types_are_those_of_files():
    """LINKTYPE_RAW is 101 in files, and libpcap's DLT_RAW is not."""
    assert BPF(RAW_IP, 256, "tcp dst port 80").matches(IPV4 + TCP)


@pytest.mark.parametrize("length", [0, -1, 1 << 31])
def test_a_capture_length_that_cannot_be(length):
    with pytest.raises(OptionError, match="capture_length"):
        bpf_filter_to_raw(ETHERNET, length, "tcp")


@pytest.mark.parametrize("link_type", [UNKNOWN, -1, 1 << 40])
def test_an_unknown_link_type(link_type):
    with pytest.raises(FilterError, match="BPF expression 'tcp': unknown data link type"):
        BPF(link_type, 256, "tcp")


# What is wrong with an expression

WRONG = {
    "tcp and": "syntax error",
    "(tcp": "syntax error",
    "tcp)": "syntax error",
    "port": "syntax error",
    "no such thing": "syntax error, perhaps at 'no'",
    "tcp prt 80": "syntax error, perhaps at 'prt'",
    "tcp port 99999": "illegal port number 99999 > 65535",
    "host 1.2.3.400": "invalid IPv4 address",
    "port nosuchport": "unknown port 'nosuchport'",
    "ip broadcast": "netmask not known",
    "ip6 protochain 6": "free of loops",
    "ifindex 3 and inbound and ether[0xffffffff] = 1": "live metadata",
    "host example.com": "'example.com' is no address, and names of hosts and networks are not looked up",
    "host 10.0.0.1 or foo": "'foo' is no address",
    "tcp\0port 80": "character 3 is '\\x00'; only printable ASCII is understood",
    "tcp\x1b[2J": "character 3 is '\\x1b'",
    "höst 1.2.3.4": "character 1 is 'ö'",
    "\udc80": "character 0 is '\\udc80'",
}


@pytest.mark.parametrize(("expression", "reason"), WRONG.items())
@pytest.mark.parametrize("compiled", [lambda e: BPF(ETHERNET, 256, e), LinkFilters])
def test_a_wrong_expression_is_quoted_with_the_reason(compiled, expression, reason):
    with pytest.raises(FilterError) as caught:
        compiled(expression)
    assert type(caught.value) is FilterError
    assert str(caught.value).startswith(f"BPF expression {expression!r}: ")
    assert reason in str(caught.value)


def test_a_megabyte_is_refused_and_not_repeated():
    with pytest.raises(FilterError, match="1000000 characters") as caught:
        LinkFilters("a" * 1_000_000)
    assert len(str(caught.value)) < 400


def test_the_longest_expression():
    assert BPF(ETHERNET, 256, "tcp".ljust(MAX_EXPRESSION)).matches(FRAME)
    with pytest.raises(FilterError, match="8193 characters; the limit is 8192"):
        BPF(ETHERNET, 256, "tcp".ljust(MAX_EXPRESSION + 1))


def test_the_most_words():
    most = " or ".join(["tcp"] * (MAX_WORDS // 2)) + " and tcp"
    with pytest.raises(FilterError, match="513 words; the limit is 512"):
        BPF(ETHERNET, 256, most)
    assert BPF(ETHERNET, 256, most.removesuffix(" and tcp")).matches(FRAME)


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 4000 + "tcp" + ")" * 4000,
        "!" * 8000 + "tcp",
        "ip[" * 250 + "0" + "]" * 250 + ">=0",
        "ip[0]" + "+1" * 250 + ">0",
    ],
)
def test_deep_nesting_compiles(expression):
    BPF(ETHERNET, 256, expression)


@pytest.mark.parametrize(
    "expression", ["(" * 8000, ")" * 8000, "(" * 4000 + "tcp" + ")" * 3999, "ip[" * 400, "-" * 8000]
)
def test_deep_nesting_left_open(expression):
    with pytest.raises(FilterError, match="syntax error"):
        LinkFilters(expression)


def test_an_expression_that_the_optimizer_would_take_minutes_for():
    with pytest.raises(FilterError, match=r"it makes [0-9]+ instructions; the limit is 8192"):
        LinkFilters("port " + "||".join(["1"] * 200))


def test_the_longest_expressions_fit_a_small_stack():
    """libpcap recurses over a program's branches, on whatever thread it is called."""
    failures = []

    def work():
        try:
            LinkFilters("port " + "||".join(["1"] * 200))
        except FilterError as error:
            failures.append(error)

    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert len(failures) == 1


PIECES = [
    "tcp", "udp", "port", "host", "net", "and", "or", "not", "(", ")", "80", "http", "10.0.0.1", "::1", "[",
    "]", "&", "=", "vlan", "ether", "proto", "\\tcp", "len", ">", "example.com", "src", "ip6", ":", "0",
    "<<", "33", "/", "type", "mgt", "inbound", "$1", "aa:bb:cc:dd:ee:ff", "tcp-syn", "4294967295", "0x",
    "!", "mpls", "portrange", "1-2",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join), st.text(max_size=20)))
def test_any_text_compiles_or_raises_filter_error(text):
    try:
        filters = LinkFilters(text)
    except FilterError:
        return
    with warnings.catch_warnings(action="ignore"):
        program = filters.program(ETHERNET)
    assert program is None or program.filter(FRAME) in (0, 262144)


# Many link types


def test_one_program_for_each_link_type():
    filters = LinkFilters("tcp dst port 80")
    ethernet, raw = filters.program(ETHERNET), filters.program(RAW_IP)
    assert ethernet.filter(FRAME)
    assert raw.filter(IPV4 + TCP)
    assert not raw.filter(FRAME)
    assert filters.program(ETHERNET) is ethernet
    assert repr(filters) == "LinkFilters('tcp dst port 80')"


def test_a_link_type_that_it_does_not_fit_is_warned_about_once():
    filters = LinkFilters("wlan type mgt")
    with pytest.warns(
        FilterWarning, match=r"'wlan type mgt' matches nothing on link type 1 \(ETHERNET\): 802.11 "
    ):
        assert filters.program(ETHERNET) is None
    assert filters.program(ETHERNET) is None
    assert filters.program(RADIOTAP) is not None


def test_a_warning_that_is_an_error_is_raised_once():
    filters = LinkFilters("vpi 3")
    with pytest.raises(FilterWarning):
        filters.program(ETHERNET)
    assert filters.program(ETHERNET) is None
    assert filters.program(SUNATM) is not None


def test_a_link_type_that_libpcap_does_not_know():
    with pytest.warns(FilterWarning, match="link type 65000: unknown data link type"):
        assert LinkFilters("tcp").program(UNKNOWN) is None


def test_live_metadata_fits_only_where_the_file_holds_it():
    filters = LinkFilters("inbound")
    assert filters.program(COOKED) is not None
    with pytest.warns(FilterWarning, match="live metadata"):
        assert filters.program(ETHERNET) is None


# Where it reaches


def test_libpcap_is_loaded_when_an_expression_is_compiled():
    code = (
        "import sys; from flowtable.capture.bpf import BPF, LinkFilters;"
        "BPF(1, 9, ''); LinkFilters(' ').program(1);"
        "assert 'cypcap' not in sys.modules; BPF(1, 9, 'tcp'); assert 'cypcap' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
