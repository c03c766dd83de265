# Which bytes of a datagram are there: one bit for a block of eight, the unit of fragment offsets (RFC 791).

from libc.stdint cimport uint32_t, uint64_t


cdef extern from * nogil:
    int popcount "__builtin_popcountll"(uint64_t bits)


cdef enum:
    BLOCK = 8                   # bytes that one bit stands for
    WORDS = 128                 # of 64 bits: 65,536 bytes


cdef inline uint32_t blocks_of(uint32_t length) noexcept nogil:
    """Blocks that so many bytes take; of no known length (0) more than there can be."""
    return (length + BLOCK - 1) // BLOCK if length else 64 * WORDS + 1


cdef inline uint64_t bits_between(uint32_t word, uint32_t first, uint32_t end) noexcept nogil:
    """Those of a word's 64 blocks that are in [first, end)."""
    cdef uint32_t base = 64 * word
    cdef uint64_t bits = ~<uint64_t>0
    if first > base:
        bits &= ~<uint64_t>0 << (first - base)
    if end < base + 64:
        bits &= ~(~<uint64_t>0 << (end - base))
    return bits


cdef inline uint32_t count_fresh(const uint64_t *blocks, uint32_t first, uint32_t end) noexcept nogil:
    """How many of these blocks are not there yet."""
    cdef uint32_t word, fresh = 0
    for word in range(first // 64, (end + 63) // 64):
        fresh += popcount(bits_between(word, first, end) & ~blocks[word])
    return fresh


cdef inline bint is_there(const uint64_t *blocks, uint32_t block) noexcept nogil:
    return blocks[block // 64] >> (block % 64) & 1


cdef inline void set_blocks(uint64_t *blocks, uint32_t first, uint32_t end) noexcept nogil:
    """Say that these blocks are there."""
    cdef uint32_t word
    for word in range(first // 64, (end + 63) // 64):
        blocks[word] |= bits_between(word, first, end)
