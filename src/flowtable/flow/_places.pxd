# Where the fields of a flow are: how a record gives what schema.py lists.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from flowtable._text cimport put_address, put_hex, put_mac
from flowtable._types cimport (
    HAS_DHCPV4, HAS_DNS, HAS_IP_METRIC, HAS_STATISTICS, HAS_VRRP, IPV4, SIDE_A, TCP, Record, address_of,
)
from flowtable.flow._community cimport COMMUNITY_ID_BYTES, put_community_id
from flowtable.flow._flow cimport Records, record_at
from flowtable.flow._handed cimport Handed
from flowtable.flow._pool cimport pool_item
from flowtable.flow._statistics cimport OneWay, Statistics, deviation, rounded
from flowtable.flow._tcp cimport HANDSHAKE, has_tcp_field, tcp_number
from flowtable.flow._kept cimport message_of
from flowtable.flow._messages cimport put_message, text_room


cdef enum:                  # Kind, as schema.py's Kind.core has it
    TEXT = 0                # made from the record: an address, an id in hex
    NAME = 1                # a number that stands for one of a few texts
    NUMBER = 2
    FRACTION = 3            # a number of thousandths
    JSON = 4                # made from a message that the flow keeps


cdef enum:                  # Place: P_ and the name in _flow.PLACES
    P_UUID
    P_PATH
    P_APPLICATION
    P_LINK_PROTOCOL
    P_LINK_A
    P_LINK_B
    P_LINK_ID
    P_NETWORK_PROTOCOL
    P_NETWORK_A
    P_NETWORK_B
    P_NETWORK_ID
    P_TRANSPORT_PROTOCOL
    P_TRANSPORT_A
    P_TRANSPORT_B
    P_TRANSPORT_ID
    P_ICMP_TYPE
    P_ICMP_CODE
    P_ICMP_ID
    P_AB_PACKETS
    P_AB_BYTES
    P_BA_PACKETS
    P_BA_BYTES
    P_START
    P_LAST
    P_RTT
    P_TRACKING_ID
    P_L3_TRACKING_ID
    P_PARENT_UUID
    P_NODE_TID
    P_CAPTURE_ID
    P_RAW_PACKETS
    P_FINISH_TYPE
    P_AB_TCP_FLAGS
    P_BA_TCP_FLAGS
    P_MIN_TTL
    P_MAX_TTL
    P_DSCP
    P_CLIENT
    P_COMMUNITY_ID
    P_FAMILY_COMMUNITY_ID
    P_AB_MIN_SIZE           # the statistics: OneWay of A to B, then of B to A
    P_AB_MEAN_SIZE
    P_AB_SIZE_DEVIATION
    P_AB_MAX_SIZE
    P_BA_MIN_SIZE
    P_BA_MEAN_SIZE
    P_BA_SIZE_DEVIATION
    P_BA_MAX_SIZE
    P_AB_MIN_GAP
    P_AB_MEAN_GAP
    P_AB_GAP_DEVIATION
    P_AB_MAX_GAP
    P_BA_MIN_GAP
    P_BA_MEAN_GAP
    P_BA_GAP_DEVIATION
    P_BA_MAX_GAP
    P_AB_TUNNEL_ID
    P_BA_TUNNEL_ID
    P_TCP                   # the first of those that TcpField names, two each
    P_TCP_LAST = P_TCP + 2 * HANDSHAKE
    P_DHCPV4
    P_DNS
    P_VRRPV2
    P_FRAGMENTS
    P_FRAGMENT_ERRORS
    P_SAMPLING_RATE
    P_PACKETS
    P_UPDATE_AB_PACKETS     # what a live table says of what it hands out
    P_UPDATE_AB_BYTES
    P_UPDATE_BA_PACKETS
    P_UPDATE_BA_BYTES
    P_UPDATE_START
    P_UPDATE_LAST
    P_UPDATE_RTT
    P_SEGMENT


cdef enum:
    LONGEST_TEXT = 45       # an IPv6 address with an IPv4 one in it


cdef inline uint64_t packets_behind(const Record *r, int place) noexcept nogil:
    """How many packets a statistic is of."""
    if place <= P_AB_MAX_SIZE or P_AB_MIN_GAP <= place <= P_AB_MAX_GAP:
        return r.ab_packets
    return r.ba_packets


cdef inline int presence_of(int place) noexcept nogil:
    """The first of the places that a flow has all or none of; P_UUID: of those that it always has."""
    if P_LINK_PROTOCOL <= place <= P_LINK_ID:
        return P_LINK_PROTOCOL
    if P_NETWORK_PROTOCOL <= place <= P_NETWORK_ID or P_MIN_TTL <= place <= P_COMMUNITY_ID:
        return P_NETWORK_PROTOCOL
    if P_TRANSPORT_PROTOCOL <= place <= P_TRANSPORT_ID:
        return P_TRANSPORT_PROTOCOL
    if P_ICMP_TYPE <= place <= P_ICMP_ID:
        return P_ICMP_TYPE
    if place == P_AB_TCP_FLAGS or place == P_BA_TCP_FLAGS:
        return P_AB_TCP_FLAGS
    if place == P_AB_TUNNEL_ID or place == P_BA_TUNNEL_ID:
        return P_AB_TUNNEL_ID
    if place == P_FRAGMENTS or place == P_FRAGMENT_ERRORS:
        return P_FRAGMENTS
    if P_UPDATE_AB_PACKETS <= place <= P_SEGMENT:
        return P_SEGMENT
    return place if place == P_PARENT_UUID or place >= P_FAMILY_COMMUNITY_ID else P_UUID


cdef inline bint is_present(Records records, const Record *r, int place) noexcept nogil:
    """Whether the flow has the layer that a field belongs to, or what an option would fill."""
    return has_presence(records, r, presence_of(place))


cdef inline bint has_presence(Records records, const Record *r, int presence) noexcept nogil:
    """The same of many flows: presence_of() does not depend on the flow, and takes as long as the rest."""
    if presence == P_UUID:
        return True
    elif presence == P_LINK_PROTOCOL:
        return r.has_link
    elif presence == P_NETWORK_PROTOCOL:
        return r.key.network
    elif presence == P_TRANSPORT_PROTOCOL:
        return r.key.transport
    elif presence == P_ICMP_TYPE:
        return r.key.icmp
    elif presence == P_PARENT_UUID:
        return r.key.parent
    elif presence == P_AB_TCP_FLAGS:
        return r.key.transport == TCP
    elif presence == P_FAMILY_COMMUNITY_ID:
        return r.innermost
    elif presence == P_AB_TUNNEL_ID:
        return r.ab_tunnel_id or r.ba_tunnel_id
    elif presence == P_FRAGMENTS:
        return r.has & HAS_IP_METRIC
    elif presence == P_SAMPLING_RATE:
        return r.sampling_rate
    elif presence == P_PACKETS:
        return r.raw_count
    elif presence == P_SEGMENT:
        return r.handed != 0
    elif P_DHCPV4 <= presence <= P_VRRPV2:
        return r.has & message_kind(presence)
    elif P_TCP <= presence <= P_TCP_LAST:
        return has_tcp_field(&records.tcp, r, presence - P_TCP)
    return r.has & HAS_STATISTICS and packets_behind(r, presence) > (1 if presence >= P_AB_MIN_GAP else 0)


cdef struct Spot:
    # Where a record has a number as it is.
    uint16_t offset
    uint8_t width           # bytes: 1, 2, 4 or 8; 0: nowhere


cdef inline Spot spot(const Record *r, const void *number, size_t width) noexcept nogil:
    return Spot(<uint16_t>(<const char *>number - <const char *>r), <uint8_t>width)


cdef inline Spot spot_of(int place) noexcept nogil:
    cdef Record r           # of which only addresses are taken
    if place == P_AB_PACKETS:
        return spot(&r, &r.ab_packets, sizeof(r.ab_packets))
    elif place == P_AB_BYTES:
        return spot(&r, &r.ab_bytes, sizeof(r.ab_bytes))
    elif place == P_BA_PACKETS:
        return spot(&r, &r.ba_packets, sizeof(r.ba_packets))
    elif place == P_BA_BYTES:
        return spot(&r, &r.ba_bytes, sizeof(r.ba_bytes))
    elif place == P_START:
        return spot(&r, &r.start, sizeof(r.start))
    elif place == P_LAST:
        return spot(&r, &r.last, sizeof(r.last))
    elif place == P_RTT:
        return spot(&r, &r.rtt, sizeof(r.rtt))
    elif place == P_PATH:
        return spot(&r, &r.path, sizeof(r.path))
    elif place == P_APPLICATION:
        return spot(&r, &r.application, sizeof(r.application))
    elif place == P_LINK_ID:
        return spot(&r, &r.link_id, sizeof(r.link_id))
    elif place == P_NETWORK_ID:
        return spot(&r, &r.network_id, sizeof(r.network_id))
    elif place == P_TRANSPORT_A:
        return spot(&r, &r.port_a, sizeof(r.port_a))
    elif place == P_TRANSPORT_B:
        return spot(&r, &r.port_b, sizeof(r.port_b))
    elif place == P_ICMP_TYPE:
        return spot(&r, &r.icmp_type, sizeof(r.icmp_type))
    elif place == P_ICMP_CODE:
        return spot(&r, &r.icmp_code, sizeof(r.icmp_code))
    elif place == P_RAW_PACKETS:
        return spot(&r, &r.raw_count, sizeof(r.raw_count))
    elif place == P_FINISH_TYPE:
        return spot(&r, &r.finish, sizeof(r.finish))
    elif place == P_AB_TCP_FLAGS:
        return spot(&r, &r.ab_tcp_flags, sizeof(r.ab_tcp_flags))
    elif place == P_BA_TCP_FLAGS:
        return spot(&r, &r.ba_tcp_flags, sizeof(r.ba_tcp_flags))
    elif place == P_MIN_TTL:
        return spot(&r, &r.min_ttl, sizeof(r.min_ttl))
    elif place == P_MAX_TTL:
        return spot(&r, &r.max_ttl, sizeof(r.max_ttl))
    elif place == P_DSCP:
        return spot(&r, &r.dscp, sizeof(r.dscp))
    elif place == P_AB_TUNNEL_ID:
        return spot(&r, &r.ab_tunnel_id, sizeof(r.ab_tunnel_id))
    elif place == P_BA_TUNNEL_ID:
        return spot(&r, &r.ba_tunnel_id, sizeof(r.ba_tunnel_id))
    elif place == P_SAMPLING_RATE:
        return spot(&r, &r.sampling_rate, sizeof(r.sampling_rate))
    elif place == P_FRAGMENTS:
        return spot(&r, &r.fragments, sizeof(r.fragments))
    elif place == P_FRAGMENT_ERRORS:
        return spot(&r, &r.fragment_errors, sizeof(r.fragment_errors))
    return Spot(0, 0)


cdef inline uint64_t get_number(Records records, const Record *r, int place, Spot at) noexcept nogil:
    """A field that is a number, or the number of a name; `at` is its spot."""
    cdef const uint8_t *p = <const uint8_t *>r + at.offset
    if at.width == 8:
        return (<const uint64_t *>p)[0]
    elif at.width == 4:
        return (<const uint32_t *>p)[0]
    elif at.width == 2:
        return (<const uint16_t *>p)[0]
    elif at.width == 1:
        return p[0]
    return make_number(records, r, place)


cdef inline uint64_t make_number(Records records, const Record *r, int place) noexcept nogil:
    """A number that no record has as it is."""
    if place == P_NETWORK_PROTOCOL:
        return r.key.network - IPV4 if r.key.network else 0
    elif place == P_TRANSPORT_PROTOCOL:
        return r.key.transport - TCP if r.key.transport else 0
    elif place == P_ICMP_ID:
        return r.key.id & 0xFFFF
    elif place == P_CLIENT:
        return (r.client & 3) - SIDE_A
    elif P_TCP <= place <= P_TCP_LAST:
        return tcp_number(&records.tcp, r, place - P_TCP)
    elif P_AB_MIN_SIZE <= place <= P_BA_MAX_GAP:
        return get_statistic(records, r, place)
    elif r.handed and P_UPDATE_AB_PACKETS <= place <= P_SEGMENT:
        return get_handed(<const Handed *>pool_item(&records.handed, r.handed), r, place)
    return 0


cdef inline uint64_t get_handed(const Handed *handed, const Record *r, int place) noexcept nogil:
    """What a live table says of a flow that it has handed out."""
    if place == P_UPDATE_AB_PACKETS:
        return handed.ab_packets
    elif place == P_UPDATE_AB_BYTES:
        return handed.ab_bytes
    elif place == P_UPDATE_BA_PACKETS:
        return handed.ba_packets
    elif place == P_UPDATE_BA_BYTES:
        return handed.ba_bytes
    elif place == P_UPDATE_START:
        return handed.start
    elif place == P_UPDATE_LAST:
        return handed.last
    return r.rtt if place == P_UPDATE_RTT else handed.segment


cdef inline uint64_t get_statistic(Records records, const Record *r, int place) noexcept nogil:
    """Of the sizes or the times between packets; means and deviations of sizes in thousandths."""
    cdef const Statistics *both
    if not r.has & HAS_STATISTICS:
        return 0
    both = <const Statistics *>pool_item(&records.statistics, r.statistics)
    if place <= P_AB_MAX_SIZE:
        return get_size(&both.ab, r.ab_packets, place - P_AB_MIN_SIZE)
    if place <= P_BA_MAX_SIZE:
        return get_size(&both.ba, r.ba_packets, place - P_BA_MIN_SIZE)
    if place <= P_AB_MAX_GAP:
        return get_gap(&both.ab, r.ab_packets, place - P_AB_MIN_GAP)
    return get_gap(&both.ba, r.ba_packets, place - P_BA_MIN_GAP)


cdef inline uint64_t get_size(const OneWay *way, uint64_t packets, int which) noexcept nogil:
    """The smallest size, the mean, the deviation, or the largest."""
    if which == 0:
        return way.min_size
    if which == 1:
        return rounded(1000 * way.mean_size)
    return rounded(1000 * deviation(way.size_squares, packets)) if which == 2 else way.max_size


cdef inline uint64_t get_gap(const OneWay *way, uint64_t packets, int which) noexcept nogil:
    """The shortest time between two packets, the mean, the deviation, or the longest; 0 without two."""
    if which == 0:
        return way.min_gap
    if which == 1:
        return rounded(way.mean_gap)
    if which == 2:
        return rounded(deviation(way.gap_squares, packets - 1)) if packets > 1 else 0
    return way.max_gap


cdef inline int text_width(int place) noexcept nogil:
    """The longest text that put_text() writes there: an address, a MAC, a Community ID, or hex digits."""
    if place == P_NETWORK_A or place == P_NETWORK_B:
        return LONGEST_TEXT
    if place == P_COMMUNITY_ID or place == P_FAMILY_COMMUNITY_ID:
        return COMMUNITY_ID_BYTES
    return 17 if place == P_LINK_A or place == P_LINK_B else 16


cdef inline int put_text(Records records, const Record *r, int place, char *out) noexcept nogil:
    """Write a field of kind TEXT, at most text_width(place); gives its length."""
    if place == P_UUID:
        return put_hex(<uint8_t *>out, r.uuid)
    elif place == P_TRACKING_ID:
        return put_hex(<uint8_t *>out, r.tracking_id)
    elif place == P_L3_TRACKING_ID:
        return put_hex(<uint8_t *>out, r.l3_tracking_id)
    elif place == P_PARENT_UUID:
        return put_hex(<uint8_t *>out, record_at(records, r.key.parent - 1).uuid)
    elif place == P_COMMUNITY_ID or place == P_FAMILY_COMMUNITY_ID:
        return put_community_id(out, whose_community_id(records, r, place))
    elif place == P_LINK_A:
        return put_mac(out, r.link_a)
    elif place == P_LINK_B:
        return put_mac(out, r.link_b)
    elif place == P_NETWORK_A:
        return put_address(out, r.key.network == IPV4, address_of(r, r.swapped))
    elif place == P_NETWORK_B:
        return put_address(out, r.key.network == IPV4, address_of(r, not r.swapped))
    return 0


cdef inline const Record *whose_community_id(Records records, const Record *r, int place) noexcept nogil:
    """The flow that has the Community ID which is shown of another one as its own, or its family's."""
    return record_at(records, r.innermost - 1) if place == P_FAMILY_COMMUNITY_ID else r


cdef inline uint8_t message_kind(int place) noexcept nogil:
    """The kind of message that a field of kind JSON shows."""
    return HAS_DNS if place == P_DNS else HAS_DHCPV4 if place == P_DHCPV4 else HAS_VRRP


cdef inline size_t json_room_of(Records records, const Record *r, int place) noexcept nogil:
    """The most bytes that put_json() writes there."""
    return text_room(message_of(&records.messages, r, message_kind(place)).length)


cdef inline size_t put_json(Records records, const Record *r, int place, char *out) noexcept nogil:
    """Write a field of kind JSON that is present; gives its length."""
    return put_message(message_of(&records.messages, r, message_kind(place)), out)
