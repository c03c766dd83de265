"""What a sender may ask for without end: names, paths, and counts that lie."""

import itertools
import struct

import pytest
from reading import read_frames

from flowtable.testing import BFD, DNS, SCTP, SIP, UDP, Ethernet, IPv4, IPv6, Question

MAX_PATHS = 65_535
EMPTY = [struct.pack("!BBH", kind, 0, 4) for kind in (6, 4, 5, 8, 9, 10, 11, 14, 15)]


def paths_without_end(count):
    """Give frames of SCTP whose chunks are another sequence of kinds each time."""
    head, sctp = bytes(Ethernet(ether_type=0x0800)), bytes(SCTP(1, 2))
    sequences = itertools.product(EMPTY, repeat=6)
    for number, chunks in enumerate(itertools.islice(sequences, count)):
        body = sctp + b"".join(chunks)
        ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(body), 0, 0, 64, 132, 0, number, 1)
        yield head + ip + body


@pytest.fixture(scope="module")
def exploded(tmp_path_factory):
    return read_frames(tmp_path_factory.mktemp("paths"), paths_without_end(70_000))


def test_paths_are_limited_and_what_is_cut_is_counted(exploded):
    account = exploded.account
    assert account.flows == len(exploded) == 70_000
    assert account.in_flows == 70_000
    paths = set(exploded.to_arrow()["layers_path"].to_pylist())
    assert len(paths) < MAX_PATHS
    whole = [flow for flow in exploded[:100] if flow.layers_path.count("/") == 8]
    assert len(whole) == 100
    assert 0 < account.paths_cut < 70_000
    cut = sum(path.count("/") < 8 for path in exploded.to_arrow()["layers_path"].to_pylist())
    assert cut == account.paths_cut


def test_paths_that_are_cut_begin_as_the_frame_does(exploded):
    last = exploded[-1]
    assert last.layers_path.startswith("Ethernet/IPv4/SCTP")
    assert last.application == last.layers_path.rpartition("/")[2]
    assert last.to_dict()["LayersPath"] == last.layers_path


def test_paths_that_exist_are_found_when_there_is_no_room(tmp_path):
    frames = [*paths_without_end(70_000), bytes(Ethernet() / IPv6() / b""), next(paths_without_end(1))]
    flows = read_frames(tmp_path, frames)
    assert flows[0].metric.ab_packets == 2
    assert flows[-1].layers_path == "Ethernet"  # the path of IPv6 came too late
    assert flows[-1].network.protocol == "IPV6"


# ---- names that point to names


def dns_message(body, counts):
    return struct.pack("!HH4H", 1, 0x8180, *counts) + body


def of_pointers(size):
    """Give a message of that many bytes: a name of one label, then pointers, each to the one before it."""
    count = (size - 12 - 3) // 2
    pointers = [12, *(min(13 + 2 * at, 0x3FFF) for at in range(1, count))]
    body = b"\1a\0" + struct.pack(f"!{count}H", *(0xC000 | at for at in pointers))
    return dns_message(body, (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF))


@pytest.mark.parametrize("size", [100, 1000, 20_000, 65_000])
def test_names_of_pointers_to_pointers_end(tmp_path, size):
    """The work is limited by the message's length: it ends as malformed, and the flow is there."""
    message = of_pointers(size)
    frame = bytes(Ethernet() / IPv4(total_length=0) / UDP(1, 53, length=0) / message)
    flows = read_frames(tmp_path, [frame])
    assert [flow.layers_path for flow in flows] == ["Ethernet/IPv4/UDP"]
    assert flows.account.decode_stops == {"malformed DNS": 1}


@pytest.mark.parametrize(
    "pointer", [b"\xc0\x0c", b"\xc0\x0e\xc0\x0c", b"\x01a\xc0\x0c", b"\xff\xff", b"\xc0"]
)
def test_names_that_never_end(tmp_path, pointer):
    flows = read_frames(tmp_path, [Ethernet() / IPv4() / UDP(1) / DNS(questions=(Question(pointer),))])
    assert flows[0].layers_path == "Ethernet/IPv4/UDP"


def test_many_records_with_one_name_are_no_attack(tmp_path):
    """What a resolver sends: a name once, and pointers to it in all answers."""
    name = b"\3www\7example\3com\0"
    answers = b"".join(b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 60, 4, b"\n\0\0\1") for _ in range(1000))
    message = dns_message(name + b"\0\1\0\1" + answers, (1, 1000, 0, 0))
    (flow,) = read_frames(tmp_path, [Ethernet() / IPv4() / UDP(1, 53) / message])
    assert flow.application == "DNS"


def test_long_names_with_many_pointers_to_them_are_no_attack(tmp_path):
    """A reverse zone of IPv6 has names of 34 labels."""
    name = b"".join(b"\1" + bytes([0x30 + n % 10]) for n in range(32)) + b"\3ip6\4arpa\0"
    hosts = (b"\5host" + bytes([0x30 + n % 10]) + b"\xc0\x4c" for n in range(100))
    answers = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 12, 1, 60, 8) + host for host in hosts)
    message = dns_message(name + b"\0\x0c\0\1" + answers, (1, 100, 0, 0))
    (flow,) = read_frames(tmp_path, [Ethernet() / IPv4() / UDP(1, 53) / message])
    assert flow.application == "DNS"


# ---- counts that lie

BILLIONS = b"\xff\xff\xff\xff"


@pytest.mark.parametrize(
    "packet",
    [
        IPv4(protocol=89) / (b"\x02\x04\x00\x1c" + bytes(20) + BILLIONS),
        IPv4() / UDP(1, 6343) / (b"\0\0\0\5\0\0\0\1" + bytes(16) + BILLIONS),
        IPv4()
        / UDP(1, 6343)
        / (b"\0\0\0\5\0\0\0\1" + bytes(16) + b"\0\0\0\1\0\0\0\2" + bytes(12) + BILLIONS),
        IPv4(protocol=2) / (b"\x22\0\0\0\0\0\xff\xff"),
        IPv6(next_header=58) / (b"\x8f\0\0\0\0\0\xff\xff"),
        IPv6(next_header=58) / (b"\x82\0\0\0" + bytes(22) + b"\xff\xff"),
        IPv4(protocol=112) / b"\x21\1\1\xff\0\0\0\0",
        IPv4(protocol=47) / (b"\x40\0\x08\0\0\0\0\0" + b"\0\0\0\1\0" * 10),
        IPv4(protocol=132) / (bytes(12) + b"\3\0\0\x10" + bytes(8) + b"\xff\xff\xff\xff"),
    ],
)
def test_counts_beyond_the_frame_stop_decoding(tmp_path, packet):
    flows = read_frames(tmp_path, [Ethernet() / packet])
    assert len(flows) == 1
    assert sum(flows.account.decode_stops.values()) == 1


def test_lines_without_end_are_no_sip(tmp_path):
    for text in (b"\r\n" * 700, b"A" * 1400, b"A " * 700, b" " * 1400, b"SIP/2.0" + b" " * 1300):
        (flow,) = read_frames(tmp_path, [Ethernet() / IPv4() / UDP(1, 5060) / text])
        assert flow.layers_path == "Ethernet/IPv4/UDP"
    for good in (SIP(), SIP.response()):
        (flow,) = read_frames(tmp_path, [Ethernet() / IPv4() / UDP(1, 5060) / good])
        assert flow.application == "SIP"


def test_a_length_that_contradicts_the_rest_is_no_bfd(tmp_path):
    (flow,) = read_frames(tmp_path, [Ethernet() / IPv4() / UDP(1, 3784) / (bytes(BFD()) + b"more")])
    assert flow.layers_path == "Ethernet/IPv4/UDP"


def of_backward_pointers(size):
    """Give a message whose questions are pointers, each to the one before it: all of them are names."""
    count = size // 6
    body = b"\1a\0\0\1\0\1" + b"".join(
        struct.pack("!HHH", 0xC000 | min(12 if at == 0 else 13 + 6 * at, 0x3FFF), 1, 1) for at in range(count)
    )
    return dns_message(body, (1 + count, 0, 0, 0))


def test_pointers_to_pointers_are_names_however_many(tmp_path):
    frame = Ethernet() / IPv4() / UDP(1, 53) / of_backward_pointers(1400)
    (flow,) = read_frames(tmp_path, [frame])
    assert flow.application == "DNS"


@pytest.mark.parametrize("length", [254, 255, 256])
def test_a_name_has_255_bytes_by_way_of_pointers_too(tmp_path, length):
    """The name of the second question: four labels of 63 or fewer bytes, then a pointer to the first."""
    first = b"\3www\7example\0"
    rest = length - len(first)
    labels = b"".join(bytes([size]) + b"a" * size for size in (63, 63, 63, rest - 3 * 64 - 1))
    body = first + b"\0\1\0\1" + labels + b"\xc0\x0c" + b"\0\1\0\1"
    (flow,) = read_frames(tmp_path, [Ethernet() / IPv4() / UDP(1, 53) / dns_message(body, (2, 0, 0, 0))])
    assert (flow.application == "DNS") == (length <= 255)


@pytest.mark.parametrize("back", range(12, 40))
def test_a_pointer_into_its_own_name_is_a_loop(tmp_path, back):
    """Wherever on its way it leads to; a pointer into a label's text reads that as labels."""
    body = b"\2ab\2cd\2ef\2gh" + struct.pack("!H", 0xC000 | back) + b"\0\1\0\1"
    (flow,) = read_frames(tmp_path, [Ethernet() / IPv4() / UDP(1, 53) / dns_message(body, (1, 0, 0, 0))])
    onto_zero = back in (26, 28)  # the type's and the class's first byte, which are empty labels
    assert (flow.application == "DNS") == onto_zero


@pytest.mark.parametrize("beyond", [0, 1, 100, 1000, 0x3FFF])
def test_a_pointer_beyond_the_message_is_no_name_whatever_was_there_before(tmp_path, beyond):
    """A longer message whose names stood there was looked at just before."""
    long = of_backward_pointers(0x4000)
    question = struct.pack("!HHH", min(0xC000 | 18 + beyond, 0xFFFF), 1, 1)
    frames = [Ethernet() / IPv4(total_length=0) / UDP(1, 53, length=0) / long]
    frames.append(Ethernet() / IPv4("192.0.2.9") / UDP(1, 53) / dns_message(question, (1, 0, 0, 0)))
    flows = read_frames(tmp_path, frames)
    assert [flow.application for flow in flows] == ["DNS", "UDP"]
