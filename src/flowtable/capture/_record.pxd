# What the two file formats share: byte order, what was counted, and why reading stopped.

from libc.stdint cimport uint16_t, uint32_t, uint64_t, uint8_t

from flowtable._cursor cimport be16, be32, le16, le32


cdef enum:
    MAXIMUM_SNAP = 262144   # bytes of a record, libpcap's MAXIMUM_SNAPLEN


cdef enum Stop:             # why a file is not read any further; messages in _walk.pyx
    GOING = 0
    RECORD_TOO_LONG
    BLOCK_LENGTH_ODD
    BLOCK_TOO_LONG
    BLOCK_TRAILER
    BLOCK_TOO_SHORT
    SECTION_ORDER
    SECTION_VERSION
    INTERFACE_OPTION
    INTERFACE_LIMIT
    INTERFACE_UNKNOWN
    OVER_SNAP
    NO_MEMORY
    # Only in a file's first bytes, where they make it no capture that can be read:
    NOT_A_CAPTURE
    PCAP_VERSION
    SECTION_LENGTH


cdef struct Tally:
    uint64_t frames
    uint64_t times_clamped  # frames whose time was before 1970 or beyond 2^63-1 ns
    uint64_t snapped        # frames cut to their file's snap length
    uint64_t incomplete     # files that ended or broke before their end


cdef struct Scan:
    # Where one file's reading stands, apart from its bytes.
    bint big_endian
    Stop stop
    uint64_t found          # the numbers that the message for `stop` speaks of
    uint64_t allowed
    size_t need             # bytes from the cursor on that the next record takes, as far as is known
    Tally tally


cdef inline uint16_t u16(const Scan *s, const uint8_t *p) noexcept nogil:
    """Two bytes of a taken header, in the file's order."""
    return be16(p) if s.big_endian else le16(p)


cdef inline uint32_t u32(const Scan *s, const uint8_t *p) noexcept nogil:
    """Four bytes of a taken header, in the file's order."""
    return be32(p) if s.big_endian else le32(p)


cdef inline bint refuse(Scan *s, Stop why, uint64_t found, uint64_t allowed) noexcept nogil:
    """Stop reading for a reason; always False, so that a reader can return it."""
    s.stop = why
    s.found = found
    s.allowed = allowed
    return False


cdef inline bint wait_for(Scan *s, size_t need) noexcept nogil:
    """More bytes have to come first; always False, so that a reader can return it."""
    s.need = need
    return False


cdef inline uint32_t maximum_captured(uint32_t link_type) noexcept nogil:
    """The longest record of a link type in bytes, as libpcap's max_snaplen_for_dlt() has it."""
    if link_type == 231:    # D-Bus
        return 128 * 1024 * 1024
    if link_type == 279:    # EBHSCR
        return 8 * 1024 * 1024
    if link_type == 249:    # USBPcap
        return 1024 * 1024
    return MAXIMUM_SNAP


cdef inline uint32_t effective_snap(uint32_t snap, uint32_t link_type) noexcept nogil:
    """A header's snap length; one that cannot be meant is the link type's maximum, as in libpcap."""
    if snap == 0 or snap > 0x7FFFFFFF:
        return maximum_captured(link_type)
    return snap
