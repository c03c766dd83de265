# Tunnels over UDP, and NSH, which goes with them.

from libc.stdint cimport uint8_t, uint32_t

from flowtable._cursor cimport Cursor, be16, be24, be32, left, le32, limit, peek, take
from flowtable.packet._dissection cimport (
    BY_LAYER, END, MALFORMED, TRUNCATED, UNKNOWN, Dissection, header_before, is_asked_for, next_by, push,
)
from flowtable.packet._layers cimport (
    ETHERNET, GENEVE, GTP_PAYLOAD, GTPV1U, IPV4_LAYER, IPV6_LAYER, MPLS, NSH, PPP, TEREDO, VXLAN, VXLAN_GPE, WIREGUARD,
)
from flowtable.packet.protocols.guess cimport is_ethernet
from flowtable.packet.protocols.link cimport by_ether_type, by_ip_version


cdef enum:
    GPE_NO_FLAGS = 0xF0                 # in the first byte: reserved bits, and a version of 0
    GPE_VNI = 0x08
    GPE_NEXT_PROTOCOL = 0x04            # there is one; else Ethernet follows
    TEREDO_ORIGIN = 0                   # indicators (RFC 4380, 5.1.1)
    TEREDO_AUTHENTICATION = 1
    TEREDO_PREFIX = 0x20010000
    GTP_VERSION_1 = 0x30                # in the first four bits: version 1, and GTP, not GTP'
    G_PDU = 255                         # the GTP message that carries a user's packet


cdef inline uint32_t vxlan(Dissection *d) noexcept nogil:
    """RFC 7348."""
    cdef const uint8_t *h = take(&d.c, 8)
    if h == NULL:
        return TRUNCATED
    push(d, VXLAN, h)
    d.part.network_id = be24(h + 4)
    return next_by(BY_LAYER, ETHERNET) if left(&d.c) else END


cdef inline uint32_t vxlan_gpe(Dissection *d) noexcept nogil:
    """draft-ietf-nvo3-vxlan-gpe-13: VXLAN that says what it carries.

    Its port may be a client's by chance, and so what has to be 0 is held to it.
    """
    cdef const uint8_t *h = take(&d.c, 8)
    if h == NULL:
        return TRUNCATED
    if h[0] & (GPE_NO_FLAGS | GPE_VNI) != GPE_VNI or h[1] or h[2] or h[7]:
        return MALFORMED
    push(d, VXLAN_GPE, h)
    d.part.network_id = be24(h + 4)
    if left(&d.c) == 0:
        return END
    return by_next_protocol(h[3]) if h[0] & GPE_NEXT_PROTOCOL else next_by(BY_LAYER, ETHERNET)


cdef inline uint32_t by_next_protocol(uint8_t number) noexcept nogil:
    """The numbers that VXLAN-GPE and NSH share (RFC 8300, 2.2)."""
    if number == 1:
        return next_by(BY_LAYER, IPV4_LAYER)
    if number == 2:
        return next_by(BY_LAYER, IPV6_LAYER)
    if number == 3:
        return next_by(BY_LAYER, ETHERNET)
    if number == 4:
        return next_by(BY_LAYER, NSH)
    return next_by(BY_LAYER, MPLS) if number == 5 else UNKNOWN


cdef inline uint32_t nsh(Dissection *d) noexcept nogil:
    """RFC 8300: a service path and its context; their length is in words of four bytes."""
    cdef const uint8_t *h = peek(&d.c, 8)
    cdef uint32_t length
    if h == NULL:
        return TRUNCATED
    length = (h[1] & 0x3F) * 4
    if h[0] >> 6 != 0 or length < 8:
        return MALFORMED
    if take(&d.c, length) == NULL:
        return TRUNCATED
    push(d, NSH, h)
    return by_next_protocol(h[3]) if left(&d.c) else END


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


cdef inline uint32_t teredo(Dissection *d) noexcept nogil:
    """RFC 4380, 5.1.1: authentication and origin, which are optional, then IPv6."""
    cdef const uint8_t *first = d.c.p
    cdef const uint8_t *h = peek(&d.c, 4)
    if h != NULL and be16(h) == TEREDO_AUTHENTICATION:
        h = peek(&d.c, 4) if take(&d.c, 13 + h[2] + h[3]) != NULL else NULL
    if h != NULL and be16(h) == TEREDO_ORIGIN:
        h = peek(&d.c, 4) if take(&d.c, 8) != NULL else NULL
    h = peek(&d.c, 40) if h != NULL else NULL
    if h == NULL:
        return TRUNCATED
    if not is_teredo(h):
        return MALFORMED
    push(d, TEREDO, first)
    return next_by(BY_LAYER, IPV6_LAYER)


cdef inline bint is_teredo(const uint8_t *h) noexcept nogil:
    """Whether an IPv6 header can be Teredo's: one end has an address of it (RFC 4380, 2.6), or a link-local one."""
    if h[0] >> 4 != 6:
        return False
    if be32(h + 8) == TEREDO_PREFIX or be32(h + 24) == TEREDO_PREFIX:
        return True
    return be16(h + 8) & 0xFFC0 == 0xFE80 or be16(h + 24) & 0xFFC0 == 0xFE80


cdef inline uint32_t wireguard(Dissection *d) noexcept nogil:
    """Its protocol's 5.4: handshakes and cookies have one length each, data are padded to 16 bytes."""
    cdef const uint8_t *h = peek(&d.c, 4)
    cdef size_t size = left(&d.c)
    if h == NULL:
        return TRUNCATED
    if not is_wireguard(le32(h), size):
        return MALFORMED
    take(&d.c, size)
    push(d, WIREGUARD, h)
    return END


cdef inline bint is_wireguard(uint32_t kind, size_t size) noexcept nogil:
    """Whether a message of a kind, its reserved bytes zero, has a length that it can have."""
    if kind == 4:
        return size >= 32 and size % 16 == 0
    return kind == 1 and size == 148 or kind == 2 and size == 92 or kind == 3 and size == 64


cdef inline uint32_t gtpv1u(Dissection *d) noexcept nogil:
    """3GPP TS 29.281, 5.1; a message that was captured in part is decoded as far as it goes."""
    cdef const uint8_t *h = take(&d.c, 8)
    cdef const uint8_t *optional
    if h == NULL:
        return TRUNCATED
    if not is_gtpv1u(h, be16(header_before(d, 1) + 4)):
        return MALFORMED
    limit(&d.c, be16(h + 2))
    if h[0] & 7:
        optional = take(&d.c, 4)
        if optional == NULL:
            return TRUNCATED
        if h[0] & 4 and not gtp_extensions_parse(&d.c, optional[3]):
            return MALFORMED
    push(d, GTPV1U, h)
    d.part.tunnel_id = be32(h + 4)
    return next_by(BY_LAYER, GTP_PAYLOAD) if h[1] == G_PDU and left(&d.c) else END


cdef inline bint is_gtpv1u(const uint8_t *h, uint32_t udp_length) noexcept nogil:
    """Whether it is version 1, a message of the user plane (TS 29.281, table 6.1-1), and fits into its datagram."""
    cdef uint8_t kind = h[1]
    if h[0] & 0xF0 != GTP_VERSION_1 or udp_length and be16(h + 2) + <uint32_t>16 > udp_length:
        return False
    return kind == 1 or kind == 2 or kind == 26 or kind == 31 or kind >= 253


cdef inline bint gtp_extensions_parse(Cursor *c, uint8_t kind) noexcept nogil:
    """Extension headers in units of four bytes, the last of each the kind of the next one; 0 ends them."""
    cdef const uint8_t *h
    while kind:
        h = peek(c, 1)
        if h == NULL or h[0] == 0 or take(c, h[0] * 4) == NULL:
            return False
        kind = h[h[0] * 4 - 1]
    return True


cdef inline uint32_t gtp_payload(Dissection *d) noexcept nogil:
    """A user's packet: IP by its first nibble, Ethernet if it can be (5G), else PPP."""
    if is_asked_for(d, GTPV1U) and is_ethernet(&d.c, 0):
        return next_by(BY_LAYER, ETHERNET)
    return by_ip_version(d, PPP)
