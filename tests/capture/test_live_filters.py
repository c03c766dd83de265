"""Filters of live captures: the kernel's and ours choose what the same expression chooses in a file."""

import os
import re
import shutil
import signal
import subprocess

import pytest
from live_reading import data_of, rest_of, some_of

from flowtable.capture import LinkType, open_capture, open_live
from flowtable.capture.bpf import BPF
from flowtable.errors import FilterError, FilterWarning
from flowtable.testing import ARP, GRE, PPP, TCP, UDP, VXLAN, Dot1Q, Ethernet, IPv4, IPv6, PPPoE, ServiceTag
from flowtable.testing.netns import send

pytestmark = pytest.mark.usefixtures("shared_network")

EXPRESSIONS = [
    "ip", "not ip", "ip6", "arp", "not arp",
    "udp", "tcp port 80", "port 53 or port 80", "not port 53", "udp portrange 50-60",
    "host 192.0.2.1", "net 192.0.2.0/30", "not host 192.0.2.1", "host 2001:db8::1",
    "len > 100", "greater 80", "less 64",
    "vlan", "not vlan", "vlan 5", "vlan 7 and vlan 8", "vlan and ip", "vlan and not ip", "vlan or udp",
    "ip or (vlan 5 and ip)", "vlan 5 and host 192.0.2.1", "vlan and udp port 53", "vlan and pppoes and ip",
    "ether[12:2] = 0x8100", "ether[13] = 0", "ether[12:4] & 0xff = 5", "ether[14:2] & 0xfff = 5",
    "ether[16:2] = 0x0800", "ether[15] = 5", "ether[10:4] != 0", "ether[9] > 3",
    "ether host 02:00:00:00:00:01", "ether proto 0x8100", "ether proto 0x88a8", "ether broadcast", "pppoes",
    "ip[6:2] & 0x1fff != 0", "tcp[tcpflags] & tcp-syn != 0", "ip[2:2] > 60",
]  # fmt: skip


def frames():
    insides = [
        IPv4("192.0.2.1", "192.0.2.2") / UDP(53, 5353),
        IPv4("192.0.2.5", "192.0.2.2") / TCP(80, 1024, flags="S") / bytes(90),
        IPv4("192.0.2.1", "198.51.100.7", fragment_offset=8) / bytes(40),
        IPv6("2001:db8::1", "2001:db8::2") / UDP(53, 53) / bytes(5),
        IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 4789) / VXLAN(vni=7) / Ethernet() / IPv4() / UDP(53, 1),
        IPv4("192.0.2.1", "192.0.2.2") / GRE() / IPv4("10.0.0.1", "10.0.0.2") / TCP(80, 2),
        ARP(),
        PPPoE() / PPP() / IPv4("192.0.2.1", "192.0.2.2") / UDP(5, 53),
    ]
    tags = [[], [Dot1Q(5)], [Dot1Q(0)], [ServiceTag(7), Dot1Q(8)], [Dot1Q(7), Dot1Q(8)], [ServiceTag(5)]]
    for tag in tags:
        for inside in insides:
            packet = Ethernet(dst="ff:ff:ff:ff:ff:ff" if len(tag) == 1 else "02:00:00:00:00:01")
            for layer in tag:
                packet /= layer
            yield bytes(packet / inside)


@pytest.fixture(scope="module")
def all_frames():
    return list(frames())


@pytest.mark.parametrize("interface", ["right", "left"])
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_chooses_what_it_chooses_in_a_file(all_frames, expression, interface):
    program = BPF(LinkType.ETHERNET, 65535, expression)
    chosen = [frame for frame in all_frames if program.matches(frame)]
    with open_live(interface, bpf=expression) as source:
        send("left", all_frames)
        assert data_of(rest_of(source)) == chosen
        assert source.statistics.received == len(chosen) + source.filtered


def test_the_kernel_refuses_what_it_can(all_frames):
    with open_live("right", bpf="vlan 5 and udp port 53") as source:
        send("left", all_frames)
        assert rest_of(source)
        assert source.filtered == 0
    with open_live("right", bpf="udp port 53 and len < 60") as source:
        send("left", [frame for frame in all_frames if frame[12:14] == b"\x08\x00"])
        assert rest_of(source)
        assert source.filtered == 0


def test_what_the_kernel_cannot_be_asked_is_filtered_here(all_frames):
    with open_live("right", bpf="len > 100") as source:
        send("left", all_frames)
        rest_of(source)
        tagged = [frame for frame in all_frames if frame[12:14] in (b"\x81\x00", b"\x88\xa8")]
        assert source.filtered == sum(len(frame) <= 100 for frame in tagged)


def test_a_filter_that_is_too_long_for_the_kernel_is_run_here(all_frames, monkeypatch):
    monkeypatch.setattr("flowtable.capture.packet_socket.MAX_KERNEL_PROGRAM", 20)
    chosen = [frame for frame in all_frames if BPF(LinkType.ETHERNET, 65535, "udp port 53").matches(frame)]
    with open_live("right", bpf="udp port 53") as source:
        send("left", all_frames)
        assert data_of(rest_of(source)) == chosen
        assert source.filtered == len(all_frames) - len(chosen)


def test_a_filter_that_the_kernel_does_not_take_is_run_here(all_frames, monkeypatch):
    from flowtable.capture import packet_socket

    attach = packet_socket.attach_filter

    def refusing(sock, program):
        if len(program) > 1:
            raise OSError(22, "Invalid argument")
        attach(sock, program)

    monkeypatch.setattr(packet_socket, "attach_filter", refusing)
    with open_live("right", bpf="udp port 53", snap=30) as source:
        send("left", all_frames)
        program = BPF(LinkType.ETHERNET, 65535, "udp port 53")
        chosen = [frame[:30] for frame in all_frames if program.matches(frame)]
        assert (
            data_of(rest_of(source)) == chosen
        )  # though what it looks at is not among the bytes that are kept
        assert source.filtered == len(all_frames) - len(chosen)


def test_filters_see_whole_frames_whatever_is_kept(all_frames):
    program = BPF(LinkType.ETHERNET, 65535, "port 53 or (vlan and port 53)")
    chosen = [frame[:20] for frame in all_frames if program.matches(frame)]
    with open_live("right", bpf=program.expression, snap=20) as source:
        send("left", all_frames)
        assert data_of(rest_of(source)) == chosen


def test_nothing_comes_in_before_the_filter_is_there(shared_network, all_frames):
    """A flood goes on while sources are opened: none has a frame that it should not have."""
    import threading

    over = threading.Event()

    def flood():
        with shared_network.entered():
            while not over.is_set():
                send("left", all_frames)

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        for _ in range(20):
            with open_live("right", bpf="vlan 5 and arp") as source:
                got = some_of(source, 5)
                assert {frame.data[12:18] for frame in got} <= {
                    b"\x81\x00\x00\x05\x08\x06",
                    b"\x88\xa8\x00\x05\x08\x06",
                }
    finally:
        over.set()
        flooding.join()


def test_a_cooked_interface_is_filtered_with_its_header():
    inside = IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 53)
    other = IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 54)
    with open_live("any", bpf="udp port 53") as source:
        send("left", [bytes(Ethernet() / each) for each in (inside, other, Dot1Q(5) / inside)])
        got = rest_of(source)
        assert [frame.data[20:] for frame in got] == [bytes(inside)] * 2  # at both ends of the wire
        assert source.filtered == 4


def test_a_wrong_expression_is_refused():
    with pytest.raises(FilterError, match="syntax error"):
        open_live("right", bpf="tcp and and")


def test_an_expression_that_does_not_fit_the_interface_matches_nothing(all_frames):
    with pytest.warns(FilterWarning, match="matches nothing on link type 1"):
        source = open_live("right", bpf="wlan type mgt")
    send("left", all_frames)
    assert rest_of(source) == []
    assert source.statistics.received == 0


@pytest.mark.skipif(not shutil.which("dumpcap"), reason="there is no dumpcap")
@pytest.mark.parametrize(
    ("expression", "tags"),
    [
        ("not ip", False),
        ("port 53 or arp", False),
        ("ip[6:2] & 0x1fff != 0 or len > 100", False),
        ("vlan", True),
        ("vlan 5 and udp", True),
        ("not vlan", True),
    ],
)
def test_libpcap_captures_the_same(all_frames, tmp_path, expression, tags):
    """Where a tag is involved, libpcap chooses by it only if the expression says vlan."""
    sent = [frame for frame in all_frames if tags or frame[12:14] not in (b"\x81\x00", b"\x88\xa8")]
    sent = [*sent, bytes(Ethernet() / ARP())] * 5
    command = ["dumpcap", "-q", "-i", "right", "-f", expression, "-w", str(tmp_path / "theirs.pcapng")]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE) as theirs,
        open_live("right", bpf=expression) as ours,
    ):
        os.set_blocking(theirs.stderr.fileno(), True)
        assert any(line.startswith(b"File:") for line in iter(theirs.stderr.readline, b""))
        send("left", sent)
        got = data_of(rest_of(ours))
        wait_for_packets(tmp_path / "theirs.pcapng", len(got))
        theirs.send_signal(signal.SIGINT)
        said = theirs.stderr.read().decode()
    assert data_of(open_capture(tmp_path / "theirs.pcapng")) == got
    assert re.search(rf"captured: {len(got)}$", said, re.MULTILINE)


def wait_for_packets(path, count):
    """Wait until a file that is being written has as many packets, which take it a moment."""
    import time
    import warnings

    end = time.monotonic() + 10  # there may be fewer: the comparison says so
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while count and time.monotonic() < end:
            if path.stat().st_size > 200 and open_capture(path).drain() >= count:
                return
            time.sleep(0.02)
