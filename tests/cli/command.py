"""The command as a shell or a person starts it: a process with pipes, or one on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass

COMMAND = (sys.executable, "-m", "flowtable")
CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Outcome:
    status: int
    out: bytes
    err: str

    @property
    def lines(self):
        return self.out.decode().splitlines()


def run(*arguments, stdin=b"", **options):
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], input=stdin, capture_output=True, check=False, **options
    )
    return Outcome(done.returncode, done.stdout, done.stderr.decode())


@dataclass(frozen=True)
class Screen:
    status: int
    text: str

    @property
    def lines(self):
        """What a person reads: the lines without colours."""
        return COLOUR.sub("", self.text).replace("\r\n", "\n").splitlines()

    @property
    def controls(self):
        """What a terminal would obey, other than colours and line ends."""
        return CONTROL.findall(COLOUR.sub("", self.text).replace("\r\n", "\n"))


def terminal(columns=80, lines=40):
    """Open a terminal of some size; gives the person's side of it and the program's."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    return main, side


def on_terminal(*arguments, columns=80, lines=40, term="xterm-256color", command=COMMAND, **environment):
    """Run the command with a terminal of some size as its standard streams."""
    main, side = terminal(columns, lines)
    inherited = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES", "NO_COLOR"}}
    with subprocess.Popen(
        [*command, *map(str, arguments)],
        stdin=side,
        stdout=side,
        stderr=side,
        env=inherited | {"TERM": term} | environment,
    ) as process:
        os.close(side)
        shown = _read_all(main)
    os.close(main)
    return Screen(process.returncode, shown.decode())


def _read_all(terminal):
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # how Linux says that nobody is on the other side
            return shown
        if not piece:
            return shown
        shown += piece
