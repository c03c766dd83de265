"""A frame of each tunnel for each way: way 0 is there, 1 back; n is what the tunnel is numbered by."""

from flowtable.testing import (
    ERSPAN2,
    ERSPAN3,
    GRE,
    MPLS,
    NVGRE,
    PPP,
    PPTP,
    TCP,
    UDP,
    VXLAN,
    VXLANGPE,
    ControlWord,
    EtherIP,
    Ethernet,
    Geneve,
    GTPv1U,
    IPv4,
    IPv6,
    L2TPv2,
    L2TPv3,
    L2TPv3OverUDP,
    Teredo,
)

MACS = "02:00:00:00:00:01", "02:00:00:00:00:02"
OUTER4, OUTER6 = ("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2")


def link(way):
    return Ethernet(*MACS[:: 1 - 2 * way])


def outer(way, version=4):
    ends = OUTER4 if version == 4 else OUTER6
    return link(way) / (IPv4 if version == 4 else IPv6)(*ends[:: 1 - 2 * way])


def inner(way, version=4):
    ends = ("172.16.0.1", "172.16.0.2") if version == 4 else ("2001:db8:9::1", "2001:db8:9::2")
    ip = (IPv4 if version == 4 else IPv6)(*ends[:: 1 - 2 * way])
    return ip / TCP(*(40000, 80)[:: 1 - 2 * way], ("S", "SA")[way])


def teredo_inner(way):
    """One end is a client's: the prefix, its server, and its own port and address hidden."""
    ends = "2001:0:a00:1::9", "2001:db8:9::2"
    return IPv6(*ends[:: 1 - 2 * way]) / TCP(*(40000, 80)[:: 1 - 2 * way], ("S", "SA")[way])


def bridged(way):
    return Ethernet(*("02:00:00:00:00:0a", "02:00:00:00:00:0b")[:: 1 - 2 * way]) / inner(way)


def udp(way, tunnel):
    """Where both ends use the tunnel's port, and where only the far one does."""
    return UDP(*(50000, tunnel.numbers.port)[:: 1 - 2 * way]) / tunnel


EITHER = {
    "ipip": lambda way, _n: outer(way) / inner(way),
    "6in4": lambda way, _n: outer(way) / inner(way, 6),
    "4in6": lambda way, _n: outer(way, 6) / inner(way),
    "6in6": lambda way, _n: outer(way, 6) / inner(way, 6),
    "gtpu": lambda way, n: outer(way) / udp(way, GTPv1U(n + way)) / inner(way),
    "l2tpv2": lambda way, n: outer(way) / udp(way, L2TPv2(n + way, n)) / PPP() / inner(way),
    "l2tpv3": lambda way, n: outer(way) / L2TPv3(n + way) / bridged(way),
    "l2tpv3_udp": lambda way, n: outer(way) / udp(way, L2TPv3OverUDP(n + way)) / bridged(way),
    "etherip": lambda way, _n: outer(way) / EtherIP() / bridged(way),
    "teredo": lambda way, _n: outer(way) / udp(way, Teredo()) / teredo_inner(way),
    "pseudowire": lambda way, n: link(way) / MPLS(n + way) / ControlWord() / bridged(way),
    "gre_key": lambda way, n: outer(way) / GRE(key=n) / inner(way),
    "pptp": lambda way, n: outer(way) / PPTP(call=n + way) / PPP() / inner(way),
    "erspan_1": lambda way, _n: outer(way) / GRE(protocol=0x88BE) / bridged(way),
}
NUMBERED = {
    "vxlan-gpe": lambda way, n: outer(way) / UDP(50000 + way) / VXLANGPE(n) / inner(way),
    "nvgre": lambda way, n: outer(way) / NVGRE(vsid=0x1000 + n) / bridged(way),
    "erspan": lambda way, n: outer(way) / GRE(sequence=way) / ERSPAN2(n) / bridged(way),
    "erspan_3": lambda way, n: outer(way) / GRE(sequence=way) / ERSPAN3(n) / bridged(way),
    "vxlan": lambda way, n: outer(way) / UDP(50000 + way) / VXLAN(n) / bridged(way),
    "geneve": lambda way, n: outer(way) / UDP(50000 + way) / Geneve(n) / bridged(way),
}
ALL = EITHER | NUMBERED
