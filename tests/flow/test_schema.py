"""The schema against the reference's numbers, against the Python face, and against itself."""

import dataclasses
import re

import pytest

from flowtable import Flow
from flowtable.errors import FieldNotFound
from flowtable.flow import FIELDS, Kind
from flowtable.flow._flow import PLACES
from flowtable.flow.groups import (
    FlowLayer,
    FlowMetric,
    ICMPLayer,
    InterArrival,
    PacketSize,
    TCPMetric,
    TransportLayer,
)
from flowtable.flow.schema import field
from flowtable.packet.ip_metric import IPMetric
from flowtable.table.options import FILLING

METRIC = ["ABPackets 2", "ABBytes 3", "BAPackets 4", "BABytes 5", "Start 6", "Last 7", "RTT 8"]
LAYER = ["Protocol 1", "A 3", "B 4", "ID 5"]
ONE_WAY = [
    "SegmentOutOfOrder",
    "SegmentSkipped",
    "SegmentSkippedBytes",
    "Packets",
    "Bytes",
    "SawStart",
    "SawEnd",
]
MESSAGES = {
    "": [
        "UUID 1", "LayersPath 2", "Application 3", "ParentUUID 6", "Start 10", "Last 11", "NodeTID 33",
        "CaptureID 34", "LastRawPackets 36", "RawPacketsCaptured 37", "TrackingID 50", "L3TrackingID 51",
        "FinishType 60", "DHCPv4 1000", "DNS 1001", "VRRPv2 1002",
    ],
    "Link 20": LAYER,
    "Network 21": LAYER,
    "Transport 22": ["Protocol 1", "A 2", "B 3", "ID 4"],
    "ICMP 23": ["Type 1", "Code 2", "ID 3"],
    "LastUpdateMetric 31": METRIC,
    "Metric 32": METRIC,
    "TCPMetric 38": [
        "ABSynStart 1", "BASynStart 2", "ABSynTTL 3", "BASynTTL 4", "ABFinStart 5", "BAFinStart 6",
        "ABRstStart 7", "BARstStart 8",
        *(f"AB{name} {n}" for n, name in enumerate(ONE_WAY, 9)),
        *(f"BA{name} {n}" for n, name in enumerate(ONE_WAY, 16)),
    ],
    "IPMetric 39": ["Fragments 1", "FragmentErrors 2"],
}  # fmt: skip
GROUPS = {
    "link": FlowLayer,
    "network": FlowLayer,
    "transport": TransportLayer,
    "icmp": ICMPLayer,
    "metric": FlowMetric,
    "last_update_metric": FlowMetric,
    "tcp_metric": TCPMetric,
    "ip_metric": IPMetric,
    "packet_size": PacketSize,
    "inter_arrival": InterArrival,
}
PYTHON_TYPES = {
    Kind.ADDRESS: "str",
    Kind.ID: "str",
    Kind.TEXT: "str",
    Kind.NAME: "str",
    Kind.COUNT: "int",
    Kind.TIME: "int",
    Kind.DURATION: "int",
    Kind.FLAG: "bool",
    Kind.FRACTION: "float",
    Kind.PACKETS: "RawPackets",
}


def numbers_of_the_reference():
    out = {}
    for message, rows in MESSAGES.items():
        group, _, number = message.partition(" ")
        for row in rows:
            name, _, own = row.partition(" ")
            path = f"{group}.{name}" if group else name
            out[path] = (int(number), int(own)) if group else (int(own),)
    return out


FIRST_OF_OUR_OWN = 2000


def test_fields_have_the_protobuf_numbers_of_the_reference():
    theirs = {f.path: f.number for f in FIELDS if max(f.number) < FIRST_OF_OUR_OWN}
    assert theirs == numbers_of_the_reference()


def test_numbers_of_our_own_are_used_once():
    numbers = [f.number for f in FIELDS]
    assert len(set(numbers)) == len(numbers)


def test_no_two_fields_share_a_number_or_a_name():
    for names in (
        [f.number for f in FIELDS],
        [f.path for f in FIELDS],
        [f.attribute for f in FIELDS],
        [f.column for f in FIELDS],
    ):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("path", "attribute", "column"),
    [
        ("UUID", "uuid", "uuid"),
        ("LayersPath", "layers_path", "layers_path"),
        ("Metric.ABBytes", "metric.ab_bytes", "metric_ab_bytes"),
        ("Metric.RTT", "metric.rtt", "metric_rtt"),
        ("Network.A", "network.a", "network_a"),
        ("L3TrackingID", "l3_tracking_id", "l3_tracking_id"),
        ("NodeTID", "node_tid", "node_tid"),
        ("TCPMetric.BASynTTL", "tcp_metric.ba_syn_ttl", "tcp_metric_ba_syn_ttl"),
        ("TCPMetric.ABSegmentSkippedBytes", "tcp_metric.ab_segment_skipped_bytes",
         "tcp_metric_ab_segment_skipped_bytes"),
        ("IPMetric.FragmentErrors", "ip_metric.fragment_errors", "ip_metric_fragment_errors"),
        ("ICMP.Type", "icmp.type", "icmp_type"),
        ("LastUpdateMetric.BAPackets", "last_update_metric.ba_packets", "last_update_metric_ba_packets"),
    ],
)  # fmt: skip
def test_one_rule_makes_the_three_names(path, attribute, column):
    found = field(path)
    assert (found.attribute, found.column) == (attribute, column)
    assert field(attribute) is field(column) is found


def test_attributes_and_columns_follow_from_each_other():
    for f in FIELDS:
        assert f.column == f.attribute.replace(".", "_")
        assert re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)?", f.attribute)
        assert f.path.lower().replace(".", "") == f.attribute.replace(".", "").replace("_", "")


def test_groups_are_dataclasses_with_the_same_fields_in_the_same_order():
    for group, kind in GROUPS.items():
        partly_there = group in ("tcp_metric", "packet_size", "inter_arrival")  # one way, or what was seen
        absent = " | None" if partly_there else ""
        of_schema = [(f.attribute.partition(".")[2], PYTHON_TYPES[f.kind] + absent) for f in FIELDS
                     if f.attribute.startswith(f"{group}.")]  # fmt: skip
        assert [(f.name, f.type) for f in dataclasses.fields(kind)] == of_schema


def test_every_attribute_is_on_a_flow_and_nothing_else():
    in_schema = {f.attribute.partition(".")[0] for f in FIELDS}
    properties = {name for name, value in vars(Flow).items() if isinstance(value, property)}
    assert properties - in_schema == {"parent", "children", "raw_packets"}
    assert in_schema - properties == set()


def test_field_names_are_the_paths():
    assert Flow.field_names() == [f.path for f in FIELDS]


def test_places_are_the_cores():
    places = [f.place for f in FIELDS if f.place is not None and f.path not in ("Start", "Last")]
    assert sorted(places) == sorted(PLACES)
    assert [f.place for f in FIELDS if f.path in ("Start", "Last")] == ["start", "last"]


def test_a_field_without_a_place_names_the_option_that_fills_it():
    for f in FIELDS:
        assert f.place is not None or f.option is not None
        assert f.meaning


def test_fields_of_an_option_are_filled_with_it():
    for f in FIELDS:
        assert f.is_filled(()) == (f.option is None)
        assert f.is_filled({f.option}) == (f.place is not None or f.path == "Extra")


def test_options_that_fill_fields_are_those_of_the_engine():
    of_live_tables = {"update_every"}
    assert {f.option for f in FIELDS if f.option and f.place} == {*FILLING, *of_live_tables}


def test_times_are_in_ms_and_durations_in_ns():
    assert {f.unit for f in FIELDS if f.kind is Kind.TIME} == {"ms"}
    assert {f.unit for f in FIELDS if f.kind is Kind.DURATION} == {"ns"}


@pytest.mark.parametrize(
    "name", ["", "Network", "network.A", "METRIC.ABBYTES", "uuid ", None, 5, [], ("UUID",)]
)
def test_names_that_no_field_has(name, rich):
    with pytest.raises(FieldNotFound, match=r"Flow.field_names\(\) lists them"):
        field(name)
    with pytest.raises(FieldNotFound):
        rich[0].get(name)
    with pytest.raises(FieldNotFound):
        rich.sort(name)
