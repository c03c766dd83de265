# Layers that carry another packet.

from libc.stdint cimport uint8_t, uint32_t

from flowtable._cursor cimport Cursor, be16, be24, be32, left, limit, peek, take
from flowtable.packet._dissection cimport BY_LAYER, END, MALFORMED, TRUNCATED, Dissection, next_by, push
from flowtable.packet._layers cimport (
    ETHERIP, ETHERNET, GENEVE, GRE, GRE_ERSPAN, GTP_PAYLOAD, GTPV1U, MPLS, MPLS_PAYLOAD, PPP, VXLAN,
)
from flowtable.packet.protocols.link cimport by_ether_type, by_ip_version


cdef enum:
    GRE_CHECKSUM = 0x80
    GRE_ROUTING = 0x40
    GRE_KEY = 0x20
    GRE_SEQUENCE = 0x10
    GRE_ACKNOWLEDGE = 0x80              # in the second byte; version 1 only
    ERSPAN_TYPE = 0x88BE
    G_PDU = 255                         # the GTP message that carries a user's packet


cdef inline uint32_t gre(Dissection *d) noexcept nogil:
    """RFC 1701, 2784 and 2890, and version 1 of PPTP (RFC 2637)."""
    cdef const uint8_t *h = take(&d.c, 4)
    cdef const uint8_t *key
    cdef uint32_t network_id = 0
    if h == NULL:
        return TRUNCATED
    if h[0] & (GRE_CHECKSUM | GRE_ROUTING) and take(&d.c, 4) == NULL:
        return TRUNCATED
    if h[0] & GRE_KEY:
        key = take(&d.c, 4)
        if key == NULL:
            return TRUNCATED
        network_id = be32(key)
    if h[0] & GRE_SEQUENCE and take(&d.c, 4) == NULL:
        return TRUNCATED
    if h[0] & GRE_ROUTING and not gre_routes_parse(&d.c):
        return TRUNCATED
    if h[1] & GRE_ACKNOWLEDGE and take(&d.c, 4) == NULL:
        return TRUNCATED
    push(d, GRE, h)
    if h[0] & GRE_KEY:
        d.part.network_id = network_id
    return next_by(BY_LAYER, GRE_ERSPAN) if be16(h + 2) == ERSPAN_TYPE else by_ether_type(be16(h + 2))


cdef inline bint gre_routes_parse(Cursor *c) noexcept nogil:
    """Source routes (RFC 1701) up to the empty one that ends them."""
    cdef const uint8_t *h = take(c, 4)
    while h != NULL and not (be16(h) == 0 and h[3] == 0):
        if take(c, h[3]) == NULL:
            return False
        h = take(c, 4)
    return h != NULL


cdef inline uint32_t gre_erspan(Dissection *d) noexcept nogil:
    """ERSPAN II without a name of its own: its eight bytes count to the packet that it carries."""
    return next_by(BY_LAYER, ETHERNET) if take(&d.c, 8) != NULL else TRUNCATED


cdef inline uint32_t mpls(Dissection *d) noexcept nogil:
    """RFC 3032: one entry of the label stack."""
    cdef const uint8_t *h = take(&d.c, 4)
    if h == NULL:
        return TRUNCATED
    push(d, MPLS, h)
    if left(&d.c) == 0:
        return END
    return next_by(BY_LAYER, MPLS_PAYLOAD if h[2] & 1 else MPLS)


cdef inline uint32_t mpls_payload(Dissection *d) noexcept nogil:
    """Nothing names what a label carries: the first nibble tells IP, and all else is Ethernet."""
    return by_ip_version(d, ETHERNET)


cdef inline uint32_t vxlan(Dissection *d) noexcept nogil:
    """RFC 7348."""
    cdef const uint8_t *h = take(&d.c, 8)
    if h == NULL:
        return TRUNCATED
    push(d, VXLAN, h)
    d.part.network_id = be24(h + 4)
    return next_by(BY_LAYER, ETHERNET) if left(&d.c) else END


cdef inline uint32_t geneve(Dissection *d) noexcept nogil:
    """RFC 8926: eight bytes, then options that fill their length exactly."""
    cdef const uint8_t *h = take(&d.c, 8)
    cdef const uint8_t *option
    cdef Cursor options
    if h == NULL:
        return TRUNCATED
    options.p = take(&d.c, (h[0] & 0x3F) * 4)
    if options.p == NULL:
        return TRUNCATED
    options.end = d.c.p
    while left(&options) > 0:
        option = take(&options, 4)
        if option == NULL or take(&options, (option[3] & 0x1F) * 4) == NULL:
            return MALFORMED
    push(d, GENEVE, h)
    d.part.network_id = be24(h + 4)
    return by_ether_type(be16(h + 2)) if left(&d.c) else END


cdef inline uint32_t etherip(Dissection *d) noexcept nogil:
    """RFC 3378: a version and reserved bits, which are not looked at."""
    cdef const uint8_t *h = take(&d.c, 2)
    if h == NULL:
        return TRUNCATED
    push(d, ETHERIP, h)
    return next_by(BY_LAYER, ETHERNET)


cdef inline uint32_t gtpv1u(Dissection *d) noexcept nogil:
    """3GPP TS 29.281, 5.1: optional fields, then extension headers in units of four bytes."""
    cdef const uint8_t *h = take(&d.c, 8)
    cdef const uint8_t *optional
    cdef const uint8_t *extension
    cdef uint8_t more
    if h == NULL:
        return TRUNCATED
    if h[0] >> 5 != 1:
        return MALFORMED
    if left(&d.c) < be16(h + 2):
        return TRUNCATED
    limit(&d.c, be16(h + 2))
    if h[0] & 7:
        optional = take(&d.c, 4)
        if optional == NULL:
            return TRUNCATED
        more = optional[3] if h[0] & 4 else 0
        while more:
            extension = peek(&d.c, 1)
            if extension == NULL or extension[0] == 0 or take(&d.c, extension[0] * 4) == NULL:
                return MALFORMED
            more = extension[extension[0] * 4 - 1]
    push(d, GTPV1U, h)
    return next_by(BY_LAYER, GTP_PAYLOAD) if h[1] == G_PDU and left(&d.c) else END


cdef inline uint32_t gtp_payload(Dissection *d) noexcept nogil:
    """A user's packet: IP by its first nibble, else PPP."""
    return by_ip_version(d, PPP)
