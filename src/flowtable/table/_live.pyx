"""A table whose flows end: the engine with a clock, and what it hands out.

The clock is the packets' own time: each packet lets pass what is due before it, so that a flow ends when it has
been idle for exactly as long as was asked for, whatever else there is to do. Live, the time of day lets pass what
is due while no packet comes.

Invariants: a flow is handed out once when it ends, as it was then; a flow is let go after all flows inside it;
records that ended are given back between batches only, since a batch refers to them by number.
"""

from cpython cimport array
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc

from flowtable._types cimport HAS_STREAMS, HAS_VRRP, SIDE_A, SIDE_B, Record
from flowtable.capture._walk cimport PacketSource
from flowtable.flow._begin cimport Maker, begin_maker, drop_record, end_maker
from flowtable.flow._copy cimport copy_record
from flowtable.flow._flow cimport (
    ACTIVE_TIMEOUT, EVICTED, MAX_FLOWS, NO_RECORD, NOT_FINISHED, STOPPED, TIMEOUT, Records, record_at,
)
from flowtable.flow._handed cimport Handed
from flowtable.flow._pool cimport PoolShare, pool_add, pool_item
from flowtable.flow._tcp cimport connection_of, stream_of
from flowtable.packet._dissection cimport TCP_ACK, TCP_SYN, Part
from flowtable.table._engine cimport Engine, refilled
from flowtable.table._held cimport drop_held
from flowtable.table._index cimport NOT_FOUND, index_find, index_remove, prefetch
from flowtable.table._lives cimport (
    LIVING, NEVER, OVER, SHADE, UNUSED, Counters, Life, Lives, counters_of, first_due, life_of, lives_begin, lives_end,
    lives_grow, wait_no_more, wait_until,
)
from flowtable.table._streams cimport Way, stop, way_of

from array import array as new_array
from dataclasses import replace

from flowtable.flow.names import FlowFinishType
from flowtable.table._engine import OUTCOMES

LIMITED = ("statistics_bytes", "tcp_bytes", "message_bytes", "raw_packet_bytes")

cdef enum:
    SETS = 4                    # as many times as all flows of a table may take may those take that are handed out at a time
    HANDED_TOGETHER = 8192      # flows, after which it is time to hand over
    STOPPED_TOGETHER = 4096
    LOOKED_AT_TOGETHER = 16384
    COPIED_TOGETHER = 1024
    APPLICATIONS = 65536


cdef enum Handing:
    UPDATED = 0
    ENDED = 1                   # or cut by an active timeout


cdef struct Row:
    uint32_t number             # in the copies' records
    uint8_t handing
    int64_t time                # ns; of the update


cdef struct Numbers:            # of records
    uint32_t *list
    uint32_t count
    uint32_t room


cdef class Copies:
    """Flows as they were when they were copied, in records of their own; and those around them, and inside.

    What options keep may take SETS times what it may in the table, of which one is used before it is time to hand
    over: what is copied at one time was in the table at that time, for an update, a segment or an end.
    """

    cdef Records records
    cdef Maker maker
    cdef PoolShare handed
    cdef Row *rows
    cdef uint32_t n_rows
    cdef uint32_t room

    def __cinit__(self, Records source not None, limits):
        limits = replace(limits, **{name: SETS * getattr(limits, name) for name in LIMITED})
        self.records = Records(source.node_tid, source.capture_id, source.options, limits)
        self.records.users_names = source.users_names
        self.records.large_pages = False
        if not begin_maker(&self.maker, self.records.start_and_node, len(self.records.start_and_node)):
            raise MemoryError("no memory for flows that are handed out")

    def __dealloc__(self):
        end_maker(&self.maker)
        free(self.rows)

    cdef bint add_row(self, Row row) noexcept nogil:
        """Let a copy be one of those that were meant; False: there is no memory."""
        cdef void *rows
        if self.n_rows == self.room:
            rows = realloc(self.rows, (2 * self.room + 64) * sizeof(Row))
            if rows == NULL:
                return False
            self.rows = <Row *>rows
            self.room = 2 * self.room + 64
        self.rows[self.n_rows] = row
        self.n_rows += 1
        return True

    cdef bint is_large(self) noexcept nogil:
        """Whether they have taken their share of memory."""
        return (
            self.n_rows >= HANDED_TOGETHER
            or self.maker.statistics.next > self.records.statistics.limit // SETS
            or self.maker.tcp.next > self.records.tcp.limit // SETS
            or self.records.messages.used > self.records.messages.limit // SETS
            or self.records.packets.end > self.records.packets.limit // SETS
        )

    cdef uint64_t left_out(self):
        """How often there was no room for what options keep of a flow."""
        messages = [self.records.messages.lost[kind] for kind in range(HAS_VRRP + 1)]
        return self.maker.statistics.refused + self.maker.tcp.refused + self.records.packets.refused + sum(messages)

    cdef list groups(self):
        """What was handed out, in order: ``(whether it has ended, Unix ns of the update or 0, rows)`` each."""
        cdef uint32_t i
        cdef list groups = []
        for i in range(self.n_rows):
            if i == 0 or self.rows[i].handing != self.rows[i - 1].handing or self.rows[i].time != self.rows[i - 1].time:
                numbers = new_array("I")
                groups.append((self.rows[i].handing == ENDED, self.rows[i].time, numbers))
            numbers.append(self.rows[i].number)
        return groups


cdef class LiveEngine(Engine):
    """A table of flows that end; see above. :meth:`begin` is to be called first."""

    cdef Lives lives
    cdef object limits
    cdef int64_t expire_after               # ns, as all times here
    cdef int64_t update_every               # NEVER: not at all
    cdef int64_t active_timeout             # likewise
    cdef int64_t hold_ended
    cdef int64_t *idle_of                   # [a layer's number, or a user's name's]: its application's timeout; 0: none
    cdef uint64_t most                      # flows that may be living
    cdef uint64_t living
    cdef uint64_t begun                     # flows, in all
    cdef uint64_t ended[STOPPED + 1]        # [FinishType] flows
    cdef uint64_t segments
    cdef int64_t now
    cdef int64_t next_event                 # when time has to be looked at
    cdef int64_t next_update
    cdef int64_t updated_at                 # when the last update was
    cdef int64_t too_early                  # a packet from before this shows that time was wrong: updates begin anew
    cdef bint started
    cdef Numbers over                       # flows that have ended; see settle()
    cdef uint32_t n_handed                  # of these
    cdef Numbers changed                    # flows with packets since the last update
    cdef Numbers aside                      # flows that eviction has passed over
    cdef uint32_t readers                   # who look at records, which are not given back meanwhile
    cdef uint64_t asked                     # times that somebody began to
    cdef uint64_t moment                    # of copying: the same flow is copied once in each
    cdef Copies out
    cdef uint64_t left_out                  # of copies

    def __dealloc__(self):
        lives_end(&self.lives)
        free(self.over.list)
        free(self.changed.list)
        free(self.aside.list)
        free(self.idle_of)

    def begin(self, timers, limits):
        """Take the times of a :class:`~flowtable.table.timers.Timers`."""
        self.is_live = True
        self.limits = limits
        self.most, self.max_flows = self.max_flows, MAX_FLOWS
        self.expire_after, self.hold_ended = timers.expire_after, timers.hold_ended
        self.update_every = NEVER if timers.update_every is None else timers.update_every
        self.active_timeout = NEVER if timers.active_timeout is None else timers.active_timeout
        self.next_update = NEVER
        self.idle_of = <int64_t *>calloc(APPLICATIONS, sizeof(int64_t))
        if self.idle_of == NULL or not lives_begin(&self.lives):
            raise MemoryError("no memory for a live table")
        for name, timeout in timers.applications.items():
            self.idle_of[<uint16_t>self.records.name_application(name)] = min(<int64_t>timeout, self.expire_after)
        self.out = Copies(self.records, limits)

    # ---- what is done for each part

    cdef uint32_t flow_of(self, Part *part, const uint32_t *number) noexcept nogil:
        cdef uint32_t found
        self.see_time(part.time)
        part.key.parent = number[part.parent] + 1 if part.parent >= 0 else 0
        found = index_find(&self.index, part, self.records)
        if found != NOT_FOUND and is_new_connection(record_at(self.records, found), part):
            self.end(found, NOT_FINISHED)
            found = NOT_FOUND
        return found if found != NOT_FOUND else self.begin_flow(part)

    cdef uint32_t begin_flow(self, Part *part) noexcept nogil:
        cdef uint32_t number = Engine.begin_flow(self, part)
        cdef Record *record
        cdef Life *life
        if number == NOT_FOUND:
            return NOT_FOUND
        if not lives_grow(&self.lives, number):
            index_remove(&self.index, <uint32_t>(part.hash >> 32), number)
            drop_record(&self.maker, self.records, number)
            return NOT_FOUND
        record = record_at(self.records, number)
        life = life_of(&self.lives, number)
        self.begun += 1
        self.living += 1
        life.state, life.tag = LIVING, <uint32_t>(part.hash >> 32)
        life.idle = self.idle_of[self.records.applications.used[record.application]]
        if life.idle == 0:
            life.idle = self.expire_after
        life.latest = life.segment_start = record.start
        life.held_until, life.began = 0, self.asked
        life.children = life.segment = 0
        life.updated = life.cut = Counters(0, 0, 0, 0)
        if record.key.parent:
            life_of(&self.lives, record.key.parent - 1).children += 1
        self.wait(number)
        return number

    cdef void look_ahead(self, uint32_t number) noexcept nogil:
        prefetch(life_of(&self.lives, number))

    cdef void note(self, uint32_t number, const Part *part) noexcept nogil:
        cdef Life *life = life_of(&self.lives, number)
        cdef const Record *record = record_at(self.records, number)
        life.latest = max(life.latest, part.time)
        if not life.changed and self.update_every != NEVER:
            life.changed = True
            self.add_number(&self.changed, number)
        if record.finish != NOT_FINISHED and life.held_until == 0:
            life.held_until = later(part.time, max(self.hold_ended, <int64_t>1))
            self.wait(number)

    cdef int update(self) noexcept nogil:
        cdef int outcome = Engine.update(self)
        self.settle()
        return outcome

    # ---- time

    cdef void see_time(self, int64_t time) noexcept nogil:
        """A packet has that time."""
        time = min(time, <int64_t>NEVER - 1)
        if time >= self.next_event:
            self.pass_time(time)
        elif time < self.too_early:
            self.begin_updates(time)

    cdef void begin_updates(self, int64_t time) noexcept nogil:
        """The next update is one interval from now.

        So it is at the start, and when time has gone back far: one packet with a time in the future would stop
        updates until then.
        """
        self.updated_at, self.next_update = time, later(time, self.update_every)
        self.too_early = self.updated_at - self.expire_after
        self.next_event = min(first_due(&self.lives), self.next_update)

    cdef void pass_time(self, int64_t time) noexcept nogil:
        """Let happen what is due until then, in the order in which it is due; flows end before an update."""
        cdef int64_t due
        if not self.started:
            self.started = True
            self.begin_updates(time)
        self.moment += 1
        due = first_due(&self.lives)
        while min(due, self.next_update) <= time:
            if due <= self.next_update:
                self.look(self.lives.heap[0].number, due, time)
            else:
                self.hand_updates(self.next_update)
                # Nothing changes before the next flow ends: there is nothing to say at the updates in between.
                self.next_update += (min(time, due - 1) - self.next_update) // self.update_every * self.update_every
                self.updated_at = self.next_update
                self.next_update = later(self.next_update, self.update_every)
            due = first_due(&self.lives)
        self.now = time
        self.too_early = self.updated_at - self.expire_after
        self.next_event = min(due, self.next_update)

    cdef int64_t end_due(self, uint32_t number) noexcept nogil:
        """When a flow's time is up; NEVER before the flows inside it are gone."""
        cdef const Life *life = life_of(&self.lives, number)
        cdef int64_t due
        if life.children:
            return NEVER
        due = later(life.latest, life.idle)
        return min(due, life.held_until) if life.held_until else due

    cdef int64_t cut_due(self, uint32_t number) noexcept nogil:
        """When an active timeout cuts a flow."""
        return later(life_of(&self.lives, number).segment_start, self.active_timeout)

    cdef void wait(self, uint32_t number) noexcept nogil:
        """Let a flow be looked at when something is due."""
        cdef int64_t due = min(self.end_due(number), self.cut_due(number))
        if due == NEVER and life_of(&self.lives, number).children:
            wait_no_more(&self.lives, number)
            return
        wait_until(&self.lives, number, due)
        self.next_event = min(self.next_event, due)

    cdef void look(self, uint32_t number, int64_t time, int64_t until) noexcept nogil:
        """End a flow, cut it, or let it wait on; no packet comes until a time."""
        cdef int64_t end = self.end_due(number), cut = self.cut_due(number)
        if end <= time and end <= cut:
            self.end(number, TIMEOUT)
            return
        if cut <= time:
            self.cut(number, cut)
            # There will be nothing to hand out at its next cuts.
            life_of(&self.lives, number).segment_start += (until - cut) // self.active_timeout * self.active_timeout
        self.wait(number)

    cdef void end(self, uint32_t number, int finish) noexcept nogil:
        """A flow has ended, by FIN or RST if it was finished so before; it is handed over by settle()."""
        cdef Life *life = life_of(&self.lives, number)
        cdef Record *record = record_at(self.records, number)
        cdef Life *parent
        if record.finish == NOT_FINISHED:
            record.finish = <uint8_t>finish
        self.ended[EVICTED if finish == EVICTED else record.finish] += 1
        index_remove(&self.index, life.tag, number)
        wait_no_more(&self.lives, number)
        life.state, life.updated_at, life.ended = OVER, self.updated_at, self.asked
        self.living -= 1
        self.add_number(&self.over, number)
        if record.key.parent:
            parent = life_of(&self.lives, record.key.parent - 1)
            parent.children -= 1
            if parent.children == 0:
                self.wait(record.key.parent - 1)

    cdef void cut(self, uint32_t number, int64_t time) noexcept nogil:
        """Hand out what a flow has counted since it was cut last, if that is anything."""
        cdef Life *life = life_of(&self.lives, number)
        cdef Record *record = record_at(self.records, number)
        if record.ab_packets != life.cut.ab_packets or record.ba_packets != life.cut.ba_packets:
            self.hand(number, ENDED, 0, ACTIVE_TIMEOUT)
            self.segments += 1
            life.segment += 1
            life.cut = counters_of(record)
        life.segment_start = time

    # ---- handing out

    cdef void hand_updates(self, int64_t time) noexcept nogil:
        """Hand out the flows that have had packets since the last update."""
        cdef uint32_t i, number
        cdef Life *life
        self.moment += 1
        for i in range(self.changed.count):
            number = self.changed.list[i]
            life = life_of(&self.lives, number)
            life.changed = False
            if life.state == LIVING:
                self.hand(number, UPDATED, time, NOT_FINISHED)
        self.changed.count = 0
        self.moment += 1        # some may be cut now

    cdef void settle(self) noexcept nogil:
        """Between batches: evict what is too much, and hand over and let go what has ended."""
        cdef uint32_t i
        self.make_room()
        if self.n_handed < self.over.count:
            self.moment += 1
            for i in range(self.n_handed, self.over.count):
                self.stop_flow_streams(self.over.list[i])
            for i in range(self.n_handed, self.over.count):
                self.hand(self.over.list[i], ENDED, 0, NOT_FINISHED)
            self.n_handed = self.over.count
        if self.over.count and self.readers == 0:
            for i in range(self.over.count):
                self.let_go(self.over.list[i])
            self.over.count = self.n_handed = 0

    cdef void make_room(self) noexcept nogil:
        """Evict what is too much."""
        cdef uint32_t i
        self.moment += 1
        while self.living > self.most:
            self.evict()
        for i in range(self.aside.count):
            if life_of(&self.lives, self.aside.list[i]).state == LIVING:
                self.wait(self.aside.list[i])
        self.aside.count = 0

    cdef void evict(self) noexcept nogil:
        """End the flow whose time would be up first: with one timeout, that which has been idle for longest.

        Some flow has none inside, and waits. An active timeout's time is one, too; a flow that is to be cut next,
        and has others inside, is cut now, and passed over until there is room.
        """
        cdef uint32_t number = self.lives.heap[0].number
        cdef int64_t due = self.lives.heap[0].time
        if life_of(&self.lives, number).children:
            if self.active_timeout != NEVER:
                self.cut(number, self.latest)
            wait_no_more(&self.lives, number)
            self.add_number(&self.aside, number)
        elif min(self.end_due(number), self.cut_due(number)) <= due:
            self.end(number, EVICTED)
        else:
            self.wait(number)

    cdef uint32_t copy(self, Copies to, uint32_t number) noexcept nogil:
        """The number of a copy of a flow, made once in a moment, with those that its fields are also made from."""
        cdef Life *life = life_of(&self.lives, number)
        cdef const Record *record = record_at(self.records, number)
        cdef Record *copy
        if life.copied == self.moment:
            return life.copy
        life.copy = copy_record(self.records, number, to.records, &to.maker)
        if life.copy == NO_RECORD:
            self.failed = True
            return NO_RECORD
        life.copied = self.moment
        copy = record_at(to.records, life.copy)
        copy.key.parent = self.copy(to, record.key.parent - 1) + 1 if record.key.parent else 0
        copy.innermost = self.copy(to, record.innermost - 1) + 1 if record.innermost else 0
        return life.copy

    cdef void hand(self, uint32_t number, int handing, int64_t time, int finish) noexcept nogil:
        """Hand out a flow as it is, with what it has counted since it was handed out last."""
        cdef Life *life = life_of(&self.lives, number)
        cdef const Record *record = record_at(self.records, number)
        cdef uint32_t copied = self.copy(self.out, number)
        cdef Record *copy
        cdef Handed *handed
        if copied == NO_RECORD:
            return
        copy = record_at(self.out.records, copied)
        copy.handed = pool_add(&self.out.records.handed, &self.out.handed)
        if copy.handed == 0 or not self.out.add_row(Row(copied, <uint8_t>handing, time)):
            self.failed = True
            return
        handed = <Handed *>pool_item(&self.out.records.handed, copy.handed)
        handed.ab_packets = record.ab_packets - life.updated.ab_packets
        handed.ab_bytes = record.ab_bytes - life.updated.ab_bytes
        handed.ba_packets = record.ba_packets - life.updated.ba_packets
        handed.ba_bytes = record.ba_bytes - life.updated.ba_bytes
        handed.start = max(life.updated_at if life.state == OVER else self.updated_at, record.start)
        handed.last = time if handing == UPDATED else record.last
        handed.segment = life.segment
        if handing == UPDATED:
            life.updated = counters_of(record)
            return
        if finish != NOT_FINISHED:
            copy.finish = <uint8_t>finish
        copy.ab_packets -= life.cut.ab_packets
        copy.ab_bytes -= life.cut.ab_bytes
        copy.ba_packets -= life.cut.ba_packets
        copy.ba_bytes -= life.cut.ba_bytes

    cdef void let_go(self, uint32_t number) noexcept nogil:
        """Give a flow's record back, unless a flow around it shows its Community ID; and that which it showed."""
        cdef Record *record = record_at(self.records, number)
        cdef uint32_t parent = record.key.parent, inside = record.innermost
        cdef bint shown = parent and record_at(self.records, parent - 1).innermost == number + 1
        if shown:
            life_of(&self.lives, number).state = SHADE
            record.key.parent = 0       # which may go before those around it: its number then means another flow
            return
        self.give_back(number)
        if inside and inside != number + 1 and life_of(&self.lives, inside - 1).state == SHADE:
            if not parent or record_at(self.records, parent - 1).innermost != inside:
                self.give_back(inside - 1)

    cdef void give_back(self, uint32_t number) noexcept nogil:
        life_of(&self.lives, number).state = UNUSED
        drop_record(&self.maker, self.records, number)

    cdef void stop_flow_streams(self, uint32_t number) noexcept nogil:
        """Nothing more comes: count what waits, and let it go."""
        cdef Record *record = record_at(self.records, number)
        cdef Way way
        cdef uint8_t side
        if not record.has & HAS_STREAMS:
            return
        for side in range(SIDE_A, SIDE_B + 1):
            way = way_of(&self.streams, connection_of(&self.records.tcp, record), number, side)
            stop(&way, record.last)
        for side in range(SIDE_A, SIDE_B + 1):
            drop_held(&self.streams.held, stream_of(connection_of(&self.records.tcp, record), side))

    cdef void add_number(self, Numbers *numbers, uint32_t number) noexcept nogil:
        cdef uint32_t room = 2 * numbers.room + 1024
        cdef void *more
        if numbers.count == numbers.room:
            more = realloc(numbers.list, room * sizeof(uint32_t))
            if more == NULL:
                self.failed = True
                return
            numbers.list, numbers.room = <uint32_t *>more, room
        numbers.list[numbers.count] = number
        numbers.count += 1

    cdef bint is_time(self) noexcept nogil:
        return self.out.is_large()

    cdef int hand_over(self) except -1:
        """Nothing: whoever drains takes what was handed out."""
        return 0

    cdef dict lost(self):
        return Engine.lost(self) | {"kept things that found no room when they were handed out": self.left_out}

    # ---- for the table

    def count_window(self, PacketSource source not None):
        """Count what a source has in its window, or until :meth:`handed` is to be asked.

        Gives ``"done"`` when the window is empty, ``"goes on"``, or ``"no memory"``.
        """
        cdef int outcome
        source.begin_reading()
        try:
            outcome = self.count_some(source)
        finally:
            source.end_reading()
        return "goes on" if outcome >= <int>len(OUTCOMES) else OUTCOMES[outcome]

    def refill(self, PacketSource source not None):
        """Have more in a source's window; False when it has ended."""
        return refilled(source)

    def pass_until(self, int64_t time):
        """Let happen what is due until a time, in Unix ns, as if a packet had come then."""
        with nogil:
            self.records.lock()
            if time >= self.next_event:
                self.pass_time(min(time, <int64_t>NEVER - 1))
            self.now = time
            self.settle()
            self.records.unlock()

    def update_now(self):
        """Hand out what has changed since the last update."""
        cdef int64_t now = max(self.now, self.latest)
        with nogil:
            self.records.lock()
            if now >= self.next_event:
                self.pass_time(now)
            self.hand_updates(now)
            self.updated_at = now
            self.records.unlock()

    def stop_some(self):
        """End some flows, as far as there is room to hand them over; False: there are none left."""
        cdef uint32_t number
        with nogil:
            self.records.lock()
            while self.lives.waiting and self.over.count - self.n_handed < STOPPED_TOGETHER:
                number = self.lives.heap[0].number
                if life_of(&self.lives, number).children:
                    wait_no_more(&self.lives, number)
                else:
                    self.end(number, STOPPED)
            self.settle()
            self.records.unlock()
        return self.living > 0

    def handed(self):
        """What was handed out since the last time, or None: the records, and what :meth:`Copies.groups` gives."""
        cdef Copies fresh, out
        if self.out.n_rows == 0:
            return None
        fresh = Copies(self.records, self.limits)
        self.records.lock()
        out, self.out = self.out, fresh
        self.moment += 1
        self.left_out += out.left_out()
        self.records.unlock()
        return out.records, out.groups()

    # ---- for those who ask

    def begin_asking(self):
        """From now on records that are there stay what they are, or were; gives which time this is.

        Each is to be followed by :meth:`end_asking`.
        """
        self.records.lock()
        self.readers += 1
        self.asked += 1
        asked = self.asked
        self.records.unlock()
        return asked

    def end_asking(self):
        """Somebody has seen enough."""
        self.records.lock()
        self.readers -= 1
        self.records.unlock()

    def there(self, uint64_t asked):
        """The records of the flows that were in the table when somebody began to ask."""
        cdef uint32_t number, stop, n = 0, total = self.records.count
        cdef array.array out = array.clone(new_array("I"), total, zero=False)
        cdef uint32_t[::1] numbers = out
        for number in range(0, total, LOOKED_AT_TOGETHER):
            stop = min(number + LOOKED_AT_TOGETHER, total)
            with nogil:
                self.records.lock()
                n = self.add_there(numbers, n, number, stop, asked)
                self.records.unlock()
        array.resize(out, n)
        return out

    cdef uint32_t add_there(
        self, uint32_t[::1] out, uint32_t n, uint32_t first, uint32_t stop, uint64_t asked
    ) noexcept nogil:
        cdef uint32_t number
        cdef const Life *life
        for number in range(first, stop):
            life = life_of(&self.lives, number)
            if life.began < asked and (life.state == LIVING or (life.state == OVER and life.ended >= asked)):
                out[n] = number
                n += 1
        return n

    def copies(self, const uint32_t[::1] numbers not None):
        """Copies of flows that somebody asks for as they are now: their records, and their numbers there."""
        cdef Copies copies = Copies(self.records, self.limits)
        cdef uint32_t i, n = <uint32_t>numbers.shape[0]
        cdef array.array rows = array.clone(new_array("I"), n, zero=False)
        cdef uint32_t[::1] out = rows
        cdef uint32_t first
        for first in range(0, n, COPIED_TOGETHER):
            with nogil:
                self.records.lock()
                self.moment += 1
                for i in range(first, min(first + COPIED_TOGETHER, n)):
                    out[i] = self.copy(copies, numbers[i])
                self.records.unlock()
            if self.failed:
                self.failed = False         # whoever asked has failed, and not the table
                raise MemoryError("no memory for copies of flows")
        self.records.lock()
        self.left_out += copies.left_out()
        self.records.unlock()
        return copies.records, rows

    @property
    def clock(self):
        """The time of the last packet, or that :meth:`pass_until` was given, in Unix ns."""
        return max(self.now, self.latest)

    def life_counts(self):
        """How many flows there are, were begun, and ended by which FlowFinishType, as plain numbers."""
        return {
            "living": self.living,
            "begun": self.begun,
            "segments": self.segments,
            "ended": {kind.name: self.ended[number] for number, kind in enumerate(FlowFinishType) if number},
        }


cdef inline int64_t later(int64_t time, int64_t more) noexcept nogil:
    """A sum of times, or NEVER where that is too much."""
    return time + more if time <= NEVER - more else <int64_t>NEVER


cdef inline bint is_new_connection(const Record *record, const Part *part) noexcept nogil:
    """Whether a packet opens a connection where one is finished."""
    return record.finish != NOT_FINISHED and part.tcp_flags & (TCP_SYN | TCP_ACK) == TCP_SYN
