"""Outer and inner flows against tshark's dissection: the same addresses, ports and packets each way."""

import pytest
from opinions import flows_of, our_flows
from reading import read_frames
from tshark import dissected, needs_tshark
from two_ways import ALL, OUTER4, OUTER6, bridged, inner, link, outer, teredo_inner, udp

from flowtable.testing import (
    ERSPAN3,
    GRE,
    MPLS,
    NSH,
    PPP,
    UDP,
    VXLAN,
    VXLANGPE,
    ControlWord,
    Dot1Q,
    Ethernet,
    GtpExtension,
    GTPv1U,
    IPv4,
    IPv6,
    L2TPv2,
    L2TPv3,
    PPPoE,
    ServiceTag,
    Teredo,
    WireGuard,
)

LABEL = 3000


@pytest.fixture(autouse=True)
def _tshark():
    needs_tshark()


# What tshark has to be told, since the packets do not say it.
L2TPV3 = ("-o", "l2tp.cookie_size:None", "-o", "l2tp.l2_specific:None", "-d", "l2tp.pw_type==0,eth")
COOKIES = ("-o", "l2tp.cookie_size:8 Byte Cookie", "-o", "l2tp.l2_specific:Default L2-Specific", *L2TPV3[4:])
CONTROL_WORD = ("-d", f"mpls.label=={LABEL},pwethcw")
NO_CONTROL_WORD = ("-d", f"mpls.label=={LABEL},pwethnocw")

# Of each tunnel: what tshark calls it, what it has to be told, and frames there and back.
MORE = {
    "pseudowire": (
        "eth:mpls:pwethcw:eth:ip:tcp",
        CONTROL_WORD,
        lambda way: link(way) / MPLS(LABEL) / ControlWord() / bridged(way),
    ),
    "pseudowire_bare": (
        "eth:mpls:eth:ip:tcp",
        NO_CONTROL_WORD,
        lambda way: link(way) / MPLS(LABEL) / bridged(way),
    ),
    "labels": ("eth:mpls:ip:tcp", (), lambda way: link(way) / MPLS(70) / MPLS(80) / MPLS(0) / inner(way)),
    "gre_mpls": ("eth:ip:gre:mpls:ip:tcp", (), lambda way: outer(way) / GRE() / MPLS(70) / inner(way)),
    "l2tpv3_sublayer": (
        "eth:ip:l2tp:eth:ip:tcp",
        COOKIES,
        lambda way: outer(way) / L2TPv3(9, b"biscuits", bytes(4)) / bridged(way),
    ),
    "l2tpv2_fields": (
        "eth:ip:udp:l2tp:ppp:ip:tcp",
        (),
        lambda way: (
            outer(way)
            / udp(way, L2TPv2(7, 8, has_length=True, sequence=(1, 2), offset=4))
            / PPP(framed=True)
            / inner(way)
        ),
    ),
    "gtp_extension": (
        "eth:ip:udp:gtp:ip:tcp",
        (),
        lambda way: outer(way) / udp(way, GTPv1U(7, sequence=1, extensions=(GtpExtension(),))) / inner(way),
    ),
    "gtp_ethernet": (
        "eth:ip:udp:gtp:eth:ip:tcp",
        (),
        lambda way: outer(way) / udp(way, GTPv1U(7, extensions=(GtpExtension(),))) / bridged(way),
    ),
    "gtp_ipv6": (
        "eth:ipv6:udp:gtp:ipv6:tcp",
        (),
        lambda way: outer(way, 6) / udp(way, GTPv1U(7)) / inner(way, 6),
    ),
    "erspan_3_platform": (
        "eth:ip:gre:erspan:eth:ip:tcp",
        (),
        lambda way: outer(way) / GRE(sequence=7) / ERSPAN3(platform=bytes(8)) / bridged(way),
    ),
    "nsh": (
        "eth:ip:udp:vxlan:nsh:eth:ip:tcp",
        (),
        lambda way: outer(way) / UDP(50000) / VXLANGPE(7) / NSH() / bridged(way),
    ),
    "teredo_indicators": (
        "eth:ip:udp:teredo:ipv6:tcp",
        (),
        lambda way: outer(way) / udp(way, Teredo((1, "10.0.0.9"), (b"me", b"proof"))) / teredo_inner(way),
    ),
    "wireguard": ("eth:ip:udp:wg", (), lambda way: outer(way) / udp(way, WireGuard(1 + way)) / b""),
    "pppoe": ("eth:pppoes:ppp:ip:tcp", (), lambda way: link(way) / PPPoE() / PPP() / inner(way)),
    "qinq": ("eth:ieee8021ad:vlan:ip:tcp", (), lambda way: link(way) / ServiceTag(5) / Dot1Q(6) / inner(way)),
    "qinq_9100": (
        "eth:vlan:vlan:ip:tcp",
        (),
        lambda way: Ethernet(*MACS[:: 1 - 2 * way], 0x9100) / Dot1Q(5) / Dot1Q(6) / inner(way),
    ),
    "three_deep": (
        "eth:ip:udp:gtp:ipv6:udp:vxlan:eth:ip:ip:tcp",
        (),
        lambda way: (
            outer(way)
            / udp(way, GTPv1U(7))
            / IPv6(*OUTER6[:: 1 - 2 * way])
            / UDP(50000)
            / VXLAN(7)
            / link(way)
            / IPv4(*OUTER4[:: 1 - 2 * way])
            / inner(way)
        ),
    ),
}
MACS = "02:00:00:00:00:01", "02:00:00:00:00:02"
CALLED = {
    "ipip": "eth:ip:ip:tcp",
    "6in4": "eth:ip:ipv6:tcp",
    "4in6": "eth:ipv6:ip:tcp",
    "6in6": "eth:ipv6:ipv6:tcp",
    "gre_key": "eth:ip:gre:ip:tcp",
    "pptp": "eth:ip:gre:ppp:ip:tcp",
    "nvgre": "eth:ip:gre:eth:ip:tcp",
    **dict.fromkeys(("erspan", "erspan_1", "erspan_3"), "eth:ip:gre:erspan:eth:ip:tcp"),
    "etherip": "eth:ip:etherip:eth:ip:tcp",
    "gtpu": "eth:ip:udp:gtp:ip:tcp",
    "l2tpv2": "eth:ip:udp:l2tp:ppp:ip:tcp",
    "l2tpv3": "eth:ip:l2tp:eth:ip:tcp",
    "l2tpv3_udp": "eth:ip:udp:l2tp:eth:ip:tcp",
    "teredo": "eth:ip:udp:teredo:ipv6:tcp",
    "vxlan": "eth:ip:udp:vxlan:eth:ip:tcp",
    "vxlan-gpe": "eth:ip:udp:vxlan:ip:tcp",
    "geneve": "eth:ip:udp:geneve:eth:ip:tcp",
}
TUNNELS = {
    name: (called, L2TPV3 if name.startswith("l2tpv3") else (), lambda way, make=ALL[name]: make(way, 5))
    for name, called in CALLED.items()
} | MORE


def path_of(layers):
    """Give tshark's names of a packet's layers, each stack of labels as one."""
    names = [name for name, _ in layers]
    pairs = zip(names, ["", *names], strict=False)
    return ":".join(name for name, before in pairs if (name, before) != ("mpls", "mpls"))


def test_every_tunnel_is_asked_about():
    assert set(ALL) <= set(TUNNELS)


@pytest.mark.parametrize("name", TUNNELS)
def test_flows_are_those_of_tshark(tmp_path, name):
    called, told, make = TUNNELS[name]
    ours = our_flows(read_frames(tmp_path, [bytes(make(way)) for way in (0, 1, 1, 0, 0)]))
    layers = list(dissected(tmp_path / "frames.pcap", *told))
    assert {path_of(packet) for packet in layers} == {called}
    assert ours == flows_of(layers)
    assert {sum(ways) for ways in ours.values()} == {5}
