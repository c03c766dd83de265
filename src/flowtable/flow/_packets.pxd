# Packets that flows keep: their bytes lie one behind the other in pieces of memory that never move.
#
# A flow's packets are a ring: its record has the number of the last one, which leads to the first. Numbers are
# places in steps of eight bytes, plus one; 0 is no packet. They grow in the order in which packets were read, as
# long as none is dropped. A piece goes when all of its packets are dropped.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from flowtable._memory cimport end_sparse, sparse_memory
from flowtable._types cimport Record
from flowtable.packet._dissection cimport Part

cdef enum:
    PACKET_PIECE_BITS = 20
    PACKET_PIECE = 1 << PACKET_PIECE_BITS       # bytes; more than a packet of any link type that is decoded has
    PACKET_STEP = 8


cdef struct Kept:
    # One packet. What is in front of it in its frame follows, and then its own bytes.
    int64_t time            # Unix ns
    uint32_t next           # number of its flow's next one; the last one's is the first
    uint32_t captured       # bytes of its own
    uint32_t length         # of these on the wire
    uint32_t before         # bytes of its frame in front of it
    uint32_t frame          # number of the frame, the lower 32 bits
    uint16_t index          # which packet of its flow it is, from 1 on
    uint16_t link_type
    uint16_t frame_link_type
    uint16_t apart          # it is in no frame


cdef struct PacketPool:
    uint8_t **pieces
    uint32_t *packets_in    # [piece]
    uint64_t top            # pieces that there were
    uint64_t gone           # of these, that went
    uint64_t end            # the place behind the last packet
    uint64_t limit          # bytes at most
    uint64_t refused        # packets that were not kept


cdef inline bint packets_begin(PacketPool *pool, uint64_t limit_bytes) noexcept nogil:
    """An empty pool; numbers reach 32 GiB. False when memory is out."""
    pool.end = pool.refused = pool.top = pool.gone = 0
    pool.limit = min(limit_bytes, <uint64_t>0xFFFFFFFE * PACKET_STEP)
    pool.pieces = <uint8_t **>sparse_memory(most_pieces(pool) * sizeof(uint8_t *))
    pool.packets_in = <uint32_t *>sparse_memory(most_pieces(pool) * sizeof(uint32_t))
    return pool.pieces != NULL and pool.packets_in != NULL


cdef inline void packets_end(PacketPool *pool) noexcept nogil:
    cdef uint64_t piece
    if pool.pieces != NULL:
        for piece in range(pool.top):
            free(pool.pieces[piece])
    end_sparse(pool.pieces, most_pieces(pool) * sizeof(uint8_t *))
    end_sparse(pool.packets_in, most_pieces(pool) * sizeof(uint32_t))
    pool.pieces = NULL
    pool.packets_in = NULL
    pool.end = pool.top = 0


cdef inline size_t most_pieces(const PacketPool *pool) noexcept nogil:
    """How many pieces there can be."""
    return (pool.limit >> PACKET_PIECE_BITS) + 1


cdef inline Kept *packet_at(const PacketPool *pool, uint32_t number) noexcept nogil:
    """The packet with a number that packet_room() gave."""
    cdef uint64_t at = <uint64_t>(number - 1) * PACKET_STEP
    return <Kept *>(pool.pieces[at >> PACKET_PIECE_BITS] + (at & (PACKET_PIECE - 1)))


cdef inline const uint8_t *packet_bytes(const Kept *kept) noexcept nogil:
    """The packet's own bytes."""
    return <const uint8_t *>&kept[1] + kept.before


cdef inline uint32_t packet_room(PacketPool *pool, uint32_t captured) noexcept nogil:
    """The number of room for a packet; 0, and counted, where a limit or memory has come to its end."""
    cdef uint64_t size = (sizeof(Kept) + <uint64_t>captured + PACKET_STEP - 1) // PACKET_STEP * PACKET_STEP
    cdef uint64_t at = pool.end
    if at & (PACKET_PIECE - 1) == 0 or (at & (PACKET_PIECE - 1)) + size > PACKET_PIECE:
        at = next_place(pool)
    if size > PACKET_PIECE or at + size > pool.limit or not packets_grow(pool, at >> PACKET_PIECE_BITS):
        pool.refused += 1
        return 0
    pool.end = at + size
    pool.packets_in[at >> PACKET_PIECE_BITS] += 1
    return <uint32_t>(at // PACKET_STEP + 1)


cdef inline bint packets_grow(PacketPool *pool, uint64_t piece) noexcept nogil:
    """See to it that there is memory for a piece."""
    cdef uint64_t rest = pool.limit - (piece << PACKET_PIECE_BITS)
    if pool.pieces[piece] != NULL:
        return True
    pool.pieces[piece] = <uint8_t *>malloc(min(<uint64_t>PACKET_PIECE, rest))
    if pool.pieces[piece] == NULL:
        return False
    if piece == pool.top:
        pool.top += 1
    else:
        pool.gone -= 1
    return True


cdef inline uint64_t next_place(PacketPool *pool) noexcept nogil:
    """Where the next piece begins: the last one if it is empty, one that went, or behind all others."""
    cdef uint64_t piece = (pool.end - 1) >> PACKET_PIECE_BITS
    if pool.end and pool.packets_in[piece] == 0:
        return piece << PACKET_PIECE_BITS
    if pool.gone:
        for piece in range(pool.top):
            if pool.pieces[piece] == NULL:
                return piece << PACKET_PIECE_BITS
    return pool.top << PACKET_PIECE_BITS


cdef inline void drop_packets(PacketPool *pool, Record *r) noexcept nogil:
    """Forget what a flow has kept."""
    cdef uint32_t number = r.raw_packets, next
    while number:
        next = packet_at(pool, number).next
        drop_packet(pool, <uint64_t>(number - 1) * PACKET_STEP >> PACKET_PIECE_BITS)
        number = next if next != r.raw_packets else 0
    r.raw_packets = 0


cdef inline void drop_packet(PacketPool *pool, uint64_t piece) noexcept nogil:
    """There is one packet less in a piece; what is left of the last piece is used on."""
    pool.packets_in[piece] -= 1
    if pool.packets_in[piece] == 0 and piece != (pool.end - 1) >> PACKET_PIECE_BITS:
        free(pool.pieces[piece])
        pool.pieces[piece] = NULL
        pool.gone += 1


cdef inline void keep_packet(PacketPool *pool, Record *r, const Part *part, uint32_t most) noexcept nogil:
    """Keep a packet that its flow has counted, if it is among the first so many; one refused is not replaced.

    A flow that counts nothing (without addresses in L3 mode) goes by the packets that it has kept.
    """
    cdef uint64_t index = r.ab_packets + r.ba_packets
    cdef Kept *last = NULL
    cdef Kept *kept
    cdef uint32_t number
    if index > most:
        return
    if r.raw_packets:
        last = packet_at(pool, r.raw_packets)
    index = max(index, <uint64_t>(last.index + 1 if last != NULL else 1))
    number = packet_room(pool, part.before + part.captured) if index <= most else 0
    if number == 0:
        return
    kept = packet_at(pool, number)
    kept.time, kept.captured, kept.length = part.time, part.captured, part.wire_length
    kept.index, kept.link_type = <uint16_t>index, part.link_type
    kept.before, kept.frame, kept.frame_link_type = part.before, <uint32_t>part.order, part.frame_link_type
    kept.apart = part.apart
    memcpy(<uint8_t *>&kept[1], part.packet - part.before, part.before + part.captured)
    kept.next = number
    if last != NULL:
        kept.next, last.next = last.next, number
    r.raw_packets = number
    r.raw_count += 1
