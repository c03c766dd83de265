# What a build for sanitizers (-Dsanitize=true) does differently, so that every over-read is seen: one inside
# a larger buffer is not. Frames are decoded from copies of exactly their size, and the room that a window has
# beyond what was read is out of bounds. Tables are small, so that few packets reach their ends and making
# one costs little. In any other build the functions do nothing.

from libc.stdint cimport uint8_t

from flowtable._types cimport Frame


cdef extern from * nogil:
    """
    #include <stddef.h>
    #include <stdint.h>

    #ifdef FLOWTABLE_SANITIZE
    #include <sanitizer/asan_interface.h>
    #include <stdlib.h>
    #include <string.h>

    static inline const uint8_t *flowtable_exact(const uint8_t *data, size_t size)
    {
        uint8_t *copy = malloc(size);
        if (copy == NULL)
            abort();
        return memcpy(copy, data, size);
    }

    static inline void flowtable_forget(const uint8_t *copy)
    {
        free((void *)copy);
    }

    static inline void flowtable_fence(const uint8_t *window, size_t used, size_t room)
    {
        ASAN_UNPOISON_MEMORY_REGION(window, used);
        ASAN_POISON_MEMORY_REGION(window + used, room - used);
    }

    enum {
        FLOWTABLE_PIECE_BITS = 5,
        FLOWTABLE_MAX_PIECES = 1 << 12,
        FLOWTABLE_MAX_PATHS = 1023,
        FLOWTABLE_MAX_APPLICATIONS = 512,
        FLOWTABLE_POOL_PIECE_BITS = 2,
        FLOWTABLE_FIRST_SLOTS = 1 << 4,
    };
    #else
    enum {
        FLOWTABLE_PIECE_BITS = 13,          /* 8,192 records of 256 bytes are 2 MiB */
        FLOWTABLE_MAX_PIECES = 1 << 18,
        FLOWTABLE_MAX_PATHS = 65535,
        FLOWTABLE_MAX_APPLICATIONS = 65536,
        FLOWTABLE_POOL_PIECE_BITS = 10,
        FLOWTABLE_FIRST_SLOTS = 1 << 12,
    };
    #define flowtable_exact(data, size) (data)
    #define flowtable_forget(copy) ((void)(copy))
    #define flowtable_fence(window, used, room) ((void)(window))
    #endif
    """
    enum:
        PIECE_BITS "FLOWTABLE_PIECE_BITS"               # of the arena of records
        MAX_PIECES "FLOWTABLE_MAX_PIECES"
        MAX_PATHS "FLOWTABLE_MAX_PATHS"
        MAX_APPLICATIONS "FLOWTABLE_MAX_APPLICATIONS"
        POOL_PIECE_BITS "FLOWTABLE_POOL_PIECE_BITS"     # of the pools of what options keep
        FIRST_SLOTS "FLOWTABLE_FIRST_SLOTS"             # of the index of flows

    const uint8_t *exact "flowtable_exact"(const uint8_t *data, size_t size)
    void forget "flowtable_forget"(const uint8_t *copy)
    # Of `room` bytes at `window` the first `used` may be touched.
    void fence "flowtable_fence"(const uint8_t *window, size_t used, size_t room)


cdef inline void exact_frames(Frame *frames, int n) noexcept nogil:
    """Let each frame's bytes be a copy of exactly its size, until forget_frames()."""
    cdef int i
    for i in range(n):
        frames[i].data = exact(frames[i].data, frames[i].captured)


cdef inline void forget_frames(const Frame *frames, int n) noexcept nogil:
    """The frames' bytes are not looked at any more."""
    cdef int i
    for i in range(n):
        forget(frames[i].data)
