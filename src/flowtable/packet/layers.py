"""The layers of a packet and their names, which are those of gopacket."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

__all__ = ["LAYERS", "LAYER_NAMES", "STEP_NAMES", "LayerType"]


class LayerType(IntEnum):
    """A kind of layer; ``str()`` gives the name that layers paths are made of.

    The numbers are flowtable's own (``packet/_layers.pxd``), but for ``RAW_IP``, which stands for a packet
    without a link layer and has the number that the reference gives it.
    """

    GRE = 1, "GRE"
    MPLS = 2, "MPLS"
    VXLAN = 3, "VXLAN"
    GENEVE = 4, "Geneve"
    GTPV1U = 5, "GTPv1U"
    ETHERIP = 6, "EtherIP"
    NVGRE = 7, "NVGRE"
    ERSPAN_II = 8, "ERSPANII"
    ERSPAN_III = 9, "ERSPANIII"
    VXLAN_GPE = 10, "VXLANGPE"
    L2TPV2 = 11, "L2TPv2"
    L2TPV3 = 12, "L2TPv3"
    TEREDO = 13, "Teredo"
    PW_CONTROL_WORD = 14, "PWControlWord"
    WIREGUARD = 15, "WireGuard"
    PPPOE = 16, "PPPoE"
    ETHERNET = 64, "Ethernet"
    DOT1Q = 65, "Dot1Q"
    LLC = 66, "LLC"
    SNAP = 67, "SNAP"
    LINUX_SLL = 68, "LinuxSLL"
    LINUX_SLL2 = 69, "LinuxSLL2"
    LOOPBACK = 70, "Loopback"
    PPP = 71, "PPP"
    FDDI = 73, "FDDI"
    RADIOTAP = 74, "RadioTap"
    DOT11 = 75, "Dot11"
    DOT11_DATA = 76, "Dot11Data"
    DOT11_DATA_CF_ACK = 77, "Dot11DataCFAck"
    DOT11_DATA_CF_POLL = 78, "Dot11DataCFPoll"
    DOT11_DATA_CF_ACK_POLL = 79, "Dot11DataCFAckPoll"
    DOT11_DATA_NULL = 80, "Dot11DataNull"
    DOT11_DATA_CF_ACK_NO_DATA = 81, "Dot11DataCFAckNoData"
    DOT11_DATA_CF_POLL_NO_DATA = 82, "Dot11DataCFPollNoData"
    DOT11_DATA_CF_ACK_POLL_NO_DATA = 83, "Dot11DataCFAckPollNoData"
    DOT11_DATA_QOS_DATA = 84, "Dot11DataQOSData"
    DOT11_DATA_QOS_DATA_CF_ACK = 85, "Dot11DataQOSDataCFAck"
    DOT11_DATA_QOS_DATA_CF_POLL = 86, "Dot11DataQOSDataCFPoll"
    DOT11_DATA_QOS_DATA_CF_ACK_POLL = 87, "Dot11DataQOSDataCFAckPoll"
    DOT11_DATA_QOS_NULL = 88, "Dot11DataQOSNull"
    DOT11_WEP = 89, "Dot11WEP"
    NSH = 90, "NSH"
    ARP = 96, "ARP"
    STP = 97, "STP"
    EAPOL = 98, "EAPOL"
    EAPOL_KEY = 99, "EAPOLKey"
    EAP = 100, "EAP"
    LINK_LAYER_DISCOVERY = 101, "LinkLayerDiscovery"
    LINK_LAYER_DISCOVERY_INFO = 102, "LinkLayerDiscoveryInfo"
    CISCO_DISCOVERY = 103, "CiscoDiscovery"
    CISCO_DISCOVERY_INFO = 104, "CiscoDiscoveryInfo"
    ETHERNET_CTP = 105, "EthernetCTP"
    ETHERNET_CTP_REPLY = 106, "EthernetCTPReply"
    ETHERNET_CTP_FORWARD_DATA = 107, "EthernetCTPForwardData"
    IPV4 = 112, "IPv4"
    IPV6 = 113, "IPv6"
    IPV6_HOP_BY_HOP = 114, "IPv6HopByHop"
    IPV6_ROUTING = 115, "IPv6Routing"
    IPV6_FRAGMENT = 116, "IPv6Fragment"
    IPV6_DESTINATION = 117, "IPv6Destination"
    FRAGMENT = 118, "Fragment"
    IPSEC_AH = 119, "IPSecAH"
    IPSEC_ESP = 120, "IPSecESP"
    IGMP = 121, "IGMP"
    OSPF = 122, "OSPF"
    VRRP = 123, "VRRP"
    ICMPV4 = 124, "ICMPv4"
    ICMPV6 = 125, "ICMPv6"
    ICMPV6_ECHO = 126, "ICMPv6Echo"
    ICMPV6_ROUTER_SOLICITATION = 127, "ICMPv6RouterSolicitation"
    ICMPV6_ROUTER_ADVERTISEMENT = 128, "ICMPv6RouterAdvertisement"
    ICMPV6_NEIGHBOR_SOLICITATION = 129, "ICMPv6NeighborSolicitation"
    ICMPV6_NEIGHBOR_ADVERTISEMENT = 130, "ICMPv6NeighborAdvertisement"
    ICMPV6_REDIRECT = 131, "ICMPv6Redirect"
    MLDV1_MULTICAST_LISTENER_QUERY = 132, "MLDv1MulticastListenerQuery"
    MLDV1_MULTICAST_LISTENER_REPORT = 133, "MLDv1MulticastListenerReport"
    MLDV1_MULTICAST_LISTENER_DONE = 134, "MLDv1MulticastListenerDone"
    MLDV2_MULTICAST_LISTENER_QUERY = 135, "MLDv2MulticastListenerQuery"
    MLDV2_MULTICAST_LISTENER_REPORT = 136, "MLDv2MulticastListenerReport"
    TCP = 144, "TCP"
    UDP = 145, "UDP"
    UDPLITE = 146, "UDPLite"
    RUDP = 147, "RUDP"
    SCTP = 148, "SCTP"
    SCTP_DATA = 149, "SCTPData"
    SCTP_INIT = 150, "SCTPInit"
    SCTP_INIT_ACK = 151, "SCTPInitAck"
    SCTP_SACK = 152, "SCTPSack"
    SCTP_HEARTBEAT = 153, "SCTPHeartbeat"
    SCTP_HEARTBEAT_ACK = 154, "SCTPHeartbeatAck"
    SCTP_ABORT = 155, "SCTPAbort"
    SCTP_SHUTDOWN = 156, "SCTPShutdown"
    SCTP_SHUTDOWN_ACK = 157, "SCTPShutdownAck"
    SCTP_ERROR = 158, "SCTPError"
    SCTP_COOKIE_ECHO = 159, "SCTPCookieEcho"
    SCTP_COOKIE_ACK = 160, "SCTPCookieAck"
    SCTP_SHUTDOWN_COMPLETE = 161, "SCTPShutdownComplete"
    SCTP_UNKNOWN_CHUNK = 162, "SCTPUnknownChunkType"
    DNS = 176, "DNS"
    DHCPV4 = 177, "DHCPv4"
    DHCPV6 = 178, "DHCPv6"
    NTP = 179, "NTP"
    SIP = 180, "SIP"
    SFLOW = 181, "SFlow"
    BFD = 182, "BFD"
    DOT11_MGMT_ASSOCIATION_REQ = 192, "Dot11MgmtAssociationReq"
    DOT11_MGMT_ASSOCIATION_RESP = 193, "Dot11MgmtAssociationResp"
    DOT11_MGMT_REASSOCIATION_REQ = 194, "Dot11MgmtReassociationReq"
    DOT11_MGMT_REASSOCIATION_RESP = 195, "Dot11MgmtReassociationResp"
    DOT11_MGMT_PROBE_REQ = 196, "Dot11MgmtProbeReq"
    DOT11_MGMT_PROBE_RESP = 197, "Dot11MgmtProbeResp"
    DOT11_MGMT_MEASUREMENT_PILOT = 198, "Dot11MgmtMeasurementPilot"
    DOT11_MGMT_BEACON = 200, "Dot11MgmtBeacon"
    DOT11_MGMT_ATIM = 201, "Dot11MgmtATIM"
    DOT11_MGMT_DISASSOCIATION = 202, "Dot11MgmtDisassociation"
    DOT11_MGMT_AUTHENTICATION = 203, "Dot11MgmtAuthentication"
    DOT11_MGMT_DEAUTHENTICATION = 204, "Dot11MgmtDeauthentication"
    DOT11_MGMT_ACTION = 205, "Dot11MgmtAction"
    DOT11_MGMT_ACTION_NO_ACK = 206, "Dot11MgmtActionNoAck"
    DOT11_CTRL_BLOCK_ACK_REQ = 216, "Dot11CtrlBlockAckReq"
    DOT11_CTRL_BLOCK_ACK = 217, "Dot11CtrlBlockAck"
    DOT11_CTRL_POWERSAVE_POLL = 218, "Dot11CtrlPowersavePoll"
    DOT11_CTRL_RTS = 219, "Dot11CtrlRTS"
    DOT11_CTRL_CTS = 220, "Dot11CtrlCTS"
    DOT11_CTRL_ACK = 221, "Dot11CtrlAck"
    DOT11_CTRL_CF_END = 222, "Dot11CtrlCFEnd"
    DOT11_CTRL_CF_END_ACK = 223, "Dot11CtrlCFEndAck"
    RAW_IP = 55555, "RawIP"

    label: str

    def __new__(cls, number: int, label: str) -> Self:
        """Make a member that is a number and carries its name."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.label = label
        return member

    def __str__(self) -> str:
        """Give the name as it stands in a layers path."""
        return self.label


LAYERS: dict[int, LayerType] = {int(layer): layer for layer in LayerType}
LAYER_NAMES: dict[int, str] = {number: layer.label for number, layer in LAYERS.items()}

# Steps of the decoder that have no layer of their own but can fail: their names stand in decode stops.
STEP_NAMES: dict[int, str] = {
    240: "raw IP",
    241: "ERSPAN",
    242: "MPLS payload",
    243: "SCTP chunk",
    244: "EthernetCTP function",
    245: "Loopback",
    246: "ICMPv6 message",
    247: "GTPv1U payload",
    248: "IPv4 in IP",
    249: "IPv6 in IP",
    250: "L2TP",
}
