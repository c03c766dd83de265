"""Frames that a program has in its hands."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from flowtable._types cimport Frame
from flowtable.capture._walk cimport PacketSource

from flowtable.errors import CaptureError


cdef class GivenFrames(PacketSource):
    """Frames as bytes, each ``(Unix ns, data, length on the wire, link type)``: a capture in memory.

    Behind these there may be a sampling rate. CaptureError: a time is before 1970 or beyond 2^63-1 ns, or a length,
    a link type or a rate is none.
    """

    cdef list _data             # keeps alive what frames point to
    cdef Frame *_frames
    cdef uint64_t _total
    cdef uint64_t _next

    def __init__(self, frames):
        cdef uint64_t i
        if self._frames is not NULL:
            raise RuntimeError("GivenFrames are made once")
        rows = list(frames)
        self._data = [bytes(row[1]) for row in rows]
        self._frames = <Frame *>calloc(len(rows) + 1, sizeof(Frame))
        if self._frames is NULL:
            raise MemoryError("no memory for frames")
        for i in range(len(rows)):
            time, _, length, link_type, *rate = rows[i]
            self.set_frame(&self._frames[i], i, time, length, link_type, rate[0] if rate else 0)
        self._total = len(rows)

    def __dealloc__(self):
        free(self._frames)

    cdef int set_frame(self, Frame *frame, uint64_t i, time, length, link_type, rate) except -1:
        cdef bytes data = self._data[i]
        try:
            frame.time, frame.length, frame.link_type = time, length, link_type
            frame.captured, frame.sampling_rate = len(data), rate
        except OverflowError as error:
            raise CaptureError(f"frame {i} has a time, length, link type or rate that none can have: {error}") from error
        if frame.time < 0:
            raise CaptureError(f"frame {i} has a time before 1970: {time}")
        frame.data = data
        return 0

    cdef int walk(self, Frame *out, int capacity) noexcept nogil:
        cdef int n = <int>min(<uint64_t>capacity, self._total - self._next)
        cdef int i
        for i in range(n):
            out[i] = self._frames[self._next + i]
        self._next += n
        self.tally.frames += n
        return n

    cdef int stop_reading(self) except -1:
        self._next = self._total
        return 0
