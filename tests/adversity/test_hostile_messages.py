"""Messages made to cost: names that amplify, broken and long ones, and more than there is room for."""

import io
import json
import struct
import subprocess
import sys

import pytest
from reading import read_frames, seeded

from flowtable.flow._messages import message_text
from flowtable.testing import (
    DNS,
    MX,
    SOA,
    SRV,
    START,
    TXT,
    UDP,
    VRRP,
    DHCPv4,
    DomainName,
    Ethernet,
    IPv4,
    IPv6,
    IPv6HopByHop,
    Question,
    Record,
)

KINDS = ("DNS", "DHCPv4", "VRRP")
ALL = {"extra_layers": KINDS}
EVERYTHING = bytes(
    DNS(
        0x1234,
        0x8180,
        questions=(Question("www.example.com"), Question(b'\x05a.\\"\xff\0')),
        answers=(
            Record.address("www.example.com", "192.0.2.1"),
            Record.address("www.example.com", "2001:db8::1"),
            Record("www.example.com", 5, DomainName("example.com")),
            Record("example.com", 16, TXT((b'"', bytes(range(0, 256, 5)), b""))),
        ),
        authorities=(
            Record("example.com", 2, DomainName("ns.example.com")),
            Record("example.com", 6, SOA("ns.example.com", "root.example.com")),
        ),
        additionals=(
            Record("_s._tcp.example.com", 33, SRV("a.example.com", 443)),
            Record("example.com", 15, MX(10, "mx.example.com")),
            Record("example.com", 65280, b"\xde\xad"),
            Record("", 41, struct.pack("!HH8s", 10, 8, b"cookies!"), record_class=1232),
        ),
    )
)
SAMPLES = {"DNS": EVERYTHING, "DHCPv4": bytes(DHCPv4(server_name=b'"\\\0')), "VRRP": bytes(VRRP(version=3))}


def bound(length):
    """Give the most characters that a message of a length has as text."""
    return 2048 + 32 * length


def checked(kind, data):
    """Give a message's dictionary; its text is JSON, in ASCII, and not too long."""
    text = message_text(kind, bytes(data), START)
    assert text.isascii()
    assert len(text) <= bound(len(data))
    return json.loads(text)


@pytest.mark.parametrize("kind", KINDS)
def test_messages_cut_at_any_byte_give_json(kind):
    data = SAMPLES[kind]
    for length in range(len(data)):
        shown = checked(kind, data[:length])
        if kind == "DNS" and length >= 12:
            assert shown["cut"] is True
    assert "cut" not in checked(kind, data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(20))
def test_messages_with_any_bytes_changed_give_json(kind, seed):
    random = seeded(seed)
    for _ in range(200):
        data = bytearray(SAMPLES[kind])
        for _ in range(random.choice((1, 2, 5, 40))):
            data[random.randrange(len(data))] = random.choice(
                (0, 1, 0x22, 0x5C, 0xC0, 0xFF, random.randrange(256))
            )
        checked(kind, data)


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_give_json(seed):
    random = seeded(1000 + seed)
    for _ in range(200):
        for kind in KINDS:
            checked(kind, random.randbytes(random.randrange(300)))


def test_a_message_of_any_one_byte_in_names_and_texts_gives_json():
    for octet in range(256):
        name, text = bytes([1, octet, 0]), bytes([octet]) * 3
        data = DNS(questions=(Question(name),), answers=(Record(name, 16, TXT((text,))),))
        shown = checked("DNS", bytes(data))
        spelt = chr(octet) if 32 <= octet < 127 and octet != 0x5C else f"\\{octet:03}"
        assert shown["answers"][0]["TXTs"] == [(r"\\" if octet == 0x5C else spelt) * 3]
        assert shown["questions"][0]["name"] == shown["answers"][0]["name"] != ""


# ---- names that are written once, and pointed to thousands of times


def amplified(records, octet=b"\xff"):
    """Give a message with a name of 1,243 characters as text, and records of 14 bytes that name it twice."""
    name = b"".join(bytes([62]) + octet * 62 for _ in range(4)) + b"\0"
    record = b"\xc0\x0c" + struct.pack("!HHIH", 2, 1, 0, 2) + b"\xc0\x0c"
    return struct.pack("!6H", 1, 0x8180, 1, records, 0, 0) + name + b"\0\1\0\1" + record * records


@pytest.mark.parametrize("records", [1, 10, 100, 1000, 4600])
def test_text_is_at_most_a_constant_times_the_message(records):
    data = amplified(records)
    shown = checked("DNS", data)
    assert shown["a_n_count"] == records
    whole = {"name", "type", "class", "data_length", "NS"}
    assert all(set(answer) == whole for answer in shown["answers"])
    assert ("cut" in shown) == (len(shown["answers"]) < records) == (records > 1)
    assert set(shown["timestamp"]) == {"seconds"}


def of_pointers_to_pointers(records, length=4_000):
    """Give a message whose first record holds a chain of pointers to the root, and others named by it."""
    start = 12 + 11
    targets = [start, *(start + 1 + 2 * at for at in range(length - 1))]
    chain = b"\0" + b"".join(struct.pack("!H", 0xC000 | target) for target in targets)
    holder = b"\0" + struct.pack("!HHIH", 65280, 1, 0, len(chain)) + chain
    other = struct.pack("!HHHIH", 0xC000 | start + len(chain) - 2, 65280, 1, 1, 0)
    return struct.pack("!6H", 1, 0x8180, 0, 1 + records, 0, 0) + holder + other * records


@pytest.mark.parametrize(("records", "whole"), [(1, True), (7, True), (9, False), (1000, False)])
def test_pointers_to_pointers_are_followed_four_times_a_byte(tmp_path, records, whole):
    data = of_pointers_to_pointers(records)
    (flow,) = read_frames(tmp_path, [Ethernet() / IPv4() / UDP(1, 53) / data], **ALL)
    shown = checked("DNS", data)
    assert shown["a_n_count"] == 1 + records
    assert ("cut" not in shown) == (len(shown["answers"]) == 1 + records) == whole
    assert len(shown["answers"]) <= 1 + 4 * len(data) // 4_000
    assert flow.dns.cut == (not whole)


def test_what_servers_send_is_not_cut():
    """A zone of IPv6 addresses by name, with long names throughout."""
    zone = "8.b.d.0.1.0.0.2.ip6.arpa"
    hosts = tuple(
        Record(f"{'.'.join(f'{n:024x}')}.{zone}", 12, DomainName(f"host-{n:05}.customers.isp.example"))
        for n in range(400)
    )
    shown = checked("DNS", bytes(DNS(answers=hosts)))
    assert "cut" not in shown
    assert len(shown["answers"]) == 400


@pytest.mark.parametrize("pointer", [b"\xc0\x0c", b"\xc0\x0e\xc0\x0c", b"\x01a\xc0\x0c", b"\xff\xff"])
def test_names_that_never_end_end_the_text(pointer):
    shown = checked("DNS", bytes(DNS(questions=(Question(pointer), Question("b")))))
    assert shown["cut"] is True
    assert shown["questions"] == []


def test_counts_that_lie_cost_nothing():
    for counts in ((0xFFFF,) * 4, (0, 0xFFFF, 0, 0), (0, 0, 0, 0xFFFF)):
        shown = checked("DNS", bytes(DNS(counts=counts)))
        assert shown["cut"] is True
        assert sum(len(value) for value in shown.values() if isinstance(value, list)) == 0


# ---- the longest ones


def long_message(length):
    """Give a message of exactly so many bytes that parses: its record has a type without structure."""
    data = bytes(length - 12 - 11)
    return (
        struct.pack("!6H", 7, 0x8180, 0, 1, 0, 0)
        + b"\0"
        + struct.pack("!HHIH", 65280, 1, 0, len(data))
        + data
    )


def test_the_longest_message_in_a_datagram_is_kept_whole(tmp_path):
    message = long_message(65_507)
    (flow,) = read_frames(tmp_path, [Ethernet() / IPv4() / UDP(1, 53) / message], **ALL)
    assert flow.dns.answers[0].data_length == 65_507 - 23
    assert len(flow.dns.answers[0].data) == len(r"\# 65484 ") + 2 * 65_484
    assert not flow.dns.cut


def test_a_longer_one_in_a_jumbogram_is_counted_and_not_kept(tmp_path):
    message = long_message(65_520) + bytes(200)  # what is behind the records does not matter
    outer = Ethernet() / IPv6() / IPv6HopByHop(jumbo=True)
    flows = read_frames(tmp_path, [outer / UDP(1, 53, length=0) / message], **ALL)
    assert flows[0].application == "DNS"
    assert flows[0].dns is None
    assert flows.account.lost == {"DNS messages": 1}


def amplified_flows(folder, count, records):
    frames = [Ethernet() / IPv4() / UDP(n, 53) / amplified(records) for n in range(1, count + 1)]
    return read_frames(folder, frames, **ALL)


def test_lines_and_batches_are_whole_however_long_messages_are(tmp_path, monkeypatch):
    flows = amplified_flows(tmp_path, 30, 300)
    expected = [flow.to_dict() for flow in flows]
    assert all(dictionary["DNS"]["cut"] for dictionary in expected)
    for rows in (flows, flows[::-2]):
        out = io.BytesIO()
        rows.write_json(out)
        assert [json.loads(line) for line in out.getvalue().splitlines()] == [flow.to_dict() for flow in rows]
    for most, batches in ((1 << 28, 1), (bound(len(amplified(300))) * 10, 3), (1, 30)):
        monkeypatch.setattr("flowtable.flow.columns.TEXT_BYTES", most)
        table = flows.to_arrow()
        table.validate(full=True)
        assert table["dns"].num_chunks == batches
        assert [json.loads(text) for text in table["dns"].to_pylist()] == [d["DNS"] for d in expected]


def test_ndjson_takes_no_more_memory_than_its_longest_line(tmp_path):
    flows = amplified_flows(tmp_path, 100, 300)

    class Longest:
        pieces = 0
        longest = 0

        def write(self, data):
            self.pieces += 1
            self.longest = max(self.longest, len(data))

    out = Longest()
    flows.write_json(out)
    assert out.pieces > 1
    assert out.longest < 2 << 20


# ---- more flows than there is room for

PROGRAM = """
import sys
import flowtable
limits = flowtable.Limits(message_bytes=int(sys.argv[2]))
flows = flowtable.read(sys.argv[1], extra_layers=("DNS",), limits=limits)
anonymous = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon:"))
kept = len(flows) - flows.to_arrow()["dns"].null_count
print(len(flows), kept, flows.account.lost.get("DNS messages", 0), anonymous * 1024)
"""


def memory_of(path, limit):
    """Read a capture in a process of its own: its flows, messages kept and lost, and bytes of memory."""
    program = [sys.executable, "-c", PROGRAM, path, str(limit)]
    done = subprocess.run(program, check=True, capture_output=True, text=True)
    return map(int, done.stdout.split())


def test_memory_stays_under_the_limit_whatever_flows_there_are(tmp_path):
    """20,000 flows with messages that grow, so that each buffer is given up for a larger one."""
    from flowtable.testing import write_pcap

    count, lengths = 20_000, (30, 300, 900)
    heads = [bytearray(bytes(Ethernet() / IPv4() / UDP(1, 53) / long_message(n))) for n in lengths]

    def frames():
        for head in heads:
            for number in range(count):
                head[26:30] = struct.pack("!I", number + 1)
                yield bytes(head)

    path = tmp_path / "many.pcap"
    write_pcap(path, list(frames()))
    _, none, _, without = memory_of(path, 0)
    assert none == 0
    for limit in (1 << 20, 8 << 20):
        flows, kept, lost, used = memory_of(path, limit)
        assert flows == count
        assert kept == min(count, limit // (32 + 16 + 64))
        assert lost > 3 * (count - kept)
        assert used - without < 1.25 * limit + (4 << 20)
