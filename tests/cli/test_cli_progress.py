"""The bar of long reads: on standard error, there while it is needed, gone afterwards."""

import os
import select
import subprocess
import sys

from command import COMMAND, on_terminal, run, terminal

from flowtable.testing import TCP, Ethernet, IPv4, write_pcap

IMPATIENT = (
    sys.executable,
    "-c",
    "import sys; from flowtable.cli import main as run, progress; progress._PATIENCE = 0; sys.exit(run())",
)
TALK = bytes(Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(50000, 80))


def test_a_short_read_shows_none(demo):
    assert "reading" not in on_terminal("read", demo).text


def test_a_bar_of_known_length_comes_and_goes(demo):
    screen = on_terminal("read", demo, command=IMPATIENT)
    bar = next(line for line in screen.text.split("\r") if "reading" in line)
    assert "100%" in bar
    assert "97 frames" in bar
    table = screen.text.index("layers")
    assert screen.text.rindex("reading") < screen.text.rindex("\x1b[2K") < table
    assert "\x1b[?25h" in screen.text[:table]  # the cursor is back


def test_quiet_and_pipes_show_none(demo):
    assert "reading" not in on_terminal("read", demo, "--quiet", command=IMPATIENT).text
    assert run("read", demo).err.startswith("97 frames")


def test_a_slow_pipe_shows_how_much_has_come():
    capture = write_pcap(None, [TALK])
    header, record = capture[:24], capture[24:]
    main, side = terminal()
    with subprocess.Popen(
        [*COMMAND, "read", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=side
    ) as process:
        os.close(side)
        process.stdin.write(header)
        shown = b""
        while b"frames" not in shown:  # until it takes long enough
            process.stdin.write(record)
            process.stdin.flush()
            if select.select([main], [], [], 0.05)[0]:
                shown += os.read(main, 65536)
        process.stdin.close()
        assert b"reading" in shown
        assert b"%" not in shown
        assert process.stdout.read().count(b"\n") == 1
    os.close(main)
    assert process.returncode == 0
