# Which record has a key: open addressing over slots of eight bytes, at most half of them taken.
#
# A slot is tag << 32 | record number + 1, 0 when empty, and REMOVED in old slots that are still to be moved. The tag is the upper half of the key's hash
# and chooses the slot as well, so that growing needs no look at the records. After growing, what the old
# slots hold is moved a few at a time, and looked up in both until then. Before it, the system is made to find
# the memory for the new ones a page at a time, since all of it together took a quarter of a second for ten
# million flows (measured).

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp

from flowtable._exact cimport FIRST_SLOTS
from flowtable._memory cimport PAGE, prefer_large_pages, touch
from flowtable._types cimport KEY_IDS, FlowKey, Record
from flowtable.flow._flow cimport Records, record_at
from flowtable.packet._dissection cimport Part


cdef extern from * nogil:
    void prefetch "__builtin_prefetch"(const void *address)


cdef enum:
    MOVES = 8               # old slots looked at with each insert; 2 would do before the next growth
    SOON = 16               # a part of the keys with which an index grows, during which the next slots are made ready
    NOT_FOUND = 0xFFFFFFFF
    REMOVED = 0xFFFFFFFF    # no record has this number


cdef struct Index:
    uint64_t *slots
    uint64_t mask           # their number, a power of two, less one
    uint64_t count          # keys in all
    uint64_t *old
    uint64_t old_mask
    uint64_t moved          # old slots that have been looked at
    uint64_t *next          # twice as many slots, for when it grows; NULL until that is soon
    uint64_t ready          # bytes of them that there is memory for


cdef inline bint index_begin(Index *index) noexcept nogil:
    index.slots = <uint64_t *>calloc(FIRST_SLOTS, sizeof(uint64_t))
    index.mask = FIRST_SLOTS - 1
    index.count = 0
    index.old = index.next = NULL
    return index.slots != NULL


cdef inline void index_end(Index *index) noexcept nogil:
    free(index.slots)
    free(index.old)
    free(index.next)


cdef inline void index_prefetch(const Index *index, uint64_t hash) noexcept nogil:
    prefetch(&index.slots[(hash >> 32) & index.mask])
    if index.old != NULL:
        prefetch(&index.old[(hash >> 32) & index.old_mask])


cdef inline uint64_t first_candidate(const uint64_t *slots, uint64_t mask, uint64_t tag) noexcept nogil:
    """The first slot with this tag, or 0."""
    cdef uint64_t at = tag & mask
    while slots[at] and (slots[at] >> 32 != tag or slots[at] == REMOVED):
        at = (at + 1) & mask
    return slots[at]


cdef inline uint32_t index_guess(const Index *index, uint64_t hash) noexcept nogil:
    """The record that very probably has a key with this hash, for prefetching; NOT_FOUND without."""
    cdef uint64_t slot = first_candidate(index.slots, index.mask, hash >> 32)
    if slot == 0 and index.old != NULL:
        slot = first_candidate(index.old, index.old_mask, hash >> 32)
    return <uint32_t>slot - 1 if slot else NOT_FOUND


cdef inline bint is_flow_of(const Record *record, const Part *part) noexcept nogil:
    """Whether keys are the same; with KEY_IDS the VLAN ids too, for which a key has no room."""
    if memcmp(&record.key, &part.key, sizeof(FlowKey)) != 0:
        return False
    return not part.key.flags & KEY_IDS or record.link_id == part.link_id


cdef inline uint32_t find_in(const uint64_t *slots, uint64_t mask, const Part *part, Records records) noexcept nogil:
    cdef uint64_t tag = part.hash >> 32
    cdef uint64_t at = tag & mask
    cdef uint32_t number
    while slots[at]:
        if slots[at] >> 32 == tag and slots[at] != REMOVED:
            number = <uint32_t>slots[at] - 1
            if is_flow_of(record_at(records, number), part):
                return number
        at = (at + 1) & mask
    return NOT_FOUND


cdef inline uint32_t index_find(const Index *index, const Part *part, Records records) noexcept nogil:
    """The record with exactly the key of this part, or NOT_FOUND."""
    cdef uint32_t number = find_in(index.slots, index.mask, part, records)
    if number == NOT_FOUND and index.old != NULL:
        number = find_in(index.old, index.old_mask, part, records)
    return number


cdef inline void put_slot(Index *index, uint64_t slot) noexcept nogil:
    cdef uint64_t at = (slot >> 32) & index.mask
    while index.slots[at]:
        at = (at + 1) & index.mask
    index.slots[at] = slot


cdef inline bint index_add(Index *index, uint64_t hash, uint32_t number) noexcept nogil:
    """Remember a key that index_find() did not find; False when memory is out."""
    if index.old != NULL:
        move_some(index)
    if 2 * (index.count + 1) > index.mask / SOON * (SOON - 1):
        make_ready(index)
    if 2 * (index.count + 1) > index.mask and not grow(index):
        return False
    put_slot(index, (hash >> 32 << 32) | (number + 1))
    index.count += 1
    return True


cdef inline void index_remove(Index *index, uint32_t tag, uint32_t number) noexcept nogil:
    """Forget a key that was added."""
    cdef uint64_t slot = <uint64_t>tag << 32 | (number + 1)
    cdef uint64_t at = place_of(index.slots, index.mask, slot)
    if index.slots[at]:
        close_gap(index, at)
    if index.old != NULL:
        at = place_of(index.old, index.old_mask, slot)
        if index.old[at]:
            index.old[at] = REMOVED     # moved or not; the others stay, since some of them are moved
    index.count -= 1


cdef inline uint64_t place_of(const uint64_t *slots, uint64_t mask, uint64_t slot) noexcept nogil:
    """Where a slot is, or the empty one that was found instead."""
    cdef uint64_t at = (slot >> 32) & mask
    while slots[at] and slots[at] != slot:
        at = (at + 1) & mask
    return at


cdef inline void close_gap(Index *index, uint64_t gap) noexcept nogil:
    """Empty a slot, and let those behind it that are not where their tags say come nearer (Knuth, 6.4, R)."""
    cdef uint64_t at = (gap + 1) & index.mask, way
    while index.slots[at]:
        way = (at - (index.slots[at] >> 32)) & index.mask           # how far it is from where its tag says
        if way >= ((at - gap) & index.mask):
            index.slots[gap] = index.slots[at]
            gap = at
        at = (at + 1) & index.mask
    index.slots[gap] = 0


cdef inline void move_some(Index *index) noexcept nogil:
    cdef uint64_t stop = index.moved + MOVES
    while index.moved < stop and index.moved <= index.old_mask:
        if index.old[index.moved] and index.old[index.moved] != REMOVED:
            put_slot(index, index.old[index.moved])
        index.moved += 1
    if index.moved > index.old_mask:
        free(index.old)
        index.old = NULL


cdef inline bint make_ready(Index *index) noexcept nogil:
    """See to it that there is memory for some more of the next slots; False if there are to be none."""
    cdef uint64_t slots = 2 * (index.mask + 1)
    if index.next == NULL:
        index.next = <uint64_t *>calloc(slots, sizeof(uint64_t))
        index.ready = 0
        if index.next == NULL:
            return False
        prefer_large_pages(index.next, slots * sizeof(uint64_t))
    if index.ready < slots * sizeof(uint64_t):
        if index.ready % PAGE == 0:
            touch(<char *>index.next + index.ready)
        index.ready += 2 * SOON * 2 * sizeof(uint64_t)      # so that all are when it grows
    return True


cdef inline bint grow(Index *index) noexcept nogil:
    """Twice the slots; by MOVES the old ones are empty before this happens again."""
    if not make_ready(index):
        return False
    index.old, index.old_mask, index.moved = index.slots, index.mask, 0
    index.slots, index.mask, index.next = index.next, 2 * index.mask + 1, NULL
    return True
