"""The registry of protocols, and the driver that walks a frame through it.

To add a protocol: write its function in ``protocols/``, give its layer a number in ``_layers.pxd`` and
``layers.py``, and add its row to ``fill_registry``.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from flowtable._cursor cimport be16, left
from flowtable._exact cimport exact_frames, forget_frames
from flowtable._types cimport IPV4, MAX_FLOW_PARTS, MAX_LAYERS, MAX_PARTS, Frame
from flowtable.packet cimport _layers as L
from flowtable.packet._defrag cimport Defragger, IPDefragger, defragger_release
from flowtable.packet._dissection cimport (
    BROKEN, BY_ETHER_TYPE, BY_IP_PROTOCOL, BY_LAYER, BY_LINK_TYPE, BY_PPP_TYPE, BY_UDP_PORT, END, FRAGMENTED,
    PARSED, SPACES, STOPS, TOO_MANY_LAYERS, TOO_MANY_PARTS, UNKNOWN, UNSEEN, Decoding, Dissection, Part,
    Protocol, continues_tunnel, header_before, makes_flow, next_by,
)
from flowtable.packet._key cimport FlowIds, order_key, part_ids
from flowtable.packet._resume cimport defragment
# Written out one by one, since only so do they count among what this module is built from.
cimport flowtable.packet.protocols.application as application
cimport flowtable.packet.protocols.control as control
cimport flowtable.packet.protocols.dns as dns
cimport flowtable.packet.protocols.icmp as icmp
cimport flowtable.packet.protocols.internet as internet
cimport flowtable.packet.protocols.l2tp as l2tp
cimport flowtable.packet.protocols.link as link
cimport flowtable.packet.protocols.overlay as overlay
cimport flowtable.packet.protocols.routing as routing
cimport flowtable.packet.protocols.sctp as sctp
cimport flowtable.packet.protocols.transport as transport
cimport flowtable.packet.protocols.tunnel as tunnel
cimport flowtable.packet.protocols.wireless as wireless

from flowtable.errors import OptionError

cdef uint8_t REGISTRY[SPACES][65536]        # [space][number]: the layer; BY_LAYER's row is the identity
cdef Protocol PROTOCOLS[256]                # [layer]: its function
cdef uint8_t IS_APPLICATION[256]            # [layer]: parsed only for the packet that begins a flow
cdef uint64_t OPENED_BY[256]                # [layer]: tunnels, one of which has to be asked for; 0: in any case


TUNNELS = {         # numbers of what has to be cut, by the names that the option takes
    "gre": (L.GRE,),
    "mpls": (L.MPLS,),
    "vxlan": (L.VXLAN,),
    "geneve": (L.GENEVE,),
    "ipip": (L.IPV4_IN_IPV4,),
    "6in4": (L.IPV6_IN_IPV4,),
    "sit": (L.IPV6_IN_IPV4,),
    "4in6": (L.IPV4_IN_IPV6,),
    "6in6": (L.IPV6_IN_IPV6,),
    "gtpu": (L.GTPV1U,),
    "gtp": (L.GTPV1U,),
    "erspan": (L.ERSPAN_II, L.ERSPAN_III),
    "l2tpv3": (L.L2TPV3,),
    "l2tpv2": (L.L2TPV2,),
    "etherip": (L.ETHERIP,),
    "vxlan-gpe": (L.VXLAN_GPE,),
    "nvgre": (L.NVGRE,),
    "teredo": (L.TEREDO,),
    "pseudowire": (L.PW_CONTROL_WORD,),
    "wireguard": (L.WIREGUARD,),
    "pppoe": (L.PPPOE,),
}


cdef uint64_t tunnel_set(object names) except? 0:
    """The tunnels of these names as bits, for decode_frame()."""
    cdef uint64_t tunnels = 0
    for name in names:
        if name not in TUNNELS:
            raise OptionError(f"tunnels: there is no tunnel {name!r}; there are {', '.join(TUNNELS)}")
        for number in TUNNELS[name]:
            tunnels |= <uint64_t>1 << <int>number
    return tunnels


def check_tunnels(names):
    """Raise OptionError unless there are tunnels of these names."""
    tunnel_set(names)


cdef void row(uint8_t layer, Protocol protocol, int space=0, int number=0, bint is_application=False):
    """One way to a layer: what it is called, how it is read, and which number in which space names it."""
    PROTOCOLS[layer] = protocol
    REGISTRY[BY_LAYER][layer] = layer
    IS_APPLICATION[layer] = is_application
    if space:
        REGISTRY[space][number] = layer


cdef void only_for(uint8_t layer, tuple tunnels):
    """Leave a layer alone unless one of these tunnels is asked for."""
    OPENED_BY[layer] = tunnel_set(tunnels)


cdef void fill_registry():
    # link types (tcpdump.org/linktypes.html)
    row(L.LOOPBACK, link.loopback, BY_LINK_TYPE, 0)
    row(L.ETHERNET, link.ethernet, BY_LINK_TYPE, 1)
    row(L.PPP, link.ppp, BY_LINK_TYPE, 9)
    row(L.FDDI, link.fddi, BY_LINK_TYPE, 10)
    row(L.RAW_IP, link.raw_ip, BY_LINK_TYPE, 12)
    row(L.RAW_IP, link.raw_ip, BY_LINK_TYPE, 14)
    row(L.PPP, link.ppp, BY_LINK_TYPE, 50)
    row(L.PPPOE, link.pppoe, BY_LINK_TYPE, 51)
    row(L.RAW_IP, link.raw_ip, BY_LINK_TYPE, 101)
    row(L.DOT11, wireless.dot11, BY_LINK_TYPE, 105)
    row(L.LOOP, link.loop, BY_LINK_TYPE, 108)
    row(L.LINUX_SLL, link.linux_sll, BY_LINK_TYPE, 113)
    row(L.RADIOTAP, wireless.radiotap, BY_LINK_TYPE, 127)
    row(L.IPV4_LAYER, internet.ipv4, BY_LINK_TYPE, 228)
    row(L.IPV6_LAYER, internet.ipv6, BY_LINK_TYPE, 229)
    row(L.LINUX_SLL2, link.linux_sll2, BY_LINK_TYPE, 276)
    # EtherTypes (IEEE 802 Numbers)
    row(L.IPV4_LAYER, internet.ipv4, BY_ETHER_TYPE, 0x0800)
    row(L.ARP, control.arp, BY_ETHER_TYPE, 0x0806)
    row(L.CISCO_DISCOVERY, control.cdp, BY_ETHER_TYPE, 0x2000)
    row(L.ETHERNET, link.ethernet, BY_ETHER_TYPE, 0x6558)
    row(L.DOT1Q, link.dot1q, BY_ETHER_TYPE, 0x8100)
    row(L.IPV6_LAYER, internet.ipv6, BY_ETHER_TYPE, 0x86DD)
    row(L.PPP, link.ppp, BY_ETHER_TYPE, 0x880B)
    row(L.MPLS, tunnel.mpls, BY_ETHER_TYPE, 0x8847)
    row(L.MPLS, tunnel.mpls, BY_ETHER_TYPE, 0x8848)
    row(L.PPPOE, link.pppoe, BY_ETHER_TYPE, 0x8863)
    row(L.PPPOE, link.pppoe, BY_ETHER_TYPE, 0x8864)
    row(L.EAPOL, control.eapol, BY_ETHER_TYPE, 0x888E)
    row(L.DOT1Q, link.dot1q, BY_ETHER_TYPE, 0x88A8)
    row(L.DOT1Q, link.dot1q, BY_ETHER_TYPE, 0x9100)
    row(L.LINK_LAYER_DISCOVERY, control.lldp, BY_ETHER_TYPE, 0x88CC)
    row(L.ETHERNET_CTP, control.ethernet_ctp, BY_ETHER_TYPE, 0x9000)
    # IP protocols (IANA, Protocol Numbers)
    row(L.IPV6_HOP_BY_HOP, internet.ipv6_hop_by_hop, BY_IP_PROTOCOL, 0)
    row(L.ICMPV4_LAYER, icmp.icmpv4, BY_IP_PROTOCOL, 1)
    row(L.IGMP, routing.igmp, BY_IP_PROTOCOL, 2)
    row(L.IPV4_INSIDE, internet.ipv4_inside, BY_IP_PROTOCOL, 4)
    row(L.TCP_LAYER, transport.tcp, BY_IP_PROTOCOL, 6)
    row(L.UDP_LAYER, transport.udp, BY_IP_PROTOCOL, 17)
    row(L.RUDP_LAYER, transport.rudp, BY_IP_PROTOCOL, 27)
    row(L.IPV6_INSIDE, internet.ipv6_inside, BY_IP_PROTOCOL, 41)
    row(L.IPV6_ROUTING, internet.ipv6_routing, BY_IP_PROTOCOL, 43)
    row(L.IPV6_FRAGMENT, internet.ipv6_fragment, BY_IP_PROTOCOL, 44)
    row(L.GRE, tunnel.gre, BY_IP_PROTOCOL, 47)
    row(L.IPSEC_ESP, internet.ipsec_esp, BY_IP_PROTOCOL, 50)
    row(L.IPSEC_AH, internet.ipsec_ah, BY_IP_PROTOCOL, 51)
    row(L.ICMPV6_LAYER, icmp.icmpv6, BY_IP_PROTOCOL, 58)
    row(L.IPV6_DESTINATION, internet.ipv6_destination, BY_IP_PROTOCOL, 60)
    row(L.OSPF, routing.ospf, BY_IP_PROTOCOL, 89)
    row(L.ETHERIP, tunnel.etherip, BY_IP_PROTOCOL, 97)
    row(L.VRRP, routing.vrrp, BY_IP_PROTOCOL, 112)
    row(L.L2TPV3, l2tp.l2tpv3, BY_IP_PROTOCOL, 115)
    row(L.SCTP_LAYER, sctp.sctp, BY_IP_PROTOCOL, 132)
    row(L.UDPLITE_LAYER, transport.udplite, BY_IP_PROTOCOL, 136)
    row(L.MPLS, tunnel.mpls, BY_IP_PROTOCOL, 137)
    # PPP types (IANA, PPP DLL Protocol Numbers)
    row(L.IPV4_LAYER, internet.ipv4, BY_PPP_TYPE, 0x0021)
    row(L.IPV6_LAYER, internet.ipv6, BY_PPP_TYPE, 0x0057)
    row(L.MPLS, tunnel.mpls, BY_PPP_TYPE, 0x0281)
    row(L.MPLS, tunnel.mpls, BY_PPP_TYPE, 0x0283)
    # UDP ports (IANA, Service Names and Port Numbers): tunnels
    row(L.L2TP, l2tp.l2tp, BY_UDP_PORT, 1701)
    row(L.GTPV1U, overlay.gtpv1u, BY_UDP_PORT, 2152)
    row(L.TEREDO, overlay.teredo, BY_UDP_PORT, 3544)
    row(L.VXLAN, overlay.vxlan, BY_UDP_PORT, 4789)
    row(L.VXLAN_GPE, overlay.vxlan_gpe, BY_UDP_PORT, 4790)
    row(L.GENEVE, overlay.geneve, BY_UDP_PORT, 6081)
    row(L.VXLAN, overlay.vxlan, BY_UDP_PORT, 8472)
    # UDP ports: applications
    row(L.DNS, dns.dns, BY_UDP_PORT, 53, True)
    row(L.DHCPV4, application.dhcpv4, BY_UDP_PORT, 67, True)
    row(L.DHCPV4, application.dhcpv4, BY_UDP_PORT, 68, True)
    row(L.NTP, application.ntp, BY_UDP_PORT, 123, True)
    row(L.DHCPV6, application.dhcpv6, BY_UDP_PORT, 546, True)
    row(L.DHCPV6, application.dhcpv6, BY_UDP_PORT, 547, True)
    row(L.BFD, application.bfd, BY_UDP_PORT, 3784, True)
    row(L.SIP, application.sip, BY_UDP_PORT, 5060, True)
    row(L.SFLOW, application.sflow, BY_UDP_PORT, 6343, True)
    row(L.WIREGUARD, overlay.wireguard, BY_UDP_PORT, 51820, True)
    # layers that only another layer names
    row(L.LLC, link.llc)
    row(L.SNAP, link.snap)
    row(L.STP, control.stp)
    row(L.EAPOL_KEY, control.eapol_key)
    row(L.EAP, control.eap)
    row(L.ETHERNET_CTP_FUNCTION, control.ethernet_ctp_function)
    row(L.ICMPV6_MESSAGE, icmp.icmpv6_message)
    row(L.SCTP_CHUNK, sctp.sctp_chunk)
    row(L.ERSPAN, tunnel.erspan)
    row(L.ERSPAN_II, tunnel.erspan_ii)
    row(L.ERSPAN_III, tunnel.erspan_iii)
    row(L.MPLS_PAYLOAD, tunnel.mpls_payload)
    row(L.GTP_PAYLOAD, overlay.gtp_payload)
    row(L.NSH, overlay.nsh)
    row(L.L2TPV2, l2tp.l2tpv2)
    for layer in range(L.DOT11_DATA, L.DOT11_DATA_QOS_DATA):
        row(layer, wireless.dot11_data)
    for layer in range(L.DOT11_DATA_QOS_DATA, L.DOT11_DATA_QOS_NULL + 1):
        row(layer, wireless.dot11_qos)
    # tunnels whose numbers mean nothing to who does not ask for them
    only_for(L.L2TP, ("l2tpv2", "l2tpv3"))
    only_for(L.L2TPV3, ("l2tpv3",))
    only_for(L.TEREDO, ("teredo",))
    only_for(L.VXLAN_GPE, ("vxlan-gpe",))
    only_for(L.WIREGUARD, ("wireguard",))


fill_registry()

cdef bint knows_link_type(uint16_t link_type) noexcept nogil:
    """Whether frames of a link type can be decoded."""
    return REGISTRY[BY_LINK_TYPE][link_type] != L.NONE


cdef inline uint8_t registered(const Dissection *d, uint32_t space, uint32_t number) noexcept nogil:
    """The layer that a number names; NONE also for a tunnel that is looked at only if asked for, and was not."""
    cdef uint8_t layer = REGISTRY[space][number]
    cdef uint64_t opened_by = OPENED_BY[layer]
    return L.NONE if opened_by and not opened_by & d.tunnels else layer


cdef inline bint has_room(const Dissection *d, uint8_t layer) noexcept nogil:
    """Whether one more part may begin, if this layer begins one; a step without a name leaves that to the next."""
    if not d.cut or d.n_flow_parts + makes_flow(d.part) < MAX_FLOW_PARTS:
        return True
    return layer >= L.RAW_IP or continues_tunnel(d, layer)


cdef uint32_t udp_payload(Dissection *d) noexcept nogil:
    """What a UDP datagram carries by its destination's port, else by its source's.

    An application is only noted: decode_application() looks at it when its flow begins.
    """
    cdef const uint8_t *udp = header_before(d, 1)
    cdef uint8_t layer = registered(d, BY_UDP_PORT, be16(udp + 2))
    if layer == L.NONE:
        layer = registered(d, BY_UDP_PORT, be16(udp))
    if layer == L.NONE:
        return END
    if d.n_layers == MAX_LAYERS:
        return TOO_MANY_LAYERS
    if not IS_APPLICATION[layer]:
        return next_by(BY_LAYER, layer)
    d.part.application = layer
    d.part.payload = d.c.p
    d.part.payload_length = <uint32_t>left(&d.c)
    return END


cdef inline void begin(Dissection *d, const Frame *frame, Part *parts, uint64_t tunnels) noexcept nogil:
    d.c.p = d.frame = frame.data
    d.c.end = d.end = frame.data + frame.captured
    d.missing = frame.length - frame.captured if frame.length > frame.captured else 0
    d.part = parts
    d.tunnels = tunnels
    d.ip_length = d.ip_end = d.uncaptured = d.n_layers = d.n_flow_parts = 0
    d.n_parts = d.frames = 1
    d.cut = d.has_ip = d.network = d.overflow = d.data_pad = d.stop_layer = 0
    memset(parts, 0, sizeof(Part) - sizeof(parts.layers))


cdef uint32_t decode_frame(Dissection *d, const Frame *frame, Part *parts, const Decoding *how) noexcept nogil:
    """Cut a frame into parts, outermost first; gives their number.

    There is room for MAX_PARTS at `parts`. What was decoded before d.stop is there, nothing after it. A part
    that is a piece for the defragmenter is not there until the datagram is whole; d.frames are the frames that
    the caller has to account for.
    """
    cdef uint32_t following
    begin(d, frame, parts, how.tunnels)
    following = walk(d, next_by(BY_LINK_TYPE, frame.link_type))
    while following == FRAGMENTED and how.defragger != NULL and d.fragment.network and not d.overflow:
        following = walk(d, defragment(d, frame, parts, how.defragger))
    d.stop = TOO_MANY_LAYERS if d.overflow else following
    measure(d, frame, parts)
    return d.n_parts


cdef inline uint32_t walk(Dissection *d, uint32_t following) noexcept nogil:
    """Decode layer by layer; gives why decoding stopped."""
    cdef uint8_t layer
    while following >= STOPS:
        if following >> 16 == BY_UDP_PORT:
            following = udp_payload(d)
            continue
        layer = registered(d, following >> 16, following & 0xFFFF)
        if layer == L.NONE:
            following = UNKNOWN
        elif d.n_layers == MAX_LAYERS:
            following = TOO_MANY_LAYERS
        elif not has_room(d, layer):
            following = TOO_MANY_PARTS
        else:
            d.stop_layer = layer
            following = PROTOCOLS[layer](d)
    return following


cdef inline void measure(Dissection *d, const Frame *frame, Part *parts) noexcept nogil:
    """Say how long each part is: a child has what its parent's headers leave of the parent's length.

    The outermost part is as long as the frame if it begins with Ethernet, else as its IP header says. A part
    whose datagram was put together is as long as its last piece, but what is inside is part of the whole.
    """
    cdef uint32_t i, length = d.ip_length
    if d.n_layers and d.layers[0].type == L.ETHERNET:
        length = frame.length
    for i in range(d.n_parts):
        parts[i].length = length
        if parts[i].whole:
            length = parts[i].whole
        length = length - parts[i].headers if length > parts[i].headers else 0


cdef bint decode_application(Dissection *scratch, Part *part) noexcept nogil:
    """Look at a payload that was not looked at yet, and name it if it parses; else say why not."""
    cdef Part unused
    scratch.c.p = scratch.frame = part.payload
    scratch.c.end = part.payload + part.payload_length
    scratch.part = &unused
    scratch.tunnels = 0
    scratch.n_layers = unused.n_layers = unused.headers = 0
    scratch.cut = scratch.overflow = 0
    scratch.stop_layer = part.application
    scratch.stop = PROTOCOLS[part.application](scratch)
    part.payload_state = PARSED if scratch.n_layers else BROKEN
    if scratch.n_layers == 0:
        return False
    part.layers[part.n_layers] = part.application
    part.n_layers += 1
    return True


# ---- the Python face, for looking at single packets


cdef class PartFacts:
    """One part of a frame in Python's terms; ends stand in the packet's own order, as raw bytes."""

    cdef Part part

    @property
    def length(self):
        """Bytes that the part's flow counts."""
        return self.part.length

    @property
    def link(self):
        """Source and destination MAC of the outermost Ethernet layer, or None."""
        return (self.part.link_a[:6], self.part.link_b[:6]) if self.part.has_link else None

    @property
    def network(self):
        """Kind, source and destination of the outermost IP layer, or None."""
        cdef int size = 4 if self.part.key.network == IPV4 else 16
        if not self.part.key.network:
            return None
        return self.part.key.network, self.part.key.address_a[:size], self.part.key.address_b[:size]

    @property
    def transport(self):
        """Kind, source and destination port of the outermost transport layer, or None."""
        if not self.part.key.transport:
            return None
        return self.part.key.transport, self.part.port_a, self.part.port_b

    @property
    def segment(self):
        """Of TCP whose header fits: sequence, acknowledgment, window, flags, payload bytes here and on the wire."""
        if not self.part.is_segment:
            return None
        return (
            self.part.tcp_sequence, self.part.tcp_acknowledgment, self.part.tcp_window, self.part.tcp_flags,
            self.part.payload_length, self.part.tcp_length,
        )

    @property
    def icmp(self):
        """Kind, flow ICMP type, code and id, or None."""
        if not self.part.key.icmp:
            return None
        return self.part.key.icmp, self.part.icmp_type, self.part.icmp_code, self.part.key.id & 0xFFFF

    @property
    def icmp_key(self):
        """What tells ICMP flows apart: type << 24 | code << 16 | id; 0 without ICMP."""
        return self.part.key.id if self.part.key.icmp else 0

    @property
    def network_id(self):
        """VNI, VSID, GRE key or ERSPAN session of the last such layer; 0 without."""
        return self.part.network_id

    @property
    def fragments(self):
        """Pieces that were put together, less one for each datagram, and bad pieces; None without IP."""
        return (self.part.fragments, self.part.fragment_errors) if self.part.key.network else None

    def ids(self, int layer_key, bint key_ids, parent_uuid=None):
        """``(key, L2 key, L3 key)`` under key modes and a parent flow; None if the part makes no flow."""
        cdef Part ordered = self.part
        cdef FlowIds ids
        if not makes_flow(&self.part):
            return None
        order_key(&ordered, layer_key, key_ids)
        ids = part_ids(&ordered, parent_uuid is not None, parent_uuid or 0)
        return ids.key, ids.l2, ids.l3


def dissect(const uint8_t[::1] data not None, int link_type, length, tunnels, int64_t time=0,
            IPDefragger defragger=None):
    """Decode one frame, its applications included.

    Gives ``(layers, parts, stop, frame)``: a layer is ``(layer number, offset, header length, index of its
    part)``, a part is ``PartFacts``, ``stop`` is ``(reason, layer number)``, and ``frame`` are the bytes that
    offsets are in if the defragmenter made them, else None.
    """
    if defragger is None:
        return dissected(data, link_type, length, tunnels, time, None)
    with cython.critical_section(defragger):
        return dissected(data, link_type, length, tunnels, time, defragger)


cdef tuple dissected(const uint8_t[::1] data, int link_type, length, tunnels, int64_t time, IPDefragger defragger):
    cdef Dissection d
    cdef Part parts[MAX_PARTS]
    cdef Frame frame
    cdef Decoding how
    cdef uint32_t i, n, at = 0, named
    cdef uint8_t nothing = 0
    frame.data = &data[0] if data.shape[0] else &nothing
    frame.captured = <uint32_t>min(data.shape[0], 0x7FFFFFFF)
    frame.length = frame.captured if length is None else length
    frame.link_type = <uint16_t>link_type
    frame.time = time
    frame.sampling_rate = 0
    how.tunnels = tunnel_set(tunnels)
    how.defragger = NULL if defragger is None else &defragger.state
    exact_frames(&frame, 1)
    n = decode_frame(&d, &frame, parts, &how)
    layers, facts, stop = [], [], (d.stop, d.stop_layer)
    for i in range(n):
        for named in range(parts[i].n_layers):
            layers.append((d.layers[at].type, d.layers[at].offset, d.layers[at].length, i))
            at += 1
        application_layer(&d, &parts[i], layers, i)
        facts.append(part_facts(&parts[i]))
    forget_frames(&frame, 1)
    return layers, facts, stop, None if defragger is None else take_whole(&defragger.state)


cdef object take_whole(Defragger *defragger):
    """The frame that was made of the one decoded just now, or None."""
    cdef bytes made = None
    if defragger.finished != NULL:
        made = (<const uint8_t *>&defragger.finished[1])[:defragger.finished.size]
    defragger_release(defragger)
    return made


cdef object application_layer(const Dissection *d, Part *part, list layers, uint32_t index):
    """Add the layer of a part's UDP payload, if it has one that parses."""
    cdef Dissection scratch
    if part.application and part.payload_state == UNSEEN and decode_application(&scratch, part):
        layers.append((part.application, part.payload - d.frame, part.payload_length, index))


cdef PartFacts part_facts(const Part *part):
    cdef PartFacts facts = PartFacts.__new__(PartFacts)
    facts.part = part[0]
    facts.part.payload = NULL       # the frame's bytes do not outlive the call
    return facts


def registry():
    """Every row as ``(space, number, layer number)``, for tests and for the reference page."""
    return [
        (space, number, REGISTRY[space][number])
        for space in range(1, SPACES)
        for number in range(65536)
        if REGISTRY[space][number]
    ]
