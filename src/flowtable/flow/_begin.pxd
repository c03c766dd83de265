# How flows begin: in pieces of the arena that a thread has for itself, so that several may count at a time.
#
# What all of them share changes under the records' lock (paths, names in use), or by atomic steps (pieces).

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from flowtable._exact cimport PIECE_BITS
from flowtable._types cimport (
    BY_FIRST_PACKET, BY_PORTS, HAS_STATISTICS, HAS_STREAMS, HAS_TCP_METRIC, MAX_LAYERS, SIDE_A, SIDE_B, TCP, Record,
)
from flowtable.flow._flow cimport NO_PIECE, NO_RECORD, PIECE_MASK, PIECE_RECORDS, Records, record_at
from flowtable.flow._kept cimport drop_messages
from flowtable.flow._packets cimport drop_packets
from flowtable.flow._pool cimport PoolShare, pool_add, pool_drop
from flowtable.packet._dissection cimport Part
from flowtable.packet._key cimport FlowIds, flow_uuid, part_ids


cdef enum:
    KNOWN_PATHS = 64        # a power of two


cdef struct KnownPath:
    uint16_t path           # 0: none is known
    uint8_t n_layers
    uint8_t layers[MAX_LAYERS]


cdef struct Maker:
    # What one thread begins flows with.
    uint32_t begun          # records that were taken
    uint32_t spare          # number of the record that was given back last, plus one; 0: none
    uint64_t again          # records that were taken once more
    uint32_t n_pieces
    uint32_t *pieces        # their numbers, in the order in which they were taken
    PoolShare statistics
    PoolShare tcp
    uint8_t *uuid_input     # 8 bytes for the start, and the node's TID
    size_t uuid_length
    KnownPath known[KNOWN_PATHS]    # paths by their layers, so that nearly no flow asks for the lock


cdef inline bint begin_maker(Maker *maker, const uint8_t *start_and_node, size_t length) noexcept nogil:
    memset(maker, 0, sizeof(Maker))
    maker.uuid_length = length
    maker.uuid_input = <uint8_t *>malloc(length)
    if maker.uuid_input == NULL:
        return False
    memcpy(maker.uuid_input, start_and_node, length)
    return True


cdef inline void end_maker(Maker *maker) noexcept nogil:
    free(maker.uuid_input)
    free(maker.pieces)
    maker.uuid_input = NULL
    maker.pieces = NULL


cdef inline uint32_t number_of(const Maker *maker, uint32_t nth) noexcept nogil:
    """The number of the record of a maker's nth flow, from 0 on."""
    return maker.pieces[nth >> PIECE_BITS] << PIECE_BITS | nth & PIECE_MASK


cdef inline uint32_t begin_flow(Maker *maker, Records records, const Part *part, uint32_t parent,
                                uint16_t application) noexcept nogil:
    """The number of a record for the first packet of a flow, not counted yet; NO_RECORD when memory is out.

    `parent` is the parent's number plus one, and 0 without; `application` is what name_application()
    gave, and 0 for the name of the path's last layer.
    """
    cdef uint32_t number = new_record(maker, records)
    cdef uint64_t parent_uuid = record_at(records, parent - 1).uuid if parent else 0
    cdef FlowIds ids
    cdef Record *record
    if number == NO_RECORD:
        return NO_RECORD
    record = record_at(records, number)
    ids = part_ids(part, parent != 0, parent_uuid)
    record.key = part.key
    record.key.parent = parent
    record.start = record.last = part.time
    record.order = part.order
    record.swapped = part.swapped
    record.path = path_of(maker, records, part)
    record.application = records.use_application(application or records.paths[record.path].layer)
    record.uuid = flow_uuid(ids.key, part.time // 1000000, maker.uuid_input, maker.uuid_length)
    record.tracking_id, record.l3_tracking_id = ids.l2, ids.l3
    record.link_id, record.network_id = part.link_id, part.network_id
    record.port_a, record.port_b = part.port_a, part.port_b
    record.has_link = part.has_link
    memcpy(record.link_a, part.link_a, 6)
    memcpy(record.link_b, part.link_b, 6)
    record.icmp_type, record.icmp_code = part.icmp_type, part.icmp_code
    record.min_ttl = record.max_ttl = part.ttl
    record.dscp = part.dscp
    record.protocol, record.icmp_raw_type = part.protocol, part.icmp_raw_type
    record.client = first_client(part)
    if part.key.network:
        set_innermost(records, number, parent)
        record.has |= records.has_of_ip
    take_items(maker, records, record)
    return number


cdef inline void take_items(Maker *maker, Records records, Record *record) noexcept nogil:
    """What options keep of a flow, where there is room for it."""
    if records.keep_statistics:
        record.statistics = pool_add(&records.statistics, &maker.statistics)
        record.has |= HAS_STATISTICS if record.statistics else 0
    if records.keep_tcp and record.key.transport == TCP:
        record.tcp = pool_add(&records.tcp, &maker.tcp)
        if record.tcp:
            record.has |= HAS_TCP_METRIC | HAS_STREAMS if records.keep_streams else HAS_TCP_METRIC


cdef inline uint32_t new_record(Maker *maker, Records records) noexcept nogil:
    """The number of a record that is all zero: one that was given back, or the next one; NO_RECORD: no memory."""
    cdef uint32_t number = maker.spare - 1
    if maker.spare:
        maker.spare = record_at(records, number).innermost
        maker.again += 1
    elif maker.begun & PIECE_MASK == 0 and not take_records(maker, records):
        return NO_RECORD
    else:
        number = number_of(maker, maker.begun)
        maker.begun += 1
    memset(record_at(records, number), 0, sizeof(Record))
    return number


cdef inline void drop_record(Maker *maker, Records records, uint32_t number) noexcept nogil:
    """Give a record back, with what options have kept of its flow."""
    cdef Record *record = record_at(records, number)
    drop_messages(&records.messages, record)
    drop_packets(&records.packets, record)
    if record.statistics:
        pool_drop(&records.statistics, &maker.statistics, record.statistics)
    if record.tcp:
        pool_drop(&records.tcp, &maker.tcp, record.tcp)
    memset(record, 0, sizeof(Record))
    record.innermost = maker.spare
    maker.spare = number + 1


cdef inline bint take_records(Maker *maker, Records records) noexcept nogil:
    """One more piece of records for a maker whose last one is full."""
    cdef uint32_t piece
    cdef void *pieces
    if maker.n_pieces & (maker.n_pieces - 1) == 0:          # the array is full at each power of two
        pieces = realloc(maker.pieces, max(1, 2 * maker.n_pieces) * sizeof(uint32_t))
        if pieces == NULL:
            return False
        maker.pieces = <uint32_t *>pieces
    piece = records.take_piece()
    if piece == NO_PIECE:
        return False
    maker.pieces[maker.n_pieces] = piece
    maker.n_pieces += 1
    return True


cdef inline uint16_t path_of(Maker *maker, Records records, const Part *part) noexcept nogil:
    """The path of a part's layers, from those that are known; one that had to be cut is none of these."""
    cdef KnownPath *known = &maker.known[path_slot(part)]
    cdef uint64_t cut
    if known.path and known.n_layers == part.n_layers and memcmp(known.layers, part.layers, part.n_layers) == 0:
        return known.path
    records.lock()
    cut = records.paths_cut
    known.path = records.path_of(part)
    cut = records.paths_cut - cut
    records.unlock()
    known.n_layers = 0 if cut else part.n_layers
    memcpy(known.layers, part.layers, part.n_layers)
    return known.path


cdef inline uint32_t path_slot(const Part *part) noexcept nogil:
    cdef uint32_t hash = 0
    cdef uint8_t i
    for i in range(part.n_layers):
        hash = hash * 31 + part.layers[i]
    return hash & (KNOWN_PATHS - 1)


cdef inline void set_innermost(Records records, uint32_t number, uint32_t parent) noexcept nogil:
    """A flow with IP is the innermost of its family: of those around it that had none further in."""
    cdef uint32_t before = 0
    cdef Record *ancestor
    record_at(records, number).innermost = number + 1
    while parent:
        ancestor = record_at(records, parent - 1)
        if ancestor.innermost and ancestor.innermost != parent and ancestor.innermost != before:
            return
        before = ancestor.innermost
        ancestor.innermost = number + 1
        parent = ancestor.key.parent


cdef inline uint8_t first_client(const Part *part) noexcept nogil:
    """Who the client is, as far as the first packet tells: its sender, or who has the higher port."""
    if part.port_a == part.port_b:
        return BY_FIRST_PACKET << 2 | SIDE_A
    return BY_PORTS << 2 | (SIDE_A if part.port_a > part.port_b else SIDE_B)
