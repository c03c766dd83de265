# UDP payloads that the port names. A payload that does not parse adds no name: these functions look
# through the whole message, and so run only for the packet that begins a flow.

from libc.stdint cimport uint8_t, uint32_t

from flowtable._cursor cimport Cursor, be16, be32, left, peek, take
from flowtable.packet._dissection cimport END, MALFORMED, TRUNCATED, Dissection, push
from flowtable.packet._layers cimport BFD, DHCPV4, DHCPV6, NTP, SFLOW, SIP


cdef inline uint32_t whole(Dissection *d, uint8_t layer) noexcept nogil:
    """Name a message that is all that is left."""
    cdef const uint8_t *h = d.c.p
    d.c.p = d.c.end
    push(d, layer, h)
    return END


cdef inline uint32_t dhcpv4(Dissection *d) noexcept nogil:
    """RFC 2131 and 2132: 236 fixed bytes, the magic cookie, options."""
    cdef Cursor c = d.c
    cdef const uint8_t *h = take(&c, 240)
    cdef const uint8_t *option
    if h == NULL:
        return TRUNCATED
    if be32(h + 236) != 0x63825363:
        return MALFORMED
    while left(&c) > 0:
        option = take(&c, 1)
        if option[0] == 255:
            break
        if option[0] != 0 and (take(&c, 1) == NULL or take(&c, option[1]) == NULL):
            return TRUNCATED
    return whole(d, DHCPV4)


cdef inline uint32_t dhcpv6(Dissection *d) noexcept nogil:
    """RFC 8415, 8 and 9: four bytes, or 34 in a message of a relay (types 12 and 13), and options."""
    cdef Cursor c = d.c
    cdef const uint8_t *h = take(&c, 4)
    if h == NULL or (12 <= h[0] <= 13 and take(&c, 30) == NULL):
        return TRUNCATED
    while left(&c) > 0:
        h = take(&c, 4)
        if h == NULL or take(&c, be16(h + 2)) == NULL:
            return TRUNCATED
    return whole(d, DHCPV6)


cdef inline uint32_t ntp(Dissection *d) noexcept nogil:
    """RFC 5905, 7.3."""
    return whole(d, NTP) if peek(&d.c, 48) != NULL else TRUNCATED


cdef inline uint32_t bfd(Dissection *d) noexcept nogil:
    """RFC 5880, 4.1: the length is the whole message's."""
    cdef const uint8_t *h = peek(&d.c, 24)
    if h == NULL:
        return TRUNCATED
    return whole(d, BFD) if h[3] == left(&d.c) else MALFORMED


cdef inline uint32_t sip(Dissection *d) noexcept nogil:
    """RFC 3261, 7.1 and 7.2: the first line is a request or a status line."""
    cdef Cursor c = d.c
    cdef const uint8_t *h
    cdef Cursor words[3]
    while left(&c) and (c.p[0] == c"\n" or c.p[0] == c"\r"):
        take(&c, 1)
    h = c.p
    if not split_line(&c, words):
        return MALFORMED
    if is_sip_version(&words[0]):
        return whole(d, SIP) if is_status(&words[1]) else MALFORMED
    return whole(d, SIP) if is_sip_version(&words[2]) and is_method(&words[0]) else MALFORMED


cdef inline bint split_line(Cursor *c, Cursor *words) noexcept nogil:
    """Cut the first line into two words and a rest; False when it has fewer."""
    cdef int n = 0
    words[0].p = c.p
    while left(c) > 0 and c.p[0] != c"\n" and c.p[0] != c"\r":
        if c.p[0] == c" " and n < 2:
            words[n].end = c.p
            n += 1
            words[n].p = c.p + 1
        take(c, 1)
    words[n].end = c.p
    return n == 2


cdef inline bint is_sip_version(Cursor *word) noexcept nogil:
    """`SIP/1.0` or `SIP/2.0`."""
    cdef const uint8_t *h = peek(word, 7)
    return (
        h != NULL and left(word) == 7 and h[0] == c"S" and h[1] == c"I" and h[2] == c"P" and h[3] == c"/"
        and (h[4] == c"1" or h[4] == c"2") and h[5] == c"." and h[6] == c"0"
    )


cdef inline bint is_status(Cursor *word) noexcept nogil:
    """Three digits."""
    cdef const uint8_t *h = peek(word, 3)
    cdef int i
    if h == NULL or left(word) != 3:
        return False
    for i in range(3):
        if not c"0" <= h[i] <= c"9":
            return False
    return True


cdef inline bint is_method(Cursor *word) noexcept nogil:
    """Capital letters, between three (ACK) and sixteen of them."""
    cdef size_t i
    if not 3 <= left(word) <= 16:
        return False
    for i in range(left(word)):
        if not c"A" <= word.p[i] <= c"Z":
            return False
    return True


cdef inline uint32_t sflow(Dissection *d) noexcept nogil:
    """sFlow version 5 (sflow.org): an agent's address, and samples of known kinds whose records fit."""
    cdef Cursor c = d.c
    cdef const uint8_t *h = take(&c, 8)
    cdef uint32_t count, address
    if h == NULL:
        return TRUNCATED
    if be32(h) != 5 or not 1 <= be32(h + 4) <= 2:
        return MALFORMED
    address = 4 if be32(h + 4) == 1 else 16
    h = take(&c, address + 16)
    if h == NULL:
        return TRUNCATED
    for count in range(be32(h + address + 12)):
        if not sflow_sample_parses(&c):
            return MALFORMED
    return whole(d, SFLOW)


cdef inline bint sflow_sample_parses(Cursor *c) noexcept nogil:
    """A flow (1, 3) or counter (2, 4) sample; 3 and 4 have longer fixed parts. Enterprises have other numbers."""
    cdef const uint8_t *h = take(c, 8)
    cdef uint32_t kind, fixed, count
    if h == NULL:
        return False
    kind = be32(h)
    fixed = 32 if kind == 1 else 12 if kind == 2 else 44 if kind == 3 else 16 if kind == 4 else 0
    if fixed == 0:
        return False
    h = take(c, fixed)
    if h == NULL:
        return False
    for count in range(be32(h + fixed - 4)):
        h = take(c, 8)
        if h == NULL or take(c, be32(h + 4)) == NULL:
            return False
        if kind % 2 == 0 and not is_counter_record(be32(h)):
            return False
    return True


cdef inline bint is_counter_record(uint32_t kind) noexcept nogil:
    """The counter formats of the standard structures (sflow.org, SFLOW-STRUCTS5)."""
    return (
        1 <= kind <= 5 or kind == 7 or kind == 1001 or kind == 1004 or kind == 1005 or kind == 2203 or kind == 2207
    )
