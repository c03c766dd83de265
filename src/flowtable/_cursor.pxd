# The one way to packet bytes.
#
# Invariant: p <= end, and [p, end) is memory that the caller may read. A header is read only through
# the pointer that take() gave for it, and only as many bytes of it as were taken.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t


cdef struct Cursor:
    const uint8_t *p
    const uint8_t *end


cdef inline size_t left(const Cursor *c) noexcept nogil:
    """Bytes that are still to be read."""
    return <size_t>(c.end - c.p)


cdef inline const uint8_t *take(Cursor *c, size_t n) noexcept nogil:
    """The next n bytes, moving past them; NULL, without moving, when fewer are there."""
    cdef const uint8_t *p = c.p
    if <size_t>(c.end - p) < n:
        return NULL
    c.p = p + n
    return p


cdef inline const uint8_t *peek(const Cursor *c, size_t n) noexcept nogil:
    """The next n bytes without moving; NULL when fewer are there."""
    if <size_t>(c.end - c.p) < n:
        return NULL
    return c.p


cdef inline void limit(Cursor *c, size_t n) noexcept nogil:
    """Let at most n more bytes be read."""
    if <size_t>(c.end - c.p) > n:
        c.end = c.p + n


cdef inline uint16_t be16(const uint8_t *p) noexcept nogil:
    """Two bytes of a taken header, big-endian."""
    return <uint16_t>((p[0] << 8) | p[1])


cdef inline uint32_t be24(const uint8_t *p) noexcept nogil:
    """Three bytes of a taken header, big-endian."""
    return (<uint32_t>p[0] << 16) | (<uint32_t>p[1] << 8) | p[2]


cdef inline uint32_t be32(const uint8_t *p) noexcept nogil:
    """Four bytes of a taken header, big-endian."""
    return (<uint32_t>p[0] << 24) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 8) | p[3]


cdef inline uint64_t be64(const uint8_t *p) noexcept nogil:
    """Eight bytes of a taken header, big-endian."""
    return <uint64_t>be32(p) << 32 | be32(p + 4)


cdef inline uint16_t le16(const uint8_t *p) noexcept nogil:
    """Two bytes of a taken header, little-endian."""
    return <uint16_t>((p[1] << 8) | p[0])


cdef inline uint32_t le32(const uint8_t *p) noexcept nogil:
    """Four bytes of a taken header, little-endian."""
    return (<uint32_t>p[3] << 24) | (<uint32_t>p[2] << 16) | (<uint32_t>p[1] << 8) | p[0]
