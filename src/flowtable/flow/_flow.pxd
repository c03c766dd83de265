from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from cython cimport pymutex

from flowtable._exact cimport MAX_APPLICATIONS, MAX_PATHS, MAX_PIECES, PIECE_BITS
from flowtable._types cimport Record
from flowtable.flow._packets cimport PacketPool
from flowtable.flow._pool cimport Pool
from flowtable.flow._kept cimport Messages
from flowtable.packet._dissection cimport Part


cdef extern from "Python.h" nogil:
    unsigned long PyThread_get_thread_ident()


cdef enum:
    PIECE_RECORDS = 1 << PIECE_BITS
    PIECE_MASK = PIECE_RECORDS - 1
    MAX_FLOWS = 0x7FFFFFFF                      # the arena holds one more, and numbers fit into 32 bits
    NAMED_BY_USERS = 256                        # above the numbers of layers
    NO_PIECE = 0xFFFFFFFF
    NO_RECORD = 0xFFFFFFFF
    ROWS_TOGETHER = 4096                        # that are looked at before others have a turn


cdef enum FinishType:       # in the order of names.FlowFinishType, which has the numbers of messages
    NOT_FINISHED = 0
    TIMEOUT = 1
    FINISHED_FIN = 2
    FINISHED_RST = 3
    EVICTED = 4
    ACTIVE_TIMEOUT = 5
    STOPPED = 6


cdef struct PathNode:
    # One layer below another one's path. Nodes are never removed, so that a path is one number.
    uint16_t parent
    uint16_t child          # the first; 0: none, since node 0 is the root
    uint16_t sibling        # the next child of the same parent
    uint8_t layer


cdef struct Applications:
    # Names in use, numbered in the order of their first use, so that a record's number is a column's too.
    uint32_t count                              # with number 0, which is no name
    uint16_t number_of[MAX_APPLICATIONS]        # [a layer's number, or 256 and a user's name's]; 0: not in use
    uint16_t used[MAX_APPLICATIONS]             # [number]: what has it


cdef class Records:
    # The arena: flows in pieces that never move, each of one thread that counts packets, in the order in which
    # that thread began them.
    cdef Record **pieces
    cdef PathNode *paths
    cdef Messages messages                      # that extra layers keep
    cdef uint64_t n_pieces                      # that were asked for
    cdef readonly uint32_t count                # all numbers are below it
    cdef readonly uint32_t n_paths
    cdef readonly uint64_t paths_cut            # flows whose path is cut short, since there are too many paths
    cdef readonly str node_tid
    cdef readonly str capture_id
    cdef readonly frozenset options             # names of the options whose fields are filled
    cdef bint keep_statistics
    cdef uint8_t has_of_ip                      # HAS_ of every flow with IP
    cdef Pool statistics                        # Statistics, by Record.statistics
    cdef bint keep_tcp
    cdef bint keep_streams
    cdef Pool tcp                               # Connections, by Record.tcp
    cdef PacketPool packets                     # by Record.raw_packets
    cdef Pool handed                            # by Record.handed
    cdef bint large_pages                       # for its pieces: it is going to be large
    cdef readonly object extras                 # Extras: what enhancers have added
    cdef bytes start_and_node                   # what a UUID is made from: 8 bytes, and the node's TID
    cdef tuple path_texts
    cdef tuple application_texts
    cdef Applications *applications
    cdef dict users_names                       # of applications, with their numbers
    cdef dict children_of                       # parents' numbers -> their children's
    cdef uint32_t children_known                # records that it covers
    cdef pymutex gate                           # of who is the next to have the mutex
    cdef pymutex mutex
    cdef uint64_t holder                        # the thread that has the mutex; 0: none
    cdef uint32_t depth                         # how often it has locked it

    cdef void lock(self) noexcept nogil
    cdef void unlock(self) noexcept nogil
    cdef int begin_pools(self, limits) except -1
    cdef uint32_t take_piece(self) noexcept nogil
    cdef void end_piece(self, Record *piece) noexcept nogil
    cdef uint16_t use_application(self, uint16_t application) noexcept nogil
    cdef uint16_t path_of(self, const Part *part) noexcept nogil
    cdef uint16_t new_path(self, uint16_t parent, uint8_t layer) noexcept nogil
    cdef tuple paths_by_number(self)
    cdef list packet_numbers(self, uint32_t number)
    cdef tuple packet(self, uint32_t number)
    cdef tuple frame(self, uint32_t number)
    cdef tuple packet_order(self, uint32_t number)
    cdef tuple applications_by_number(self)
    cdef object value_of(self, const Record *record, int place, int kind)
    cdef int note_children(self) except -1
    cdef str json_text(self, const Record *record, int place)


cdef inline Record *record_at(Records records, uint32_t number) noexcept nogil:
    """The record with a number below records.count."""
    return &records.pieces[number >> PIECE_BITS][number & PIECE_MASK]


cdef inline const Record *row_at(Records records, const uint32_t[::1] rows, uint32_t row) noexcept nogil:
    """The record of one of some rows, which are numbers; of all records, if there are none."""
    return record_at(records, row if rows is None else rows[row])


cdef inline void stand_aside(Records records, uint32_t row) noexcept nogil:
    """Under the lock, and in a loop over many rows: let others have it now and then, as those who count packets."""
    if row % ROWS_TOGETHER == ROWS_TOGETHER - 1:
        records.unlock()
        records.lock()


cdef inline int check_rows(Records records, const uint32_t[::1] rows, uint32_t start, uint32_t stop) except -1:
    """See to it that row_at() may be asked for these rows: raises IndexError."""
    cdef uint32_t row
    if not start <= stop <= (records.count if rows is None else <uint32_t>rows.shape[0]):
        raise IndexError((start, stop))
    for row in range(start, stop if rows is not None else start):
        if rows[row] >= records.count:
            raise IndexError(rows[row])
    return 0
