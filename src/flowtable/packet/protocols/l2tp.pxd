# L2TP, versions 2 and 3.

from libc.stdint cimport uint8_t, uint32_t

from flowtable._cursor cimport be16, be32, left, peek, take
from flowtable.packet._dissection cimport (
    BY_LAYER, END, MALFORMED, TRUNCATED, Dissection, is_asked_for, next_by, push,
)
from flowtable.packet._layers cimport L2TPV2, L2TPV3, NONE, PPP
from flowtable.packet.protocols.guess cimport guess_framed, guess_ip


cdef enum:
    L2TP_CONTROL = 0x80                 # in the first byte, the T bit
    L2TP_LENGTH = 0x40
    L2TP_SEQUENCE = 0x08
    L2TP_OFFSET = 0x02
    L2TP_NO_FLAGS = 0x34                # reserved bits
    L2TP_OF_CONTROL = 0x48              # control messages have a length and sequence numbers


cdef inline uint32_t l2tp(Dissection *d) noexcept nogil:
    """What comes over UDP is of either version, which stand in the same place (RFC 3931, 4.1.2.1).

    The port may be a client's by chance, and so bits that have to be 0 are held to it.
    """
    cdef const uint8_t *h = peek(&d.c, 2)
    if h == NULL:
        return TRUNCATED
    if h[0] & L2TP_NO_FLAGS or h[0] & L2TP_CONTROL and h[0] & L2TP_OF_CONTROL != L2TP_OF_CONTROL:
        return MALFORMED
    if h[1] == 2:
        return next_by(BY_LAYER, L2TPV2) if is_asked_for(d, L2TPV2) else END
    if h[1] == 3:
        return l2tpv3_over_udp(d) if is_asked_for(d, L2TPV3) else END
    return MALFORMED


cdef inline uint32_t l2tpv2(Dissection *d) noexcept nogil:
    """RFC 2661, 3.1: optional fields as the flags say, then PPP, unless it is a control message."""
    cdef const uint8_t *h = peek(&d.c, 2)
    cdef const uint8_t *ids
    cdef const uint8_t *offset
    if h == NULL or take(&d.c, 4 if h[0] & L2TP_LENGTH else 2) == NULL:
        return TRUNCATED
    ids = take(&d.c, 4)
    if ids == NULL or h[0] & L2TP_SEQUENCE and take(&d.c, 4) == NULL:
        return TRUNCATED
    if h[0] & L2TP_OFFSET:
        offset = take(&d.c, 2)
        if offset == NULL or take(&d.c, be16(offset)) == NULL:
            return TRUNCATED
    push(d, L2TPV2, h)
    if h[0] & L2TP_CONTROL:
        return END
    d.part.tunnel_id = be32(ids)
    return next_by(BY_LAYER, PPP) if left(&d.c) else END


cdef inline uint32_t l2tpv3_over_udp(Dissection *d) noexcept nogil:
    """RFC 3931, 4.1.2: four bytes with the version before what comes over IP."""
    cdef const uint8_t *h = take(&d.c, 8)
    if h == NULL:
        return TRUNCATED
    return l2tpv3_session(d, h, 0 if h[0] & L2TP_CONTROL else be32(h + 4))


cdef inline uint32_t l2tpv3(Dissection *d) noexcept nogil:
    """RFC 3931, 4.1.1: session 0 is control."""
    cdef const uint8_t *h = take(&d.c, 4)
    return l2tpv3_session(d, h, be32(h)) if h != NULL else TRUNCATED


cdef inline uint32_t l2tpv3_session(Dissection *d, const uint8_t *header, uint32_t session) noexcept nogil:
    """Name the layer; what a session carries is a guess.

    How long the cookie (0, 4 or 8 bytes) and the sublayer (0 or 4) are is agreed beforehand and not in the
    packet. Linux sends four bytes unless told otherwise, and so these are tried first, then fewer, then more.
    Link layers go before IP, which they have in them.
    """
    cdef const uint32_t *sizes = [4, 0, 8, 12]
    cdef uint8_t inside = NONE
    cdef uint32_t i
    if session:
        for i in range(8):
            inside = guess_framed(&d.c, sizes[i]) if i < 4 else guess_ip(&d.c, sizes[i & 3])
            if inside != NONE:
                take(&d.c, sizes[i & 3])
                break
    push(d, L2TPV3, header)
    d.part.tunnel_id = session
    return next_by(BY_LAYER, inside) if inside != NONE else END
