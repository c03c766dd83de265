# One table of flows that frames are counted into; nothing expires.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowtable._types cimport BATCH, MAX_PARTS, Frame, Record
from flowtable.capture._bpf cimport Instruction
from flowtable.capture._walk cimport PacketSource
from flowtable.flow._begin cimport Maker
from flowtable.flow._flow cimport Records
from flowtable.packet._defrag cimport IPDefragger
from flowtable.packet._dissection cimport STOPS, Decoding, Part
from flowtable.table._index cimport Index
from flowtable.table._ports cimport PortNames
from flowtable.table._streams cimport Streams


cdef enum:
    BATCH_PARTS = BATCH + MAX_PARTS     # a frame's parts may go beyond a full batch
    FRAMES_AHEAD = 4                    # whose headers are on their way into the cache while one is decoded
    BATCH_WHOLE = 1 << 20               # bytes of datagrams put together, after which a batch is full as well


cdef enum Outcome:
    DONE = 0
    TABLE_FULL = 1
    NO_MEMORY = 2
    GOES_ON = 3         # there may be more in the window


cdef struct Counts:
    uint64_t frames
    uint64_t in_flows
    uint64_t filtered
    uint64_t turned_away                # for want of room for their flows
    uint64_t steps_back
    uint64_t discards[STOPS][256]       # [why decoding stopped][at which layer]
    uint64_t stops[STOPS][256]


cdef class Engine:
    cdef readonly Records records
    cdef Maker maker
    cdef Index index
    cdef Counts *tally
    cdef uint64_t *unknown_links        # [link type]: frames; NULL until there is one
    cdef bint failed                    # there was no memory to count them
    cdef dict programs                  # keeps alive what filters points to
    cdef const Instruction **filters    # [link type]: its program, NOTHING, or NULL: not compiled; if is_filtered
    cdef object filter_set
    cdef PortNames *port_names          # NULL: ports have no names
    cdef bint is_filtered
    cdef readonly IPDefragger defragger     # None: fragments are left alone
    cdef Decoding how
    cdef uint64_t k0
    cdef uint64_t k1
    cdef readonly uint64_t max_flows
    cdef int64_t latest                 # ns; the time of the frame before
    cdef bint is_live                   # it is a LiveEngine, which notes what is counted
    cdef bint alone                     # nobody else counts into the records
    cdef bint reassemble
    cdef Streams streams
    cdef object listener                # gets what streams give on; None: nobody does
    cdef uint32_t raw_packets           # kept of each flow
    cdef uint8_t layer_key
    cdef bint key_ids
    cdef bint keeps_messages
    cdef uint8_t kinds[256]             # [layer]: HAS_ bit of the messages to keep, or 0
    cdef uint32_t n_parts
    cdef Part parts[BATCH_PARTS]

    cdef int name_ports(self, app_ports) except -1
    cdef int drain(self, PacketSource source) except -1
    cdef int count_some(self, PacketSource source) except -1
    cdef int count_dealt(self, const Frame *frames, const uint32_t *which, uint32_t n) except -1 nogil
    cdef int stop_dealt(self, int64_t latest) except -1
    cdef bint has_filters(self, const Frame *frames, int n) noexcept nogil
    cdef int prepare_filters(self, const Frame *frames, int n) except -1
    cdef bint passes(self, const Frame *frame) noexcept nogil
    cdef int take_window(self, PacketSource source, Frame *frames, int *n) noexcept nogil
    cdef int take(self, Frame *frames, int n) noexcept nogil
    cdef int count(self, const Frame *frames, int n) noexcept nogil
    cdef bint is_full(self) noexcept nogil
    cdef void dissect(self, const Frame *frame) noexcept nogil
    cdef void count_unknown_link(self, uint16_t link_type) noexcept nogil
    cdef uint32_t keep_parts(self, uint32_t n, const Frame *frame, uint64_t order, uint32_t frames) noexcept nogil
    cdef int update(self) noexcept nogil
    cdef void keep(self, Record *record, Part *part) noexcept nogil
    cdef int turn_away(self, uint32_t i) noexcept nogil
    cdef void follow_segments(self, const uint32_t *number) noexcept nogil
    cdef bint is_time(self) noexcept nogil
    cdef int hand_over(self) except -1
    cdef void look_ahead(self, uint32_t number) noexcept nogil
    cdef void note(self, uint32_t number, const Part *part) noexcept nogil
    cdef int stop_streams(self) except -1
    cdef uint32_t stop_some(self, uint32_t nth) noexcept nogil
    cdef void drop_streams(self) noexcept nogil
    cdef uint32_t flow_of(self, Part *part, const uint32_t *number) noexcept nogil
    cdef uint32_t begin_flow(self, Part *part) noexcept nogil
    cdef tuple fragments(self)
    cdef dict lost(self)


cdef bint refilled(PacketSource source) except -1
