# One file's window, and the frames in it, whichever format the file has.

from libc.stdint cimport uint8_t

from flowtable._cursor cimport Cursor, be32, le32, peek, take
from flowtable._types cimport Frame
from flowtable.capture._pcap cimport PCAP_HEADER, Pcap, is_pcap, start_pcap, walk_pcap
from flowtable.capture._pcapng cimport SECTION_HEADER, Pcapng, start_pcapng, walk_pcapng
from flowtable.capture._record cimport GOING, NOT_A_CAPTURE, Scan, wait_for


cdef enum FileFormat:
    UNKNOWN
    PCAP
    PCAPNG


cdef struct Walker:
    # One file's bytes and where its reading stands. Invariant: begin <= end <= capacity, and
    # [begin, end) of the window are read but not walked. `first` is a frame walked early, to know its
    # time; it points into the window as well.
    Scan scan
    FileFormat format
    Pcap pcap
    Pcapng pcapng
    uint8_t *window
    size_t capacity
    size_t begin
    size_t end
    bint has_first
    Frame first


cdef inline bint start_walker(Walker *w) noexcept nogil:
    """Take the file's header; False: more bytes are needed, or `stop` says why it is no capture."""
    cdef Cursor c = [w.window + w.begin, w.window + w.end]
    cdef const uint8_t *p = peek(&c, 4)
    cdef bint done
    if p is NULL:
        return wait_for(&w.scan, 4)
    if be32(p) == SECTION_HEADER:
        w.format = PCAPNG
        done = start_pcapng(&w.pcapng, &w.scan, &c)
    elif is_pcap(be32(p)) or is_pcap(le32(p)):
        w.format = PCAP
        p = take(&c, PCAP_HEADER)
        done = wait_for(&w.scan, PCAP_HEADER) if p is NULL else start_pcap(&w.pcap, &w.scan, p)
    else:
        w.scan.stop = NOT_A_CAPTURE
        return False
    w.begin = c.p - w.window
    return done


cdef inline int walk_window(Walker *w, Frame *out, int capacity) noexcept nogil:
    """Up to `capacity` whole frames of the window, in the file's order."""
    cdef Cursor c = [w.window + w.begin, w.window + w.end]
    cdef int early = 0
    cdef int n
    if capacity <= 0:
        return 0
    if w.has_first:
        out[0] = w.first
        w.has_first = False
        early = 1
    if w.scan.stop != GOING:
        return early
    if w.format == PCAP:
        n = walk_pcap(&w.pcap, &w.scan, &c, out + early, capacity - early)
    else:
        n = walk_pcapng(&w.pcapng, &w.scan, &c, out + early, capacity - early)
    w.begin = c.p - w.window
    w.scan.tally.frames += n
    return early + n
