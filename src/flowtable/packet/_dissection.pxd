# The state of one frame while it is decoded, and what every protocol function shares.
#
# A protocol function reads its header with take(), names its layer with push(), writes what a flow needs
# to know into d.part, and says what comes next: next_by(SPACE, number), END, or the reason why decoding
# stops there.

from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from flowtable._cursor cimport Cursor
from flowtable._types cimport MAX_LAYERS, FlowKey
from flowtable.packet._defrag cimport Defragger, Fragment
from flowtable.packet._layers cimport ERSPAN_II, ERSPAN_III, GRE, MPLS, PW_CONTROL_WORD


cdef enum:                  # Space: what a number that names the next layer is a number of
    BY_LINK_TYPE = 1
    BY_ETHER_TYPE = 2
    BY_IP_PROTOCOL = 3
    BY_PPP_TYPE = 4
    BY_UDP_PORT = 5
    BY_LAYER = 6            # a LayerNumber itself
    SPACES = 7


cdef enum:
    TUNNEL_NUMBERS = 64     # numbers below may be tunnels


cdef enum Stop:
    # Why decoding ended. END and what lies below it are no loss; the rest is counted in decode_stops.
    END = 0                 # at a payload, or at the end
    TRUNCATED = 1           # the header does not fit into what there is
    MALFORMED = 2           # the header contradicts its specification, or itself
    UNKNOWN = 3             # what follows has a number that is not in the registry
    FRAGMENTED = 4          # a piece of an IP datagram
    TOO_MANY_LAYERS = 5
    TOO_MANY_PARTS = 6
    STOPS = 7


cdef enum Signal:           # what a packet says about round-trip times
    NO_SIGNAL = 0
    REQUEST = 1             # an echo request; a SYN without ACK
    REPLY = 2               # an echo reply; a SYN with ACK, or a RST


cdef enum PayloadState:     # of a part's application
    UNSEEN = 0              # not looked at yet
    PARSED = 1
    BROKEN = 2              # it is not what its port says


cdef enum TcpFlag:
    TCP_FIN = 1
    TCP_SYN = 2
    TCP_RST = 4
    TCP_ACK = 16


cdef struct Layer:
    uint32_t offset         # of its header, from the frame's first byte
    uint32_t length         # of its header
    uint8_t type            # LayerNumber


cdef struct Part:
    # What one part of a frame (a packet of its own, for a flow of its own) brings along.
    FlowKey key             # source in end a, destination in end b, until order_key()
    uint64_t hash           # of the key and of the parents' keys
    uint64_t link_id        # VLAN ids, 12 bits each, the outermost lowest
    int64_t time            # Unix ns
    uint64_t order          # the number of its frame
    const uint8_t *payload  # of the application, or of the TCP segment
    uint32_t payload_length # bytes captured
    uint32_t captured       # of its packet, where packets are kept: see _packet.pxd
    uint32_t wire_length
    const uint8_t *packet
    uint32_t before         # bytes of its frame in front of it
    uint32_t headers        # bytes of all its layers' headers
    uint32_t length         # bytes; what its flow counts is counted_length()
    uint32_t ip_length      # length field of its outermost IP header
    uint32_t network_id     # VNI, VSID, GRE key or ERSPAN session
    uint32_t gre_key        # of the last GRE layer of version 0
    uint32_t tcp_sequence   # of a TCP segment, as its header has them
    uint32_t tcp_acknowledgment
    uint32_t tcp_length     # bytes of its payload on the wire
    uint32_t tunnel_id      # GTP-U TEID, L2TP session or PPTP call, which differ each way; 0: none
    uint32_t whole          # bytes of the datagram put together in it, and of all headers before; 0: none
    uint32_t fragments      # pieces of that datagram, less one
    uint32_t fragment_errors
    uint32_t sampling_rate  # of its frame; 0: it was not sampled
    uint32_t frames         # in flows when this part is counted, as the last one of its frame; else 0
    uint16_t port_a         # source and destination, whatever the key holds
    uint16_t port_b
    uint16_t sequence       # of an ICMP echo
    uint16_t tcp_window
    uint16_t link_type      # of its packet
    uint16_t frame_link_type    # of that with what is before it
    uint8_t apart           # it is in no frame, but in a datagram that was put together
    uint8_t link_a[6]
    uint8_t link_b[6]
    uint8_t has_link        # an Ethernet layer
    uint8_t vlans
    uint8_t protocol        # what follows the outermost IP header and its extension headers
    uint8_t icmp_type       # FlowIcmpType
    uint8_t icmp_raw_type
    uint8_t icmp_code
    uint8_t tcp_flags       # of the transport that the key holds
    uint8_t is_segment      # it is TCP whose header fits, so that the payload is known
    uint8_t ttl             # of the outermost IP header, with its differentiated services
    uint8_t dscp
    uint8_t signal          # Signal
    uint8_t application     # LayerNumber of a message: a UDP payload by its port, or VRRP
    uint8_t payload_state   # PayloadState
    uint8_t swapped         # order_key() exchanged the ends
    uint8_t n_layers
    int8_t parent           # index of the parent part among those of its batch; -1: none
    uint8_t layers[MAX_LAYERS]


cdef struct Decoding:
    # How frames are decoded.
    uint64_t tunnels        # bit n: layer n ends its part
    Defragger *defragger    # NULL: fragments are left alone


cdef struct Dissection:
    Cursor c
    const uint8_t *frame    # the first byte; of a datagram that was put together, in a copy with all before it
    const uint8_t *end      # behind the last byte that was captured
    Part *part              # the part that is being filled; the frame's parts lie one after the other
    uint64_t tunnels        # bit n: layer n ends its part
    uint32_t ip_length      # length field of the frame's outermost IP header
    uint32_t ip_end         # where the innermost IPv6 datagram ends, in bytes from the frame's first
    uint32_t missing        # bytes of the frame that were on the wire and not captured
    uint32_t uncaptured     # of these, bytes of the innermost IP datagram so far
    uint32_t frames         # that are accounted for with this one: pieces that were held until it came, and itself
    uint32_t n_parts
    uint32_t n_flow_parts   # parts before this one that are packets of flows
    uint32_t n_layers
    uint8_t cut             # the last layer ends its part; the next one begins another
    uint8_t has_ip          # ip_length is set
    uint8_t network         # NetworkKind of the last IP header, whichever part it is in
    uint8_t overflow        # a layer could not be named
    uint8_t data_pad        # an 802.11 header is padded to four bytes
    uint8_t stop            # Stop
    uint8_t stop_layer      # LayerNumber that was being decoded
    Fragment fragment       # the piece at which decoding ended as FRAGMENTED
    Layer layers[MAX_LAYERS]


ctypedef uint32_t (*Protocol)(Dissection *d) noexcept nogil


cdef inline uint32_t next_by(uint32_t space, uint32_t number) noexcept nogil:
    """What a protocol function gives back when another layer follows."""
    return (space << 16) | number


cdef inline bint makes_flow(const Part *part) noexcept nogil:
    """A part is a packet of some flow if it has Ethernet or IP."""
    return part.has_link != 0 or part.key.network != 0


cdef inline bint is_asked_for(const Dissection *d, uint8_t tunnel) noexcept nogil:
    """Whether a tunnel is among those that cut."""
    return (d.tunnels >> tunnel) & 1


cdef inline bint continues_tunnel(const Dissection *d, uint8_t layer) noexcept nogil:
    """Whether a layer only goes on with the tunnel's header before it: the cut comes behind both."""
    if not d.cut:
        return False
    if layer == MPLS or layer == ERSPAN_II or layer == ERSPAN_III:
        return d.layers[d.n_layers - 1].type == GRE
    return layer == PW_CONTROL_WORD and d.layers[d.n_layers - 1].type == MPLS


cdef inline void begin_part(Dissection *d) noexcept nogil:
    """The layers from here on belong to a part of their own, inside the one before."""
    d.n_flow_parts += makes_flow(d.part)
    d.part += 1
    d.n_parts += 1
    memset(d.part, 0, sizeof(Part) - sizeof(d.part.layers))


cdef inline void push(Dissection *d, uint8_t layer, const uint8_t *header) noexcept nogil:
    """Name a layer whose header goes from `header` to where the cursor is now.

    The driver makes sure that there is room for one layer and one part; a second layer that a step names
    is left out if it is one too many.
    """
    cdef Layer *slot
    cdef bint later = continues_tunnel(d, layer)
    if d.n_layers == MAX_LAYERS:
        d.overflow = 1
        return
    if d.cut and not later:
        begin_part(d)
    slot = &d.layers[d.n_layers]
    slot.type = layer
    slot.offset = <uint32_t>(header - d.frame)
    slot.length = <uint32_t>(d.c.p - header)
    d.n_layers += 1
    d.part.layers[d.part.n_layers] = layer
    d.part.n_layers += 1
    d.part.headers += slot.length
    d.cut = later or layer < TUNNEL_NUMBERS and is_asked_for(d, layer)


cdef inline const uint8_t *header_before(const Dissection *d, uint32_t back) noexcept nogil:
    """The header of the layer named last (1), or of one before it: as many bytes as were taken for it."""
    return d.frame + d.layers[d.n_layers - back].offset
