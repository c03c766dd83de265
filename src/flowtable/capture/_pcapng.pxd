# pcapng (draft-ietf-opsawg-pcapng): blocks in sections, each with its byte order and interfaces.
#
# A block is its type, its total length, a body padded to 4 bytes, and the total length again. The
# checks are libpcap's. Unlike libpcap, this reads files whose interfaces have different link types,
# whose sections have different byte orders, and clocks of any resolution.

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t, uint8_t
from libc.stdlib cimport realloc

from flowtable._cursor cimport Cursor, be32, le32, left, peek, take
from flowtable._types cimport Frame
from flowtable.capture._clock cimport Clock, flowtable_unix_ns, set_resolution
from flowtable.capture._record cimport (
    BLOCK_LENGTH_ODD, BLOCK_TOO_LONG, BLOCK_TOO_SHORT, BLOCK_TRAILER, INTERFACE_LIMIT, INTERFACE_OPTION,
    INTERFACE_UNKNOWN, NO_MEMORY, NOT_A_CAPTURE, OVER_SNAP, SECTION_LENGTH, SECTION_ORDER,
    SECTION_VERSION, GOING, Scan, effective_snap, maximum_captured, refuse, u16, u32, wait_for,
)


cdef enum:
    SECTION_HEADER = 0x0A0D0D0Au    # the same in both byte orders
    INTERFACE_DESCRIPTION = 1
    PACKET = 2                      # obsolete, but written by old tools
    SIMPLE_PACKET = 3
    ENHANCED_PACKET = 6
    BYTE_ORDER = 0x1A2B3C4Du

    END_OF_OPTIONS = 0
    TIME_RESOLUTION = 9
    TIME_OFFSET = 14

    LARGEST_BLOCK = 16 * 1024 * 1024    # bytes; more only where a link type's packets may be longer
    LARGEST_FIRST_SECTION = 1024 * 1024
    BLOCK_OVERHEAD = 32 + 131072        # an enhanced packet's other fields, and room for its options
    INTERFACES = 65536                  # of a section; 40 bytes each


cdef struct Interface:
    Clock clock
    uint32_t snap
    uint16_t link_type


cdef struct Pcapng:
    Interface *interfaces   # owned by the struct's owner, who frees it
    uint32_t count
    uint32_t room
    uint32_t largest        # bytes of a block above which it is taken for damage


cdef inline bint start_pcapng(Pcapng *g, Scan *s, Cursor *c) noexcept nogil:
    """Take the first section header; else False with the reason in `s`.

    As in libpcap its trailer is not compared, and its version is 1.0 or 1.2.
    """
    cdef const uint8_t *p = peek(c, 16)
    cdef uint32_t length
    if p is NULL:
        return wait_for(s, 16)
    if not take_order(s, p):
        return refuse(s, NOT_A_CAPTURE, 0, 0)
    length = u32(s, p + 4)
    if length < 28 or length > LARGEST_FIRST_SECTION:
        return refuse(s, SECTION_LENGTH, length, LARGEST_FIRST_SECTION)
    if u16(s, p + 12) != 1 or u16(s, p + 14) not in (0, 2):
        return refuse(s, SECTION_VERSION, u16(s, p + 12), u16(s, p + 14))
    g.largest = LARGEST_BLOCK
    return take(c, length) is not NULL or wait_for(s, length)


cdef inline bint take_order(Scan *s, const uint8_t *p) noexcept nogil:
    """Take the byte order from a section header's first 12 bytes."""
    s.big_endian = be32(p + 8) == BYTE_ORDER
    return s.big_endian or le32(p + 8) == BYTE_ORDER


cdef inline int walk_pcapng(Pcapng *g, Scan *s, Cursor *c, Frame *out, int capacity) noexcept nogil:
    """Take blocks until `capacity` of them were packets."""
    cdef const uint8_t *start
    cdef Cursor body
    cdef uint32_t kind
    cdef int n = 0
    while n < capacity:
        start = c.p
        if not take_block(g, s, c, &kind, &body):
            break
        n += take_body(g, s, kind, &body, out + n)
        if s.stop != GOING:
            c.p = start     # so that the warning names the first byte of the broken block
            break
    return n


cdef inline bint take_block(const Pcapng *g, Scan *s, Cursor *c, uint32_t *kind, Cursor *body) noexcept nogil:
    """Take one whole block; else False, with the cursor before it and the reason in `s`."""
    cdef const uint8_t *p = peek(c, 12)
    cdef uint32_t length
    if p is NULL:
        return wait_for(s, 12)
    kind[0] = u32(s, p)
    if kind[0] == SECTION_HEADER and not take_order(s, p):
        return refuse(s, SECTION_ORDER, 0, 0)
    length = u32(s, p + 4)
    if length < 12 or length % 4 != 0:
        return refuse(s, BLOCK_LENGTH_ODD, length, 12)
    if length > g.largest:
        return refuse(s, BLOCK_TOO_LONG, length, g.largest)
    if peek(c, length) is NULL:
        return wait_for(s, length)
    if u32(s, p + length - 4) != length:
        return refuse(s, BLOCK_TRAILER, length, u32(s, p + length - 4))
    body.p = p + 8
    body.end = p + length - 4
    take(c, length)
    return True


cdef inline int take_body(Pcapng *g, Scan *s, uint32_t kind, Cursor *body, Frame *out) noexcept nogil:
    """Act on one block; 1 when it was a packet, which is now in `out`."""
    if kind == ENHANCED_PACKET or kind == PACKET:
        return take_packet(g, s, kind, body, out)
    if kind == SIMPLE_PACKET:
        return take_simple_packet(g, s, body, out)
    if kind == INTERFACE_DESCRIPTION:
        take_interface(g, s, body)
    elif kind == SECTION_HEADER:
        take_section(g, s, body)
    return 0


cdef inline bint take_packet(Pcapng *g, Scan *s, uint32_t kind, Cursor *body, Frame *out) noexcept nogil:
    """An Enhanced Packet Block, or an obsolete Packet Block, whose first field is half as long."""
    cdef const uint8_t *p = take(body, 20)
    cdef uint32_t interface
    if p is NULL:
        return refuse(s, BLOCK_TOO_SHORT, kind, 0)
    interface = u32(s, p) if kind == ENHANCED_PACKET else u16(s, p)
    out.captured = u32(s, p + 12)
    out.length = u32(s, p + 16)
    return finish_packet(g, s, interface, <uint64_t>u32(s, p + 4) << 32 | u32(s, p + 8), body, out)


cdef inline bint take_simple_packet(Pcapng *g, Scan *s, Cursor *body, Frame *out) noexcept nogil:
    """A Simple Packet Block: of interface 0, without a time, and as long as the snap length allows."""
    cdef const uint8_t *p = take(body, 4)
    if p is NULL:
        return refuse(s, BLOCK_TOO_SHORT, SIMPLE_PACKET, 0)
    out.length = u32(s, p)
    out.captured = out.length
    if g.count > 0 and out.captured > g.interfaces[0].snap:
        out.captured = g.interfaces[0].snap
    return finish_packet(g, s, 0, 0, body, out)


cdef inline bint finish_packet(
    Pcapng *g, Scan *s, uint32_t number, uint64_t ticks, Cursor *body, Frame *out
) noexcept nogil:
    """Fill in what depends on the packet's interface."""
    cdef const Interface *of
    cdef int clamped = 0
    if number >= g.count:
        return refuse(s, INTERFACE_UNKNOWN, number, g.count)
    of = &g.interfaces[number]
    if out.captured > of.snap:
        return refuse(s, OVER_SNAP, out.captured, of.snap)
    out.data = take(body, out.captured)
    if out.data is NULL:
        return refuse(s, BLOCK_TOO_SHORT, ENHANCED_PACKET, 0)
    out.link_type = of.link_type
    out.sampling_rate = 0
    out.time = flowtable_unix_ns(
        ticks, of.clock.divide, of.clock.multiply, of.clock.shift, of.clock.offset, &clamped)
    s.tally.times_clamped += clamped
    return True


cdef inline bint take_section(Pcapng *g, Scan *s, Cursor *body) noexcept nogil:
    """A further Section Header Block: the interfaces before it are gone."""
    cdef const uint8_t *p = take(body, 16)
    if p is NULL:
        return refuse(s, BLOCK_TOO_SHORT, SECTION_HEADER, 0)
    if u16(s, p + 4) != 1:
        return refuse(s, SECTION_VERSION, u16(s, p + 4), u16(s, p + 6))
    g.count = 0
    return True


cdef inline bint take_interface(Pcapng *g, Scan *s, Cursor *body) noexcept nogil:
    """An Interface Description Block."""
    cdef const uint8_t *p = take(body, 8)
    cdef Interface *new
    if p is NULL:
        return refuse(s, BLOCK_TOO_SHORT, INTERFACE_DESCRIPTION, 0)
    if not make_room(g, s):
        return False
    new = &g.interfaces[g.count]
    new.link_type = u16(s, p)
    new.snap = effective_snap(u32(s, p + 4), new.link_type)
    new.clock.offset = 0
    set_resolution(&new.clock, 6)
    if maximum_captured(new.link_type) + BLOCK_OVERHEAD > g.largest:
        g.largest = maximum_captured(new.link_type) + BLOCK_OVERHEAD
    g.count += 1
    return take_options(s, body, &new.clock)


cdef inline bint make_room(Pcapng *g, Scan *s) noexcept nogil:
    """Make room for one more interface."""
    cdef uint32_t room = 2 * g.room if g.room > 0 else 4
    cdef void *bigger
    if g.count == INTERFACES:
        return refuse(s, INTERFACE_LIMIT, g.count, INTERFACES)
    if g.count < g.room:
        return True
    bigger = realloc(g.interfaces, room * sizeof(Interface))
    if bigger is NULL:
        return refuse(s, NO_MEMORY, 0, 0)
    g.interfaces = <Interface *>bigger
    g.room = room
    return True


cdef inline bint take_options(Scan *s, Cursor *body, Clock *clock) noexcept nogil:
    """An interface's options: code, length, value padded to 4 bytes. The clock's are of interest."""
    cdef const uint8_t *p
    cdef uint16_t code, length
    while left(body) > 0:
        p = take(body, 4)
        if p is NULL:
            return refuse(s, INTERFACE_OPTION, 0, 0)
        code, length = u16(s, p), u16(s, p + 2)
        p = take(body, (<size_t>length + 3) & ~<size_t>3)
        if p is NULL:
            return refuse(s, INTERFACE_OPTION, code, length)
        if code == END_OF_OPTIONS:
            return length == 0 or refuse(s, INTERFACE_OPTION, code, length)
        if not take_option(s, code, length, p, clock):
            return refuse(s, INTERFACE_OPTION, code, length)
    return True


cdef inline bint take_option(
    const Scan *s, uint16_t code, uint16_t length, const uint8_t *value, Clock *clock
) noexcept nogil:
    """One option; False: its length is not the one that its kind has."""
    cdef uint64_t first, second
    if code == TIME_RESOLUTION:
        if length != 1:
            return False
        set_resolution(clock, value[0])
    elif code == TIME_OFFSET:
        if length != 8:
            return False
        first, second = u32(s, value), u32(s, value + 4)
        clock.offset = <int64_t>(first << 32 | second if s.big_endian else second << 32 | first)
    return True
