# pcapng's clocks: any power of ten or two, with an offset of up to 2^63 s, as Unix ns.

from libc.stdint cimport int64_t, uint64_t, uint8_t

cdef extern from *:
    """
    #include <stdint.h>
    /* The product has at most 64 + 30 bits and the offset in ns at most 63 + 30, so that nothing here
       overflows 127 bits, whatever a header says. A shift is below 128. */
    static inline int64_t flowtable_unix_ns(
        uint64_t ticks, uint64_t divide, uint32_t multiply, uint8_t shift, int64_t offset, int *clamped
    ) {
        __int128 ns = (__int128)(divide == 1 ? ticks : ticks / divide) * multiply >> shift;
        ns += (__int128)offset * 1000000000;
        *clamped = ns < 0 || ns > INT64_MAX;
        return ns < 0 ? 0 : ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
    }
    """
    int64_t flowtable_unix_ns(
        uint64_t ticks, uint64_t divide, unsigned int multiply, uint8_t shift, int64_t offset, int *clamped
    ) noexcept nogil


cdef struct Clock:
    # ns = ticks // divide * multiply >> shift, plus the offset
    uint64_t divide
    unsigned int multiply
    uint8_t shift
    int64_t offset          # s


cdef inline uint64_t power_of_ten(uint8_t n) noexcept nogil:
    """10^n, for n up to 19."""
    cdef uint64_t power = 1
    while n > 0:
        power *= 10
        n -= 1
    return power


cdef inline void set_resolution(Clock *clock, uint8_t resolution) noexcept nogil:
    """Take if_tsresol: ticks of 10^-n s, or with the upper bit set of 2^-n s."""
    clock.divide, clock.multiply, clock.shift = 1, 1000000000, 0
    if resolution & 0x80:
        clock.shift = resolution & 0x7F
    elif resolution <= 9:
        clock.multiply = <unsigned int>power_of_ten(9 - resolution)
    elif resolution <= 28:
        clock.multiply = 1
        clock.divide = power_of_ten(resolution - 9)
    else:
        clock.multiply = 0  # 2^64 ticks of 10^-29 s are less than one ns
