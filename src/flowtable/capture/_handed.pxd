# Sources that go on until they are stopped.

from libc.stdint cimport uint8_t

from flowtable._types cimport Frame
from flowtable.capture._walk cimport PacketSource


cdef class LiveSource(PacketSource):
    cdef public int wait_ms     # how long refill() waits at most for something to come
    cdef int _sleeper           # two ends of a pair of sockets, which can be polled anywhere: what stop()
    cdef int _waker             # writes to one, can be read at the other; open as long as the source is there
    cdef uint8_t _stopping      # somebody called stop()


cdef class HandedSource(LiveSource):
    cdef object _kept           # deque of lists that frames given point into, the current one last
    cdef Frame *_frames         # of the current one
    cdef Py_ssize_t _room
    cdef Py_ssize_t _count
    cdef Py_ssize_t _next
    cdef bint _ended

    cdef int _take(self, list handed) except -1
    cdef int _point(self, Frame *frame, each) except -1
