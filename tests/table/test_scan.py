"""``scan`` gives of captures what ``read`` gives, as flows end."""

import pytest
from cases import CASES
from living import SECOND, tcp, tunnel, udp
from rich_capture import EVERY_OPTION, RESETS
from scans import FOR_EVER, fault_of_scan, rows_of, scanned

import flowtable
from flowtable import CaptureError, FilterError, Limits, OptionError, scan
from flowtable.testing import (
    START,
    UDP,
    Ethernet,
    Host,
    IPv4,
    Pair,
    demo_capture,
    dns_exchange,
    fragments,
    merge,
    tcp_conversation,
    write_pcap,
)

WAYS = ({}, {"layer_key": "L3"}, {"defrag": True}, EVERY_OPTION, {**EVERY_OPTION, "defrag": True})


@pytest.fixture
def capture(tmp_path):
    """Frames as a capture."""

    def written(frames, **options):
        write_pcap(tmp_path / "a.pcap", frames, nanoseconds=True, **options)
        return tmp_path / "a.pcap"

    return written


def conversations():
    """Talks of many hosts, one behind the other and at once, with lost ends."""
    talks = []
    for number in range(40):
        pair = Pair(Host(f"10.0.0.{number % 7 + 1}"), Host("10.0.1.1"))
        start = START + number * SECOND // 7
        if number % 3:
            talks.append(
                tcp_conversation(pair, (2000 + number, 80), b"ask" * number, b"say" * 99, start=start)
            )
        else:
            talks.append(dns_exchange(pair, "a.example", "192.0.2.1", start=start))
    return [packet for at, packet in enumerate(merge(*talks)) if at % 11]


# ---- the same as read


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("link_type", sorted({case.link_type for case in CASES}))
def test_all_packets_that_there_are(capture, link_type, options):
    frames = [case.frame for case in CASES if case.link_type == link_type] * 2
    path = capture(frames, link_type=link_type, step=SECOND // 9)
    flows = flowtable.read(path, threads=1, **options)
    assert flows.account.frames == len(frames)
    assert fault_of_scan(path, flows, **options) is None


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_a_demo_talks_and_resets(tmp_path, capture, options):
    demo = tmp_path / "demo.pcapng"
    demo.write_bytes(demo_capture())
    for path in (demo, capture(conversations())):
        assert fault_of_scan(path, flowtable.read(path, threads=1, **options), **options) is None
    path = capture(RESETS)
    assert fault_of_scan(path, flowtable.read(path, threads=1, **options), **options) is None


def test_a_syn_after_a_reset_is_what_read_does_not_see(capture):
    path = capture([tcp("S"), tcp("R"), tcp("S"), tcp("A")], step=SECOND)
    flows = flowtable.read(path)
    ended, _ = scanned(path, **FOR_EVER)
    assert (len(flows), [flow.finish_type for flow in ended]) == (1, ["TCP_RST", "STOPPED"])
    assert fault_of_scan(path, flows) is None


def test_the_comparison_sees_faults(capture):
    """Sets of other captures, or of too much, are found."""
    path = capture([udp(1), udp(2), tunnel(2)], step=SECOND)
    right = flowtable.read(path)
    assert fault_of_scan(path, right) is None
    other = flowtable.read(capture([udp(1), udp(2), tunnel(2)], step=SECOND // 2))
    assert fault_of_scan(path, other) is None  # the same file was written anew
    path = capture([udp(1), udp(2), tunnel(2)], step=SECOND)
    assert fault_of_scan(path, other) == "with time for ever flows are other ones"
    assert "sums" in fault_of_scan(path, right[:-1])


def test_many_files_and_none(tmp_path, capture):
    write_pcap(tmp_path / "b.pcap", [udp(2)] * 5, start=START + SECOND)
    paths = [capture([udp(1)] * 5), tmp_path / "b.pcap"]
    ended, account = scanned(paths)
    assert rows_of(ended) == rows_of(flowtable.read(paths))
    assert account.frames == 10
    assert scanned(capture([]))[0] == []


# ---- as they end


def test_sets_come_while_the_capture_is_read(capture):
    frames = [udp(1 + at % 60_000) for at in range(100_000)]
    with scan(capture(frames, step=SECOND // 1000), idle=2) as sets:
        first = next(sets)
        assert 0 < len(first) < 60_000
        assert sets.account.frames < 100_000
        rest = [flow for flows in sets for flow in flows]
    assert sum(flow.metric.ab_packets for flow in (*first, *rest)) == 100_000
    assert sets.account.adds_up()
    assert sets.flows_ended == {
        "TIMEOUT": 98_000,
        "TCP_FIN": 0,
        "TCP_RST": 0,
        "EVICTED": 0,
        "ACTIVE_TIMEOUT": 0,
        "STOPPED": 2_000,
    }


def test_a_scan_may_be_left(capture):
    sets = scan(capture([udp(1 + at % 60_000) for at in range(100_000)], step=SECOND // 1000), idle=2)
    next(sets)
    sets.close()
    assert sum(1 for _ in sets) <= 1
    assert list(sets) == []


def test_only_flows_that_are_wanted(capture):
    path = capture([udp(1), tcp("S"), tunnel(1)])
    ended, account = scanned(path, where='Application == "TCP"')
    assert [flow.application for flow in ended] == ["TCP"]
    assert account.in_flows == 3
    ended, account = scanned(path, bpf="udp")
    assert ([flow.application for flow in ended], account.filtered) == (["UDP"], 2)


def test_full_tables_evict(capture):
    sets = scan(capture([udp(1 + at) for at in range(1000)]), max_flows=10)
    ended = [flow for flows in sets for flow in flows]
    assert [flow.transport.a for flow in ended] == list(range(1, 1001))
    assert sets.flows_ended["EVICTED"] == 990


def test_names_and_progress(capture):
    told = []
    path = capture([udp()])
    ended, _ = scanned(path, node_tid="node", capture_id="capture", progress=told.append)
    assert [(flow.node_tid, flow.capture_id) for flow in ended] == [("node", "capture")]
    assert told
    assert ended[0].uuid == flowtable.read(path, node_tid="node")[0].uuid


def test_options_that_cannot_be(capture, tmp_path):
    path = capture([udp()])
    for wrong, error in [
        ({"idle": 0}, OptionError),
        ({"active": -1}, OptionError),
        ({"max_flows": 0}, OptionError),
        ({"threads": 2}, OptionError),
        ({"bpf": "no such thing"}, FilterError),
        ({"where": "=="}, FilterError),
    ]:
        with pytest.raises(error):
            scan(path, **wrong)
    with pytest.raises(CaptureError):
        scan(tmp_path / "none.pcap")


# ---- memory that is used again


def rounds(number, port):
    """Give a round's frames: a TCP stream with a gap, DNS, and a datagram in pieces."""
    start = START + number * 100 * SECOND
    pair = Pair(Host("10.0.0.1"), Host("10.0.0.2"))
    talk = tcp_conversation(pair, (port, 80), b"x" * 3000, b"y" * 3000, start=start)
    del talk[4]
    names = dns_exchange(pair, f"host{number}.example", "192.0.2.1", port=port, start=start)
    whole = Ethernet() / IPv4("10.0.0.1", "10.0.0.3", id=number + 1) / UDP(port, 9) / bytes(3000)
    pieces = [(start + at, piece) for at, piece in enumerate(fragments(whole, 1000))]
    return [*talk, *names, *pieces]


def lost(account):
    return {name: count for name, count in account.lost.items() if count and "gaps" not in name}


def test_what_options_keep_is_given_back(capture):
    """Fifty rounds, of which memory is enough for few: nothing is lost, and all is as of a round alone."""
    small = Limits(
        statistics_bytes=4096,
        tcp_bytes=8192,
        message_bytes=4096,
        raw_packet_bytes=64 << 10,
        fragment_bytes=8192,
        streams_bytes=64 << 10,
    )
    options = {**EVERY_OPTION, "defrag": True, "limits": small}
    frames = [frame for number in range(50) for frame in rounds(number, 2000 + number)]
    path = capture(frames)
    assert lost(flowtable.read(path, **options).account)
    ended, account = scanned(path, idle=50, **options)
    assert lost(account) == {}
    assert account.discarded == {}
    assert account.adds_up()
    roomy = flowtable.read(path, **{**options, "limits": Limits()})
    assert lost(roomy.account) == {}
    ours, theirs = (sorted(rows_of(flows), key=lambda row: row["UUID"]) for flows in (ended, roomy))
    assert [row["UUID"] for row in ours] == [row["UUID"] for row in theirs]
    for our, their in zip(ours, theirs, strict=True):
        our.pop("FinishType", None), their.pop("FinishType", None)
        assert our == their
