# SHA-1 of short inputs (FIPS 180-4), for Community IDs, whose specification asks for it.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memset

cdef extern from * nogil:
    """
    #include <stdint.h>

    /* One block of sixteen words. The rounds are written out, so that the five variables change their
       parts instead of their places, and the schedule keeps only the last sixteen words: twice as fast
       as loops (measured), and made for each flow that is written. */
    #define FT_ROL(x, n) ((x) << (n) | (x) >> (32 - (n)))
    #define FT_NEXT(i) (w[(i) & 15] = FT_ROL( \\
        w[((i) + 13) & 15] ^ w[((i) + 8) & 15] ^ w[((i) + 2) & 15] ^ w[(i) & 15], 1))
    #define FT_WORD(i) ((i) < 16 ? w[(i) & 15] : FT_NEXT(i))
    #define FT_CHOOSE(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
    #define FT_PARITY(x, y, z) ((x) ^ (y) ^ (z))
    #define FT_MAJORITY(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))
    #define FT_STEP(f, k, a, b, c, d, e, i) \\
        e += FT_ROL(a, 5) + f(b, c, d) + (k) + FT_WORD(i); b = FT_ROL(b, 30);
    #define FT_FIVE(f, k, i) \\
        FT_STEP(f, k, a, b, c, d, e, i) FT_STEP(f, k, e, a, b, c, d, (i) + 1) \\
        FT_STEP(f, k, d, e, a, b, c, (i) + 2) FT_STEP(f, k, c, d, e, a, b, (i) + 3) \\
        FT_STEP(f, k, b, c, d, e, a, (i) + 4)
    #define FT_TWENTY(f, k, i) FT_FIVE(f, k, i) FT_FIVE(f, k, (i) + 5) \\
        FT_FIVE(f, k, (i) + 10) FT_FIVE(f, k, (i) + 15)

    static inline void flowtable_sha1_block(uint32_t *w, uint32_t *h)
    {
        uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        FT_TWENTY(FT_CHOOSE, 0x5A827999u, 0)
        FT_TWENTY(FT_PARITY, 0x6ED9EBA1u, 20)
        FT_TWENTY(FT_MAJORITY, 0x8F1BBCDCu, 40)
        FT_TWENTY(FT_PARITY, 0xCA62C1D6u, 60)
        h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e;
    }
    """
    void sha1_block "flowtable_sha1_block"(uint32_t *w, uint32_t *h)


cdef enum:
    SHA1_INPUT = 55         # bytes that fit into one block with the padding
    SHA1_OUTPUT = 20


cdef inline void sha1_short(const uint8_t *data, uint32_t size, uint8_t *digest) noexcept nogil:
    """The digest of at most SHA1_INPUT bytes."""
    cdef uint8_t block[64]
    cdef uint32_t w[16]
    cdef uint32_t[5] h = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    cdef int i
    memset(block, 0, 64)
    memcpy(block, data, size)
    block[size] = 0x80
    block[62], block[63] = <uint8_t>(size >> 5), <uint8_t>(size << 3)      # length in bits
    for i in range(16):
        w[i] = word_at(block + 4 * i)
    sha1_block(w, h)
    for i in range(20):
        digest[i] = <uint8_t>(h[i >> 2] >> (24 - 8 * (i & 3)))


cdef inline uint32_t word_at(const uint8_t *p) noexcept nogil:
    """Four bytes, big-endian."""
    return (<uint32_t>p[0] << 24) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 8) | p[3]
