# What several threads change without a lock.

from libc.stdint cimport uint64_t


cdef extern from * nogil:
    """
    #include <stdint.h>

    static inline uint64_t flowtable_fetch_add(uint64_t *number, uint64_t more)
    {
        return __atomic_fetch_add(number, more, __ATOMIC_RELAXED);
    }
    """
    # Add to a number, and give what it was before.
    uint64_t fetch_add "flowtable_fetch_add"(uint64_t *number, uint64_t more)
