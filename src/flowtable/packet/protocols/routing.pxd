# What routers say to each other and to hosts: OSPF, VRRP, IGMP.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from flowtable._cursor cimport Cursor, be16, be32, left, peek, take
from flowtable.packet._dissection cimport END, MALFORMED, PARSED, TRUNCATED, UNKNOWN, Dissection, push
from flowtable.packet._layers cimport IGMP, OSPF, VRRP


cdef enum:
    LINK_STATE_UPDATE = 4


cdef inline uint32_t ospf(Dissection *d) noexcept nogil:
    """RFC 2328 (version 2) and RFC 5340 (version 3)."""
    cdef const uint8_t *h = peek(&d.c, 16)
    cdef Cursor body = d.c
    cdef uint32_t fixed
    if h == NULL:
        return TRUNCATED
    if h[0] != 2 and h[0] != 3:
        return UNKNOWN
    fixed = 24 if h[0] == 2 else 16
    if take(&body, fixed) == NULL or peek(&d.c, be16(h + 2)) == NULL:
        return TRUNCATED
    if h[1] == LINK_STATE_UPDATE and not link_states_parse(&body, h[0]):
        return MALFORMED
    take(&d.c, fixed)
    push(d, OSPF, h)
    return END


cdef inline bint link_states_parse(Cursor *c, uint8_t version) noexcept nogil:
    """Whether all advertisements that an update counts are of a known kind and fit."""
    cdef const uint8_t *h = take(c, 4)
    cdef uint32_t count
    if h == NULL:
        return False
    for count in range(be32(h)):
        h = peek(c, 20)
        if h == NULL or be16(h + 18) < 20 or take(c, be16(h + 18)) == NULL:
            return False
        if not (link_state_v2(h[3]) if version == 2 else link_state_v3(be16(h + 2))):
            return False
    return True


cdef inline bint link_state_v2(uint8_t type) noexcept nogil:
    """Router, network, summaries, AS external (RFC 2328, A.4.1) and NSSA external (RFC 3101)."""
    return 1 <= type <= 5 or type == 7


cdef inline bint link_state_v3(uint16_t type) noexcept nogil:
    """The function codes of RFC 5340, A.4.2.1, with their flooding scope."""
    return 0x2001 <= type <= 0x2004 or type == 0x4005 or type == 0x2007 or type == 0x0008 or type == 0x2009


cdef inline uint32_t vrrp(Dissection *d) noexcept nogil:
    """RFC 3768 (version 2), and what version 3 (RFC 5798) shares with it: advertisements with addresses."""
    cdef const uint8_t *h = take(&d.c, 8)
    if h == NULL:
        return TRUNCATED
    if h[0] & 15 != 1 or h[3] == 0 or (h[0] >> 4 == 2 and h[4] > 2):
        return MALFORMED
    if take(&d.c, 4 * h[3]) == NULL:
        return TRUNCATED
    push(d, VRRP, h)
    d.part.application, d.part.payload_state = VRRP, PARSED
    d.part.payload, d.part.payload_length = h, 8
    return END


cdef inline uint32_t igmp(Dissection *d) noexcept nogil:
    """RFC 1112, 2236 and 3376; a query of 12 bytes or more is one of version 3."""
    cdef const uint8_t *h = peek(&d.c, 8)
    cdef size_t length = left(&d.c)
    if h == NULL:
        return TRUNCATED
    if h[0] == 0x11:
        return igmp_query(d) if length >= 12 else igmp_short(d) if length == 8 else MALFORMED
    if h[0] == 0x12 or h[0] == 0x16 or h[0] == 0x17:
        return igmp_short(d)
    return igmp_report(d) if h[0] == 0x22 else UNKNOWN


cdef inline uint32_t igmp_short(Dissection *d) noexcept nogil:
    """Eight bytes: every message of versions 1 and 2. The caller has seen that they are there."""
    cdef const uint8_t *h = take(&d.c, 8)
    push(d, IGMP, h)
    return END


cdef inline uint32_t igmp_query(Dissection *d) noexcept nogil:
    """RFC 3376, 4.1: a count of sources."""
    cdef const uint8_t *h = take(&d.c, 12)
    if take(&d.c, 4 * be16(h + 10)) == NULL:
        return TRUNCATED
    push(d, IGMP, h)
    return END


cdef inline uint32_t igmp_report(Dissection *d) noexcept nogil:
    """RFC 3376, 4.2: a count of group records, each with sources and auxiliary data."""
    cdef const uint8_t *h = take(&d.c, 8)
    cdef const uint8_t *record
    cdef uint32_t count
    for count in range(be16(h + 6)):
        record = take(&d.c, 8)
        if record == NULL or take(&d.c, 4 * be16(record + 2) + 4 * record[1]) == NULL:
            return TRUNCATED
    push(d, IGMP, h)
    return END
