"""What a live capture can be asked for."""

import sys

import pytest

from flowtable.capture import SourceStatistics, open_fanout, open_live
from flowtable.capture.live_options import LiveOptions
from flowtable.errors import OptionError


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"snap": 0}, "snap is 0; it has to be 1 to 262144"),
        ({"snap": 262_145}, "snap is 262145; it has to be 1 to 262144"),
        ({"buffer": 1000}, "buffer is 1000; it has to be 2097152 to 1073741824"),
        ({"buffer": 1 << 40}, "buffer is 1099511627776; it has to be 2097152 to 1073741824"),
        ({"buffer": 1000, "snap": 100}, "buffer is 1000; it has to be 262144 to 1073741824"),
        ({"wait_ms": -1}, "wait_ms is -1; it has to be 0 to 60000"),
        ({"wait_ms": 1 << 31}, "wait_ms is 2147483648; it has to be 0 to 60000"),
    ],
)
def test_options_that_cannot_be(wrong, message):
    with pytest.raises(OptionError, match=f"^{message}$"):
        LiveOptions(**wrong)
    with pytest.raises(OptionError, match=f"^{message}$"):
        open_live("lo", **wrong)


@pytest.mark.parametrize("snap", [1, 96, 2048, 61_440, 61_441, 65_535, 131_072, 262_144])
def test_the_longest_frame_fits_into_a_block(snap):
    options = LiveOptions(snap=snap)
    assert options.block_size >= snap + 4096 > options.block_size // 2 or options.block_size == 65_536
    assert options.block_size & (options.block_size - 1) == 0
    assert options.blocks * options.block_size == options.buffer


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "there is no interface to capture on"),
        (["lo", "eth0", "lo"], "of lo, eth0, lo one is given twice"),
        (["any", "lo"], "any has every interface's frames already"),
    ],
)
def test_interfaces_that_cannot_be(names, message):
    for opening in (open_live, lambda names: open_fanout(names, 2)):
        with pytest.raises(OptionError, match=message):
            opening(names)


def test_a_way_that_is_none():
    with pytest.raises(OptionError, match=r"^way is 'pfring'; it has to be ring or libpcap$"):
        open_live("lo", way="pfring")


def test_elsewhere_the_ring_is_refused_with_what_there_is_instead(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(OptionError, match="the packet ring is Linux's; libpcap captures here as well"):
        open_live("lo", way="ring")
    with pytest.raises(OptionError, match="the packet ring is Linux's"):
        open_fanout("lo", 2)


@pytest.mark.usefixtures("network")
def test_elsewhere_libpcap_is_taken(monkeypatch):
    from flowtable.capture.live_pcap import PcapLiveSource

    monkeypatch.setattr(sys, "platform", "darwin")
    with open_live("right") as source:
        assert isinstance(source, PcapLiveSource)


def test_statistics_are_unknown_unless_they_are_known():
    assert SourceStatistics() == SourceStatistics(None, None, None, None)
    with pytest.raises(AttributeError):
        SourceStatistics().received = 1
