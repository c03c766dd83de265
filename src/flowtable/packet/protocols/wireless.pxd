# IEEE 802.11 and the radiotap header in front of it.

from libc.stdint cimport uint8_t, uint32_t

from flowtable._cursor cimport le16, le32, left, limit, peek, take
from flowtable.packet._dissection cimport BY_LAYER, END, MALFORMED, TRUNCATED, UNKNOWN, Dissection, header_before, next_by, push
from flowtable.packet._layers cimport (
    DOT11, DOT11_CTRL, DOT11_DATA, DOT11_DATA_QOS_DATA, DOT11_DATA_QOS_NULL, DOT11_MGMT, DOT11_WEP, LLC, RADIOTAP,
)


cdef enum:
    MANAGEMENT = 0
    CONTROL = 1
    DATA = 2
    TO_DS = 0x01            # in the second byte of frame control
    FROM_DS = 0x02
    PROTECTED = 0x40
    ORDER = 0x80
    TSFT_PRESENT = 1        # in the radiotap header's first word of presence
    FLAGS_PRESENT = 2
    MORE_PRESENT = 0x80000000
    FCS_AT_END = 0x10       # in the radiotap flags
    DATA_PAD = 0x20


cdef inline uint32_t radiotap(Dissection *d) noexcept nogil:
    """radiotap.org: a little-endian length, words of presence, fields; the flags tell of a checksum."""
    cdef const uint8_t *h = peek(&d.c, 8)
    cdef uint32_t length
    cdef uint8_t flags
    if h == NULL:
        return TRUNCATED
    length = le16(h + 2)
    if length < 8:
        return MALFORMED
    if take(&d.c, length) == NULL:
        return TRUNCATED
    push(d, RADIOTAP, h)
    flags = radiotap_flags(h, length)
    d.data_pad = flags & DATA_PAD
    if flags & FCS_AT_END and left(&d.c) >= 4:
        limit(&d.c, left(&d.c) - 4)
    return next_by(BY_LAYER, DOT11)


cdef inline uint8_t radiotap_flags(const uint8_t *h, uint32_t length) noexcept nogil:
    """The flags field of a header of this length, or 0 without."""
    cdef uint32_t present = le32(h + 4), word = present, at = 8
    if not present & FLAGS_PRESENT:
        return 0
    while word & MORE_PRESENT and at + 4 <= length:
        word = le32(h + at)
        at += 4
    if present & TSFT_PRESENT:
        at = (at + 7) // 8 * 8 + 8          # an eight-byte field on its natural boundary comes first
    return h[at] if at < length else 0


cdef inline uint32_t dot11(Dissection *d) noexcept nogil:
    """IEEE 802.11, 9.2: the frame's kind decides which addresses there are."""
    cdef const uint8_t *h = peek(&d.c, 10)
    cdef uint32_t kind, subtype, length
    if h == NULL:
        return TRUNCATED
    kind, subtype = (h[0] >> 2) & 3, h[0] >> 4
    length = dot11_length(kind, subtype, h[1])
    if take(&d.c, length) == NULL:
        return TRUNCATED
    push(d, DOT11, h)
    if kind == MANAGEMENT:
        return last_layer(d, DOT11_MGMT + subtype) if subtype < 15 and subtype != 7 else UNKNOWN
    if kind == CONTROL:
        return last_layer(d, DOT11_CTRL + subtype) if subtype >= 8 else UNKNOWN
    if kind != DATA:
        return UNKNOWN
    if h[1] & PROTECTED:
        return last_layer(d, DOT11_WEP)
    return next_by(BY_LAYER, dot11_data_layer(subtype))


cdef inline uint32_t last_layer(Dissection *d, uint8_t layer) noexcept nogil:
    """Name what the rest of the frame is, without a look at it."""
    push(d, layer, d.c.p)
    return END


cdef inline uint32_t dot11_length(uint32_t kind, uint32_t subtype, uint8_t flags) noexcept nogil:
    """Bytes of the header, without quality of service, which is a layer of its own."""
    if kind == CONTROL:
        return 16 if subtype == 8 or subtype == 9 or subtype == 10 or subtype == 11 or subtype >= 14 else 10
    if kind == DATA and flags & TO_DS and flags & FROM_DS:
        return 30
    return 24 if kind == MANAGEMENT or kind == DATA else 10


cdef inline uint32_t dot11_data_layer(uint32_t subtype) noexcept nogil:
    """Data subtypes 0 to 7 follow each other; 8 to 11 add quality of service, 12 and more have no data."""
    if subtype < 12:
        return DOT11_DATA + subtype if subtype < 8 else DOT11_DATA_QOS_DATA + subtype - 8
    return DOT11_DATA_QOS_NULL


cdef inline uint32_t dot11_qos(Dissection *d) noexcept nogil:
    """Quality of service: two bytes, and four more (HT control) when the order bit is set."""
    cdef const uint8_t *h
    cdef const uint8_t *header = header_before(d, 1)
    cdef uint32_t subtype = header[0] >> 4
    h = take(&d.c, 6 if header[1] & ORDER else 2)
    if h == NULL:
        return TRUNCATED
    push(d, dot11_data_layer(subtype), h)
    return next_by(BY_LAYER, DOT11_DATA + subtype - 8) if subtype < 12 else END


cdef inline uint32_t dot11_data(Dissection *d) noexcept nogil:
    """Data of an unprotected frame: LLC follows, unless the subtype has none."""
    cdef bint has_qos = d.layers[d.n_layers - 1].type != DOT11
    cdef const uint8_t *header = header_before(d, 2 if has_qos else 1)
    cdef uint32_t subtype = (header[0] >> 4) & 7
    if d.data_pad and take(&d.c, -<int>(d.c.p - header) & 3) == NULL:
        return TRUNCATED
    push(d, DOT11_DATA + subtype, d.c.p)
    return next_by(BY_LAYER, LLC) if subtype < 4 else END
