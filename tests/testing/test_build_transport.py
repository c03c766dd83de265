import pytest
from second_opinion import rebuilt, scapy

from flowtable.testing import (
    DNS,
    RUDP,
    SCTP,
    TCP,
    UDP,
    IPv4,
    IPv6,
    SCTPAbort,
    SCTPChunk,
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
    UDPLite,
)


def test_tcp():
    segment = TCP(1000, 2000, "SEC", 5, 6, 7, options=b"\x02\x04\x05\xb4\x01", urgent=8)
    frame = bytes(IPv4() / segment / b"data")
    seen = scapy.IP(frame)[scapy.TCP]
    assert (seen.sport, seen.dport, seen.seq, seen.ack, seen.window, seen.urgptr) == (1000, 2000, 5, 6, 7, 8)
    assert (str(seen.flags), seen.dataofs, seen.options[0]) == ("SEC", 7, ("MSS", 1460))
    assert rebuilt(scapy.IP, frame) == frame


@pytest.mark.parametrize("flag", "FSRPAUECN")
def test_tcp_flags_are_scapy_s_letters(flag):
    assert str(scapy.TCP(bytes(TCP(1, 2, flag))).flags) == flag


def test_tcp_fields_can_be_forced():
    seen = scapy.TCP(bytes(TCP(1, 2, data_offset=15, reserved=7, checksum=9)))
    assert (seen.dataofs, seen.reserved, seen.chksum) == (15, 7, 9)


def test_udp_takes_its_port_from_the_payload():
    seen = scapy.IP(bytes(IPv4() / UDP(5000) / DNS(7)))
    assert (seen.sport, seen.dport, seen[scapy.UDP].len) == (5000, 53, 20)
    assert seen[scapy.DNS].id == 7


def test_udp_sum_of_zero_is_sent_as_ones():
    # These two bytes bring the one's complement sum to 0xFFFF, whose complement is 0.
    unsummed = bytes(IPv4() / UDP(1, 2) / b"\0\0")
    packet = IPv4() / UDP(1, 2) / unsummed[26:28]
    assert bytes(packet)[26:28] == b"\xff\xff"
    assert rebuilt(scapy.IP, bytes(packet)) == bytes(packet)


def test_udp_fields_can_be_forced():
    seen = scapy.UDP(bytes(UDP(1, 2, length=7, checksum=0) / b"data"))
    assert (seen.len, seen.chksum) == (7, 0)


def test_udplite_covers_what_it_says():
    whole = bytes(IPv4() / UDPLite(1, 2) / b"data")
    assert scapy.checksum(_pseudo(136, 12) + whole[20:]) == 0
    part = bytes(IPv4() / UDPLite(1, 2, coverage=8) / b"data")
    assert scapy.checksum(_pseudo(136, 12) + part[20:28]) == 0


def _pseudo(protocol, length):
    return bytes([192, 0, 2, 1, 192, 0, 2, 2, 0, protocol]) + length.to_bytes(2)


def test_rudp_mirrors_rfc_908():
    frame = bytes(IPv4() / RUDP(3, 4, "SA", 5, 6, b"\0\x05\x01\0\0\0", checksum=7) / b"data")
    assert frame[9] == 27
    assert frame[20:].hex() == "c20c0304000400000005000000060000000700050100000064617461"


CHUNKS = [
    SCTPData(b"data", tsn=5, stream=6, stream_sequence=7, payload_protocol=8),
    SCTPInit(tag=5, out_streams=6, in_streams=7, tsn=8),
    SCTPInitAck(b"\0\7\0\x08cook", tag=5),
    SCTPSack(tsn=5, gaps=((2, 3), (5, 6)), duplicates=(4,)),
    SCTPHeartbeat(),
    SCTPHeartbeatAck(),
    SCTPAbort(),
    SCTPShutdown(tsn=5),
    SCTPShutdownAck(),
    SCTPError(),
    SCTPCookieEcho(),
    SCTPCookieAck(),
    SCTPShutdownComplete(),
]


@pytest.mark.parametrize("chunk", CHUNKS, ids=lambda chunk: type(chunk).__name__)
def test_sctp_chunk(chunk):
    frame = bytes(IPv6() / SCTP(1000, 2000, 0xABCD) / chunk)
    seen = scapy.IPv6(frame)[scapy.SCTP]
    assert (seen.sport, seen.dport, seen.tag) == (1000, 2000, 0xABCD)
    assert seen.payload.type == chunk.kind
    assert rebuilt(scapy.IPv6, frame) == frame


def test_sctp_data_fields():
    seen = scapy.SCTP(bytes(SCTP() / CHUNKS[0])).payload
    assert (seen.tsn, seen.stream_id, seen.stream_seq, seen.proto_id) == (5, 6, 7, 8)
    assert (bytes(seen.data), seen.len, seen.beginning, seen.ending) == (b"data", 20, 1, 1)


def test_sctp_chunks_follow_each_other_on_4_bytes():
    seen = scapy.SCTP(bytes(SCTP() / SCTPCookieEcho(b"12345") / SCTPData(b"x") / SCTPSack()))
    layers = [type(layer).__name__ for layer in seen.iterpayloads()]
    assert layers == ["SCTP", "SCTPChunkCookieEcho", "SCTPChunkData", "SCTPChunkSACK"]


def test_sctp_chunks_can_lie():
    assert bytes(SCTPChunk(b"ab", 3, 200, 9)) == b"\xc8\x03\x00\x09ab\0\0"
    assert bytes(SCTP(checksum=1))[8:] == b"\x01\0\0\0"
