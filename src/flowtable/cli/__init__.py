"""The command line: one module a command, which arranges what the rooms can do and holds no logic."""

from __future__ import annotations

import difflib
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from flowtable.cli.arguments import Parser
from flowtable.cli.summary import account_lines
from flowtable.cli.terminal import say
from flowtable.errors import FilterError, FlowError, TableFull

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["main"]

_COMMANDS: Final = ("read", "live", "replay")

_ERROR: Final = 2
_INTERRUPTED: Final = 128 + 2  # as shells show SIGINT
_BROKEN_PIPE: Final = 128 + 13  # and SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit status; no error that a user can cause leaves a traceback."""
    try:
        status = _run(sys.argv[1:] if arguments is None else arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _forget_standard_output()
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (FlowError, MemoryError, OSError) as error:
        if isinstance(error, TableFull):
            say(*account_lines(error.account))
        said = f"flowtable: {error or 'there is not enough memory'}"
        say(*(said.split("\n") if isinstance(error, FilterError) else [said]))  # it points at the place
        return _ERROR
    return status


def _run(arguments: Sequence[str]) -> int:
    try:
        if arguments and arguments[0] in _COMMANDS:
            run: Callable[[Sequence[str]], int] = _command(arguments[0]).run
            return run(arguments[1:])
        return _explain(arguments)
    except SystemExit as request:  # argparse has shown help or an error
        return request.code if isinstance(request.code, int) else 0


def _command(name: str) -> Any:
    """Load a command, and none of the others."""
    return import_module(f"flowtable.cli.{name}")


def _explain(arguments: Sequence[str]) -> int:
    """Show help or the version, or say that there is no such command."""
    parser = Parser("flowtable", usage="%(prog)s COMMAND ...", description=_description())
    rest = parser.parse_known_args(arguments)[1]
    if rest:
        close = difflib.get_close_matches(rest[0], _COMMANDS) or list(_COMMANDS)
        parser.error(f"there is no command {rest[0]!r}; did you mean {' or '.join(close)}?")
    say(*parser.format_help().splitlines())
    return _ERROR


def _description() -> str:
    commands = "\n".join(f"  {name:10}{_command(name).SUMMARY}" for name in _COMMANDS)
    return f"Packets in, flows out.\n\ncommands:\n{commands}\n\nA command's own --help shows more."


def _forget_standard_output() -> None:
    """Leave nothing for Python to write, and to complain about, at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
