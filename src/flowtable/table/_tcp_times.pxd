# When a connection's two sides began and ended it.

from libc.stdint cimport uint8_t
from libc.string cimport memcmp

from flowtable._types cimport SIDE_A
from flowtable.flow._tcp cimport Connection, TcpTimes, times_of
from flowtable.packet._dissection cimport TCP_FIN, TCP_RST, TCP_SYN, Part


cdef inline void see_flag(Connection *connection, const Part *p, uint8_t side) noexcept nogil:
    """Note the time of a segment with SYN, FIN or RST; of several flags the first of these counts."""
    if p.tcp_flags & TCP_SYN:
        see_syn(times_of(connection, side), p)
    else:
        see_end(times_of(connection, side_by_address(p, side)), p)


cdef inline void see_syn(TcpTimes *times, const Part *p) noexcept nogil:
    """The first SYN stands, so that one that is sent again is no later start."""
    if not times.seen & TCP_SYN:
        times.syn, times.syn_ttl = p.time, p.ttl
        times.seen |= TCP_SYN


cdef inline void see_end(TcpTimes *times, const Part *p) noexcept nogil:
    """The last FIN and the last RST stand."""
    if p.tcp_flags & TCP_FIN:
        times.fin = p.time
        times.seen |= TCP_FIN
    else:
        times.rst = p.time
        times.seen |= TCP_RST


cdef inline uint8_t side_by_address(const Part *p, uint8_t side) noexcept nogil:
    """Whose end it is as the reference has it: where both ends are one address, all are A's."""
    return SIDE_A if memcmp(p.key.address_a, p.key.address_b, 16) == 0 else side
