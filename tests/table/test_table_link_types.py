"""Captures of several link types, and filters over them."""

import warnings

import flowtable
from flowtable.errors import FilterWarning
from flowtable.testing import START, TCP, Ethernet, FrameSpec, Interface, IPv4, write_pcapng

HTTP = IPv4("10.0.0.1", "10.0.0.2") / TCP(50_000, 80)
FRAMES = [bytes(Ethernet() / HTTP), bytes(HTTP), b"what nobody knows"]
LINK_TYPES = (1, 101, 147)


def capture(folder):
    path = folder / "mixed.pcapng"
    frames = [FrameSpec(START, frame, None, at) for at, frame in enumerate(FRAMES)]
    write_pcapng(path, frames, interfaces=tuple(Interface(number) for number in LINK_TYPES))
    return path


def test_frames_of_unknown_link_types_are_discarded_by_name_with_a_filter_too(tmp_path):
    for bpf in (None, "tcp port 80"):
        account = flowtable.read(capture(tmp_path), bpf=bpf).account
        assert (account.in_flows, account.filtered) == (2, 0)
        assert account.discarded == {"link type USER0": 1}
    account = flowtable.read(capture(tmp_path), bpf="udp").account
    assert (account.in_flows, account.filtered, account.frames_discarded) == (0, 2, 1)


def test_an_expression_matches_nothing_where_it_does_not_fit(tmp_path):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        account = flowtable.read(capture(tmp_path), bpf="ether host 02:00:00:00:00:01").account
    assert account.adds_up()
    assert (account.in_flows, account.filtered, account.frames_discarded) == (1, 1, 1)
    assert [warning.category for warning in said] == [FilterWarning]


def test_a_filter_costs_nothing_for_link_types_that_cannot_be_decoded(tmp_path):
    unknown = range(300, 600)
    path = tmp_path / "unknown.pcapng"
    frames = [FrameSpec(START, b"frame", None, at) for at in range(len(unknown))]
    write_pcapng(path, frames, interfaces=tuple(Interface(number) for number in unknown))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        account = flowtable.read(path, bpf="tcp port 80").account
    assert said == []
    assert account.frames_discarded == len(account.discarded) == len(unknown)
