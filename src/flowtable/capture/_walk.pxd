# Where frames come from. The engine holds one PacketSource and calls walk() until it gives 0, then
# read_on() or refill(), until that gives False.

from libc.stdint cimport int64_t, uint8_t, uint64_t

from flowtable._types cimport BATCH, Frame
from flowtable.capture._lanes cimport Lane
from flowtable.capture._record cimport Tally
from flowtable.capture._walker cimport Walker


cdef class PacketSource:
    cdef Tally tally
    cdef Frame _batch[BATCH]    # of Python's iteration
    cdef int _at
    cdef int _count
    cdef uint8_t _is_read       # somebody is between begin_reading() and end_reading()

    # Around walk() and refill(): nobody else may read on or close, as other threads and what is called from
    # inside might, since that moves what frames point to.
    cdef int begin_reading(self) except -1
    cdef void end_reading(self) noexcept

    # Up to `capacity` whole frames that are in the window now; 0: none without refill(). Their data
    # stay valid until refill() of this source.
    cdef int walk(self, Frame *out, int capacity) noexcept nogil

    # Read on; False at the end. True does not promise a whole frame.
    cdef bint refill(self) except -1

    # The same, where it can be done without the interpreter, which others may hold for a long time; False does
    # not mean anything but that refill() has to do it.
    cdef bint read_on(self) noexcept nogil

    # From now on windows take turns, so that frames stay valid over so many calls of refill(), which it gives;
    # there are so many more windows. To be called once.
    cdef int keep_windows(self, int refills) except -1

    # Give back files and memory; nothing more is walked.
    cdef int stop_reading(self) except -1


cdef struct Window:
    uint8_t *memory             # NULL until its first turn
    size_t capacity
    uint64_t left               # when its last turn ended


cdef class CaptureReader(PacketSource):
    cdef Walker _walker
    cdef object _stream
    cdef str _name
    cdef size_t _step           # bytes that are read at once at most, and of a window that has not grown
    cdef uint64_t _base         # offset in the (unpacked) file of the window's first byte
    cdef int _descriptor        # to read the stream's file by without asking the stream; -1: that cannot be done
    cdef uint64_t _read_past    # bytes that the stream does not know of, as they were read without it
    cdef bint _ended
    cdef Window *_resting       # windows that frames given before may be in
    cdef int _resting_windows   # at most, and how long each one rests
    cdef uint64_t _turns
    cdef const uint64_t *_clock # what that is counted by: turns, or refills of all files that are read together
    cdef uint64_t _given        # frames when windows took turns last

    cdef int _take_stream(self, stream, str name, size_t window) except -1
    cdef bint _start(self) except -1
    cdef bint _read_more(self) except -1
    cdef size_t _room(self) noexcept nogil
    cdef bint _make_ready(self) noexcept nogil
    cdef bint _take_turns(self) noexcept nogil
    cdef Window *_rested(self) noexcept nogil
    cdef bint _make_room(self) noexcept nogil
    cdef bint _end(self, str message) except -1


cdef class MergedReader(PacketSource):
    cdef list _waiting          # Waiting, the earliest last
    cdef int64_t _next_time     # of the earliest one waiting; meaningless when none is
    cdef uint64_t _next_order
    cdef bint _any_waiting
    cdef dict _readers          # order -> CaptureReader whose lane is in the heap, or starved
    cdef Lane **_heap           # by (time of the next frame, order); room for every file
    cdef size_t _lanes
    cdef Lane *_starved         # the one lane that needs refill() before anything else can be given
    cdef object _size
    cdef uint64_t _done         # position of the files that are read, which are not among `_readers`
    cdef int _refills           # over which frames stay valid; 0: over none
    cdef uint64_t _refilled     # times
    cdef object _leaving        # (when, reader) of those that are read, whose frames are still valid

    cdef int _keep_windows_of(self, CaptureReader reader) except -1
    cdef bint _fill_lane(self, Lane *lane) noexcept nogil
    cdef bint _feed(self, Lane *lane) except -1
    cdef bint _retire(self, Lane *lane) except -1
    cdef bint _open_next(self) except -1
    cdef int _take_waiting(self) except -1
    cdef void _look_at_waiting(self)
    cdef void _drop_lanes(self) noexcept nogil
