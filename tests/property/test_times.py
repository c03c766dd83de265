"""Times that run anyhow: no time of a flow comes out negative, and every step back is counted."""

from itertools import pairwise

import pytest
from fuzz_inputs import ALL_MORE, EVERY_MODE, options_of
from promises import hold
from reading import seeded

import flowtable
from flowtable.testing import Host, Pair, dns_exchange, merge, ping, tcp_conversation, write_pcap

FAR = 2**32 * 10**9 - 1  # the last second that a pcap can hold
PAIR = Pair(Host("10.0.0.1"), Host("10.0.0.2"))
TALKS = merge(
    tcp_conversation(PAIR, (50_000, 443), b"request" * 300, b"response" * 900),
    dns_exchange(PAIR, "www.example.com", "192.0.2.1"),
    ping(PAIR, 5),
)


def times(random, count):
    """Give times that mostly go on, and now and then jump anywhere from 1970 to 2106."""
    now = random.randrange(FAR)
    for _ in range(count):
        what = random.random()
        if what < 0.1:
            now = random.choice((0, FAR, random.randrange(FAR)))
        now = min(max(now + random.randrange(-(10**9), 2 * 10**9), 0), FAR)
        yield now


@pytest.mark.parametrize("seed", range(40))
def test_no_time_of_a_flow_is_negative(tmp_path, seed):
    random = seeded(seed)
    packets = [packet for _, packet in TALKS]
    if seed % 2:
        random.shuffle(packets)
    dated = list(zip(times(random, len(packets)), packets, strict=True))
    write_pcap(tmp_path / "times.pcap", dated, nanoseconds=True)
    for flags in (0, ALL_MORE, random.choice(EVERY_MODE)):
        flows = flowtable.read(tmp_path / "times.pcap", **options_of(flags))
        hold(flows)
        assert flows.account.steps_back == sum(a > b for (a, _), (b, _) in pairwise(dated))


def test_a_packet_from_the_far_future_leaves_the_others_as_they_are(tmp_path):
    """There are no timers here; what is counted and the times of other flows stay."""
    last = TALKS[-1][0]
    stranger = Pair(Host("10.9.9.9"), Host("10.9.9.8"))
    future = [(FAR, ping(stranger, 1)[0][1])]
    read = []
    for name, packets in (("alone", TALKS), ("with", [*TALKS[:5], *future, *TALKS[5:]])):
        write_pcap(tmp_path / name, packets, nanoseconds=True)
        read.append([flow.to_dict() for flow in flowtable.read(tmp_path / name, **options_of(ALL_MORE))])
    alone, together = read
    assert [flow for flow in together if flow["Network"]["A"] != "10.9.9.9"] == alone
    assert max(flow["Last"] for flow in alone) == last // 10**6
