"""--raw-packets and --write-pcap: from flows back to their packets."""

import json
import subprocess

import pytest
from command import COMMAND, on_terminal, run

import flowtable
from flowtable.capture import open_capture
from flowtable.testing import TCP, Ethernet, FrameSpec, Interface, IPv4, write_pcap, write_pcapng


def frames_of(path):
    return list(open_capture(path))


@pytest.fixture
def small(tmp_path):
    """Three flows, of 12, 2 and 1 packets; the last one has the most bytes."""
    path = tmp_path / "small.pcap"
    sizes = [(1, 0)] * 12 + [(2, 0)] * 2 + [(3, 1400)]
    write_pcap(path, [Ethernet() / IPv4() / TCP(port, 80) / bytes(size) for port, size in sizes])
    return path


def test_packets_are_written_beside_the_flows(small, tmp_path):
    out = tmp_path / "out.pcap"
    done = run("read", small, "--write-pcap", out)
    assert done.status == 0
    assert done.err == f"13 packets of flows written to {out}\n15 frames: 15 in 3 flows\n"
    assert [len(json.loads(line)["LastRawPackets"]) for line in done.lines] == [10, 2, 1]
    assert frames_of(out) == [*frames_of(small)[:10], *frames_of(small)[12:]]


@pytest.mark.parametrize(("number", "written"), [(0, 0), (1, 3), (2, 5), (65535, 15)])
def test_as_many_as_are_asked_for(small, tmp_path, number, written):
    done = run(
        "read",
        small,
        "--write-pcap",
        tmp_path / "out.pcap",
        "--raw-packets",
        number,
        "-w",
        "/dev/null",
        "-o",
        "json",
    )
    if number == 0:
        assert (done.status, done.out) == (2, b"")
        assert done.err == "flowtable: --write-pcap: no packets are kept with --raw-packets 0\n"
    else:
        assert f"{written} packets of flows written" in done.err
        assert len(frames_of(tmp_path / "out.pcap")) == written


def test_with_a_filter(demo, tmp_path):
    out = tmp_path / "out.pcapng"
    run("read", demo, "-f", "udp port 53", "--write-pcap", out, "--raw-packets", 65535)
    expected = flowtable.read(demo, bpf="udp port 53")
    assert flowtable.read(out).account.frames == expected.account.in_flows > 0
    assert [flow.uuid for flow in flowtable.read(out)] == [flow.uuid for flow in expected]


def test_only_those_of_the_flows_that_are_shown(small, tmp_path):
    out = tmp_path / "out.pcap"
    shown = run("read", small, "--limit", 1, "--write-pcap", out)
    assert "10 packets" in shown.err
    assert {frame.data[35] for frame in frames_of(out)} == {1}
    sorted_ = run("read", small, "--limit", 2, "--sort", "Metric.ABPackets", "--reverse", "--write-pcap", out)
    assert "3 packets" in sorted_.err
    assert {frame.data[35] for frame in frames_of(out)} == {2, 3}


def test_a_table_shows_the_biggest_and_writes_those(small, tmp_path):
    out = tmp_path / "out.pcap"
    screen = on_terminal("read", small, "--limit", 1, "--write-pcap", out)
    assert "1 packet of flows written" in screen.text
    assert {frame.data[35] for frame in frames_of(out)} == {3}
    assert len(frames_of(out)) == 1


def test_without_a_limit_all_are_written_though_the_terminal_shows_some(tmp_path):
    path, out = tmp_path / "many.pcap", tmp_path / "out.pcap"
    write_pcap(path, [Ethernet() / IPv4() / TCP(port, 80) for port in range(1, 101)])
    assert "100 packets" in on_terminal("read", path, "--write-pcap", out).text


def test_flows_go_first_and_quiet_says_nothing(small, tmp_path):
    done = run("read", "-q", small, "-w", tmp_path / "flows.json", "--write-pcap", tmp_path / "out.pcap")
    assert (done.status, done.err, done.out) == (0, "", b"")
    assert (tmp_path / "flows.json").exists()


def test_a_pipe_takes_packets(small, tmp_path):
    done = run("read", small, "-w", tmp_path / "flows.json", "--write-pcap", "-", "--raw-packets", 100)
    assert len(frames_of_bytes(tmp_path, done.out)) == 15
    assert "15 packets of flows written to standard output" in done.err


def frames_of_bytes(folder, data):
    (folder / "piped").write_bytes(data)
    return frames_of(folder / "piped")


def test_raw_packets_alone_go_into_the_flows(small):
    lines = run("read", small, "--raw-packets", 2).lines
    assert [len(json.loads(line)["LastRawPackets"]) for line in lines] == [2, 2, 1]
    assert "LastRawPackets" not in json.loads(run("read", small).lines[0])
    done = run("read", small, "--raw-packets", 1, "--sort", "LastRawPackets")
    assert done.status == 0
    assert "not in use" in run("read", small, "--sort", "LastRawPackets").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--write-pcap", "small.pcap"], "is a capture that is read"),
        (
            ["--write-pcap", "x", "-w", "x", "-o", "json"],
            "flows are written to x; write packets to another file",
        ),
        (["--write-pcap", "-"], "flows are written to standard output"),
        (["--write-pcap", "no/such/x.pcap"], "no/such/x.pcap cannot be written: No such file or directory"),
        (["--write-pcap", "x.pcap.gz"], "captures are not compressed when they are written"),
        (["--write-pcap", "."], "cannot be written"),
        (["--raw-packets", "65536"], "0 to 65,535"),
        (["--raw-packets", "-1"], "--raw-packets"),
        (["--raw-packets", "some"], "not a whole number"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(small, arguments, said):
    before = set(small.parent.iterdir())
    done = run("read", small.name, *arguments, cwd=small.parent)
    assert (done.status, done.out) == (2, b"")
    assert said in done.err
    assert "Traceback" not in done.err
    assert set(small.parent.iterdir()) == before


def test_a_terminal_gets_no_packets(small, tmp_path):
    screen = on_terminal("read", small, "-w", tmp_path / "x.json", "--write-pcap", "-")
    assert screen.status == 2
    assert "pcap is binary and no terminal can show it" in screen.text


def test_a_full_disk_is_said_with_the_files_name(small):
    done = run("read", small, "--write-pcap", "/dev/full")
    assert done.status == 2
    assert done.err == "flowtable: /dev/full cannot be written: No space left on device\n"
    assert len(done.lines) == 3  # the flows are there


def test_several_link_types_leave_no_file_behind(tmp_path):
    path, out = tmp_path / "mixed.pcapng", tmp_path / "out.pcap"
    frames = [FrameSpec(1, bytes(Ethernet() / IPv4() / TCP(1, 2)), None, 0),
              FrameSpec(2, bytes(IPv4() / TCP(1, 2)), None, 1)]  # fmt: skip
    write_pcapng(path, frames, interfaces=(Interface(1), Interface(101)))
    done = run("read", path, "--write-pcap", out)
    assert done.status == 2
    assert "one link type: this one has ETHERNET, and the packet RAW; write pcapng" in done.err
    assert list(tmp_path.iterdir()) == [path]
    assert run("read", path, "--write-pcap", tmp_path / "out.pcapng").status == 0


def test_a_reader_that_goes_away(small, tmp_path):
    with subprocess.Popen(
        [*COMMAND, "read", "-q", str(small), "-w", str(tmp_path / "x.json"), "--write-pcap", "-"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        process.stdout.close()
        error = process.stderr.read()
    assert b"Traceback" not in error
    assert process.returncode in (0, 141)


def test_help_says_how_many():
    assert "(10 with --write-pcap, unless given)" in " ".join(run("read", "--help").out.decode().split())
