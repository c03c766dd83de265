# What a live table knows of its flows beside their records, and which of them it has to look at next.
#
# Flows wait in a heap by the time at which they are looked at, which is never after their time is up: a packet
# does not move its flow there, but when a flow is looked at and has had packets since, it is put behind. So a
# packet costs nothing here, time in which nothing is due costs nothing, and what is first is exact to the ns.
# With four children a node the heap is half as deep as with two, and they share a cache line.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from flowtable._exact cimport MAX_PIECES, PIECE_BITS
from flowtable._types cimport Record
from flowtable.flow._flow cimport PIECE_MASK, PIECE_RECORDS


cdef enum:
    NEVER = 0x7FFFFFFFFFFFFFFF      # ns


cdef enum LifeState:
    UNUSED = 0                  # no flow has the record
    LIVING = 1
    OVER = 2                    # it has ended, and its record is still to be handed over, or looked at by a query
    SHADE = 3                   # it is gone, but a flow around it shows its Community ID


cdef struct Counters:
    uint64_t ab_packets
    uint64_t ab_bytes
    uint64_t ba_packets
    uint64_t ba_bytes


cdef struct Life:
    int64_t latest              # ns; the latest time of its packets, in whatever order they came
    int64_t idle                # ns without a packet, after which the flow ends
    int64_t segment_start       # ns; when the segment began that an active timeout cuts
    int64_t held_until          # ns; it was finished by FIN or RST, and late packets find it until then; 0: it was not
    int64_t updated_at          # ns; when the last update was before it ended
    uint64_t began              # how many times somebody had begun to ask for flows when it began
    uint64_t ended              # and when it ended
    uint32_t tag                # the upper half of its key's hash, as the index has it
    uint32_t at                 # its place in the heap, plus one; 0: it waits for its children
    uint32_t children           # flows inside it that are living
    uint32_t segment            # cut so far
    uint32_t copy               # its record in what was copied last
    uint64_t copied             # and when: see LiveEngine.moment
    uint8_t state               # LifeState
    uint8_t changed             # it is in the list of those with packets since the last update
    Counters updated            # at the last update
    Counters cut                # at the end of the last segment


cdef struct Due:
    int64_t time                # ns
    uint32_t number             # of the flow's record


cdef struct Lives:
    Life **pieces               # as the records' are
    Due *heap
    uint32_t waiting            # in the heap
    uint32_t room


cdef inline bint lives_begin(Lives *lives) noexcept nogil:
    memset(lives, 0, sizeof(Lives))
    lives.pieces = <Life **>calloc(MAX_PIECES, sizeof(Life *))
    return lives.pieces != NULL


cdef inline void lives_end(Lives *lives) noexcept nogil:
    cdef uint32_t piece
    if lives.pieces != NULL:
        for piece in range(MAX_PIECES):
            if lives.pieces[piece] == NULL:
                break
            free(lives.pieces[piece])
    free(lives.pieces)
    free(lives.heap)
    lives.pieces = NULL
    lives.heap = NULL


cdef inline Life *life_of(const Lives *lives, uint32_t number) noexcept nogil:
    """What is known of a flow for whose record there was room made."""
    return &lives.pieces[number >> PIECE_BITS][number & PIECE_MASK]


cdef inline bint lives_grow(Lives *lives, uint32_t number) noexcept nogil:
    """Have room for a flow with a record number, and for it to wait; False: there is no memory."""
    cdef uint32_t piece = number >> PIECE_BITS
    cdef void *heap
    if lives.pieces[piece] == NULL:
        lives.pieces[piece] = <Life *>calloc(PIECE_RECORDS, sizeof(Life))
        if lives.pieces[piece] == NULL:
            return False
    if number >= lives.room:
        heap = realloc(lives.heap, <size_t>(piece + 1) * 2 * PIECE_RECORDS * sizeof(Due))
        if heap == NULL:
            return False
        lives.heap = <Due *>heap
        lives.room = (piece + 1) * 2 * PIECE_RECORDS
    return True


cdef inline int64_t first_due(const Lives *lives) noexcept nogil:
    """When a flow has to be looked at next, in ns; NEVER when none waits."""
    return lives.heap[0].time if lives.waiting else <int64_t>NEVER


cdef inline void put_due(Lives *lives, uint32_t at, Due due) noexcept nogil:
    lives.heap[at] = due
    life_of(lives, due.number).at = at + 1


cdef inline void wait_until(Lives *lives, uint32_t number, int64_t time) noexcept nogil:
    """Let a flow be looked at then, and not when it was to be before."""
    cdef uint32_t at = life_of(lives, number).at
    if at == 0:
        lives.waiting += 1
        at = lives.waiting
    put_due(lives, at - 1, Due(time, number))
    settle_due(lives, at - 1)


cdef inline void wait_no_more(Lives *lives, uint32_t number) noexcept nogil:
    """Take a flow out of the heap, if it is there."""
    cdef uint32_t at = life_of(lives, number).at
    if at == 0:
        return
    life_of(lives, number).at = 0
    lives.waiting -= 1
    if at - 1 < lives.waiting:
        put_due(lives, at - 1, lives.heap[lives.waiting])
        settle_due(lives, at - 1)


cdef inline void settle_due(Lives *lives, uint32_t at) noexcept nogil:
    """Bring what is at a place of the heap to where it belongs: before what is later, behind what is earlier."""
    cdef Due due = lives.heap[at]
    cdef uint32_t next
    while at and lives.heap[(at - 1) >> 2].time > due.time:
        put_due(lives, at, lives.heap[(at - 1) >> 2])
        at = (at - 1) >> 2
    next = earliest_below(lives, at)
    while next and lives.heap[next].time < due.time:
        put_due(lives, at, lives.heap[next])
        at = next
        next = earliest_below(lives, at)
    put_due(lives, at, due)


cdef inline uint32_t earliest_below(const Lives *lives, uint32_t at) noexcept nogil:
    """The place of the earliest of a place's children; 0: it has none."""
    cdef uint64_t first = 4 * <uint64_t>at + 1
    cdef uint32_t child, best = <uint32_t>first
    if first >= lives.waiting:
        return 0
    for child in range(<uint32_t>first + 1, <uint32_t>min(first + 4, <uint64_t>lives.waiting)):
        if lives.heap[child].time < lives.heap[best].time:
            best = child
    return best


cdef inline Counters counters_of(const Record *r) noexcept nogil:
    return Counters(r.ab_packets, r.ab_bytes, r.ba_packets, r.ba_bytes)
