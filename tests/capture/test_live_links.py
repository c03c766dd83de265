"""What frames begin with on interfaces that are not Ethernet, as tun devices; and tunnels of the kernel."""

import errno
import fcntl
import os
import socket
import struct
from contextlib import contextmanager

import pytest
from live_reading import Reading, rest_of, until

import flowtable
from flowtable.capture import LinkType, open_fanout, open_live
from flowtable.capture.interfaces import Interface, find_interface
from flowtable.errors import CaptureError, OptionError
from flowtable.testing import MPLS, UDP, IPv4, IPv6, write_pcap
from flowtable.testing.captures import FrameSpec
from flowtable.testing.netns import Network

TUNSETIFF, TUNSETLINK = 0x400454CA, 0x400454CD
IFF_TUN = 1

DATAGRAM = bytes(IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 53) / b"inside")


@contextmanager
def tun(network, hardware=None):
    """A device that receives what is written to a file, each packet behind flags and an EtherType."""
    try:
        file = os.open("/dev/net/tun", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"there is no /dev/net/tun: {error.strerror}")
    try:
        fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", b"tun", IFF_TUN))
        if hardware is not None:
            fcntl.ioctl(file, TUNSETLINK, hardware)
        network.ip("link", "set", "tun", "up")
        yield lambda packet, protocol=0x0800: os.write(file, struct.pack("!HH", 0, protocol) + packet)
    finally:
        os.close(file)


@pytest.mark.parametrize("hardware", [None, 519, 768, 769, 776, 778, 823])
def test_interfaces_of_ip_give_ip(network, hardware):
    six = bytes(IPv6("2001:db8::1", "2001:db8::2") / UDP(1, 2))
    with tun(network, hardware) as receive, open_live("tun") as source:
        receive(DATAGRAM)
        receive(six, 0x86DD)
        got = rest_of(source)
    assert [(frame.link_type, frame.data, frame.length) for frame in got] == [
        (LinkType.RAW, DATAGRAM, len(DATAGRAM)),
        (LinkType.RAW, six, len(six)),
    ]


def test_what_is_not_ip_says_so(network):
    labelled = bytes(MPLS(label=16 << 12) / IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 53))
    with tun(network) as receive, open_live("tun") as source:
        receive(labelled, 0x8847)
        (frame,) = rest_of(source)
    assert frame.link_type == LinkType.LINUX_SLL
    assert frame.data[14:] == b"\x88\x47" + labelled
    assert frame.length == len(frame.data) == 16 + len(labelled)


@pytest.mark.parametrize("hardware", [512, 24, 256, 65535])
def test_other_interfaces_are_cooked(network, hardware):
    with tun(network, hardware) as receive, open_live("tun") as source:
        receive(DATAGRAM)
        (frame,) = rest_of(source)
    assert frame.link_type == LinkType.LINUX_SLL
    assert frame.data[:2] == b"\0\0"  # to us
    assert int.from_bytes(frame.data[2:4], "big") == hardware
    assert frame.data[14:] == b"\x08\x00" + DATAGRAM
    assert frame.length == 16 + len(DATAGRAM)


@pytest.mark.parametrize("snap", [5, 16, 30])
def test_a_header_that_is_put_before_a_packet_counts_towards_the_snap_length(network, snap):
    with tun(network, 512) as receive, open_live("tun", snap=snap) as source:
        receive(DATAGRAM)
        (frame,) = rest_of(source)
    assert len(frame.data) == snap
    assert frame.length == 16 + len(DATAGRAM)


@pytest.mark.parametrize(("hardware", "filtered"), [(None, 0), (512, 1)])
def test_filters_fit_the_link_type(network, hardware, filtered):
    other = bytes(IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 54))
    with tun(network, hardware) as receive, open_live("tun", bpf="udp port 53") as source:
        receive(DATAGRAM)
        receive(other)
        (frame,) = rest_of(source)
        assert frame.data.endswith(DATAGRAM)
        assert source.filtered == filtered


def test_packets_without_a_link_layer_are_dealt_out_by_address(network):
    with tun(network) as receive:
        sources = open_fanout("tun", 2)
        for host in range(1, 100):
            receive(bytes(IPv4("10.0.0.1", f"10.0.1.{host}") / UDP(1, 2)))
            receive(bytes(IPv4(f"10.0.1.{host}", "10.0.0.1") / UDP(2, 1)))
        hosts = []
        for source in sources:
            got = [frame.data for frame in rest_of(source)]
            hosts.append({max(data[12:16], data[16:20]) for data in got})
            assert len(got) == 2 * len(hosts[-1])
    assert len(hosts[0] | hosts[1]) == 99
    assert not hosts[0] & hosts[1]


@pytest.mark.parametrize(
    ("hardware", "link_type", "has_header"),
    [
        (1, LinkType.ETHERNET, True),
        (772, LinkType.ETHERNET, True),
        (801, LinkType.IEEE802_11, True),
        (802, LinkType.IEEE802_11_PRISM, True),
        (803, LinkType.IEEE802_11_RADIOTAP, True),
        (0xFFFE, LinkType.RAW, False),
        (778, LinkType.RAW, False),
        (32, LinkType.LINUX_SLL, False),
        (65535, LinkType.LINUX_SLL, False),
    ],
)
def test_link_types(hardware, link_type, has_header):
    interface = Interface("x", 9, hardware)
    assert interface.link_type == link_type
    assert interface.has_header == has_header
    assert interface.is_loopback == (hardware == 772)


def test_any_is_cooked_whatever_its_interfaces_are():
    any_ = find_interface("any")
    assert (any_.index, any_.link_type, any_.has_header) == (0, LinkType.LINUX_SLL2, False)


@pytest.mark.parametrize("name", ["", "a/b", "a\0b", "sixteen-letters-", "é" * 8, "\udc80", "a\x1b[2J"])
def test_names_that_none_can_have(name):
    with pytest.raises(OptionError, match="cannot be an interface"):
        open_live(name)


@pytest.mark.usefixtures("network")
def test_no_such_interface_has_its_number():
    with pytest.raises(CaptureError) as caught:
        find_interface("nothing")
    assert caught.value.errno == errno.ENODEV


# Tunnels of the kernel

KINDS = {
    "vxlan": ("type", "vxlan", "id", "42", "dstport", "4789"),
    "gre": ("type", "gre", "key", "42"),
}


@pytest.fixture(params=KINDS)
def tunnelled(network, request):
    """Two networks with a tunnel of the kernel between them: 10.9.0.1 here, and 10.9.0.2 there."""
    import subprocess

    with Network() as there:
        network.pair("near", "far", there)
        for where, end, other, interface in ((network, 1, 2, "near"), (there, 2, 1, "far")):
            ends = ("local", f"192.0.2.{end}", "remote", f"192.0.2.{other}")
            where.ip("addr", "add", f"192.0.2.{end}/24", "dev", interface)
            try:
                where.ip("link", "add", "inner", *KINDS[request.param], *ends)
            except subprocess.CalledProcessError as error:
                pytest.skip(f"this kernel makes no {request.param}: {error.stderr.decode().strip()}")
            where.ip("addr", "add", f"10.9.0.{end}/24", "dev", "inner")
            where.ip("link", "set", "inner", "up")
        yield request.param, there


@pytest.mark.usefixtures("network")
def test_flows_in_a_tunnel_of_the_kernel_are_what_was_sent(tunnelled, tmp_path):
    kind, there = tunnelled
    with there.entered():
        source = open_live("far")
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind(("10.9.0.2", 9))
        receiver.settimeout(60)
    sizes = {port: range(port % 7, 200, port % 5 + 1) for port in range(5000, 5020)}
    with Reading(source) as reading:
        for port, each in sizes.items():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.bind(("10.9.0.1", port))
                for size in each:
                    sender.sendto(bytes(size), ("10.9.0.2", 9))
                    assert len(receiver.recv(1000)) == size
        total = sum(len(each) for each in sizes.values())
        until(lambda: len(reading.frames) >= total)
    receiver.close()
    assert source.statistics.dropped_by_kernel == 0
    write_pcap(tmp_path / "tunnel.pcap", [FrameSpec(frame.time, frame.data) for frame in reading.frames])
    flows = flowtable.read(tmp_path / "tunnel.pcap")
    inner = {
        flow.transport.a: flow for flow in flows if flow.parent and flow.layers_path.endswith("IPv4/UDP")
    }
    assert set(inner) == set(sizes)
    for port, flow in inner.items():
        each = sizes[port]
        ip = 20 + 8
        link = 14 if kind == "vxlan" else 0
        assert flow.metric.ab_packets == len(each)
        assert flow.metric.ab_bytes == sum(link + ip + size for size in each)
        assert flow.parent.network.id == 42
