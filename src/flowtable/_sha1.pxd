# SHA-1 of short inputs (FIPS 180-4), for Community IDs, whose specification asks for it.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memset


cdef enum:
    SHA1_INPUT = 55         # bytes that fit into one block with the padding
    SHA1_OUTPUT = 20


cdef inline uint32_t rotate32(uint32_t x, int bits) noexcept nogil:
    return (x << bits) | (x >> (32 - bits))


cdef inline void sha1_short(const uint8_t *data, uint32_t size, uint8_t *digest) noexcept nogil:
    """The digest of at most SHA1_INPUT bytes."""
    cdef uint8_t block[64]
    cdef uint32_t w[80]
    cdef uint32_t h[5]
    cdef int i
    memset(block, 0, 64)
    memcpy(block, data, size)
    block[size] = 0x80
    block[62], block[63] = <uint8_t>(size >> 5), <uint8_t>(size << 3)      # length in bits
    for i in range(16):
        w[i] = (<uint32_t>block[4 * i] << 24) | (block[4 * i + 1] << 16) | (block[4 * i + 2] << 8) | block[4 * i + 3]
    for i in range(16, 80):
        w[i] = rotate32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1)
    h[0], h[1], h[2], h[3], h[4] = 0x67452301, <uint32_t>0xEFCDAB89, <uint32_t>0x98BADCFE, 0x10325476, <uint32_t>0xC3D2E1F0
    sha1_rounds(w, h)
    for i in range(20):
        digest[i] = <uint8_t>(h[i >> 2] >> (24 - 8 * (i & 3)))


cdef inline void sha1_rounds(const uint32_t *w, uint32_t *h) noexcept nogil:
    """The eighty rounds over one block, in four loops without branches, and in registers."""
    cdef uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], t
    cdef int i
    for i in range(20):
        t = rotate32(a, 5) + (d ^ (b & (c ^ d))) + e + <uint32_t>0x5A827999 + w[i]
        e = d
        d = c
        c = rotate32(b, 30)
        b = a
        a = t
    for i in range(20, 40):
        t = rotate32(a, 5) + (b ^ c ^ d) + e + <uint32_t>0x6ED9EBA1 + w[i]
        e = d
        d = c
        c = rotate32(b, 30)
        b = a
        a = t
    for i in range(40, 60):
        t = rotate32(a, 5) + ((b & c) | (d & (b | c))) + e + <uint32_t>0x8F1BBCDC + w[i]
        e = d
        d = c
        c = rotate32(b, 30)
        b = a
        a = t
    for i in range(60, 80):
        t = rotate32(a, 5) + (b ^ c ^ d) + e + <uint32_t>0xCA62C1D6 + w[i]
        e = d
        d = c
        c = rotate32(b, 30)
        b = a
        a = t
    h[0] += a
    h[1] += b
    h[2] += c
    h[3] += d
    h[4] += e
