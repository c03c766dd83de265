"""Reading live sources in tests: never for longer than a generous limit."""

import itertools
import threading
import time
from contextlib import contextmanager

import flowtable

LIMIT = 60  # s; only what is broken takes as long


def until(condition):
    """Wait until a condition holds."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def some_of(source, count):
    """Give so many frames; fewer if they do not come."""
    with limited(source):
        return list(itertools.islice(source, count))


def rest_of(source):
    """Stop a source, and give what has come until then."""
    source.stop()
    with limited(source):
        return list(source)


@contextmanager
def limited(source):
    timer = threading.Timer(LIMIT, source.stop)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Reading:
    """A source that a thread reads to its end."""

    def __init__(self, source):
        self.source = source
        self.frames = []
        self.error = None
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        try:
            for frame in self.source:
                self.frames.append(frame)  # others look at it meanwhile
        except Warning as error:
            self.error = error

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.source.stop()
        self.thread.join(LIMIT)
        assert not self.thread.is_alive()


def flows_of(source, monkeypatch, threads=1):
    """Count a source's frames until it ends, as those of a file."""
    monkeypatch.setattr("flowtable.table.reader.open_capture", lambda *_, **__: source)
    monkeypatch.setattr("flowtable.table.reader._threads", lambda *_: threads)
    return flowtable.read("live")


def data_of(frames):
    return [frame.data for frame in frames]
