# The outermost pair of addresses of a frame, without decoding all of it: what both ways of a flow have in
# common, with all that is inside it.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from flowtable._cursor cimport Cursor, be16, be32, take
from flowtable._hash cimport load64
from flowtable._types cimport IPV4, MAX_PARTS, Frame
from flowtable.packet._decode cimport decode_frame
from flowtable.packet._dissection cimport Decoding, Dissection, Part, makes_flow

cdef enum:
    LINK_ETHERNET = 1
    MOST_TAGS = 4           # that are looked through here


cdef inline uint64_t outermost_pair(const Frame *frame, const Decoding *how, uint64_t seed) noexcept nogil:
    """A number that frames share whose outermost part has the same two addresses, in whichever order.

    These are the addresses of its first packet of a flow: IP addresses, else MACs. 0: there is none. What is
    quick to find is found here, exactly as decoding would; all else is decoded.
    """
    cdef Cursor c = Cursor(frame.data, frame.data + frame.captured)
    cdef uint32_t ether_type = ether_type_behind_tags(&c) if frame.link_type == LINK_ETHERNET else 0
    cdef const uint8_t *h = NULL
    if ether_type == 0x0800:
        h = take(&c, 20)
        if h != NULL:
            return mix(be32(h + 12), seed) + mix(be32(h + 16), seed)
    elif ether_type == 0x86DD:
        h = take(&c, 40)
        if h != NULL:
            return mix_address(h + 8, seed) + mix_address(h + 24, seed)
    return decoded_pair(frame, how, seed)


cdef inline uint32_t ether_type_behind_tags(Cursor *c) noexcept nogil:
    """What follows Ethernet and its VLAN tags; 0 where the frame is too short, or there are many."""
    cdef const uint8_t *h = take(c, 14)
    cdef uint32_t ether_type = be16(h + 12) if h != NULL else 0
    cdef int tags = 0
    while ether_type == 0x8100 or ether_type == 0x88A8 or ether_type == 0x9100:
        h = take(c, 4)
        tags += 1
        if h == NULL or tags > MOST_TAGS:
            return 0
        ether_type = be16(h + 2)
    return ether_type


cdef inline uint64_t decoded_pair(const Frame *frame, const Decoding *how, uint64_t seed) noexcept nogil:
    cdef Dissection d
    cdef Part parts[MAX_PARTS]
    cdef uint32_t i, n = decode_frame(&d, frame, parts, how)
    for i in range(n):
        if makes_flow(&parts[i]):
            return pair_of_part(&parts[i], seed)
    return 0


cdef inline uint64_t pair_of_part(const Part *part, uint64_t seed) noexcept nogil:
    """The pair of a part whose key is not in order yet."""
    if part.key.network == IPV4:
        return mix(be32(part.key.address_a), seed) + mix(be32(part.key.address_b), seed)
    if part.key.network:
        return mix_address(part.key.address_a, seed) + mix_address(part.key.address_b, seed)
    return mix_mac(part.link_a, seed) + mix_mac(part.link_b, seed)


cdef inline uint64_t mix_address(const uint8_t *address, uint64_t seed) noexcept nogil:
    return mix(load64(address), mix(load64(address + 8), seed))


cdef inline uint64_t mix_mac(const uint8_t *mac, uint64_t seed) noexcept nogil:
    return mix(<uint64_t>be16(mac) << 32 | be32(mac + 2), seed)


cdef inline uint64_t mix(uint64_t x, uint64_t seed) noexcept nogil:
    """SplitMix64's finalizer (Steele, Lea and Flood, 2014), of a number that nobody outside knows."""
    x = (x ^ seed) + <uint64_t>0x9E3779B97F4A7C15
    x = (x ^ x >> 30) * <uint64_t>0xBF58476D1CE4E5B9
    x = (x ^ x >> 27) * <uint64_t>0x94D049BB133111EB
    return x ^ x >> 31
