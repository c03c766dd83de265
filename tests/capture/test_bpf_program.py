"""The interpreter against libpcap's own, and the verifier rule by rule."""

import pickle
import threading
from functools import cache

import cypcap
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtable.capture._bpf import Program
from flowtable.errors import FilterError, OptionError

ACCEPT = (0x06, 0, 0, 1)
REJECT = (0x06, 0, 0, 0)
RETURN_A = (0x16, 0, 0, 0)
WORD = 0xFFFFFFFF

BINARY = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xA0]
JUMPS = [0x15, 0x1D, 0x25, 0x2D, 0x35, 0x3D, 0x45, 0x4D]
PACKET_LOADS = [0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xB1]
KNOWN = {
    *(0x04 | source | operation for operation in BINARY for source in (0, 8)),
    *PACKET_LOADS, *JUMPS,
    0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x16, 0x60, 0x61, 0x80, 0x81, 0x84, 0x87,
}  # fmt: skip


def libpcap_matches(instructions, data, length=None):
    """Whether libpcap's bpf_filter gives anything but 0. Only for verified programs: it trusts them."""
    header = cypcap.Pkthdr(0, len(data), len(data) if length is None else length)
    return cypcap.BpfProgram(instructions).offline_filter(header, data)


def compiled_by_libpcap(expression, *, optimize):
    return cypcap.compile(1, 65535, expression, optimize, cypcap.NETMASK_UNKNOWN)


# Random programs that the verifier accepts

words = st.one_of(
    st.integers(0, 70), st.sampled_from([255, 256, 0x7FFFFFFF, 0x80000000, 0xFFFFEFFF]), st.integers(0, WORD)
)
packets = st.one_of(st.binary(max_size=80), st.just(b""))
offsets = st.one_of(st.integers(0, 80), st.sampled_from([0x7FFFFFFF, 0x80000000, 0xFFFFEFFC, 0xFFFFEFFF]))


@cache
def instruction(following):
    """One that may stand before `following` others."""
    nearby = st.integers(0, min(following - 1, 255))
    none = st.just(0)
    return st.one_of(
        st.tuples(st.sampled_from(PACKET_LOADS), none, none, offsets),
        st.tuples(st.sampled_from([0x00, 0x01]), none, none, words),
        st.tuples(st.sampled_from([0x80, 0x81, 0x84, 0x07, 0x87]), none, none, none),
        st.tuples(st.sampled_from([0x02, 0x03, 0x60, 0x61]), none, none, st.integers(0, 15)),
        st.tuples(st.sampled_from([0x04 | o for o in BINARY]), none, none, st.integers(1, 31)),
        st.tuples(st.sampled_from([0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x94, 0xA4]), none, none, words)
        .filter(lambda i: i[0] not in (0x34, 0x94) or i[3]),
        st.tuples(st.sampled_from([0x0C | o for o in BINARY]), none, none, none),
        st.tuples(st.sampled_from(JUMPS), nearby, nearby, words),
        st.tuples(st.just(0x05), none, none, st.integers(0, following - 1)),
    )  # fmt: skip


# libpcap leaves scratch memory unset, so every program sets it, and starts with something in A and X.
SET_UP = [(0x80, 0, 0, 0), *((0x02, 0, 0, word) for word in range(16)), (0x01, 0, 0, 3)]


@st.composite
def bodies(draw):
    """Instructions without a RET, to be followed by three more."""
    size = draw(st.integers(1, 16))
    return SET_UP + [draw(instruction(size - at)) for at in range(size)]


@settings(max_examples=1000, deadline=None)
@given(bodies(), packets, st.integers(0, WORD))
def test_random_programs_give_what_libpcap_gives(body, data, length):
    value = Program([*body, RETURN_A]).filter(data, length)
    # libpcap only says whether the result is 0, so it is asked about the very value.
    same = [*body, (0x15, 0, 1, value), ACCEPT, REJECT]
    ended_early = Program([*body, ACCEPT]).filter(data, length) == 0
    assert Program(same).filter(data, length) == (0 if ended_early else 1)
    assert libpcap_matches(same, data, length) is not ended_early


def test_every_arithmetic_operation_on_edge_values():
    edges = [0, 1, 2, 31, 32, 33, 0x7FFFFFFF, 0x80000000, WORD]
    for operation in BINARY:
        for a in edges:
            for x in edges:
                body = [(0x00, 0, 0, a), (0x01, 0, 0, x), (0x0C | operation, 0, 0, 0)]
                value = Program([*body, RETURN_A]).filter(b"")
                same = [*body, (0x15, 0, 1, value), ACCEPT, REJECT]
                assert libpcap_matches(same, b"") is bool(Program(same).filter(b"")), (operation, a, x)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from(sorted(KNOWN)), st.integers(0, 0xFFFF)),
            st.integers(0, 4),
            st.integers(0, 4),
            words,
        ),
        max_size=8,
    ),
    packets,
)
def test_any_list_is_refused_or_agrees_with_libpcap(instructions, data):
    instructions = [*SET_UP, *instructions, ACCEPT]
    try:
        program = Program(instructions)
    except FilterError:
        return
    assert bool(program.filter(data)) is libpcap_matches(instructions, data)


# Expressions that libpcap compiles

EXPRESSIONS = [
    "tcp port 80", "udp", "ip6", "arp", "icmp6", "vlan 5 and ip", "mpls", "host 1.2.3.4 and not port 22",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "ip[ip[0] & 0xf] = ip[2:2] % 7", "net 10.0.0.0/8",
    "portrange 20-90", "len > 60", "less 50", "ether multicast", "ip proto 6", "ip6 host fe80::1",
    "(ip[2:2] - ((ip[0] & 0xf) << 2)) - ((tcp[12] & 0xf0) >> 2) != 0",
    "udp[8:4] ^ 0xff = 3 or tcp[0] / ip[1] = 2", "ether host 00:11:22:33:44:55", "sctp or pppoes or geneve",
    "icmp[icmptype] = icmp-echo", "ip6[40] >> 3 = 2",
]  # fmt: skip

IPV4 = bytes.fromhex("4500003c1c4640004006b1e60102030405060708")
TCP = bytes.fromhex("04d20050000000010000000050022000e57f0000") + b"GET / HTTP/1.1\r\n\r\n"
IPV6 = bytes.fromhex("6000000000281140") + bytes.fromhex("fe80" + "00" * 13 + "01") * 2
UDP = bytes.fromhex("003512b500280000") + bytes(range(32))
ETHERNET = bytes.fromhex("ffffffffffff001122334455")
FRAMES = {
    "tcp": ETHERNET + b"\x08\x00" + IPV4 + TCP,
    "fragment": ETHERNET + b"\x08\x00" + IPV4[:6] + b"\x20\x10" + IPV4[8:] + TCP,
    "options": ETHERNET + b"\x08\x00\x4f" + IPV4[1:] + bytes(40) + TCP,
    "udp over IPv6": ETHERNET + b"\x86\xdd" + IPV6 + UDP,
    "vlan": ETHERNET + b"\x81\x00\x00\x05\x08\x00" + IPV4 + TCP,
    "mpls": ETHERNET + b"\x88\x47\x00\x01\x01\x40" + IPV4 + TCP,
    "arp": ETHERNET + b"\x08\x06" + bytes(range(28)),
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("optimize", [True, False])
def test_expressions_on_frames_cut_at_every_byte(expression, optimize):
    compiled = compiled_by_libpcap(expression, optimize=optimize)
    program = Program(compiled)
    for name, frame in FRAMES.items():
        for captured in range(len(frame) + 1):
            header = cypcap.Pkthdr(0, captured, len(frame))
            expected = 65535 if compiled.offline_filter(header, frame[:captured]) else 0
            assert program.filter(frame[:captured], len(frame)) == expected, (name, captured)


COMPILED = [compiled_by_libpcap(expression, optimize=True) for expression in EXPRESSIONS]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(list(FRAMES.values())), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255))))
def test_expressions_on_damaged_frames(frame, damage):
    damaged = bytearray(frame)
    for at, value in damage:
        damaged[at % len(frame)] = value
    header = cypcap.Pkthdr(0, len(frame), len(frame))
    for compiled in COMPILED:
        assert bool(Program(compiled).filter(damaged)) is compiled.offline_filter(header, bytes(damaged))


# The verifier

REFUSED = {
    "empty": ([], "1 to 4096 instructions"),
    "too long": ([ACCEPT] * 4097, "1 to 4096 instructions"),
    "no RET": ([(0x00, 0, 0, 1)], "instruction 0: the last instruction, and no RET"),
    "jump out": ([(0x15, 0, 1, 0), ACCEPT], "instruction 0: a jump out"),
    "jump out when true": ([(0x15, 1, 0, 0), ACCEPT], "instruction 0: a jump out"),
    "always out": ([(0x05, 0, 0, 1), ACCEPT], "instruction 0: a jump out"),
    "jump last": ([ACCEPT, (0x15, 0, 0, 0)], "instruction 1: a jump out"),
    "far out": ([(0x05, 0, 0, 0x7FFFFFFF), ACCEPT], "a jump out"),
    "to itself": ([(0x05, 0, 0, WORD), ACCEPT], "a jump backward"),
    "backward": ([ACCEPT, (0x05, 0, 0, WORD - 1), ACCEPT], "instruction 1: a jump backward"),
    "store": ([(0x02, 0, 0, 16), ACCEPT], "scratch word 16"),
    "store X": ([(0x03, 0, 0, 16), ACCEPT], "scratch word 16"),
    "load": ([(0x60, 0, 0, 16), ACCEPT], "scratch word 16"),
    "load X": ([(0x61, 0, 0, WORD), ACCEPT], "scratch word 4294967295"),
    "division": ([(0x34, 0, 0, 0), ACCEPT], "division by a constant zero"),
    "modulo": ([(0x94, 0, 0, 0), ACCEPT], "division by a constant zero"),
    "left shift": ([(0x64, 0, 0, 32), ACCEPT], "a shift by 32 bits"),
    "right shift": ([(0x74, 0, 0, WORD), ACCEPT], "a shift by 4294967295 bits"),
    "three numbers": ([(6, 0, 0)], "is not (op, jt, jf, k)"),
    "five numbers": ([(6, 0, 0, 0, 0)], "is not (op, jt, jf, k)"),
    "no number": ([(6, 0, 0, "1")], "is not (op, jt, jf, k)"),
    "fraction": ([(6, 0, 0, 1.0)], "is not (op, jt, jf, k)"),
    "no row": ([None], "is not (op, jt, jf, k)"),
    "wide op": ([(0x10006, 0, 0, 0)], "out of its range"),
    "wide jt": ([(6, 256, 0, 0)], "out of its range"),
    "wide jf": ([(6, 0, 256, 0)], "out of its range"),
    "wide k": ([(6, 0, 0, 1 << 32)], "out of its range"),
    "negative": ([(6, 0, 0, -1)], "out of its range"),
}


@pytest.mark.parametrize(("instructions", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(instructions, reason):
    with pytest.raises(FilterError) as caught:
        Program(instructions)
    assert reason in str(caught.value)


@pytest.mark.parametrize("op", PACKET_LOADS)
@pytest.mark.parametrize("k", [0xFFFFF000, 0xFFFFF004, 0xFFF00000 | 0xFF000, WORD])
def test_ancillary_loads_are_refused(op, k):
    with pytest.raises(FilterError, match="live metadata"):
        Program([(op, 0, 0, k), ACCEPT])


def test_every_opcode_is_known_or_refused():
    for op in range(0x10000):
        instructions = [(op, 0, 0, 1), ACCEPT, ACCEPT]
        if op in KNOWN:
            assert len(Program(instructions)) == 3
        else:
            with pytest.raises(FilterError, match="unknown opcode"):
                Program(instructions)


def test_an_endless_list_is_not_read_to_its_end():
    with pytest.raises(FilterError, match="1 to 4096"):
        Program(iter(lambda: ACCEPT, None))


# The object


def test_the_longest_program_with_the_farthest_jump():
    assert Program([(0x05, 0, 0, 4094), *[REJECT] * 4094, ACCEPT]).filter(b"") == 1


def test_offsets_do_not_wrap_round():
    body = [(0x01, 0, 0, 0xFFFFF010), (0x50, 0, 0, 0xFF0)]  # X + k is 2**32
    assert Program([*body, ACCEPT]).filter(bytes(64)) == 0


def test_scratch_words_start_as_zero():
    assert Program([(0x60, 0, 0, 7), (0x15, 0, 1, 0), ACCEPT, REJECT]).filter(b"") == 1


def test_the_length_is_the_one_on_the_wire():
    program = Program([(0x80, 0, 0, 0), RETURN_A])
    assert program.filter(b"abc") == 3
    assert program.filter(b"abc", 1500) == 1500
    assert program.filter(b"", WORD) == WORD


@pytest.mark.parametrize("length", [-1, 1 << 32])
def test_a_length_that_no_frame_has(length):
    with pytest.raises(OptionError, match="bytes on the wire"):
        Program([ACCEPT]).filter(b"", length)


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_anything_with_bytes_can_be_filtered(make):
    assert Program([(0x30, 0, 0, 2), RETURN_A]).filter(make(b"abc")) == ord("c")


def test_what_it_was_made_of_can_be_read():
    instructions = [(0x28, 0, 0, 12), (0x15, 0, 1, 0x800), ACCEPT, REJECT]
    program = Program(instructions)
    assert program.instructions == instructions
    assert len(program) == 4
    assert program == Program(iter(instructions)) != Program([ACCEPT])
    assert program != instructions
    assert hash(program) == hash(Program(instructions))
    assert pickle.loads(pickle.dumps(program)) == program  # noqa: S301
    assert repr(Program([ACCEPT])) == "Program([(6, 0, 0, 1)])"


def test_many_threads_may_run_one_program():
    program = Program(COMPILED[0])
    results = []

    def work():
        results.append({program.filter(FRAMES["tcp"]) for _ in range(2000)})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{65535}] * 4
