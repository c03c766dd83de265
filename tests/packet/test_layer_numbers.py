"""The layers' numbers and names, which stand in a C enum and in a Python one, and the registry over them."""

import re
from pathlib import Path

import flowtable
from flowtable.packet._decode import registry
from flowtable.packet.layers import LAYER_NAMES, STEP_NAMES, LayerType

PACKET = Path(flowtable.__file__).parent / "packet"
FIRST_STEP = 240
BASES = {"DOT11_MGMT", "DOT11_CTRL"}  # numbers that subtypes are added to
SPELT_OUT = {
    "MLDV1_QUERY": "MLDV1_MULTICAST_LISTENER_QUERY",
    "MLDV1_REPORT": "MLDV1_MULTICAST_LISTENER_REPORT",
    "MLDV1_DONE": "MLDV1_MULTICAST_LISTENER_DONE",
    "MLDV2_QUERY": "MLDV2_MULTICAST_LISTENER_QUERY",
    "MLDV2_REPORT": "MLDV2_MULTICAST_LISTENER_REPORT",
}


def c_numbers():
    text = (PACKET / "_layers.pxd").read_text().partition("cdef enum HeaderlessTunnel")[0]
    found = {name: int(number) for name, number in re.findall(r"^    (\w+) = (\d+)", text, re.MULTILINE)}
    assert len(found) > 100
    return found


def python_name(name):
    return SPELT_OUT.get(name, name.removesuffix("_LAYER"))


def test_the_two_lists_of_layers_are_one():
    in_c = {
        python_name(name): number
        for name, number in c_numbers().items()
        if 0 < number < FIRST_STEP and name not in BASES
    }
    in_python = {
        layer.name: layer.value
        for layer in LayerType
        if layer is not LayerType.RAW_IP and not layer.name.startswith(tuple(BASES))
    }
    assert in_c == in_python


def test_subtypes_of_80211_follow_their_base():
    numbers = c_numbers()
    for base in BASES:
        subtypes = [layer.value - numbers[base] for layer in LayerType if layer.name.startswith(base)]
        assert subtypes
        assert all(0 <= subtype < 16 for subtype in subtypes)


def test_every_number_is_there_once():
    assert len(set(c_numbers().values())) == len(c_numbers())
    assert LayerType.RAW_IP == 55555


def test_names_are_unique_and_fit_into_a_path():
    names = [str(layer) for layer in LayerType]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9]+", name) for name in names)
    assert {layer.value: str(layer) for layer in LayerType} == LAYER_NAMES


def test_every_row_of_the_registry_has_a_name_and_a_function():
    decoder = (PACKET / "_decode.pyx").read_text()
    rows = registry()
    with_number = re.findall(r"row\(L\.\w+, \w+\.\w+, BY_\w+, ", decoder)
    assert len([row for row in rows if row[0] != 6]) == len(with_number)
    for space, number, layer in rows:
        assert 1 <= space <= 6
        assert layer in LAYER_NAMES or layer in STEP_NAMES, (space, number, layer)
        if space == 6:
            assert number == layer


def test_steps_are_the_numbers_above_all_layers():
    assert set(STEP_NAMES) == {number for number in c_numbers().values() if number >= FIRST_STEP}


def c_enum(text, name):
    """The names of an enum in a .pxd file, by their numbers."""
    body = re.search(rf"cdef enum {name}:.*?\n((?:    .*\n)+)", text).group(1)
    return {int(number): each for each, number in re.findall(r"^    (\w+) = (\d+)", body, re.MULTILINE)}


def test_flow_icmp_types_are_one_list():
    from flowtable.packet import ICMPType

    in_c = c_enum((PACKET / "protocols" / "icmp.pxd").read_text(), "FlowIcmpType")
    assert in_c.pop(0) == "OTHER_ICMP"
    assert in_c == {kind.value: kind.name for kind in ICMPType if kind}


def test_reasons_of_stops_are_one_list():
    from flowtable.table.accounts import _MALFORMED, _STOPS, _TRUNCATED

    said = {
        "END": "ended at",
        "TRUNCATED": "truncated",
        "MALFORMED": "malformed",
        "UNKNOWN": "unknown protocol after",
        "FRAGMENTED": "fragment of",
        "MANY_LAYERS": "too many layers after",
        "MANY_PARTS": "too many tunnels after",
    }
    in_c = c_enum((PACKET / "_dissection.pxd").read_text(), "Stop")
    assert in_c.pop(len(_STOPS)) == "STOPS"
    assert dict(enumerate(_STOPS)) == {
        number: said[name.partition("_")[2] or name] for number, name in sorted(in_c.items())
    }
    assert (in_c[_TRUNCATED], in_c[_MALFORMED]) == ("TRUNCATED", "MALFORMED")


def test_finish_types_are_one_list():
    from flowtable.flow import FlowFinishType

    in_c = c_enum((PACKET.parent / "flow" / "_flow.pxd").read_text(), "FinishType")
    ours = {number: kind.name.replace("TCP_", "FINISHED_") for number, kind in enumerate(FlowFinishType)}
    assert in_c == ours


def test_kinds_of_networks_and_transports_stand_in_the_order_of_their_names():
    from flowtable.flow._flow import PLACES, Records

    text = (PACKET.parent / "_types.pxd").read_text()
    for enum, place in (("NetworkKind", "network_protocol"), ("TransportKind", "transport_protocol")):
        in_c = c_enum(text, enum)
        assert in_c.pop(0).startswith("NO_")
        assert tuple(in_c[number] for number in sorted(in_c)) == Records().names(PLACES[place])
        assert sorted(in_c) == list(range(min(in_c), max(in_c) + 1))


def test_tunnels_are_one_list():
    from flowtable.packet import TUNNELS, _decode

    every = [number for numbers in _decode.TUNNELS.values() for number in numbers]
    assert all(0 < number < 64 for number in every)
    others = set(_decode.TUNNELS) - set(TUNNELS)
    assert others == {"sit", "gtp"}
    assert len(set(every)) == len(every) - 2  # those that have two names
    assert {number for number in LAYER_NAMES if number < 64} <= set(every)


def test_every_registered_layer_is_built_by_some_case():
    from cases import CASES

    built = {name for case in CASES for part in case.parts for name in part.split("/")}
    cooked = {"LinuxSLL", "LinuxSLL2"}  # which stand in no path
    wireless = {name for name in LAYER_NAMES.values() if name.startswith("Dot11")}  # test_packet_wifi.py
    registered = {LAYER_NAMES[layer] for _, _, layer in registry() if layer in LAYER_NAMES}
    assert registered - wireless - cooked <= built
