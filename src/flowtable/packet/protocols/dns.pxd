# DNS messages (RFC 1035, 4; RFC 6891 for OPT).

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from flowtable._cursor cimport Cursor, be16, left, take
from flowtable.packet._dissection cimport MALFORMED, TRUNCATED, Dissection
from flowtable.packet._layers cimport DNS
from flowtable.packet.protocols.application cimport whole


cdef enum:
    MAX_NAME = 255
    STEPS_A_BYTE = 4        # labels that all names together may have, for each byte of the message


cdef enum RecordType:
    RECORD_A = 1
    RECORD_NS = 2
    RECORD_CNAME = 5
    RECORD_SOA = 6
    RECORD_PTR = 12
    RECORD_HINFO = 13
    RECORD_MX = 15
    RECORD_TXT = 16
    RECORD_AAAA = 28
    RECORD_SRV = 33
    RECORD_OPT = 41


cdef struct Message:
    const uint8_t *start
    Cursor c
    uint32_t steps          # that are left; names that point at each other run out of them


cdef inline uint32_t dns(Dissection *d) noexcept nogil:
    """All four sections have to parse."""
    cdef Message m
    cdef const uint8_t *h
    cdef uint32_t count
    m.start, m.c = d.c.p, d.c
    m.steps = STEPS_A_BYTE * <uint32_t>left(&m.c)
    h = take(&m.c, 12)
    if h == NULL:
        return TRUNCATED
    for count in range(be16(h + 4)):
        if not name_parses(&m, &m.c) or take(&m.c, 4) == NULL:
            return MALFORMED
    for count in range(be16(h + 6) + be16(h + 8) + be16(h + 10)):
        if not record_parses(&m):
            return MALFORMED
    return whole(d, DNS)


cdef inline bint name_parses(Message *m, Cursor *c) noexcept nogil:
    """Labels up to an empty one, perhaps by way of pointers; `c` moves past what stands in its place."""
    cdef Cursor at = c[0]
    cdef const uint8_t *label
    cdef uint32_t length = 0
    cdef bint jumped = False
    while True:
        label = next_label(m, c, &at, &jumped)
        if label == NULL:
            return False
        length += 1 + label[0]
        if length > MAX_NAME:
            return False
        if label[0] == 0:
            return True


cdef inline const uint8_t *next_label(Message *m, Cursor *c, Cursor *at, bint *jumped) noexcept nogil:
    """A length, and as many bytes: the next label of a name that `at` goes along; NULL if there is none.

    `c` moves past what stands in the name's place when the first pointer or the empty label is there.
    """
    cdef const uint8_t *label
    while m.steps:
        m.steps -= 1
        label = take(at, 1)
        if label == NULL or (0x40 <= label[0] < 0xC0):      # reserved, or obsolete (RFC 6891, 5)
            return NULL
        if take(at, 1 if label[0] >= 0xC0 else label[0]) == NULL:
            return NULL
        if not jumped[0] and (label[0] == 0 or label[0] >= 0xC0):
            c.p = at.p
        if label[0] < 0xC0:
            return label
        jumped[0] = True
        at.p, at.end = m.start, m.c.end
        if take(at, be16(label) & 0x3FFF) == NULL:
            return NULL
    return NULL


cdef inline bint record_parses(Message *m) noexcept nogil:
    """A name, ten bytes, and data that fits the record's type."""
    cdef const uint8_t *h
    cdef Cursor data
    if not name_parses(m, &m.c):
        return False
    h = take(&m.c, 10)
    if h == NULL:
        return False
    data.p = take(&m.c, be16(h + 8))
    if data.p == NULL:
        return False
    data.end = m.c.p
    return data_parses(m, &data, be16(h))


cdef inline bint data_parses(Message *m, Cursor *data, uint16_t type) noexcept nogil:
    """Whether the data holds what its type says; types without structure always do."""
    if type == RECORD_NS or type == RECORD_CNAME or type == RECORD_PTR:
        return name_parses(m, data)
    if type == RECORD_SOA:
        return name_parses(m, data) and name_parses(m, data) and take(data, 20) != NULL
    if type == RECORD_MX:
        return take(data, 2) != NULL and name_parses(m, data)
    if type == RECORD_SRV:
        return take(data, 6) != NULL and name_parses(m, data)
    if type == RECORD_TXT or type == RECORD_HINFO:
        return strings_parse(data)
    return options_parse(data) if type == RECORD_OPT else True


cdef inline bint strings_parse(Cursor *data) noexcept nogil:
    """Character strings with a length of one byte each."""
    cdef const uint8_t *h
    while left(data) > 0:
        h = take(data, 1)
        if take(data, h[0]) == NULL:
            return False
    return True


cdef inline bint options_parse(Cursor *data) noexcept nogil:
    """EDNS options: code, length, data (RFC 6891, 6.1.2)."""
    cdef const uint8_t *h
    while left(data) > 0:
        h = take(data, 4)
        if h == NULL or take(data, be16(h + 2)) == NULL:
            return False
    return True
