# Link layers: what a frame begins with, and what lies between it and the network layer.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from flowtable._cursor cimport be16, be32, le32, left, limit, peek, take
from flowtable.packet._dissection cimport (
    BY_ETHER_TYPE, BY_LAYER, BY_PPP_TYPE, END, MALFORMED, TRUNCATED, UNKNOWN, Dissection, is_asked_for, next_by,
    push,
)
from flowtable.packet._layers cimport (
    ARP, DOT1Q, ETHERNET, FDDI, IPV4_LAYER, IPV6_LAYER, LINUX_SLL, LINUX_SLL2, LLC, LOOPBACK, PPP, PPPOE,
    SNAP, STP,
)


cdef inline uint32_t by_ether_type(uint32_t number) noexcept nogil:
    """What an EtherType names; below 0x600 it is none (IEEE 802.3, 3.2.6)."""
    return next_by(BY_ETHER_TYPE, number) if number >= 0x600 else UNKNOWN


cdef inline uint32_t ethernet(Dissection *d) noexcept nogil:
    """Ethernet II and IEEE 802.3; a type below 0x600 is the payload's length, and LLC follows."""
    cdef const uint8_t *h = take(&d.c, 14)
    cdef uint32_t ether_type
    if h == NULL:
        return TRUNCATED
    push(d, ETHERNET, h)
    if not d.part.has_link:
        d.part.has_link = 1
        memcpy(d.part.link_b, h, 6)
        memcpy(d.part.link_a, h + 6, 6)
    ether_type = be16(h + 12)
    if ether_type >= 0x600:
        return next_by(BY_ETHER_TYPE, ether_type)
    limit(&d.c, ether_type)
    return next_by(BY_LAYER, LLC)


cdef inline uint32_t dot1q(Dissection *d) noexcept nogil:
    """IEEE 802.1Q and 802.1ad tags; five ids fit into the flow's Link.ID."""
    cdef const uint8_t *h = take(&d.c, 4)
    if h == NULL:
        return TRUNCATED
    push(d, DOT1Q, h)
    if d.part.vlans < 5:
        d.part.link_id |= <uint64_t>(be16(h) & 0xFFF) << (12 * d.part.vlans)
        d.part.vlans += 1
    return by_ether_type(be16(h + 2))


cdef inline uint32_t llc(Dissection *d) noexcept nogil:
    """IEEE 802.2; the control field has one byte in unnumbered frames and two in all others."""
    cdef const uint8_t *h = peek(&d.c, 3)
    if h == NULL or take(&d.c, 3 if h[2] & 3 == 3 else 4) == NULL:
        return TRUNCATED
    push(d, LLC, h)
    if h[0] & 0xFE == 0xAA and h[1] & 0xFE == 0xAA:
        return next_by(BY_LAYER, SNAP)
    if h[0] & 0xFE == 0x42 and h[1] & 0xFE == 0x42:
        return next_by(BY_LAYER, STP)
    return UNKNOWN


cdef inline uint32_t snap(Dissection *d) noexcept nogil:
    """IEEE 802 SNAP; its type is read as an EtherType whatever the organisation."""
    cdef const uint8_t *h = take(&d.c, 5)
    if h == NULL:
        return TRUNCATED
    push(d, SNAP, h)
    return by_ether_type(be16(h + 3))


cdef inline uint32_t linux_sll(Dissection *d) noexcept nogil:
    """LINKTYPE_LINUX_SLL; its address may be longer than the eight bytes kept, not than the frame."""
    cdef const uint8_t *h = take(&d.c, 16)
    if h == NULL:
        return TRUNCATED
    if be16(h + 4) > 10 + left(&d.c):
        return MALFORMED
    push(d, LINUX_SLL, h)
    return cooked_protocol(be16(h + 14))


cdef inline uint32_t linux_sll2(Dissection *d) noexcept nogil:
    """LINKTYPE_LINUX_SLL2."""
    cdef const uint8_t *h = take(&d.c, 20)
    if h == NULL:
        return TRUNCATED
    push(d, LINUX_SLL2, h)
    return cooked_protocol(be16(h))


cdef inline uint32_t cooked_protocol(uint32_t number) noexcept nogil:
    """An EtherType, or 4 for 802.2 LLC (linux/if_ether.h, ETH_P_802_2)."""
    return next_by(BY_LAYER, LLC) if number == 4 else by_ether_type(number)


cdef inline uint32_t loopback(Dissection *d) noexcept nogil:
    """LINKTYPE_NULL: an address family in the byte order of the capturing host, and below 256."""
    cdef const uint8_t *h = take(&d.c, 4)
    cdef uint32_t family
    if h == NULL:
        return TRUNCATED
    family = be32(h) if h[0] == 0 and h[1] == 0 else le32(h)
    if family > 0xFF:
        return MALFORMED
    push(d, LOOPBACK, h)
    return address_family(family)


cdef inline uint32_t loop(Dissection *d) noexcept nogil:
    """LINKTYPE_LOOP: as LINKTYPE_NULL, in network byte order."""
    cdef const uint8_t *h = take(&d.c, 4)
    if h == NULL:
        return TRUNCATED
    push(d, LOOPBACK, h)
    return address_family(be32(h))


cdef inline uint32_t address_family(uint32_t family) noexcept nogil:
    """AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24, 28 or 30 on the BSDs and on Darwin."""
    if family == 2:
        return next_by(BY_LAYER, IPV4_LAYER)
    if family == 10 or family == 24 or family == 28 or family == 30:
        return next_by(BY_LAYER, IPV6_LAYER)
    return UNKNOWN


cdef inline uint32_t raw_ip(Dissection *d) noexcept nogil:
    """A frame without a link layer."""
    return by_ip_version(d, ARP)


cdef inline uint32_t by_ip_version(Dissection *d, uint32_t otherwise) noexcept nogil:
    """What has no number to name it: IPv4 or IPv6 by its first nibble, or another layer."""
    cdef const uint8_t *h = peek(&d.c, 1)
    if h == NULL:
        return TRUNCATED
    if h[0] >> 4 == 4:
        return next_by(BY_LAYER, IPV4_LAYER)
    return next_by(BY_LAYER, IPV6_LAYER if h[0] >> 4 == 6 else otherwise)


cdef inline uint32_t ppp(Dissection *d) noexcept nogil:
    """RFC 1661 and 1662: address and control are optional; an odd first byte is the whole type."""
    cdef const uint8_t *h = peek(&d.c, 2)
    cdef const uint8_t *kind
    if h != NULL and h[0] == 0xFF and h[1] == 0x03:
        take(&d.c, 2)
    else:
        h = d.c.p
    kind = take(&d.c, 1)
    if kind == NULL:
        return TRUNCATED
    if kind[0] & 1:
        push(d, PPP, h)
        return next_by(BY_PPP_TYPE, kind[0])
    if take(&d.c, 1) == NULL:
        return TRUNCATED
    if kind[1] & 1 == 0:
        return MALFORMED
    push(d, PPP, h)
    return next_by(BY_PPP_TYPE, be16(kind))


cdef inline uint32_t pppoe(Dissection *d) noexcept nogil:
    """RFC 2516; only session data (code 0) carries PPP."""
    cdef const uint8_t *h = take(&d.c, 6)
    if h == NULL:
        return TRUNCATED
    push(d, PPPOE, h)
    if h[1] != 0:
        return END
    if is_asked_for(d, PPPOE):
        d.part.network_id = d.part.tunnel_id = be16(h + 2)
    limit(&d.c, be16(h + 4))
    return next_by(BY_LAYER, PPP)


cdef inline uint32_t fddi(Dissection *d) noexcept nogil:
    """ISO 9314: frame control, destination, source; frame control 0x50 to 0x57 carries LLC."""
    cdef const uint8_t *h = take(&d.c, 13)
    if h == NULL:
        return TRUNCATED
    push(d, FDDI, h)
    return next_by(BY_LAYER, LLC) if h[0] & 0xF8 == 0x50 else UNKNOWN
