# How decoding goes on behind a fragment: in a frame with the whole datagram in the place of its last piece.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from flowtable._cursor cimport left
from flowtable._hash cimport SipState, load64, sip_begin, sip_end, sip_word
from flowtable._types cimport Frame
from flowtable.packet._defrag cimport Defragger, Fragment, put_together
from flowtable.packet._dissection cimport BY_IP_PROTOCOL, END, Dissection, Part, next_by
from flowtable.packet.protocols.internet cimport NO_NEXT_HEADER


cdef inline uint64_t surroundings(const Dissection *d, const Part *parts, const Defragger *defragger) noexcept nogil:
    """What tells datagrams of equal addresses apart: VLANs, and the tunnels that they are in, by their ends and ids.

    Ports are left out, since a tunnel may choose others for each piece.
    """
    cdef SipState s
    cdef uint32_t i, at
    sip_begin(&s, defragger.k0, defragger.k1)
    for i in range(d.n_parts):
        sip_word(&s, parts[i].link_id)
        sip_word(&s, <uint64_t>parts[i].network_id << 32 | parts[i].tunnel_id)
        for at in range(0, 32, 8):
            sip_word(&s, load64(<const uint8_t *>&parts[i].key + at))
    return sip_end(&s)


cdef inline void go_on(Dissection *d, const Fragment *f) noexcept nogil:
    """Decode in the whole datagram from here on, and say of the part that it was put together."""
    d.frame, d.c.p, d.c.end, d.missing = f.frame, f.data, f.data + f.captured, f.missing
    d.end = d.c.end
    d.ip_end = <uint32_t>(f.data - f.frame) + f.length
    d.uncaptured = f.length - f.captured if f.length > f.captured else 0
    d.frames += f.frames
    d.part.whole = d.part.headers + f.length
    d.part.fragments += f.pieces - 1
    d.part.fragment_errors += f.errors


cdef inline uint32_t defragment(Dissection *d, const Frame *frame, Part *parts, Defragger *defragger) noexcept nogil:
    """Hand a piece over; gives what the datagram carries when it is whole, and END while it is not.

    The frame is then one with the whole datagram in the place of the piece, and decoding goes on there.
    """
    cdef Fragment *f = &d.fragment
    cdef uint32_t own = 0 if d.n_flow_parts else d.frames
    cdef uint8_t protocol = f.protocol
    f.frame, f.data, f.captured, f.missing = d.frame, d.c.p, <uint32_t>left(&d.c), d.missing
    f.time, f.frames, f.surroundings = frame.time, own, surroundings(d, parts, defragger)
    d.frames -= own
    if not put_together(defragger, f):
        d.n_parts -= 1
        return END
    if not d.part.whole:                    # else the first piece tells where the part begins
        d.part.packet, d.part.captured = d.frame, <uint32_t>(d.end - d.frame)
        d.part.wire_length = d.part.captured + d.missing
    go_on(d, f)
    if d.part.protocol == protocol:
        d.part.protocol = f.protocol        # the piece at the front says what all of them are
    return next_by(BY_IP_PROTOCOL, f.protocol) if f.protocol != NO_NEXT_HEADER else END
