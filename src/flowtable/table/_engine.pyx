"""The table's engine: frames in, records changed, in batches and without the interpreter lock.

Invariants: a record's number never changes; a parent is found or made before its children, since its part
comes first; what a batch points to in a frame is read before the source refills.
"""

from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memmove
from cpython.exc cimport PyErr_CheckSignals

from flowtable._exact cimport exact_frames, forget_frames
from flowtable._types cimport BATCH, HAS_DNS, HAS_STREAMS, MAX_PARTS, SIDE_A, SIDE_B, Frame, Record
from flowtable.capture._bpf cimport Instruction, Program, execute
from flowtable.capture._walk cimport PacketSource
from flowtable.flow._begin cimport Maker, begin_flow, begin_maker, end_maker, number_of
from flowtable.flow._flow cimport MAX_FLOWS, NO_RECORD, Records, record_at
from flowtable.flow._packets cimport keep_packet
from flowtable.flow._tcp cimport Connection, connection_of
from flowtable.flow._kept cimport keep_message
from flowtable.packet._decode cimport decode_application, decode_frame, knows_link_type, tunnel_set
from flowtable.packet._defrag cimport IPDefragger, defragger_release
from flowtable.packet._dissection cimport PARSED, STOPS, UNKNOWN, UNSEEN, Decoding, Dissection, Part, makes_flow
from flowtable.packet._key cimport counted_length, hash_key, order_key
from flowtable.packet._layers cimport DHCPV4
from flowtable.packet._packet cimport note_packets
from flowtable.table._count cimport count_part, side_of
from flowtable.table._ports cimport PortNames, name_by_port
from flowtable.table._index cimport (
    NOT_FOUND, Index, index_add, index_begin, index_end, index_find, index_guess, index_prefetch, prefetch,
)
from flowtable.table._events cimport Events, end_events, event_as, forget_events, is_time
from flowtable.table._held cimport drop_held
from flowtable.table._streams cimport Streams, Way, begin_streams, follow, stop, way_of

import os

from flowtable.flow._messages import KINDS, LAYERS
from flowtable.flow.model import Flow
from flowtable.table.streams import StreamData

cdef enum:
    LINK_TYPES = 65536


cdef enum:
    WINDOWS_ALONE = 16          # that are read before signals are looked at, and progress is told

OUTCOMES = ("done", "table full", "no memory")

cdef Instruction NOTHING          # stands for a filter that fits no frame of its link type


cdef class Engine:
    """One table of flows that frames are counted into; nothing expires."""

    def __cinit__(self, Records records not None, options, filter_set, listener=None, *, int engines=1):
        self.records = records
        self.alone = engines == 1
        self.reassemble = options.reassemble
        self.listener = listener
        begin_streams(&self.streams, options.limits, listener is not None)
        self.layer_key = <uint8_t>int(options.layer_key)
        self.key_ids = options.key_ids
        self.how.tunnels = tunnel_set(options.tunnels)
        if options.defrag:
            self.defragger = defragger_within(options.limits)
            self.how.defragger = &self.defragger.state
        self.raw_packets = options.raw_packets
        self.k0, self.k1 = random_word(), random_word()
        self.max_flows = MAX_FLOWS if options.max_flows is None else min(options.max_flows, MAX_FLOWS)
        self.keeps_messages = len(options.extra_layers) > 0
        for name in options.extra_layers:
            self.kinds[<uint8_t>LAYERS[name]] = <uint8_t>KINDS[name]
        self.filter_set = filter_set
        self.is_filtered = filter_set is not None
        self.programs = {}
        self.tally = <Counts *>calloc(1, sizeof(Counts))
        self.filters = <const Instruction **>calloc(LINK_TYPES if self.is_filtered else 1, sizeof(void *))
        if (self.tally == NULL or self.filters == NULL or not index_begin(&self.index)
                or not begin_maker(&self.maker, records.start_and_node, len(records.start_and_node))):
            raise MemoryError("no memory for a flow table")
        if options.app_ports:
            self.name_ports(options.app_ports)

    def __dealloc__(self):
        if self.records is not None:        # as it is when a circle of objects is taken apart
            self.drop_streams()
        free(self.port_names)
        free(self.tally)
        free(self.unknown_links)
        free(self.filters)
        index_end(&self.index)
        end_maker(&self.maker)
        end_events(&self.streams.events)

    cdef int name_ports(self, app_ports) except -1:
        self.port_names = <PortNames *>calloc(1, sizeof(PortNames))
        if self.port_names == NULL:
            raise MemoryError("no memory for names of ports")
        for port, name in app_ports.tcp.items():
            self.port_names.tcp[<uint16_t>port] = self.records.name_application(name)
        for port, name in app_ports.udp.items():
            self.port_names.udp[<uint16_t>port] = self.records.name_application(name)
        return 0

    def run(self, PacketSource source not None, progress=None):
        """Count all frames of a source; ``progress(source)`` is called now and then, and at the end.

        Gives ``"done"``, or why it stopped: ``"table full"`` when there are more flows than allowed, or
        ``"no memory"``.
        """
        cdef int outcome = self.drain(source)
        cdef bint goes_on = True
        while outcome == DONE and goes_on:
            goes_on = refilled(source)
            PyErr_CheckSignals()            # so that Ctrl-C is heard between windows
            if progress is not None:
                progress(source)
            outcome = self.drain(source)
        if outcome == DONE:
            outcome = self.stop_streams()
        return OUTCOMES[outcome]

    cdef int drain(self, PacketSource source) except -1:
        """Count the frames that a source has in its window; gives an Outcome."""
        cdef int outcome = GOES_ON
        while outcome == GOES_ON:
            if self.is_time():
                self.hand_over()
            source.begin_reading()
            try:
                outcome = self.count_some(source)
            finally:
                source.end_reading()
        return outcome

    cdef int count_some(self, PacketSource source) except -1:
        """Count frames until somebody has to be asked for more, or it is time to hand over; gives an Outcome.

        No frame is held behind it: the listener may get at the source, and read on.
        """
        cdef Frame frames[BATCH]
        cdef int n = 0, outcome = DONE
        with nogil:
            for _ in range(WINDOWS_ALONE):
                n = source.walk(frames, BATCH)
                outcome = self.take_window(source, frames, &n)
                if n or not source.read_on():
                    break
        if n and not self.has_filters(frames, n):
            self.prepare_filters(frames, n)
            outcome = self.take_window(source, frames, &n)
        return GOES_ON if n and outcome == DONE else outcome

    cdef int take_window(self, PacketSource source, Frame *frames, int *n) noexcept nogil:
        """Count these frames and all others that the source has in its window; gives an Outcome.

        Who looks at flows meanwhile waits until a window is counted: to stand aside after each batch would make
        counting many times slower. There are frames left if it has to stop before.
        """
        cdef int outcome = DONE
        if self.alone:
            self.records.lock()
        while n[0] and outcome == DONE and self.has_filters(frames, n[0]):
            outcome = self.take(frames, n[0])
            if outcome != DONE or self.is_time():
                break
            n[0] = source.walk(frames, BATCH)
        if self.alone:
            self.records.unlock()
        return outcome

    cdef int count_dealt(self, const Frame *frames, const uint32_t *which, uint32_t n) except -1 nogil:
        """Count those of some frames that were dealt to this engine; gives an Outcome."""
        cdef Frame batch[BATCH]
        cdef uint32_t at = 0
        cdef int i, some, outcome = DONE
        while at < n and outcome == DONE:
            some = min(<uint32_t>BATCH, n - at)
            for i in range(some):
                batch[i] = frames[which[at + i]]
            if not self.has_filters(batch, some):
                with gil:
                    self.prepare_filters(batch, some)
            outcome = self.take(batch, some)
            at += some
        return outcome

    cdef int stop_dealt(self, int64_t latest) except -1:
        """There are no more frames, the last of which had a time; gives an Outcome."""
        self.latest = latest
        return self.stop_streams()

    cdef bint has_filters(self, const Frame *frames, int n) noexcept nogil:
        """Whether the filter is compiled for the link types of all these frames."""
        cdef int i
        if not self.is_filtered:
            return True
        for i in range(n):
            if self.filters[frames[i].link_type] == NULL and knows_link_type(frames[i].link_type):
                return False
        return True

    cdef int prepare_filters(self, const Frame *frames, int n) except -1:
        """Compile the filter for link types that have not been seen yet."""
        cdef int i
        for i in range(n if self.is_filtered else 0):
            link_type = frames[i].link_type
            if link_type not in self.programs and knows_link_type(frames[i].link_type):
                program = self.filter_set.program(link_type)
                self.programs[link_type] = program
                self.filters[link_type] = &NOTHING if program is None else (<Program>program).code
        return 0

    cdef bint passes(self, const Frame *frame) noexcept nogil:
        cdef const Instruction *program
        if not self.is_filtered:
            return True
        program = self.filters[frame.link_type]
        if program == NULL:
            return True             # it cannot be decoded, and is discarded by the name of its link type
        return program != &NOTHING and execute(program, frame.data, frame.captured, frame.length) != 0

    cdef int take(self, Frame *frames, int n) noexcept nogil:
        """Count some frames; gives an Outcome. Their bytes are not looked at afterwards."""
        cdef int outcome
        exact_frames(frames, n)
        outcome = self.count(frames, n)
        forget_frames(frames, n)
        return outcome

    cdef int count(self, const Frame *frames, int n) noexcept nogil:
        cdef int i, outcome
        self.n_parts = 0
        for i in range(n):
            if i + FRAMES_AHEAD < n:
                prefetch(frames[i + FRAMES_AHEAD].data)
            if self.is_full():
                outcome = self.update()
                if outcome != DONE:
                    return outcome
            self.dissect(&frames[i])
        return self.update()

    cdef inline bint is_full(self) noexcept nogil:
        if self.n_parts >= BATCH:
            return True
        return self.how.defragger != NULL and self.how.defragger.finished_bytes >= BATCH_WHOLE

    cdef void dissect(self, const Frame *frame) noexcept nogil:
        """Filter and decode a frame, and put its parts into the batch."""
        cdef Dissection d
        cdef uint64_t order = self.tally.frames if self.alone else frame.number
        cdef uint32_t n
        self.tally.frames += 1
        if frame.time < self.latest:
            self.tally.steps_back += 1
        self.latest = frame.time
        if not self.passes(frame):
            self.tally.filtered += 1
            return
        n = decode_frame(&d, frame, &self.parts[self.n_parts], &self.how)
        if self.raw_packets:
            note_packets(&d, frame, &self.parts[self.n_parts], n)
        n = self.keep_parts(n, frame, order, d.frames)
        if d.n_layers == 0 and d.stop == UNKNOWN:
            self.count_unknown_link(frame.link_type)
            return
        if d.stop:
            self.tally.stops[d.stop][d.stop_layer] += 1
        if n == 0:
            self.tally.discards[d.stop][d.stop_layer] += d.frames

    cdef void count_unknown_link(self, uint16_t link_type) noexcept nogil:
        if self.unknown_links == NULL:
            self.unknown_links = <uint64_t *>calloc(LINK_TYPES, sizeof(uint64_t))
        if self.unknown_links == NULL:
            self.failed = True
            return
        self.unknown_links[link_type] += 1

    cdef uint32_t keep_parts(self, uint32_t n, const Frame *frame, uint64_t order, uint32_t frames) noexcept nogil:
        """Close the gaps of parts without addresses, link parts to parents; gives how many are kept."""
        cdef uint32_t i, kept = 0
        cdef Part *first = &self.parts[self.n_parts]
        cdef Part *part
        for i in range(n):
            if not makes_flow(&first[i]):
                continue
            part = &first[kept]
            if part != &first[i]:
                memmove(part, &first[i], sizeof(Part))
            part.time, part.order, part.sampling_rate = frame.time, order, frame.sampling_rate
            part.parent = <int8_t>(self.n_parts + kept - 1) if kept else -1
            part.length = counted_length(part, self.layer_key)
            order_key(part, self.layer_key, self.key_ids)
            part.hash = hash_key(part, first[kept - 1].hash if kept else 0, self.k0, self.k1)
            index_prefetch(&self.index, part.hash)
            kept += 1
        if kept:
            first[kept - 1].frames = frames
        self.n_parts += kept
        return kept

    cdef int update(self) noexcept nogil:
        """Find or make the flow of each part of the batch, and count the part there; gives an Outcome."""
        cdef uint32_t number[BATCH_PARTS]
        cdef uint32_t i
        cdef const Record *record
        for i in range(self.n_parts):
            number[i] = index_guess(&self.index, self.parts[i].hash)
            if number[i] != NOT_FOUND:
                record = record_at(self.records, number[i])
                prefetch(record)
                prefetch(&record.ab_packets)
                if self.reassemble:
                    prefetch(&record.path)
                if self.is_live:
                    self.look_ahead(number[i])
        for i in range(self.n_parts):
            number[i] = self.flow_of(&self.parts[i], number)
            if number[i] == NOT_FOUND:
                return self.turn_away(i)
            count_part(self.records, record_at(self.records, number[i]), &self.parts[i], self.layer_key)
            if self.is_live:
                self.note(number[i], &self.parts[i])
            if self.keeps_messages and self.parts[i].application:
                self.keep(record_at(self.records, number[i]), &self.parts[i])
            if self.raw_packets:
                keep_packet(&self.records.packets, record_at(self.records, number[i]), &self.parts[i], self.raw_packets)
            self.tally.in_flows += self.parts[i].frames
        if self.reassemble:
            self.follow_segments(number)
        self.n_parts = 0
        if self.how.defragger != NULL:
            defragger_release(self.how.defragger)
        return NO_MEMORY if self.failed or self.streams.held.failed or self.streams.events.failed else DONE

    cdef void keep(self, Record *record, Part *part) noexcept nogil:
        """Keep a part's message with its flow, if it is of a kind that was asked for, and parses.

        Of DNS the last one is kept, of others the first.
        """
        cdef Dissection scratch
        cdef uint8_t kind = self.kinds[part.application]
        if kind == 0 or (record.has & kind and kind != HAS_DNS):
            return
        if part.payload_state == UNSEEN and not decode_application(&scratch, part):
            self.tally.stops[scratch.stop][scratch.stop_layer] += 1
        if part.payload_state == PARSED:
            self.records.lock()
            keep_message(&self.records.messages, record, kind, part.payload, kept_length(part), part.time)
            self.records.unlock()

    cdef int turn_away(self, uint32_t i) noexcept nogil:
        """There is no room for the flow of part i: say so of all frames that are left in the batch."""
        for i in range(i, self.n_parts):
            self.tally.turned_away += self.parts[i].frames
        return TABLE_FULL if self.maker.begun >= self.max_flows else NO_MEMORY

    cdef void follow_segments(self, const uint32_t *number) noexcept nogil:
        """Take the batch's TCP segments into their streams, which are prefetched first."""
        cdef Connection *connections[BATCH_PARTS]
        cdef const Record *record
        cdef uint32_t i
        for i in range(self.n_parts):
            connections[i] = NULL
            record = record_at(self.records, number[i])
            if self.parts[i].is_segment and record.has & HAS_STREAMS:
                connections[i] = connection_of(&self.records.tcp, record)
                prefetch_streams(connections[i])
        for i in range(self.n_parts):
            if connections[i] != NULL:
                record = record_at(self.records, number[i])
                follow(&self.streams, connections[i], number[i], side_of(record, &self.parts[i]), &self.parts[i])

    # ---- what streams give on

    cdef bint is_time(self) noexcept nogil:
        """Whether so much has come together that it is to be handed over."""
        return is_time(&self.streams.events)

    cdef int hand_over(self) except -1:
        """Give the listener what has come together."""
        if self.streams.events.count:
            data = stream_data(&self.streams.events, self.records)
            forget_events(&self.streams.events)
            self.listener(data)
        return 0

    cdef int stop_streams(self) except -1:
        """Reading is over: give on all that waits; gives an Outcome."""
        cdef uint32_t nth = 0
        while self.reassemble and nth < self.maker.begun:
            with nogil:
                self.records.lock()
                nth = self.stop_some(nth)
                self.records.unlock()
            if self.streams.events.failed:
                return NO_MEMORY
            self.hand_over()
        return DONE

    cdef uint32_t stop_some(self, uint32_t nth) noexcept nogil:
        """Stop the streams of flows from the nth one on until it is time to hand over; gives the next one."""
        cdef Record *record
        cdef uint32_t number
        cdef Way way
        cdef uint8_t side
        while nth < self.maker.begun and not is_time(&self.streams.events):
            number = number_of(&self.maker, nth)
            record = record_at(self.records, number)
            if record.has & HAS_STREAMS:
                for side in range(SIDE_A, SIDE_B + 1):
                    way = way_of(&self.streams, connection_of(&self.records.tcp, record), number, side)
                    stop(&way, self.latest)
            nth += 1
        return nth

    cdef void drop_streams(self) noexcept nogil:
        """Let go of what still waits, if reading ended in an error."""
        cdef Record *record
        cdef uint32_t nth
        cdef int i
        if self.streams.held.price == 0:
            return
        for nth in range(self.maker.begun):
            record = record_at(self.records, number_of(&self.maker, nth))
            if record.has & HAS_STREAMS:
                for i in range(2):
                    drop_held(&self.streams.held, &connection_of(&self.records.tcp, record).streams[i])

    cdef void look_ahead(self, uint32_t number) noexcept nogil:
        """A part is going to be counted, very probably in this flow; for live tables."""

    cdef void note(self, uint32_t number, const Part *part) noexcept nogil:
        """A part was counted; for live tables."""

    cdef uint32_t flow_of(self, Part *part, const uint32_t *number) noexcept nogil:
        """The record of a part, made if need be; NOT_FOUND if it cannot be made."""
        cdef uint32_t found
        part.key.parent = number[part.parent] + 1 if part.parent >= 0 else 0
        found = index_find(&self.index, part, self.records)
        return found if found != NOT_FOUND else self.begin_flow(part)

    cdef uint32_t begin_flow(self, Part *part) noexcept nogil:
        cdef Dissection scratch
        cdef uint32_t number
        if self.maker.begun >= self.max_flows:
            return NOT_FOUND
        if part.application and part.payload_state == UNSEEN and not decode_application(&scratch, part):
            self.tally.stops[scratch.stop][scratch.stop_layer] += 1
        number = begin_flow(&self.maker, self.records, part, part.key.parent, name_by_port(self.port_names, part))
        if number == NO_RECORD:
            return NOT_FOUND
        if self.alone and number >= self.records.count:
            self.records.count = number + 1
        return number if index_add(&self.index, part.hash, number) else NOT_FOUND

    def rows(self):
        """The records of its flows in order: None, which stands for all."""

    def counts(self):
        """What became of the frames, as plain numbers: see ``account.py``, which names them."""
        cdef int link_type
        held, discarded, lost = self.fragments()
        return {
            "frames": self.tally.frames,
            "in_flows": self.tally.in_flows,
            "filtered": self.tally.filtered,
            "turned_away": self.tally.turned_away,
            "steps_back": self.tally.steps_back,
            "flows": self.maker.begun + self.maker.again,
            "unknown_links": {
                link_type: self.unknown_links[link_type]
                for link_type in range(LINK_TYPES if self.unknown_links != NULL else 0)
                if self.unknown_links[link_type]
            },
            "discards": by_reason(self.tally.discards),
            "stops": by_reason(self.tally.stops),
            "held": held,
            "fragments_discarded": discarded,
            "lost": lost | self.lost(),
        }

    cdef tuple fragments(self):
        """What became of fragments, which others may be counting meanwhile."""
        if self.defragger is None:
            return 0, {}, {}
        self.records.lock()
        try:
            return self.defragger.frames()
        finally:
            self.records.unlock()

    cdef dict lost(self):
        """What limits left out of this engine's flows, by name."""
        return {
            "flows without packet statistics": self.maker.statistics.refused,
            "flows without TCP metrics": self.maker.tcp.refused,
            "gaps of streams over stream_bytes": self.streams.over_bytes,
            "gaps of streams over streams_bytes": self.streams.over_all_bytes,
            "gaps of streams over stream_gaps": self.streams.over_gaps,
        }


cdef bint refilled(PacketSource source) except -1:
    source.begin_reading()
    try:
        return source.refill()
    finally:
        source.end_reading()


cdef list stream_data(const Events *events, Records records):
    """Events as a listener gets them."""
    cdef uint64_t at = 0
    cdef uint32_t i
    cdef list out = []
    for i in range(events.count):
        flow = Flow(records, events.list[i].flow)
        out.append(event_as(StreamData, flow, &events.list[i], events.bytes + at))
        at += events.list[i].length
    return out


cdef dict by_reason(const uint64_t (*counts)[256]):
    cdef int reason, layer
    return {
        (reason, layer): counts[reason][layer]
        for reason in range(STOPS)
        for layer in range(256)
        if counts[reason][layer]
    }


cdef IPDefragger defragger_within(limits):
    return IPDefragger(
        max_bytes=limits.fragment_bytes,
        max_datagrams=limits.fragment_datagrams,
        max_age=limits.fragment_seconds * 10**9,
    )


cdef uint64_t random_word():
    return int.from_bytes(os.urandom(8), "little")


cdef inline void prefetch_streams(const Connection *c) noexcept nogil:
    prefetch(&c.streams[0])
    prefetch(&c.streams[0].end)
    prefetch(&c.streams[1].end)
    prefetch(&c.shaking)


cdef inline uint32_t kept_length(const Part *part) noexcept nogil:
    """What is kept of a message: of DHCP its fixed part, since its options are not shown."""
    return 240 if part.application == DHCPV4 else part.payload_length
