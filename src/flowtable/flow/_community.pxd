# Community ID v1 (github.com/corelight/community-id-spec): a flow's ends as one text, the same in every
# program that follows the specification.

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memcpy

from flowtable._sha1 cimport SHA1_BLOCK, SHA1_LANES, SHA1_OUTPUT, sha1_digest, sha1_digests, sha1_pad
from flowtable._text cimport put_base64
from flowtable._types cimport ICMPV4, IPV4, SCTP, TCP, UDP, Record, address_of
from flowtable.packet.protocols.icmp cimport icmp_answer, icmpv6_answer


cdef enum:
    COMMUNITY_ID_BYTES = 30     # "1:" and 20 bytes in base64


cdef struct Tuple:
    const uint8_t *a
    const uint8_t *b
    uint16_t port_a
    uint16_t port_b
    bint has_ports
    bint one_way            # an ICMP message that has no answer keeps its direction


cdef inline int put_community_id(char *out, const Record *r) noexcept nogil:
    """Write the Community ID, with seed 0, of a flow that has an IP layer."""
    cdef uint8_t block[SHA1_BLOCK]
    cdef uint8_t digest[SHA1_OUTPUT]
    put_tuple(block, r)
    sha1_digest(block, digest)
    return put_digest(out, digest)


cdef inline void put_community_ids(char *out, const Record **records) noexcept nogil:
    """Write those of SHA1_LANES flows, which takes about half of the time."""
    cdef uint8_t blocks[SHA1_LANES * SHA1_BLOCK]
    cdef uint8_t digests[SHA1_LANES * SHA1_OUTPUT]
    cdef int i
    for i in range(SHA1_LANES):
        put_tuple(blocks + i * SHA1_BLOCK, records[i])
    sha1_digests(blocks, digests)
    for i in range(SHA1_LANES):
        put_digest(out + i * COMMUNITY_ID_BYTES, digests + i * SHA1_OUTPUT)


cdef inline int put_digest(char *out, const uint8_t *digest) noexcept nogil:
    out[0], out[1] = c"1", c":"
    return 2 + <int>put_base64(out + 2, digest, SHA1_OUTPUT)


cdef inline void put_tuple(uint8_t *block, const Record *r) noexcept nogil:
    """Write what a Community ID is the digest of, padded."""
    cdef int size = 4 if r.key.network == IPV4 else 16, n = 2 + 2 * size
    cdef Tuple t = tuple_of(r)
    if not t.one_way and is_flipped(&t, size):
        t.a, t.b, t.port_a, t.port_b = t.b, t.a, t.port_b, t.port_a
    block[0] = block[1] = 0
    memcpy(block + 2, t.a, size)
    memcpy(block + 2 + size, t.b, size)
    block[n], block[n + 1] = r.protocol, 0
    n += 2
    if t.has_ports:
        block[n], block[n + 1] = <uint8_t>(t.port_a >> 8), <uint8_t>t.port_a
        block[n + 2], block[n + 3] = <uint8_t>(t.port_b >> 8), <uint8_t>t.port_b
        n += 4
    sha1_pad(block, n)


cdef inline Tuple tuple_of(const Record *r) noexcept nogil:
    """The ends in the first packet's order; of ICMP the types stand for ports."""
    cdef Tuple t
    cdef int answer
    t.a, t.b = address_of(r, r.swapped), address_of(r, not r.swapped)
    t.port_a, t.port_b = r.port_a, r.port_b
    t.has_ports = r.key.transport == TCP or r.key.transport == UDP or r.key.transport == SCTP
    t.one_way = False
    if r.key.icmp and not t.has_ports:
        answer = icmp_answer(r.icmp_raw_type) if r.key.icmp == ICMPV4 else icmpv6_answer(r.icmp_raw_type)
        t.one_way = answer < 0
        t.port_a, t.port_b = r.icmp_raw_type, r.icmp_code if t.one_way else <uint16_t>answer
        t.has_ports = True
    return t


cdef inline bint is_flipped(const Tuple *t, int size) noexcept nogil:
    """Whether the second end sorts before the first."""
    cdef int order = memcmp(t.a, t.b, size)
    return order > 0 or (order == 0 and t.has_ports and t.port_a > t.port_b)
