# What a flow knows of its TCP connection: an item of a side pool, and how its fields are read.

from libc.stdint cimport int64_t, uint8_t, uint64_t

from flowtable._types cimport HAS_TCP_METRIC, SIDE_A, Record
from flowtable.flow._pool cimport Pool, pool_item
from flowtable.packet._dissection cimport TCP_FIN, TCP_RST, TCP_SYN


cdef enum TcpField:         # a field's place is P_TCP + 2 * TcpField, and one more for B
    SYN_START
    SYN_TTL
    FIN_START
    RST_START


cdef struct TcpTimes:
    # When one side said what; ns.
    int64_t syn             # its first SYN
    int64_t fin             # its last FIN
    int64_t rst             # its last RST
    uint8_t syn_ttl         # of that SYN
    uint8_t seen            # TCP_SYN, TCP_FIN, TCP_RST: which of these times there are


cdef struct Connection:
    TcpTimes times[2]       # of A and of B


cdef inline Connection *connection_of(const Pool *pool, const Record *r) noexcept nogil:
    """What is kept of a flow's connection; the flow has HAS_TCP_METRIC."""
    return <Connection *>pool_item(pool, r.tcp)


cdef inline TcpTimes *times_of(Connection *connection, uint8_t side) noexcept nogil:
    return &connection.times[side - SIDE_A]


cdef inline bint has_tcp_field(const Pool *pool, const Record *r, int which) noexcept nogil:
    """Whether the flow has a field: a time is there once it was seen."""
    cdef const TcpTimes *times
    cdef int name = which >> 1
    if not r.has & HAS_TCP_METRIC:
        return False
    times = &connection_of(pool, r).times[which & 1]
    if name <= SYN_TTL:
        return times.seen & TCP_SYN
    return times.seen & (TCP_FIN if name == FIN_START else TCP_RST)


cdef inline uint64_t tcp_number(const Pool *pool, const Record *r, int which) noexcept nogil:
    """A field of the flow's connection; 0 where it is not there."""
    cdef const TcpTimes *times
    cdef int name = which >> 1
    if not r.has & HAS_TCP_METRIC:
        return 0
    times = &connection_of(pool, r).times[which & 1]
    if name == SYN_START:
        return times.syn
    elif name == SYN_TTL:
        return times.syn_ttl
    elif name == FIN_START:
        return times.fin
    elif name == RST_START:
        return times.rst
    return 0
