"""DHCPv4 and VRRP beside what scapy makes of the same bytes."""

import base64
import json

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP
from scapy.layers.vrrp import VRRP as SCAPY_VRRP
from scapy.layers.vrrp import VRRPv3

from flowtable.flow._messages import message_text
from flowtable.testing import VRRP, DHCPv4, IPv4

OCTET, SHORT = st.integers(0, 0xFF), st.integers(0, 0xFFFF)


def zeros_left_out(parts):
    return {name: value for name, value in parts.items() if value}


@given(
    st.builds(
        DHCPv4,
        xid=st.integers(0, 0xFFFFFFFF),
        secs=SHORT,
        flags=SHORT,
        server_name=st.binary(max_size=64),
        file=st.binary(max_size=128),
        hardware_length=OCTET,
    ),
    OCTET,
)
def test_scapy_reads_the_same_from_dhcp(message, relays):
    wire = bytearray(bytes(message))
    wire[3] = relays
    theirs = BOOTP(bytes(wire))
    assert json.loads(message_text("DHCPv4", bytes(wire))) == zeros_left_out(
        {
            "hardware_len": theirs.hlen,
            "hardware_opts": theirs.hops,
            "xid": theirs.xid,
            "secs": theirs.secs,
            "flags": int(theirs.flags),
            "server_name": base64.b64encode(theirs.sname.ljust(64, b"\0")).decode(),
            "file": base64.b64encode(theirs.file.ljust(128, b"\0")).decode(),
        }
    )


ADVERTISEMENTS = st.builds(
    VRRP,
    OCTET,
    OCTET,
    st.lists(st.ip_addresses(v=4).map(str), min_size=1, max_size=5).map(tuple),
    checksum=SHORT,
)


@given(ADVERTISEMENTS, OCTET)
def test_scapy_reads_the_same_from_vrrp_2(message, interval):
    wire = bytearray(bytes(IPv4() / message))[20:]
    wire[5] = interval
    theirs = SCAPY_VRRP(bytes(wire))
    assert json.loads(message_text("VRRP", bytes(wire))) == zeros_left_out(
        {
            "version": theirs.version,
            "virtual_rtrID": theirs.vrid,
            "priority": theirs.priority,
            "count_ipaddr": theirs.ipcount,
            "adver_int": theirs.adv,
            "checksum": theirs.chksum,
        }
    )


@given(ADVERTISEMENTS, st.integers(0, 0xFFF), st.integers(0, 15))
def test_scapy_reads_the_same_from_vrrp_3(message, interval, reserved):
    wire = bytearray(bytes(IPv4() / message))[20:]
    wire[0] = 0x31
    wire[4:6] = (reserved << 12 | interval).to_bytes(2)
    theirs = VRRPv3(bytes(wire))
    assert json.loads(message_text("VRRP", bytes(wire))) == zeros_left_out(
        {
            "version": theirs.version,
            "virtual_rtrID": theirs.vrid,
            "priority": theirs.priority,
            "count_ipaddr": theirs.ipcount,
            "adver_int": theirs.adv & 0xFF,
            "checksum": theirs.chksum,
            "max_adver_int": theirs.adv,
        }
    )
