from second_opinion import scapy

from flowtable.testing import (
    LLC,
    SNAP,
    UDP,
    Dot11,
    Dot11Ack,
    Dot11Beacon,
    Dot11Data,
    Dot11QosData,
    Dot11Rts,
    IPv4,
    RadioTap,
)

DATAGRAM = LLC() / SNAP() / IPv4() / UDP(1, 2) / b"data"
ADDRESSES = [f"02:00:00:00:00:0{digit}" for digit in "abcd"]


def test_data():
    seen = scapy.RadioTap(bytes(RadioTap() / Dot11(*ADDRESSES, sequence=7) / Dot11Data() / DATAGRAM))
    frame = seen[scapy.Dot11]
    assert (frame.type, frame.subtype, frame.FCfield.value, frame.SC >> 4) == (2, 0, 1, 7)
    assert [frame.addr1, frame.addr2, frame.addr3] == ADDRESSES[:3]
    assert seen[scapy.UDP].dport == 2


def test_qos_data_and_check_sequence():
    captured = bytes(RadioTap(fcs=True) / Dot11() / Dot11QosData(5) / DATAGRAM)
    seen = scapy.RadioTap(captured)
    assert (seen[scapy.Dot11FCS].subtype, seen[scapy.Dot11QoS].TID) == (8, 5)
    assert seen[scapy.Dot11FCS].fcs == int.from_bytes(captured[-4:], "little")
    assert seen[scapy.Dot11FCS].compute_fcs(captured[9:-4]) == captured[-4:]
    assert seen[scapy.IP].dst == "192.0.2.2"


def test_ht_control_takes_four_bytes_more():
    plain, ordered = bytes(Dot11QosData() / DATAGRAM), bytes(Dot11QosData(ht_control=1) / DATAGRAM)
    assert ordered == plain[:2] + b"\1\0\0\0" + plain[2:]


def test_four_addresses():
    seen = scapy.Dot11(bytes(Dot11(*ADDRESSES, flags=3) / Dot11Data() / DATAGRAM))
    assert [seen.addr1, seen.addr2, seen.addr3, seen.addr4] == ADDRESSES
    assert seen[scapy.IP].dst == "192.0.2.2"


def test_beacon():
    seen = scapy.Dot11(bytes(Dot11(flags=0) / Dot11Beacon(5, elements=((0, b"net"), (3, b"\x06")))))
    assert (seen.type, seen.subtype) == (0, 8)
    beacon = seen[scapy.Dot11Beacon]
    assert (beacon.timestamp, beacon.beacon_interval, beacon.network_stats()["ssid"]) == (5, 100, "net")


def test_control_frames_are_short():
    assert len(bytes(Dot11(flags=0) / Dot11Ack())) == 10
    seen = scapy.Dot11(bytes(Dot11(ADDRESSES[0], flags=0) / Dot11Rts(ADDRESSES[1])))
    assert (seen.type, seen.subtype, seen.addr1, seen.addr2) == (1, 11, *ADDRESSES[:2])


def test_radiotap_fields_can_be_forced():
    header = bytes(RadioTap(present=0, fields=b"", length=99))
    assert header == b"\0\0\x63\0\0\0\0\0"
