# Which packets belong together: the key of a part, the hash that finds it, and the ids that come from it.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from flowtable._cursor cimport be16, be32, be64
from flowtable._hash cimport SipState, load64, sip_begin, sip_end, sip_word, xxhash64
from flowtable._text cimport put_hex
from flowtable._types cimport IPV4, KEY_ICMP, KEY_IDS, KEY_LINK, KEY_VNI, FlowKey
from flowtable.packet._dissection cimport TUNNEL_NUMBERS, Part
from flowtable.packet._layers cimport ERSPAN_II, ERSPAN_III, ETHERNET, GENEVE, NVGRE, PPPOE, VXLAN, VXLAN_GPE


cdef enum LayerKey:
    KEY_L2 = 0
    KEY_L3 = 1


cdef enum:
    MAC_KIND = 3            # in the ids; the other kinds have the numbers of NetworkKind and TransportKind
    ID_BYTES = 160          # room for 40 + 20 + 12 + 12 + 20 + 16 + 16 bytes


cdef struct FlowIds:
    uint64_t key            # seeds the UUID; no id of its own
    uint64_t l2
    uint64_t l3


cdef inline bint ends_in_vni(const Part *part) noexcept nogil:
    """Whether a part is the outside of a tunnel that has one number for both ways."""
    cdef uint8_t last = part.layers[part.n_layers - 1]
    if last >= TUNNEL_NUMBERS:
        return False
    if last == NVGRE or last == ERSPAN_II or last == ERSPAN_III:
        return True
    if last == PPPOE:
        return part.network_id != 0         # a session that is cut
    return part.key.transport and (last == VXLAN or last == GENEVE or last == VXLAN_GPE)


cdef inline uint32_t counted_length(const Part *part, uint8_t layer_key) noexcept nogil:
    """Bytes that the flow of a part counts: under L2 keys, what IP says where there is no Ethernet."""
    if layer_key == KEY_L2 and part.layers[0] != ETHERNET:
        return part.ip_length
    return part.length


cdef inline void order_key(Part *part, uint8_t layer_key, bint key_ids) noexcept nogil:
    """Make the key the same for both directions, and say whether that exchanged the ends.

    Ports decide between equal addresses, and addresses between equal MACs; with equal ports all packets
    go from A to B. With `key_ids` the VLAN ids and the GRE key are part of the key.
    """
    cdef FlowKey *key = &part.key
    cdef int order = 0
    cdef bint by_link = layer_key == KEY_L2 and part.has_link or not key.network
    if by_link:
        order = compare(be16(part.link_a), be16(part.link_b))
        if order == 0:
            order = compare(be32(part.link_a + 2), be32(part.link_b + 2))
    if order == 0 and key.network:
        order = compare(be64(key.address_a), be64(key.address_b))
        if order == 0 and key.network != IPV4:
            order = compare(be64(key.address_a + 8), be64(key.address_b + 8))
        if order == 0:
            order = compare(part.port_a, part.port_b)
    part.swapped = order > 0
    if key.transport:
        key.port_a, key.port_b = part.port_a, part.port_b
    if part.swapped:
        swap_ends(key)
    if by_link:
        key.flags |= KEY_LINK
        memcpy(<uint8_t *>key.mac_b if part.swapped else <uint8_t *>key.mac_a, part.link_a, 6)
        memcpy(<uint8_t *>key.mac_a if part.swapped else <uint8_t *>key.mac_b, part.link_b, 6)
    if ends_in_vni(part):
        key.flags |= KEY_VNI
        key.id = part.network_id
        key.port_a, key.port_b = 0, part.port_b
    if key_ids and (part.link_id or part.gre_key):
        key.flags |= KEY_IDS
        key.gre_key = part.gre_key


cdef inline int compare(uint64_t a, uint64_t b) noexcept nogil:
    return (a > b) - (a < b)


cdef inline void swap_ends(FlowKey *key) noexcept nogil:
    cdef uint8_t address[16]
    cdef uint16_t port = key.port_a
    memcpy(address, key.address_a, 16)
    memcpy(key.address_a, key.address_b, 16)
    memcpy(key.address_b, address, 16)
    key.port_a = key.port_b
    key.port_b = port


cdef inline uint64_t hash_key(const Part *part, uint64_t parent, uint64_t k0, uint64_t k1) noexcept nogil:
    """Hash of a part's key and of its parent's hash; what an IPv4 key leaves zero is left out."""
    cdef const FlowKey *key = &part.key
    cdef const uint8_t *p = <const uint8_t *>key
    cdef SipState s
    sip_begin(&s, k0, k1)
    sip_word(&s, load64(p + 48))                    # ids, kinds and flags: says which words follow
    sip_word(&s, load64(p + 32))
    sip_word(&s, load64(p + 40))
    if key.network == IPV4:
        sip_word(&s, load64(p) << 32 | <uint32_t>load64(p + 16))
    elif key.network:
        sip_word(&s, load64(p))
        sip_word(&s, load64(p + 8))
        sip_word(&s, load64(p + 16))
        sip_word(&s, load64(p + 24))
    if key.flags & KEY_IDS:
        sip_word(&s, key.gre_key)
        sip_word(&s, part.link_id)
    if parent:
        sip_word(&s, parent)
    return sip_end(&s)


cdef inline uint8_t *put_be(uint8_t *p, uint64_t value, int size) noexcept nogil:
    """Write a number in network byte order; gives the place behind it."""
    cdef int i
    for i in range(size):
        p[i] = <uint8_t>(value >> (8 * (size - 1 - i)))
    return p + size


cdef inline uint8_t *put_pair(uint8_t *p, const void *a, const void *b, int size, uint64_t kind) noexcept nogil:
    """Write two raw ends and the number of their kind."""
    memcpy(p, a, size)
    memcpy(p + size, b, size)
    return put_be(p + 2 * size, kind, 8)


cdef inline FlowIds part_ids(const Part *part, bint has_parent, uint64_t parent_uuid) noexcept nogil:
    """The ids that hold across hosts: xxHash64 over the raw ends of each layer, in the key's order.

    With KEY_IDS a GRE key and VLAN ids that are not 0 go in as well, the latter not into the L3 key.
    """
    cdef const FlowKey *key = &part.key
    cdef uint8_t data[ID_BYTES]
    cdef uint8_t *p = data
    cdef int size = 4 if key.network == IPV4 else 16
    cdef FlowIds ids
    if key.network:
        p = put_pair(p, key.address_a, key.address_b, size, key.network)
    if key.flags & KEY_VNI:
        p = put_be(put_be(put_be(p, key.id, 4), key.port_b, 2), 0, 8)
    elif key.transport:
        p = put_be(put_be(put_be(p, key.port_a, 2), key.port_b, 2), key.transport, 8)
    if key.flags & KEY_ICMP:
        p = put_be(put_be(p, key.id, 4), 0, 8)
    if key.gre_key:
        p = put_be(put_be(p, key.gre_key, 4), 0, 8)
    ids.l3 = xxhash64(data, p - data, 0)
    if key.flags & KEY_LINK:
        p = put_pair(p, key.mac_a, key.mac_b, 6, MAC_KIND)
    if key.flags & KEY_IDS and part.link_id:
        p = put_be(put_be(p, part.link_id, 8), 0, 8)
    ids.l2 = xxhash64(data, p - data, 0)
    if has_parent:
        p += put_hex(p, parent_uuid)
    ids.key = xxhash64(data, p - data, 0)
    return ids


cdef inline uint64_t flow_uuid(uint64_t key, int64_t start_ms, uint8_t *start_and_node, size_t length) noexcept nogil:
    """xxHash64, seeded with the key, over the start (8 bytes, which are written here) and the node's TID."""
    put_be(start_and_node, <uint64_t>start_ms, 8)
    return xxhash64(start_and_node, length, key)
