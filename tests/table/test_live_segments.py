"""What active timeouts, updates and evictions hand out: each packet once, and of one flow all the same."""

import pytest
from living import Watched, seconds, tcp, tunnel, udp

YEAR = 365 * 86400


def counted(flows):
    return [(flow.metric.ab_packets, flow.metric.ba_packets) for flow in flows]


# ---- active timeouts


def test_a_flow_is_cut_every_so_often_and_stays_the_same():
    packets = [(at, udp(back=at % 3 == 1, size=at)) for at in range(35)]
    with Watched(active_timeout=10) as watched:
        watched.feed(*packets)
        assert watched.finishes == ["ACTIVE_TIMEOUT"] * 3
    flows = watched.ended
    assert watched.finishes[3:] == ["STOPPED"]
    assert [flow.segment for flow in flows] == [0, 1, 2, 3]
    assert [seconds(flow.last) for flow in flows] == [9, 19, 29, 34]
    for same in ("uuid", "tracking_id", "start", "network", "transport", "link"):
        assert len({getattr(flow, same) for flow in flows}) == 1, same
    assert counted(flows) == [(7, 3), (6, 4), (7, 3), (3, 2)]
    assert sum(flow.metric.ab_bytes + flow.metric.ba_bytes for flow in flows) == sum(
        len(data) for _, data in packets
    )
    assert watched.table.statistics.segments == 3
    assert watched.table.statistics.flows_ended["STOPPED"] == 1


def test_a_packet_at_exactly_that_time_is_of_the_next_segment():
    with Watched(active_timeout=10) as watched:
        watched.feed((0, udp()), (10 - 1e-9, udp()), (10, udp()))
    assert counted(watched.ended) == [(2, 0), (1, 0)]


def test_nothing_is_handed_out_for_a_time_without_packets():
    """The times of cuts go on from the start, and numbers count what was handed out."""
    with Watched(active_timeout=10, expire_after=100) as watched:
        watched.feed((0, udp()), (47, udp()))
        assert [seconds(flow.last) for flow in watched.ended] == [0]
        watched.at(50)
        assert [(flow.segment, seconds(flow.last)) for flow in watched.ended] == [(0, 0), (1, 47)]
        watched.at(147)
    last = watched.ended[2]
    assert (last.segment, last.finish_type, counted([last])) == (2, "TIMEOUT", [(0, 0)])


def test_years_between_cuts():
    with Watched(active_timeout=1, expire_after=100 * YEAR) as watched:
        watched.feed((0, udp()), (50 * YEAR + 0.25, udp())).at(50 * YEAR + 1)
    assert [(flow.segment, flow.finish_type) for flow in watched.ended] == [
        (0, "ACTIVE_TIMEOUT"),
        (1, "ACTIVE_TIMEOUT"),
        (2, "STOPPED"),
    ]


def test_an_end_at_the_time_of_a_cut_is_an_end():
    with Watched(active_timeout=10, expire_after=10) as watched:
        watched.feed((0, udp()))
        assert watched.at(10).finishes == ["TIMEOUT"]


def test_parents_are_cut_while_their_children_live():
    with Watched(active_timeout=10, expire_after=30) as watched:
        watched.feed(*((at, tunnel(2)) for at in range(25)))
        watched.at(54)
    by_flow = {}
    for flow in watched.ended:
        by_flow.setdefault(flow.uuid, []).append(flow)
    assert [len(flows) for flows in by_flow.values()] == [4, 4, 4]
    for flows in by_flow.values():
        assert [flow.finish_type for flow in flows] == ["ACTIVE_TIMEOUT"] * 3 + ["TIMEOUT"]
        assert counted(flows) == [(10, 0), (10, 0), (5, 0), (0, 0)]
    last = {flow.uuid: at for at, flow in enumerate(watched.ended)}
    assert all(last[flow.uuid] < last[flow.parent_uuid] for flow in watched.ended if flow.parent_uuid)


def test_a_cut_of_a_finished_flow_says_that_it_goes_on():
    with Watched(active_timeout=10, hold_ended=15) as watched:
        watched.feed((0, tcp("S")), (5, tcp("R")))
        assert watched.at(10).finishes == ["ACTIVE_TIMEOUT"]
        assert watched.at(20).finishes == ["ACTIVE_TIMEOUT", "TCP_RST"]


# ---- updates


def since_last(flow):
    since = flow.last_update_metric
    return seconds(since.start), seconds(since.last), since.ab_packets, since.ba_packets, since.ab_bytes


def test_flows_that_changed_are_handed_out_with_what_was_new():
    size = len(udp())
    with Watched(update_every=10) as watched:
        watched.feed((0, udp(1)), (3, udp(1)), (4, udp(1, back=True)), (5, udp(2)))
        assert watched.at(10 - 1e-9).updated == []
        watched.at(10)
        assert [since_last(flow) for flow in watched.updated] == [
            (0, 10, 2, 1, 2 * size),
            (5, 10, 1, 0, size),
        ]
        watched.feed((12, udp(1))).at(20)
        assert [since_last(flow) for flow in watched.updated[2:]] == [(10, 20, 1, 0, size)]
        assert counted(watched.updated) == [(2, 1), (1, 0), (3, 1)]
        watched.at(40)
        assert len(watched.updated) == 3
    assert {flow.finish_type for flow in watched.updated} == {"NOT_FINISHED"}
    assert [flow.last_update_metric.ab_packets for flow in watched.ended] == [0, 0]


def test_a_flow_that_ends_says_what_was_new_since_its_last_update():
    with Watched(update_every=10, expire_after=30) as watched:
        watched.feed((0, udp()), (11, udp()), (25, udp()), (29, udp())).at(59)
        (flow,) = watched.ended
        assert since_last(flow)[1:4] == (29, 0, 0)
        watched.feed((60, udp()), (61, udp()), (71, udp()), (75, udp()))
    assert since_last(watched.ended[1])[1:4] == (75, 2, 0)


def test_sums_of_updates_are_the_total():
    with Watched(update_every=7, active_timeout=5, expire_after=50) as watched:
        watched.feed(*((at, udp(at % 3 + 1, back=at % 2 == 1)) for at in range(100))).at(1000)
        everything = [*watched.updated, *(f for f in watched.ended if f.finish_type == "TIMEOUT")]
        for way in ("ab_packets", "ba_packets", "ab_bytes", "ba_bytes"):
            new = sum(getattr(flow.last_update_metric, way) for flow in everything)
            assert new == sum(getattr(flow.metric, way) for flow in watched.ended), way


def test_a_flow_in_a_tunnel_is_updated_with_those_around_it():
    with Watched(update_every=10) as watched:
        watched.feed((0, tunnel(2))).at(10)
        assert len(watched.updated) == 3
        inside = next(flow for flow in watched.updated if flow.application == "UDP")
        assert inside.parent.parent.parent_uuid == ""
        assert {inside.parent.uuid, inside.parent.parent.uuid} < {flow.uuid for flow in watched.updated}


def test_a_reset_is_seen_in_the_next_update():
    with Watched(update_every=10, hold_ended=100) as watched:
        watched.feed((0, tcp("S")), (1, tcp("R"))).at(10)
        assert [flow.finish_type for flow in watched.updated] == ["TCP_RST"]
        watched.feed((11, tcp("A"))).at(20)
        assert counted(watched.updated) == [(2, 0), (3, 0)]


# ---- a full table


def test_the_flow_whose_time_would_be_up_first_makes_room():
    with Watched(max_flows=3, expire_after=30) as watched:
        watched.feed((0, udp(1)), (1, udp(2)), (2, udp(3)), (3, udp(1)))
        assert watched.ended == []
        watched.feed((4, udp(4)))
        assert [(flow.transport.a, flow.finish_type) for flow in watched.ended] == [(2, "EVICTED")]
        watched.feed((5, udp(5)), (6, udp(6)))
        assert [flow.transport.a for flow in watched.ended] == [2, 3, 1]
        assert len(watched.table) == 3
    assert watched.table.statistics.flows_ended["EVICTED"] == 3
    assert watched.table.statistics.account.discarded == {}


def test_an_application_with_less_time_goes_first():
    with Watched(max_flows=1, application_timeouts={"TCP": 5}) as watched:
        watched.feed((0, udp())).feed((9, tcp("A")))
        assert [flow.application for flow in watched.ended] == ["TCP"]


def test_a_held_flow_goes_before_one_that_lives():
    with Watched(max_flows=2, hold_ended=15) as watched:
        watched.feed((0, udp()), (5, tcp("R")), (6, udp(2)))
        assert watched.finishes == ["TCP_RST"]
    assert watched.table.statistics.flows_ended["EVICTED"] == 1


def test_a_parent_stays_while_its_children_live():
    with Watched(max_flows=3, expire_after=30) as watched:
        watched.feed((0, tunnel(2)), (1, udp(2)), (2, tunnel(2)))
        assert [flow.application for flow in watched.ended] == ["UDP"]
        assert watched.ended[0].parent is None
        watched.feed((3, udp(3)), (4, udp(4)))
        assert [flow.application for flow in watched.ended] == ["UDP", "UDP", "GRE"]
        _, inside, middle = watched.ended
        assert (inside.transport.a, inside.parent) == (1000, middle)


@pytest.mark.parametrize("active", [None, 1e-9, 1, 600, 1000], ids=str)
@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_families_in_a_table_that_has_room_for_one_flow(most, active):
    """A parent comes after its children whatever room there is, and each packet is handed out once."""
    rounds = 40
    with Watched(max_flows=most, active_timeout=active) as watched:
        for at in range(rounds):
            watched.feed(*((at / 10, tunnel(3, port=port)) for port in range(1 + at % 3, 4 + at % 2)))
            assert len(watched.table) <= most
    packets = sum(3 + at % 2 - at % 3 for at in range(rounds))
    assert watched.table.statistics.account.frames == packets
    assert sum(f.metric.ab_packets for f in watched.ended if f.application == "UDP") == packets
    assert sum(f.metric.ab_packets for f in watched.ended if f.parent is None) == packets
    final = [f for f in watched.ended if f.finish_type != "ACTIVE_TIMEOUT"]
    order = {flow.uuid: at for at, flow in enumerate(final)}
    assert all(order[flow.uuid] < order[flow.parent_uuid] for flow in final if flow.parent_uuid in order)


def test_flows_that_end_in_one_batch_are_all_handed_out():
    """Many more than there is room for, in one call."""
    with Watched(max_flows=10) as watched:
        watched.feed(*((0, udp(port)) for port in range(1, 5001)))
        assert len(watched.ended) == 4990
    assert {flow.transport.a for flow in watched.ended} == set(range(1, 5001))
    assert len(watched.ended) == 5000
