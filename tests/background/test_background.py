"""Tasks in threads of their own, and interrupts of who waits for them at every step."""

import gc
import itertools
import random
import subprocess
import sys
import threading
import time
import weakref

import pytest
from interrupts import interrupted, interrupted_within

from flowtable import background
from flowtable.background import Task


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Whatever a test has begun ends: polled for, as the thread itself takes it off."""
    yield
    poll(lambda: not background._running)


def poll(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def begun(work):
    task = Task(work)
    task.begin()
    return task


def test_work_is_done_in_another_thread():
    task = begun(threading.get_ident)
    assert task.result() != threading.get_ident()
    assert task.result() == task.result()


def test_none_is_a_result():
    task = begun(lambda: None)
    assert task.result() is None
    assert task.result() is None


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, KeyboardInterrupt, StopIteration])
def test_what_the_work_raises_is_raised_as_often_as_it_is_asked_for(error):
    def fail():
        raise error("why")

    task = begun(fail)
    task.wait()
    for _ in range(3):
        with pytest.raises(error, match="why"):
            task.result()


def test_it_is_done_once_whoever_asks():
    done = []
    task = begun(lambda: done.append(1))
    task.wait()
    task.result()
    task.result()
    assert done == [1]


def test_who_waits_does_not_hold_others_up():
    gate = threading.Event()
    task = begun(gate.wait)
    begun(gate.set).wait()
    assert task.result()


def test_without_a_thread_the_work_is_done_by_who_asks(monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(background, "start_new_thread", refuse)
    task = begun(threading.get_ident)
    assert not background._running
    task.wait()
    assert task.result() == threading.get_ident()


def test_without_a_thread_too_it_is_done_once():
    done = []
    task = Task(lambda: done.append(1))
    task.wait()
    assert done == []
    task.result()
    task.result()
    assert done == [1]


def test_one_that_nobody_wants_is_done_and_forgotten():
    class Thing:
        pass

    gate, thing = threading.Event(), Thing()
    known = weakref.ref(thing)
    task = begun(lambda thing=thing: gate.wait() and thing)
    del task, thing
    assert known() is not None
    gate.set()
    poll(lambda: gc.collect() >= 0 and known() is None)


def test_an_interrupt_at_any_step_neither_hangs_nor_loses_anything():
    for nth in itertools.count():
        done = []
        task = Task(lambda: done.append(nth) or nth)  # noqa: B023 - done before the next round
        was = interrupted(nth, lambda: (task.begin(), task.wait(), task.result()))  # noqa: B023
        task.wait()
        assert task.result() == nth
        assert done == [nth]
        if not was:
            break
    assert nth > 5


def test_interrupts_at_any_time():
    source = random.Random(1)  # noqa: S311 - nothing is hidden by it
    hits = 0
    for n in range(1000):
        done = []
        task = Task(lambda: time.sleep(0.0002) or done.append(n) or n)  # noqa: B023
        hits += interrupted_within(
            source.uniform(1e-6, 0.0008),
            lambda: (task.begin(), task.wait(), task.result()),  # noqa: B023
        )
        assert task.result() == n
        assert done == [n]
    assert hits


END = """
import sys, time
from flowtable.background import Task

def work():
    time.sleep(0.3)
    open(sys.argv[1], "w").write("whole")

task = Task(work)
task.begin()
"""


def test_python_ends_when_the_work_is_done(tmp_path):
    path = tmp_path / "file"
    subprocess.run([sys.executable, "-c", END, path], check=True, timeout=60)
    assert path.read_text() == "whole"


FORK = """
import os, threading, warnings
warnings.simplefilter("ignore")
from flowtable.background import Task
gate = threading.Event()
task = Task(gate.wait)
task.begin()
child = os.fork()
if child:
    assert os.waitpid(child, 0) == (child, 0)
    gate.set()
    assert task.result()
"""


def test_a_child_of_fork_does_not_wait_for_threads_that_it_has_not():
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=60)
