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
    text = (PACKET / "_layers.pxd").read_text()
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
