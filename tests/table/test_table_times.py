"""Start, last, round-trip times and how flows end, packet by packet."""

import pytest
from reading import read_frames

import flowtable
from flowtable.testing import (
    START,
    TCP,
    UDP,
    Ethernet,
    ICMPv4,
    ICMPv6,
    ICMPv6Echo,
    IPv4,
    IPv6,
    write_pcapng,
)
from flowtable.testing.captures import FrameSpec, Interface

MS = 1_000_000
THERE, BACK = (
    Ethernet("02:00:00:00:00:01", "02:00:00:00:00:02"),
    Ethernet("02:00:00:00:00:02", "02:00:00:00:00:01"),
)
IP_THERE, IP_BACK = IPv4("10.0.0.1", "10.0.0.2"), IPv4("10.0.0.2", "10.0.0.1")


def tcp(flags, *, back=False):
    return BACK / IP_BACK / TCP(80, 1000, flags) if back else THERE / IP_THERE / TCP(1000, 80, flags)


def echo(seq, *, back=False, number=1):
    return (BACK / IP_BACK if back else THERE / IP_THERE) / ICMPv4(0 if back else 8, id=number, seq=seq)


def flow_of(folder, *timed, **options):
    """Give the one flow of packets, each after so many ms."""
    (flow,) = read_frames(folder, [(START + int(at * MS), packet) for at, packet in timed], **options)
    return flow


# ---- start and last


def test_start_is_the_first_packet_and_last_the_last_one(tmp_path):
    flow = flow_of(tmp_path, (0.5, tcp("S")), (3, tcp("A", back=True)), (7.25, tcp("A")))
    assert (flow.start, flow.last) == (START + MS // 2, START + 7 * MS + MS // 4)
    assert (flow.metric.start, flow.metric.last) == (flow.start, flow.last)
    assert flow.to_dict()["Start"] == flow.start // MS
    assert flow.get("Metric.Last") == flow.last // MS


def test_last_is_the_time_of_the_last_packet_but_never_before_the_start(tmp_path):
    back_a_bit = flow_of(tmp_path, (5, tcp("S")), (9, tcp("A")), (7, tcp("A")))
    assert (back_a_bit.start, back_a_bit.last) == (START + 5 * MS, START + 7 * MS)
    far_back = flow_of(tmp_path, (5, tcp("S")), (9, tcp("A")), (1, tcp("A")))
    assert far_back.last == far_back.start == START + 5 * MS


def test_steps_back_are_counted(tmp_path):
    times = (5, 9, 7, 7, 1, 2)
    flows = read_frames(tmp_path, [(START + at * MS, tcp("A")) for at in times])
    assert flows.account.steps_back == 2


def test_times_that_cannot_be_are_clamped(tmp_path):
    path = tmp_path / "clamped.pcapng"
    beyond = [FrameSpec(-5 * 10**9, bytes(tcp("A"))), FrameSpec(2**63 + 5 * 10**9, bytes(tcp("A")))]
    write_pcapng(path, beyond, interfaces=(Interface(resolution=6),))
    (flow,) = flowtable.read(path)
    assert 0 <= flow.start <= flow.last < 2**63
    assert flowtable.read(path).account.times_clamped == 2


# ---- round-trip times


@pytest.mark.parametrize("mode", ["L2", "L3"])
def test_a_handshake_is_timed(tmp_path, mode):
    flow = flow_of(
        tmp_path, (0, tcp("S")), (12.5, tcp("SA", back=True)), (13, tcp("A")), (90, tcp("A", back=True)),
        layer_key=mode,
    )  # fmt: skip
    assert flow.metric.rtt == 12_500_000
    assert flow.get("Metric.RTT") == 12_500_000


def test_a_refused_connection_is_timed(tmp_path):
    assert flow_of(tmp_path, (0, tcp("S")), (4, tcp("RA", back=True))).metric.rtt == 4 * MS


def test_a_repeated_syn_counts_from_the_first(tmp_path):
    flow = flow_of(tmp_path, (0, tcp("S")), (1000, tcp("S")), (1010, tcp("SA", back=True)))
    assert flow.metric.rtt == 1010 * MS


def test_a_repeated_answer_changes_nothing(tmp_path):
    """A SYN with ACK does not start the time again, so that a reset hours later ends nothing."""
    flow = flow_of(
        tmp_path, (0, tcp("S")), (10, tcp("SA", back=True)), (1010, tcp("SA", back=True)), (1011, tcp("A")),
        (9_000_000, tcp("R")), (9_000_001, tcp("R", back=True)),
    )  # fmt: skip
    assert flow.metric.rtt == 10 * MS


def test_an_answer_alone_is_no_time(tmp_path):
    assert flow_of(tmp_path, (0, tcp("SA", back=True)), (5, tcp("R"))).metric.rtt == 0
    assert flow_of(tmp_path, (0, tcp("R", back=True)), (5, tcp("RA"))).metric.rtt == 0


def test_the_side_that_asked_does_not_answer_itself(tmp_path):
    assert flow_of(tmp_path, (0, tcp("S")), (5, tcp("R")), (6, tcp("SA"))).metric.rtt == 0


def test_the_answer_may_come_from_a(tmp_path):
    """The capture began between the SYN of an older connection and this one, asked by B."""
    flow = flow_of(tmp_path, (0, tcp("A")), (1, tcp("S", back=True)), (4, tcp("SA")))
    assert flow.metric.rtt == 3 * MS


def test_the_last_time_measured_stands(tmp_path):
    flow = flow_of(
        tmp_path, (0, tcp("S")), (10, tcp("SA", back=True)), (500, tcp("S")), (503, tcp("SA", back=True))
    )
    assert flow.metric.rtt == 3 * MS


def test_a_time_is_never_negative(tmp_path):
    flow = flow_of(tmp_path, (50, tcp("S")), (10, tcp("SA", back=True)))
    assert flow.metric.rtt == 0
    again = flow_of(
        tmp_path, (50, tcp("S")), (10, tcp("SA", back=True)), (60, tcp("S")), (64, tcp("SA", back=True))
    )
    assert again.metric.rtt == 4 * MS
    assert flow_of(tmp_path, (50, echo(1)), (10, echo(1, back=True))).metric.rtt == 0


def test_an_answer_at_once_takes_no_time(tmp_path):
    assert flow_of(tmp_path, (5, tcp("S")), (5, tcp("SA", back=True))).metric.rtt == 0


def test_echoes_are_timed_by_their_sequence(tmp_path):
    lost = flow_of(
        tmp_path, (0, echo(1)), (1000, echo(2)), (1007, echo(2, back=True)), (2000, echo(3)),
        (2009, echo(3, back=True)),
    )  # fmt: skip
    assert lost.metric.rtt == 9 * MS
    assert (
        flow_of(tmp_path, (0, echo(1)), (8, echo(1, back=True)), (9, echo(1, back=True))).metric.rtt == 8 * MS
    )
    wrapped = flow_of(
        tmp_path, (0, echo(65535)), (1000, echo(0)), (1003, echo(0, back=True)), (2000, echo(1)),
        (2005, echo(1, back=True)),
    )  # fmt: skip
    assert wrapped.metric.rtt == 5 * MS


def test_an_older_echos_answer_leaves_the_wait_alone(tmp_path):
    flow = flow_of(tmp_path, (0, echo(5)), (3, echo(4, back=True)), (7, echo(5, back=True)))
    assert flow.metric.rtt == 7 * MS


def test_echoes_of_ipv6_are_timed(tmp_path):
    ask = THERE / IPv6("2001:db8::1", "2001:db8::2") / ICMPv6(128) / ICMPv6Echo(1, 9)
    answer = BACK / IPv6("2001:db8::2", "2001:db8::1") / ICMPv6(129) / ICMPv6Echo(1, 9)
    assert flow_of(tmp_path, (0, ask), (6, answer)).metric.rtt == 6 * MS


@pytest.mark.parametrize("kind", [3, 11, 13, 14])
def test_other_icmp_is_not_timed(tmp_path, kind):
    there, back = THERE / IP_THERE / ICMPv4(kind), BACK / IP_BACK / ICMPv4(kind)
    assert flow_of(tmp_path, (0, there), (5, back)).metric.rtt == 0


def test_udp_is_not_timed(tmp_path):
    there, back = THERE / IP_THERE / UDP(1, 2), BACK / IP_BACK / UDP(2, 1)
    assert flow_of(tmp_path, (0, there), (5, back)).metric.rtt == 0


# ---- how flows end


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["S", "A"], "NOT_FINISHED"),
        (["S", "FA"], "NOT_FINISHED"),
        (["S", "FA", "FA"], "NOT_FINISHED"),
        (["S", "FA", "<FA"], "TCP_FIN"),
        (["S", "<FA", "A", "FA", "A"], "TCP_FIN"),
        (["S", "R"], "TCP_RST"),
        (["S", "<RA"], "TCP_RST"),
        (["R"], "TCP_RST"),
        (["S", "FA", "<FA", "R"], "TCP_FIN"),
        (["S", "FA", "R", "<FA"], "TCP_RST"),
        (["FA", "<FA"], "TCP_FIN"),
        (["FR"], "TCP_RST"),
    ],
    ids=" ".join,
)
def test_resets_end_at_once_and_fins_when_both_have_come(tmp_path, flags, expected):
    packets = [tcp(word.lstrip("<"), back=word.startswith("<")) for word in flags]
    flow = flow_of(tmp_path, *enumerate(packets))
    assert flow.finish_type == flow.get("FinishType") == expected


def test_a_flow_that_ended_goes_on_counting(tmp_path):
    """There are no timers here: the same ends are the same flow, also after a reset."""
    flow = flow_of(tmp_path, (0, tcp("S")), (1, tcp("R")), (10_000_000, tcp("S")))
    assert (flow.metric.ab_packets, flow.finish_type) == (3, "TCP_RST")


def test_flags_of_another_transport_end_nothing(tmp_path):
    inner = IPv4("172.16.0.1", "172.16.0.2") / TCP(1, 2, "R")
    (flow,) = read_frames(tmp_path, [THERE / IP_THERE / UDP(9, 9) / bytes(inner)])
    assert flow.finish_type == "NOT_FINISHED"
