# Classic pcap (draft-ietf-opsawg-pcap), with the variants that libpcap reads.
#
# A file header of 24 bytes, then records: a header of 16 bytes (24 where a modified kernel wrote it)
# with seconds, µs or ns, bytes captured, bytes on the wire; then the captured bytes.

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t, uint8_t

from flowtable._cursor cimport Cursor, be32, peek, take
from flowtable._types cimport Frame
from flowtable.capture._record cimport (
    PCAP_VERSION, RECORD_TOO_LONG, Scan, effective_snap, maximum_captured, refuse, u16, u32, wait_for,
)


cdef enum:
    PCAP_HEADER = 24
    MICROSECONDS = 0xA1B2C3D4u
    NANOSECONDS = 0xA1B23C4Du
    MODIFIED = 0xA1B2CD34u  # Alexey Kuznetsov's kernel patch: 8 more bytes in each record's header
    ETHERNET = 1


cdef enum Lengths:          # the order of a record's two lengths
    CAPTURED_FIRST          # from version 2.4 on
    WIRE_FIRST              # before 2.3, and in DG/UX's 543.0
    UNSURE                  # 2.3 was written both ways; the captured length is the smaller one


cdef struct Pcap:
    uint32_t header         # bytes before a record's data
    uint32_t snap
    uint32_t maximum        # captured bytes above which a record is taken for damage
    uint32_t unit           # ns that one step of a fraction of a second is worth
    uint16_t link_type
    Lengths lengths


cdef inline bint is_pcap(uint32_t magic) noexcept nogil:
    """Whether this is a pcap file's first number, read in the file's order."""
    return magic == MICROSECONDS or magic == NANOSECONDS or magic == MODIFIED


cdef inline bint start_pcap(Pcap *f, Scan *s, const uint8_t *header) noexcept nogil:
    """Take in a file header of 24 bytes that begins with a pcap magic; False: a version not known."""
    cdef uint32_t magic, link_type, major, minor
    s.big_endian = is_pcap(be32(header))
    magic, major, minor = u32(s, header), u16(s, header + 4), u16(s, header + 6)
    if not (major == 2 and minor <= 4) and not (major == 543 and minor == 0):
        return refuse(s, PCAP_VERSION, major, minor)
    # The upper six bits tell of frame check sequences. A type over 16 bits is not assigned, and must
    # not look like one that is.
    link_type = u32(s, header + 20) & 0x03FFFFFF
    f.link_type = <uint16_t>link_type if link_type < 0xFFFF else 0xFFFF
    f.header = 24 if magic == MODIFIED else 16
    f.unit = 1 if magic == NANOSECONDS else 1000
    f.lengths = order_of_lengths(major, minor)
    f.maximum = maximum_captured(link_type)
    f.snap = effective_snap(u32(s, header + 16), link_type)
    if magic == MODIFIED and link_type == ETHERNET:
        f.snap += 14        # cooked captures got an Ethernet header on top of the snap length
    return True


cdef inline Lengths order_of_lengths(uint32_t major, uint32_t minor) noexcept nogil:
    if major == 543 or minor < 3:
        return WIRE_FIRST
    return UNSURE if minor == 3 else CAPTURED_FIRST


cdef inline int walk_pcap(const Pcap *f, Scan *s, Cursor *c, Frame *out, int capacity) noexcept nogil:
    """Take up to `capacity` whole records."""
    cdef int n = 0
    while n < capacity and take_record(f, s, c, out + n):
        n += 1
    return n


cdef inline int64_t record_time(Scan *s, const Pcap *f, uint32_t seconds, uint32_t fraction) noexcept nogil:
    """Unix ns of a record; a fraction whose ns take more than 32 bits is damage: none, and counted.

    Both numbers are unsigned (draft-ietf-opsawg-pcap, libpcap from 1.10.5 on), so that no time is before
    1970 and every one fits into 63 bits of ns.
    """
    cdef uint64_t ns = <uint64_t>fraction * f.unit
    if ns >> 32:
        s.tally.times_clamped += 1
        ns = 0
    return <int64_t>(<uint64_t>seconds * 1000000000 + ns)


cdef inline bint take_record(const Pcap *f, Scan *s, Cursor *c, Frame *out) noexcept nogil:
    """Take one whole record; else False, with the cursor before it and the reason in `s`."""
    cdef const uint8_t *p = peek(c, f.header)
    cdef uint32_t captured, length
    if p is NULL:
        return wait_for(s, f.header)
    captured, length = u32(s, p + 8), u32(s, p + 12)
    if f.lengths == WIRE_FIRST or (f.lengths == UNSURE and captured > length):
        captured, length = length, captured
    if captured > f.maximum:
        return refuse(s, RECORD_TOO_LONG, captured, f.maximum)
    if take(c, <size_t>f.header + captured) is NULL:
        return wait_for(s, <size_t>f.header + captured)
    if captured > f.snap:   # libpcap gives the first `snap` bytes and skips the others
        captured = f.snap
        s.tally.snapped += 1
    out.data = p + f.header
    out.captured = captured
    out.length = length
    out.time = record_time(s, f, u32(s, p), u32(s, p + 4))
    out.link_type = f.link_type
    out.sampling_rate = 0
    return True
