"""Finds names in a BPF expression that libpcap would ask the network about.

For ``host example.com`` libpcap calls the resolver: compiling a filter would send packets, could wait for
half a minute, and give other programs on other days. libpcap cannot be told not to, so the words of an
expression are looked at before it sees them. Names of ports and protocols stay allowed: those come from
``/etc/services`` and ``/etc/protocols``.

The words are cut as libpcap's scanner cuts them, and where this module is in doubt a word is a name.
The language: libpcap's pcap-filter(7).
"""

from __future__ import annotations

import re

__all__ = ["network_names", "words"]

_WORD = re.compile(
    r"""
    \\[^ !()\n\t]+                                      # an escaped name: ip proto \tcp
    | \$[0-9A-Fa-f]{1,2}                                # an ARCNET address
    | [0-9A-Fa-f]*(?: : [0-9A-Fa-f.]* )+                # a MAC or IPv6 address, or the 0:2 of ip[0:2]
    | [A-Za-z0-9](?: [-_.A-Za-z0-9]* [.A-Za-z0-9] )?    # any other word
    """,
    re.VERBOSE,
)

_NUMBER = r"(?: [0-9]+ | 0[xX][0-9A-Fa-f]+ )"
_BYTE = r"[0-9A-Fa-f]{1,2}"
_NUMERIC = re.compile(
    rf"""
    \$ {_BYTE}
    | {_NUMBER} (?: \. {_NUMBER} ){{0,3}}                       # a number, or an IPv4 address or part of one
    | {_BYTE} (?: (?: : {_BYTE} ){{5}} | (?: - {_BYTE} ){{5}} | (?: \. {_BYTE} ){{5}} )
    | [0-9A-Fa-f]{{4}} (?: \. [0-9A-Fa-f]{{4}} ){{2}}
    | [0-9A-Fa-f]{{12}}
    | {_NUMBER}? (?: : {_NUMBER}? )+                            # offset and size, at most numbers
    """,
    re.VERBOSE,
)

# What a name is looked up as depends on the last keyword before it, also across and, or, not, parentheses:
# the names of `port http or smtp` are both ports.
_CONNECTIVES = frozenset({"and", "or", "not"})
_TAKE_LOCAL_NAMES = frozenset(
    """
    port portrange proto protochain type subtype dir direction on ifname rset ruleset reason action
    """.split()  # noqa: SIM905  # quotes around each would hide the words
)
_KEYWORDS = _TAKE_LOCAL_NAMES | frozenset(
    """
    src dst host net mask gateway less greater byte broadcast multicast len length inbound outbound ifindex
    link ether ppp slip fddi tr wlan arp rarp ip ip6 sctp tcp udp icmp icmp6 igmp igrp pim vrrp carp radio
    ah esp atalk aarp decnet lat sca moprc mopdl iso esis es-is isis is-is l1 l2 iih lsp snp csnp psnp clnp
    stp ipx netbeui address1 addr1 address2 addr2 address3 addr3 address4 addr4 ra ta
    vlan mpls pppoed pppoes geneve lane llc metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic vpi vci
    connectmsg metaconnect rnr rulenum srnr subrulenum
    fisu lssu lsu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls
    tcpflags tcp-fin tcp-syn tcp-rst tcp-push tcp-ack tcp-urg tcp-ece tcp-cwr
    icmptype icmpcode icmp-echoreply icmp-unreach icmp-sourcequench icmp-redirect icmp-echo icmp-routeradvert
    icmp-routersolicit icmp-timxceed icmp-paramprob icmp-tstamp icmp-tstampreply icmp-ireq icmp-ireqreply
    icmp-maskreq icmp-maskreply
    icmp6type icmp6code icmp6-destinationunreach icmp6-packettoobig icmp6-timeexceeded
    icmp6-parameterproblem icmp6-echo icmp6-echoreply icmp6-multicastlistenerquery
    icmp6-multicastlistenerreportv1 icmp6-multicastlistenerdone icmp6-routersolicit icmp6-routeradvert
    icmp6-neighborsolicit icmp6-neighboradvert icmp6-redirect icmp6-routerrenum
    icmp6-nodeinformationquery icmp6-nodeinformationresponse icmp6-ineighbordiscoverysolicit
    icmp6-ineighbordiscoveryadvert icmp6-multicastlistenerreportv2 icmp6-homeagentdiscoveryrequest
    icmp6-homeagentdiscoveryreply icmp6-mobileprefixsolicit icmp6-mobileprefixadvert icmp6-certpathsolicit
    icmp6-certpathadvert icmp6-multicastrouteradvert icmp6-multicastroutersolicit icmp6-multicastrouterterm
    """.split()  # noqa: SIM905
)


def words(expression: str) -> list[str]:
    """Keywords, names, numbers and addresses of an expression, in order."""
    return _WORD.findall(expression)


def network_names(expression: str) -> tuple[list[str], str]:
    """Find the names that libpcap would look up as hosts or networks.

    Returns them, and the expression with an address for each: what libpcap may be asked about it.
    """
    names: list[str] = []
    keyword = ""

    def seen(match: re.Match[str]) -> str:
        nonlocal keyword
        word = match[0]
        if word in _KEYWORDS:
            keyword = word
        elif word not in _CONNECTIVES and keyword not in _TAKE_LOCAL_NAMES and not _is_numeric(word):
            names.append(word)
            return " 0.0.0.0 "
        return word

    harmless = _WORD.sub(seen, expression)
    return names, harmless


def _is_numeric(word: str) -> bool:
    return _NUMERIC.fullmatch(word) is not None or _is_ipv6(word)


def _is_ipv6(word: str) -> bool:
    from ipaddress import IPv6Address  # noqa: PLC0415 - slow to import

    try:
        IPv6Address(word)
    except ValueError:
        return False
    return True
