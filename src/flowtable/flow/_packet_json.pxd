# The packets that a flow keeps as JSON, as RawPacket.to_dict() has them.

from libc.stdint cimport uint8_t, uint32_t

from flowtable._text cimport Text, put, put_base64, put_number
from flowtable.flow._packets cimport Kept, PacketPool, packet_at, packet_bytes

cdef enum:
    PACKET_ROOM = 112           # bytes of a packet as JSON, beside its data: names and numbers


cdef inline size_t packets_room(const PacketPool *pool, uint32_t last) noexcept nogil:
    """The most bytes that a flow's packets take as JSON."""
    cdef size_t room = 2
    cdef uint32_t at = last
    while True:
        at = packet_at(pool, at).next
        room += PACKET_ROOM + (packet_at(pool, at).captured + 2) // 3 * 4
        if at == last:
            return room


cdef inline Py_ssize_t put_packets(char *out, const PacketPool *pool, uint32_t last) noexcept nogil:
    """Write a flow's packets as a list, from the first to the last."""
    cdef char *at = put(out, Text("[", 1))
    cdef uint32_t number = last
    while True:
        number = packet_at(pool, number).next
        at += put_packet(at, packet_at(pool, number))
        if number == last:
            return put(at, Text("]", 1)) - out
        at = put(at, Text(", ", 2))


cdef inline Py_ssize_t put_packet(char *out, const Kept *kept) noexcept nogil:
    """Write one packet: PACKET_ROOM and its data at most."""
    cdef char *at = put(out, Text('{"Timestamp": ', 14))
    at += put_number(at, kept.time // 1000000)
    at = put(at, Text(', "Index": ', 11))
    at += put_number(at, kept.index)
    at = put(at, Text(', "Data": "', 11))
    at += put_base64(at, packet_bytes(kept), kept.captured)
    at = put(at, Text('", "LinkType": ', 15))
    at += put_number(at, kept.link_type)
    return put(at, Text("}", 1)) - out
