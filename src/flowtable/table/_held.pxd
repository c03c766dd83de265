# What came before what precedes it, and waits: runs of pieces, in order of their sequence numbers.
#
# A stream has few runs, so that one is found and put in its place in bounded time; a run has any number of
# pieces, which are only ever put in front of them or behind. What came first stays: a piece fills what is
# missing between runs, and never replaces what waits.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memmove

from flowtable.flow._tcp cimport Chunk, Run, Stream


cdef enum:
    PIECE_PRICE = 128           # bytes of memory for a piece, beside its own: a chunk, its part of the runs, slack


cdef struct Segment:
    const uint8_t *data
    int64_t time
    uint32_t begin              # sequence number of the first byte
    uint32_t length             # bytes on the wire
    uint32_t captured           # of these at data
    bint counted                # as a segment of its stream already
    bint again                  # and as one that was sent again


cdef struct Held:
    # What waits of all streams, and what may.
    uint64_t price              # bytes, or what they would be if they were kept
    uint64_t price_limit        # of all streams
    uint32_t stream_limit       # bytes; of one
    uint16_t runs_limit         # of one
    bint keep                   # bytes are kept
    bint failed                 # there was no memory


cdef inline int32_t distance(uint32_t a, uint32_t b) noexcept nogil:
    """How far sequence number a is ahead of b; negative if it is behind (RFC 1982, RFC 9293 3.4)."""
    return <int32_t>(a - b)


cdef inline void drop_front(Segment *g, uint32_t n) noexcept nogil:
    """Leave out the first n bytes."""
    cdef uint32_t captured = min(n, g.captured)
    g.data += captured
    g.captured -= captured
    g.length -= n
    g.begin += n


cdef inline Segment piece_of(const Segment *g, uint32_t begin, uint32_t end) noexcept nogil:
    """The part of a segment between two sequence numbers inside it."""
    cdef Segment piece = g[0]
    drop_front(&piece, begin - g.begin)
    piece.length = end - begin
    piece.captured = min(piece.captured, piece.length)
    return piece


cdef inline uint64_t most_price(const Stream *w, const Segment *g) noexcept nogil:
    """What a segment takes at most if it waits: it is a piece for each gap between runs that it reaches into."""
    return g.length + PIECE_PRICE * <uint64_t>(1 + find_run(w, g.begin + g.length) - find_run(w, g.begin))


cdef inline bint hold(Held *held, Stream *w, const Segment *g) noexcept nogil:
    """Let a segment wait; False if the stream has as many runs as it may, or memory is out."""
    cdef uint32_t at = find_run(w, g.begin)
    cdef uint32_t fresh
    if at == w.n_runs or distance(w.runs[at].begin, g.begin + g.length) > 0:
        return insert_run(held, w, at, g)
    fresh = join(held, w, at, g)
    if fresh:
        w.runs[at].segments += not g.counted
    if fresh < g.length:
        w.retransmitted += not g.again
    return not held.failed


cdef inline uint32_t find_run(const Stream *w, uint32_t begin) noexcept nogil:
    """The first run that ends at a sequence number or behind it."""
    cdef uint32_t low = 0, high = w.n_runs, middle
    while low < high:
        middle = (low + high) // 2
        if distance(w.runs[middle].end, begin) < 0:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline bint insert_run(Held *held, Stream *w, uint32_t at, const Segment *g) noexcept nogil:
    cdef Run *run
    if w.n_runs == held.runs_limit or (w.n_runs == w.room and not grow_runs(held, w)):
        return False
    run = &w.runs[at]
    memmove(run + 1, run, (w.n_runs - at) * sizeof(Run))
    w.n_runs += 1
    run[0] = Run(g.begin, g.begin, not g.counted, 0, NULL, NULL)
    return append(held, w, run, g, g.begin + g.length)


cdef inline bint grow_runs(Held *held, Stream *w) noexcept nogil:
    cdef uint16_t room = 4 if w.room == 0 else 2 * w.room
    cdef void *runs = realloc(w.runs, room * sizeof(Run))
    if runs == NULL:
        held.failed = True
        return False
    w.runs, w.room = <Run *>runs, room
    return True


cdef inline uint32_t join(Held *held, Stream *w, uint32_t at, const Segment *g) noexcept nogil:
    """Put what is new of a segment around a run that it touches; gives how many bytes that are.

    Runs that touch each other then become one.
    """
    cdef Run *run = &w.runs[at]
    cdef uint32_t end = g.begin + g.length, stop, fresh = 0
    if distance(run.begin, g.begin) > 0:
        fresh = run.begin - g.begin
        prepend(held, w, run, g)
    while distance(end, run.end) > 0:
        stop = end
        if at + 1 < w.n_runs and distance(w.runs[at + 1].begin, end) < 0:
            stop = w.runs[at + 1].begin
        fresh += stop - run.end
        append(held, w, run, g, stop)
        if at + 1 < w.n_runs and w.runs[at + 1].begin == run.end:
            absorb(w, at)
    return fresh


cdef inline void absorb(Stream *w, uint32_t at) noexcept nogil:
    """The run behind this one follows it without a gap: make them one."""
    cdef Run *run = &w.runs[at]
    cdef Run *following = run + 1
    run.end = following.end
    run.segments += following.segments
    run.price += following.price
    if run.last != NULL:
        run.last.next = following.first
        run.last = following.last
    w.n_runs -= 1
    memmove(following, following + 1, (w.n_runs - at - 1) * sizeof(Run))


cdef inline bint append(Held *held, Stream *w, Run *run, const Segment *g, uint32_t stop) noexcept nogil:
    """Put the part of a segment from the run's end to `stop` behind it."""
    cdef Segment piece = piece_of(g, run.end, stop)
    cdef Chunk *chunk = new_chunk(held, &piece)
    charge(held, w, run, piece.length)
    run.end = stop
    if chunk == NULL:
        return not held.failed
    if run.last == NULL:
        run.first = chunk
    else:
        run.last.next = chunk
    run.last = chunk
    return True


cdef inline void prepend(Held *held, Stream *w, Run *run, const Segment *g) noexcept nogil:
    """Put the part of a segment in front of a run there."""
    cdef Segment piece = piece_of(g, g.begin, run.begin)
    cdef Chunk *chunk = new_chunk(held, &piece)
    charge(held, w, run, piece.length)
    run.begin = g.begin
    if chunk != NULL:
        chunk.next = run.first
        run.first = chunk
        if run.last == NULL:
            run.last = chunk


cdef inline Chunk *new_chunk(Held *held, const Segment *piece) noexcept nogil:
    """A copy of a piece's bytes, if bytes are kept."""
    cdef Chunk *chunk
    if not held.keep:
        return NULL
    chunk = <Chunk *>malloc(sizeof(Chunk) + piece.captured)
    if chunk == NULL:
        held.failed = True
        return NULL
    chunk[0] = Chunk(NULL, piece.time, piece.length, piece.captured)
    if piece.captured:
        memcpy(bytes_of(chunk), piece.data, piece.captured)
    return chunk


cdef inline uint8_t *bytes_of(Chunk *chunk) noexcept nogil:
    return <uint8_t *>(chunk + 1)


cdef inline void charge(Held *held, Stream *w, Run *run, uint32_t length) noexcept nogil:
    run.price += length + PIECE_PRICE
    w.price += length + PIECE_PRICE
    held.price += length + PIECE_PRICE


cdef inline Run take_run(Held *held, Stream *w) noexcept nogil:
    """Take the first run out of what waits; its chunks are the caller's."""
    cdef Run run = w.runs[0]
    w.n_runs -= 1
    memmove(w.runs, w.runs + 1, w.n_runs * sizeof(Run))
    w.price -= run.price
    held.price -= run.price
    if w.n_runs == 0:
        free(w.runs)
        w.runs, w.room = NULL, 0
    return run


cdef inline void drop_held(Held *held, Stream *w) noexcept nogil:
    """Forget what waits."""
    cdef Run run
    cdef Chunk *chunk
    while w.n_runs:
        run = take_run(held, w)
        while run.first != NULL:
            chunk = run.first
            run.first = chunk.next
            free(chunk)
