# What a flow knows of its TCP connection: an item of a side pool, and how its fields are read.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from flowtable._types cimport HAS_STREAMS, HAS_TCP_METRIC, SIDE_A, Record
from flowtable.flow._pool cimport Pool, pool_item
from flowtable.packet._dissection cimport TCP_FIN, TCP_RST, TCP_SYN


cdef enum TcpField:         # a field's place is P_TCP + 2 * TcpField, and one more for B
    SYN_START
    SYN_TTL
    FIN_START
    RST_START
    OUT_OF_ORDER            # from here on with HAS_STREAMS only
    SKIPPED
    SKIPPED_BYTES
    IN_ORDER
    IN_ORDER_BYTES
    SAW_START
    SAW_END
    RETRANSMITTED
    ZERO_WINDOWS
    HANDSHAKE               # has no B


cdef struct TcpTimes:
    # When one side said what; ns.
    int64_t syn             # its first SYN
    int64_t fin             # its last FIN
    int64_t rst             # its last RST
    uint8_t syn_ttl         # of that SYN
    uint8_t seen            # TCP_SYN, TCP_FIN, TCP_RST: which of these times there are


cdef struct Chunk:
    # A piece of a stream that waits for what is in front of it; its bytes follow.
    Chunk *next
    int64_t time
    uint32_t length         # on the wire
    uint32_t captured


cdef struct Run:
    # Pieces that wait and have no gap between them: sequence numbers from begin to before end.
    uint32_t begin
    uint32_t end
    uint32_t segments
    uint32_t price
    Chunk *first            # NULL if bytes are not kept
    Chunk *last


cdef enum:                  # bits of Stream.state
    STARTED = 1             # `next` is known
    FIRST_TO_COME = 2       # nothing of it has been given on since it started
    END_AHEAD = 4           # `end` is known and not reached
    END_IS_FIN = 8          # which takes a sequence number; else it is a reset
    END_ALONE = 16          # it came without data, and so is a segment to count
    ENDED = 32              # the end was reached
    UNKNOWN_GAP = 64        # how much is missing before what is given next cannot be said


cdef enum:                  # bits of Stream.saw, which stay
    START = 1
    THE_END = 2


cdef struct Stream:
    # What one side of a connection sent. Sequence numbers go round at 2^32: see distance().
    uint64_t packets        # segments given on in order, of those that take sequence numbers or end the stream
    uint64_t bytes          # of their payload, on the wire
    uint64_t skipped_bytes
    uint64_t missing        # bytes missing before what is given next
    int64_t end_time
    uint32_t skipped        # gaps
    uint32_t out_of_order
    uint32_t retransmitted
    uint32_t zero_windows
    uint32_t first          # the sequence number in front of the first byte: its SYN's
    uint32_t next           # the sequence number that is expected
    uint32_t end            # behind its last byte
    uint32_t price          # bytes that what waits takes, or would if it were kept
    Run *runs               # what waits, in order; no two of them touch
    uint16_t n_runs
    uint16_t room           # runs that there is memory for
    uint8_t state
    uint8_t saw


cdef enum Handshake:
    NO_HANDSHAKE
    ASKED                   # SYN
    ANSWERED                # SYN/ACK
    MEASURED                # ACK
    UNMEASURED              # ACK, with times that go back


cdef struct Connection:
    TcpTimes times[2]       # of A and of B
    # From here on only with HAS_STREAMS.
    Stream streams[2]
    int64_t handshake       # ns; the time of the SYN until it is MEASURED
    uint8_t shaking         # Handshake
    uint8_t asking          # the side that sent the SYN


cdef inline Connection *connection_of(const Pool *pool, const Record *r) noexcept nogil:
    """What is kept of a flow's connection; the flow has HAS_TCP_METRIC."""
    return <Connection *>pool_item(pool, r.tcp)


cdef inline TcpTimes *times_of(Connection *connection, uint8_t side) noexcept nogil:
    return &connection.times[side - SIDE_A]


cdef inline Stream *stream_of(Connection *connection, uint8_t side) noexcept nogil:
    return &connection.streams[side - SIDE_A]


cdef inline bint has_tcp_field(const Pool *pool, const Record *r, int which) noexcept nogil:
    """Whether the flow has a field: a time is there once it was seen."""
    cdef const Connection *connection
    cdef int name = which >> 1
    cdef uint8_t seen
    if not r.has & HAS_TCP_METRIC:
        return False
    connection = connection_of(pool, r)
    if name >= OUT_OF_ORDER:
        return r.has & HAS_STREAMS and (name != HANDSHAKE or connection.shaking == MEASURED)
    seen = connection.times[which & 1].seen
    if name <= SYN_TTL:
        return seen & TCP_SYN
    return seen & (TCP_FIN if name == FIN_START else TCP_RST)


cdef inline uint64_t tcp_number(const Pool *pool, const Record *r, int which) noexcept nogil:
    """A field of the flow's connection; 0 where it is not there."""
    cdef const Connection *connection
    cdef int name = which >> 1
    if not has_tcp_field(pool, r, which):
        return 0
    connection = connection_of(pool, r)
    if name == HANDSHAKE:
        return connection.handshake
    if name >= OUT_OF_ORDER:
        return stream_number(&connection.streams[which & 1], name)
    return time_number(&connection.times[which & 1], name)


cdef inline uint64_t time_number(const TcpTimes *times, int name) noexcept nogil:
    if name == SYN_START:
        return times.syn
    elif name == SYN_TTL:
        return times.syn_ttl
    elif name == FIN_START:
        return times.fin
    return times.rst


cdef inline uint64_t stream_number(const Stream *stream, int name) noexcept nogil:
    if name == OUT_OF_ORDER:
        return stream.out_of_order
    elif name == SKIPPED:
        return stream.skipped
    elif name == SKIPPED_BYTES:
        return stream.skipped_bytes
    elif name == IN_ORDER:
        return stream.packets
    elif name == IN_ORDER_BYTES:
        return stream.bytes
    elif name == SAW_START:
        return stream.saw & START
    elif name == SAW_END:
        return stream.saw & THE_END != 0
    elif name == RETRANSMITTED:
        return stream.retransmitted
    return stream.zero_windows
