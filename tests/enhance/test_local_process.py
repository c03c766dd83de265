"""Whose socket an end is: with the sockets of this very process and its children."""

import builtins
import os
import socket
import subprocess
import sys
from contextlib import closing
from types import SimpleNamespace

import psutil
import pytest
from reading import read_frames

from flowtable import OptionError
from flowtable.enhance import EnhancerPipeline, LocalProcess
from flowtable.errors import EnhancerWarning, ExtraMissing
from flowtable.testing import ARP, TCP, UDP, Ethernet, IPv4, IPv6

ME = {"Pid": str(os.getpid()), "Process": psutil.Process().name()}
A, B = "10.0.0.1", "192.0.2.1"


def end(name, texts=ME):
    return {key + name: text for key, text in texts.items()}


def flow_of(tmp_path, a, b, kind=TCP):
    ip = IPv6 if ":" in a[0] else IPv4
    return read_frames(tmp_path, [Ethernet() / ip(a[0], b[0]) / kind(a[1], b[1])])[0]


def looked_up(tmp_path, a, b, kind=TCP):
    flow = flow_of(tmp_path, a, b, kind)
    with EnhancerPipeline(LocalProcess()) as pipeline:
        pipeline.enhance(flow)
    assert pipeline.statistics["local-process"].failures == 0
    return dict(flow.extra)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_loopback_has_both_sides(tmp_path, host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError as error:
        pytest.skip(f"there is no {host} here: {error}")
    with closing(server), closing(socket.create_connection(server.getsockname()[:2])) as client:
        accepted, _ = server.accept()
        with closing(accepted):
            a, b = client.getsockname()[:2], server.getsockname()[:2]
            assert looked_up(tmp_path, a, b) == {**end("A"), **end("B")}
            assert looked_up(tmp_path, b, a) == {**end("A"), **end("B")}
            assert looked_up(tmp_path, a, b, UDP) == {}


def test_a_connection_of_another_process_is_its_own(tmp_path):
    program = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0));"
        "print(s.getsockname()[1], flush=True); c, _ = s.accept(); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        there = "127.0.0.1", int(child.stdout.readline())
        with closing(socket.create_connection(there)) as client:
            got = looked_up(tmp_path, client.getsockname(), there)
            child.stdin.close()
    assert got["PidA"] == str(os.getpid())
    assert got["PidB"] == str(child.pid)


def test_a_socket_that_waits_has_whoever_comes(tmp_path):
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as bound:
        bound.bind(("127.0.0.1", 0))
        assert looked_up(tmp_path, ("203.0.113.9", 7), bound.getsockname(), UDP) == end("B")
        assert looked_up(tmp_path, ("203.0.113.9", 7), ("127.0.0.2", bound.getsockname()[1]), UDP) == {}


def test_a_socket_for_all_addresses_is_one_of_this_host(tmp_path):
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as bound:
        bound.bind(("0.0.0.0", 0))  # noqa: S104
        port = bound.getsockname()[1]
        assert looked_up(tmp_path, ("203.0.113.9", 7), ("127.9.9.9", port), UDP) == end("B")
        assert looked_up(tmp_path, ("203.0.113.9", 7), ("203.0.113.250", port), UDP) == {}


# ---- what a system may say, by hand


class System:
    """What LocalProcess asks psutil, with answers of our own."""

    Error = psutil.Error

    def __init__(self, *sockets, addresses=(A,)):
        self.sockets, self.addresses = list(sockets), addresses
        self.asked = 0

    def net_connections(self, kind):
        assert kind == "inet"
        self.asked += 1
        return self.sockets

    def net_if_addrs(self):
        return {"eth0": [SimpleNamespace(address=address) for address in self.addresses]}

    def Process(self, pid):  # noqa: N802 - psutil's name
        if pid == 404:
            raise psutil.NoSuchProcess(pid)
        return SimpleNamespace(name=lambda: f"program {pid}")


def a_socket(pid, own, other=(), kind=socket.SOCK_STREAM):
    ends = [SimpleNamespace(ip=each[0], port=each[1]) if each else () for each in (own, other)]
    return SimpleNamespace(type=kind, laddr=ends[0], raddr=ends[1], pid=pid)


def answered(tmp_path, monkeypatch, *sockets, a=(A, 1), b=(B, 2), kind=TCP, **options):
    monkeypatch.setattr("flowtable.enhance.local_process._psutil", lambda: System(*sockets))
    flow = flow_of(tmp_path, a, b, kind)
    enhancer = LocalProcess(**options)
    enhancer.enhance(flow)
    return dict(flow.extra)


PROGRAM_7 = {"Pid": "7", "Process": "program 7"}


@pytest.mark.parametrize(
    ("sockets", "expected"),
    [
        ([a_socket(7, (A, 1), (B, 2))], end("A", PROGRAM_7)),
        ([a_socket(7, (f"::ffff:{A}", 1), (f"::ffff:{B}", 2))], end("A", PROGRAM_7)),
        ([a_socket(9, (A, 1)), a_socket(7, (A, 1), (B, 2))], end("A", PROGRAM_7)),
        ([a_socket(7, ("::", 1))], end("A", PROGRAM_7)),
        ([a_socket(7, ("0.0.0.0", 2))], {}),  # noqa: S104 - B is no address of this host
        ([a_socket(7, (A, 1), (B, 3))], {}),
        ([a_socket(None, (A, 1), (B, 2))], {}),
        ([a_socket(7, (), ())], {}),
        ([a_socket(7, (A, 1), (B, 2), socket.SOCK_SEQPACKET)], {}),
        ([a_socket(7, (A, 1), (B, 2), socket.SOCK_DGRAM)], {}),
        ([a_socket(404, (A, 1), (B, 2))], {"PidA": "404"}),
        ([], {}),
    ],
)
def test_sockets_and_ends(tmp_path, monkeypatch, sockets, expected):
    assert answered(tmp_path, monkeypatch, *sockets) == expected


def test_an_address_of_a_link_has_its_interface_left_out(tmp_path, monkeypatch):
    sockets = [a_socket(7, ("fe80::1%eth0", 1), ("fe80::2%eth0", 2))]
    assert answered(tmp_path, monkeypatch, *sockets, a=("fe80::1", 1), b=("fe80::2", 2)) == end(
        "A", PROGRAM_7
    )


def test_flows_without_ports_are_left_alone(tmp_path, monkeypatch):
    system = System(a_socket(7, (A, 1)))
    monkeypatch.setattr("flowtable.enhance.local_process._psutil", lambda: system)
    flows = read_frames(tmp_path, [Ethernet() / ARP(), Ethernet() / IPv4(A, B)])
    flows.enhance(LocalProcess())
    assert [flow.extra for flow in flows] == [{}, {}]
    assert system.asked == 1  # by start()


def test_what_was_found_first_stays(tmp_path, monkeypatch):
    system = System(a_socket(7, (A, 1), (B, 2)))
    monkeypatch.setattr("flowtable.enhance.local_process._psutil", lambda: system)
    flow = flow_of(tmp_path, (A, 1), (B, 2))
    enhancer = LocalProcess(refresh_seconds=0)
    enhancer.enhance(flow)
    system.sockets = [a_socket(8, (A, 1), (B, 2))]
    enhancer.enhance(flow)
    assert flow.extra == end("A", PROGRAM_7)


def test_the_system_is_asked_now_and_then(tmp_path, monkeypatch):
    system, now = System(), [100.0]
    monkeypatch.setattr("flowtable.enhance.local_process._psutil", lambda: system)
    flow = flow_of(tmp_path, (A, 1), (B, 2))
    enhancer = LocalProcess(refresh_seconds=2, clock=lambda: now[0])
    enhancer.start()
    asked = []
    for seconds in (0, 1.9, 0.1, 0, 1, 1):
        now[0] += seconds
        enhancer.enhance(flow)
        asked.append(system.asked)
    assert asked == [1, 1, 2, 2, 2, 3]
    system.sockets = [a_socket(7, (A, 1), (B, 2))]
    enhancer.enhance(flow)
    assert flow.extra == {}
    enhancer.stop()
    enhancer.enhance(flow)
    assert flow.extra == end("A", PROGRAM_7)


def test_sockets_are_limited_and_counted(tmp_path, monkeypatch):
    system = System(*(a_socket(7, (A, port), (B, 2)) for port in (5, 6, 1)))
    monkeypatch.setattr("flowtable.enhance.local_process._psutil", lambda: system)
    flow = flow_of(tmp_path, (A, 1), (B, 2))
    enhancer = LocalProcess(limit=2)
    enhancer.enhance(flow)
    assert (dict(flow.extra), enhancer.left_out) == ({}, 1)


def test_a_system_that_tells_nothing_switches_it_off(tmp_path, monkeypatch):
    system = System()
    monkeypatch.setattr("flowtable.enhance.local_process._psutil", lambda: system)
    monkeypatch.setattr(system, "net_connections", None)
    with pytest.warns(EnhancerWarning, match="'local-process' could not be started"):
        read_frames(tmp_path, [Ethernet() / ARP()]).enhance(LocalProcess())


@pytest.mark.parametrize("options", [{"refresh_seconds": -1}, {"limit": 0}])
def test_options_are_checked(options):
    with pytest.raises(OptionError, match="LocalProcess"):
        LocalProcess(**options)


def test_without_psutil_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def imports(name, *arguments, **options):
        if name == "psutil":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", imports)
    with pytest.raises(ExtraMissing, match=r"flowtable\[process\]"):
        LocalProcess()
