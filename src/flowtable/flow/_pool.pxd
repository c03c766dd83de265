# Side pools: what options keep of a flow lives outside its record, so that a flow costs nothing for what was
# not asked for.
#
# Items have one size and never move. They have numbers from 1 on; 0 is no item. A pool that is full, or for
# which there is no memory, refuses further items and counts them.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc

from flowtable._exact cimport POOL_PIECE_BITS

cdef enum:
    POOL_PIECE_ITEMS = 1 << POOL_PIECE_BITS


cdef struct Pool:
    uint8_t **pieces
    uint32_t item_bytes
    uint32_t count              # items in use
    uint32_t limit              # items at most
    uint64_t refused            # items that were not given


cdef inline void pool_begin(Pool *pool, size_t item_bytes, uint64_t limit_bytes) noexcept nogil:
    """An empty pool for items of a size, which are to take at most `limit_bytes`."""
    cdef uint64_t limit = limit_bytes // item_bytes
    pool.pieces = NULL
    pool.item_bytes = <uint32_t>item_bytes
    pool.count = 0
    pool.limit = <uint32_t>min(limit, <uint64_t>0xFFFFFFFE)
    pool.refused = 0


cdef inline void pool_end(Pool *pool) noexcept nogil:
    cdef uint32_t piece
    for piece in range((pool.count + POOL_PIECE_ITEMS - 1) >> POOL_PIECE_BITS):
        free(pool.pieces[piece])
    free(pool.pieces)
    pool.pieces = NULL
    pool.count = 0


cdef inline void *pool_item(const Pool *pool, uint32_t number) noexcept nogil:
    """The item with a number that pool_add() gave."""
    return pool.pieces[(number - 1) >> POOL_PIECE_BITS] + <size_t>((number - 1) & (POOL_PIECE_ITEMS - 1)) * pool.item_bytes


cdef inline uint32_t pool_add(Pool *pool) noexcept nogil:
    """The number of a new item, all zero; 0 when there is no room."""
    if pool.count >= pool.limit or (pool.count & (POOL_PIECE_ITEMS - 1) == 0 and not pool_grow(pool)):
        pool.refused += 1
        return 0
    pool.count += 1
    return pool.count


cdef inline bint pool_grow(Pool *pool) noexcept nogil:
    """One more piece behind those that are full."""
    cdef uint32_t piece = pool.count >> POOL_PIECE_BITS
    cdef void *pieces = realloc(pool.pieces, (piece + 1) * sizeof(void *))
    if pieces == NULL:
        return False
    pool.pieces = <uint8_t **>pieces
    pool.pieces[piece] = <uint8_t *>calloc(min(POOL_PIECE_ITEMS, pool.limit - pool.count), pool.item_bytes)
    return pool.pieces[piece] != NULL
