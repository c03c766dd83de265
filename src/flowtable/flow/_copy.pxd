# Copies of flows in other records, which are then their own: what a live table hands out.
#
# The parent and the innermost flow of a copy are numbers in the records it came from, until somebody says which
# they are here.

from libc.stdint cimport uint32_t, uint8_t
from libc.string cimport memcpy

from flowtable._types cimport HAS_DHCPV4, HAS_DNS, HAS_STATISTICS, HAS_STREAMS, HAS_TCP_METRIC, HAS_VRRP, Record
from flowtable.flow._begin cimport Maker, new_record
from flowtable.flow._flow cimport NO_RECORD, Applications, PathNode, Records, record_at
from flowtable.flow._kept cimport Message, keep_message
from flowtable.flow._packets cimport Kept, packet_at, packet_room
from flowtable.flow._pool cimport pool_add, pool_item
from flowtable.flow._tcp cimport Connection, connection_of


cdef inline uint32_t copy_record(Records source, uint32_t number, Records target, Maker *maker) noexcept nogil:
    """The number of a copy of a flow, with what options keep of it; NO_RECORD when memory is out."""
    cdef uint32_t copied = new_record(maker, target)
    cdef const Record *of = record_at(source, number)
    cdef Record *record
    if copied == NO_RECORD:
        return NO_RECORD
    target.count = max(target.count, copied + 1)
    record = record_at(target, copied)
    record[0] = of[0]
    record.messages = record.raw_packets = record.statistics = record.tcp = 0
    record.has &= ~<uint8_t>(HAS_MESSAGES | HAS_STATISTICS | HAS_TCP_METRIC | HAS_STREAMS)
    copy_names(source, target)
    copy_statistics(source, of, target, record, maker)
    copy_connection(source, of, target, record, maker)
    copy_messages(source, of, target, record)
    copy_packets(source, of, target, record)
    return copied


cdef enum:
    HAS_MESSAGES = HAS_DNS | HAS_DHCPV4 | HAS_VRRP


cdef inline void copy_names(Records source, Records target) noexcept nogil:
    """Let numbers of paths and of applications mean the same there."""
    cdef Applications *known = source.applications
    if target.n_paths != source.n_paths:
        memcpy(target.paths, source.paths, source.n_paths * sizeof(PathNode))
        target.n_paths = source.n_paths
    if target.applications.count != known.count:
        memcpy(target.applications.used, known.used, known.count * sizeof(known.used[0]))
        target.applications.count = known.count


cdef inline void copy_statistics(
    Records source, const Record *of, Records target, Record *record, Maker *maker
) noexcept nogil:
    if not of.has & HAS_STATISTICS:
        return
    record.statistics = pool_add(&target.statistics, &maker.statistics)
    if record.statistics:
        record.has |= HAS_STATISTICS
        memcpy(pool_item(&target.statistics, record.statistics), pool_item(&source.statistics, of.statistics),
               source.statistics.item_bytes)


cdef inline void copy_connection(
    Records source, const Record *of, Records target, Record *record, Maker *maker
) noexcept nogil:
    """What waits for what is missing before it stays where it is."""
    cdef Connection *connection
    cdef int i
    if not of.has & HAS_TCP_METRIC:
        return
    record.tcp = pool_add(&target.tcp, &maker.tcp)
    if record.tcp == 0:
        return
    record.has |= of.has & (HAS_TCP_METRIC | HAS_STREAMS)
    connection = connection_of(&target.tcp, record)
    memcpy(connection, connection_of(&source.tcp, of), source.tcp.item_bytes)
    if of.has & HAS_STREAMS:
        for i in range(2):
            connection.streams[i].runs = NULL
            connection.streams[i].n_runs = connection.streams[i].room = 0
            connection.streams[i].price = 0


cdef inline void copy_messages(Records source, const Record *of, Records target, Record *record) noexcept nogil:
    cdef const Message *message
    cdef uint32_t number = of.messages
    while number:
        message = <const Message *>pool_item(&source.messages.items, number)
        keep_message(&target.messages, record, message.kind, message.data, message.length, message.time)
        number = message.next


cdef inline void copy_packets(Records source, const Record *of, Records target, Record *record) noexcept nogil:
    """A ring of the same packets, in the same order."""
    cdef const Kept *kept
    cdef Kept *last = NULL
    cdef Kept *copy
    cdef uint32_t at = of.raw_packets, number
    record.raw_count = 0
    while of.raw_packets:
        at = packet_at(&source.packets, at).next
        kept = packet_at(&source.packets, at)
        number = packet_room(&target.packets, kept.before + kept.captured)
        if number == 0:
            return
        copy = packet_at(&target.packets, number)
        memcpy(copy, kept, sizeof(Kept) + kept.before + kept.captured)
        copy.next = number
        if last != NULL:
            copy.next, last.next = last.next, number
        last = copy
        record.raw_packets = number
        record.raw_count += 1
        if at == of.raw_packets:
            return
