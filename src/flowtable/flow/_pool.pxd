# Side pools: what options keep of a flow lives outside its record, so that a flow costs nothing for what was
# not asked for.
#
# Items have one size and never move, and neither does the array of pieces that they are in. They have numbers
# from 1 on; 0 is no item. A pool that is full, or for which there is no memory, refuses further items, which
# are counted. Each thread that counts packets takes whole pieces for itself, its share. An item that is given
# back is the share's next one; the number of the one given back before it is in its last bytes.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from flowtable._atomic cimport fetch_add, peek, put
from flowtable._exact cimport POOL_PIECE_BITS
from flowtable._memory cimport end_sparse, sparse_memory

cdef enum:
    POOL_PIECE_ITEMS = 1 << POOL_PIECE_BITS


cdef struct Pool:
    uint8_t **pieces            # room for all that there can be
    uint32_t item_bytes
    uint32_t limit              # items at most
    uint64_t given              # items in pieces that were given out, or asked for


cdef struct PoolShare:
    uint32_t next               # number of the next item, less one
    uint32_t stop               # of the item behind the share's piece
    uint32_t spare              # number of the item that was given back last; 0: none
    uint64_t refused            # items that were not given


cdef inline bint pool_begin(Pool *pool, size_t item_bytes, uint64_t limit_bytes) noexcept nogil:
    """An empty pool for items of a size, which are to take at most `limit_bytes`; False when memory is out."""
    cdef uint64_t limit = limit_bytes // item_bytes
    pool.item_bytes = <uint32_t>item_bytes
    pool.given = 0
    pool.limit = <uint32_t>min(limit, <uint64_t>0xFFFFFFFE)
    pool.pieces = <uint8_t **>sparse_memory(pieces_bytes(pool))
    return pool.pieces != NULL


cdef inline void pool_end(Pool *pool) noexcept nogil:
    cdef uint64_t piece
    if pool.pieces != NULL:
        for piece in range((min(pool.given, <uint64_t>pool.limit) + POOL_PIECE_ITEMS - 1) >> POOL_PIECE_BITS):
            free(pool.pieces[piece])
    end_sparse(pool.pieces, pieces_bytes(pool))
    pool.pieces = NULL
    pool.given = 0


cdef inline size_t pieces_bytes(const Pool *pool) noexcept nogil:
    """What the array of pieces takes."""
    return ((pool.limit >> POOL_PIECE_BITS) + 1) * sizeof(uint8_t *)


cdef inline void *pool_item(const Pool *pool, uint32_t number) noexcept nogil:
    """The item with a number that pool_add() gave."""
    return pool.pieces[(number - 1) >> POOL_PIECE_BITS] + <size_t>((number - 1) & (POOL_PIECE_ITEMS - 1)) * pool.item_bytes


cdef inline uint32_t pool_add(Pool *pool, PoolShare *share) noexcept nogil:
    """The number of a new item, all zero; 0 when there is no room."""
    cdef uint32_t number = share.spare
    if number:
        share.spare = pool_link(pool, number)[0]
        pool_link(pool, number)[0] = 0
        return number
    if share.next == share.stop and not take_piece(pool, share):
        share.refused += 1
        return 0
    share.next += 1
    return share.next


cdef inline void pool_drop(Pool *pool, PoolShare *share, uint32_t number) noexcept nogil:
    """Give an item back."""
    memset(pool_item(pool, number), 0, pool.item_bytes)
    pool_link(pool, number)[0] = share.spare
    share.spare = number


cdef inline uint32_t *pool_link(const Pool *pool, uint32_t number) noexcept nogil:
    """Where the number of the next spare item is."""
    return <uint32_t *>(<uint8_t *>pool_item(pool, number) + pool.item_bytes - sizeof(uint32_t))


cdef inline bint take_piece(Pool *pool, PoolShare *share) noexcept nogil:
    """One more piece for a share whose last one is full."""
    cdef uint64_t first = pool.limit, items
    if peek(&pool.given) < pool.limit:
        first = fetch_add(&pool.given, POOL_PIECE_ITEMS)
    if first >= pool.limit:
        return False
    items = min(<uint64_t>POOL_PIECE_ITEMS, pool.limit - first)
    pool.pieces[first >> POOL_PIECE_BITS] = <uint8_t *>calloc(items, pool.item_bytes)
    if pool.pieces[first >> POOL_PIECE_BITS] == NULL:
        put(&pool.given, pool.limit)            # so that there is no hole but the last one
        return False
    share.next, share.stop = <uint32_t>first, <uint32_t>(first + items)
    return True
