# Messages that flows keep as bytes: of a flow at most one of each kind. A kind is its bit in Record.has.
#
# The limit is over all flows and counts what a message takes: its item, its buffer, and what the allocator adds.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from flowtable._types cimport HAS_VRRP, Record
from flowtable.flow._pool cimport Pool, PoolShare, pool_add, pool_begin, pool_drop, pool_end, pool_item


cdef enum:
    MAX_MESSAGE = 65535         # bytes; more does not fit into UDP without jumbograms
    BUFFER_STEP = 64            # buffers are a multiple of it, so that most answers fit where the query was
    ALLOCATION = 16             # what the allocator takes for itself


cdef struct Message:
    uint8_t *data
    int64_t time                # Unix ns
    uint32_t length
    uint32_t capacity
    uint32_t next               # number of the flow's next one; 0: none
    uint8_t kind                # HAS_DNS, HAS_DHCPV4 or HAS_VRRP


cdef struct Messages:
    Pool items
    PoolShare share             # of all threads: messages are kept under the records' lock
    uint64_t used               # bytes
    uint64_t limit
    uint64_t lost[HAS_VRRP + 1] # [kind]: messages that were not kept


cdef inline bint messages_begin(Messages *messages, uint64_t limit) noexcept nogil:
    """No messages yet; False when memory is out."""
    memset(messages, 0, sizeof(Messages))
    messages.limit = limit
    return pool_begin(&messages.items, sizeof(Message), limit)


cdef inline void messages_end(Messages *messages) noexcept nogil:
    cdef uint32_t number
    for number in range(1, messages.share.next + 1):
        free((<Message *>pool_item(&messages.items, number)).data)
    pool_end(&messages.items)


cdef inline Message *message_of(const Messages *messages, const Record *record, uint8_t kind) noexcept nogil:
    """A flow's message of a kind; NULL without."""
    cdef uint32_t number = record.messages
    cdef Message *message
    while number:
        message = <Message *>pool_item(&messages.items, number)
        if message.kind == kind:
            return message
        number = message.next
    return NULL


cdef inline void keep_message(
    Messages *messages, Record *record, uint8_t kind, const uint8_t *data, uint32_t length, int64_t time
) noexcept nogil:
    """Keep a message in place of the flow's one of the same kind; if there is no room, that one stays."""
    cdef Message *message = message_of(messages, record, kind)
    if message == NULL:
        message = new_message(messages, record, kind, length)
    elif message.capacity < length and not make_room(messages, message, length):
        message = NULL
    if message == NULL:
        messages.lost[kind] += 1
        return
    memcpy(message.data, data, length)
    message.length, message.time = length, time


cdef inline Message *new_message(Messages *messages, Record *record, uint8_t kind, uint32_t length) noexcept nogil:
    """An item with room for a message; NULL if there is none."""
    cdef Message message
    cdef uint32_t number
    message.data, message.capacity = NULL, 0
    message.kind, message.next = kind, record.messages
    if not make_room(messages, &message, length):
        return NULL
    number = pool_add(&messages.items, &messages.share)
    if number == 0:
        messages.used -= price_of_item() + message.capacity
        free(message.data)
        return NULL
    record.messages = number
    record.has |= kind
    (<Message *>pool_item(&messages.items, number))[0] = message
    return <Message *>pool_item(&messages.items, number)


cdef inline void drop_messages(Messages *messages, Record *record) noexcept nogil:
    """Forget what a flow has kept."""
    cdef uint32_t number = record.messages, next
    cdef Message *message
    while number:
        message = <Message *>pool_item(&messages.items, number)
        next = message.next
        messages.used -= price_of_item() + message.capacity
        free(message.data)
        pool_drop(&messages.items, &messages.share, number)
        number = next
    record.messages = 0


cdef inline uint64_t price_of_item() noexcept nogil:
    """What a message takes beside its buffer."""
    return sizeof(Message) + ALLOCATION


cdef inline bint make_room(Messages *messages, Message *message, uint32_t length) noexcept nogil:
    """Give a message a larger buffer, or its first; what was in the old one is lost."""
    cdef uint32_t capacity = (length + BUFFER_STEP - 1) // BUFFER_STEP * BUFFER_STEP
    cdef uint64_t more = capacity - message.capacity + (price_of_item() if message.data == NULL else 0)
    cdef uint8_t *data
    if length > MAX_MESSAGE or messages.used + more > messages.limit:
        return False
    data = <uint8_t *>malloc(capacity)
    if data == NULL:
        return False
    free(message.data)
    message.data, message.capacity = data, capacity
    messages.used += more
    return True
