"""The account of a command, as a block of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowtable.cli.terminal import say
from flowtable.flow.account import most

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowtable.flow import Account

__all__ = ["account_lines", "exit_status"]


def account_lines(account: Account) -> Iterator[str]:
    """Say what became of the frames; what did not happen is left out."""
    in_flows = f"{account.in_flows:,} in {account.flows:,} flow{_s(account.flows)}"
    others = (
        (account.filtered, "filtered"),
        (account.held, "held"),
        (account.frames_discarded, "discarded"),
    )
    terms = [in_flows, *(f"{frames:,} {name}" for frames, name in others if frames)]
    yield f"{account.frames:,} frame{_s(account.frames)}: {', '.join(terms)}"
    notes = {
        "discarded": account.discarded,
        "decoded in part": account.decode_stops,
        "left out": account.lost,
        "also": _also(account),
    }
    counted = {name: [(f"{n:,}", what) for what, n in most(counts)] for name, counts in notes.items()}
    figures = max((len(figure) for rows in counted.values() for figure, _ in rows), default=0)
    titles = max((len(name) for name, rows in counted.items() if rows), default=0)
    for name, rows in counted.items():
        for place, (figure, what) in enumerate(rows):
            yield f"  {name if place == 0 else '':{titles}}  {figure:>{figures}} {what}"


def exit_status(account: Account) -> int:
    """Give 1, and say why, if frames were looked at and none of them was good for a flow.

    Frames that a filter kept out were not looked at: a filter that matches nothing is no failure.
    """
    if not account.frames_discarded or account.in_flows or account.held:
        return 0
    say(f"flowtable: none of {account.frames_discarded:,} frames could be decoded into a flow")
    return 1


def _also(account: Account) -> Mapping[str, int]:
    return {
        "with a time that cannot be, clamped": account.times_clamped,
        "dated before the frame in front of them": account.steps_back,
        "longer than the snap length, cut": account.snapped,
        "layers paths cut short": account.paths_cut,
        f"capture{_s(account.incomplete)} incomplete": account.incomplete,
    }


def _s(number: int) -> str:
    return "" if number == 1 else "s"
