# What streams give on to someone who listens: events, and their bytes one after the other, until they are
# handed over.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_FromStringAndSize

from flowtable._types cimport SIDE_A


cdef enum:
    EVENTS_AT_ONCE = 4096       # with so many, or with so many bytes, it is time to hand them over
    EVENT_BYTES_AT_ONCE = 1 << 20
    SPARE_BYTES = 1 << 22       # a buffer that has grown beyond this is given back


cdef enum:                      # bits of StreamEvent.flags
    AT_START = 1
    AT_END = 2


cdef struct StreamEvent:
    int64_t time                # ns
    int64_t skipped             # bytes missing before these; -1: nobody knows how many
    uint32_t flow
    uint32_t length             # bytes that there are
    uint8_t side
    uint8_t flags


cdef struct Events:
    StreamEvent *list
    uint8_t *bytes
    uint64_t size               # bytes in use
    uint64_t room               # bytes that there is memory for
    uint32_t count
    uint32_t list_room
    bint failed                 # there was no memory for an event


cdef inline bint is_time(const Events *events) noexcept nogil:
    """Whether enough has come together to be handed over."""
    return events.count >= EVENTS_AT_ONCE or events.size >= EVENT_BYTES_AT_ONCE


cdef inline bint make_room(Events *events, uint64_t length) noexcept nogil:
    """Room for one more event and its bytes; False when memory is out."""
    cdef void *grown
    cdef uint64_t room
    if events.count == events.list_room:
        grown = realloc(events.list, (2 * <size_t>events.list_room + 64) * sizeof(StreamEvent))
        if grown == NULL:
            return False
        events.list = <StreamEvent *>grown
        events.list_room = 2 * events.list_room + 64
    if events.size + length > events.room:
        room = 2 * events.room + length
        grown = realloc(events.bytes, room)
        if grown == NULL:
            return False
        events.bytes, events.room = <uint8_t *>grown, room
    return True


cdef inline void add_event(Events *events, StreamEvent event, const uint8_t *data) noexcept nogil:
    """Take an event with a copy of its bytes."""
    if not make_room(events, event.length):
        events.failed = True
        return
    if event.length:
        memcpy(events.bytes + events.size, data, event.length)
    events.size += event.length
    events.list[events.count] = event
    events.count += 1


cdef inline object event_as(object kind, object flow, const StreamEvent *event, const uint8_t *data):
    """An event as Python sees it: `kind` is StreamData."""
    return kind(
        flow, "A" if event.side == SIDE_A else "B",
        PyBytes_FromStringAndSize(<const char *>data, event.length) if event.length else b"",
        event.skipped, event.flags & AT_START != 0, event.flags & AT_END != 0, event.time,
    )


cdef inline void forget_events(Events *events) noexcept nogil:
    """They have been handed over."""
    events.count = 0
    events.size = 0
    if events.room > SPARE_BYTES:
        free(events.bytes)
        events.bytes = NULL
        events.room = 0


cdef inline void end_events(Events *events) noexcept nogil:
    free(events.list)
    free(events.bytes)
    events.list, events.bytes = NULL, NULL
    events.count = events.list_room = 0
    events.size = events.room = 0
