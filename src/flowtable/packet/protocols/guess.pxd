# What a payload is that no number names: what its first bytes can be.

from libc.stdint cimport uint8_t, uint32_t

from flowtable._cursor cimport Cursor, be16, be32, left, peek
from flowtable.packet._layers cimport ETHERNET, IPV4_LAYER, IPV6_LAYER, NONE, PPP


cdef enum:
    ETHERNET_BYTES = 14
    TAGS = 3                            # VLAN tags that are looked behind


cdef inline uint8_t guess_framed(const Cursor *c, uint32_t skip) noexcept nogil:
    """ETHERNET or PPP if such a header begins `skip` bytes further on, else NONE."""
    if is_ethernet(c, skip):
        return ETHERNET
    return PPP if is_ppp(c, skip) else NONE


cdef inline uint8_t guess_ip(const Cursor *c, uint32_t skip) noexcept nogil:
    """The layer of IPv4 or IPv6 if such a header begins `skip` bytes further on, else NONE."""
    if is_ipv4(c, skip):
        return IPV4_LAYER
    return IPV6_LAYER if is_ipv6(c, skip) else NONE


cdef inline bint is_ethernet(const Cursor *c, uint32_t skip) noexcept nogil:
    """Whether an Ethernet header can be there: its type is known, and what follows begins as the type says."""
    cdef uint32_t at = skip + ETHERNET_BYTES, tags = 0
    cdef const uint8_t *h = peek(c, at + 4)
    while h != NULL and is_tag(be16(h + at - 2)) and tags < TAGS:
        at += 4
        tags += 1
        h = peek(c, at + 4)
    if h == NULL:
        return tags != 0            # cut off behind a tag
    return begins_as(h + at, be16(h + at - 2))


cdef inline bint is_tag(uint32_t ether_type) noexcept nogil:
    return ether_type == 0x8100 or ether_type == 0x88A8 or ether_type == 0x9100


cdef inline bint begins_as(const uint8_t *p, uint32_t ether_type) noexcept nogil:
    """Whether four bytes can be the first of what an EtherType, or an 802.3 length, announces."""
    if ether_type == 0x0800:
        return p[0] >> 4 == 4 and p[0] & 15 >= 5
    if ether_type == 0x86DD:
        return p[0] >> 4 == 6
    if ether_type == 0x0806:
        return be32(p) == 0x00010800
    if ether_type == 0x8847 or ether_type == 0x8848:
        return p[3] != 0                                    # TTL
    if ether_type == 0x8863 or ether_type == 0x8864:
        return p[0] == 0x11                                 # version and type
    if ether_type == 0x88CC:
        return p[0] == 2                                    # the chassis comes first
    return 3 <= ether_type < 0x600 and p[0] == p[1] and (p[0] == 0x42 or p[0] == 0xAA)


cdef inline bint is_ppp(const Cursor *c, uint32_t skip) noexcept nogil:
    """Whether PPP is there, framed as in HDLC, around IP or what sets up IP or the link."""
    cdef const uint8_t *h = peek(c, skip + 4)
    cdef uint32_t kind
    if h == NULL or be16(h + skip) != 0xFF03:
        return False
    kind = be16(h + skip + 2)
    return kind == 0x0021 or kind == 0x0057 or kind == 0x8021 or kind == 0x8057 or kind == 0xC021


cdef inline bint is_ipv4(const Cursor *c, uint32_t skip) noexcept nogil:
    """Whether an IPv4 header with a right checksum is there (RFC 1071)."""
    cdef const uint8_t *h = peek(c, skip + 20)
    cdef uint32_t size, at, total = 0
    if h == NULL or h[skip] >> 4 != 4:
        return False
    size = (h[skip] & 15) * 4
    h = peek(c, skip + size)
    if h == NULL or size < 20:
        return False
    for at in range(skip, skip + size, 2):
        total += be16(h + at)
    return (total & 0xFFFF) + (total >> 16) == 0xFFFF


cdef inline bint is_ipv6(const Cursor *c, uint32_t skip) noexcept nogil:
    """Whether an IPv6 header is there with hops left and a payload that is as long as it says."""
    cdef const uint8_t *h = peek(c, skip + 40)
    if h == NULL or h[skip] >> 4 != 6 or h[skip + 7] == 0:
        return False
    return left(c) - skip == be16(h + skip + 4) + <uint32_t>40
