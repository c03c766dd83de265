# What each packet changes in its flow.

from libc.stdint cimport int16_t, uint8_t, uint32_t

from flowtable._types cimport (
    BY_SYN, BY_SYN_ACK, HAS_STATISTICS, HAS_TCP_METRIC, NO_SIDE, SIDE_A, SIDE_B, Record,
)
from flowtable.flow._flow cimport FINISHED_FIN, FINISHED_RST, NOT_FINISHED, Records
from flowtable.flow._pool cimport pool_item
from flowtable.flow._statistics cimport Statistics, add_packet
from flowtable.flow._tcp cimport connection_of
from flowtable.packet._dissection cimport REQUEST, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Part
from flowtable.packet._key cimport KEY_L3
from flowtable.table._tcp_times cimport see_flag


cdef inline void count_part(Records records, Record *r, const Part *p, uint8_t layer_key) noexcept nogil:
    """What each packet changes in its flow."""
    cdef uint8_t side = side_of(r, p)
    r.last = p.time if p.time > r.start else r.start
    if layer_key != KEY_L3 or p.key.network:    # else: nothing to count, as the reference has it
        count_length(records, r, p, side)
    if p.ttl < r.min_ttl:
        r.min_ttl = p.ttl
    if p.ttl > r.max_ttl:
        r.max_ttl = p.ttl
    if p.sampling_rate:
        r.sampling_rate = p.sampling_rate
    if p.tunnel_id:
        set_tunnel_id(r, p.tunnel_id, side)
    if p.signal:
        measure_rtt(r, p, side)
    if p.tcp_flags:
        count_tcp_flags(r, p.tcp_flags, side)
    if p.tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST) and r.has & HAS_TCP_METRIC:
        see_flag(connection_of(&records.tcp, r), p, side)
    if p.whole:
        count_fragments(r, p)


cdef inline void count_length(Records records, Record *r, const Part *p, uint8_t side) noexcept nogil:
    cdef Statistics *both
    if side == SIDE_A:
        r.ab_packets += 1
        r.ab_bytes += p.length
    else:
        r.ba_packets += 1
        r.ba_bytes += p.length
    if r.has & HAS_STATISTICS:
        both = <Statistics *>pool_item(&records.statistics, r.statistics)
        if side == SIDE_A:
            add_packet(&both.ab, p.length, p.time, r.ab_packets)
        else:
            add_packet(&both.ba, p.length, p.time, r.ba_packets)


cdef inline void set_tunnel_id(Record *r, uint32_t tunnel_id, uint8_t side) noexcept nogil:
    """Remember a number that a tunnel has one way only: the last one stands."""
    if side == SIDE_A:
        r.ab_tunnel_id = tunnel_id
    else:
        r.ba_tunnel_id = tunnel_id


cdef inline void measure_rtt(Record *r, const Part *p, uint8_t side) noexcept nogil:
    """The time from a request to its answer from the other side; the last one measured stands.

    One request is waited for at a time. Echoes are told apart by their sequence: an answer to a later
    request says that this one was lost.
    """
    cdef int16_t later
    if p.signal == REQUEST:
        if r.rtt_pending == NO_SIDE:
            r.rtt_pending = side
            r.rtt_start = p.time
            r.rtt_sequence = p.sequence
    elif r.rtt_pending and r.rtt_pending != side:
        later = <int16_t>(p.sequence - r.rtt_sequence)
        if later == 0 and p.time >= r.rtt_start:
            r.rtt = p.time - r.rtt_start
        if later >= 0:
            r.rtt_pending = NO_SIDE


cdef inline void count_tcp_flags(Record *r, uint8_t flags, uint8_t side) noexcept nogil:
    """Remember the flags, and what they say of the connection's client and end."""
    if side == SIDE_A:
        r.ab_tcp_flags |= flags
    else:
        r.ba_tcp_flags |= flags
    if flags & TCP_SYN:
        if flags & TCP_ACK:
            set_client(r, BY_SYN_ACK, other_side(side))
        else:
            set_client(r, BY_SYN, side)
    if flags & (TCP_FIN | TCP_RST) and r.finish == NOT_FINISHED:
        finish(r, flags)


cdef inline void count_fragments(Record *r, const Part *p) noexcept nogil:
    """Add up the pieces of its datagrams."""
    r.fragments = sum_within(r.fragments, p.fragments)
    r.fragment_errors = sum_within(r.fragment_errors, p.fragment_errors)


cdef inline uint32_t sum_within(uint32_t a, uint32_t b) noexcept nogil:
    """A sum, or the largest number where that is too small for it."""
    return a + b if a + b >= a else 0xFFFFFFFF


cdef inline uint8_t side_of(const Record *r, const Part *p) noexcept nogil:
    """Who sent a part of a flow."""
    return SIDE_A if p.swapped == r.swapped else SIDE_B


cdef inline uint8_t other_side(uint8_t side) noexcept nogil:
    return SIDE_A + SIDE_B - side


cdef inline void set_client(Record *r, uint8_t basis, uint8_t side) noexcept nogil:
    """Say who the client is, unless something as strong has said it before."""
    if basis > r.client >> 2:
        r.client = basis << 2 | side


cdef inline void finish(Record *r, uint8_t tcp_flags) noexcept nogil:
    """A reset ends a connection at once, FIN when both sides have sent it."""
    if tcp_flags & TCP_RST:
        r.finish = FINISHED_RST
    elif r.ab_tcp_flags & r.ba_tcp_flags & TCP_FIN:
        r.finish = FINISHED_FIN
