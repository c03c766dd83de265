# What is said beside the internet protocols: address resolution, spanning trees, discovery, authentication.

from libc.stdint cimport uint8_t, uint32_t

from flowtable._cursor cimport Cursor, be16, le16, left, peek, take
from flowtable.packet._dissection cimport BY_LAYER, END, MALFORMED, TRUNCATED, UNKNOWN, Dissection, next_by, push
from flowtable.packet._layers cimport (
    ARP, CISCO_DISCOVERY, CISCO_DISCOVERY_INFO, EAP, EAPOL, EAPOL_KEY, ETHERNET_CTP, ETHERNET_CTP_FORWARD_DATA,
    ETHERNET_CTP_FUNCTION, ETHERNET_CTP_REPLY, LINK_LAYER_DISCOVERY, LINK_LAYER_DISCOVERY_INFO, STP,
)


cdef enum LldpType:
    LLDP_END = 0
    LLDP_CHASSIS = 1
    LLDP_PORT = 2


cdef inline uint32_t arp(Dissection *d) noexcept nogil:
    """RFC 826: two hardware and two protocol addresses of the lengths that the header gives."""
    cdef const uint8_t *h = take(&d.c, 8)
    if h == NULL or take(&d.c, 2 * h[4] + 2 * h[5]) == NULL:
        return TRUNCATED
    push(d, ARP, h)
    return END


cdef inline uint32_t stp(Dissection *d) noexcept nogil:
    """IEEE 802.1D bridge protocol data units."""
    cdef const uint8_t *h = take(&d.c, 4)
    if h == NULL:
        return TRUNCATED
    push(d, STP, h)
    return END


cdef inline uint32_t lldp(Dissection *d) noexcept nogil:
    """IEEE 802.1AB: at least four values that fit, a chassis, a port and the end among them."""
    cdef Cursor c = d.c
    cdef const uint8_t *h = d.c.p
    cdef const uint8_t *value
    cdef uint32_t kind, length, count = 0, seen = 0
    while left(&c) > 0:
        value = take(&c, 2)
        if value == NULL:
            return TRUNCATED
        kind, length = value[0] >> 1, be16(value) & 0x1FF
        value = take(&c, length)
        if value == NULL:
            return TRUNCATED
        count += 1
        if kind == LLDP_END:
            seen |= 1
            break
        if 1 <= kind <= 3 and length < 2:
            return MALFORMED
        if kind <= LLDP_PORT and value[0] != 0:         # a subtype of zero is reserved
            seen |= 1 << kind
    if count < 4 or seen != 7:
        return MALFORMED
    d.c.p = c.p
    push(d, LINK_LAYER_DISCOVERY, h)
    push(d, LINK_LAYER_DISCOVERY_INFO, d.c.p)
    return END


cdef inline uint32_t cdp(Dissection *d) noexcept nogil:
    """Cisco Discovery Protocol, versions 1 and 2: values of at least their own four bytes of header."""
    cdef const uint8_t *h = take(&d.c, 4)
    cdef Cursor c
    cdef const uint8_t *value
    if h == NULL:
        return TRUNCATED
    if h[0] != 1 and h[0] != 2:
        return MALFORMED
    c = d.c
    while left(&c) > 0:
        value = take(&c, 4)
        if value == NULL:
            return TRUNCATED
        if be16(value + 2) < 4:
            return MALFORMED
        if take(&c, be16(value + 2) - 4) == NULL:
            return TRUNCATED
    push(d, CISCO_DISCOVERY, h)
    if c.p > d.c.p:
        push(d, CISCO_DISCOVERY_INFO, d.c.p)
    return END


cdef inline uint32_t eapol(Dissection *d) noexcept nogil:
    """IEEE 802.1X: type 0 carries EAP, type 3 a key."""
    cdef const uint8_t *h = take(&d.c, 4)
    if h == NULL:
        return TRUNCATED
    push(d, EAPOL, h)
    if h[1] == 0:
        return next_by(BY_LAYER, EAP)
    return next_by(BY_LAYER, EAPOL_KEY) if h[1] == 3 else END


cdef inline uint32_t eapol_key(Dissection *d) noexcept nogil:
    """IEEE 802.11, 12.7.2: 95 bytes, the last two of them the length of the key data."""
    cdef const uint8_t *h = take(&d.c, 95)
    if h == NULL or take(&d.c, be16(h + 93)) == NULL:
        return TRUNCATED
    push(d, EAPOL_KEY, h)
    return END


cdef inline uint32_t eap(Dissection *d) noexcept nogil:
    """RFC 3748: a length that covers its own four bytes of header and what is there."""
    cdef const uint8_t *h = peek(&d.c, 4)
    if h == NULL:
        return TRUNCATED
    if be16(h + 2) < 4:
        return MALFORMED
    if take(&d.c, be16(h + 2)) == NULL:
        return TRUNCATED
    push(d, EAP, h)
    return END


cdef inline uint32_t ethernet_ctp(Dissection *d) noexcept nogil:
    """Ethernet Configuration Testing Protocol (DIX 2.0, chapter 8): an even skip count, then functions."""
    cdef const uint8_t *h = take(&d.c, 2)
    if h == NULL:
        return TRUNCATED
    if le16(h) & 1:
        return MALFORMED
    push(d, ETHERNET_CTP, h)
    return next_by(BY_LAYER, ETHERNET_CTP_FUNCTION)


cdef inline uint32_t ethernet_ctp_function(Dissection *d) noexcept nogil:
    """A reply ends the message; forward data is followed by another function."""
    cdef const uint8_t *h = take(&d.c, 2)
    if h == NULL:
        return TRUNCATED
    if le16(h) == 1:
        if take(&d.c, 2) == NULL:
            return TRUNCATED
        push(d, ETHERNET_CTP_REPLY, h)
        return END
    if le16(h) != 2:
        return UNKNOWN
    if take(&d.c, 6) == NULL:
        return TRUNCATED
    push(d, ETHERNET_CTP_FORWARD_DATA, h)
    return next_by(BY_LAYER, ETHERNET_CTP_FUNCTION)
