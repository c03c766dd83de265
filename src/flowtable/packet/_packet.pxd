# The bytes of each part of a frame, as a packet with a link type of its own.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from flowtable._types cimport Frame
from flowtable.packet._dissection cimport Dissection, Part, makes_flow
from flowtable.packet._layers cimport ETHERNET, IPV4_LAYER, IPV6_LAYER, PPP, PPPOE


cdef inline uint16_t link_type_of(uint8_t layer) noexcept nogil:
    """The LINKTYPE_ number of a packet that begins with a layer; 0: none that is meant here."""
    if layer == ETHERNET:
        return 1
    if layer == IPV4_LAYER or layer == IPV6_LAYER:
        return 101
    if layer == PPP:
        return 9
    return 51 if layer == PPPOE else 0


cdef inline void note_packets(const Dissection *d, const Frame *frame, Part *parts, uint32_t n) noexcept nogil:
    """Note where the packet of each part that makes a flow is: of the outermost it is the whole frame.

    That of a part inside begins with the part's first layer that has a link type: a part that makes a flow
    has Ethernet or IP, so that there is one. It ends with what was captured. A datagram that was put together
    is kept as its last piece, and so is what is around it; what is inside is kept whole.
    """
    cdef uint32_t i, at = 0
    cdef Frame around
    cdef Part *outermost = NULL
    around.data, around.captured = d.frame, <uint32_t>(d.end - d.frame)
    around.length = around.captured + d.missing
    for i in range(n):
        at += parts[i].n_layers
    for i in range(n, 0, -1):
        at -= parts[i - 1].n_layers
        if parts[i - 1].whole:      # it and what is around it were decoded where its piece was: see defragment()
            around.data, around.captured = parts[i - 1].packet, parts[i - 1].captured
            around.length = parts[i - 1].wire_length
        if makes_flow(&parts[i - 1]):
            outermost = &parts[i - 1]
            note_inner(d, &around, outermost, at)
            note_frame(frame, outermost)
    if outermost != NULL:
        note_packet(frame, outermost, 0, frame.link_type)
        note_frame(frame, outermost)


cdef inline void note_inner(const Dissection *d, const Frame *around, Part *part, uint32_t at) noexcept nogil:
    """Of a part whose layers are those from `at` on."""
    while link_type_of(d.layers[at].type) == 0 and at + 1 < d.n_layers:
        at += 1
    note_packet(around, part, d.layers[at].offset, link_type_of(d.layers[at].type))


cdef inline void note_packet(const Frame *around, Part *part, uint32_t offset, uint16_t link_type) noexcept nogil:
    part.packet, part.link_type = around.data + offset, link_type
    part.captured, part.wire_length = around.captured - offset, around.length - offset


cdef inline void note_frame(const Frame *frame, Part *part) noexcept nogil:
    """Note what of the frame is in front of a part's packet."""
    part.apart = not frame.data <= part.packet <= frame.data + frame.captured
    part.before, part.frame_link_type = 0, frame.link_type
    if not part.apart:
        part.before = <uint32_t>(part.packet - frame.data)
