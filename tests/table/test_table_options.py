"""What read takes, what it refuses, and what stands in its account."""

import io
import warnings

import pytest
from cases import CASES
from reading import read_frames

import flowtable
from flowtable import CaptureError, FilterError, FlowError, LayerKeyMode, OptionError, TableFull
from flowtable.errors import FilterWarning
from flowtable.testing import (
    ARP,
    DNS,
    START,
    TCP,
    UDP,
    VXLAN,
    Ethernet,
    Interface,
    IPv4,
    IPv6,
    LinuxCooked,
    Question,
    demo_capture,
    write_pcap,
    write_pcapng,
)
from flowtable.testing.captures import FrameSpec

RESERVED_LABEL = bytes(Ethernet() / IPv4() / UDP(1, 53) / DNS(questions=(Question(b"\x80"),)))
FRAMES = [bytes(Ethernet() / IPv4() / TCP(port, 80)) for port in range(1, 21)]


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "twenty.pcap"
    write_pcap(path, FRAMES)
    return path


@pytest.mark.parametrize(
    "option",
    [
        "update_every",
        "L3",
        "Layer_key",
        "filter",
    ],
)
def test_options_that_do_not_exist_are_no_options(capture, option):
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        flowtable.read(capture, **{option: True})


def test_options_go_by_name(capture):
    with pytest.raises(TypeError, match="positional"):
        flowtable.read(capture, "L3")


@pytest.mark.parametrize(
    "options",
    [
        {"layer_key": "L4"},
        {"layer_key": 1},
        {"layer_key": None},
        {"layer_key": ["L2"]},
        {"tunnels": "gre"},
        {"tunnels": ("teleporter",)},
        {"tunnels": (1,)},
        {"tunnels": (b"gre",)},
        {"tunnels": (["gre"],)},
        {"tunnels": None},
        {"tunnels": 7},
        {"extra_layers": "DNS"},
        {"extra_layers": ("HTTP",)},
        {"extra_layers": ("dns",)},
        {"extra_layers": (b"DNS",)},
        {"extra_layers": True},
        {"extra_layers": None},
        {"node_tid": 5},
        {"node_tid": b"node"},
        {"node_tid": None},
        {"node_tid": "\ud800"},
        {"capture_id": 5},
        {"capture_id": "\ud800"},
        {"raw_packets": -1},
        {"raw_packets": 65536},
        {"raw_packets": True},
        {"raw_packets": "10"},
        {"raw_packets": 1.5},
        {"raw_packets": None},
        {"max_flows": -1},
        {"max_flows": "5"},
        {"max_flows": 2.5},
        {"bpf": 5},
        {"bpf": b"tcp"},
    ],
    ids=str,
)
def test_wrong_values_are_refused_before_anything_is_read(tmp_path, options):
    with pytest.raises(OptionError):
        flowtable.read(tmp_path / "missing.pcap", **options)


def test_modes_go_by_name_or_number(capture):
    assert len(flowtable.read(capture, layer_key=LayerKeyMode.L3)) == 20
    assert len(flowtable.read(capture, layer_key="L3")) == 20


@pytest.mark.parametrize("path", ["missing.pcap", "", "."])
def test_paths_that_are_no_captures(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CaptureError):
        flowtable.read(path)


def test_no_paths_are_an_option_error():
    with pytest.raises(OptionError, match="no capture"):
        flowtable.read([])


def test_ids_of_node_and_capture_stand_in_the_flows(capture):
    flow = flowtable.read(capture, node_tid="node-1", capture_id="capture-1")[0]
    assert (flow.node_tid, flow.capture_id) == ("node-1", "capture-1")
    other = flowtable.read(capture, node_tid="node-2")[0]
    assert flow.uuid != other.uuid
    assert flow.tracking_id == other.tracking_id
    assert other.capture_id == ""


def test_two_reads_give_the_same_ids_in_the_same_order(tmp_path):
    """Although each table hashes under a random key of its own."""
    path = tmp_path / "demo.pcapng"
    path.write_bytes(demo_capture())
    first, second = (io.BytesIO(), io.BytesIO())
    flowtable.read(path).write_json(first)
    flowtable.read(path).write_json(second)
    assert first.getvalue() == second.getvalue() != b""


# ---- limits


def test_more_flows_than_allowed_raise_with_the_account(capture):
    assert len(flowtable.read(capture, max_flows=20)) == 20
    for limit in (0, 1, 19):
        with pytest.raises(TableFull, match=f"more flows than the {limit} allowed") as raised:
            flowtable.read(capture, max_flows=limit)
        account = raised.value.account
        assert account.adds_up()
        assert account.flows == limit
        assert account.in_flows == limit
        assert account.discarded == {"table full": account.frames - limit}
        assert limit < account.frames <= 20
        assert isinstance(raised.value, MemoryError)


def test_a_full_table_still_takes_packets_of_its_flows(tmp_path):
    assert len(read_frames(tmp_path, FRAMES[:2] * 50, max_flows=2)) == 2


def test_a_tunnels_child_may_be_the_one_too_many(tmp_path):
    frame = Ethernet() / IPv4() / UDP() / VXLAN(1) / Ethernet() / IPv4() / TCP(1, 2)
    with pytest.raises(TableFull) as raised:
        read_frames(tmp_path, [frame], max_flows=1)
    assert raised.value.account.flows == 1
    assert raised.value.account.discarded == {"table full": 1}
    assert len(read_frames(tmp_path, [frame], max_flows=2)) == 2


def test_any_number_is_a_limit(capture):
    assert len(flowtable.read(capture, max_flows=10**30)) == 20


# ---- filters


def test_frames_that_do_not_match_are_counted(capture):
    flows = flowtable.read(capture, bpf="tcp src port 7 or tcp src port 8")
    assert [flow.transport.a for flow in flows] == [7, 8]
    assert (flows.account.frames, flows.account.in_flows, flows.account.filtered) == (20, 2, 18)
    assert flows.account.adds_up()


@pytest.mark.parametrize("expression", [None, "", "  \t\n"])
def test_an_empty_expression_matches_all(capture, expression):
    assert len(flowtable.read(capture, bpf=expression)) == 20


@pytest.mark.parametrize("expression", ["tcp port", "no such thing", "port 99999", "ip host"])
def test_wrong_expressions_are_filter_errors(capture, expression):
    with pytest.raises(FilterError):
        flowtable.read(capture, bpf=expression)


def test_an_expression_is_compiled_for_each_link_type(tmp_path):
    path = tmp_path / "mixed.pcapng"
    frames = [
        FrameSpec(START, FRAMES[0], None, 0),
        FrameSpec(START, bytes(LinuxCooked() / IPv4() / UDP(1, 2)), None, 1),
        FrameSpec(START, bytes(LinuxCooked() / IPv4() / TCP(9, 2)), None, 1),
    ]
    write_pcapng(path, frames, interfaces=(Interface(1), Interface(113)))
    flows = flowtable.read(path, bpf="tcp")
    assert [flow.layers_path for flow in flows] == ["Ethernet/IPv4/TCP", "IPv4/TCP"]
    assert flows.account.filtered == 1
    with pytest.warns(FilterWarning):
        only_ethernet = flowtable.read(path, bpf="ether host 02:00:00:00:00:01")
    assert (len(only_ethernet), only_ethernet.account.filtered) == (1, 2)


# ---- several files


def test_several_files_are_one_stream_in_time_order(tmp_path):
    demo = tmp_path / "demo.pcapng"
    demo.write_bytes(demo_capture())
    frames = [(START + at * 777_777_777, case.frame) for at, case in enumerate(CASES) if case.link_type == 1]
    parts = [tmp_path / f"part{n}.pcap" for n in range(3)]
    for n, part in enumerate(parts):
        write_pcap(part, frames[n::3], nanoseconds=True)
    together = tmp_path / "together.pcap"
    write_pcap(together, frames, nanoseconds=True)
    apart, whole = flowtable.read(parts), flowtable.read(together)
    assert [flow.to_dict() for flow in apart] == [flow.to_dict() for flow in whole]
    assert apart.account == whole.account
    assert flowtable.read([*parts, demo]).account.adds_up()
    backwards = flowtable.read(reversed(parts))
    assert {flow.uuid for flow in backwards} == {flow.uuid for flow in whole}


# ---- discards and stops


def test_unknown_link_types_are_discarded_by_name(tmp_path):
    path = tmp_path / "odd.pcapng"
    frames = [FrameSpec(START, FRAMES[0], None, n) for n in (0, 1, 1, 2)]
    write_pcapng(path, frames, interfaces=(Interface(1), Interface(147), Interface(65000)))
    account = flowtable.read(path).account
    assert account.adds_up()
    assert sorted(account.discarded.values()) == [1, 2]
    assert all(name.startswith("link type ") for name in account.discarded)
    assert any("65000" in name for name in account.discarded)
    assert account.decode_stops == {}


@pytest.mark.parametrize(
    ("frame", "link_type", "discarded", "stops"),
    [
        (bytes(13), 1, {"truncated Ethernet": 1}, {"truncated Ethernet": 1}),
        (b"", 1, {"truncated Ethernet": 1}, {"truncated Ethernet": 1}),
        (b"", 101, {"truncated raw IP": 1}, {"truncated raw IP": 1}),
        (b"\x45" + bytes(18), 101, {"truncated IPv4": 1}, {"truncated IPv4": 1}),
        (bytes(LinuxCooked() / ARP()), 113, {"without Ethernet or IP": 1}, {}),
        (bytes(LinuxCooked(address_length=99)), 113, {"malformed LinuxSLL": 1}, {"malformed LinuxSLL": 1}),
        (bytes(Ethernet()), 1, {}, {"unknown protocol after Ethernet": 1}),
        (bytes(Ethernet() / IPv4() / b"?"), 1, {}, {"unknown protocol after IPv4": 1}),
        (bytes(Ethernet() / IPv4(flags="M") / UDP(1, 2)), 1, {}, {"fragment of IPv4": 1}),
        (bytes(Ethernet() / IPv4(ihl=4) / UDP(1, 2)), 1, {}, {"malformed IPv4": 1}),
        (bytes(Ethernet() / IPv6() / TCP(1, 2))[:60], 1, {}, {"truncated TCP": 1}),
        (bytes(Ethernet() / IPv4() / UDP(1, 53) / b"?"), 1, {}, {"truncated DNS": 1}),
        (RESERVED_LABEL, 1, {}, {"malformed DNS": 1}),
        (bytes(Ethernet() / IPv4() / TCP(1, 2)), 1, {}, {}),
    ],
)  # fmt: skip
def test_early_ends_have_names(tmp_path, frame, link_type, discarded, stops):
    account = read_frames(tmp_path, [frame], link_type=link_type).account
    assert dict(account.discarded) == discarded
    assert dict(account.decode_stops) == stops
    assert account.frames_discarded == sum(discarded.values())
    assert account.in_flows == 1 - account.frames_discarded


def test_an_application_is_looked_at_once_a_flow(tmp_path):
    bad = bytes(Ethernet() / IPv4() / UDP(1, 53) / b"?")
    assert read_frames(tmp_path, [bad] * 5).account.decode_stops == {"truncated DNS": 1}


def test_the_account_says_itself_in_a_line(tmp_path):
    account = read_frames(tmp_path, [FRAMES[0], b"", b""]).account
    assert str(account) == "3 frames: 1 in flows, 2 discarded (2 truncated Ethernet)"
    account = read_frames(tmp_path, FRAMES[:2], bpf="tcp src port 2").account
    assert str(account) == "2 frames: 1 in flows, 1 filtered"


def test_progress_is_told_of_the_source(capture):
    seen = []
    flowtable.read(capture, progress=lambda source: seen.append((source.position, source.size)))
    assert seen
    assert seen[-1] == (capture.stat().st_size, capture.stat().st_size)


def test_errors_of_progress_come_through(capture):
    def stop(_source):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        flowtable.read(capture, progress=stop)


def test_nothing_but_flow_errors_for_any_bytes(tmp_path):
    path = tmp_path / "any"
    for data in (
        b"",
        b"x",
        b"\xd4\xc3\xb2\xa1",
        bytes(1000),
        b"\x0a\x0d\x0d\x0a" * 20,
        b"PK\3\4",
        b"\x1f\x8b" * 9,
    ):
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(FlowError):
                flowtable.read(path)
