"""Frames, and what a decoder has to make of them: one row or more for each protocol, and for each rule.

`parts` are the paths of a frame's parts from outside in, cut by the case's `tunnels`. Nothing here imports
the decoder, so that the same rows serve whoever truncates the frames or flips their bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowtable.testing import (
    AH,
    ARP,
    BFD,
    CDP,
    DNS,
    EAP,
    EAPOL,
    ERSPAN2,
    ERSPAN3,
    ESP,
    FDDI,
    GRE,
    IGMP,
    LLC,
    LLDP,
    MPLS,
    MX,
    NSH,
    NTP,
    NVGRE,
    OSPF,
    PPP,
    PPTP,
    RUDP,
    SCTP,
    SIP,
    SNAP,
    SOA,
    SRV,
    STP,
    TCP,
    TXT,
    UDP,
    VRRP,
    VXLAN,
    VXLANGPE,
    ControlWord,
    DHCPv4,
    DHCPv6,
    DHCPv6Relay,
    DomainName,
    Dot1Q,
    Dot11,
    Dot11Ack,
    Dot11Beacon,
    Dot11Data,
    Dot11QosData,
    Dot11Rts,
    EAPOLKey,
    EtherIP,
    Ethernet,
    EthernetCTP,
    EthernetCTPForwardData,
    EthernetCTPReply,
    ExternalLsa,
    Geneve,
    GeneveOption,
    GroupRecord,
    GtpExtension,
    GTPv1U,
    ICMPv4,
    ICMPv6,
    ICMPv6Echo,
    ICMPv6Error,
    ICMPv6NeighborAdvertisement,
    ICMPv6NeighborSolicitation,
    ICMPv6Redirect,
    ICMPv6RouterAdvertisement,
    ICMPv6RouterSolicitation,
    IGMPv3Query,
    IGMPv3Report,
    IPv4,
    IPv6,
    IPv6Destination,
    IPv6Fragment,
    IPv6HopByHop,
    IPv6Routing,
    L2TPv2,
    L2TPv3,
    L2TPv3OverUDP,
    LinuxCooked,
    LinuxCooked2,
    Loopback,
    Lsa,
    MLDv1MulticastListenerDone,
    MLDv1MulticastListenerQuery,
    MLDv1MulticastListenerReport,
    MLDv2MulticastListenerQuery,
    MLDv2MulticastListenerReport,
    NetworkLsa,
    OSPFAck,
    OSPFDescription,
    OSPFHello,
    OSPFHello3,
    OSPFRequest,
    OSPFUpdate,
    OSPFv3,
    Packet,
    PPPoE,
    PPPoEDiscovery,
    Question,
    RadioTap,
    Record,
    RouterLsa,
    SCTPAbort,
    SCTPCookieAck,
    SCTPCookieEcho,
    SCTPData,
    SCTPError,
    SCTPHeartbeat,
    SCTPHeartbeatAck,
    SCTPInit,
    SCTPInitAck,
    SCTPSack,
    SCTPShutdown,
    SCTPShutdownAck,
    SCTPShutdownComplete,
    ServiceTag,
    SFlow,
    SFlowCounterSample,
    SFlowFlowSample,
    SFlowRecord,
    SummaryLsa,
    Teredo,
    UDPLite,
    WireGuard,
    dns_name,
    interface_counters,
    link_address,
    lldp_tlvs,
    raw_header,
)

if TYPE_CHECKING:
    from flowtable.testing import Layer


REFERENCE = ("gre", "mpls", "vxlan", "geneve")
DEFAULT = (
    *REFERENCE,
    *("ipip", "6in4", "4in6", "6in6", "gtpu", "erspan", "l2tpv3", "l2tpv2", "etherip", "vxlan-gpe", "nvgre"),
    *("teredo", "pseudowire", "wireguard"),
)


@dataclass(frozen=True)
class Case:
    """A frame and the paths of its parts."""

    name: str
    frame: bytes
    parts: tuple[str, ...]
    link_type: int = 1
    tunnels: tuple[str, ...] = REFERENCE


def case(name: str, packet: Packet | Layer | bytes, *parts: str, link_type: int = 1) -> Case:
    return Case(name, bytes(packet), parts, link_type)


ETHER = Ethernet()
IP4 = ETHER / IPv4()
IP6 = ETHER / IPv6()
TEXT = b"nothing that anybody decodes"
INNER4 = IPv4("10.0.0.1", "10.0.0.2") / UDP(40000, 40001) / TEXT
INNER6 = IPv6("2001:db8:1::1", "2001:db8:1::2") / UDP(40000, 40001) / TEXT
INNER_ETHER = Ethernet("02:00:5e:10:00:03", "02:00:5e:10:00:04") / INNER4
DISCOVERED = "CiscoDiscovery/CiscoDiscoveryInfo"

LINKS = [
    case("ethernet", ETHER / INNER4, "Ethernet/IPv4/UDP"),
    case("ethernet_unknown_type", ETHER / TEXT, "Ethernet"),
    case("ethernet_padded", Ethernet(pad=60) / IPv4() / TCP(1, 2), "Ethernet/IPv4/TCP"),
    case("vlan", ETHER / Dot1Q(8) / INNER4, "Ethernet/Dot1Q/IPv4/UDP"),
    case(
        "vlan_stacked",
        ETHER / Dot1Q(8) / Dot1Q(10) / Dot1Q(20) / INNER6,
        "Ethernet/Dot1Q/Dot1Q/Dot1Q/IPv6/UDP",
    ),
    case("vlan_service_tag", ETHER / ServiceTag(8) / Dot1Q(10) / INNER4, "Ethernet/Dot1Q/Dot1Q/IPv4/UDP"),
    case("vlan_with_length", ETHER / Dot1Q(8) / LLC() / STP(), "Ethernet/Dot1Q"),
    case("llc", ETHER / LLC(0xFE, 0xFE) / TEXT, "Ethernet/LLC"),
    case("llc_two_byte_control", ETHER / LLC(0xF0, 0xF0, 0x0102) / TEXT, "Ethernet/LLC"),
    case("snap", ETHER / LLC() / SNAP() / INNER4, "Ethernet/LLC/SNAP/IPv4/UDP"),
    case("snap_any_oui", ETHER / LLC() / SNAP(0x123456) / INNER4, "Ethernet/LLC/SNAP/IPv4/UDP"),
    case("snap_unknown", ETHER / LLC() / SNAP() / TEXT, "Ethernet/LLC/SNAP"),
    case("stp", Ethernet(pad=60) / LLC() / STP(), "Ethernet/LLC/STP"),
    case("stp_rapid", Ethernet(pad=60) / LLC() / STP(rapid=True), "Ethernet/LLC/STP"),
    case("arp", ETHER / ARP(), "Ethernet/ARP"),
    case("arp_too_long_addresses", ETHER / ARP(hardware_length=20), "Ethernet"),
    case("pppoe", ETHER / PPPoE() / PPP() / INNER4, "Ethernet/PPPoE/PPP/IPv4/UDP"),
    case("pppoe_ipv6", ETHER / PPPoE() / PPP() / INNER6, "Ethernet/PPPoE/PPP/IPv6/UDP"),
    case("pppoe_discovery", ETHER / PPPoEDiscovery(), "Ethernet/PPPoE"),
    case("pppoe_other_code", ETHER / PPPoE(code=0xA7) / PPP() / INNER4, "Ethernet/PPPoE"),
    case("ppp", PPP() / INNER4, "PPP/IPv4/UDP", link_type=9),
    case("ppp_framed", PPP(framed=True) / INNER6, "PPP/IPv6/UDP", link_type=9),
    case("ppp_compressed", PPP(compressed=True) / INNER4, "PPP/IPv4/UDP", link_type=9),
    case("ppp_mpls", PPP() / MPLS() / INNER4, "PPP/MPLS", "IPv4/UDP", link_type=9),
    case("ppp_mpls_multicast", PPP(0x0283) / MPLS() / INNER4, "PPP/MPLS", "IPv4/UDP", link_type=9),
    case("ppp_lcp", PPP(0xC021) / TEXT, "PPP", link_type=9),
    case("cooked", LinuxCooked() / INNER4, "IPv4/UDP", link_type=113),
    case("cooked_arp", LinuxCooked() / ARP(), "ARP", link_type=113),
    case("cooked_vlan", LinuxCooked() / Dot1Q(8) / INNER4, "Dot1Q/IPv4/UDP", link_type=113),
    case("cooked2", LinuxCooked2() / INNER6, "IPv6/UDP", link_type=276),
    case("cooked2_arp", LinuxCooked2() / ARP(), "ARP", link_type=276),
    case("null", Loopback() / INNER4, "Loopback/IPv4/UDP", link_type=0),
    case("null_big", Loopback(byteorder="big") / INNER4, "Loopback/IPv4/UDP", link_type=0),
    case("null_ipv6_24", Loopback(24) / INNER6, "Loopback/IPv6/UDP", link_type=0),
    case("null_ipv6_28", Loopback(28) / INNER6, "Loopback/IPv6/UDP", link_type=0),
    case("null_ipv6_30", Loopback(30, "big") / INNER6, "Loopback/IPv6/UDP", link_type=0),
    case("loop", Loopback(byteorder="big") / INNER4, "Loopback/IPv4/UDP", link_type=108),
    case("raw_12", INNER4, "IPv4/UDP", link_type=12),
    case("raw_14", INNER4, "IPv4/UDP", link_type=14),
    case("raw_101", INNER6, "IPv6/UDP", link_type=101),
    case("raw_228", INNER4, "IPv4/UDP", link_type=228),
    case("raw_229", INNER6, "IPv6/UDP", link_type=229),
    case("fddi", FDDI() / LLC() / SNAP() / INNER4, "FDDI/LLC/SNAP/IPv4/UDP", link_type=10),
]

WIFI_DATA = LLC() / SNAP() / INNER4
WIFI = [
    case(
        "wifi_data",
        RadioTap() / Dot11() / Dot11Data() / WIFI_DATA,
        "RadioTap/Dot11/Dot11Data/LLC/SNAP/IPv4/UDP",
        link_type=127,
    ),
    case(
        "wifi_qos_data",
        RadioTap(fcs=True) / Dot11() / Dot11QosData() / WIFI_DATA,
        "RadioTap/Dot11/Dot11DataQOSData/Dot11Data/LLC/SNAP/IPv4/UDP",
        link_type=127,
    ),
    case(
        "wifi_qos_data_order",
        RadioTap() / Dot11(flags=0x81) / Dot11QosData(ht_control=0) / WIFI_DATA,
        "RadioTap/Dot11/Dot11DataQOSData/Dot11Data/LLC/SNAP/IPv4/UDP",
        link_type=127,
    ),
    case(
        "wifi_four_addresses",
        RadioTap() / Dot11(flags=3) / Dot11Data() / WIFI_DATA,
        "RadioTap/Dot11/Dot11Data/LLC/SNAP/IPv4/UDP",
        link_type=127,
    ),
    case(
        "wifi_beacon",
        RadioTap(fcs=True) / Dot11(flags=0) / Dot11Beacon(elements=()),
        "RadioTap/Dot11/Dot11MgmtBeacon",
        link_type=127,
    ),
    case(
        "wifi_ack",
        RadioTap(fcs=True) / Dot11(flags=0) / Dot11Ack(),
        "RadioTap/Dot11/Dot11CtrlAck",
        link_type=127,
    ),
    case(
        "wifi_rts",
        RadioTap(fcs=True) / Dot11(flags=0) / Dot11Rts(),
        "RadioTap/Dot11/Dot11CtrlRTS",
        link_type=127,
    ),
    case(
        "wifi_without_radiotap",
        Dot11() / Dot11Data() / WIFI_DATA,
        "Dot11/Dot11Data/LLC/SNAP/IPv4/UDP",
        link_type=105,
    ),
]

NETWORK = [
    case("ipv4", IP4 / UDP(1, 2) / TEXT, "Ethernet/IPv4/UDP"),
    case("ipv4_options", ETHER / IPv4(options=b"\x94\x04\0\0") / UDP(1, 2) / TEXT, "Ethernet/IPv4/UDP"),
    case("ipv4_unknown_protocol", IP4 / TEXT, "Ethernet/IPv4"),
    case("ipv4_length_zero", ETHER / IPv4(total_length=0) / UDP(1, 2) / TEXT, "Ethernet/IPv4/UDP"),
    case("ipv4_length_beyond", ETHER / IPv4(total_length=9000) / UDP(1, 2) / TEXT, "Ethernet/IPv4/UDP"),
    case("ipv4_length_below_header", ETHER / IPv4(total_length=19) / UDP(1, 2) / TEXT, "Ethernet/IPv4"),
    case("ipv4_ihl_4", ETHER / IPv4(ihl=4) / UDP(1, 2) / TEXT, "Ethernet/IPv4"),
    case("ipv4_ihl_beyond", ETHER / IPv4(ihl=15) / UDP(1, 2), "Ethernet/IPv4"),
    case("ipv4_option_length_2", ETHER / IPv4(options=b"\x44\x02\0\0") / UDP(1, 2), "Ethernet/IPv4"),
    case("ipv4_option_beyond", ETHER / IPv4(options=b"\x44\x09\0\0") / UDP(1, 2), "Ethernet/IPv4"),
    case("ipv4_first_fragment", ETHER / IPv4(flags="M") / UDP(1, 2) / TEXT, "Ethernet/IPv4/Fragment"),
    case(
        "ipv4_later_fragment",
        ETHER / IPv4(flags="M", fragment_offset=1480, protocol=17) / TEXT,
        "Ethernet/IPv4/Fragment",
    ),
    case("ipv4_hop_by_hop", IP4 / IPv6HopByHop() / UDP(1, 2) / TEXT, "Ethernet/IPv4/IPv6HopByHop/UDP"),
    case("ipv6", IP6 / UDP(1, 2) / TEXT, "Ethernet/IPv6/UDP"),
    case("ipv6_no_next", ETHER / IPv6(next_header=59) / TEXT, "Ethernet/IPv6"),
    case("ipv6_length_zero", ETHER / IPv6(payload_length=0) / UDP(1, 2) / TEXT, "Ethernet/IPv6"),
    case(
        "ipv6_hop_by_hop", IP6 / IPv6HopByHop(((5, b"\0\0"),)) / UDP(1, 2), "Ethernet/IPv6/IPv6HopByHop/UDP"
    ),
    case(
        "ipv6_jumbo",
        IP6 / IPv6HopByHop(jumbo=True, jumbo_length=70_000) / UDP(1, 2) / TEXT,
        "Ethernet/IPv6/IPv6HopByHop/UDP",
    ),
    case(
        "ipv6_hop_by_hop_bad_option",
        IP6 / IPv6HopByHop(raw_options=b"\x05\x80\0\0\0\0") / UDP(1, 2),
        "Ethernet/IPv6",
    ),
    case("ipv6_hop_by_hop_beyond", IP6 / IPv6HopByHop(length=30) / UDP(1, 2), "Ethernet/IPv6"),
    case("ipv6_destination", IP6 / IPv6Destination() / UDP(1, 2), "Ethernet/IPv6/IPv6Destination/UDP"),
    case(
        "ipv6_routing",
        IP6 / IPv6Routing(("2001:db8::8", "2001:db8::9")) / UDP(1, 2),
        "Ethernet/IPv6/IPv6Routing/UDP",
    ),
    case("ipv6_routing_type_4", IP6 / IPv6Routing(("2001:db8::8",), 4) / UDP(1, 2), "Ethernet/IPv6"),
    case("ipv6_fragment", IP6 / IPv6Fragment(more=True) / UDP(1, 2), "Ethernet/IPv6/IPv6Fragment/Fragment"),
    case("ipv6_atomic_fragment", IP6 / IPv6Fragment() / UDP(1, 2), "Ethernet/IPv6/IPv6Fragment/Fragment"),
    case(
        "ipv6_chain",
        IP6 / IPv6HopByHop() / IPv6Destination() / IPv6Routing(("2001:db8::8",)) / ICMPv6() / ICMPv6Echo(),
        "Ethernet/IPv6/IPv6HopByHop/IPv6Destination/IPv6Routing/ICMPv6/ICMPv6Echo",
    ),
    case("ah", IP4 / AH() / UDP(1, 2) / TEXT, "Ethernet/IPv4/IPSecAH/UDP"),
    case("ah_ipv6", IP6 / AH() / UDP(1, 2) / TEXT, "Ethernet/IPv6/IPSecAH/UDP"),
    case("ah_too_short", IP4 / AH(length=0) / UDP(1, 2) / TEXT, "Ethernet/IPv4"),
    case("ah_beyond", IP4 / AH(length=250) / UDP(1, 2) / TEXT, "Ethernet/IPv4"),
    case("esp", IP4 / ESP() / TEXT, "Ethernet/IPv4/IPSecESP"),
]

INIT = SCTPInit(tag=7)
TRANSPORT = [
    case("tcp", IP4 / TCP(1, 2, "S", options=b"\x02\x04\x05\xb4"), "Ethernet/IPv4/TCP"),
    case("tcp_payload_stays_closed", IP4 / TCP(40000, 53) / TEXT, "Ethernet/IPv4/TCP"),
    case("tcp_offset_4", IP4 / TCP(1, 2, data_offset=4) / TEXT, "Ethernet/IPv4/TCP"),
    case("tcp_offset_beyond", IP4 / TCP(1, 2, data_offset=15), "Ethernet/IPv4/TCP"),
    case("tcp_19_bytes", ETHER / IPv4(protocol=6) / bytes(19), "Ethernet/IPv4"),
    case("udp_length_7", IP4 / UDP(40000, length=7) / DNS(questions=(Question("a"),)), "Ethernet/IPv4/UDP"),
    case("udp_7_bytes", ETHER / IPv4(protocol=17) / bytes(7), "Ethernet/IPv4"),
    case("udplite", IP4 / UDPLite(1, 2) / TEXT, "Ethernet/IPv4/UDPLite"),
    case("rudp", IP4 / RUDP() / TEXT, "Ethernet/IPv4/RUDP"),
    case("rudp_syn", IP4 / RUDP(flags="S", variable=b"\0\x05\x01\0\0\0"), "Ethernet/IPv4/RUDP"),
    case("rudp_header_length_8", IP4 / RUDP(header_length=8), "Ethernet/IPv4"),
    case("sctp_data", IP4 / SCTP() / SCTPData(TEXT), "Ethernet/IPv4/SCTP/SCTPData"),
    case("sctp_init", IP4 / SCTP() / INIT, "Ethernet/IPv4/SCTP/SCTPInit"),
    case("sctp_init_ack", IP4 / SCTP() / SCTPInitAck(b"\0\7\0\x08cook"), "Ethernet/IPv4/SCTP/SCTPInitAck"),
    case(
        "sctp_sack", IP4 / SCTP() / SCTPSack(gaps=((2, 3),), duplicates=(1,)), "Ethernet/IPv4/SCTP/SCTPSack"
    ),
    case("sctp_heartbeat", IP4 / SCTP() / SCTPHeartbeat(), "Ethernet/IPv4/SCTP/SCTPHeartbeat"),
    case("sctp_heartbeat_ack", IP4 / SCTP() / SCTPHeartbeatAck(), "Ethernet/IPv4/SCTP/SCTPHeartbeatAck"),
    case("sctp_abort", IP4 / SCTP() / SCTPAbort(), "Ethernet/IPv4/SCTP/SCTPAbort"),
    case("sctp_error", IP4 / SCTP() / SCTPError(), "Ethernet/IPv4/SCTP/SCTPError"),
    case("sctp_shutdown", IP4 / SCTP() / SCTPShutdown(), "Ethernet/IPv4/SCTP/SCTPShutdown"),
    case("sctp_shutdown_ack", IP4 / SCTP() / SCTPShutdownAck(), "Ethernet/IPv4/SCTP/SCTPShutdownAck"),
    case(
        "sctp_shutdown_complete",
        IP4 / SCTP() / SCTPShutdownComplete(),
        "Ethernet/IPv4/SCTP/SCTPShutdownComplete",
    ),
    case("sctp_cookie_echo", IP6 / SCTP() / SCTPCookieEcho(), "Ethernet/IPv6/SCTP/SCTPCookieEcho"),
    case("sctp_cookie_ack", IP6 / SCTP() / SCTPCookieAck(), "Ethernet/IPv6/SCTP/SCTPCookieAck"),
    case("sctp_bundle", IP4 / SCTP() / SCTPSack() / SCTPData(TEXT), "Ethernet/IPv4/SCTP/SCTPSack/SCTPData"),
]

ICMPV4_TYPES = (0, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
ICMP = [
    *(
        case(f"icmpv4_type_{kind}", IP4 / ICMPv4(kind, id=5, seq=6) / INNER4, "Ethernet/IPv4/ICMPv4")
        for kind in ICMPV4_TYPES
    ),
    case("icmpv6_unreachable", IP6 / ICMPv6() / ICMPv6Error() / INNER6, "Ethernet/IPv6/ICMPv6"),
    case("icmpv6_too_big", IP6 / ICMPv6(2) / ICMPv6Error(1280) / INNER6, "Ethernet/IPv6/ICMPv6"),
    case("icmpv6_time_exceeded", IP6 / ICMPv6(3) / ICMPv6Error() / INNER6, "Ethernet/IPv6/ICMPv6"),
    case("icmpv6_parameter_problem", IP6 / ICMPv6(4) / ICMPv6Error(40) / INNER6, "Ethernet/IPv6/ICMPv6"),
    case("icmpv6_echo", IP6 / ICMPv6() / ICMPv6Echo(7, 1) / TEXT, "Ethernet/IPv6/ICMPv6/ICMPv6Echo"),
    case("icmpv6_echo_reply", IP6 / ICMPv6(129) / ICMPv6Echo(7, 1) / TEXT, "Ethernet/IPv6/ICMPv6/ICMPv6Echo"),
    case(
        "icmpv6_router_solicitation",
        IP6 / ICMPv6() / ICMPv6RouterSolicitation() / link_address(1, "02:00:00:00:00:01"),
        "Ethernet/IPv6/ICMPv6/ICMPv6RouterSolicitation",
    ),
    case(
        "icmpv6_router_advertisement",
        IP6 / ICMPv6() / ICMPv6RouterAdvertisement() / b"\x05\x01\0\0\0\0\x05\xdc",
        "Ethernet/IPv6/ICMPv6/ICMPv6RouterAdvertisement",
    ),
    case(
        "icmpv6_neighbor_solicitation",
        IP6 / ICMPv6() / ICMPv6NeighborSolicitation() / link_address(1, "02:00:00:00:00:01"),
        "Ethernet/IPv6/ICMPv6/ICMPv6NeighborSolicitation",
    ),
    case(
        "icmpv6_neighbor_advertisement",
        IP6 / ICMPv6() / ICMPv6NeighborAdvertisement() / link_address(2, "02:00:00:00:00:02"),
        "Ethernet/IPv6/ICMPv6/ICMPv6NeighborAdvertisement",
    ),
    case(
        "icmpv6_redirect",
        IP6 / ICMPv6() / ICMPv6Redirect() / link_address(2, "02:00:00:00:00:03"),
        "Ethernet/IPv6/ICMPv6/ICMPv6Redirect",
    ),
    case(
        "mldv1_query",
        IP6 / ICMPv6() / MLDv1MulticastListenerQuery(),
        "Ethernet/IPv6/ICMPv6/MLDv1MulticastListenerQuery",
    ),
    case(
        "mldv1_report",
        IP6 / ICMPv6() / MLDv1MulticastListenerReport(),
        "Ethernet/IPv6/ICMPv6/MLDv1MulticastListenerReport",
    ),
    case(
        "mldv1_done",
        IP6 / ICMPv6() / MLDv1MulticastListenerDone(),
        "Ethernet/IPv6/ICMPv6/MLDv1MulticastListenerDone",
    ),
    case(
        "mldv2_query",
        IP6
        / IPv6HopByHop(((5, b"\0\0"),))
        / ICMPv6()
        / MLDv2MulticastListenerQuery(sources=("2001:db8::5",)),
        "Ethernet/IPv6/IPv6HopByHop/ICMPv6/MLDv2MulticastListenerQuery",
    ),
    case(
        "mldv2_report",
        IP6 / ICMPv6() / MLDv2MulticastListenerReport((GroupRecord("ff02::1:3", ("2001:db8::5",)),)),
        "Ethernet/IPv6/ICMPv6/MLDv2MulticastListenerReport",
    ),
    case("igmp_query", IP4 / IGMP(), "Ethernet/IPv4/IGMP"),
    case("igmp_v1_report", IP4 / IGMP(0x12, "239.1.2.3", 0), "Ethernet/IPv4/IGMP"),
    case("igmp_v2_report", IP4 / IGMP(0x16, "239.1.2.3", 0), "Ethernet/IPv4/IGMP"),
    case("igmp_v2_leave", IP4 / IGMP(0x17, "239.1.2.3", 0), "Ethernet/IPv4/IGMP"),
    case("igmp_v3_query", IP4 / IGMPv3Query(group="239.1.2.3", sources=("192.0.2.5",)), "Ethernet/IPv4/IGMP"),
    case("igmp_v3_report", IP4 / IGMPv3Report(), "Ethernet/IPv4/IGMP"),
    case("igmp_v3_too_many_sources", IP4 / IGMPv3Query(source_count=9), "Ethernet/IPv4"),
    case("igmp_v3_too_many_groups", IP4 / IGMPv3Report(record_count=9), "Ethernet/IPv4"),
    case("igmp_unknown_type", IP4 / IGMP(0x13), "Ethernet/IPv4"),
]

ROUTER3 = Lsa(0x2001, wide=True, body=struct.pack("!I", 0x13) + struct.pack("!HHIII", 0x0200, 1, 5, 5, 6))
LINK3 = Lsa(0x0008, wide=True, body=struct.pack("!I", 0x01000013) + bytes(16) + struct.pack("!I", 0))
EVERY_LSA = (RouterLsa(), NetworkLsa(), SummaryLsa(), SummaryLsa(4), ExternalLsa(), ExternalLsa(7))
LOOP_TEST = EthernetCTPForwardData() / EthernetCTPReply()
CONTROL = [
    case("lldp", ETHER / LLDP(), "Ethernet/LinkLayerDiscovery/LinkLayerDiscoveryInfo"),
    case("lldp_without_end", ETHER / LLDP(LLDP().tlvs[:-1]), "Ethernet"),
    case("lldp_without_port", ETHER / LLDP(tuple(tlv for tlv in LLDP().tlvs if tlv[0] != 2)), "Ethernet"),
    case("lldp_three_tlvs", ETHER / LLDP((*lldp_tlvs("02:00:00:00:00:01", "a")[:2], (0, b""))), "Ethernet"),
    case("cdp", ETHER / LLC() / SNAP(0x0C) / CDP(), f"Ethernet/LLC/SNAP/{DISCOVERED}"),
    case("cdp_tlv_of_3", ETHER / LLC() / SNAP(0x0C) / CDP(()) / b"\0\1\0\3", "Ethernet/LLC/SNAP"),
    case("cdp_tlv_beyond", ETHER / LLC() / SNAP(0x0C) / CDP(()) / b"\0\1\0\x20abc", "Ethernet/LLC/SNAP"),
    case("eapol_start", ETHER / EAPOL(), "Ethernet/EAPOL"),
    case("eap", ETHER / EAPOL() / EAP() / b"anonymous", "Ethernet/EAPOL/EAP"),
    case("eap_success", ETHER / EAPOL() / EAP(3, method=None), "Ethernet/EAPOL/EAP"),
    case("eap_length_3", ETHER / EAPOL() / EAP(length=3) / b"anonymous", "Ethernet/EAPOL"),
    case("eap_length_beyond", ETHER / EAPOL() / EAP(length=300) / b"anonymous", "Ethernet/EAPOL"),
    case("eapol_key", ETHER / EAPOL() / EAPOLKey(key_data=b"\x30\x02\1\0"), "Ethernet/EAPOL/EAPOLKey"),
    case(
        "ctp_reply",
        ETHER / EthernetCTP() / EthernetCTPReply() / TEXT,
        "Ethernet/EthernetCTP/EthernetCTPReply",
    ),
    case(
        "ctp_forward",
        ETHER / EthernetCTP() / EthernetCTPForwardData() / LOOP_TEST,
        "Ethernet/EthernetCTP/EthernetCTPForwardData/EthernetCTPForwardData/EthernetCTPReply",
    ),
    case("ctp_odd_skip", ETHER / EthernetCTP(1) / LOOP_TEST, "Ethernet"),
    case("vrrp_2", IP4 / VRRP(), "Ethernet/IPv4/VRRP"),
    case("vrrp_3", IP4 / VRRP(version=3, interval=100), "Ethernet/IPv4/VRRP"),
    case("vrrp_ipv6", IP6 / VRRP(version=3, addresses=("fe80::1",), interval=100), "Ethernet/IPv6/VRRP"),
    case("ospf_hello", IP4 / OSPF() / OSPFHello(neighbors=("192.0.2.2",)), "Ethernet/IPv4/OSPF"),
    case("ospf_description", IP4 / OSPF() / OSPFDescription(EVERY_LSA), "Ethernet/IPv4/OSPF"),
    case("ospf_request", IP4 / OSPF() / OSPFRequest(), "Ethernet/IPv4/OSPF"),
    case("ospf_update", IP4 / OSPF() / OSPFUpdate(EVERY_LSA), "Ethernet/IPv4/OSPF"),
    case("ospf_update_opaque", IP4 / OSPF() / OSPFUpdate((Lsa(9, body=bytes(8)),)), "Ethernet/IPv4"),
    case("ospf_update_count", IP4 / OSPF() / OSPFUpdate(count=9), "Ethernet/IPv4"),
    case("ospf_ack", IP4 / OSPF() / OSPFAck(), "Ethernet/IPv4/OSPF"),
    case("ospf_length_beyond", IP4 / OSPF(length=900) / OSPFHello(), "Ethernet/IPv4"),
    case("ospf_23_bytes", ETHER / IPv4(protocol=89) / b"\x02\x05\0\x17" / bytes(19), "Ethernet/IPv4"),
    case("ospf3_hello", IP6 / OSPFv3() / OSPFHello3(neighbors=("192.0.2.2",)), "Ethernet/IPv6/OSPF"),
    case("ospf3_description", IP6 / OSPFv3() / OSPFDescription((ROUTER3,), wide=True), "Ethernet/IPv6/OSPF"),
    case("ospf3_request", IP6 / OSPFv3() / OSPFRequest(), "Ethernet/IPv6/OSPF"),
    case("ospf3_update", IP6 / OSPFv3() / OSPFUpdate((ROUTER3, LINK3)), "Ethernet/IPv6/OSPF"),
    case("ospf3_ack", IP6 / OSPFv3() / OSPFAck((ROUTER3,)), "Ethernet/IPv6/OSPF"),
]

ASKED = (Question("www.example.com"),)
OPT = Record("", 41, b"\0\x0a\0\x08cookies!", ttl=0, record_class=1232)
EVERY_RECORD = (
    Record.address("www.example.com", "192.0.2.80"),
    Record.address("www.example.com", "2001:db8::80"),
    Record("example.com", 2, DomainName("ns.example.com")),
    Record("ftp.example.com", 5, DomainName("www.example.com")),
    Record("example.com", 6, SOA("ns.example.com", "admin.example.com")),
    Record("1.2.0.192.in-addr.arpa", 12, DomainName("www.example.com")),
    Record("example.com", 15, MX(10, "mail.example.com")),
    Record("example.com", 16, TXT((b"v=spf1 -all", b"more"))),
    Record("_sip._udp.example.com", 33, SRV("sip.example.com", 5060)),
)
FLOW_SAMPLE = SFlowFlowSample((raw_header(INNER_ETHER),))
COUNTERS = SFlowCounterSample((interface_counters(),))
UDP4 = IP4 / UDP(40000)
UDP6 = IP6 / UDP(40000)
OPEN4, OPEN6 = "Ethernet/IPv4/UDP", "Ethernet/IPv6/UDP"
# A name whose first pointer leads to itself: it stands right after the header of 12 bytes.
ITSELF = b"\xc0\x0c"
LONG_NAME = dns_name(".".join(["a" * 63] * 5))

APPLICATIONS = [
    case("dns_query", UDP4 / DNS(questions=ASKED), f"{OPEN4}/DNS"),
    case("dns_response", IP4 / UDP(53, 40000) / DNS(flags=0x8180, questions=ASKED), f"{OPEN4}/DNS"),
    case("dns_every_record", UDP6 / DNS(0, 0x8180, ASKED, EVERY_RECORD, (), (OPT,)), f"{OPEN6}/DNS"),
    case("dns_empty", UDP4 / DNS(), f"{OPEN4}/DNS"),
    case("dns_11_bytes", IP4 / UDP(40000, 53) / bytes(11), OPEN4),
    case("dns_name_is_itself", UDP4 / DNS(questions=(Question(ITSELF),)), OPEN4),
    case("dns_pointer_beyond", UDP4 / DNS(questions=(Question(b"\xc3\xff"),)), OPEN4),
    case("dns_name_of_321_bytes", UDP4 / DNS(questions=(Question(LONG_NAME),)), OPEN4),
    case("dns_missing_record", UDP4 / DNS(questions=ASKED, counts=(1, 1, 0, 0)), OPEN4),
    case("dns_data_beyond", UDP4 / DNS(answers=(Record("a", 1, bytes(4), length=400),)), OPEN4),
    case("dhcpv4", IP4 / UDP(68) / DHCPv4(), f"{OPEN4}/DHCPv4"),
    case("dhcpv4_reply", IP4 / UDP(67, 68) / DHCPv4(2, options=((53, b"\x02"),)), f"{OPEN4}/DHCPv4"),
    case("dhcpv4_without_magic", IP4 / UDP(68) / DHCPv4(magic=bytes(4)), OPEN4),
    case("dhcpv4_option_beyond", IP4 / UDP(68) / DHCPv4(end=b"\x0c\x40abc"), OPEN4),
    case("dhcpv6", IP6 / UDP(546) / DHCPv6(), f"{OPEN6}/DHCPv6"),
    case("dhcpv6_relay", IP6 / UDP(547) / DHCPv6Relay() / DHCPv6(), f"{OPEN6}/DHCPv6"),
    case("dhcpv6_option_beyond", IP6 / UDP(546) / DHCPv6() / b"\0\x06\0\x09ab", OPEN6),
    case("ntp", UDP4 / NTP(), f"{OPEN4}/NTP"),
    case("ntp_47_bytes", IP4 / UDP(40000, 123) / bytes(NTP())[:47], OPEN4),
    case("ntp_from_port_53", IP4 / UDP(53) / NTP(), f"{OPEN4}/NTP"),
    case("sip", UDP4 / SIP(), f"{OPEN4}/SIP"),
    case("sip_response", IP4 / UDP(5060, 5060) / SIP.response(), f"{OPEN4}/SIP"),
    case("bfd", UDP4 / BFD(), f"{OPEN4}/BFD"),
    case("wireguard", UDP4 / WireGuard(), OPEN4),
    case("sflow", UDP4 / SFlow((FLOW_SAMPLE, COUNTERS)), f"{OPEN4}/SFlow"),
    case(
        "sflow_expanded",
        UDP4
        / SFlow(
            (
                SFlowFlowSample((raw_header(INNER_ETHER),), expanded=True),
                SFlowCounterSample((interface_counters(),), expanded=True),
            )
        ),
        f"{OPEN4}/SFlow",
    ),
    case("sflow_ipv6_agent", UDP6 / SFlow((FLOW_SAMPLE,), "2001:db8::10"), f"{OPEN6}/SFlow"),
    case("sflow_bad_address_type", UDP4 / SFlow((FLOW_SAMPLE,), address_type=3), OPEN4),
    case("sflow_bad_sample_type", UDP4 / SFlow((SFlowFlowSample(sample_type=5),)), OPEN4),
    case("sflow_missing_sample", UDP4 / SFlow((FLOW_SAMPLE,), sample_count=2), OPEN4),
    case(
        "sflow_record_beyond",
        UDP4 / SFlow((SFlowFlowSample((SFlowRecord(1, raw_header(INNER_ETHER).data, length=4000),)),)),
        OPEN4,
    ),
    case(
        "sflow_unknown_counters",
        UDP4 / SFlow((SFlowCounterSample((SFlowRecord(0xABCDE, bytes(8)),)),)),
        OPEN4,
    ),
]

GRE4 = "Ethernet/IPv4/GRE"
PLAIN = "IPv4/UDP"
MIRRORED = "Ethernet/IPv4/UDP"
TUNNELS = [
    case("gre", IP4 / GRE() / INNER4, GRE4, PLAIN),
    case("gre_ipv6", IP6 / GRE() / INNER6, "Ethernet/IPv6/GRE", "IPv6/UDP"),
    case("gre_fields", IP4 / GRE(key=7, sequence=8, checksummed=True) / INNER4, GRE4, PLAIN),
    case("gre_routing", IP4 / GRE(routing=b"\x08\0\0\x04\xc0\0\2\1" + bytes(4)) / INNER4, GRE4, PLAIN),
    case("gre_ethernet", IP4 / GRE() / INNER_ETHER, GRE4, MIRRORED),
    case("gre_arp", IP4 / GRE() / Ethernet() / ARP(), GRE4, "Ethernet/ARP"),
    case("gre_unknown", IP4 / GRE() / TEXT, GRE4),
    case("gre_keepalive", IP4 / GRE(protocol=0), GRE4),
    case("gre_ppp", IP4 / GRE() / PPP() / INNER4, GRE4, "PPP/IPv4/UDP"),
    case("pptp", IP4 / PPTP(acknowledgment=5) / PPP() / INNER4, GRE4, "PPP/IPv4/UDP"),
    case("gre_mpls", IP4 / GRE() / MPLS() / INNER4, f"{GRE4}/MPLS", PLAIN),
    case("gre_two_labels", IP4 / GRE() / MPLS() / MPLS() / INNER4, f"{GRE4}/MPLS", "MPLS", PLAIN),
    case("gre_in_gre", IP4 / GRE() / IPv4() / GRE() / INNER4, GRE4, "IPv4/GRE", PLAIN),
    case("nvgre", IP4 / NVGRE() / INNER_ETHER, GRE4, MIRRORED),
    case("erspan_2", IP4 / GRE(sequence=1) / ERSPAN2() / INNER_ETHER, GRE4, MIRRORED),
    case("erspan_3", IP4 / GRE(sequence=1) / ERSPAN3() / INNER_ETHER, GRE4),
    case("mpls", ETHER / MPLS() / INNER4, "Ethernet/MPLS", PLAIN),
    case("mpls_ipv6", ETHER / MPLS() / INNER6, "Ethernet/MPLS", "IPv6/UDP"),
    case("mpls_ethernet", ETHER / MPLS() / INNER_ETHER, "Ethernet/MPLS", MIRRORED),
    case(
        "mpls_three_labels", ETHER / MPLS() / MPLS() / MPLS() / INNER4, "Ethernet/MPLS", "MPLS", "MPLS", PLAIN
    ),
    # Read as Ethernet four bytes too early, the control word leaves a type that nobody knows.
    case("mpls_control_word", ETHER / MPLS() / ControlWord() / INNER_ETHER, "Ethernet/MPLS", "Ethernet"),
    case("vxlan", UDP4 / VXLAN(7) / INNER_ETHER, f"{OPEN4}/VXLAN", MIRRORED),
    case("vxlan_linux_port", IP4 / UDP(40000, 8472) / VXLAN(7) / INNER_ETHER, f"{OPEN4}/VXLAN", MIRRORED),
    case("vxlan_ipv6", UDP6 / VXLAN(7) / Ethernet() / INNER6, f"{OPEN6}/VXLAN", "Ethernet/IPv6/UDP"),
    case(
        "vxlan_in_vxlan",
        UDP4 / VXLAN(7) / UDP4 / VXLAN(8) / INNER_ETHER,
        f"{OPEN4}/VXLAN",
        f"{OPEN4}/VXLAN",
        MIRRORED,
    ),
    case("vxlan_7_bytes", IP4 / UDP(40000, 4789) / b"\x08" / bytes(6), OPEN4),
    case("geneve", UDP4 / Geneve(7) / INNER_ETHER, f"{OPEN4}/Geneve", MIRRORED),
    case("geneve_ip", UDP4 / Geneve(7) / INNER4, f"{OPEN4}/Geneve", PLAIN),
    case(
        "geneve_options",
        UDP4 / Geneve(7, (GeneveOption(data=bytes(4)), GeneveOption(data=bytes(8)))) / INNER6,
        f"{OPEN4}/Geneve",
        "IPv6/UDP",
    ),
    case("geneve_unknown", UDP4 / Geneve(7) / TEXT, f"{OPEN4}/Geneve"),
    case("geneve_options_beyond", UDP4 / Geneve(7, option_length=63) / INNER4, OPEN4),
]

# Tunnels that the reference names, or not even that, but does not cut.
UNCUT = [
    case("ipip", IP4 / INNER4, "Ethernet/IPv4/IPv4/UDP"),
    case("6in4", IP4 / INNER6, "Ethernet/IPv4/IPv6/UDP"),
    case("4in6", IP6 / INNER4, "Ethernet/IPv6/IPv4/UDP"),
    case("6in6", IP6 / INNER6, "Ethernet/IPv6/IPv6/UDP"),
    case("etherip", IP4 / EtherIP() / INNER_ETHER, "Ethernet/IPv4/EtherIP/Ethernet/IPv4/UDP"),
    case("gtp", UDP4 / GTPv1U() / INNER4, f"{OPEN4}/GTPv1U/IPv4/UDP"),
    case("gtp_sequence", UDP4 / GTPv1U(sequence=9) / INNER6, f"{OPEN4}/GTPv1U/IPv6/UDP"),
    case("gtp_extension", UDP4 / GTPv1U(extensions=(GtpExtension(),)) / INNER4, f"{OPEN4}/GTPv1U/IPv4/UDP"),
    case("l2tpv3", IP4 / L2TPv3() / INNER_ETHER, "Ethernet/IPv4"),
    case("l2tpv3_udp", UDP4 / L2TPv3OverUDP() / INNER_ETHER, OPEN4),
    case("vxlan_gpe", UDP4 / VXLANGPE() / INNER4, OPEN4),
    case("teredo", IP4 / UDP(40000, 3544) / INNER6, OPEN4),
]


def cut(name: str, packet: Packet | Layer | bytes, *parts: str, link_type: int = 1) -> Case:
    return Case(f"cut_{name}", bytes(packet), parts, link_type, DEFAULT)


VLAN_FRAME = Ethernet("02:00:5e:10:00:03", "02:00:5e:10:00:04") / Dot1Q(7) / INNER4
# The first byte of its destination leaves a nibble of 0, as a control word does.
BRIDGE = Ethernet("02:00:5e:10:00:03", "01:80:c2:00:00:00", pad=60) / LLC() / STP()
COOKIE4, COOKIE8, SUBLAYER = b"biscuit!"[:4], b"biscuit!", b"\x40\0\0\x01"
L2TP4, L2TP6 = "Ethernet/IPv4/L2TPv3", "Ethernet/IPv6/L2TPv3"
ERSPAN1 = GRE(protocol=0x88BE)
SIX_IN_TEREDO = IPv6("2001:0:5ef5:79fb::1", "2001:db8::2") / TCP(40000, 80, "S")

# The default set of tunnels.
CUT = [
    cut("ipip", IP4 / INNER4, "Ethernet/IPv4", PLAIN),
    cut("6in4", IP4 / INNER6, "Ethernet/IPv4", "IPv6/UDP"),
    cut("4in6", IP6 / INNER4, "Ethernet/IPv6", PLAIN),
    cut("6in6", IP6 / INNER6, "Ethernet/IPv6", "IPv6/UDP"),
    cut("4in6_options", IP6 / IPv6Destination() / INNER4, "Ethernet/IPv6/IPv6Destination", PLAIN),
    cut("ipip_authenticated", IP4 / AH() / INNER4, "Ethernet/IPv4/IPSecAH", PLAIN),
    cut("ipip_without_ethernet", IPv4() / INNER4, "IPv4", PLAIN, link_type=101),
    cut("ipip_in_6in4", IP4 / IPv6() / INNER4, "Ethernet/IPv4", "IPv6", PLAIN),
    cut("ipip_fragment", IP4 / IPv4(flags="M") / UDP(1, 2) / TEXT, "Ethernet/IPv4", "IPv4/Fragment"),
    cut("ipip_of_a_fragment", ETHER / IPv4(flags="M") / INNER4, "Ethernet/IPv4/Fragment"),
    cut("etherip", IP4 / EtherIP() / INNER_ETHER, "Ethernet/IPv4/EtherIP", MIRRORED),
    cut("gtp", UDP4 / GTPv1U() / INNER4, f"{OPEN4}/GTPv1U", PLAIN),
    cut("gtp_sequence", UDP4 / GTPv1U(sequence=9) / INNER6, f"{OPEN4}/GTPv1U", "IPv6/UDP"),
    cut("gtp_npdu", UDP6 / GTPv1U(npdu=9) / INNER6, f"{OPEN6}/GTPv1U", "IPv6/UDP"),
    cut("gtp_extension", UDP4 / GTPv1U(extensions=(GtpExtension(),)) / INNER4, f"{OPEN4}/GTPv1U", PLAIN),
    cut(
        "gtp_extensions",
        UDP4 / GTPv1U(extensions=(GtpExtension(0x40, b"\x0b\xb8"), GtpExtension())) / INNER4,
        f"{OPEN4}/GTPv1U",
        PLAIN,
    ),
    cut(
        "gtp_ethernet", UDP4 / GTPv1U(extensions=(GtpExtension(),)) / INNER_ETHER, f"{OPEN4}/GTPv1U", MIRRORED
    ),
    cut("gtp_ppp", UDP4 / GTPv1U() / PPP() / INNER4, f"{OPEN4}/GTPv1U", "PPP/IPv4/UDP"),
    cut("gtp_echo", UDP4 / GTPv1U(0, sequence=1, message_type=1), f"{OPEN4}/GTPv1U"),
    cut("gtp_echo_answer", UDP4 / GTPv1U(0, sequence=1, message_type=2) / b"\x0e\0", f"{OPEN4}/GTPv1U"),
    cut("gtp_end_marker", UDP4 / GTPv1U(message_type=254), f"{OPEN4}/GTPv1U"),
    cut("gtp_snapped", bytes(UDP4 / GTPv1U() / INNER4 / bytes(900))[:100], f"{OPEN4}/GTPv1U", PLAIN),
    cut("gtp_beyond_its_datagram", UDP4 / GTPv1U(length=900) / INNER4, OPEN4),
    cut("gtp_prime", UDP4 / GTPv1U(flags=0x20) / INNER4, OPEN4),
    cut("gtp_control", UDP4 / GTPv1U(message_type=16) / INNER4, OPEN4),
    cut("gtp_version_2", UDP4 / GTPv1U(flags=0x48) / INNER4, OPEN4),
    cut("gtp_extension_of_0", UDP4 / GTPv1U(extensions=(GtpExtension(length=0),)) / INNER4, OPEN4),
    cut("gtp_extension_beyond", UDP4 / GTPv1U(extensions=(GtpExtension(length=99),)) / INNER4, OPEN4),
    cut("gre_with_key", IP4 / GRE(key=0x0FFFFF) / INNER_ETHER, GRE4, MIRRORED),
    cut("nvgre", IP4 / NVGRE() / INNER_ETHER, "Ethernet/IPv4/NVGRE", MIRRORED),
    cut(
        "nvgre_sequence",
        IP4 / NVGRE(protocol=0x6558, flags=0x3000) / b"\0\0\0\1" / INNER_ETHER,
        GRE4,
        MIRRORED,
    ),
    cut("erspan_1", IP4 / ERSPAN1 / INNER_ETHER, GRE4, MIRRORED),
    cut("erspan_2", IP4 / GRE(sequence=1) / ERSPAN2() / INNER_ETHER, f"{GRE4}/ERSPANII", MIRRORED),
    cut(
        "erspan_2_key",
        IP4 / GRE(key=5, sequence=1) / ERSPAN2() / VLAN_FRAME,
        f"{GRE4}/ERSPANII",
        "Ethernet/Dot1Q/IPv4/UDP",
    ),
    cut("erspan_2_version_2", IP4 / GRE(sequence=1) / ERSPAN2(version=2) / INNER_ETHER, GRE4),
    cut("erspan_3", IP4 / GRE(sequence=1) / ERSPAN3() / INNER_ETHER, f"{GRE4}/ERSPANIII", MIRRORED),
    cut(
        "erspan_3_platform",
        IP4 / GRE(sequence=1) / ERSPAN3(platform=bytes(8)) / INNER_ETHER,
        f"{GRE4}/ERSPANIII",
        MIRRORED,
    ),
    cut(
        "erspan_3_ip", IP4 / GRE(sequence=1) / ERSPAN3(frame_type=2) / INNER6, f"{GRE4}/ERSPANIII", "IPv6/UDP"
    ),
    cut("erspan_3_type_1", IP4 / GRE(sequence=1) / ERSPAN3(frame_type=1) / INNER6, f"{GRE4}/ERSPANIII"),
    cut("erspan_3_version_1", IP4 / GRE(sequence=1) / ERSPAN3(version=1) / INNER_ETHER, GRE4),
    cut(
        "erspan_ipv6", IP6 / GRE(sequence=1) / ERSPAN2() / INNER_ETHER, "Ethernet/IPv6/GRE/ERSPANII", MIRRORED
    ),
    cut("gre_mpls", IP4 / GRE() / MPLS() / INNER4, f"{GRE4}/MPLS", PLAIN),
    cut(
        "gre_mpls_control_word",
        IP4 / GRE() / MPLS() / ControlWord(3) / INNER_ETHER,
        f"{GRE4}/MPLS/PWControlWord",
        MIRRORED,
    ),
    cut("pseudowire", ETHER / MPLS() / INNER_ETHER, "Ethernet/MPLS", MIRRORED),
    *(
        cut(
            f"pseudowire_of_{first}",
            ETHER / MPLS() / Ethernet("02:00:5e:10:00:03", f"{first}:00:5e:10:00:04") / INNER4,
            "Ethernet/MPLS",
            MIRRORED,
        )
        for first in ("40", "45", "60", "10")
    ),
    # Bytes 12 to 14 of the packet could be an EtherType and IPv4; but its own checksum is right.
    cut("mpls_of_8_0_64", ETHER / MPLS() / IPv4("8.0.69.1") / UDP(1, 2) / TEXT, "Ethernet/MPLS", PLAIN),
    cut("pseudowire_bridge", ETHER / MPLS() / BRIDGE, "Ethernet/MPLS", "Ethernet/LLC/STP"),
    cut(
        "control_word", ETHER / MPLS() / ControlWord() / INNER_ETHER, "Ethernet/MPLS/PWControlWord", MIRRORED
    ),
    cut(
        "control_word_sequence",
        ETHER / MPLS() / MPLS() / ControlWord(0x0800) / BRIDGE,
        "Ethernet/MPLS",
        "MPLS/PWControlWord",
        "Ethernet/LLC/STP",
    ),
    cut(
        "control_word_vlan",
        ETHER / MPLS() / ControlWord() / VLAN_FRAME,
        "Ethernet/MPLS/PWControlWord",
        "Ethernet/Dot1Q/IPv4/UDP",
    ),
    cut("associated_channel", ETHER / MPLS() / b"\x10\0\0\x07" / bytes(BFD()), "Ethernet/MPLS"),
    cut("explicit_null", ETHER / MPLS(0) / INNER4, "Ethernet/MPLS", PLAIN),
    cut("explicit_null_ipv6", ETHER / MPLS(2) / INNER6, "Ethernet/MPLS", "IPv6/UDP"),
    cut(
        "ten_labels",
        Ethernet() / Packet((MPLS(3000),) * 10) / INNER4,
        "Ethernet/MPLS",
        *["MPLS"] * 9,
        PLAIN,
    ),
    cut("vxlan_gpe", UDP4 / VXLANGPE(7) / INNER4, f"{OPEN4}/VXLANGPE", PLAIN),
    cut("vxlan_gpe_ipv6", UDP4 / VXLANGPE(7) / INNER6, f"{OPEN4}/VXLANGPE", "IPv6/UDP"),
    cut("vxlan_gpe_ethernet", UDP6 / VXLANGPE(7) / INNER_ETHER, f"{OPEN6}/VXLANGPE", MIRRORED),
    cut("vxlan_gpe_mpls", UDP4 / VXLANGPE(7) / MPLS() / INNER4, f"{OPEN4}/VXLANGPE", "MPLS", PLAIN),
    cut("vxlan_gpe_nsh", UDP4 / VXLANGPE(7) / NSH() / INNER_ETHER, f"{OPEN4}/VXLANGPE", f"NSH/{MIRRORED}"),
    cut(
        "vxlan_gpe_nsh_2",
        UDP4 / VXLANGPE(7) / NSH(metadata_type=2, metadata=b"") / INNER4,
        f"{OPEN4}/VXLANGPE",
        f"NSH/{PLAIN}",
    ),
    cut("vxlan_gpe_nsh_length_1", UDP4 / VXLANGPE(7) / NSH(length=1) / INNER4, f"{OPEN4}/VXLANGPE"),
    cut("vxlan_gpe_nsh_beyond", UDP4 / VXLANGPE(7) / NSH(length=63) / INNER4, f"{OPEN4}/VXLANGPE"),
    cut("vxlan_gpe_without_next", UDP4 / VXLANGPE(7, 0, 0x08) / INNER_ETHER, f"{OPEN4}/VXLANGPE", MIRRORED),
    cut("vxlan_gpe_without_vni", UDP4 / VXLANGPE(7, flags=0x04) / INNER4, OPEN4),
    cut("vxlan_gpe_reserved", IP4 / UDP(4790, 4790) / b"\x0c\0\1\1\0\0\7\0" / bytes(INNER4), OPEN4),
    cut("vxlan_gpe_version_1", UDP4 / VXLANGPE(7, flags=0x1C) / INNER4, OPEN4),
    cut("vxlan_gpe_unknown", UDP4 / VXLANGPE(7, 9) / INNER4, f"{OPEN4}/VXLANGPE"),
    cut("l2tpv3", IP4 / L2TPv3(9) / INNER_ETHER, L2TP4, MIRRORED),
    cut("l2tpv3_sublayer", IP4 / L2TPv3(9, sublayer=SUBLAYER) / INNER_ETHER, L2TP4, MIRRORED),
    cut("l2tpv3_cookie", IP6 / L2TPv3(9, COOKIE4) / VLAN_FRAME, L2TP6, "Ethernet/Dot1Q/IPv4/UDP"),
    cut("l2tpv3_long_cookie", IP4 / L2TPv3(9, COOKIE8) / BRIDGE, L2TP4, "Ethernet/LLC/STP"),
    cut("l2tpv3_cookie_sublayer", IP4 / L2TPv3(9, COOKIE8, SUBLAYER) / INNER_ETHER, L2TP4, MIRRORED),
    cut("l2tpv3_ip", IP4 / L2TPv3(9) / INNER4, L2TP4, PLAIN),
    cut("l2tpv3_ipv6", IP4 / L2TPv3(9, COOKIE8) / INNER6, L2TP4, "IPv6/UDP"),
    cut("l2tpv3_ppp", IP4 / L2TPv3(9) / PPP(framed=True) / INNER4, L2TP4, "PPP/IPv4/UDP"),
    cut("l2tpv3_nothing_known", IP4 / L2TPv3(9) / TEXT, L2TP4),
    cut("l2tpv3_control", IP4 / L2TPv3(0) / b"\xc8\x03\0\x14" / bytes(16), L2TP4),
    cut("l2tpv3_udp", UDP4 / L2TPv3OverUDP(9) / INNER_ETHER, f"{OPEN4}/L2TPv3", MIRRORED),
    cut(
        "l2tpv3_udp_sublayer",
        UDP6 / L2TPv3OverUDP(9, COOKIE4, SUBLAYER) / INNER_ETHER,
        f"{OPEN6}/L2TPv3",
        MIRRORED,
    ),
    cut("l2tpv3_udp_control", UDP4 / L2TPv3OverUDP(9, flags_version=0xC803) / bytes(12), f"{OPEN4}/L2TPv3"),
    cut("l2tpv2", UDP4 / L2TPv2(7, 9) / PPP() / INNER4, f"{OPEN4}/L2TPv2", "PPP/IPv4/UDP"),
    cut("l2tpv2_framed", UDP4 / L2TPv2() / PPP(framed=True) / INNER6, f"{OPEN4}/L2TPv2", "PPP/IPv6/UDP"),
    cut(
        "l2tpv2_fields",
        UDP4 / L2TPv2(has_length=True, sequence=(1, 2), offset=3) / PPP(framed=True) / INNER4,
        f"{OPEN4}/L2TPv2",
        "PPP/IPv4/UDP",
    ),
    cut("l2tpv2_offset_beyond", UDP4 / L2TPv2(offset=200) / b"", f"{OPEN4}/L2TPv2"),
    cut(
        "l2tpv2_control",
        UDP4 / L2TPv2(0, 0, has_length=True, sequence=(0, 0), control=True) / b"\x80\x08\0\0\0\0\0\1",
        f"{OPEN4}/L2TPv2",
    ),
    cut("l2tpv2_control_without_length", UDP4 / L2TPv2(control=True) / bytes(8), OPEN4),
    cut("l2tp_reserved", IP4 / UDP(1701, 1701) / b"\x10\2\0\1\0\1" / bytes(PPP() / INNER4), OPEN4),
    cut("l2f", UDP4 / L2TPv2(version=1) / PPP() / INNER4, OPEN4),
    cut("teredo", UDP4 / Teredo() / SIX_IN_TEREDO, f"{OPEN4}/Teredo", "IPv6/TCP"),
    cut("teredo_answer", IP4 / UDP(3544, 40000) / Teredo() / SIX_IN_TEREDO, f"{OPEN4}/Teredo", "IPv6/TCP"),
    cut("teredo_bubble", UDP4 / Teredo() / IPv6(dst="2001::1", next_header=59), f"{OPEN4}/Teredo", "IPv6"),
    cut(
        "teredo_solicitation",
        UDP4 / Teredo() / IPv6("fe80::ffff:ffff:ffff", "ff02::2") / ICMPv6() / ICMPv6RouterSolicitation(),
        f"{OPEN4}/Teredo",
        "IPv6/ICMPv6/ICMPv6RouterSolicitation",
    ),
    cut("teredo_of_others", UDP4 / Teredo() / INNER6, OPEN4),
    cut("teredo_origin", UDP4 / Teredo((40000, "192.0.2.45")) / SIX_IN_TEREDO, f"{OPEN4}/Teredo", "IPv6/TCP"),
    cut(
        "teredo_both",
        UDP4 / Teredo((1, "192.0.2.45"), (b"client", b"authentic")) / SIX_IN_TEREDO,
        f"{OPEN4}/Teredo",
        "IPv6/TCP",
    ),
    cut("teredo_other", UDP4 / Teredo() / INNER4, OPEN4),
    *(cut(f"wireguard_{kind}", UDP4 / WireGuard(kind), f"{OPEN4}/WireGuard") for kind in (1, 2, 3)),
    cut("wireguard_data", UDP6 / WireGuard(4) / bytes(48), f"{OPEN6}/WireGuard"),
    cut("wireguard_data_of_17", UDP4 / WireGuard(4) / bytes(17), OPEN4),
    cut("wireguard_data_of_0", UDP4 / WireGuard(4) / b"", OPEN4),
    cut("wireguard_kind_5", UDP4 / WireGuard(5) / bytes(48), OPEN4),
    cut("wireguard_too_long", UDP4 / WireGuard(1) / b"more", OPEN4),
    cut("pppoe_is_no_cut", ETHER / PPPoE() / PPP() / INNER4, "Ethernet/PPPoE/PPP/IPv4/UDP"),
    cut("qinq", ETHER / ServiceTag(8) / Dot1Q(10) / INNER4, "Ethernet/Dot1Q/Dot1Q/IPv4/UDP"),
    cut(
        "qinq_9100",
        Ethernet(ether_type=0x9100) / Dot1Q(8) / Dot1Q(10) / INNER4,
        "Ethernet/Dot1Q/Dot1Q/IPv4/UDP",
    ),
    cut("vxlan_of_ipip", UDP4 / VXLAN(7) / IP4 / INNER6, f"{OPEN4}/VXLAN", "Ethernet/IPv4", "IPv6/UDP"),
    cut(
        "everything_inside_everything",
        UDP4
        / GTPv1U()
        / IPv4()
        / GRE()
        / IPv6()
        / UDP(4000)
        / VXLAN(7)
        / Ethernet()
        / MPLS()
        / ControlWord()
        / INNER_ETHER,
        f"{OPEN4}/GTPv1U",
        "IPv4/GRE",
        "IPv6/UDP/VXLAN",
        "Ethernet/MPLS/PWControlWord",
        MIRRORED,
    ),
]
CASES = LINKS + WIFI + NETWORK + TRANSPORT + ICMP + CONTROL + APPLICATIONS + TUNNELS + UNCUT + CUT
