"""The same packets as libpcap reads, through cypcap, on captures that it can read."""

import cypcap
import pytest
from capture_builders import MICRO, MODIFIED, NANO, enhanced, interface, obsolete, pcap, save, section, simple

from flowtable.capture import dlt, open_capture

DATA = bytes(range(50))
RECORDS = [(1_600_000_000, 999_999, DATA, 1500), (3, 0, b""), (2**31 - 1, 7, DATA[:20]), (5, 5, DATA)]


def classic():
    for order in "<>":
        for magic in (MICRO, NANO, MODIFIED):
            for version in ((2, 4), (2, 3), (2, 2), (543, 0)):
                for snap in (65535, 30, 0):
                    yield pcap(RECORDS, order=order, magic=magic, version=version, snap=snap)
    for network in (0, 101, 106, 113, 231, 276, 0xF4000001):
        yield pcap(RECORDS, network=network)


def next_generation():
    for order in "<>":
        for clock in ({}, {"resolution": 9}, {"resolution": 3, "offset": 1000}, {"resolution": 128 + 20}):
            content = section(order=order) + interface(1, 200, order=order, **clock)
            content += enhanced(1_600_000_000_001, DATA, order=order, length=99) + simple(DATA, order=order)
            yield (
                content
                + obsolete(77, DATA, order=order)
                + interface(1, 200, order=order)
                + enhanced(9, b"", 1, order=order)
            )


@pytest.mark.parametrize("content", [*classic(), *next_generation()])
def test_same_as_libpcap(tmp_path, content):
    path = save(tmp_path / "a", content)
    with cypcap.open_offline(path) as theirs:
        link_type = int(theirs.datalink())
        expected = [
            (header.caplen, header.len, round(header.ts * 10**6), bytes(data)) for header, data in theirs
        ]
    frames = list(open_capture(path))
    assert [(len(f.data), f.length, f.time // 1000, f.data) for f in frames] == expected
    assert {dlt(frame.link_type) for frame in frames} == {link_type}
