# DNS messages (RFC 1035, 4; RFC 6891 for OPT).

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from flowtable._cursor cimport Cursor, be16, left, take
from flowtable.packet._dissection cimport MALFORMED, TRUNCATED, Dissection
from flowtable.packet._layers cimport DNS
from flowtable.packet.protocols.application cimport whole


cdef enum:
    MAX_NAME = 255          # bytes, of a name without pointers
    NO_NAME = 256
    TARGETS = 0x4000        # offsets that a pointer can name
    LAST_LABEL = 0x10000    # stands for an offset where a name has none to go on at
    NO_LABEL = 0x10001


cdef enum:                  # values of Message.rest that are no length
    NOT_KNOWN = 0
    ON_THE_WAY = 0xFFFF


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
    # What pointers lead to is looked at once, so that a message costs no more than its length: any name that
    # is wrong makes the whole message wrong.
    const uint8_t *start
    Cursor c
    uint32_t targets        # offsets of the message that a pointer can name
    uint16_t rest[TARGETS]  # [offset below targets]: bytes of the name from there to its end


cdef inline uint32_t dns(Dissection *d) noexcept nogil:
    """All four sections have to parse."""
    cdef Message m
    cdef const uint8_t *h
    cdef uint32_t count
    m.start, m.c = d.c.p, d.c
    m.targets = <uint32_t>min(left(&m.c), <size_t>TARGETS)
    memset(m.rest, 0, m.targets * sizeof(uint16_t))
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
    """Labels up to an empty one, or to a pointer; `c` moves past them."""
    cdef const uint8_t *label
    cdef uint32_t length = 0
    while length < MAX_NAME:
        label = next_label(c)
        if label == NULL:
            return False
        if label[0] >= 0xC0:
            return length + name_at(m, be16(label) & 0x3FFF) <= MAX_NAME
        length += 1 + label[0]
        if label[0] == 0:
            return length <= MAX_NAME
    return False


cdef inline const uint8_t *next_label(Cursor *c) noexcept nogil:
    """A length and as many bytes, or a pointer; NULL if neither is there."""
    cdef const uint8_t *label = take(c, 1)
    if label == NULL or 0x40 <= label[0] < 0xC0:            # reserved, or obsolete (RFC 6891, 5)
        return NULL
    if take(c, 1 if label[0] >= 0xC0 else label[0]) == NULL:
        return NULL
    return label


cdef inline uint32_t name_at(Message *m, uint32_t offset) noexcept nogil:
    """Bytes of the name that a pointer leads to; NO_NAME if it is none, or leads back to itself."""
    cdef uint32_t at = offset, length = 0
    while at >= m.targets or m.rest[at] == NOT_KNOWN:
        if at < m.targets:
            m.rest[at] = ON_THE_WAY
        at = next_offset(m, at, &length)
        if at == NO_LABEL or length > MAX_NAME:
            return NO_NAME
        if at == LAST_LABEL:
            return remember(m, offset, length)
    return NO_NAME if m.rest[at] == ON_THE_WAY else remember(m, offset, length + m.rest[at])


cdef inline uint32_t remember(Message *m, uint32_t offset, uint32_t total) noexcept nogil:
    """Go the way again from an offset, and note how far it is to the end; gives `total`, or NO_NAME."""
    cdef uint32_t at = offset, length = 0
    if total > MAX_NAME:
        return NO_NAME
    while at != LAST_LABEL and (at >= m.targets or m.rest[at] == ON_THE_WAY):
        if at < m.targets:
            m.rest[at] = <uint16_t>(total - length)
        at = next_offset(m, at, &length)
    return total


cdef inline uint32_t next_offset(const Message *m, uint32_t at, uint32_t *length) noexcept nogil:
    """Where a name goes on behind the label or pointer at an offset; the label's bytes go into `length`."""
    cdef const uint8_t *label
    cdef Cursor c
    c.p, c.end = m.start, m.c.end
    if take(&c, at) == NULL:
        return NO_LABEL
    label = next_label(&c)
    if label == NULL:
        return NO_LABEL
    if label[0] >= 0xC0:
        return be16(label) & 0x3FFF
    length[0] += 1 + label[0]
    return <uint32_t>(at + 1 + label[0]) if label[0] else <uint32_t>LAST_LABEL


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
