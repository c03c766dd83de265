"""Rights of this process, whatever they are."""

import sys

from flowtable.capture.rights import CAP_NET_RAW, drop_rights, held_rights


def test_rights_of_this_process_are_those_that_the_kernel_tells():
    with open("/proc/thread-self/status", encoding="ascii") as status:  # noqa: PTH123
        (permitted,) = [int(line.split()[1], 16) for line in status if line.startswith("CapPrm")]
    assert held_rights() == {number for number in range(64) if permitted >> number & 1}
    assert drop_rights(keep=frozenset(range(64))) == frozenset()


def test_elsewhere_there_are_none(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert held_rights() == drop_rights() == frozenset()
    assert CAP_NET_RAW == 13
