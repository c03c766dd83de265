# Tunnels right behind a link layer or IP: GRE with what goes on behind it, MPLS with its pseudowires, EtherIP.

from libc.stdint cimport uint8_t, uint32_t

from flowtable._cursor cimport Cursor, be16, be24, be32, left, peek, take
from flowtable.packet._dissection cimport (
    BY_LAYER, END, MALFORMED, TRUNCATED, UNKNOWN, Dissection, is_asked_for, next_by, push,
)
from flowtable.packet._layers cimport (
    ERSPAN, ERSPAN_II, ERSPAN_III, ETHERIP, ETHERNET, GRE, MPLS, MPLS_PAYLOAD, NONE, NVGRE, PW_CONTROL_WORD,
)
from flowtable.packet.protocols.guess cimport guess_ip, is_ethernet
from flowtable.packet.protocols.link cimport by_ether_type, by_ip_version


cdef enum:
    GRE_CHECKSUM = 0x80
    GRE_ROUTING = 0x40
    GRE_KEY = 0x20
    GRE_SEQUENCE = 0x10
    GRE_VERSION = 0x07                  # in the second byte
    GRE_ACKNOWLEDGE = 0x80              # likewise; version 1 only
    ERSPAN_TYPE = 0x88BE                # of types I and II
    ERSPAN_III_TYPE = 0x22EB
    BRIDGED = 0x6558                    # Ethernet inside
    PSEUDOWIRE_BYTES = 22               # fewer do not tell what it is: a control word, Ethernet, and four more
    FIRST_VSID = 0x1000                 # lower ones are reserved (RFC 7637, 3.2), and so a plain GRE key


cdef inline uint32_t gre(Dissection *d) noexcept nogil:
    """RFC 1701, 2784 and 2890, and version 1 of PPTP (RFC 2637); NVGRE is told by its fields (RFC 7637, 3.2)."""
    cdef const uint8_t *h = take(&d.c, 4)
    cdef const uint8_t *key = NULL
    if h == NULL or not gre_fields(&d.c, h, &key):
        return TRUNCATED
    if key != NULL and is_asked_for(d, NVGRE) and is_nvgre(h, be24(key)):
        push(d, NVGRE, h)
        d.part.network_id = be24(key)
        return next_by(BY_LAYER, ETHERNET)
    push(d, GRE, h)
    if key != NULL:
        set_gre_key(d, h[1] & GRE_VERSION, key)
    return gre_payload(d, h[0], be16(h + 2))


cdef inline bint gre_fields(Cursor *c, const uint8_t *h, const uint8_t **key) noexcept nogil:
    """Read what the flags say that there is, and whether it fits; `key` is where the key is, if there is one."""
    if h[0] & (GRE_CHECKSUM | GRE_ROUTING) and take(c, 4) == NULL:
        return False
    if h[0] & GRE_KEY:
        key[0] = take(c, 4)
        if key[0] == NULL:
            return False
    if h[0] & GRE_SEQUENCE and take(c, 4) == NULL:
        return False
    if h[0] & GRE_ROUTING and not gre_routes_parse(c):
        return False
    return not h[1] & GRE_ACKNOWLEDGE or take(c, 4) != NULL


cdef inline void set_gre_key(Dissection *d, uint8_t version, const uint8_t *key) noexcept nogil:
    """What numbers a tunnel; PPTP has the payload's length and the receiver's call there (RFC 2637, 4.1)."""
    d.part.network_id = be32(key)
    if version == 0:
        d.part.gre_key = be32(key)
    else:
        d.part.tunnel_id = be16(key + 2)


cdef inline bint gre_routes_parse(Cursor *c) noexcept nogil:
    """Source routes (RFC 1701) up to the empty one that ends them."""
    cdef const uint8_t *h = take(c, 4)
    while h != NULL and not (be16(h) == 0 and h[3] == 0):
        if take(c, h[3]) == NULL:
            return False
        h = take(c, 4)
    return h != NULL


cdef inline bint is_nvgre(const uint8_t *h, uint32_t vsid) noexcept nogil:
    """Version 0 with a key, without checksum and sequence, around Ethernet, and a VSID that is not reserved."""
    if h[0] & (GRE_CHECKSUM | GRE_ROUTING | GRE_KEY | GRE_SEQUENCE) != GRE_KEY or h[1] & GRE_VERSION:
        return False
    return be16(h + 2) == BRIDGED and vsid >= FIRST_VSID


cdef inline uint32_t gre_payload(Dissection *d, uint8_t flags, uint32_t kind) noexcept nogil:
    """What GRE carries; of ERSPAN type I only the missing sequence number tells."""
    if not is_asked_for(d, ERSPAN_II):
        return next_by(BY_LAYER, ERSPAN) if kind == ERSPAN_TYPE else by_ether_type(kind)
    if kind == ERSPAN_III_TYPE:
        return next_by(BY_LAYER, ERSPAN_III)
    if kind != ERSPAN_TYPE:
        return by_ether_type(kind)
    if flags & GRE_SEQUENCE:
        return next_by(BY_LAYER, ERSPAN_II)
    d.cut = 1
    return next_by(BY_LAYER, ETHERNET)


cdef inline uint32_t erspan(Dissection *d) noexcept nogil:
    """ERSPAN II without a name of its own: its eight bytes count to the packet that it carries."""
    return next_by(BY_LAYER, ETHERNET) if take(&d.c, 8) != NULL else TRUNCATED


cdef inline uint32_t erspan_ii(Dissection *d) noexcept nogil:
    """draft-foschiano-erspan-03, 4.2: version 1 in the first four bits."""
    cdef const uint8_t *h = take(&d.c, 8)
    if h == NULL:
        return TRUNCATED
    if h[0] >> 4 != 1:
        return MALFORMED
    push(d, ERSPAN_II, h)
    d.part.network_id = be16(h + 2) & 0x3FF
    return next_by(BY_LAYER, ETHERNET)


cdef inline uint32_t erspan_iii(Dissection *d) noexcept nogil:
    """draft-foschiano-erspan-03, 4.3: version 2; eight bytes more of a platform if the last bit says so."""
    cdef const uint8_t *h = peek(&d.c, 12)
    cdef uint8_t frame_type
    if h == NULL:
        return TRUNCATED
    if h[0] >> 4 != 2:
        return MALFORMED
    if take(&d.c, 20 if h[11] & 1 else 12) == NULL:
        return TRUNCATED
    push(d, ERSPAN_III, h)
    d.part.network_id = be16(h + 2) & 0x3FF
    frame_type = (h[10] >> 2) & 0x1F
    if frame_type == 0:
        return next_by(BY_LAYER, ETHERNET)
    return by_ip_version(d, NONE) if frame_type == 2 else UNKNOWN


cdef inline uint32_t mpls(Dissection *d) noexcept nogil:
    """RFC 3032: one entry of the label stack."""
    cdef const uint8_t *h = take(&d.c, 4)
    if h == NULL:
        return TRUNCATED
    push(d, MPLS, h)
    if d.part.tunnel_id == 0:
        d.part.tunnel_id = be32(h) >> 12
    if left(&d.c) == 0:
        return END
    return next_by(BY_LAYER, MPLS_PAYLOAD if h[2] & 1 else MPLS)


cdef inline uint32_t mpls_payload(Dissection *d) noexcept nogil:
    """Nothing names what a label carries: the first nibble tells IP, and all else is Ethernet.

    Where pseudowires are asked for, what fits goes before the nibble: an address of Ethernet may begin with any
    (RFC 4928). A control word begins with 0 (RFC 4448, 4.6), and what is no data with 1 (RFC 4385, 5).
    """
    cdef const uint8_t *h = peek(&d.c, PSEUDOWIRE_BYTES)
    if not is_asked_for(d, PW_CONTROL_WORD) or guess_ip(&d.c, 0) != NONE:
        return by_ip_version(d, ETHERNET)
    if h == NULL:
        return TRUNCATED
    if is_ethernet(&d.c, 0):
        return next_by(BY_LAYER, ETHERNET)
    if h[0] == 0x10 and h[1] == 0:
        return UNKNOWN
    if h[0] >> 4 == 0 and is_ethernet(&d.c, 4):
        take(&d.c, 4)
        push(d, PW_CONTROL_WORD, h)
        return next_by(BY_LAYER, ETHERNET)
    return by_ip_version(d, ETHERNET)


cdef inline uint32_t etherip(Dissection *d) noexcept nogil:
    """RFC 3378: a version and reserved bits, which are not looked at."""
    cdef const uint8_t *h = take(&d.c, 2)
    if h == NULL:
        return TRUNCATED
    push(d, ETHERIP, h)
    return next_by(BY_LAYER, ETHERNET)
