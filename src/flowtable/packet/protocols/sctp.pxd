# SCTP (RFC 9260) and its chunks.

from libc.stdint cimport uint8_t, uint32_t

from flowtable._cursor cimport Cursor, be16, left, peek, take
from flowtable._types cimport SCTP
from flowtable.packet._dissection cimport BY_LAYER, END, MALFORMED, TRUNCATED, Dissection, next_by, push
from flowtable.packet._layers cimport (
    SCTP_ABORT, SCTP_CHUNK, SCTP_DATA, SCTP_ERROR, SCTP_INIT, SCTP_INIT_ACK, SCTP_LAYER, SCTP_SACK,
    SCTP_SHUTDOWN, SCTP_SHUTDOWN_ACK, SCTP_SHUTDOWN_COMPLETE, SCTP_UNKNOWN_CHUNK,
)
from flowtable.packet.protocols.transport cimport set_transport


cdef inline uint32_t sctp(Dissection *d) noexcept nogil:
    """The common header; chunks follow."""
    cdef const uint8_t *h = take(&d.c, 12)
    if h == NULL:
        return TRUNCATED
    push(d, SCTP_LAYER, h)
    set_transport(d, SCTP, be16(h), be16(h + 2))
    return next_by(BY_LAYER, SCTP_CHUNK) if left(&d.c) else END


cdef inline uint32_t sctp_chunk(Dissection *d) noexcept nogil:
    """A chunk, padded to four bytes; data is the last one that is looked at."""
    cdef const uint8_t *h = peek(&d.c, 4)
    cdef uint32_t length
    cdef Cursor body
    if h == NULL:
        return TRUNCATED
    length = be16(h + 2)
    if length < 4:
        return MALFORMED
    if h[0] == 0:
        return sctp_data(d)
    if take(&d.c, (length + 3) & ~3) == NULL:
        return TRUNCATED
    body.p, body.end = h + 4, h + length
    if not chunk_parses(h[0], &body):
        return MALFORMED
    push(d, chunk_layer(h[0]), h)
    return next_by(BY_LAYER, SCTP_CHUNK) if left(&d.c) else END


cdef inline uint32_t sctp_data(Dissection *d) noexcept nogil:
    """RFC 9260, 3.3.1: sixteen bytes, then the user's."""
    cdef const uint8_t *h = take(&d.c, 16)
    if h == NULL:
        return TRUNCATED
    push(d, SCTP_DATA, h)
    return END


cdef inline bint chunk_parses(uint8_t type, Cursor *body) noexcept nogil:
    """Whether the fixed fields and the parameters of a chunk fit into it (RFC 9260, 3.3)."""
    if type == 1 or type == 2:
        return take(body, 16) != NULL and parameters_parse(body)
    if type == 3:
        return sack_parses(body)
    if type == 4 or type == 5 or type == 6 or type == 9:
        return parameters_parse(body)
    return type != 7 or take(body, 4) != NULL


cdef inline bint sack_parses(Cursor *body) noexcept nogil:
    """RFC 9260, 3.3.4: gap blocks and duplicate numbers, four bytes each."""
    cdef const uint8_t *h = take(body, 12)
    return h != NULL and take(body, 4 * (be16(h + 8) + be16(h + 10))) != NULL


cdef inline bint parameters_parse(Cursor *c) noexcept nogil:
    """Parameters: at least their own four bytes of header, padded to four, the last one perhaps not."""
    cdef const uint8_t *h
    cdef uint32_t length
    while left(c) > 0:
        h = peek(c, 4)
        if h == NULL or be16(h + 2) < 4 or take(c, be16(h + 2)) == NULL:
            return False
        take(c, min(<size_t>(-be16(h + 2) & 3), left(c)))
    return True


cdef inline uint8_t chunk_layer(uint8_t type) noexcept nogil:
    """The name of a chunk other than data."""
    if type == 1:
        return SCTP_INIT
    if type == 2:
        return SCTP_INIT_ACK
    if 3 <= type <= 5:
        return SCTP_SACK + type - 3
    if type == 6:
        return SCTP_ABORT
    if type == 7:
        return SCTP_SHUTDOWN
    if type == 8:
        return SCTP_SHUTDOWN_ACK
    if 9 <= type <= 11:
        return SCTP_ERROR + type - 9
    return SCTP_SHUTDOWN_COMPLETE if type == 14 else SCTP_UNKNOWN_CHUNK
