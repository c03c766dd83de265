"""Capturing takes one right of root's, and only to begin."""

import errno
import subprocess
import sys

import pytest

from flowtable.testing import UDP, Ethernet, IPv4
from flowtable.testing.netns import send

pytestmark = pytest.mark.usefixtures("shared_network")

START = """
import os
import flowtable.capture.packet_socket  # while its files can still be read
from flowtable.capture import drop_rights, open_fanout, open_live
from flowtable.capture.rights import CAP_NET_RAW, held_rights
from flowtable.errors import CaptureError
def as_nobody():
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
"""


def child(program, given=None):
    """Run a program in the network of the test, and give what it says."""
    done = subprocess.run(
        [sys.executable, "-c", START + program], input=given, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("way", ["ring", "libpcap"])
def test_without_the_right_it_says_which_and_what_to_do(way):
    said = child(f"""
drop_rights()
for interface in ("right", "any"):
    try:
        open_live(interface, way="{way}")
    except CaptureError as error:
        print(error.filename, isinstance(error, OSError), error)
""")
    assert len(said) == 2
    for interface, line in zip(("right", "any"), said, strict=True):
        assert line.startswith(
            f"{interface} True there is no right to capture on {interface}: it takes CAP_NET_RAW;"
        )
        assert "sudo setcap cap_net_raw+ep" in line


def test_the_error_has_its_number():
    program = """
as_nobody()
try:
    open_fanout("right", 2)
except CaptureError as error:
    print(error.errno)
"""
    assert child(program) == [str(errno.EPERM)]


def test_one_right_is_enough():
    said = child("""
print(len(drop_rights(keep=frozenset({CAP_NET_RAW}))) > 10, sorted(held_rights()))
for sources in ([open_live("right", bpf="udp")], [open_live("any")], open_fanout("right", 2)):
    for source in sources:
        source.stop()
        print(len(list(source)), source.statistics.dropped_by_kernel)
source = open_live("right", way="libpcap")
source.stop()
print(len(list(source)))
""")
    assert said == ["True [13]", "0 0", "0 0", "0 0", "0 0", "0"]


def test_a_source_goes_on_when_all_rights_are_dropped():
    program = """
source = open_live("right", bpf="udp")
dropped = drop_rights()
print(CAP_NET_RAW in dropped, sorted(held_rights()), drop_rights())
try:
    open_live("right")
except CaptureError:
    print("no more")
print("ready", flush=True)
print(next(source).data.hex(), source.went_down)
source.stop()
print(list(source), source.statistics.received)
source.close()
"""
    frame = bytes(Ethernet() / IPv4("192.0.2.1", "192.0.2.2") / UDP(1, 2))
    with subprocess.Popen(
        [sys.executable, "-c", START + program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        said = [process.stdout.readline().strip() for _ in range(3)]
        assert said == ["True [] frozenset()", "no more", "ready"], process.stderr.read()
        send("left", [frame])
        assert process.stdout.read().splitlines() == [f"{frame.hex()} 0", "[] 1"]


def test_programs_that_are_started_get_no_rights_back():
    said = child("""
import subprocess
drop_rights()
print(os.geteuid())
subprocess.run(["grep", "-E", "Cap(Prm|Eff|Amb)|NoNewPrivs", "/proc/self/status"])
""")
    assert {line.split()[1] for line in said if line.startswith("Cap")} <= {"0000000000000000"}
    assert "NoNewPrivs:\t1" in said


def test_without_rights_there_is_nothing_to_drop():
    assert child("as_nobody()\nprint(held_rights(), drop_rights(), drop_rights())") == [
        " ".join(["frozenset()"] * 3)
    ]
