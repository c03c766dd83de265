"""Standard error and the exit status: the account, warnings, and errors of one line."""

import os
import signal
import subprocess
import time

import pytest
from command import COMMAND, run

from flowtable.testing import TCP, UDP, Ethernet, FrameSpec, Interface, IPv4, write_pcap, write_pcapng

TALK = Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(50000, 80)
MIXED = (Interface(link_type=1), Interface(link_type=147), Interface(link_type=101))


def frame(interface, data=TALK):
    return FrameSpec(1_780_308_000_000_000_000, bytes(data), interface=interface)


def test_the_account_has_each_term_that_is_not_zero(tmp_path):
    capture = tmp_path / "mixed.pcapng"
    frames = [
        frame(0),
        frame(0, bytes(TALK)[:20]),
        frame(1),
        frame(1),
        frame(0, Ethernet() / IPv4("1.1.1.1", "1.1.1.2") / UDP(5, 6)),
    ]
    write_pcapng(capture, frames, interfaces=MIXED)
    outcome = run("read", capture, "-o", "table")
    assert outcome.status == 0
    first, *notes = outcome.err.splitlines()
    assert first == "5 frames: 3 in 3 flows, 2 discarded"
    assert notes[0].split() == ["discarded", "2", "link", "type", "USER0"]
    assert notes[1].split() == ["decoded", "in", "part", "1", "truncated", "IPv4"]
    assert len(notes) == 2


def test_quiet_leaves_the_account_out(demo):
    for option in ("-q", "--quiet"):
        assert run("read", demo, option, "--limit", 0).err == ""


def test_nothing_decoded_is_a_failure(tmp_path):
    capture = tmp_path / "unknown.pcap"
    write_pcap(capture, [bytes(60)] * 3, link_type=147)
    outcome = run("read", capture)
    assert (outcome.status, outcome.out) == (1, b"")
    assert outcome.err.splitlines()[-1] == "flowtable: none of 3 frames could be decoded into a flow"


def test_nothing_to_decode_is_none(demo, tmp_path):
    empty = tmp_path / "empty.pcap"
    write_pcap(empty, [])
    outcome = run("read", empty)
    assert (outcome.status, outcome.out, outcome.err) == (0, b"", "0 frames: 0 in 0 flows\n")
    outcome = run("read", demo, "-f", "port 9")
    assert (outcome.status, outcome.out, outcome.err) == (0, b"", "97 frames: 0 in 0 flows, 97 filtered\n")


def test_a_filter_that_fits_one_link_type_says_where_it_does_not(tmp_path):
    capture = tmp_path / "mixed.pcapng"
    write_pcapng(capture, [frame(0), frame(2, bytes(TALK)[14:])], interfaces=MIXED)
    outcome = run("read", capture, "-f", "ether host 02:00:00:00:00:01 or tcp and ether[0] < 255")
    assert outcome.status == 0
    warning, account = outcome.err.splitlines()
    assert warning.startswith("flowtable: warning: BPF expression ")
    assert "matches nothing on link type 101" in warning
    assert account == "2 frames: 1 in 1 flow, 1 filtered"


def test_a_capture_that_ends_early_gives_what_is_whole(demo):
    demo.write_bytes(demo.read_bytes()[:-10])
    outcome = run("read", demo)
    assert outcome.status == 0
    warning, account, *also = outcome.err.splitlines()
    assert warning.startswith(f"flowtable: warning: {demo}")
    assert account.startswith("96 frames: 96 in ")
    assert also[-1].split() == ["also", "1", "capture", "incomplete"]


def test_errors_are_one_line(demo, tmp_path):
    (tmp_path / "empty.pcap").touch()
    (tmp_path / "text.pcap").write_text("hello, world")
    (tmp_path / "broken.pcap.gz").write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\0garbage")
    cases = {
        ("no.pcap",): "no.pcap cannot be opened: No such file or directory",
        (tmp_path,): "is a directory",
        (tmp_path / "empty.pcap",): "it is empty",
        (tmp_path / "text.pcap",): "looks like text",
        (tmp_path / "broken.pcap.gz",): "gzip",
        (demo, "-f", "tcp portt 1"): "syntax error",
        (demo, "--tunnels", "gre,teleporter"): "there is no tunnel 'teleporter'",
        (demo, "--layer-key", "L7"): "there are L2 and L3",
        (demo, "--sort", "metric.abbyte"): "did you mean Metric.ABBytes or Metric.BABytes",
        (demo, "--sort", "TCPMetric.ABBytes"): "which is not in use",
        (demo, "--dedup-by", "Network.C"): "--dedup-by: a flow has no field 'Network.C'; did you mean",
        (demo, "--dedup-by", "TCPMetric.ABBytes"): "which is not in use",
        (demo, "--dedup-by", "DNS"): "flows cannot be told apart by DNS",
        (demo, "--dedup-by", "DNS", "--extra-layers", "DNS"): "flows cannot be told apart by DNS",
        (demo, "--limit", "-1"): "not a whole number",
        (demo, "--max-flows", "many"): "not a whole number",
        (demo, "-o", "xml"): "parquet",
        (demo, "--frobnicate"): "unrecognized arguments: --frobnicate",
        (): "there is no capture to read",
        ("-", "-"): "read only once",
    }
    for arguments, said in cases.items():
        outcome = run("read", *arguments)
        assert (outcome.status, outcome.out) == (2, b""), arguments
        assert outcome.err.startswith("flowtable: ")
        assert outcome.err.count("\n") == 1
        assert said in outcome.err


def test_too_many_flows_are_an_error_with_its_account(demo):
    outcome = run("read", demo, "--max-flows", 3)
    assert (outcome.status, outcome.out) == (2, b"")
    account, *reasons, error = outcome.err.splitlines()
    assert "in 3 flows" in account
    assert any("table full" in line for line in (account, *reasons))
    assert error.startswith("flowtable: there are more flows than the 3 allowed")


def test_an_unknown_command_is_an_error():
    outcome = run("raed", "x.pcap")
    assert outcome.status == 2
    assert "did you mean read?" in outcome.err


@pytest.mark.parametrize("name", ["json", "csv", "table"])
def test_a_reader_that_goes_away_ends_it_quietly(tmp_path, name):
    capture = tmp_path / "many.pcap"
    write_pcap(capture, [Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / UDP(i, 9) for i in range(1, 3000)])
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, "read", "-o", name, str(capture)], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_closed_or_full_output_is_one_line(demo):
    for redirection, said in ((">&-", "it is closed"), (">/dev/full", "No space left on device")):
        done = subprocess.run(
            ["sh", "-c", f'"$@" {redirection}', "sh", *COMMAND, "read", demo],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.decode() == f"flowtable: standard output cannot be written: {said}\n"


def test_a_closed_standard_error_does_not_spoil_the_output(demo):
    done = subprocess.run(
        ["sh", "-c", '"$@" 2>&-', "sh", *COMMAND, "read", demo], stdout=subprocess.PIPE, check=False
    )
    assert done.returncode == 0
    assert done.stdout.count(b"\n") == 19


def test_an_interrupt_ends_it_without_a_traceback_or_a_file(demo, tmp_path):
    out = tmp_path / "out" / "flows.csv"
    out.parent.mkdir()
    with subprocess.Popen(
        [*COMMAND, "read", "-", "-w", out], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdin.write(demo.read_bytes())
        process.stdin.flush()
        while not list(out.parent.iterdir()):  # it has opened its output, and waits for more input
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr.read() == b""
    assert list(out.parent.iterdir()) == []


def test_ctrl_c_is_heard_while_a_pipe_is_silent():
    """The thread that waits for bytes is the one that it interrupts, however many were asked for."""
    capture = write_pcap(None, [bytes(Ethernet() / IPv4() / UDP(1, 2))])
    with subprocess.Popen(
        [*COMMAND, "read", "-", "--threads", "4"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdin.write(capture)
        process.stdin.flush()
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130


@pytest.mark.parametrize("pause", [0, 0.002, 0.02])
def test_a_second_ctrl_c_changes_nothing(tmp_path, pause):
    """Threads that are left are waited for: Python must not end under them."""
    path = tmp_path / "large.pcap"
    write_pcap(path, [bytes(Ethernet() / IPv4() / UDP(1, 2))] * 400_000)
    out = tmp_path / "out"
    out.mkdir()
    command = [*COMMAND, "read", str(path), "--threads", "3", "-w", str(out / "flows.parquet")]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        while not list(out.iterdir()):  # reading begins, and pyarrow is loaded meanwhile
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        time.sleep(pause)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[1]
    assert process.returncode in (0, 130, -signal.SIGINT)
    assert b"Fatal" not in said
