# The two streams of a TCP connection, followed by their sequence numbers (RFC 9293).
#
# A stream begins with its SYN, or with the first segment seen; what follows is given on in order. What comes
# before what precedes it waits (_held.pxd); where that takes more than it may, or reading ends, the gap in
# front is given up, counted, and the stream goes on behind it. What came first stands: bytes that come
# again are left out, whatever they are now.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from flowtable._types cimport SIDE_A, SIDE_B
from flowtable.flow._tcp cimport (
    ANSWERED, ASKED, END_AHEAD, END_ALONE, END_IS_FIN, ENDED, FIRST_TO_COME, MEASURED, START, STARTED, THE_END,
    UNKNOWN_GAP, UNMEASURED, Chunk, Connection, Run, Stream, stream_of,
)
from flowtable.packet._dissection cimport TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Part
from flowtable.table._events cimport AT_END, AT_START, Events, StreamEvent, add_event
from flowtable.table._held cimport (
    Held, Segment, bytes_of, distance, drop_front, hold, most_price, piece_of, take_run,
)


cdef enum:
    WINDOW = 1 << 30            # no window is larger (RFC 7323, 2.3): what is further away is not of this stream


cdef struct Streams:
    Held held
    Events events
    uint64_t over_bytes         # gaps given up, by the limit that was reached
    uint64_t over_all_bytes
    uint64_t over_gaps


cdef inline int begin_streams(Streams *streams, limits, bint keep) except -1:
    """No streams yet; `keep`: someone listens, so that bytes are kept."""
    memset(streams, 0, sizeof(Streams))
    streams.held.keep = keep
    streams.held.stream_limit = min(limits.stream_bytes, WINDOW)
    streams.held.price_limit = min(limits.streams_bytes, 1 << 62)
    streams.held.runs_limit = min(limits.stream_gaps, 1 << 10)
    return 0


cdef struct Way:
    # One side's stream, and where what it gives on goes.
    Streams *streams
    Connection *connection
    Stream *stream
    uint32_t flow
    uint8_t side


cdef inline Way way_of(Streams *streams, Connection *connection, uint32_t flow, uint8_t side) noexcept nogil:
    return Way(streams, connection, stream_of(connection, side), flow, side)


cdef inline Way other_way(const Way *way) noexcept nogil:
    return way_of(way.streams, way.connection, way.flow, SIDE_A + SIDE_B - way.side)


# ---- what a segment says


cdef inline void follow(Streams *streams, Connection *connection, uint32_t flow, uint8_t side, const Part *p) noexcept nogil:
    """Take one segment of a connection."""
    cdef Way way = way_of(streams, connection, flow, side)
    cdef uint8_t flags = p.tcp_flags
    cdef bint syn = flags & TCP_SYN != 0, ends = flags & (TCP_FIN | TCP_RST) != 0
    cdef Segment g = Segment(p.payload, p.time, p.tcp_sequence + syn, p.tcp_length, p.payload_length, syn, False)
    if flags & TCP_RST:
        g.length = g.captured = 0               # a reset's payload says why (RFC 9293, 3.5.3)
    if p.tcp_window == 0 and not syn and not ends:
        way.stream.zero_windows += 1
    if connection.shaking < MEASURED:
        shake_hands(connection, p, side)
    if g.length >= WINDOW or syn and not begin(&way, p):
        return
    if not g.length and not ends or not belongs(&way, &g, flags):
        return
    take_payload(&way, &g)
    if ends:
        note_end(way.stream, p, g.begin + g.length)
    reach_end(&way, not ends)


cdef inline bint begin(Way *way, const Part *p) noexcept nogil:
    """A SYN: the stream's start, unless it has come before; False then, and nothing else in it is new.

    A client's SYN with another number begins a new connection between the old one's ports, and so both
    streams again: nothing between the two is missing. A server's answer with another number begins its own
    stream, but after a handshake is nobody's: some other host has answered too.
    """
    cdef Stream *w = way.stream
    cdef bint goes_on = w.state & (STARTED | ENDED) == STARTED
    cdef Way other
    if w.state & STARTED and w.first == p.tcp_sequence:
        take_old_syn(w)
        return False
    if not p.tcp_flags & TCP_ACK:
        other = other_way(way)
        stop(&other, p.time)
    elif goes_on and way.connection.shaking >= MEASURED:
        return False
    stop(way, p.time)
    start(w, p.tcp_sequence, FIRST_TO_COME)
    w.saw |= START
    w.packets += 1
    return True


cdef inline void take_old_syn(Stream *w) noexcept nogil:
    """A SYN that comes again, or behind what it begins."""
    if w.saw & START:
        w.retransmitted += 1
    else:
        w.packets += 1
        w.saw |= START


cdef inline void start(Stream *w, uint32_t first, uint8_t state) noexcept nogil:
    w.state = STARTED | state
    w.first = first
    w.next = first + 1


cdef inline bint belongs(Way *way, const Segment *g, uint8_t flags) noexcept nogil:
    """Whether a segment is of this stream; one that cannot be, but for a reset, begins the stream anew.

    A stream whose SYN was not seen begins with the first segment seen, and nothing in front of it is
    missing. A number further away than any window comes with a new connection, or behind a hole in the
    capture that cannot be measured any more. A reset there is forged or astray.
    """
    cdef Stream *w = way.stream
    cdef int32_t ahead = distance(g.begin, w.next)
    if not w.state & STARTED:
        start(w, g.begin - 1, 0)
        return True
    if -WINDOW < ahead < WINDOW:
        return True
    if flags & TCP_RST:
        return False
    stop(way, g.time)
    w.skipped += 1
    start(w, g.begin - 1, UNKNOWN_GAP)
    return True


cdef inline void take_payload(Way *way, Segment *g) noexcept nogil:
    """Give a segment's payload on, or let it wait."""
    if g.begin != way.stream.next or way.stream.n_runs:
        take_out_of_order(way, g)
    elif g.length:                              # as nearly all are
        give_segment(way, g)


cdef inline void take_out_of_order(Way *way, Segment *g) noexcept nogil:
    cdef Stream *w = way.stream
    if g.length == 1 and distance(w.next, g.begin) == 1:
        return                                  # it keeps alive, or asks for the window (RFC 9293, 3.8.4 and 3.8.6)
    leave_out_old(w, g)
    while g.length and distance(g.begin, w.next) > 0:
        if may_wait(way.streams, w, g):
            return
        give_up_gap(way, g.begin)
        leave_out_old(w, g)
    give_between_runs(way, g)


cdef inline void leave_out_old(Stream *w, Segment *g) noexcept nogil:
    """Leave out what was given on before; a segment with any such bytes was sent again."""
    cdef int32_t old = distance(w.next, g.begin)
    if old > 0 and g.length:
        w.retransmitted += not g.again
        g.again = True
        drop_front(g, min(<uint32_t>old, g.length))


cdef inline bint may_wait(Streams *streams, Stream *w, const Segment *g) noexcept nogil:
    """Let a segment wait, unless a limit is reached, which is counted."""
    cdef uint64_t price = most_price(w, g)
    if w.price + price > streams.held.stream_limit:
        streams.over_bytes += 1
    elif streams.held.price + price > streams.held.price_limit:
        streams.over_all_bytes += 1
    elif not hold(&streams.held, w, g):
        streams.over_gaps += 1
    else:
        return True
    return False


cdef inline void note_end(Stream *w, const Part *p, uint32_t position) noexcept nogil:
    """A FIN or a reset says where the stream ends; when all before that is given on, reach_end() says so."""
    cdef bint is_fin = p.tcp_flags & (TCP_FIN | TCP_RST) == TCP_FIN
    cdef bint alone = not is_fin or p.tcp_length == 0 and not p.tcp_flags & TCP_SYN
    cdef int32_t ahead = distance(position, w.next)
    if w.state & ENDED and ahead <= 0 or w.state & END_AHEAD and position == w.end:
        w.retransmitted += is_fin and alone
        return
    w.saw |= THE_END
    w.end = position if ahead > 0 else w.next
    w.end_time = p.time
    w.state &= ~(END_IS_FIN | END_ALONE)
    w.state |= END_AHEAD | is_fin * END_IS_FIN | alone * END_ALONE


cdef inline void reach_end(Way *way, bint late) noexcept nogil:
    """End the stream if all before its end is given on; `late`: its end came before that."""
    cdef Stream *w = way.stream
    if not w.state & END_AHEAD or distance(w.end, w.next) > 0:
        return
    if w.state & END_ALONE:
        w.packets += 1
        w.out_of_order += late
    if w.state & END_IS_FIN and w.end == w.next:
        w.next += 1
    w.state &= ~END_AHEAD
    w.state |= ENDED
    give(way, w.end_time, NULL, 0, 0, AT_END)
    if w.n_runs and w.runs[0].begin == w.next:
        give_run(way, True)                 # what was sent behind a FIN: nothing is missing in front of it


# ---- what is given on


cdef inline void give(Way *way, int64_t time, const uint8_t *data, uint32_t captured, uint32_t length,
                      uint8_t flags) noexcept nogil:
    """Tell who listens of bytes, or of the end; what was on the wire only is missing before what comes next."""
    cdef Stream *w = way.stream
    cdef int64_t skipped = -1 if w.state & UNKNOWN_GAP else <int64_t>w.missing
    if not way.streams.held.keep:
        return
    if w.state & FIRST_TO_COME:
        flags |= AT_START
    w.state &= ~(FIRST_TO_COME | UNKNOWN_GAP)
    w.missing = length - captured
    add_event(&way.streams.events, StreamEvent(time, skipped, way.flow, captured, way.side, flags), data)


cdef inline void give_segment(Way *way, Segment *g) noexcept nogil:
    """Give on a segment, or a part of one, that is next."""
    cdef Stream *w = way.stream
    w.packets += not g.counted
    g.counted = True
    w.bytes += g.length
    w.next += g.length
    give(way, g.time, g.data, g.captured, g.length, 0)


cdef inline void give_run(Way *way, bint late) noexcept nogil:
    """Give on the first run, which is next; `late`: the gap in front of it was filled after it came."""
    cdef Stream *w = way.stream
    cdef Run run = take_run(&way.streams.held, w)
    cdef Chunk *chunk
    w.packets += run.segments
    w.out_of_order += run.segments if late else 0
    w.bytes += run.end - run.begin
    w.next = run.end
    while run.first != NULL:
        chunk = run.first
        run.first = chunk.next
        give(way, chunk.time, bytes_of(chunk), chunk.captured, chunk.length, 0)
        free(chunk)


cdef inline void give_between_runs(Way *way, Segment *g) noexcept nogil:
    """Give on a segment that is next, but for what waits already, and the runs that then are next."""
    cdef Stream *w = way.stream
    cdef Segment piece
    while g.length:
        piece = g[0]
        if w.n_runs and distance(w.runs[0].begin, g.begin + g.length) < 0:
            piece = piece_of(g, g.begin, w.runs[0].begin)
        give_segment(way, &piece)
        g.counted = True
        drop_front(g, piece.length)
        if w.n_runs and w.runs[0].begin == w.next:
            give_run(way, True)
            leave_out_old(w, g)


cdef inline void skip_to(Stream *w, uint32_t begin) noexcept nogil:
    """Give up the bytes from what is next to a sequence number."""
    w.skipped += 1
    w.skipped_bytes += begin - w.next
    w.missing += begin - w.next
    w.next = begin


cdef inline void give_up_gap(Way *way, uint32_t begin) noexcept nogil:
    """Give up the first gap, which ends with what waits, or with a segment that begins before that."""
    cdef Stream *w = way.stream
    if w.n_runs and distance(w.runs[0].begin, begin) <= 0:
        skip_to(w, w.runs[0].begin)
        give_run(way, False)
    else:
        skip_to(w, begin)


cdef inline void stop(Way *way, int64_t time) noexcept nogil:
    """Nothing more will come: give on what waits without what is missing in between."""
    cdef Stream *w = way.stream
    while w.n_runs:
        give_up_gap(way, w.runs[0].begin)
    if w.state & END_AHEAD and distance(w.end, w.next) > 0:
        skip_to(w, w.end)
    reach_end(way, False)
    if w.missing:
        give(way, time, NULL, 0, 0, 0)
    w.missing = 0
    w.state = 0


# ---- the handshake


cdef inline void shake_hands(Connection *c, const Part *p, uint8_t side) noexcept nogil:
    """Measure from the last SYN before the answer to the ACK of that answer."""
    cdef uint8_t flags = p.tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)
    if flags == TCP_SYN:
        c.shaking, c.asking, c.handshake = ASKED, side, p.time
    elif flags == TCP_SYN | TCP_ACK:
        if c.shaking == ASKED and side != c.asking and acknowledges(p, stream_of(c, c.asking)):
            c.shaking = ANSWERED
    elif flags == TCP_ACK and c.shaking == ANSWERED and side == c.asking:
        if acknowledges(p, stream_of(c, SIDE_A + SIDE_B - side)):
            c.shaking = MEASURED if p.time >= c.handshake else UNMEASURED
            c.handshake = p.time - c.handshake


cdef inline bint acknowledges(const Part *p, const Stream *w) noexcept nogil:
    """Whether a segment acknowledges a stream's SYN, and no more than was sent."""
    return w.state & STARTED and p.tcp_acknowledgment - w.first - 1 <= w.next - w.first - 1
