import dataclasses
import inspect

import pytest

from flowtable import testing
from flowtable.testing import TCP, UDP, VXLAN, Dot1Q, Ethernet, IPv4, IPv6, Layer, Packet, Payload, ServiceTag


def test_every_public_name_is_there_once():
    assert len(testing.__all__) == len(set(testing.__all__))
    assert all(hasattr(testing, name) for name in testing.__all__)


def test_every_public_class_and_function_is_documented():
    public = (getattr(testing, name) for name in testing.__all__)
    assert all(thing.__doc__ for thing in public if inspect.isclass(thing) or inspect.isfunction(thing))


def test_packets_are_built_from_the_outside_in():
    packet = Ethernet() / IPv4() / TCP(1, 2) / b"data"
    assert [type(layer) for layer in packet.layers] == [Ethernet, IPv4, TCP, Payload]
    assert bytes(packet)[12:14] == b"\x08\x00"
    assert bytes(packet).endswith(b"data")


def test_packets_join_packets():
    outer = Ethernet() / IPv4() / UDP(5000) / VXLAN()
    inner = Ethernet() / IPv6() / TCP(1, 2)
    assert outer / inner == Packet(outer.layers + inner.layers)
    assert bytes(outer / inner).endswith(bytes(inner))


def test_a_packet_can_be_the_beginning_of_many():
    common = Ethernet() / IPv4()
    first = common / TCP(1, 2)
    assert common / UDP(1, 2) != first
    assert len(common.layers) == 2


def test_a_layer_alone_carries_nothing():
    assert bytes(Ethernet()) == bytes.fromhex("020000000002 020000000001 88b5")
    assert bytes(Packet()) == b""


def test_types_follow_from_what_is_inside():
    frame = bytes(Ethernet() / ServiceTag(1) / Dot1Q(2) / IPv6() / UDP(1, 2))
    assert [frame[at : at + 2].hex() for at in (12, 16, 20)] == ["88a8", "8100", "86dd"]


def test_forced_types_win():
    assert bytes(Ethernet(ether_type=0x9100) / Dot1Q() / IPv4())[12:14] == b"\x91\x00"
    assert bytes(IPv4(protocol=99) / TCP(1, 2))[9] == 99


def test_a_port_that_nothing_announces_has_to_be_given():
    with pytest.raises(ValueError, match="Payload has no port number: give the field that announces it"):
        bytes(IPv4() / UDP(1) / b"data")


def test_an_announcement_of_nothing_has_to_be_given():
    with pytest.raises(ValueError, match="no payload has no port number"):
        bytes(TCP(1))


def test_a_field_that_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"a field does not fit: .*UDP\(src=70000"):
        bytes(IPv4() / UDP(70000, 2))


def test_layers_cannot_be_changed_only_replaced():
    header = IPv4()
    with pytest.raises(dataclasses.FrozenInstanceError):
        header.ttl = 1
    assert dataclasses.replace(header, ttl=1).ttl == 1


def test_the_base_layer_is_no_protocol():
    with pytest.raises(NotImplementedError):
        bytes(Layer())


def test_examples_in_the_module_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "\n".join(line[4:] for line in testing.__doc__.splitlines() if line.startswith("    "))
    exec(code, vars(testing).copy())  # noqa: S102
    assert {path.name for path in tmp_path.iterdir()} == {"syn.pcap", "tunnel.pcapng"}
