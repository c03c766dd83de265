"""The reference's public interface, row by row: what is there works, and what is not there is listed."""

import base64
import importlib
from types import SimpleNamespace

import pytest

import flowtable
from flowtable import (
    BPF,
    ApplicationPortMap,
    Filter,
    FlowError,
    FlowProtocolError,
    FlowSet,
    ICMPType,
    IPDefragger,
    IPDefraggerMetric,
    LayerKeyMode,
    LayerNotFound,
    LayerType,
    MergeContext,
    PacketSequence,
    PcapWriter,
    RawPacket,
    RawPackets,
    SearchQuery,
    TableQuery,
    TableReply,
    bpf_filter_to_raw,
    default_layer_key_mode_name,
    first_layer_type,
    layers_path,
    read,
)
from flowtable.capture import LinkType, open_capture
from flowtable.flow.names import FlowFinishType, FlowProtocol
from flowtable.query import answer
from flowtable.testing import ARP, TCP, UDP, Ethernet, FrameSpec, ICMPv6, IPv4, IPv6, fragments, write_pcap
from flowtable.testing import ICMPv4 as Ping

# Public names that later work brings, each with where it is looked for. A name that has come is taken off.
NOT_YET = {
    "TableClient": "flowtable.serve",
    "TableServer": "flowtable.serve",
}
SYN = bytes(Ethernet() / IPv4("192.0.2.1", "192.0.2.2") / TCP(50000, 80, "S"))


def exists(module, name):
    """Say whether a dotted name can be reached from a module, or from the package itself."""
    for start in {module, "flowtable"}:
        try:
            found = importlib.import_module(start)
        except ModuleNotFoundError:
            continue
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return True
    return False


@pytest.mark.parametrize("name", NOT_YET)
def test_what_is_not_there_yet_is_really_not_there(name):
    assert not exists(NOT_YET[name], name), f"{name} has come: take it off NOT_YET, and test it here"


def test_the_list_would_see_what_comes():
    assert exists("flowtable", "FlowSet.sort")
    assert exists("flowtable.serve", "read")
    assert not exists("flowtable", "FlowSet.no_such_method")


def test_row_constants():
    assert flowtable.DEFAULT_CAPTURE_LENGTH == 256
    assert flowtable.MAX_CAPTURE_LENGTH == 4096
    assert flowtable.MAX_RAW_PACKET_LIMIT == 10
    assert flowtable.DEFAULT_PROTOBUF_FLOW_SIZE == 500
    assert flowtable.NAMESPACE == "Flow"


def test_row_errors():
    assert issubclass(FlowProtocolError, FlowError)
    assert issubclass(LayerNotFound, FlowError)
    with pytest.raises(FlowProtocolError, match="'IPX'"):
        FlowProtocol.by_name("IPX")


def test_row_filters(tmp_path):
    """A node is anything with a tid."""
    write_pcap(tmp_path / "a.pcap", [SYN])
    flows = read(tmp_path / "a.pcap", node_tid="here")
    for wanted in (
        Filter.for_flow_set(flows),
        Filter.for_node_tids(["here", "there"]),
        Filter.for_nodes([SimpleNamespace(tid="here")]),
    ):
        assert len(flows.filter(wanted)) == 1
        assert len(flows.filter(~wanted)) == 0


def test_row_enhancers(tmp_path):
    """All run that are not disabled."""
    from flowtable.enhance import Enhancer, EnhancerPipeline, EnhancerPipelineConfig

    class Named(Enhancer):
        def __init__(self, name):
            self.name, self.calls = name, []

        def start(self):
            self.calls.append("start")

        def stop(self):
            self.calls.append("stop")

        def enhance(self, flow):
            flow.add_extra(self.name, flow.network.a)

    config = EnhancerPipelineConfig()
    first, second = Named("first"), Named("second")
    pipeline = EnhancerPipeline(first, config=config)
    pipeline.add_enhancer(second)
    assert config.is_enabled("first")
    config.disable("first")
    assert not config.is_enabled("first")
    write_pcap(tmp_path / "a.pcap", [SYN])
    (flow,) = read(tmp_path / "a.pcap")
    pipeline.start()
    pipeline.enhance(flow)
    assert flow.extra == {"second": "192.0.2.1"}
    config.enable("first")
    pipeline.enhance_many([flow])
    pipeline.stop()
    assert flow.extra == {"second": "192.0.2.1", "first": "192.0.2.1"}
    assert first.calls == second.calls == ["start", "stop"]


def test_row_protocols_and_finish_types():
    """The numbers that messages carry."""
    reference = {"ETHERNET": 0, "IPV4": 1, "TCP": 2, "UDP": 3, "SCTP": 4, "IPV6": 5, "ICMPV4": 6, "ICMPV6": 7}
    protocols = {protocol.name: protocol.value for protocol in FlowProtocol}
    assert reference.items() <= protocols.items()
    assert all(number >= 16 for name, number in protocols.items() if name not in reference)
    finishes = {finish.name: finish.value for finish in FlowFinishType}
    assert finishes.items() >= {"NOT_FINISHED": 0, "TIMEOUT": 1, "TCP_FIN": 2, "TCP_RST": 3}.items()
    assert all(number < 4 or number >= 16 for number in finishes.values())


@pytest.mark.parametrize(
    ("frame", "path"),
    [
        (bytes(IPv4() / TCP(1, 2)), "IPv4/TCP"),
        (bytes(IPv6() / TCP(1, 2)), "IPv6/TCP"),
        (bytes(ARP()), "ARP"),
    ],
)
def test_row_layer_type_raw_ip(frame, path):
    assert LayerType.RAW_IP == 55555
    _, link_type = first_layer_type("none")
    assert PacketSequence.from_frame(frame, link_type=link_type)[0].path == path


def test_row_bpf_filter_to_raw():
    program = bpf_filter_to_raw(1, 256, "tcp port 80")
    assert all(len(instruction) == 4 for instruction in program)
    assert program[0] == (0x28, 0, 0, 12)
    assert program[-2:] == [(6, 0, 0, 256), (6, 0, 0, 0)]


def test_row_bpf():
    assert BPF(1, 256, "tcp port 80").matches(SYN)
    assert not BPF(1, 256, "udp").matches(SYN)
    assert BPF(1, 256, "").matches(SYN)
    assert BPF(1, 256, "").matches(b"")


def test_row_layer_key_modes():
    assert default_layer_key_mode_name() == "L2"
    assert (LayerKeyMode.L2, LayerKeyMode.L3) == (0, 1)
    assert LayerKeyMode.by_name("L3") is LayerKeyMode.L3
    assert str(LayerKeyMode.L3) == "L3"


def test_row_first_layer_type():
    for encapsulation, expected in {
        "ether": (LayerType.ETHERNET, LinkType.ETHERNET),
        "none": (LayerType.RAW_IP, LinkType.RAW),
        "gre": (LayerType.RAW_IP, LinkType.RAW),
        "sit": (LayerType.IPV4, LinkType.IPV4),
        "ipip": (LayerType.IPV4, LinkType.IPV4),
        "tunnel6": (LayerType.IPV6, LinkType.IPV6),
        "gre6": (LayerType.IPV6, LinkType.IPV6),
    }.items():
        assert first_layer_type(encapsulation) == expected
    with pytest.warns(UserWarning, match="taken for Ethernet"):
        assert first_layer_type("loopback")[0] is LayerType.ETHERNET


def test_row_layers_path():
    (packet,) = PacketSequence.from_frame(SYN)
    assert layers_path(packet.layers) == ("Ethernet/IPv4/TCP", "TCP")


def test_row_table_options():
    """With the reference's names as well."""
    reference = {
        "raw_packet_limit": 3,
        "extra_tcp_metric": True,
        "ip_defrag": True,
        "reassemble_tcp": True,
        "layer_key_mode": LayerKeyMode.L3,
    }
    opts = flowtable.TableOpts.of(**reference, extra_layers=("DNS",))
    assert all(getattr(opts, name) == value for name, value in reference.items())
    assert flowtable.FlowOpts(tcp_metric=True, defrag=True, layer_key="L3", app_ports=None).ip_defrag
    uuids = flowtable.FlowUUIDs(parent_uuid="1", l2_id=2, l3_id=3, node_tid="4", capture_id="5")
    assert (uuids.parent_uuid, uuids.l2_id, uuids.l3_id) == ("1", 2, 3)
    assert (uuids.node_tid, uuids.capture_id) == ("4", "5")


def test_row_table_and_flow_handler(tmp_path):
    """Feed, Run, Start, Stop; each handler has its time."""
    write_pcap(tmp_path / "a.pcap", [SYN] * 4, step=3 * 10**9)
    for way in ("run", "start and stop"):
        updated, expired = [], []
        table = flowtable.Table(
            flowtable.TableOpts(tcp_metric=True),
            on_update=flowtable.FlowHandler(updated.extend, every=4),
            on_expire=flowtable.FlowHandler(expired.extend, every=2),
        )
        if way == "run":
            table.run(open_capture(tmp_path / "a.pcap"))
        else:
            table.start()
            table.feed(open_capture(tmp_path / "a.pcap"))
            table.stop()
        assert [flow.finish_type for flow in expired] == ["TIMEOUT"] * 3 + ["STOPPED"]
        assert [flow.last_update_metric.ab_packets for flow in updated] == [1]
        assert table.statistics.flows_made == 4


def test_row_table_query_and_sflow_samples():
    """FeedWithSFlowSample and Query, while the table runs."""
    from flowtable.testing import START, SFlow, SFlowFlowSample, raw_header

    with flowtable.Table() as table:
        table.feed_sflow_sample(bytes(SFlow((SFlowFlowSample((raw_header(SYN),)),))), START)
        reply = table.query(TableQuery("SearchQuery", SearchQuery(filter="Transport == 80")))
        assert [len(found) for found in reply.flow_sets] == [1]


def test_row_scan(tmp_path):
    write_pcap(tmp_path / "a.pcap", [SYN] * 3, step=700 * 10**9)
    flows = [flow for some in flowtable.scan(tmp_path / "a.pcap") for flow in some]
    assert [flow.finish_type for flow in flows] == ["TIMEOUT", "TIMEOUT", "STOPPED"]


def test_row_icmp():
    (four,) = PacketSequence.from_frame(bytes(Ethernet() / IPv4() / Ping(8, 0, 7)))
    assert four.icmp() == flowtable.ICMPv4(ICMPType.ECHO, 0, 7)
    (six,) = PacketSequence.from_frame(bytes(Ethernet() / IPv6() / ICMPv6(1, 4) / bytes(4)))
    assert six.icmp() == flowtable.ICMPv6(ICMPType.DESTINATION_UNREACHABLE, 4, 0)
    assert [kind.value for kind in ICMPType] == list(range(13))
    assert (ICMPType.ECHO, ICMPType.PACKET_TOO_BIG) == (2, 12)


@pytest.mark.parametrize("ip", [IPv4("192.0.2.1", "192.0.2.2", id=9), IPv6("2001:db8::1", "2001:db8::2")])
def test_row_ip_defragger_and_its_metric(ip):
    """Of both versions of IP; what waits can be flushed, and has limits: fault 6."""
    first, last = (bytes(piece) for piece in fragments(Ethernet() / ip / UDP(7, 8) / bytes(90), 64))
    defragger = IPDefragger(max_bytes=1 << 20, max_datagrams=100, max_age=10**9)
    assert len(defragger.defrag(first, time=1)) == 0
    (packet,) = defragger.defrag(last, time=2)
    assert packet.path.endswith("/Fragment/UDP")
    assert (packet.ip_metric.fragments, packet.ip_metric.fragment_errors) == (1, 0)
    defragger.defrag(first, time=3)
    assert defragger.flush_older_than(3) == 0
    assert defragger.flush_older_than(4) == 1
    defragger.defrag(first, time=5)
    assert defragger.flush_all() == 1
    assert isinstance(defragger.metric, IPDefraggerMetric)
    assert (defragger.metric.datagrams, defragger.metric.held) == (1, 0)


def test_row_packet_and_packet_sequence():
    (packet,) = PacketSequence.from_frame(SYN)
    assert (packet.length, packet.data, packet.ip_metric) == (len(SYN), SYN, None)
    assert [str(layer.type) for layer in packet.layers] == ["Ethernet", "IPv4", "TCP"]
    assert packet.layer(LayerType.IPV4) == packet.network_layer()
    assert packet.link_layer().type is LayerType.ETHERNET
    assert packet.transport_layer().type is LayerType.TCP
    assert packet.transport_flow() == (4, b"\xc3\x50", b"\0\x50")
    assert len(packet.key()) == 3
    with pytest.raises(LayerNotFound):
        packet.application_flow()
    assert len(PacketSequence.from_frame(SYN, bpf=BPF(1, 256, "udp"), outer_length=9)) == 0


def test_row_packet_sequences_of_an_sflow_sample():
    """One sequence for each packet header of a sample, with the frame's length."""
    from flowtable.capture.sflow import parse_datagram
    from flowtable.testing import SFlow, SFlowFlowSample, raw_header

    sample = SFlowFlowSample((raw_header(SYN, frame_length=999), raw_header(SYN)))
    (found,) = parse_datagram(bytes(SFlow((sample,)))).flow_samples
    first, second = PacketSequence.from_sflow_sample(found, bpf=BPF(1, 256, "tcp"))
    assert [packet.length for packet in (*first, *second)] == [999, len(SYN) + 4]


def test_row_pcap_table_feeder(tmp_path):
    """Start, Stop, a filter, and a replay that keeps the capture's own pace."""
    from flowtable.table.feeder import PcapTableFeeder

    class Frames(list):
        def feed(self, source):
            self.extend(source)

    capture = tmp_path / "a.pcap"
    write_pcap(capture, [FrameSpec(0, SYN), FrameSpec(10**9, bytes(Ethernet())), FrameSpec(2 * 10**9, SYN)])
    for replay in (False, True):
        table = Frames()
        feeder = PcapTableFeeder(table, capture, replay=replay, speed=1000, bpf="tcp")
        feeder.start()
        feeder.wait()
        feeder.stop()
        assert [frame.time for frame in table] == [0, 2 * 10**9]


def test_row_application_port_map(tmp_path):
    """Names in capitals; the source port is looked up first."""
    ports = ApplicationPortMap(tcp={80: "http", 50000: "odd"}, udp={53: "dns"})
    config = {"application_ports": {"tcp": {"80": "http", "50000": "odd"}, "udp": {"53": "dns"}}}
    assert ApplicationPortMap.from_config(config) == ports
    assert ports.application("TCP", 80, 50000) == "HTTP"
    write_pcap(tmp_path / "a.pcap", [SYN])
    (flow,) = read(tmp_path / "a.pcap", app_ports=ports)
    assert (flow.application, flow.layers_path) == ("ODD", "Ethernet/IPv4/TCP")


@pytest.mark.parametrize("link_type", [LinkType.ETHERNET, LinkType.LINUX_SLL, LinkType.RAW])
def test_row_pcap_writer_and_raw_packets(tmp_path, link_type):
    """Of every link type: fault 11."""
    packets = RawPackets([RawPacket(1_000_000, 1, SYN, link_type), RawPacket(2_000_000, 2, SYN, link_type)])
    with PcapWriter(tmp_path / "a.pcap") as writer:
        writer.write_raw_packet(packets[0])
        writer.write_raw_packets(packets[1:])
    frames = list(open_capture(tmp_path / "a.pcap"))
    assert [(f.time, f.data, f.link_type) for f in frames] == [
        (p.timestamp, p.data, packets.link_type) for p in packets
    ]
    assert packets[0].to_dict().keys() == {"Timestamp", "Index", "Data", "LinkType"}


def test_row_raw_packets_of_a_flow(tmp_path):
    write_pcap(tmp_path / "a.pcap", [SYN] * 12, start=1_500_000_000_999_999_999, step=0, nanoseconds=True)
    (flow,) = read(tmp_path / "a.pcap", raw_packets=flowtable.MAX_RAW_PACKET_LIMIT)
    shown = flow.to_dict()
    assert shown["RawPacketsCaptured"] == len(shown["LastRawPackets"]) == 10
    assert shown["LastRawPackets"][0] == {
        "Timestamp": 1_500_000_000_999,
        "Index": 1,
        "Data": base64.b64encode(SYN).decode(),
        "LinkType": LinkType.ETHERNET,
    }


@pytest.fixture
def flows(tmp_path):
    write_pcap(tmp_path / "a.pcap", [SYN, Ethernet() / IPv4() / TCP(9, 9)])
    return read(tmp_path / "a.pcap")


def test_row_flow_set(flows):
    assert isinstance(flows, FlowSet)
    assert [flow.transport.a for flow in flows.sort("Transport.A")] == [9, 50000]
    assert len(flows[:1]) == 1
    assert len(flows.filter(lambda flow: flow.transport.a == 9)) == 1


def test_row_merge_sort_dedup_and_slice(flows):
    context = MergeContext(sort=True, sort_by="Transport.A", sort_order="ascending", dedup=True)
    merged = flows.merge(flows, context)
    assert [flow.transport.a for flow in merged] == [9, 50000]
    assert len(flows.merge([flows, flows])) == 6
    assert list(flows.merge(flows).dedup("TrackingID")[:1]) == [flows[0]]


def test_row_table_query_and_reply(flows):
    class Gone:
        def search(self, _query):
            raise FlowError("gone")

    query = TableQuery("SearchQuery", SearchQuery(filter="Transport == 9"))
    assert [len(found) for found in answer(query, [flows]).flow_sets] == [1]
    for status, question, tables in (
        (200, query, [flows, flows]),
        (204, query, [flows[:0]]),
        (207, query, [flows, Gone()]),
        (400, TableQuery("Other"), [flows]),
    ):
        reply = answer(TableQuery.from_protobuf(question.to_protobuf()), tables)
        assert isinstance(reply, TableReply)
        assert reply.status == status


def test_row_fields_by_dotted_name(flows):
    assert flows[0].get("Network.A") == "192.0.2.1"
    assert flows[0].get("Metric.ABBytes") == len(SYN)
    assert flows[0].get("TCPMetric.ABSynStart") is None
    assert "Network.A" in flowtable.Flow.field_names()
    assert all(flows[0].get(name) == flows[0].get(name) for name in flowtable.Flow.field_names())


def test_row_tcp_assembler():
    class Requests(flowtable.TCPAssemblerStream):
        def reassembled(self, data):
            heard.extend((item.flow, item.side, item.data) for item in data)

        def reassembly_complete(self):
            heard.append("complete")

    heard = []
    assembler = flowtable.TCPAssembler(lambda _: Requests())
    packets = [
        PacketSequence.from_frame(bytes(Ethernet() / IPv4() / TCP(5, 80, "PA", seq=number) / data))[0]
        for number, data in [(1, b"ab"), (5, b"ef"), (9, b"i"), (3, b"cd")]
    ]
    assembler.register_flow("flow", packets[0])
    for time, packet in enumerate(packets):
        assembler.assemble(packet, time)
    assert heard == [("flow", "A", data) for data in (b"ab", b"cd", b"ef")]
    assert assembler.flush_older_than(3) == 0
    assert assembler.flush_all() == 1
    assert heard[3:] == [("flow", "A", b"i"), "complete"]
