"""Puts IP datagrams together from their pieces, within limits of memory, number and age.

Of IPv4 the bytes that came first stand. Of IPv6 a piece that overlaps another, or contradicts it, ends its
datagram and all that still comes for it (RFC 5722); a piece that brings nothing new is a duplicate, and is
passed over (RFC 8200, 4.5).
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset

from flowtable._hash cimport SipState, load64, sip_begin, sip_end, sip_word
from flowtable._types cimport IPV4, IPV6
from flowtable.packet._blocks cimport BLOCK, blocks_of, count_fresh, is_there, set_blocks

import os

from flowtable.errors import OptionError
from flowtable.packet.ip_metric import IPDefraggerMetric

cdef enum:
    LONGEST = 65535             # bytes of a datagram
    LAST_IPV4_OFFSET = 8183 * BLOCK
    FIRST_BUCKETS = 256
    MOST_BUCKETS = 1 << 20
    NOT_CUT = 0xFFFFFFFF        # Datagram.readable of what was captured whole

FAULT_NAMES = {
    SHORT: "short fragment",
    TOO_FAR: "fragment beyond 65,535 bytes",
    TRUNCATED_PIECE: "truncated fragment",
    DUPLICATE: "duplicate fragment",
    OVERLAP: "overlapping fragment",
    CONTRADICTION: "contradictory fragment",
    TOO_OLD: "fragment too old",
    NO_ROOM: "too many fragments",
    FLUSHED: "flushed fragment",
}


cdef bint put_together(Defragger *g, Fragment *f) noexcept nogil:
    """Take a piece; True when its datagram is whole, which `f` then describes.

    Its bytes are valid until defragger_release().
    """
    cdef Datagram *datagram
    cdef int fault = fault_of(f)
    g.fragments += 1
    expire(g, f.time)
    if fault == NO_FAULT and f.offset == 0 and not f.more:
        return stand_alone(g, f)
    datagram = find(g, f, fault == NO_FAULT)
    if fault == NO_FAULT:
        fault = add(g, datagram, f) if datagram != NULL else NO_ROOM
    if fault != NO_FAULT:
        reject(g, datagram, f, fault)
        return False
    return datagram.covered == blocks_of(datagram.end) and finish(g, datagram, f)


cdef bint stand_alone(Defragger *g, Fragment *f) noexcept nogil:
    """A datagram in one piece, which has nothing to do with others of its id (RFC 6946)."""
    f.pieces, f.errors = 1, 0
    g.joined += 1
    g.completed += 1
    return True


cdef int fault_of(const Fragment *f) noexcept nogil:
    """What is wrong with a piece whatever others there are."""
    if f.length == 0 and (f.offset or f.more) or f.more and f.length % BLOCK:
        return SHORT
    if f.headers + f.offset + f.length > LONGEST or f.network == IPV4 and f.offset > LAST_IPV4_OFFSET:
        return TOO_FAR
    if f.length > f.captured and f.length - f.captured > f.missing:
        return TRUNCATED_PIECE
    return NO_FAULT


cdef void reject(Defragger *g, Datagram *datagram, const Fragment *f, int fault) noexcept nogil:
    """Throw a piece away; what it is a piece of, if that is there, remembers it."""
    g.dropped[fault] += 1
    g.discarded[fault] += f.frames
    g.lost[fault] += f.frames == 0
    if datagram != NULL:
        datagram.errors += 1
        if datagram.pieces == 0 and datagram.broken == NO_FAULT:
            remove(g, datagram)         # there was room for it, but not for its first piece


# ---- which datagram a piece is of


cdef Datagram *find(Defragger *g, const Fragment *f, bint make) noexcept nogil:
    """The datagram of a piece, if need be a new one; NULL if there is none, or no room for one.

    One of the same key that is too old is another datagram, whose id has come back.
    """
    cdef DatagramKey key
    cdef uint64_t hash
    cdef Datagram *datagram
    take_key(&key, f)
    hash = hash_of(g, &key)
    datagram = g.buckets[hash & g.mask]
    while datagram != NULL and memcmp(&datagram.key, &key, sizeof(DatagramKey)):
        datagram = datagram.chain
    if datagram != NULL and far(g, datagram.begun, f.time):
        drop(g, datagram, TOO_OLD)
        datagram = NULL
    return begin(g, &key, hash, f.time) if datagram == NULL and make else datagram


cdef inline void take_key(DatagramKey *key, const Fragment *f) noexcept nogil:
    cdef int size = 4 if f.network == IPV4 else 16
    memset(key, 0, sizeof(DatagramKey))
    memcpy(key.source, f.addresses, size)
    memcpy(key.destination, f.addresses + size, size)
    key.surroundings, key.id, key.network = f.surroundings, f.id, f.network
    if f.network == IPV4:
        key.protocol = f.protocol


cdef inline uint64_t hash_of(const Defragger *g, const DatagramKey *key) noexcept nogil:
    cdef const uint8_t *p = <const uint8_t *>key
    cdef SipState s
    cdef size_t at
    sip_begin(&s, g.k0, g.k1)
    for at in range(0, sizeof(DatagramKey), 8):
        sip_word(&s, load64(p + at))
    return sip_end(&s)


cdef Datagram *begin(Defragger *g, const DatagramKey *key, uint64_t hash, int64_t time) noexcept nogil:
    """A datagram without a piece; NULL when there is no room for it."""
    cdef Datagram *datagram
    if not make_room(g, NULL, memory_of(sizeof(Datagram)), 1):
        return NULL
    datagram = <Datagram *>calloc(1, sizeof(Datagram))
    if datagram == NULL:
        return NULL
    datagram.key, datagram.hash, datagram.begun = key[0], hash, time
    datagram.readable = NOT_CUT
    charge(g, datagram, memory_of(sizeof(Datagram)))
    if g.datagrams > g.mask:
        grow(g)
    datagram.chain = g.buckets[hash & g.mask]
    g.buckets[hash & g.mask] = datagram
    datagram.older = g.newest
    if g.newest != NULL:
        g.newest.newer = datagram
    else:
        g.oldest = datagram
    g.newest = datagram
    g.datagrams += 1
    return datagram


cdef void grow(Defragger *g) noexcept nogil:
    """Twice the buckets; chains get longer where there is no memory for that."""
    cdef uint64_t mask = 2 * g.mask + 1
    cdef Datagram *datagram = g.oldest
    cdef Datagram **buckets = NULL
    if mask < MOST_BUCKETS:
        buckets = <Datagram **>calloc(mask + 1, sizeof(void *))
    if buckets == NULL:
        return
    while datagram != NULL:
        datagram.chain = buckets[datagram.hash & mask]
        buckets[datagram.hash & mask] = datagram
        datagram = datagram.newer
    free(g.buckets)
    g.buckets, g.mask = buckets, mask


# ---- what makes datagrams go


cdef inline bint far(const Defragger *g, int64_t a, int64_t b) noexcept nogil:
    """Whether two times are further apart than a datagram may be old, whichever is the later."""
    return (a - b if a > b else b - a) > g.max_age


cdef void expire(Defragger *g, int64_t time) noexcept nogil:
    """Throw away what is too old by this piece's time and by the one's before.

    One piece with a wrong time is believed by nobody; after a step of the clock, either way, datagrams from
    before it go.
    """
    cdef int64_t before = g.time_before if g.fragments > 1 else time
    while g.oldest != NULL and far(g, g.oldest.begun, time) and far(g, g.oldest.begun, before):
        drop(g, g.oldest, TOO_OLD)
    g.time_before = time


cdef bint make_room(Defragger *g, const Datagram *keep, uint64_t memory, uint32_t datagrams) noexcept nogil:
    """Throw away the oldest until so much fits, all but one that is kept; False if it does not."""
    cdef Datagram *oldest
    while g.bytes + memory > g.max_bytes or g.datagrams + datagrams > g.max_datagrams:
        oldest = g.oldest.newer if g.oldest != NULL and g.oldest == keep else g.oldest
        if oldest == NULL:
            return False
        drop(g, oldest, NO_ROOM)
    return True


cdef inline uint64_t memory_of(uint64_t size) noexcept nogil:
    """What malloc takes for so many bytes: eight more, in steps of sixteen."""
    return (size + 8 + 15) & ~<uint64_t>15


cdef inline void charge(Defragger *g, Datagram *datagram, uint64_t memory) noexcept nogil:
    datagram.bytes += <uint32_t>memory
    g.bytes += memory


cdef void drop(Defragger *g, Datagram *datagram, int fault) noexcept nogil:
    """Throw away a datagram with all its pieces."""
    drop_pieces(g, datagram, fault)
    remove(g, datagram)


cdef void drop_pieces(Defragger *g, Datagram *datagram, int fault) noexcept nogil:
    g.dropped[fault] += datagram.pieces
    g.discarded[fault] += datagram.frames
    g.lost[fault] += datagram.inner
    forget_pieces(g, datagram)


cdef void forget_pieces(Defragger *g, Datagram *datagram) noexcept nogil:
    """Free the pieces, which have been accounted for."""
    cdef Piece *piece
    while datagram.stored != NULL:
        piece = datagram.stored
        datagram.stored = piece.next
        free(piece)
    g.held_pieces -= datagram.pieces
    g.held_frames -= datagram.frames
    g.bytes -= datagram.bytes - memory_of(sizeof(Datagram))
    datagram.bytes = <uint32_t>memory_of(sizeof(Datagram))
    datagram.pieces = datagram.frames = datagram.inner = 0


cdef void remove(Defragger *g, Datagram *datagram) noexcept nogil:
    """Take a datagram without pieces out of the index and of the order, and free it."""
    cdef Datagram **link = &g.buckets[datagram.hash & g.mask]
    while link[0] != datagram:
        link = &link[0].chain
    link[0] = datagram.chain
    if datagram.older != NULL:
        datagram.older.newer = datagram.newer
    else:
        g.oldest = datagram.newer
    if datagram.newer != NULL:
        datagram.newer.older = datagram.older
    else:
        g.newest = datagram.older
    g.bytes -= datagram.bytes
    g.datagrams -= 1
    free(datagram)


# ---- a piece comes to a datagram


cdef int add(Defragger *g, Datagram *datagram, const Fragment *f) noexcept nogil:
    """Keep what a piece brings; gives the fault for which it is thrown away."""
    cdef uint32_t first = f.offset // BLOCK, end = first + (f.length + BLOCK - 1) // BLOCK
    cdef uint32_t fresh
    cdef int fault = datagram.broken
    if fault == NO_FAULT:
        fresh = count_fresh(datagram.blocks, first, end)
        fault = conflict(datagram, f, fresh, end - first)
        if f.network == IPV6 and (fault == OVERLAP or fault == CONTRADICTION):
            drop_pieces(g, datagram, fault)
            datagram.broken = fault
    if fault == NO_FAULT and not store_fresh(g, datagram, f, first, end, fresh):
        fault = NO_ROOM
    if fault == NO_FAULT:
        count_piece(g, datagram, f, fresh < end - first)
    return fault


cdef int conflict(const Datagram *datagram, const Fragment *f, uint32_t fresh, uint32_t blocks) noexcept nogil:
    """How a piece fits to what is there."""
    cdef uint32_t end = f.offset + f.length
    if datagram.end and (end > datagram.end or not f.more and end != datagram.end):
        return CONTRADICTION
    if not f.more and end < datagram.reach:
        return CONTRADICTION
    if fresh == 0 and (f.more or datagram.end):
        return DUPLICATE
    return OVERLAP if f.network == IPV6 and fresh < blocks else NO_FAULT


cdef void count_piece(Defragger *g, Datagram *datagram, const Fragment *f, bint overlaps) noexcept nogil:
    datagram.pieces += 1
    datagram.errors += overlaps
    datagram.frames += f.frames
    datagram.inner += f.frames == 0
    g.held_pieces += 1
    g.held_frames += f.frames
    datagram.reach = max(datagram.reach, f.offset + f.length)
    if not f.more:
        datagram.end = f.offset + f.length


cdef bint store_fresh(Defragger *g, Datagram *datagram, const Fragment *f, uint32_t first, uint32_t end,
                      uint32_t fresh) noexcept nogil:
    """Store each run of blocks that are not there yet; False when there is no room."""
    cdef uint32_t at = first, run
    if fresh == end - first:
        return store(g, datagram, f, first, end)
    while at < end:
        if is_there(datagram.blocks, at):
            at += 1
            continue
        run = at
        while at < end and not is_there(datagram.blocks, at):
            at += 1
        if not store(g, datagram, f, run, at):
            return False
    return True


cdef bint store(Defragger *g, Datagram *datagram, const Fragment *f, uint32_t first, uint32_t end) noexcept nogil:
    """Store these blocks of a piece, as far as they were captured; False when there is no room."""
    cdef uint32_t skipped = first * BLOCK - f.offset
    cdef uint32_t wanted = min(end * BLOCK - f.offset, f.length), length = min(wanted, f.captured)
    cdef Piece *piece = NULL
    length = length - skipped if length > skipped else 0
    if make_room(g, datagram, memory_of(sizeof(Piece) + length), 0):
        piece = <Piece *>malloc(sizeof(Piece) + length)
    if piece == NULL:
        return False
    piece.offset, piece.length = first * BLOCK, length
    memcpy(&piece[1], f.data + skipped, length)
    piece.next = datagram.stored
    datagram.stored = piece
    charge(g, datagram, memory_of(sizeof(Piece) + length))
    set_blocks(datagram.blocks, first, end)
    datagram.covered += end - first
    if skipped + length < wanted:
        datagram.readable = min(datagram.readable, first * BLOCK + length)
    if first == 0:
        datagram.protocol = f.protocol
    return True


# ---- a datagram is whole


cdef bint finish(Defragger *g, Datagram *datagram, Fragment *f) noexcept nogil:
    """Put a datagram together behind the headers of its last piece; False when there is no memory."""
    cdef size_t before = f.data - f.frame
    cdef uint32_t readable = min(datagram.end, datagram.readable)
    cdef Whole *whole = <Whole *>malloc(sizeof(Whole) + before + readable)
    cdef uint8_t *frame
    if whole == NULL:
        drop(g, datagram, NO_ROOM)
        return False
    frame = <uint8_t *>&whole[1]
    memcpy(frame, f.frame, before)
    copy_pieces(datagram, frame + before, readable)
    whole.next, whole.size = g.finished, before + readable
    g.finished = whole
    g.finished_bytes += whole.size
    f.frame, f.data, f.captured, f.length = frame, frame + before, readable, datagram.end
    f.missing = datagram.end - readable
    f.protocol, f.pieces, f.errors, f.frames = datagram.protocol, datagram.pieces, datagram.errors, datagram.frames
    g.joined += datagram.pieces
    g.completed += 1
    forget_pieces(g, datagram)
    remove(g, datagram)
    return True


cdef void copy_pieces(const Datagram *datagram, uint8_t *to, uint32_t readable) noexcept nogil:
    """What is there of the first so many bytes: all of them, since what was not captured begins behind."""
    cdef const Piece *piece = datagram.stored
    while piece != NULL:
        if piece.offset < readable:
            memcpy(to + piece.offset, &piece[1], min(piece.length, readable - piece.offset))
        piece = piece.next


cdef void defragger_release(Defragger *g) noexcept nogil:
    """Free the datagrams that were put together; nothing may point into them any more."""
    cdef Whole *whole
    while g.finished != NULL:
        whole = g.finished
        g.finished = whole.next
        free(whole)
    g.finished_bytes = 0


# ---- the Python face


cdef class IPDefragger:
    """Puts IP datagrams together from their pieces: IPv4 (RFC 791) and IPv6 (RFC 8200, section 4.5).

    What is held is limited in bytes (with what it costs to hold them), in datagrams, and in age. When there is
    no room, the oldest datagram goes; what goes is counted in ``metric``.

    Args:
        max_bytes: memory for the pieces that are held.
        max_datagrams: datagrams that are held.
        max_age: ns from a datagram's first piece, by the pieces' own times, after which it is thrown away.

    Raises:
        OptionError: a limit is no number of 0 or more.

    """

    def __cinit__(self, *, max_bytes=64 << 20, max_datagrams=65536, max_age=30 * 10**9):
        cdef Defragger *g = &self.state
        for name, value in (("max_bytes", max_bytes), ("max_datagrams", max_datagrams), ("max_age", max_age)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise OptionError(f"IPDefragger: {name} takes a number, 0 or more, not {value!r}")
        g.max_bytes, g.max_datagrams = min(max_bytes, 1 << 62), min(max_datagrams, 1 << 62)
        g.max_age = min(max_age, (1 << 63) - 1)
        g.mask = FIRST_BUCKETS - 1
        g.k0 = int.from_bytes(os.urandom(8), "little")
        g.k1 = int.from_bytes(os.urandom(8), "little")
        g.buckets = <Datagram **>calloc(g.mask + 1, sizeof(void *))
        if g.buckets == NULL:
            raise MemoryError("no memory for an IPDefragger")

    def __dealloc__(self):
        while self.state.oldest != NULL:
            drop(&self.state, self.state.oldest, FLUSHED)
        defragger_release(&self.state)
        free(self.state.buckets)

    def defrag(self, data, **options):
        """Take a frame and give its packets, as ``PacketSequence.from_frame`` does.

        While pieces of what it carries are missing, only what is around the piece is there: the packets of
        the tunnels that it is in. ``time``, in ns, is what pieces grow old by.
        """
        from flowtable.packet.packet import PacketSequence

        return PacketSequence.from_frame(data, defragger=self, **options)

    @cython.critical_section
    def flush_all(self):
        """Throw away all that is held; gives the number of datagrams."""
        cdef uint64_t before = self.state.datagrams
        while self.state.oldest != NULL:
            drop(&self.state, self.state.oldest, FLUSHED)
        return before

    @cython.critical_section
    def flush_older_than(self, time_ns):
        """Throw away the datagrams whose first piece came before a time (Unix ns); gives their number."""
        cdef int64_t time
        if not isinstance(time_ns, int):
            raise OptionError(f"flush_older_than: takes Unix ns, not {time_ns!r}")
        time = max(0, min(time_ns, (1 << 63) - 1))
        cdef Datagram *datagram = self.state.oldest
        cdef Datagram *following
        cdef uint64_t before = self.state.datagrams
        while datagram != NULL:
            following = datagram.newer
            if datagram.begun < time:
                drop(&self.state, datagram, TOO_OLD)
            datagram = following
        return before - self.state.datagrams

    @property
    @cython.critical_section
    def metric(self):
        """What became of the fragments so far."""
        return IPDefraggerMetric(
            fragments=self.state.fragments,
            joined=self.state.joined,
            datagrams=self.state.completed,
            held=self.state.held_pieces,
            held_datagrams=self.state.datagrams,
            held_bytes=self.state.bytes,
            dropped=by_name(self.state.dropped),
        )

    @cython.critical_section
    def frames(self):
        """The frames that are held, and those thrown away, by reason, and the pieces that flows lack, likewise."""
        lost = by_name(self.state.lost)
        if waiting := self.waiting_inside():
            lost["fragments inside tunnels that wait"] = waiting
        return self.state.held_frames, by_name(self.state.discarded), lost

    cdef uint64_t waiting_inside(self) noexcept:
        """Pieces that are held, and with whose frames other parts are in flows."""
        cdef const Datagram *datagram = self.state.oldest
        cdef uint64_t pieces = 0
        while datagram != NULL:
            pieces += datagram.inner
            datagram = datagram.newer
        return pieces


cdef dict by_name(const uint64_t *counts):
    return {name: counts[fault] for fault, name in FAULT_NAMES.items() if counts[fault]}
