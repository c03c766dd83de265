# The two hashes: SipHash-1-3 under a random key for the table's index, so that nobody can choose packets
# that collide there, and xxHash64 for the ids that leave the program, where other programs expect it.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy


cdef struct SipState:
    uint64_t v0
    uint64_t v1
    uint64_t v2
    uint64_t v3


cdef inline uint64_t rotate(uint64_t x, int bits) noexcept nogil:
    return (x << bits) | (x >> (64 - bits))


cdef inline void sip_round(SipState *s) noexcept nogil:
    s.v0 += s.v1
    s.v2 += s.v3
    s.v1 = rotate(s.v1, 13) ^ s.v0
    s.v3 = rotate(s.v3, 16) ^ s.v2
    s.v0 = rotate(s.v0, 32)
    s.v2 += s.v1
    s.v0 += s.v3
    s.v1 = rotate(s.v1, 17) ^ s.v2
    s.v3 = rotate(s.v3, 21) ^ s.v0
    s.v2 = rotate(s.v2, 32)


cdef inline void sip_begin(SipState *s, uint64_t k0, uint64_t k1) noexcept nogil:
    """Aumasson and Bernstein, SipHash: a fast short-input PRF (2012)."""
    s.v0 = k0 ^ <uint64_t>0x736F6D6570736575
    s.v1 = k1 ^ <uint64_t>0x646F72616E646F6D
    s.v2 = k0 ^ <uint64_t>0x6C7967656E657261
    s.v3 = k1 ^ <uint64_t>0x7465646279746573


cdef inline void sip_word(SipState *s, uint64_t word) noexcept nogil:
    """One round a word. The words of an input are counted by what the caller puts into them."""
    s.v3 ^= word
    sip_round(s)
    s.v0 ^= word


cdef inline uint64_t sip_end(SipState *s) noexcept nogil:
    """Three rounds at the end."""
    s.v2 ^= 0xFF
    sip_round(s)
    sip_round(s)
    sip_round(s)
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3


cdef enum:
    XXH_STRIPE = 32


cdef inline uint64_t load64(const uint8_t *p) noexcept nogil:
    """Eight bytes as this machine orders them, which xxHash wants to be little-endian."""
    cdef uint64_t x
    memcpy(&x, p, 8)
    return x


cdef inline uint32_t load32(const uint8_t *p) noexcept nogil:
    cdef uint32_t x
    memcpy(&x, p, 4)
    return x


cdef inline uint64_t xxh_lane(uint64_t lane, uint64_t word) noexcept nogil:
    return rotate(lane + word * <uint64_t>0xC2B2AE3D27D4EB4F, 31) * <uint64_t>0x9E3779B185EBCA87


cdef inline uint64_t xxh_merge(uint64_t h, uint64_t lane) noexcept nogil:
    h ^= xxh_lane(0, lane)
    return h * <uint64_t>0x9E3779B185EBCA87 + <uint64_t>0x85EBCA77C2B2AE63


cdef inline uint64_t xxhash64(const uint8_t *p, size_t n, uint64_t seed) noexcept nogil:
    """xxHash, 64 bits (github.com/Cyan4973/xxHash, doc/xxhash_spec.md)."""
    cdef uint64_t p1 = <uint64_t>0x9E3779B185EBCA87
    cdef uint64_t p2 = <uint64_t>0xC2B2AE3D27D4EB4F
    cdef uint64_t p3 = <uint64_t>0x165667B19E3779F9
    cdef uint64_t p4 = <uint64_t>0x85EBCA77C2B2AE63
    cdef uint64_t p5 = <uint64_t>0x27D4EB2F165667C5
    cdef uint64_t a = seed + p1 + p2, b = seed + p2, c = seed, d = seed - p1, h
    cdef size_t rest = n
    if n >= XXH_STRIPE:
        while rest >= XXH_STRIPE:
            a = xxh_lane(a, load64(p))
            b = xxh_lane(b, load64(p + 8))
            c = xxh_lane(c, load64(p + 16))
            d = xxh_lane(d, load64(p + 24))
            p += XXH_STRIPE
            rest -= XXH_STRIPE
        h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)
        h = xxh_merge(xxh_merge(xxh_merge(xxh_merge(h, a), b), c), d)
    else:
        h = seed + p5
    h += n
    while rest >= 8:
        h = rotate(h ^ xxh_lane(0, load64(p)), 27) * p1 + p4
        p += 8
        rest -= 8
    if rest >= 4:
        h = rotate(h ^ load32(p) * p1, 23) * p2 + p3
        p += 4
        rest -= 4
    while rest:
        h = rotate(h ^ p[0] * p5, 11) * p1
        p += 1
        rest -= 1
    h = (h ^ (h >> 33)) * p2
    h = (h ^ (h >> 29)) * p3
    return h ^ (h >> 32)
