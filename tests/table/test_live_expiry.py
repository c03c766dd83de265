"""When flows of a live table end: to the nanosecond, and by packets' times."""

import pytest
from living import MS, SECOND, A, B, Watched, seconds, tcp, tunnel, udp

from flowtable.table.live import Table
from flowtable.testing import ARP, DNS, GRE, START, TCP, UDP, Ethernet, IPv4, Question

YEAR = 365 * 86400


def lasts(flows):
    return [(seconds(flow.start), seconds(flow.last), flow.finish_type) for flow in flows]


# ---- without a packet for long


def test_a_flow_ends_when_it_has_been_idle_for_exactly_as_long_as_asked():
    with Watched(expire_after=30) as watched:
        watched.feed((0, udp()), (7, udp()))
        assert watched.at(37 - 1e-9).ended == []
        assert lasts(watched.at(37).ended) == [(0, 7, "TIMEOUT")]
        assert len(watched.table) == 0


def test_a_packet_a_nanosecond_before_that_goes_on_with_the_flow():
    with Watched(expire_after=30) as watched:
        watched.feed((0, udp()), (30 - 1e-9, udp()))
        assert watched.ended == []
    assert [flow.metric.ab_packets for flow in watched.ended] == [2]


def test_a_packet_at_exactly_that_time_begins_a_new_flow():
    with Watched(expire_after=30) as watched:
        watched.feed((0, udp()), (30, udp()))
        assert lasts(watched.ended) == [(0, 0, "TIMEOUT")]
    old, new = watched.ended
    assert lasts([new]) == [(30, 30, "STOPPED")]
    assert (old.tracking_id, old.metric.ab_packets) == (new.tracking_id, new.metric.ab_packets)
    assert old.uuid != new.uuid


def test_other_packets_let_time_pass_as_well():
    with Watched(expire_after=30) as watched:
        watched.feed((0, udp(1)), (29.999, udp(2)))
        assert watched.ended == []
        watched.feed((30, udp(2)))
        assert [flow.transport.a for flow in watched.ended] == [1]


def test_flows_end_in_the_order_in_which_their_time_is_up():
    with Watched(expire_after=30) as watched:
        watched.feed((0, udp(1)), (1, udp(2)), (2, udp(3)), (3, udp(1)))
        watched.at(1000)
        assert [flow.transport.a for flow in watched.ended] == [2, 3, 1]


@pytest.mark.parametrize("forever", [float("inf"), 1e12, 2**63 / 1e9])
def test_a_flow_may_have_time_for_ever(forever):
    """It ends with the table, or to make room."""
    with Watched(expire_after=forever, max_flows=2) as watched:
        watched.feed((0, udp(1)), (5, tunnel(port=2)))
        assert watched.at(200 * YEAR).finishes == ["EVICTED"]
    assert watched.finishes == ["EVICTED", "STOPPED", "STOPPED"]


# ---- FIN and RST


def test_a_flow_is_held_after_a_reset():
    with Watched(hold_ended=15) as watched:
        watched.feed((0, tcp("S")), (1, tcp("R", back=True)))
        assert watched.at(16 - 1e-9).ended == []
        assert lasts(watched.at(16).ended) == [(0, 1, "TCP_RST")]


def test_a_flow_is_held_after_fin_from_both_sides():
    with Watched(hold_ended=15) as watched:
        watched.feed((0, tcp("S")), (1, tcp("FA")), (2, tcp("FA", back=True)))
        assert watched.at(17 - 1e-9).ended == []
        assert lasts(watched.at(17).ended) == [(0, 2, "TCP_FIN")]


def test_fin_from_one_side_ends_nothing():
    with Watched(expire_after=100, hold_ended=15) as watched:
        watched.feed((0, tcp("S")), (1, tcp("FA")), (2, tcp("FA")))
        assert watched.at(101).ended == []
        assert watched.at(102).finishes == ["TIMEOUT"]


def test_late_packets_are_counted_in_the_held_flow_and_do_not_prolong_it():
    with Watched(hold_ended=15) as watched:
        watched.feed((0, tcp("S")), (1, tcp("R")), (10, tcp("A", back=True)), (15.999, tcp("A")))
        assert lasts(watched.at(16).ended) == [(0, 15.999, "TCP_RST")]
        (flow,) = watched.ended
        assert (flow.metric.ab_packets, flow.metric.ba_packets) == (3, 1)


def test_what_comes_after_the_hold_is_a_new_flow():
    with Watched(hold_ended=15) as watched:
        watched.feed((0, tcp("S")), (1, tcp("R")), (16, tcp("A")))
    assert lasts(watched.ended) == [(0, 1, "TCP_RST"), (16, 16, "STOPPED")]


def test_a_syn_to_a_held_flow_begins_a_new_one():
    with Watched(hold_ended=15) as watched:
        watched.feed((0, tcp("S")), (1, tcp("R")), (2, tcp("S")), (3, tcp("SA", back=True)))
        assert lasts(watched.ended) == [(0, 1, "TCP_RST")]
    assert lasts(watched.ended[1:]) == [(2, 3, "STOPPED")]


def test_neither_an_answer_to_a_syn_nor_a_syn_to_a_living_flow_begins_one():
    with Watched() as watched:
        watched.feed((0, tcp("S")), (1, tcp("S")), (2, tcp("R")), (3, tcp("SA", back=True)))
        assert len(watched.table) == 1
    assert [flow.metric.ba_packets for flow in watched.ended] == [1]


def test_a_flow_that_is_idle_before_its_hold_is_over_ends_as_it_was_finished():
    with Watched(expire_after=5, hold_ended=15) as watched:
        watched.feed((0, tcp("S")), (1, tcp("R")))
        assert lasts(watched.at(6).ended) == [(0, 1, "TCP_RST")]


def test_nothing_is_held_with_a_hold_of_nothing():
    with Watched(hold_ended=0) as watched:
        watched.feed((0, tcp("S")), (1, tcp("R")))
        assert watched.at(1 + 1e-9).finishes == ["TCP_RST"]


# ---- applications


def test_applications_have_their_own_timeouts_by_default():
    dns = Ethernet(A, B) / IPv4("10.0.0.1", "10.0.0.2") / UDP(9, 53) / DNS(questions=[Question("a.example")])
    with Watched(expire_after=600, application_timeouts={"ARP": 10, "DNS": 10}) as watched:
        watched.feed((0, bytes(dns)), (0, bytes(Ethernet(A, B) / ARP())), (0, udp()))
        assert watched.at(10 - 1e-9).ended == []
        assert sorted(flow.application for flow in watched.at(10).ended) == ["ARP", "DNS"]
        assert [flow.application for flow in watched.at(600).ended[2:]] == ["UDP"]


def test_an_application_can_have_less_time_than_others_but_not_more():
    with Watched(expire_after=20, application_timeouts={"UDP": 50, "TCP": 5}) as watched:
        watched.feed((0, udp()), (0, tcp("A")))
        assert [flow.application for flow in watched.at(5).ended] == ["TCP"]
        assert [flow.application for flow in watched.at(20).ended] == ["TCP", "UDP"]


def test_names_by_port_are_applications_too():
    from flowtable import ApplicationPortMap
    from flowtable.table.table_options import TableOpts

    ports = ApplicationPortMap(udp={5000: "chat"})
    with Watched(opts=TableOpts(app_ports=ports), application_timeouts={"CHAT": 3}) as watched:
        watched.feed((0, udp()))
        assert watched.at(3 - 1e-9).ended == []
        assert [flow.application for flow in watched.at(3).ended] == ["CHAT"]


# ---- tunnels


def test_a_parent_ends_after_its_children_and_not_before():
    """Each packet is one of the whole family; the one inside has less time."""
    with Watched(expire_after=30, application_timeouts={"UDP": 50}) as watched:
        watched.feed((0, tunnel(2)))
        watched.at(30)
    assert [flow.application for flow in watched.ended] == ["UDP", "GRE", "GRE"]
    inside, middle, outer = watched.ended
    assert (inside.parent, middle.parent, outer.parent) == (middle, outer, None)
    assert inside.parent_uuid == middle.uuid


def test_a_parent_whose_own_time_is_less_waits_for_its_children():
    with Watched(expire_after=30, application_timeouts={"GRE": 5}) as watched:
        watched.feed((0, tunnel(2)))
        assert watched.at(30 - 1e-9).ended == []
        assert watched.at(30).finishes == ["TIMEOUT"] * 3


def test_a_parent_lives_on_with_its_other_child():
    with Watched(expire_after=30) as watched:
        watched.feed((0, tunnel(3, port=1)), (20, tunnel(3, port=2)))
        assert [flow.transport.a for flow in watched.at(30).ended] == [1]
        assert len(watched.table) == 4
        watched.feed((49, tunnel(3, port=1)))
        assert [flow.transport.a for flow in watched.at(50).ended] == [1, 2]
        watched.at(79)
    assert watched.finishes == ["TIMEOUT"] * 6
    assert len({flow.uuid for flow in watched.ended}) == 6


def test_an_ended_family_is_shows_one_innermost_flow():
    """Community IDs of a family that ends bit by bit: a flow shows that of the innermost one first seen."""
    with Watched(expire_after=30, application_timeouts={"UDP": 1}) as watched:
        watched.feed((0, tunnel(2)))
        shown = watched.at(1).ended[0].community_id
        watched.at(30)
    assert {flow.family_community_id for flow in watched.ended} == {shown}


def test_a_flow_that_is_shown_after_those_around_it_are_gone():
    """The middle tunnel's record is free, or another flow's, when the outer one shows what was in it."""
    ends = IPv4("192.0.2.1", "192.0.2.2") / GRE()
    other = bytes(Ethernet(A, B) / ends / IPv4("10.9.0.1", "10.9.0.2") / TCP(7, 7))
    with Watched(expire_after=100, update_every=1, application_timeouts={"UDP": 1}) as watched:
        watched.feed(*((0, udp(port)) for port in range(1, 20_000)), (0, tunnel(2)))
        (innermost,) = {flow.community_id for flow in watched.at(1).ended if flow.parent}
        watched.feed((50, other), (120, other)).at(121)
        outer = next(flow for flow in watched.updated[::-1] if flow.parent is None)
        assert outer.family_community_id == innermost
        assert len(outer._records) < 10
    assert watched.ended[-1].family_community_id == innermost


# ---- time


def test_late_packets_do_not_shorten_a_flows_life():
    with Watched(expire_after=30) as watched:
        watched.feed((20, udp()), (5, udp()))
        assert watched.at(50 - 1e-9).ended == []
        assert lasts(watched.at(50).ended) == [(20, 20, "TIMEOUT")]
    assert watched.table.statistics.account.steps_back == 1


def test_a_flow_that_begins_in_the_past_has_its_time_counted_from_there():
    with Watched(expire_after=30) as watched:
        watched.feed((100, udp(1)), (80, udp(2)))
        assert watched.at(110 - 1e-9).ended == []
        assert lasts(watched.at(110).ended) == [(80, 80, "TIMEOUT")]


def test_a_packet_dated_2100_in_the_middle():
    """All that was there ends; what comes then, dated now, is in flows that live and end as before."""
    in_2100 = 80 * YEAR
    with Watched(expire_after=30, update_every=10) as watched:
        watched.feed((0, udp(1)), (1, udp(2)), (in_2100, udp(3)), (2, udp(1)), (3, udp(2)))
        assert watched.finishes == ["TIMEOUT"] * 2
        watched.feed((31, udp(2)), (32, udp(2)))
        assert [flow.transport.a for flow in watched.ended] == [1, 2, 1]
        watched.feed((50, udp(2)))
        late = [flow for flow in watched.updated if 2 < seconds(flow.last) < YEAR]
        assert late
    assert watched.finishes[3:] == ["STOPPED"] * 2


def test_updates_come_again_when_time_has_gone_back_far():
    with Watched(expire_after=30, update_every=10) as watched:
        watched.feed((1000, udp()), (960, udp(2)), (969, udp(2)))
        assert watched.updated == []
        watched.feed((970, udp(2)))
        assert [flow.transport.a for flow in watched.updated] == [1000, 2]


def test_a_little_late_is_no_reason_for_updates_to_begin_anew():
    with Watched(expire_after=30, update_every=10) as watched:
        watched.feed((1000, udp()), (971, udp(2)), (990, udp(2)), (1009.999, udp()))
        assert watched.updated == []
        watched.feed((1010, udp()))
        assert len(watched.updated) >= 1


@pytest.mark.parametrize("options", [{}, {"active_timeout": 1}, {"update_every": 1}], ids=str)
def test_the_last_time_that_there_is_does_no_harm(options):
    """2^63-1 ns, which files can say, and in which some sums of times are none."""
    with Watched(**options) as watched:
        watched.table.feed([(START, udp(1), 60, 1)])
        watched.table.feed([(2**63 - 1, udp(port), 60, 1) for port in (1, 1, 2)])
        watched.table.feed([(2**63 - 2, udp(2), 60, 1), (0, udp(3), 60, 1)])
    assert {flow.transport.a for flow in watched.ended} == {1, 2, 3}
    assert watched.table.statistics.account.adds_up()


@pytest.mark.parametrize("options", [{}, {"active_timeout": 1e-6}], ids=str)
def test_years_of_nothing_are_passed_at_once(options):
    """Were each update and each segment looked at, this would take days."""
    with Watched(expire_after=50 * YEAR, update_every=0.001, **options) as watched:
        watched.feed(*((0, udp(port)) for port in range(1, 10_001)))
        watched.at(40 * YEAR)
        assert len({flow.uuid for flow in watched.updated}) == len(watched.updated) == 10_000
        watched.feed((40 * YEAR, udp(1)))
        watched.at(49 * YEAR)
        assert len(watched.updated) == 10_001
    assert watched.finishes.count("STOPPED") == 10_000


def test_the_clock_lets_flows_end_without_packets():
    """Of a clock that is not moved by hand, a little less counts: packets from before may be on their way."""
    ended = []
    now = [START]
    table = Table(on_expire=ended.extend, clock=lambda: now[0], expire_after=30)
    with table:
        table.feed([(START, udp(), 60, 1)])
        now[0] = START + 30 * SECOND + 200 * MS - 1
        table.tick()
        assert len(table) == 1
        now[0] += 1
        table.tick()
        assert len(table) == 0
    assert [flow.finish_type for flow in ended] == ["TIMEOUT"]


def test_a_clock_that_goes_back_does_no_harm():
    with Watched(expire_after=30, update_every=10) as watched:
        watched.feed((100, udp()))
        watched.at(50).at(129)
        assert watched.ended == []
        assert watched.at(130).finishes == ["TIMEOUT"]
