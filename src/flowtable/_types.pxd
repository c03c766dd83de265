# What the compiled rooms hand each other: frames from capture/, parts from packet/, records from flow/.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef struct Frame:
    # One captured frame. `data` points into its source's window and is valid until that source refills; see
    # PacketSource.keep_windows().
    const uint8_t *data
    uint32_t captured       # bytes at `data`
    uint32_t length         # bytes on the wire
    int64_t time            # Unix ns, 0 or later
    uint16_t link_type      # LINKTYPE_ number, as capture files hold it
    uint32_t sampling_rate  # one packet in so many was sampled, as the sampler says; 0: it was not sampled
    uint64_t number         # of all frames that are dealt out to several engines; meaningless with one


cdef enum:
    BATCH = 64              # frames walked, and parts hashed and prefetched, in one go
    MAX_LAYERS = 32         # of a frame; deeper ones are not decoded, and counted
    MAX_FLOW_PARTS = 16     # of a frame: parts with addresses, which are packets of flows; likewise
    MAX_PARTS = MAX_LAYERS  # of a frame with those that have none: each has a layer


cdef enum NetworkKind:      # with the kind numbers that go into a flow's ids
    NO_NETWORK = 0
    IPV4 = 1
    IPV6 = 2


cdef enum TransportKind:
    NO_TRANSPORT = 0
    TCP = 4
    UDP = 5
    SCTP = 6
    RUDP = 7
    UDPLITE = 8


cdef enum IcmpKind:
    NO_ICMP = 0
    ICMPV4 = 1
    ICMPV6 = 2


cdef enum Side:
    NO_SIDE = 0
    SIDE_A = 1              # the source of the flow's first packet
    SIDE_B = 2


cdef enum ClientBasis:      # what says who the client is; a stronger one overrules a weaker one
    BY_FIRST_PACKET = 0
    BY_PORTS = 1            # the client's is higher
    BY_SYN_ACK = 2
    BY_SYN = 3


cdef enum:                  # bits of FlowKey.flags
    KEY_LINK = 1            # the MACs are part of the key
    KEY_VNI = 2             # `id` is a VNI, VSID or ERSPAN session, and port_b the port it was sent to, if
                            # there is one; there is no port_a
    KEY_ICMP = 4            # `id` is the ICMP type, code and id
    KEY_IDS = 8             # `gre_key` is part of the key, and so are the record's VLAN ids


cdef enum:                  # bits of Record.has: what was asked for, and is there, be it zero
    HAS_TCP_METRIC = 1
    HAS_STREAMS = 2         # with HAS_TCP_METRIC only
    HAS_IP_METRIC = 4
    HAS_STATISTICS = 8
    HAS_DNS = 16            # a message of this kind, among those that the flow keeps
    HAS_DHCPV4 = 32
    HAS_VRRP = 64


cdef struct FlowKey:
    # What makes two packets one flow; 64 bytes, compared as a whole. The two ends are in order, so that
    # both directions give one key; what a packet lacks is zero, and so is all padding.
    uint8_t address_a[16]   # IPv4 in the first four bytes
    uint8_t address_b[16]
    uint8_t mac_a[6]
    uint8_t mac_b[6]
    uint16_t port_a
    uint16_t port_b
    uint32_t id             # ICMP type << 24 | code << 16 | id, or VNI, VSID or ERSPAN session
    uint8_t network         # NetworkKind
    uint8_t transport       # TransportKind
    uint8_t flags           # KEY_
    uint8_t icmp            # IcmpKind
    uint32_t parent         # the parent's record number plus one; 0: none
    uint32_t gre_key        # with KEY_IDS


cdef struct Record:
    # One flow; 256 bytes, four cache lines.
    # Line 0: which flow it is.
    FlowKey key
    # Line 1: what each packet changes.
    uint64_t ab_packets
    uint64_t ab_bytes
    uint64_t ba_packets
    uint64_t ba_bytes
    int64_t start           # ns; the first packet's time
    int64_t last            # ns; the last packet's time, never before start
    int64_t rtt             # ns
    uint8_t swapped         # the first packet went from key end b to key end a
    uint8_t finish          # FinishType
    uint8_t client          # ClientBasis << 2 | Side
    uint8_t rtt_pending     # Side that asked; 0: none
    uint8_t ab_tcp_flags    # of all segments from A to B
    uint8_t ba_tcp_flags
    uint8_t min_ttl         # of all packets; TTL of IPv4, hop limit of IPv6
    uint8_t max_ttl
    # Line 2: ids, and what the first packet showed.
    uint64_t uuid
    uint64_t tracking_id
    uint64_t l3_tracking_id
    uint64_t link_id        # VLAN ids, 12 bits each, the outermost lowest
    int64_t rtt_start       # ns; time of the request that is waited for
    uint32_t network_id     # VNI, VSID, GRE key or ERSPAN session of the part's last such layer
    uint16_t port_a         # of the first packet, A its source
    uint16_t port_b
    uint8_t link_a[6]
    uint8_t link_b[6]
    uint8_t has_link
    uint8_t icmp_type       # FlowIcmpType
    uint8_t icmp_code
    uint8_t dscp            # of the first packet
    # Line 3: what options fill, numbers into side pools, and room for timers and eviction.
    uint16_t path           # its LayersPath
    uint16_t application    # its number among the names in use
    uint16_t rtt_sequence   # of the echo request that is waited for
    uint16_t raw_count      # packets kept
    uint8_t protocol        # of IP: what follows it and its extension headers
    uint8_t icmp_raw_type   # as the first packet has it
    uint8_t has             # HAS_
    uint8_t reserved0
    uint32_t innermost      # number of the innermost flow of the first packet of this one that has any inside
    uint32_t ab_tunnel_id   # GTP-U TEID, L2TP session or PPTP call of the last packet each way; 0: none
    uint32_t ba_tunnel_id
    uint32_t fragments      # pieces of its datagrams, less one for each datagram
    uint32_t fragment_errors
    uint32_t tcp            # numbers of items in side pools; 0: none
    uint32_t statistics
    uint32_t messages
    uint32_t raw_packets    # of the last one kept
    uint64_t order          # the number of its first frame
    uint32_t sampling_rate  # of the last packet that was sampled; 0: none was
    uint32_t handed         # a live table's: number of an item in a side pool; 0: none


cdef inline const uint8_t *address_of(const Record *r, bint end_b) noexcept nogil:
    """The address in one end of the key."""
    if end_b:
        return r.key.address_b
    return r.key.address_a
