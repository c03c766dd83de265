"""Sources that go on until they are stopped: what all have in common, and one that Python hands its frames.

``stop()`` may be called from any thread, and from a signal handler.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset
from posix.unistd cimport close, write

import socket
import warnings
from collections import deque

from flowtable.capture.statistics import SourceStatistics
from flowtable.errors import CaptureWarning

LATEST = (1 << 63) - 1      # Unix ns


cdef class LiveSource(PacketSource):
    """Frames as they come, until ``stop()``.

    Waiting for them takes at most `wait_ms` at a time, so that whoever reads can do something else in between.
    """

    def __cinit__(self, *args, **kwargs):
        self.wait_ms = 50
        self._sleeper = self._waker = -1
        sleeper, waker = socket.socketpair()
        waker.setblocking(False)
        self._sleeper, self._waker = sleeper.detach(), waker.detach()

    def __dealloc__(self):
        for end in (self._sleeper, self._waker):
            if end >= 0:
                close(end)

    def stop(self):
        """Give what has come until now, and end; from any thread or signal handler, and as often as one likes."""
        self._stopping = True
        write(self._waker, b"\0", 1)    # it may be full of calls: then nobody sleeps

    @property
    def stopping(self):
        """Whether somebody called stop()."""
        return bool(self._stopping)

    @property
    def sleeper(self):
        """What can be read from as soon as somebody called stop(); a file descriptor, for polls."""
        return self._sleeper

    @property
    def statistics(self):
        """SourceStatistics of all that came by until now."""
        return SourceStatistics(received=self.tally.frames)

    cdef int stop_reading(self) except -1:
        self._stopping = True
        return 0


cdef class HandedSource(LiveSource):
    """A live source that Python hands its frames, some at a time.

    A subclass has ``receive``, which waits for `wait_ms` at most, or until `sleeper` can be read, and gives
    :class:`~flowtable.capture.frame.CapturedFrame`, or None at the end; and ``release``, which gives back what it
    holds.
    """

    def __cinit__(self, *args, **kwargs):
        self._kept = deque(maxlen=1)

    def __dealloc__(self):
        free(self._frames)

    def receive(self):
        """Wait for frames; a source that does not say how has none."""
        return None

    def release(self):
        """Give back what receiving takes; there may be nothing."""

    def give_up(self, str message):
        """Warn of what ends this source too early; `receive` gives None then."""
        self.tally.incomplete += 1
        warnings.warn(message, CaptureWarning, stacklevel=3)

    cdef int walk(self, Frame *out, int capacity) noexcept nogil:
        cdef int n = 0
        while n < capacity and self._next < self._count:
            out[n] = self._frames[self._next]
            self._next += 1
            n += 1
        self.tally.frames += n
        return n

    cdef bint refill(self) except -1:
        if self._ended:
            return False
        handed = self.receive()
        if handed is None:
            self.stop_reading()
            return False
        self._take(list(handed))
        return True

    cdef int _take(self, list handed) except -1:
        """Let frames point into the bytes that were handed, which are kept for as long."""
        cdef Py_ssize_t count = len(handed)
        cdef void *memory
        if count > self._room:
            memory = realloc(self._frames, count * sizeof(Frame))
            if memory is NULL:
                raise MemoryError("no memory for frames that were handed over")
            self._frames, self._room = <Frame *>memory, count
        self._next = self._count = 0
        self._kept.append(handed)
        for each in handed:
            self._point(&self._frames[self._count], each)
            self._count += 1
        return 0

    cdef int _point(self, Frame *frame, each) except -1:
        cdef bytes data = each.data
        memset(frame, 0, sizeof(Frame))
        frame.data = <const uint8_t *>PyBytes_AS_STRING(data)
        frame.captured = <uint32_t>PyBytes_GET_SIZE(data)
        frame.length = each.length
        frame.link_type = each.link_type
        self.tally.times_clamped += not 0 <= each.time <= LATEST
        frame.time = min(max(each.time, 0), LATEST)
        return 0

    cdef int keep_windows(self, int refills) except -1:
        self._kept = deque(self._kept, maxlen=1 + refills)
        return refills

    cdef int stop_reading(self) except -1:
        # What was handed stays, since frames may point into it, but nothing more is walked.
        self._next = self._count = 0
        if not self._ended:
            self._ended = True
            self.release()
        return LiveSource.stop_reading(self)
