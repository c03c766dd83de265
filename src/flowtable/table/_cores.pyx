"""Counting by several engines: frames are dealt out by their outermost pair of addresses.

Invariant: what belongs together (both ways of a flow, a tunnel and all that is inside it) has one outermost
pair, so that it comes to one engine, in the order of the capture.
"""

cimport cython
from cpython cimport array
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint32_t, uint64_t
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
from flowtable.table._engine cimport DONE, FRAMES_AHEAD, Engine
from flowtable.table._index cimport prefetch
from flowtable.table._turns cimport (
    READ, REST, Turns, all_left, begin_turns, count_done, end_turns, enter, leave, next_turn, read_done, stop_turns,
)

import os
from _thread import start_new_thread
from array import array as new_array

from flowtable.table._engine import OUTCOMES


cdef enum:
    DEALS = 8                   # that are counted or wait for it, so that no engine waits for another one
    DEALT_WINDOWS = 2           # at a time, so that threads are woken up for some work
    LOOK_MS = 50                # between two looks at signals, and calls of progress


cdef struct Hand:
    uint32_t *which             # of the deal's frames
    uint32_t count


cdef struct Deal:
    # Frames, and which of them each engine is to count. There is room for as many in every hand.
    Frame *frames
    uint32_t count
    uint32_t room
    Hand *hands


cdef bint begin_deal(Deal *deal, int engines) noexcept:
    deal.hands = <Hand *>calloc(engines, sizeof(Hand))
    return deal.hands != NULL


cdef void end_deal(Deal *deal, int engines) noexcept:
    cdef int i
    for i in range(engines if deal.hands != NULL else 0):
        free(deal.hands[i].which)
    free(deal.hands)
    free(deal.frames)


cdef bint make_room(Deal *deal, int engines) noexcept nogil:
    """See to it that one more batch fits; False when memory is out."""
    cdef uint32_t room = deal.room
    cdef void *memory
    cdef int i
    if deal.count + BATCH <= deal.room:
        return True
    room = 2 * deal.room + 16 * BATCH
    memory = realloc(deal.frames, room * sizeof(Frame))
    if memory == NULL:
        return False
    deal.frames = <Frame *>memory
    for i in range(engines):
        memory = realloc(deal.hands[i].which, room * sizeof(uint32_t))
        if memory == NULL:
            return False
        deal.hands[i].which = <uint32_t *>memory
    deal.room = room
    return True


cdef class Dealer:
    """Deals out the frames of a source."""

    cdef PacketSource source
    cdef Decoding how
    cdef uint64_t seed
    cdef int engines
    cdef int windows                        # dealt out at a time
    cdef bint begun
    cdef uint64_t frames
    cdef uint64_t steps_back
    cdef int64_t latest                     # ns; the time of the last frame

    def __cinit__(self, tunnels, int engines):
        self.how.tunnels = tunnel_set(tunnels)
        self.seed = int.from_bytes(os.urandom(8), "little")
        self.engines = engines

    cdef int begin(self, PacketSource source) except -1:
        """Deal out what this source has: until end() nobody else may read it."""
        source.begin_reading()
        self.source = source
        self.windows = source.keep_windows(DEALS * DEALT_WINDOWS) // DEALS
        return 0

    cdef int end(self) except -1:
        """All frames are counted: others may have the source."""
        self.source.end_reading()
        return 0

    cdef bint deal(self, Deal *deal) except -1 nogil:
        """Deal out what some of the source's windows have, in place of what was dealt before; False at its end.

        Frames stay valid while so many more deals are dealt as there are.
        """
        cdef int i, window
        deal.count = 0
        for i in range(self.engines):
            deal.hands[i].count = 0
        for window in range(self.windows):
            if self.begun and not self.refill():
                return False
            self.begun = True
            if not self.deal_window(deal):
                with gil:
                    raise MemoryError("no memory to deal out frames")
        return True

    cdef bint refill(self) except -1 nogil:
        if self.source.read_on():
            return True
        with gil:
            return self.source.refill()

    cdef bint deal_window(self, Deal *deal) noexcept nogil:
        """Deal out the frames of one window; False when memory is out."""
        cdef int i, n = 1
        while n:
            if not make_room(deal, self.engines):
                return False
            n = self.source.walk(deal.frames + deal.count, BATCH)
            for i in range(n):
                if i + FRAMES_AHEAD < n:
                    prefetch(deal.frames[deal.count + FRAMES_AHEAD].data)
                self.deal_frame(deal)
        return True

    cdef void deal_frame(self, Deal *deal) noexcept nogil:
        """Give one engine the frame behind those that are dealt."""
        cdef Frame *frame = &deal.frames[deal.count]
        cdef Frame exact = frame[0]
        cdef uint64_t pair
        cdef Hand *hand
        self.steps_back += frame.time < self.latest
        self.latest = frame.time
        frame.number = self.frames
        self.frames += 1
        exact_frames(&exact, 1)
        pair = outermost_pair(&exact, &self.how, self.seed)
        forget_frames(&exact, 1)
        hand = &deal.hands[(pair >> 32) * <uint64_t>self.engines >> 32]
        hand.which[hand.count] = deal.count
        hand.count += 1
        deal.count += 1


cdef class Crew:
    """Engines with the same records, and what threads share that read, deal and count for them.

    The source is read by one thread at a time, and each engine counts in one at a time; which one does not
    matter. A deal is in use until every engine has counted its hand.
    """

    cdef list engines
    cdef void **engine              # the same, for threads without the interpreter lock
    cdef int n_engines
    cdef Dealer dealer
    cdef Deal deals[DEALS]
    cdef Turns turns
    cdef object error               # the first that a thread has met

    def __cinit__(self, list engines not None, tunnels):
        cdef int i
        self.engines, self.n_engines = list(engines), <int>len(engines)
        self.dealer = Dealer(tunnels, self.n_engines)
        self.engine = <void **>calloc(self.n_engines, sizeof(void *))
        if self.engine == NULL or not begin_turns(&self.turns, self.n_engines, DEALS):
            raise MemoryError("no memory for threads that count")
        for i in range(self.n_engines):
            self.engine[i] = <void *><Engine>self.engines[i]
        for i in range(DEALS):
            if not begin_deal(&self.deals[i], self.n_engines):
                raise MemoryError("no memory to deal out frames")

    def __dealloc__(self):
        cdef int i
        for i in range(DEALS):
            end_deal(&self.deals[i], self.n_engines)
        end_turns(&self.turns)
        free(self.engine)

    def run(self, PacketSource source not None, progress=None, *, int threads=-1):
        """Count all frames of a source; gives what ``Engine.run`` gives.

        This thread hears of Ctrl-C and tells of progress meanwhile; it works itself if none can be started.
        ``threads`` are to be started, as many as there are engines unless given. However this ends, they have
        all left before: all waiting is done here, where no interrupt can come in between.
        """
        cdef bint done = False
        self.error = None
        self.dealer.begin(source)
        try:
            if not self.start(self.n_engines if threads < 0 else threads):
                enter(&self.turns)
                self.work()
            while not done:
                done = self.is_done()
                PyErr_CheckSignals()
                if progress is not None:
                    progress(source)
        finally:
            self.stop()
            self.dealer.end()
        if self.error is not None:
            raise self.error
        return OUTCOMES[self.outcome()]

    cdef int start(self, int threads) except -1:
        """Start threads, or as many as there can be; gives how many."""
        cdef int started
        for started in range(threads):
            enter(&self.turns)
            try:
                start_new_thread(self.work, ())
            except RuntimeError:
                leave(&self.turns)
                return started
        return threads

    def work(self):
        """Do whatever is next until all is done, or stopped."""
        try:
            with nogil:
                self.take_turns()
        except BaseException as error:
            with cython.critical_section(self):
                if self.error is None:
                    self.error = error
            stop_turns(&self.turns, DONE)
        finally:
            leave(&self.turns)

    cdef bint is_done(self) noexcept:
        """Wait a while for it."""
        cdef bint done
        with nogil:
            done = all_left(&self.turns, LOOK_MS)
        return done

    cdef void stop(self) noexcept:
        """End the work of all threads, and wait for them."""
        stop_turns(&self.turns, DONE)
        while not self.is_done():
            pass

    cdef int outcome(self) except -1:
        """What counting came to, when all are done."""
        cdef Engine engine
        cdef int outcome = self.turns.outcome
        for engine in self.engines:
            outcome = max(outcome, engine.stop_dealt(self.dealer.latest))
        return outcome

    cdef int take_turns(self) except -1 nogil:
        cdef int engine = 0, turn = next_turn(&self.turns, &engine)
        while turn != REST:
            if turn == READ:
                read_done(&self.turns, self.dealer.deal(&self.deals[self.turns.dealt % DEALS]))
            else:
                self.count(engine)
            turn = next_turn(&self.turns, &engine)
        return 0

    cdef int count(self, int engine) except -1 nogil:
        """Let an engine count its hand of the next deal."""
        cdef const Deal *deal = &self.deals[self.turns.counted[engine] % DEALS]
        cdef const Hand *hand = &deal.hands[engine]
        cdef int outcome = (<Engine>self.engine[engine]).count_dealt(deal.frames, hand.which, hand.count)
        if outcome != DONE:
            stop_turns(&self.turns, outcome)
        count_done(&self.turns, engine)
        return 0

    def steps_back(self):
        """Frames whose time was before that of the frame before."""
        return self.dealer.steps_back

    def rows(self):
        """The records of all engines' flows in the order in which these began, when counting is over."""
        return rows_in_order(self.engines)


cdef array.array rows_in_order(list engines):
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
