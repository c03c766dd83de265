"""Arguments as a shell user writes them: options and files in any order, ``--`` before odd names."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NoReturn

import flowtable
from flowtable.cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Parser", "whole_number"]


class Parser(argparse.ArgumentParser):
    """argparse with errors of one line that no terminal can be led astray with."""

    def __init__(self, command: str, **options: str | None) -> None:
        super().__init__(
            prog=command,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            add_help=False,
            **options,  # type: ignore[arg-type]  # texts only
        )
        self.add_argument("-h", "--help", action="help", help="show this help and exit")
        version = f"flowtable {flowtable.__version__}"
        self.add_argument("--version", action="version", version=version, help="show the version and exit")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse options among files; the first ``--`` ends the options."""
        words = list(arguments)
        end = words.index("--") if "--" in words else len(words)
        options = self.parse_intermixed_args(words[:end])
        options.files += words[end + 1 :]
        return options

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where help is."""
        say(f"flowtable: {message} (see {self.prog} --help)")
        sys.exit(2)


def whole_number(text: str) -> int:
    """Take a number from 0 on, as argparse wants it."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)
