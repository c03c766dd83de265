"""The demo capture with bytes changed, cut out and put in: any file is read, or refused by a FlowError."""

import warnings

import pytest
from fuzz_inputs import EVERY_MODE, options_of
from promises import hold
from reading import seeded

import flowtable
from flowtable import FlowError
from flowtable.capture import open_capture
from flowtable.errors import CaptureWarning
from flowtable.testing import demo_capture, write_pcap

PIECES = 40
OF_EACH = 60


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    """Give the demo as it is, and as a classic pcap, where lengths stand at other places."""
    path = tmp_path_factory.mktemp("demo") / "demo.pcapng"
    path.write_bytes(demo_capture())
    frames = [(frame.time, bytes(frame.data)) for frame in open_capture(path)]
    return {"pcapng": demo_capture(), "pcap": write_pcap(None, frames)}


def changed(data, random):
    """Change some bytes, mostly to those that lengths and counts go wrong by."""
    for _ in range(random.choice((1, 1, 2, 8, 40))):
        at = random.randrange(len(data))
        what = random.random()
        if what < 0.7:
            data[at] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
        elif what < 0.85:
            del data[at : at + random.randrange(1, 30)]
        else:
            data[at:at] = random.randbytes(random.randrange(1, 30))
    return data


@pytest.mark.parametrize("kind", ["pcapng", "pcap"])
@pytest.mark.parametrize("part", range(PIECES))
def test_whatever_is_changed_promises_hold(tmp_path, captures, kind, part):
    random, whole, path = seeded(part), captures[kind], tmp_path / "changed"
    read = 0
    for _ in range(OF_EACH):
        data = changed(bytearray(whole), random)
        if random.random() < 0.2:
            del data[random.randrange(len(data)) :]
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CaptureWarning)
            try:
                flows = flowtable.read(path, **options_of(random.choice(EVERY_MODE)))
            except FlowError:
                continue
        read += 1
        hold(flows)
    assert read > OF_EACH // 2
