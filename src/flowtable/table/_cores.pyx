"""Counting by several engines: frames are dealt out by their outermost pair of addresses.

Invariant: what belongs together (both ways of a flow, a tunnel and all that is inside it) has one outermost
pair, so that it comes to one engine, in the order of the capture.
"""

from cpython cimport array
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from flowtable._exact cimport PIECE_BITS, exact_frames, forget_frames
from flowtable._types cimport BATCH, Frame, Record
from flowtable.capture._walk cimport PacketSource
from flowtable.flow._begin cimport Maker, number_of
from flowtable.flow._flow cimport PIECE_RECORDS, Records, record_at
from flowtable.packet._decode cimport tunnel_set
from flowtable.packet._dissection cimport Decoding
from flowtable.packet._outermost cimport outermost_pair
from flowtable.table._engine cimport FRAMES_AHEAD, Engine
from flowtable.table._index cimport prefetch

import os
from array import array as new_array


cdef enum:
    DEALT_WINDOWS = 2           # at a time, so that threads are woken up for some work


cdef struct Hand:
    Frame *frames
    uint32_t count
    uint32_t room


cdef class Deal:
    """Frames for each of several engines, which stay valid as long as those of their source do."""

    cdef Hand *hands
    cdef int engines
    cdef PacketSource source        # whose windows frames are in, as long as somebody may count them

    def __cinit__(self, int engines):
        self.engines = engines
        self.hands = <Hand *>calloc(engines, sizeof(Hand))
        if self.hands == NULL:
            raise MemoryError("no memory to deal out frames")

    def __dealloc__(self):
        cdef int i
        if self.hands != NULL:
            for i in range(self.engines):
                free(self.hands[i].frames)
        free(self.hands)

    cdef void clear(self) noexcept nogil:
        cdef int i
        for i in range(self.engines):
            self.hands[i].count = 0

    cdef bint add(self, int engine, const Frame *frame) noexcept nogil:
        """Deal a frame; False when memory is out."""
        cdef Hand *hand = &self.hands[engine]
        cdef uint32_t room = max(2 * hand.room, <uint32_t>BATCH)
        cdef void *frames
        if hand.count == hand.room:
            frames = realloc(hand.frames, room * sizeof(Frame))
            if frames == NULL:
                return False
            hand.frames, hand.room = <Frame *>frames, room
        hand.frames[hand.count] = frame[0]
        hand.count += 1
        return True

    def count(self, Engine engine not None, int hand):
        """Let an engine count one hand; gives what ``Engine.run`` gives."""
        return engine.count_dealt(self.hands[hand].frames, self.hands[hand].count)


cdef class Dealer:
    """Deals out the frames of a source."""

    cdef PacketSource source
    cdef Decoding how
    cdef uint64_t seed
    cdef uint64_t frames
    cdef int windows                        # dealt out at a time
    cdef bint is_over
    cdef readonly uint64_t steps_back
    cdef readonly int64_t latest            # ns; the time of the last frame

    def __cinit__(self, tunnels):
        self.how.tunnels = tunnel_set(tunnels)
        self.seed = int.from_bytes(os.urandom(8), "little")

    def begin(self, PacketSource source not None, int deals):
        """Deal out what this source has. Frames of so many deals stay valid, with the one being dealt.

        Until end() nobody else may read the source, since that would take the place of frames that are counted.
        """
        source.begin_reading()
        self.source = source
        self.windows = source.keep_windows(deals * DEALT_WINDOWS) // deals
        self.is_over = False

    def deal(self, Deal deal not None):
        """Deal out what some of the source's windows have, in place of what was dealt before; False at its end."""
        cdef int window
        cdef bint enough
        deal.clear()
        deal.source = self.source
        for window in range(self.windows):
            if self.is_over:
                break
            with nogil:
                enough = self.deal_window(deal)
            if not enough:
                raise MemoryError("no memory to deal out frames")
            self.is_over = not self.source.refill()
        return not self.is_over

    def end(self):
        """All frames are counted: others may have the source."""
        self.source.end_reading()

    cdef bint deal_window(self, Deal deal) noexcept nogil:
        cdef Frame frames[BATCH]
        cdef int i, n = self.source.walk(frames, BATCH)
        while n:
            for i in range(n):
                if i + FRAMES_AHEAD < n:
                    prefetch(frames[i + FRAMES_AHEAD].data)
                if not self.deal_frame(deal, &frames[i]):
                    return False
            n = self.source.walk(frames, BATCH)
        return True

    cdef bint deal_frame(self, Deal deal, Frame *frame) noexcept nogil:
        cdef Frame exact = frame[0]
        cdef uint64_t pair
        self.steps_back += frame.time < self.latest
        self.latest = frame.time
        frame.number = self.frames
        self.frames += 1
        exact_frames(&exact, 1)
        pair = outermost_pair(&exact, &self.how, self.seed)
        forget_frames(&exact, 1)
        return deal.add(<int>((pair >> 32) * <uint64_t>deal.engines >> 32), frame)


def rows_in_order(list engines not None):
    """The records of all engines' flows in the order in which these began, when counting is over."""
    cdef uint32_t nth, total = 0
    cdef Engine engine
    cdef array.array rows
    cdef uint32_t[::1] out
    for engine in engines:
        total += engine.maker.begun
        clear_rest(&engine.maker, engine.records)
    rows = array.clone(new_array("I"), total, zero=False)
    if total:
        out = rows
        merge(engines, out)
    return rows


cdef int merge(list engines, uint32_t[::1] out) except -1:
    """Merge by the numbers of the frames that began flows; those of one frame are all in one engine's."""
    cdef int i, first, n = <int>len(engines)
    cdef uint32_t at
    cdef list heads = [Head.__new__(Head) for _ in engines]
    cdef Head head
    cdef Engine engine
    for head, engine in zip(heads, engines):
        head.maker, head.records = &engine.maker, engine.records
        head.look()
    for at in range(<uint32_t>out.shape[0]):
        first = 0
        for i in range(1, n):
            if (<Head>heads[i]).order < (<Head>heads[first]).order:
                first = i
        head = <Head>heads[first]
        out[at] = head.number
        head.nth += 1
        head.look()
    return 0


cdef class Head:
    """The next flow of one engine."""

    cdef const Maker *maker
    cdef Records records
    cdef uint32_t nth
    cdef uint32_t number
    cdef uint64_t order

    cdef void look(self) noexcept:
        self.order = <uint64_t>-1
        if self.nth < self.maker.begun:
            self.number = number_of(self.maker, self.nth)
            self.order = record_at(self.records, self.number).order


cdef void clear_rest(const Maker *maker, Records records) noexcept:
    """Let the records that a maker has not used be empty, since all pieces count from now on."""
    cdef uint32_t used = maker.begun & (PIECE_RECORDS - 1)
    if used:
        memset(record_at(records, number_of(maker, maker.begun)), 0, (PIECE_RECORDS - used) * sizeof(Record))
    records.count = <uint32_t>(records.n_pieces << PIECE_BITS)
