# TCP, UDP and its relatives.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from flowtable._cursor cimport be16, be32, left, limit, peek, take
from flowtable._types cimport RUDP, TCP, UDP, UDPLITE
from flowtable.packet._dissection cimport (
    BY_UDP_PORT, END, MALFORMED, REPLY, REQUEST, TCP_ACK, TCP_RST, TCP_SYN, TRUNCATED, Dissection, next_by, push,
)
from flowtable.packet._layers cimport RUDP_LAYER, TCP_LAYER, UDP_LAYER, UDPLITE_LAYER


cdef inline bint set_transport(Dissection *d, uint8_t kind, uint16_t source, uint16_t destination) noexcept nogil:
    """The outermost transport of a part is its flow's; False when there was one."""
    if d.part.key.transport:
        return False
    d.part.key.transport = kind
    d.part.port_a = source
    d.part.port_b = destination
    return True


cdef inline uint32_t tcp(Dissection *d) noexcept nogil:
    """RFC 9293; a data offset that cannot be keeps the layer."""
    cdef const uint8_t *h = take(&d.c, 20)
    cdef uint32_t header, options, on_wire
    if h == NULL:
        return TRUNCATED
    header = (h[12] >> 4) * 4
    on_wire = <uint32_t>left(&d.c) + d.uncaptured + 20
    options = header - 20 if header > 20 and header - 20 <= left(&d.c) else 0
    take(&d.c, options)
    push(d, TCP_LAYER, h)
    if set_transport(d, TCP, be16(h), be16(h + 2)):
        d.part.tcp_flags = h[13]
        d.part.signal = tcp_signal(h[13])
        if 20 <= header <= on_wire:
            set_segment(d, h, on_wire - header, <uint32_t>left(&d.c) if options == header - 20 else 0)
    if header < 20:
        return MALFORMED
    return END if options == header - 20 else TRUNCATED


cdef inline void set_segment(Dissection *d, const uint8_t *h, uint32_t length, uint32_t captured) noexcept nogil:
    """Say what a segment carries: so many bytes on the wire, so many of them here."""
    d.part.is_segment = 1
    d.part.tcp_sequence, d.part.tcp_acknowledgment = be32(h + 4), be32(h + 8)
    d.part.tcp_window = be16(h + 14)
    d.part.tcp_length = length
    d.part.payload_length = captured
    d.part.payload = peek(&d.c, captured)


cdef inline uint8_t tcp_signal(uint8_t flags) noexcept nogil:
    """A SYN asks; a SYN with ACK, or a reset, answers."""
    if flags & TCP_RST or flags & (TCP_SYN | TCP_ACK) == (TCP_SYN | TCP_ACK):
        return REPLY
    return REQUEST if flags & TCP_SYN else 0


cdef inline uint32_t udp(Dissection *d) noexcept nogil:
    """RFC 768; a length of 0 means the rest (RFC 2675)."""
    cdef const uint8_t *h = take(&d.c, 8)
    cdef uint32_t length
    if h == NULL:
        return TRUNCATED
    push(d, UDP_LAYER, h)
    set_transport(d, UDP, be16(h), be16(h + 2))
    length = be16(h + 4)
    if 0 < length < 8:
        return MALFORMED
    if length:
        limit(&d.c, length - 8)
    return next_by(BY_UDP_PORT, be16(h + 2)) if left(&d.c) else END


cdef inline uint32_t udplite(Dissection *d) noexcept nogil:
    """RFC 3828."""
    cdef const uint8_t *h = take(&d.c, 8)
    if h == NULL:
        return TRUNCATED
    push(d, UDPLITE_LAYER, h)
    set_transport(d, UDPLITE, be16(h), be16(h + 2))
    return END


cdef inline uint32_t rudp(Dissection *d) noexcept nogil:
    """RFC 908 and 1151: a header of 9 words of two bytes or more, and ports of one byte."""
    cdef const uint8_t *h = peek(&d.c, 18)
    if h == NULL:
        return TRUNCATED
    if h[1] < 9:
        return MALFORMED
    if take(&d.c, 2 * h[1]) == NULL or peek(&d.c, be16(h + 4)) == NULL:
        return TRUNCATED
    push(d, RUDP_LAYER, h)
    set_transport(d, RUDP, h[2], h[3])
    return END
