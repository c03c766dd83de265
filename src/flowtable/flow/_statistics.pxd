# Sizes of a flow's packets and the times between them, each way: smallest, mean, deviation, largest.

from libc.math cimport sqrt
from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef struct OneWay:
    # Of the packets that are counted one way. Mean and squares follow Welford: a sum of squares of
    # nanoseconds would lose what a deviation is made of.
    uint32_t min_size       # bytes
    uint32_t max_size
    double mean_size
    double size_squares     # sum of the squared differences from the mean
    int64_t last            # time of the packet before, Unix ns
    int64_t min_gap         # ns; a step back in time is a gap of 0
    int64_t max_gap
    double mean_gap
    double gap_squares


cdef struct Statistics:     # 128 bytes
    OneWay ab
    OneWay ba


cdef inline void add_value(double *mean, double *squares, double value, uint64_t count) noexcept nogil:
    """Take the value that makes `count` of them (Welford 1962)."""
    cdef double before = value - mean[0]
    mean[0] += before / count
    squares[0] += before * (value - mean[0])


cdef inline void add_packet(OneWay *way, uint32_t size, int64_t time, uint64_t count) noexcept nogil:
    """Take the packet that makes `count` of them this way."""
    if count == 1:
        way.min_size = way.max_size = size
    elif size < way.min_size:
        way.min_size = size
    elif size > way.max_size:
        way.max_size = size
    add_value(&way.mean_size, &way.size_squares, size, count)
    if count > 1:
        add_gap(way, time - way.last if time > way.last else 0, count - 1)
    way.last = time


cdef inline void add_gap(OneWay *way, int64_t gap, uint64_t count) noexcept nogil:
    if count == 1:
        way.min_gap = way.max_gap = gap
    elif gap < way.min_gap:
        way.min_gap = gap
    elif gap > way.max_gap:
        way.max_gap = gap
    add_value(&way.mean_gap, &way.gap_squares, <double>gap, count)


cdef inline uint64_t rounded(double value) noexcept nogil:
    """To the nearest whole number; values are never negative."""
    return <uint64_t>(value + 0.5)


cdef inline double deviation(double squares, uint64_t count) noexcept nogil:
    """The sample standard deviation; 0 of fewer than two values."""
    return sqrt(squares / (count - 1)) if count > 1 and squares > 0 else 0
