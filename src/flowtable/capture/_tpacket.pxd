# A ring of the kernel's packet socket, TPACKET_V3: blocks of frames in memory that is shared with the kernel, which
# closes a block when it is full or 10 ms old. See the kernel's Documentation/networking/packet_mmap.rst.
#
# All of it is read as if somebody hostile had written it: offsets and lengths are looked at before they are
# followed, and no frame reaches beyond its block.

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from flowtable._types cimport Frame
from flowtable.capture._bpf cimport Instruction, execute


cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    struct sockaddr:
        pass
    int bind(int fd, const sockaddr *address, socklen_t size)
    int getsockopt(int fd, int level, int name, void *value, socklen_t *size)
    int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
    enum:
        AF_PACKET
        SOL_PACKET
        SOL_SOCKET
        SO_ATTACH_FILTER


cdef extern from "<linux/filter.h>" nogil:
    struct sock_fprog:
        unsigned short len
        void *filter


cdef extern from "<linux/if_packet.h>" nogil:
    """
    /* What the headers of older kernels lack. Whether the kernel that runs has it, it says when it is asked. */
    #ifndef PACKET_FANOUT_DATA
    #define PACKET_FANOUT_DATA 22
    #define PACKET_FANOUT_CBPF 6
    #endif
    #ifndef PACKET_FANOUT_FLAG_UNIQUEID
    #define PACKET_FANOUT_FLAG_UNIQUEID 0x2000
    #endif
    #ifndef PACKET_IGNORE_OUTGOING
    #define PACKET_IGNORE_OUTGOING 23
    #endif
    """
    enum:
        PACKET_OUTGOING
        PACKET_VERSION
        PACKET_RESERVE
        PACKET_RX_RING
        PACKET_STATISTICS
        PACKET_IGNORE_OUTGOING
        PACKET_FANOUT
        PACKET_FANOUT_DATA
        PACKET_FANOUT_CBPF
        PACKET_FANOUT_FLAG_UNIQUEID
        PACKET_ADD_MEMBERSHIP
        PACKET_DROP_MEMBERSHIP
        PACKET_MR_PROMISC
        TPACKET_V3
        TPACKET3_HDRLEN
        TP_STATUS_KERNEL
        TP_STATUS_USER
        TP_STATUS_VLAN_VALID
        TP_STATUS_VLAN_TPID_VALID

    struct sockaddr_ll:
        uint16_t sll_family
        uint16_t sll_protocol       # in network order
        int32_t sll_ifindex
        uint16_t sll_hatype
        uint8_t sll_pkttype
        uint8_t sll_halen
        uint8_t sll_addr[8]

    struct tpacket_hdr_variant1:
        uint32_t tp_vlan_tci
        uint16_t tp_vlan_tpid

    struct tpacket3_hdr:
        uint32_t tp_next_offset
        uint32_t tp_sec
        uint32_t tp_nsec
        uint32_t tp_snaplen
        uint32_t tp_len
        uint32_t tp_status
        uint16_t tp_mac
        tpacket_hdr_variant1 hv1

    struct tpacket_hdr_v1:
        uint32_t block_status
        uint32_t num_pkts
        uint32_t offset_to_first_pkt
        uint32_t blk_len

    union tpacket_bd_header_u:
        tpacket_hdr_v1 bh1

    struct tpacket_block_desc:
        tpacket_bd_header_u hdr

    struct tpacket_stats_v3:
        unsigned int tp_packets
        unsigned int tp_drops

    struct tpacket_req3:
        unsigned int tp_block_size
        unsigned int tp_block_nr
        unsigned int tp_frame_size
        unsigned int tp_frame_nr
        unsigned int tp_retire_blk_tov
        unsigned int tp_sizeof_priv
        unsigned int tp_feature_req_word

    struct packet_mreq:
        int mr_ifindex
        unsigned short mr_type
        unsigned short mr_alen


cdef extern from "<linux/if_ether.h>" nogil:
    enum:
        ETH_P_ALL


cdef extern from "<linux/if_arp.h>" nogil:
    enum:
        ARPHRD_LOOPBACK


cdef extern from * nogil:
    """
    /* Whose a block is: what the kernel wrote before it said so is seen, and what was read is read before it may
       write again. */
    #define flowtable_block_status(block) __atomic_load_n(&(block)->hdr.bh1.block_status, __ATOMIC_ACQUIRE)
    #define flowtable_give_back(block) \\
        __atomic_store_n(&(block)->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE)
    """
    uint32_t block_status "flowtable_block_status"(const tpacket_block_desc *block)
    void give_block_back "flowtable_give_back"(tpacket_block_desc *block)


cdef enum:
    LINK_ETHERNET = 1
    LINK_RAW = 101
    LINK_SLL = 113
    LINK_SLL2 = 276
    SLL_HEADER = 16
    SLL2_HEADER = 20
    VLAN_TAG = 4
    HEADROOM = 24               # that the kernel leaves before a frame: the longest header here, and a tag
    MACS = 12                   # bytes of Ethernet's two addresses, which its tags follow
    ETHERTYPE_IPV4 = 0x0800
    ETHERTYPE_IPV6 = 0x86DD
    ETHERTYPE_VLAN = 0x8100     # of tags whose type the kernel does not say


cdef enum Recheck:              # which frames the filter has to be asked about again
    RECHECK_NONE = 0
    RECHECK_TAGGED = 1          # whose tag the kernel keeps apart, so that its filter did not see it
    RECHECK_ALL = 2             # the kernel did not take the filter


cdef struct Ring:
    # Blocks that are the reader's, in order: `held` that are walked, and then, if `has_ahead`, the one at `current`:
    # `ahead` is its next frame, and `left` further ones are in [at, end).
    int fd
    uint8_t *memory
    size_t block_size
    uint32_t blocks
    uint32_t current
    uint32_t held
    uint32_t left
    size_t at
    size_t end
    bint has_ahead
    Frame ahead
    uint64_t *finished          # [block]: the turn in which it was walked to its end
    uint32_t link_type
    uint32_t snap               # bytes of a frame at most
    const Instruction *program  # NULL: all frames are wanted
    Recheck recheck
    bint is_down
    bint is_gone
    uint64_t times_clamped
    uint64_t filtered           # that the filter refused here, not in the kernel
    uint64_t own_copies         # of what was sent on loopback, where it is received as well
    uint64_t malformed          # that the kernel announced, and are not there
    uint64_t kernel_frames      # that passed the filter in the kernel, dropped ones included
    uint64_t kernel_drops


cdef inline tpacket_block_desc *block_at(const Ring *r, uint32_t number) noexcept nogil:
    return <tpacket_block_desc *>(r.memory + number * r.block_size)


cdef inline bint is_ready(const Ring *r) noexcept nogil:
    """Whether the kernel has closed the next block, and its frames can be read."""
    return r.held < r.blocks and block_status(block_at(r, r.current)) & TP_STATUS_USER != 0


cdef inline bint open_block(Ring *r, uint64_t turn) noexcept nogil:
    """Begin the next blocks that are ready until there is a frame ahead; False: there is none."""
    while not r.has_ahead and is_ready(r):
        begin_block(r)
        advance(r, turn)
    return r.has_ahead


cdef inline void begin_block(Ring *r) noexcept nogil:
    cdef const tpacket_block_desc *block = block_at(r, r.current)
    r.left = block.hdr.bh1.num_pkts
    r.at = block.hdr.bh1.offset_to_first_pkt
    r.end = min(<size_t>block.hdr.bh1.blk_len, r.block_size)


cdef inline void advance(Ring *r, uint64_t turn) noexcept nogil:
    """Look for the frame to be given next; where there is none, the block is walked to its end."""
    r.has_ahead = False
    while r.left > 0 and not r.has_ahead:
        r.has_ahead = read_frame(r)
    if not r.has_ahead:
        r.finished[r.current] = turn
        r.held += 1
        r.current = (r.current + 1) % r.blocks


cdef inline void give_back(Ring *r, uint64_t until) noexcept nogil:
    """Give the kernel those blocks again that were walked to their end up to a turn."""
    cdef uint32_t oldest
    while r.held > 0:
        oldest = (r.current + r.blocks - r.held) % r.blocks
        if r.finished[oldest] > until:
            break
        give_block_back(block_at(r, oldest))
        r.held -= 1


cdef inline bint read_frame(Ring *r) noexcept nogil:
    """Take the block's next frame; False: it is not wanted, or what the block says is not possible."""
    cdef const tpacket3_hdr *header = frame_header(r)
    cdef const sockaddr_ll *link
    cdef size_t next
    if header is NULL:
        r.malformed += r.left
        r.left = 0
        return False
    link = <const sockaddr_ll *>(<const uint8_t *>header + TPACKET3_HDRLEN - sizeof(sockaddr_ll))
    point_at(r, header)
    next = header.tp_next_offset
    r.left -= 1
    r.at += next if next else r.block_size      # the last one has none: any further would be outside
    if link.sll_hatype == ARPHRD_LOOPBACK and link.sll_pkttype == PACKET_OUTGOING:
        r.own_copies += 1
        return False
    return complete(r, header, link)


cdef inline const tpacket3_hdr *frame_header(const Ring *r) noexcept nogil:
    """The header at `at`; NULL when it, or the frame that it tells of, is not inside the block."""
    cdef const tpacket3_hdr *header = <const tpacket3_hdr *>(block_bytes(r) + r.at)
    if r.at & 7 or r.at + TPACKET3_HDRLEN > r.end:
        return NULL
    if header.tp_mac < TPACKET3_HDRLEN + HEADROOM:
        return NULL
    if r.at + header.tp_mac + <size_t>header.tp_snaplen > r.end or header.tp_snaplen > header.tp_len:
        return NULL
    return header


cdef inline uint8_t *block_bytes(const Ring *r) noexcept nogil:
    return r.memory + r.current * r.block_size


cdef inline void point_at(Ring *r, const tpacket3_hdr *header) noexcept nogil:
    r.ahead.data = block_bytes(r) + r.at + header.tp_mac
    r.ahead.captured = header.tp_snaplen
    r.ahead.length = header.tp_len
    r.ahead.link_type = <uint16_t>r.link_type
    r.ahead.sampling_rate = 0
    r.ahead.time = <uint64_t>header.tp_sec * 1000000000 + header.tp_nsec % 1000000000
    r.times_clamped += header.tp_nsec >= 1000000000


cdef inline bint complete(Ring *r, const tpacket3_hdr *header, const sockaddr_ll *link) noexcept nogil:
    """Put before the frame what the kernel keeps apart from it, and ask the filter; False: it is not wanted."""
    cdef Frame *f = &r.ahead
    cdef bint is_tagged = header.tp_status & TP_STATUS_VLAN_VALID != 0
    cdef uint16_t tpid = ETHERTYPE_VLAN
    if header.tp_status & TP_STATUS_VLAN_TPID_VALID and header.hv1.tp_vlan_tpid != 0:
        tpid = header.hv1.tp_vlan_tpid
    if f.link_type == LINK_RAW and not is_ip(link):
        f.link_type = LINK_SLL
    if f.link_type == LINK_SLL or f.link_type == LINK_SLL2:
        cook(f, link, is_tagged, tpid, <uint16_t>header.hv1.tp_vlan_tci)
    elif f.link_type == LINK_ETHERNET and is_tagged and f.captured >= MACS:
        restore_tag(f, tpid, <uint16_t>header.hv1.tp_vlan_tci)
    if r.recheck == RECHECK_ALL or (r.recheck == RECHECK_TAGGED and is_tagged):
        if r.program is not NULL and execute(r.program, f.data, f.captured, f.length) == 0:
            r.filtered += 1
            return False
    f.captured = min(f.captured, r.snap)
    return True


cdef inline bint is_ip(const sockaddr_ll *link) noexcept nogil:
    cdef const uint8_t *p = <const uint8_t *>&link.sll_protocol
    cdef uint32_t protocol = <uint32_t>p[0] << 8 | p[1]
    return protocol == ETHERTYPE_IPV4 or protocol == ETHERTYPE_IPV6


# The two below write into the headroom, of which frame_header() has seen that it is there. The block is the reader's,
# and each frame is read once.

cdef inline void restore_tag(Frame *f, uint16_t tpid, uint16_t tci) noexcept nogil:
    """Put a VLAN tag (IEEE 802.1Q) behind the MACs again."""
    cdef uint8_t *data = <uint8_t *>f.data - VLAN_TAG
    memmove(data, f.data, MACS)
    put16(data + MACS, tpid)
    put16(data + MACS + 2, tci)
    f.data = data
    f.captured += VLAN_TAG
    f.length += VLAN_TAG


cdef inline void cook(Frame *f, const sockaddr_ll *link, bint is_tagged, uint16_t tpid, uint16_t tci) noexcept nogil:
    """Put a header of LINKTYPE_LINUX_SLL or LINKTYPE_LINUX_SLL2 before a packet, and its VLAN tag in between."""
    cdef uint32_t size = SLL2_HEADER if f.link_type == LINK_SLL2 else SLL_HEADER
    cdef uint32_t more = size + (VLAN_TAG if is_tagged else 0)
    cdef uint8_t *data = <uint8_t *>f.data - more
    cdef uint8_t *protocol = data if f.link_type == LINK_SLL2 else data + 14
    cdef uint8_t *address = data + 12 if f.link_type == LINK_SLL2 else data + 6
    if f.link_type == LINK_SLL2:
        put16(data + 2, 0)
        put16(data + 4, <uint16_t>(<uint32_t>link.sll_ifindex >> 16))
        put16(data + 6, <uint16_t>link.sll_ifindex)
        put16(data + 8, link.sll_hatype)
        data[10] = link.sll_pkttype
        data[11] = min(link.sll_halen, <uint8_t>8)
    else:
        put16(data, link.sll_pkttype)
        put16(data + 2, link.sll_hatype)
        put16(data + 4, min(link.sll_halen, <uint8_t>8))
    memcpy(address, link.sll_addr, 8)
    memcpy(protocol, &link.sll_protocol, 2)
    if is_tagged:
        put16(protocol, tpid)
        put16(data + size, tci)
        memcpy(data + size + 2, &link.sll_protocol, 2)
    f.data = data
    f.captured += more
    f.length += more


cdef inline void put16(uint8_t *at, uint16_t number) noexcept nogil:
    at[0] = <uint8_t>(number >> 8)
    at[1] = <uint8_t>number
