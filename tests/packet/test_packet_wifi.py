"""802.11 frames of every kind, and radiotap flags that change what follows them."""

import pytest

from flowtable.packet import PacketSequence
from flowtable.testing import LLC, SNAP, TCP, IPv4

IEEE802_11, RADIOTAP = 105, 127
DATA = bytes(LLC() / SNAP() / IPv4("10.0.0.1", "10.0.0.2") / TCP(1, 2))
MANAGEMENT = {
    0: "AssociationReq", 1: "AssociationResp", 2: "ReassociationReq", 3: "ReassociationResp", 4: "ProbeReq",
    5: "ProbeResp", 6: "MeasurementPilot", 8: "Beacon", 9: "ATIM", 10: "Disassociation", 11: "Authentication",
    12: "Deauthentication", 13: "Action", 14: "ActionNoAck",
}  # fmt: skip
CONTROL = {
    8: "BlockAckReq", 9: "BlockAck", 10: "PowersavePoll", 11: "RTS", 12: "CTS", 13: "Ack", 14: "CFEnd",
    15: "CFEndAck",
}  # fmt: skip
DATA_KINDS = {
    0: "Dot11Data/LLC/SNAP/IPv4/TCP",
    1: "Dot11DataCFAck/LLC/SNAP/IPv4/TCP",
    2: "Dot11DataCFPoll/LLC/SNAP/IPv4/TCP",
    3: "Dot11DataCFAckPoll/LLC/SNAP/IPv4/TCP",
    4: "Dot11DataNull",
    5: "Dot11DataCFAckNoData",
    6: "Dot11DataCFPollNoData",
    7: "Dot11DataCFAckPollNoData",
    8: "Dot11DataQOSData/Dot11Data/LLC/SNAP/IPv4/TCP",
    9: "Dot11DataQOSDataCFAck/Dot11DataCFAck/LLC/SNAP/IPv4/TCP",
    10: "Dot11DataQOSDataCFPoll/Dot11DataCFPoll/LLC/SNAP/IPv4/TCP",
    11: "Dot11DataQOSDataCFAckPoll/Dot11DataCFAckPoll/LLC/SNAP/IPv4/TCP",
    12: "Dot11DataQOSNull",
    14: "Dot11DataQOSNull",
}


def header(kind, subtype, flags=1, size=24):
    return bytes([subtype << 4 | kind << 2, flags]).ljust(size, b"\0")


def path(frame, link_type=IEEE802_11):
    (packet,) = PacketSequence.from_frame(frame, link_type=link_type)
    return packet.path


@pytest.mark.parametrize("subtype", range(16))
def test_management_and_control_are_named_by_their_subtypes(subtype):
    for kind, names, prefix in ((0, MANAGEMENT, "Dot11Mgmt"), (1, CONTROL, "Dot11Ctrl")):
        expected = f"Dot11/{prefix}{names[subtype]}" if subtype in names else "Dot11"
        assert path(header(kind, subtype)) == expected


@pytest.mark.parametrize("subtype", DATA_KINDS)
def test_data_is_named_by_its_subtype(subtype):
    qos = b"\0\0" if subtype >= 8 else b""
    assert path(header(2, subtype) + qos + DATA) == f"Dot11/{DATA_KINDS[subtype]}"


def test_protected_frames_and_extensions_are_not_looked_into():
    assert path(header(2, 0, flags=0x41) + DATA) == "Dot11/Dot11WEP"
    assert path(header(3, 0)) == "Dot11"


def radiotap(flags):
    return bytes([0, 0, 9, 0, 2, 0, 0, 0, flags])


@pytest.mark.parametrize(("flags", "pad"), [(0, b""), (0x20, b"\0\0"), (0x30, b"\0\0")])
def test_padding_behind_the_header_is_passed_over(flags, pad):
    checksum = b"\0\0\0\0" if flags & 0x10 else b""
    frame = radiotap(flags) + header(2, 8) + b"\0\0" + pad + DATA + checksum
    assert path(frame, RADIOTAP).endswith("Dot11DataQOSData/Dot11Data/LLC/SNAP/IPv4/TCP")
    frame = radiotap(flags) + header(2, 0) + DATA + checksum  # 24 bytes need no padding
    assert path(frame, RADIOTAP).endswith("Dot11/Dot11Data/LLC/SNAP/IPv4/TCP")


def test_padding_beyond_the_end_is_a_stop():
    assert path(radiotap(0x20) + header(2, 8) + b"\0\0\0", RADIOTAP) == "RadioTap/Dot11/Dot11DataQOSData"
