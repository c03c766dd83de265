"""Rights of the process: capturing takes one, and only to begin.

Linux calls them capabilities; see capabilities(7) and capset(2). A process that runs as root has all of them.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

__all__ = ["CAP_DAC_OVERRIDE", "CAP_NET_RAW", "drop_rights", "held_rights"]

CAP_DAC_OVERRIDE: Final = 1
CAP_NET_RAW: Final = 13

_VERSION_3: Final = 0x20080522
_PR_SET_NO_NEW_PRIVS: Final = 38


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def held_rights() -> frozenset[int]:
    """Give the numbers of the capabilities that this thread may use; none on systems without them."""
    if sys.platform != "linux":
        return frozenset()
    sets = (_Data * 2)()  # the numbers up to 31, and the others
    _call("capget", sets)
    permitted = sets[0].permitted | sets[1].permitted << 32
    return frozenset(number for number in range(64) if permitted >> number & 1)


def drop_rights(*, keep: frozenset[int] = frozenset()) -> frozenset[int]:
    """Give up every capability but those of `keep`, for good, and give those that went.

    Call it when all captures are open, and before threads are started: others keep what they have. What is
    open stays open. A process of root's still owns root's files.

    :raises PermissionError: the system does not let rights be given up.
    """
    before = held_rights()
    if not before - keep:
        return frozenset()
    mask = sum(1 << number for number in before & keep)
    sets = (_Data * 2)()
    for at, each in enumerate(sets):
        each.effective = each.permitted = mask >> 32 * at & 0xFFFFFFFF
    _call("capset", sets)
    # Neither does a program that is started from here get them back.
    if _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise _failure("prctl")
    return before - keep


def _call(name: str, sets: ctypes.Array[_Data]) -> None:
    if getattr(_libc(), name)(ctypes.byref(_Header(_VERSION_3, 0)), sets) != 0:
        raise _failure(name)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _failure(name: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{name}: {os.strerror(number)}")
