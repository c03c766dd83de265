"""``flowtable live`` in a network of its own: real frames in, every one of them in what comes out."""

import json
import signal
import subprocess
import time
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command import COMMAND, run

from flowtable.testing import GRE, TCP, UDP, VXLAN, Ethernet, IPv4
from flowtable.testing.netns import Network, reason_against, send

pytestmark = pytest.mark.usefixtures("network")

MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")


@pytest.fixture(scope="module")
def network():
    reason = reason_against()
    if reason is not None:
        pytest.skip(reason)
    with Network() as network:
        network.pair("left", "right")
        with network.entered():
            yield network


def frames(hosts=100):
    """Both ways of conversations, some of them in tunnels."""
    for host in range(hosts):
        near, far = f"10.0.0.{host}", "10.1.0.1"
        for way in (1, -1):
            link, ip = Ethernet(*MACS[::way]), IPv4(*(near, far)[::way])
            outer = link / IPv4(*("192.0.2.1", "198.51.100.1")[::way])
            yield bytes(link / ip / TCP(*(1, 2)[::way]) / bytes(host))
            yield bytes(outer / UDP(1024, 4789) / VXLAN(vni=9) / link / ip / UDP(*(5, 6)[::way]))
            yield bytes(outer / GRE() / ip / UDP(*(7, 8)[::way]))


PATHS = {"Ethernet/IPv4/TCP": 200, "Ethernet/IPv4/UDP": 200, "IPv4/UDP": 200}


class Live:
    """The command, which captures when the block begins."""

    def __init__(self, *arguments, **options):
        self.process = subprocess.Popen(
            [*COMMAND, "live", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            **options,
        )
        if "-q" not in arguments:
            assert b"Ctrl-C ends it" in self.process.stderr.readline()

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out.decode(), err.decode()


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def packets_by_path(rows):
    packets = Counter()
    for row in rows:
        packets[row["LayersPath"]] += row["Metric"]["ABPackets"] + row["Metric"]["BAPackets"]
    return packets


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("threads", [1, 2])
def test_every_packet_is_in_a_flow_when_a_signal_ends_it(number, threads):
    live = Live("-i", "right", "--threads", threads)
    sent = list(frames())
    send("left", sent)
    status, out, err = live.end(number)
    rows = list(map(json.loads, out.splitlines()))
    packets = packets_by_path(rows)
    assert status == 0
    assert {path: packets[path] for path in PATHS} == PATHS
    assert {row["FinishType"] for row in rows} == {"STOPPED"}
    assert len({row["UUID"] for row in rows}) == len(rows) == 302
    assert f"{len(sent)} frames: {len(sent)} in 302 flows" in err
    assert f"packets: {len(sent)} received" in err


def test_flows_are_written_as_they_end():
    """Those that are reset while the capture goes on, by the time of day alone."""
    live = Live("-i", "right", "--hold", "0.1")
    link, ip = Ethernet(*MACS), IPv4("10.0.0.1", "10.0.0.2")
    send("left", [bytes(link / ip / TCP(port, 80, "R")) for port in range(1000, 1010)])
    rows = [json.loads(live.process.stdout.readline()) for _ in range(10)]
    assert [row["FinishType"] for row in rows] == ["TCP_RST"] * 10
    assert live.end()[:2] == (0, "")


def test_filters_are_for_frames_and_for_flows():
    live = Live("-i", "right", "-f", "tcp or udp port 4789", "--where", "Transport == 6")
    send("left", frames())
    status, out, err = live.end()
    assert status == 0
    assert packets_by_path(map(json.loads, out.splitlines())) == {"Ethernet/IPv4/UDP": 200}
    assert "400 frames: 400 in" in err


def test_several_interfaces_are_one_table():
    live = Live("-i", "left", "-i", "right")
    send("left", frames(10))
    status, out, _ = live.end()
    packets = packets_by_path(map(json.loads, out.splitlines()))
    assert status == 0
    assert packets["Ethernet/IPv4/TCP"] == 40  # each frame goes out of one and comes in by the other


def test_rolling_files_have_every_flow_once(tmp_path):
    live = Live(
        "-i", "right", "-w", tmp_path / "flows-%Y%m%d-%H%M%S.parquet", "--roll-every", "0.2", "--idle", "0.3"
    )
    for _ in range(3):
        send("left", frames())
        before = len(list(tmp_path.iterdir()))
        until(lambda before=before: len(list(tmp_path.glob("flows-*.parquet"))) > before)
    assert live.end()[0] == 0
    flows = pa.concat_tables([pq.read_table(path) for path in tmp_path.iterdir()])
    packets = Counter()
    for path, *both in zip(*(flows[name].to_pylist() for name in COLUMNS), strict=True):
        packets[path] += sum(both)
    assert len(list(tmp_path.iterdir())) >= 3
    assert {path: packets[path] for path in PATHS} == {path: 3 * number for path, number in PATHS.items()}
    assert len(set(flows["uuid"].to_pylist())) == flows.num_rows


COLUMNS = ("layers_path", "metric_ab_packets", "metric_ba_packets")


def test_updates_come_while_flows_go_on():
    live = Live("-i", "right", "--updates", "--update-every", "0.2")
    link, ip = Ethernet(*MACS), IPv4("10.0.0.1", "10.0.0.2")
    send("left", [bytes(link / ip / UDP(1, 2))] * 5)
    first = json.loads(live.process.stdout.readline())
    send("left", [bytes(link / ip / UDP(1, 2))] * 3)
    second = json.loads(live.process.stdout.readline())
    status, out, _ = live.end()
    last = json.loads(out)
    rows = (first, second, last)
    assert status == 0
    assert [row["FinishType"] for row in rows] == ["NOT_FINISHED", "NOT_FINISHED", "STOPPED"]
    assert last["Metric"]["ABPackets"] == 8
    assert sum(row["LastUpdateMetric"]["ABPackets"] for row in rows) == 8
    assert {row["UUID"] for row in rows} == {last["UUID"]}


def test_an_interface_that_goes_ends_it_with_all_flows(network):
    network.pair("going", "gone")
    live = Live("-i", "gone")
    send("going", frames(10))
    network.ip("link", "delete", "going")
    out, err = live.process.communicate(timeout=120)
    assert live.process.returncode == 0
    assert packets_by_path(map(json.loads, out.decode().splitlines()))["Ethernet/IPv4/TCP"] == 20
    assert "gone" in err.decode()


def test_nobody_who_reads_ends_it():
    live = Live("-i", "right", "--hold", "0.01")
    live.process.stdout.close()
    link, ip = Ethernet(*MACS), IPv4("10.0.0.1", "10.0.0.2")
    send("left", [bytes(link / ip / TCP(1, 2, "R"))])
    assert live.process.wait(120) == 128 + signal.SIGPIPE
    live.process.stderr.close()


def test_it_ends_when_its_time_is_up():
    live = Live("-i", "right", "--duration", "0.5", "-q")
    assert live.process.communicate(timeout=120) == (b"", b"")
    assert live.process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give an interface by -i"),
        (("-i", "nowhere"), "nowhere"),
        (("-i", "lo", "-f", "nonsense"), "nonsense"),
        (("-i", "lo", "-o", "table", "-w", "x.parquet"), "put a time into the name"),
        (("-i", "lo", "-w", "x-%S.arrow"), "writes flows as they come"),
        (("-i", "lo", "-o", "csv"), "-o csv is for files: say where to by -w"),
        (("-i", "lo", "-w", "nowhere/x-%S.parquet"), "nowhere/x-%S.parquet cannot be written: No such file"),
        (("-i", "lo", "--idle", "soon"), "'soon' is no number of seconds"),
        (("-i", "lo", "--where", "Nothing == 1"), "Nothing"),
        (("-i", "lo", "--max-flows", "0"), "max_flows: takes a number of flows, 1 or more"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(arguments, said):
    done = run("live", *arguments)
    assert done.status == 2
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "numbers", [(signal.SIGTERM,) * 3, (signal.SIGHUP, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM)]
)
def test_more_signals_while_it_ends_change_nothing(numbers):
    live = Live("-i", "right")
    sent = list(frames())
    send("left", sent)
    for number in numbers[:-1]:
        live.process.send_signal(number)
        time.sleep(0.002)  # they come while it ends, or when it has
    status, out, _ = live.end(numbers[-1])
    assert status == 0
    assert sum(packets_by_path(map(json.loads, out.splitlines())).values()) >= len(sent)


def test_a_full_disk_behind_standard_output_ends_it():
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [*COMMAND, "live", "-i", "right", "--duration", "0.2", "-q"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
        assert done.returncode == 0  # nothing was to be written
        with subprocess.Popen(
            [*COMMAND, "live", "-i", "right", "--hold", "0"], stdout=full, stderr=subprocess.PIPE
        ) as process:
            assert b"Ctrl-C ends it" in process.stderr.readline()
            send("left", [bytes(Ethernet(*MACS) / IPv4("10.0.0.1", "10.0.0.2") / TCP(1, 2, "R"))])
            err = process.communicate(timeout=120)[1].decode()
    assert process.returncode == 2
    assert "No space left on device" in err
    assert "1 frame: 1 in 1 flow" in err
    assert "Traceback" not in err
