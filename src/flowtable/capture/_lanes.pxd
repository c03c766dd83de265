# Several files' next frames, and the heap that has the earliest of them at its root.

from libc.stdint cimport int64_t, uint64_t

from flowtable._types cimport BATCH, Frame
from flowtable.capture._walker cimport Walker


cdef struct Lane:
    # A merged file's next frames: [at, count) of the queue. They point into the walker's window.
    Walker *walker
    uint64_t order          # of the file among those given; earlier ones win at equal times
    int at
    int count
    Frame queue[BATCH]


cdef inline bint is_before(const Lane *a, const Lane *b) noexcept nogil:
    """Whether lane a's next frame goes before lane b's."""
    cdef int64_t t = a.queue[a.at].time
    cdef int64_t u = b.queue[b.at].time
    return t < u or (t == u and a.order < b.order)


cdef inline void sift_down(Lane **heap, size_t lanes) noexcept nogil:
    """Put the root, whose time has grown, where it belongs."""
    cdef Lane *moved = heap[0]
    cdef size_t at = 0
    cdef size_t child = 1
    while child < lanes:
        if child + 1 < lanes and is_before(heap[child + 1], heap[child]):
            child += 1
        if not is_before(heap[child], moved):
            break
        heap[at] = heap[child]
        at = child
        child = 2 * at + 1
    heap[at] = moved


cdef inline void sift_up(Lane **heap, size_t at) noexcept nogil:
    """Put the lane at the end, which is new, where it belongs."""
    cdef Lane *moved = heap[at]
    while at > 0 and is_before(moved, heap[(at - 1) // 2]):
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = moved
