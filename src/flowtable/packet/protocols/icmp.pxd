# ICMP for IPv4 and IPv6, with the second-level names of the latter, and multicast listener discovery.

from libc.stdint cimport uint8_t, uint32_t

from flowtable._cursor cimport Cursor, be16, left, take
from flowtable._types cimport ICMPV4, ICMPV6, KEY_ICMP
from flowtable.packet._dissection cimport (
    BY_LAYER, END, MALFORMED, REPLY, REQUEST, TRUNCATED, Dissection, header_before, next_by, push,
)
from flowtable.packet._layers cimport (
    ICMPV4_LAYER, ICMPV6_ECHO, ICMPV6_LAYER, ICMPV6_MESSAGE, ICMPV6_NEIGHBOR_ADVERTISEMENT,
    ICMPV6_NEIGHBOR_SOLICITATION, ICMPV6_REDIRECT, ICMPV6_ROUTER_ADVERTISEMENT, ICMPV6_ROUTER_SOLICITATION,
    MLDV1_DONE, MLDV1_QUERY, MLDV1_REPORT, MLDV2_QUERY, MLDV2_REPORT,
)


cdef enum FlowIcmpType:
    OTHER_ICMP = 0
    DESTINATION_UNREACHABLE = 1
    ECHO = 2
    NEIGHBOR = 3
    ADDRESS_MASK = 4
    INFO = 5
    PARAMETER_PROBLEM = 6
    REDIRECT = 7
    ROUTER = 8
    SOURCE_QUENCH = 9
    TIME_EXCEEDED = 10
    TIMESTAMP = 11
    PACKET_TOO_BIG = 12


cdef inline uint8_t icmpv4_type(uint8_t t) noexcept nogil:
    """What a flow calls an ICMPv4 type (IANA, ICMP Type Numbers)."""
    if t == 0 or t == 8:
        return ECHO
    if t == 3:
        return DESTINATION_UNREACHABLE
    if t == 4:
        return SOURCE_QUENCH
    if t == 5:
        return REDIRECT
    if t == 9 or t == 10:
        return ROUTER
    if t == 11:
        return TIME_EXCEEDED
    if t == 12:
        return PARAMETER_PROBLEM
    if t == 13 or t == 14:
        return TIMESTAMP
    if t == 15 or t == 16:
        return INFO
    return ADDRESS_MASK if t == 17 or t == 18 else OTHER_ICMP


cdef inline uint8_t icmpv6_type(uint8_t t) noexcept nogil:
    """What a flow calls an ICMPv6 type (IANA, ICMPv6 Parameters)."""
    if t == 128 or t == 129:
        return ECHO
    if t == 133 or t == 134:
        return ROUTER
    if t == 135 or t == 136:
        return NEIGHBOR
    if t == 1:
        return DESTINATION_UNREACHABLE
    if t == 2:
        return PACKET_TOO_BIG
    if t == 3:
        return TIME_EXCEEDED
    if t == 4:
        return PARAMETER_PROBLEM
    return REDIRECT if t == 137 else OTHER_ICMP


cdef inline int icmp_answer(uint8_t t) noexcept nogil:
    """The type that answers an ICMPv4 message, or is answered by it; -1 if it stands alone."""
    if t == 8:
        return 0
    if t == 0:
        return 8
    if t == 9 or t == 10:
        return 19 - t
    if 13 <= t <= 18:
        return t + 1 if t & 1 else t - 1
    return -1


cdef inline int icmpv6_answer(uint8_t t) noexcept nogil:
    """The same for ICMPv6: echo, listener, router and neighbor discovery, node information, home agents."""
    if t == 128 or t == 130 or t == 144:
        return t + 1
    if t == 129 or t == 131 or t == 145:
        return t - 1
    if t == 133 or t == 135 or t == 139:
        return t + 1
    return t - 1 if t == 134 or t == 136 or t == 140 else -1


cdef inline void set_icmp(Dissection *d, uint8_t kind, uint8_t type, uint8_t raw_type, uint8_t code) noexcept nogil:
    d.part.icmp_type = type
    d.part.icmp_raw_type = raw_type
    d.part.icmp_code = code
    d.part.key.icmp = kind
    d.part.key.flags |= KEY_ICMP
    d.part.key.id = <uint32_t>type << 24


cdef inline uint32_t icmpv4(Dissection *d) noexcept nogil:
    """RFC 792; bytes 4 and 5 are the id, whatever the type."""
    cdef const uint8_t *h = take(&d.c, 8)
    if h == NULL:
        return TRUNCATED
    push(d, ICMPV4_LAYER, h)
    set_icmp(d, ICMPV4, icmpv4_type(h[0]), h[0], h[1])
    d.part.key.id |= <uint32_t>h[1] << 16 | be16(h + 4)
    d.part.sequence = be16(h + 6)
    d.part.signal = REQUEST if h[0] == 8 else REPLY if h[0] == 0 else 0
    return END


cdef inline uint32_t icmpv6(Dissection *d) noexcept nogil:
    """RFC 4443: four bytes; the message has a layer of its own."""
    cdef const uint8_t *h = take(&d.c, 4)
    cdef uint8_t type
    if h == NULL:
        return TRUNCATED
    push(d, ICMPV6_LAYER, h)
    type = icmpv6_type(h[0])
    set_icmp(d, ICMPV6, type, h[0], h[1])
    if type != ECHO:
        d.part.key.id |= <uint32_t>h[1] << 16
    return next_by(BY_LAYER, ICMPV6_MESSAGE)


cdef inline uint32_t icmpv6_message(Dissection *d) noexcept nogil:
    """What follows the four bytes, by their type; a type that is not listed has no name of its own."""
    cdef uint8_t type = header_before(d, 1)[0]
    if type == 128 or type == 129:
        return icmpv6_echo(d, type)
    if type == 130:
        return mldv2_query(d) if left(&d.c) > 20 else fixed_message(d, MLDV1_QUERY, 20)
    if type == 131:
        return fixed_message(d, MLDV1_REPORT, 20)
    if type == 132:
        return fixed_message(d, MLDV1_DONE, 20)
    if type == 133:
        return neighbor_message(d, ICMPV6_ROUTER_SOLICITATION, 4)
    if type == 134:
        return neighbor_message(d, ICMPV6_ROUTER_ADVERTISEMENT, 12)
    if type == 135:
        return neighbor_message(d, ICMPV6_NEIGHBOR_SOLICITATION, 20)
    if type == 136:
        return neighbor_message(d, ICMPV6_NEIGHBOR_ADVERTISEMENT, 20)
    if type == 137:
        return neighbor_message(d, ICMPV6_REDIRECT, 36)
    return mldv2_report(d) if type == 143 else END


cdef inline uint32_t icmpv6_echo(Dissection *d, uint8_t type) noexcept nogil:
    """RFC 4443, 4.1 and 4.2: id and sequence."""
    cdef const uint8_t *h = take(&d.c, 4)
    if h == NULL:
        return TRUNCATED
    push(d, ICMPV6_ECHO, h)
    d.part.key.id |= be16(h)
    d.part.sequence = be16(h + 2)
    d.part.signal = REQUEST if type == 128 else REPLY
    return END


cdef inline uint32_t fixed_message(Dissection *d, uint8_t layer, uint32_t length) noexcept nogil:
    """A message of a known length (RFC 2710)."""
    cdef const uint8_t *h = take(&d.c, length)
    if h == NULL:
        return TRUNCATED
    push(d, layer, h)
    return END


cdef inline uint32_t neighbor_message(Dissection *d, uint8_t layer, uint32_t length) noexcept nogil:
    """A neighbor discovery message (RFC 4861): fixed bytes, then options in units of eight bytes."""
    cdef const uint8_t *h = take(&d.c, length)
    cdef const uint8_t *option
    cdef Cursor options = d.c
    if h == NULL:
        return TRUNCATED
    while left(&options) > 0:
        option = take(&options, 2)
        if option == NULL:
            return TRUNCATED
        if option[1] == 0:
            return MALFORMED
        if take(&options, option[1] * 8 - 2) == NULL:
            return TRUNCATED
    d.c = options
    push(d, layer, h)
    return END


cdef inline uint32_t mldv2_query(Dissection *d) noexcept nogil:
    """RFC 3810, 5.1: a count of sources."""
    cdef const uint8_t *h = take(&d.c, 24)
    if h == NULL or take(&d.c, 16 * be16(h + 22)) == NULL:
        return TRUNCATED
    push(d, MLDV2_QUERY, h)
    return END


cdef inline uint32_t mldv2_report(Dissection *d) noexcept nogil:
    """RFC 3810, 5.2: a count of records, each with sources and auxiliary data."""
    cdef const uint8_t *h = take(&d.c, 4)
    cdef const uint8_t *record
    cdef uint32_t count
    if h == NULL:
        return TRUNCATED
    for count in range(be16(h + 2)):
        record = take(&d.c, 20)
        if record == NULL or take(&d.c, 16 * be16(record + 2) + 4 * record[1]) == NULL:
            return TRUNCATED
    push(d, MLDV2_REPORT, h)
    return END
