# What several threads change without a lock.

from libc.stdint cimport uint8_t, uint64_t


cdef extern from * nogil:
    """
    #include <stdint.h>

    static inline uint64_t flowtable_fetch_add(uint64_t *number, uint64_t more)
    {
        return __atomic_fetch_add(number, more, __ATOMIC_RELAXED);
    }

    static inline int flowtable_take_flag(uint8_t *flag)
    {
        return !__atomic_exchange_n(flag, 1, __ATOMIC_ACQUIRE);
    }

    static inline void flowtable_drop_flag(uint8_t *flag)
    {
        __atomic_store_n(flag, 0, __ATOMIC_RELEASE);
    }
    """
    # Add to a number, and give what it was before.
    uint64_t fetch_add "flowtable_fetch_add"(uint64_t *number, uint64_t more)
    # Set a flag; False if somebody else had set it.
    bint take_flag "flowtable_take_flag"(uint8_t *flag)
    void drop_flag "flowtable_drop_flag"(uint8_t *flag)
