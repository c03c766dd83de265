"""``flowtable read --stream`` and ``flowtable replay``: flows of captures as they end."""

import csv
import io
import json
import os
import signal
import subprocess
import time

import pyarrow.parquet as pq
import pytest
from command import COMMAND, on_terminal, run

from flowtable.cli.output import OutputError
from flowtable.cli.rolling import RollingFiles
from flowtable.table.live import Table
from flowtable.testing import START, TCP, UDP, Ethernet, IPv4, write_pcap

SECOND = 10**9
PACKETS = ("ABPackets", "BAPackets")


def uuids(lines):
    return sorted(json.loads(line)["UUID"] for line in lines)


def packets(lines):
    return sum(json.loads(line)["Metric"][name] for line in lines for name in PACKETS)


def test_the_flows_are_those_of_read(demo):
    streamed = run("read", demo, "--stream")
    assert streamed.status == 0
    assert uuids(streamed.lines) == uuids(run("read", demo).lines)
    assert streamed.err == run("read", demo).err


@pytest.mark.parametrize("command", [("read", "--stream"), ("replay", "--speed", "max")])
def test_flows_end_by_the_times_of_the_packets(tmp_path, command):
    frame = bytes(Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / UDP(1, 2))
    path = tmp_path / "long.pcap"
    write_pcap(path, [(START + 100 * SECOND * n, frame) for n in range(10)])
    name, *arguments = command
    assert len(run(name, path, *arguments).lines) == 1
    ended = run(name, path, *arguments, "--idle", "99.9").lines
    assert (len(ended), packets(ended)) == (10, 10)
    cut = run(name, path, *arguments, "--active", "250").lines
    assert packets(cut) == 10
    assert [json.loads(line)["FinishType"] for line in cut][-1] == "STOPPED"
    assert {json.loads(line)["FinishType"] for line in cut[:-1]} == {"ACTIVE_TIMEOUT"}


def test_a_table_of_one_flow_is_enough(demo):
    lines = run("read", demo, "--stream", "--max-flows", "1").lines
    assert packets(lines) == packets(run("read", demo).lines)
    assert "EVICTED" in {json.loads(line)["FinishType"] for line in lines}


def test_filters_and_enhancers_see_what_ends(demo, tmp_path):
    networks = tmp_path / "networks.toml"
    networks.write_text('[networks]\n"192.168.0.0/16" = "here"\n')
    arguments = ("--networks", networks, "--where", 'Extra.NetworkA == "here"')
    lines = run("read", demo, "--stream", *arguments).lines
    assert uuids(lines) == uuids(run("read", demo, *arguments).lines) != []
    assert all(json.loads(line)["Extra"]["NetworkA"] == "here" for line in lines)
    replayed = run("replay", demo, "--speed", "max", *arguments).lines
    assert uuids(replayed) == uuids(lines)


def test_every_format_that_can_be_added_to(demo, tmp_path):
    expected = uuids(run("read", demo).lines)
    assert run("read", demo, "--stream", "-w", tmp_path / "a.parquet").status == 0
    assert sorted(pq.read_table(tmp_path / "a.parquet")["uuid"].to_pylist()) == expected
    rows = csv.DictReader(io.StringIO(run("read", demo, "--stream", "-o", "csv").out.decode()))
    assert sorted(row["uuid"] for row in rows) == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--stream", "-o", "table"), "--stream writes flows as they come: -o json, csv, parquet, not table"),
        (("--stream", "-o", "arrow"), "not arrow"),
        (("--stream", "--sort", "Start"), "--sort goes without --stream"),
        (("--stream", "--limit", "0"), "--limit goes without --stream"),
        (("--stream", "--dedup-by", "Start"), "--dedup-by goes without --stream"),
        (("--stream", "--write-pcap", "x.pcap"), "--write-pcap goes without --stream"),
        (("--idle", "3"), "--idle takes --stream"),
        (("--stream", "--idle", "0"), "expire_after: takes more than 0.0 seconds"),
        (("--stream", "--max-flows", "0"), "max_flows: takes a number of flows, 1 or more"),
    ],
)
def test_what_does_not_go_together(demo, arguments, said):
    done = run("read", demo, *arguments)
    assert done.status == 2
    assert said in done.err


def test_a_replay_takes_its_time(tmp_path):
    """Two frames a fifth of a second apart are given no earlier; how much later nobody asks."""
    frame = bytes(Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(1, 2, "S"))
    path = tmp_path / "slow.pcap"
    write_pcap(path, [(START, frame), (START + SECOND // 5, frame)])
    begun = time.monotonic()
    assert packets(run("replay", path).lines) == 2
    assert time.monotonic() - begun >= 0.2


def test_a_replay_that_is_interrupted_hands_over_what_there_is(tmp_path):
    frame = bytes(Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(1, 2, "S"))
    path = tmp_path / "slow.pcap"
    write_pcap(path, [(START, frame), (START + 3600 * SECOND, frame)])
    with subprocess.Popen(
        [*COMMAND, "replay", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert b"Ctrl-C ends it" in process.stderr.readline()
        time.sleep(0.3)  # for the first frame to be counted, which nothing says
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert packets(out.decode().splitlines()) == 1
    assert b"1 frame: 1 in 1 flow" in err


def test_a_person_sees_the_biggest_flows_and_then_what_was_before(demo):
    screen = on_terminal("replay", demo, "--speed", "20", columns=100, lines=20)
    assert screen.status == 0
    assert "packets/s" in screen.text
    assert "VXLAN" in screen.text
    assert screen.text.index("\x1b[?1049h") < screen.text.index("VXLAN") < screen.text.index("\x1b[?1049l")
    assert "97 frames: 97 in 19 flows" in screen.text.partition("\x1b[?1049l")[2]


def test_a_person_sees_the_flows_that_are_wanted(demo):
    screen = on_terminal("replay", demo, "--speed", "20", "--where", "Transport == 4789", columns=100)
    assert "VXLAN" in screen.text
    assert "GRE" not in screen.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "there is no capture to replay"),
        (("nowhere.pcap",), "nowhere.pcap"),
        (("nowhere.pcap", "--speed", "0"), "'0' is no speed"),
        (("nowhere.pcap", "-w", "x.parquet"), "put a time into the name"),
    ],
)
def test_replays_that_cannot_be(arguments, said):
    done = run("replay", *arguments)
    assert done.status == 2
    assert said in done.err


class Disk:
    """Where files are written, until it is full."""

    def __init__(self, monkeypatch):
        self.full = False
        real = os.open

        def opens(path, flags, *mode, **more):
            if self.full and flags & os.O_CREAT:
                raise OSError(28, "No space left on device")
            return real(path, flags, *mode, **more)

        monkeypatch.setattr(os, "open", opens)


def ended_flows(number):
    sets = []
    frames = [bytes(Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / UDP(1, port)) for port in range(number)]
    with Table(on_expire=sets.append) as table:
        table.feed([(START, frame, len(frame), 1) for frame in frames])
    return sets


def test_a_full_disk_loses_no_flow(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    files = RollingFiles(str(tmp_path / "flows-%Y%m%d-%H%M%S.json"), None, 0)
    disk.full = True
    for flows in ended_flows(10):
        files.add(flows)
        files.roll()
    assert (files.written, files.failed) == (0, 1)
    disk.full = False
    for flows in ended_flows(5):
        files.add(flows)
    files.roll()
    files.close()
    assert (files.written, files.dropped) == (15, 0)
    lines = [line for path in tmp_path.iterdir() for line in path.read_text().splitlines()]
    assert len(lines) == 15


def test_what_the_last_file_has_no_room_for_is_counted(tmp_path, monkeypatch):
    files = RollingFiles(str(tmp_path / "flows-%S.json"), None, 60)
    for flows in ended_flows(4):
        files.add(flows)
    Disk(monkeypatch).full = True
    with pytest.raises(OutputError, match="No space left on device"):
        files.close()
    assert (files.written, files.dropped) == (0, 4)


def test_a_disk_that_stays_full_costs_the_oldest_flows(tmp_path, monkeypatch):
    monkeypatch.setattr("flowtable.cli.rolling.KEPT_FLOWS", 12)
    disk = Disk(monkeypatch)
    disk.full = True
    files = RollingFiles(str(tmp_path / "flows-%S.json"), None, 0)
    for flows in ended_flows(5) + ended_flows(6) + ended_flows(7):
        files.add(flows)
        files.roll()
    assert files.dropped == 11
    disk.full = False
    files.close()
    assert files.written == 7


def test_files_of_one_second_have_names_of_their_own(tmp_path):
    files = RollingFiles(str(tmp_path / "flows-%Y.csv"), None, 0)
    for flows in ended_flows(1) + ended_flows(2) + ended_flows(3):
        files.add(flows)
        files.roll()
    assert len(list(tmp_path.iterdir())) == 3
    assert sum(len(path.read_text().splitlines()) - 1 for path in tmp_path.iterdir()) == 6


def test_packets_that_flows_keep_come_with_them(demo):
    lines = run("read", demo, "--stream", "--raw-packets", "2").lines
    assert {json.loads(line)["RawPacketsCaptured"] for line in lines} == {1, 2}
