"""Packets into capture files, and out again by flowtable, libpcap and scapy."""

import io
import random
import struct
import subprocess
import sys

import cypcap
import pytest
import scapy.all as scapy

from flowtable import OptionError, PcapWriter, RawPacket, RawPackets
from flowtable.capture import LinkType, dlt, open_capture
from flowtable.packet._decode import registry
from flowtable.testing import TCP, Ethernet, IPv4

BY_LINK_TYPE = 1
DECODED = sorted({number for space, number, _ in registry() if space == BY_LINK_TYPE})
FRAME = bytes(Ethernet() / IPv4() / TCP(1, 2))
TIME = 1_780_308_000_123_456_789
FORMATS = pytest.mark.parametrize("kind", ["pcap", "pcapng"])


def packet(data=FRAME, time=TIME, link_type=1, **rest):
    return RawPacket(time, 1, data, link_type, **rest)


def written(packets, link_type=None, **options):
    """Give the bytes of a capture of these packets."""
    file = io.BytesIO()
    with PcapWriter(file, link_type, **options) as writer:
        writer.write_raw_packets(packets)
        assert writer.written == len(packets)
    return file.getvalue()


def saved(folder, data):
    path = folder / "written"
    path.write_bytes(data)
    return path


def read_back(folder, data):
    return [
        (frame.time, frame.data, frame.length, frame.link_type) for frame in open_capture(saved(folder, data))
    ]


def as_read(packets):
    return [(p.timestamp, p.data, p.length, p.link_type) for p in packets]


def several():
    """Packets of all sizes: none, odd, cut short, and the longest that readers take."""
    return [
        packet(data, TIME + n, length=length)
        for n, (data, length) in enumerate(
            [(b"", None), (b"x", None), (FRAME, 9000), (FRAME[:20], 54), (bytes(262_144), None), (FRAME, 3)]
        )
    ]


@FORMATS
def test_what_is_written_is_read_again_to_the_nanosecond(tmp_path, kind):
    assert read_back(tmp_path, written(several(), format=kind)) == as_read(several())


@FORMATS
def test_times_in_microseconds_for_old_programs(tmp_path, kind):
    data = written(several(), format=kind, nanoseconds=False)
    times = [time for time, *_ in read_back(tmp_path, data)]
    assert times == [p.timestamp // 1000 * 1000 for p in several()]
    if kind == "pcap":
        assert data[:4] == struct.pack("<I", 0xA1B2C3D4)


@FORMATS
@pytest.mark.parametrize("link_type", [*DECODED, 4, 147, 231, 60000])
def test_every_link_type_is_kept(tmp_path, kind, link_type):
    packets = [packet(link_type=link_type), packet(FRAME[:30], TIME + 1, link_type, length=99)]
    assert read_back(tmp_path, written(packets, format=kind)) == as_read(packets)


@FORMATS
@pytest.mark.parametrize("link_type", [number for number in DECODED if number not in (12, 14)])
def test_libpcap_reads_the_same(tmp_path, kind, link_type):
    """12 and 14 are no LINKTYPE_ numbers: libpcap takes them for DLT_ numbers that it does not know."""
    packets = [packet(p.data, p.timestamp, link_type, length=p.length) for p in several()]
    with cypcap.open_offline(saved(tmp_path, written(packets, format=kind))) as theirs:
        assert int(theirs.datalink()) == dlt(link_type)
        got = [(head.caplen, head.len, int(head.ts), bytes(data)) for head, data in theirs]
    assert got == [(len(p.data), p.length, p.timestamp // 10**9, p.data) for p in packets]


@FORMATS
def test_scapy_reads_the_same(tmp_path, kind):
    packets = [p for p in several() if 0 < len(p.data) < 65536]  # scapy cuts at 64 KiB
    with scapy.PcapReader(str(saved(tmp_path, written(packets, format=kind)))) as reader:
        read = list(reader)
    assert [p.original for p in read] == [p.data for p in packets]
    assert [p.wirelen for p in read] == [p.length for p in packets]
    assert [int(p.time * 10**9) for p in read] == [p.timestamp for p in packets]


def test_a_pcapng_has_an_interface_for_each_link_type(tmp_path):
    kinds = [1, 101, 113, 1, 276, 101, 1]
    packets = [packet(bytes([n]) * n, TIME + n, kind) for n, kind in enumerate(kinds)]
    data = written(packets, format="pcapng")
    assert read_back(tmp_path, data) == as_read(packets)
    assert data.count(struct.pack("<II", 1, 32)) == len(set(kinds))
    with scapy.RawPcapNgReader(str(saved(tmp_path, data))) as reader:
        theirs = list(reader)
    assert [(raw, about.linktype) for raw, about in theirs] == [(p.data, p.link_type) for p in packets]


def test_a_pcap_has_one_link_type(tmp_path):
    file = io.BytesIO()
    writer = PcapWriter(file)
    writer.write_raw_packet(packet())
    with pytest.raises(
        OptionError, match=r"one link type: this one has ETHERNET, and the packet RAW; .*pcapng"
    ):
        writer.write_raw_packet(packet(link_type=101))
    writer.write_raw_packet(packet(time=5))
    writer.close()
    assert [time for time, *_ in read_back(tmp_path, file.getvalue())] == [TIME, 5]


def test_a_link_type_that_is_given_is_the_only_one():
    with pytest.raises(OptionError, match="this one has LINUX_SLL, and the packet ETHERNET"):
        written([packet()], 113)
    assert written([packet(link_type=113)], 113)


@FORMATS
@pytest.mark.parametrize("link_type", [None, 1, 113])
def test_a_capture_of_no_packets_is_a_capture(tmp_path, kind, link_type):
    path = saved(tmp_path, written([], link_type, format=kind))
    assert list(open_capture(path)) == []
    with cypcap.open_offline(path) as theirs:
        assert int(theirs.datalink()) == (link_type or 1)


@FORMATS
def test_random_packets(tmp_path, kind):
    chance = random.Random(4)  # noqa: S311 - nothing is hidden by it
    packets = [
        packet(
            chance.randbytes(n := chance.randrange(3000)),
            chance.randrange(1 << 61),
            length=n + chance.choice((0, 9)),
        )
        for _ in range(300)
    ]
    assert read_back(tmp_path, written(packets, format=kind)) == as_read(packets)


def test_the_largest_times(tmp_path):
    last_of_pcap = (1 << 32) * 10**9 - 1
    assert read_back(tmp_path, written([packet(time=last_of_pcap)]))[0][0] == last_of_pcap
    with pytest.raises(OptionError, match=r"no times after 2106.*pcapng"):
        written([packet(time=last_of_pcap + 1)])
    for time in (last_of_pcap + 1, (1 << 63) - 1):
        assert read_back(tmp_path, written([packet(time=time)], format="pcapng"))[0][0] == time


# ---- what is refused


@FORMATS
@pytest.mark.parametrize(
    "wrong",
    [
        {"link_type": -1},
        {"link_type": 65536},
        {"link_type": "ETHERNET"},
        {"link_type": True},
        {"time": -1},
        {"time": 1 << 63},
        {"time": 1.5},
        {"length": -1},
        {"length": 1 << 32},
        {"data": "text"},
        {"data": bytes(262_145)},
        {"data": bytes((128 << 20) + 1), "link_type": LinkType.DBUS},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
def test_packets_that_no_reader_would_take_are_refused(kind, wrong):
    with pytest.raises(OptionError):
        written([packet(**wrong)], format=kind)


@pytest.mark.parametrize("link_type", [-1, 65536, "ETHERNET", 1.0])
def test_a_wrong_link_type_is_refused_before_the_file_is_made(tmp_path, link_type):
    with pytest.raises(OptionError, match="link_type"):
        PcapWriter(tmp_path / "a.pcap", link_type)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("named", ["PCAP", "erf", "", 5])
def test_there_are_two_formats(tmp_path, named):
    with pytest.raises(OptionError, match="'pcap' or 'pcapng'"):
        PcapWriter(tmp_path / "a", format=named)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "magic"),
    [
        ("a.pcap", b"\x4d\x3c\xb2\xa1"),
        ("a.cap", b"\x4d\x3c\xb2\xa1"),
        ("a", b"\x4d\x3c\xb2\xa1"),
        ("a.pcapng", b"\x0a\x0d\x0d\x0a"),
        ("a.PCAPNG", b"\x0a\x0d\x0d\x0a"),
        ("a.ntar", b"\x0a\x0d\x0d\x0a"),
    ],
)
def test_the_suffix_tells_the_format(tmp_path, name, magic):
    for path in (tmp_path / name, str(tmp_path / name)):
        with PcapWriter(path) as writer:
            writer.write_raw_packet(packet())
        assert (tmp_path / name).read_bytes()[:4] == magic


def test_a_format_that_is_named_goes_before_the_suffix(tmp_path):
    with PcapWriter(tmp_path / "a.pcap", format="pcapng"):
        pass
    assert (tmp_path / "a.pcap").read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"


@pytest.mark.parametrize("name", ["a.pcap.gz", "a.pcapng.zst", "a.XZ"])
def test_a_name_that_promises_compression_is_refused(tmp_path, name):
    with pytest.raises(OptionError, match="compress the file afterwards"):
        PcapWriter(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# ---- files


def test_open_files_stay_open_and_paths_are_closed(tmp_path):
    file = io.BytesIO()
    PcapWriter(file).close()
    assert not file.closed
    writer = PcapWriter(tmp_path / "a.pcap")
    writer.write_raw_packet(packet())
    writer.close()
    writer.close()
    assert (tmp_path / "a.pcap").stat().st_size == 24 + 16 + len(FRAME)
    with pytest.raises(OptionError, match="takes no more packets"):
        writer.write_raw_packet(packet())


def test_an_error_in_between_leaves_whole_packets(tmp_path):
    path = tmp_path / "a.pcapng"
    with pytest.raises(OptionError), PcapWriter(path) as writer:
        writer.write_raw_packets([packet(), packet(link_type=-1)])
    assert [frame.data for frame in open_capture(path)] == [FRAME]


@FORMATS
def test_a_path_that_cannot_be_written_is_the_systems_error(tmp_path, kind):
    with pytest.raises(FileNotFoundError) as raised:
        PcapWriter(tmp_path / "no" / "folder", format=kind)
    assert str(tmp_path / "no" / "folder") in str(raised.value)
    with pytest.raises(IsADirectoryError):
        PcapWriter(tmp_path, format=kind)


@FORMATS
def test_a_full_disk_is_the_systems_error(kind):
    writer = PcapWriter("/dev/full", format=kind)
    with pytest.raises(OSError, match="No space left on device"):
        writer.write_raw_packets([packet(bytes(100_000))] * 10)
    writer.close()


def test_no_descriptor_leaks_when_a_disk_is_full():
    program = (
        "import resource, flowtable\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))\n"
        "for _ in range(200):\n"
        "    try: flowtable.PcapWriter('/dev/full').close()\n"
        "    except OSError as error: assert error.errno == 28, error\n"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=False).returncode == 0


# ---- packets themselves


def test_a_raw_packet_is_shown_as_the_reference_has_it():
    raw = RawPacket(1_780_308_000_123_999_999, 3, b"\0\xff\x10", 113)
    assert raw.to_dict() == {"Timestamp": 1_780_308_000_123, "Index": 3, "Data": "AP8Q", "LinkType": 113}
    assert raw.length == 3
    assert RawPacket(0, 1, b"ab", 1, length=1500).length == 1500


def test_raw_packets_do_not_change():
    with pytest.raises(AttributeError):
        packet().data = b""


def test_raw_packets_have_one_link_type_or_none():
    assert RawPackets([packet(), packet()]).link_type == 1
    assert RawPackets([packet(), packet(link_type=101)]).link_type is None
    assert RawPackets().link_type is None
    assert len(RawPackets([packet()])) == 1
