# What several threads change without a lock.

from libc.stdint cimport uint8_t, uint16_t, uint64_t


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

    #define flowtable_peek(number) __atomic_load_n(number, __ATOMIC_ACQUIRE)
    #define flowtable_put(number, value) __atomic_store_n(number, value, __ATOMIC_RELEASE)
    """
    # Look at a number that others may be changing, and change one that others may be looking at.
    uint64_t peek "flowtable_peek"(const uint64_t *number)
    uint16_t peek16 "flowtable_peek"(const uint16_t *number)
    void put "flowtable_put"(uint64_t *number, uint64_t value)
    void put16 "flowtable_put"(uint16_t *number, uint16_t value)
    # Add to a number, and give what it was before.
    uint64_t fetch_add "flowtable_fetch_add"(uint64_t *number, uint64_t more)
    # Set a flag; False if somebody else had set it.
    bint take_flag "flowtable_take_flag"(uint8_t *flag)
    void drop_flag "flowtable_drop_flag"(uint8_t *flag)
