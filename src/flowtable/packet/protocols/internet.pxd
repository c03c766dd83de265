# IPv4, IPv6 with its extension headers, and IPsec.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from flowtable._cursor cimport Cursor, be16, be32, left, limit, peek, take
from flowtable._types cimport IPV4, IPV6, NO_NETWORK
from flowtable.packet._defrag cimport Fragment
from flowtable.packet._dissection cimport (
    BY_IP_PROTOCOL, BY_LAYER, END, FRAGMENTED, MALFORMED, TRUNCATED, Dissection, header_before, is_asked_for,
    next_by, push,
)
from flowtable.packet._layers cimport (
    FRAGMENT, IPSEC_AH, IPSEC_ESP, IPV4_IN_IPV4, IPV4_IN_IPV6, IPV4_LAYER, IPV6_DESTINATION, IPV6_FRAGMENT,
    IPV6_HOP_BY_HOP, IPV6_IN_IPV4, IPV6_IN_IPV6, IPV6_LAYER, IPV6_ROUTING,
)


cdef enum:
    NO_NEXT_HEADER = 59
    JUMBO_OPTION = 0xC2
    DONT_FRAGMENT = 0x4000
    MORE_FRAGMENTS = 0x2000
    OFFSET = 0x1FFF


cdef inline bint network(Dissection *d, uint8_t kind, const uint8_t *source, uint32_t size,
                         uint32_t length) noexcept nogil:
    """The outermost network layer of a part is its flow's; False when there was one.

    The destination follows the source.
    """
    d.network = kind
    if not d.has_ip:
        d.has_ip = 1
        d.ip_length = length
    if d.part.key.network:
        return False
    d.part.key.network = kind
    d.part.ip_length = length
    memcpy(d.part.key.address_a, source, size)
    memcpy(d.part.key.address_b, source + size, size)
    return True


cdef inline void limit_datagram(Dissection *d, uint32_t length) noexcept nogil:
    """What follows an IP header has this length, captured or not."""
    d.uncaptured = length - <uint32_t>left(&d.c) if length > left(&d.c) else 0
    limit(&d.c, length)


cdef inline uint32_t ipv4(Dissection *d) noexcept nogil:
    """RFC 791; a total length of 0 (segmentation left to the card) means what was captured."""
    cdef const uint8_t *h = take(&d.c, 20)
    cdef uint32_t length, header, options
    if h == NULL:
        return TRUNCATED
    header = (h[0] & 15) * 4
    length = be16(h + 2)
    if length == 0:
        length = <uint32_t>left(&d.c) + 20
    options = header - 20 if 20 < header <= length else 0
    if options > left(&d.c):
        options = 0
    take(&d.c, options)
    push(d, IPV4_LAYER, h)
    if network(d, IPV4, h + 12, 4, length):
        d.part.ttl, d.part.dscp, d.part.protocol = h[8], h[1] >> 2, h[9]
    if header < 20 or length < 20 or header > length:
        return MALFORMED
    if options != header - 20:
        return TRUNCATED
    if options and not ipv4_options_parse(h + 20, options):
        return MALFORMED
    limit_datagram(d, length - header)
    if be16(h + 6) & (MORE_FRAGMENTS | OFFSET):
        return ipv4_fragment(d, h, header, length)
    return next_by(BY_IP_PROTOCOL, h[9])


cdef inline uint32_t ipv4_fragment(Dissection *d, const uint8_t *h, uint32_t header, uint32_t length) noexcept nogil:
    """A piece of a datagram; one that says that it must not be one is left alone, as the reference does."""
    cdef Fragment *f = &d.fragment
    cdef uint32_t place = be16(h + 6)
    push(d, FRAGMENT, d.c.p)
    f.network = NO_NETWORK if place & DONT_FRAGMENT else IPV4
    f.addresses, f.id, f.protocol = h + 12, be16(h + 4), h[9]
    f.offset, f.more = (place & OFFSET) * 8, place & MORE_FRAGMENTS != 0
    f.headers, f.length = header, length - header
    return FRAGMENTED


cdef inline bint ipv4_options_parse(const uint8_t *p, uint32_t n) noexcept nogil:
    """Whether all options have a length above 2 and end inside (RFC 791, 3.1)."""
    cdef Cursor c
    cdef const uint8_t *option
    c.p, c.end = p, p + n
    while left(&c) > 0:
        option = take(&c, 1)
        if option[0] == 0:
            return True
        if option[0] == 1:
            continue
        if take(&c, 1) == NULL or option[1] <= 2 or take(&c, option[1] - 2) == NULL:
            return False
    return True


cdef inline uint32_t ipv6(Dissection *d) noexcept nogil:
    """RFC 8200; a payload length of 0 goes with a jumbo option only (RFC 2675)."""
    cdef const uint8_t *h = take(&d.c, 40)
    cdef uint32_t length
    if h == NULL:
        return TRUNCATED
    push(d, IPV6_LAYER, h)
    length = be16(h + 4)
    d.ip_end = <uint32_t>(d.c.p - d.frame) + length
    if network(d, IPV6, h + 8, 16, length):
        d.part.ttl, d.part.dscp, d.part.protocol = h[7], be16(h) >> 6 & 0x3F, h[6]
    if h[6] == 0:
        return jumbogram_or_less(d, length)
    if length == 0:
        return END if h[6] == NO_NEXT_HEADER else MALFORMED     # Teredo's bubbles are empty
    limit_datagram(d, length)
    return next_by(BY_IP_PROTOCOL, h[6]) if h[6] != NO_NEXT_HEADER else END


cdef inline uint32_t ipv4_inside(Dissection *d) noexcept nogil:
    """IPv4 in IPv4 (RFC 2003) or in IPv6 (RFC 2473): no header between the two."""
    d.cut = is_asked_for(d, IPV4_IN_IPV4 if d.network == IPV4 else IPV4_IN_IPV6)
    return next_by(BY_LAYER, IPV4_LAYER)


cdef inline uint32_t ipv6_inside(Dissection *d) noexcept nogil:
    """IPv6 in IPv4 (RFC 4213) or in IPv6 (RFC 2473): no header between the two."""
    d.cut = is_asked_for(d, IPV6_IN_IPV4 if d.network == IPV4 else IPV6_IN_IPV6)
    return next_by(BY_LAYER, IPV6_LAYER)


cdef inline uint32_t jumbogram_or_less(Dissection *d, uint32_t length) noexcept nogil:
    """A hop-by-hop header right behind IPv6's: it has a jumbo length exactly if IPv6 has none (RFC 2675, 3)."""
    cdef uint32_t jumbo = 0
    cdef const uint8_t *h
    if length:
        limit_datagram(d, length)
    h = options_header(&d.c, &jumbo)
    if h == NULL:
        return MALFORMED
    push(d, IPV6_HOP_BY_HOP, h)
    if length and jumbo or not length and jumbo <= 0xFFFF:
        return MALFORMED
    if jumbo:
        limit_datagram(d, jumbo - (8 * h[1] + 8))
    return after_extension(d, h)


cdef inline uint32_t after_extension(Dissection *d, const uint8_t *h) noexcept nogil:
    """What an extension header names; it takes the place of the header as what IP carries."""
    if is_extension(d.part.protocol):
        d.part.protocol = h[0]
    return next_by(BY_IP_PROTOCOL, h[0]) if h[0] != NO_NEXT_HEADER else END


cdef inline bint is_extension(uint8_t protocol) noexcept nogil:
    """Hop-by-hop, routing, fragment and destination headers (RFC 8200, 4)."""
    return protocol == 0 or protocol == 43 or protocol == 44 or protocol == 60


cdef inline const uint8_t *options_header(Cursor *c, uint32_t *jumbo) noexcept nogil:
    """A header whose options all fit into it, read; NULL if it is not one. `jumbo`: a jumbo option's length."""
    cdef const uint8_t *h = peek(c, 8)
    cdef const uint8_t *option
    cdef Cursor options
    if h == NULL or take(c, 8 * h[1] + 8) == NULL:
        return NULL
    options.p, options.end = h + 2, c.p
    while left(&options) > 0:
        option = take(&options, 1)
        if option[0] == 0:
            continue
        if take(&options, 1) == NULL or take(&options, option[1]) == NULL:
            return NULL
        if option[0] == JUMBO_OPTION and option[1] == 4:
            jumbo[0] = be32(option + 2)
    return h


cdef inline uint32_t options_extension(Dissection *d, uint8_t layer) noexcept nogil:
    """A hop-by-hop or destination header (RFC 8200, 4.3 and 4.6)."""
    cdef uint32_t jumbo = 0
    cdef const uint8_t *h = options_header(&d.c, &jumbo)
    if h == NULL:
        return MALFORMED
    push(d, layer, h)
    return after_extension(d, h)


cdef inline uint32_t ipv6_hop_by_hop(Dissection *d) noexcept nogil:
    """RFC 8200, 4.3."""
    return options_extension(d, IPV6_HOP_BY_HOP)


cdef inline uint32_t ipv6_destination(Dissection *d) noexcept nogil:
    """RFC 8200, 4.6."""
    return options_extension(d, IPV6_DESTINATION)


cdef inline uint32_t ipv6_routing(Dissection *d) noexcept nogil:
    """RFC 8200, 4.4; of the routing types only 0 (RFC 2460), a list of addresses, is known."""
    cdef const uint8_t *h = peek(&d.c, 8)
    if h == NULL or take(&d.c, 8 * h[1] + 8) == NULL:
        return TRUNCATED
    if h[2] != 0 or h[1] & 1:
        return MALFORMED
    push(d, IPV6_ROUTING, h)
    return after_extension(d, h)


cdef inline uint32_t ipv6_fragment(Dissection *d) noexcept nogil:
    """RFC 8200, 4.5; behind an IPv4 header it says nothing of a datagram."""
    cdef const uint8_t *h = take(&d.c, 8)
    if h == NULL:
        return TRUNCATED
    push(d, IPV6_FRAGMENT, h)
    after_extension(d, h)
    push(d, FRAGMENT, d.c.p)
    note_ipv6_fragment(d, h, ipv6_header(d) if d.network == IPV6 else NULL)
    return FRAGMENTED


cdef inline const uint8_t *ipv6_header(const Dissection *d) noexcept nogil:
    """The last IPv6 header; NULL if there is none."""
    cdef uint32_t back
    for back in range(1, d.n_layers + 1):
        if d.layers[d.n_layers - back].type == IPV6_LAYER:
            return header_before(d, back)
    return NULL


cdef inline void note_ipv6_fragment(Dissection *d, const uint8_t *h, const uint8_t *ip) noexcept nogil:
    """What the fragment header `h` says; its payload ends where that of the IPv6 header before it does."""
    cdef Fragment *f = &d.fragment
    cdef uint32_t begin = <uint32_t>(h + 8 - d.frame)
    f.network = IPV6 if ip != NULL else NO_NETWORK
    if ip == NULL:
        return
    f.addresses = ip + 8
    f.id, f.protocol = be32(h + 4), h[0]
    f.offset, f.more = be16(h + 2) & 0xFFF8, h[3] & 1
    f.headers = <uint32_t>(h - ip - 40)
    f.length = d.ip_end - begin if d.ip_end > begin else 0


cdef inline uint32_t ipsec_ah(Dissection *d) noexcept nogil:
    """RFC 4302: the length is in words of four bytes, less two."""
    cdef const uint8_t *h = peek(&d.c, 12)
    cdef uint32_t length
    if h == NULL:
        return TRUNCATED
    length = (h[1] + 2) * 4
    if length < 12:
        return MALFORMED
    if take(&d.c, length) == NULL:
        return TRUNCATED
    push(d, IPSEC_AH, h)
    return next_by(BY_IP_PROTOCOL, h[0]) if h[0] != NO_NEXT_HEADER else END


cdef inline uint32_t ipsec_esp(Dissection *d) noexcept nogil:
    """RFC 4303; what follows the sequence number is encrypted."""
    cdef const uint8_t *h = take(&d.c, 8)
    if h == NULL:
        return TRUNCATED
    push(d, IPSEC_ESP, h)
    return END
