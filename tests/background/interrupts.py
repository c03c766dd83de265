"""Interrupts of the main thread, as a signal's handler raises them: at a chosen step, or at any time."""

import dis
import signal
import sys

TRACED = {"flowtable", "contextlib", "concurrent", "threading", "queue"}
"""Packages whose steps are interrupted; those of a test are not."""


class Interrupted(BaseException):
    """What a handler raises, as KeyboardInterrupt, which pytest would take for its own."""


def handles_signals_behind(name):
    """Tell whether Python looks for signals when it has done this instruction."""
    return name.startswith("CALL") or name in ("RESUME", "JUMP_BACKWARD")


def interrupted(nth, call):
    """Call something that is interrupted the nth time, from 0, that Python looks for signals.

    Gives whether it was: False when it was at its end before that.
    """
    left, last = nth, {}

    def trace(frame, event, _):
        nonlocal left
        if frame.f_globals.get("__name__", "").partition(".")[0] not in TRACED:
            return None
        frame.f_trace_opcodes = True
        if event == "return":
            last.pop(frame, None)
        if event == "opcode":
            before, last[frame] = last.get(frame, "RESUME"), dis.opname[frame.f_code.co_code[frame.f_lasti]]
            left -= handles_signals_behind(before)
            if left < 0:
                raise Interrupted
        return trace

    sys._getframe().f_trace_opcodes = True  # Python 3.12 looks at it only when tracing begins
    sys.settrace(trace)
    try:
        call()
    except Interrupted:
        pass
    finally:
        sys.settrace(None)
        last.clear()  # no frame lives on to be cleared away while another call is traced
    return left < 0  # what a finalizer raises, Python only tells of


def interrupted_within(seconds, call):
    """Call something that is interrupted when so much time has passed; gives whether it was."""
    armed = [True]

    def handle(*_):
        if armed:
            raise Interrupted

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        call()
    except Interrupted:
        return True
    finally:
        armed.clear()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return False
