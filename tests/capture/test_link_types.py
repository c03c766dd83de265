"""Link type numbers and names."""

import pytest

from flowtable.capture import LinkType, dlt, link_type_name
from flowtable.capture.link_types import from_dlt


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "NULL"),
        (1, "ETHERNET"),
        (101, "RAW"),
        (127, "IEEE802_11_RADIOTAP"),
        (276, "LINUX_SLL2"),
        (4711, "LINKTYPE_4711"),
    ],
)
def test_names(number, name):
    assert link_type_name(number) == name


@pytest.mark.parametrize(
    ("number", "libpcaps"),
    [(1, 1), (101, 12), (100, 11), (102, 15), (103, 16), (106, 19), (50, 50), (113, 113), (4711, 4711)],
)
def test_numbers_for_libpcap(number, libpcaps):
    assert dlt(number) == libpcaps


def test_types_from_104_on_are_the_same_but_one():
    assert [each for each in LinkType if each >= 104 and dlt(each) != each] == [LinkType.ATM_CLIP]


def test_raw_ip_of_openbsd_is_filtered_as_raw_ip():
    assert dlt(14) == dlt(101) == 12


@pytest.mark.parametrize(
    "link_type", [kind for kind in LinkType if kind not in (LinkType.RAW_12, LinkType.RAW_14)]
)
def test_numbers_of_libpcap_go_both_ways(link_type):
    assert from_dlt(dlt(link_type)) == link_type
