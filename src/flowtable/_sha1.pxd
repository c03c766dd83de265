# SHA-1 of short inputs (FIPS 180-4), for Community IDs, whose specification asks for it.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset

cdef extern from * nogil:
    """
    #include <stdint.h>
    #include <string.h>

    /* Sixteen words of a block, or of several blocks side by side: a vector adds and shifts as a number does.
       The rounds are written out, so that the five variables change their parts instead of their places, and
       the schedule keeps only the last sixteen words: twice as fast as loops (measured), and made for each
       flow that is written. */
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

    #define FT_SHA1(name, word) \
        static inline void name(word *w, word *h) \
        { \
            word a = h[0], b = h[1], c = h[2], d = h[3], e = h[4]; \
            FT_TWENTY(FT_CHOOSE, 0x5A827999u, 0) \
            FT_TWENTY(FT_PARITY, 0x6ED9EBA1u, 20) \
            FT_TWENTY(FT_MAJORITY, 0x8F1BBCDCu, 40) \
            FT_TWENTY(FT_PARITY, 0xCA62C1D6u, 60) \
            h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e; \
        }
    typedef uint32_t ft_lanes __attribute__((vector_size(16)));
    FT_SHA1(flowtable_sha1, uint32_t)
    FT_SHA1(flowtable_sha1_lanes, ft_lanes)

    static inline void flowtable_sha1_four(const uint32_t *words, uint32_t *state)
    {
        ft_lanes w[16], h[5];
        memcpy(w, words, sizeof w);
        memcpy(h, state, sizeof h);
        flowtable_sha1_lanes(w, h);
        memcpy(state, h, sizeof h);
    }
    """
    void sha1 "flowtable_sha1"(uint32_t *w, uint32_t *h)
    # Word i of block k is words[4 * i + k], and the same of states.
    void sha1_four "flowtable_sha1_four"(const uint32_t *words, uint32_t *state)


cdef enum:
    SHA1_INPUT = 55         # bytes that fit into one block with the padding
    SHA1_BLOCK = 64
    SHA1_OUTPUT = 20
    SHA1_LANES = 4          # blocks side by side, in about the time of one


cdef inline void sha1_pad(uint8_t *block, uint32_t size) noexcept nogil:
    """Make a block of at most SHA1_INPUT bytes."""
    memset(block + size, 0, SHA1_BLOCK - size)
    block[size] = 0x80
    block[62], block[63] = <uint8_t>(size >> 5), <uint8_t>(size << 3)      # length in bits


cdef inline void sha1_digest(const uint8_t *block, uint8_t *digest) noexcept nogil:
    """The digest of a padded block."""
    cdef uint32_t w[16]
    cdef uint32_t[5] h = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    cdef int i
    for i in range(16):
        w[i] = word_at(block + 4 * i)
    sha1(w, h)
    for i in range(5):
        put_word(digest + 4 * i, h[i])


cdef inline void sha1_digests(const uint8_t *blocks, uint8_t *digests) noexcept nogil:
    """The digests of SHA1_LANES padded blocks, one after the other."""
    cdef uint32_t w[16 * SHA1_LANES]
    cdef uint32_t h[5 * SHA1_LANES]
    cdef uint32_t[5] start = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    cdef int i, lane
    for lane in range(SHA1_LANES):
        for i in range(16):
            w[SHA1_LANES * i + lane] = word_at(blocks + SHA1_BLOCK * lane + 4 * i)
        for i in range(5):
            h[SHA1_LANES * i + lane] = start[i]
    sha1_four(w, h)
    for lane in range(SHA1_LANES):
        for i in range(5):
            put_word(digests + SHA1_OUTPUT * lane + 4 * i, h[SHA1_LANES * i + lane])


cdef inline uint32_t word_at(const uint8_t *p) noexcept nogil:
    """Four bytes, big-endian."""
    return (<uint32_t>p[0] << 24) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 8) | p[3]


cdef inline void put_word(uint8_t *p, uint32_t word) noexcept nogil:
    p[0], p[1], p[2], p[3] = <uint8_t>(word >> 24), <uint8_t>(word >> 16), <uint8_t>(word >> 8), <uint8_t>word
