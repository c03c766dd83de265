"""Shortening: numbers, paths and addresses in the room that there is."""

import pytest

from flowtable.cli import units
from flowtable.cli.layout import Column, fit_columns, fit_end, fit_path, short_path
from flowtable.cli.terminal import SafeWriter, safe


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00k"),
        (9_994, "9.99k"),
        (9_995, "9.99k"),
        (9_996, "10.0k"),
        (99_960, "100k"),
        (999_499, "999k"),
        (999_950, "1.00M"),
        (2**64 - 1, "18.4E"),
    ],
)
def test_counts_have_three_digits(number, shown):
    assert units.count(number) == shown


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        (0, "0"),
        (7, "7ns"),
        (883_333, "883µs"),
        (20_050_000, "20.1ms"),
        (999_999_999, "1.00s"),
        (59_400_000_000, "59.4s"),
        (59_999_000_000, "1m00s"),
        (3_599_600_000_000, "1h00m"),
        (90_061_000_000_000, "1d01h"),
        (2**63 - 1, "106751d23h"),
    ],
)
def test_durations_have_one_or_two_units(ns, shown):
    assert units.duration(ns) == shown


def test_paths_leave_out_what_was_said_before():
    assert short_path("Ethernet/IPv6/IPv6HopByHop/ICMPv6/ICMPv6Echo") == "Eth/IPv6/HopByHop/ICMPv6/Echo"
    assert short_path("Ethernet/LinkLayerDiscovery/LinkLayerDiscoveryInfo") == "Eth/LLDP/Info"
    assert short_path("Ethernet/Dot1Q/Dot1Q/ARP") == "Eth/Dot1Q/Dot1Q/ARP"
    assert short_path("") == ""


def test_paths_lose_their_middle_first():
    path = "Ethernet/Dot1Q/IPv4/UDP/VXLAN"
    shown = [fit_path(path, width) for width in (29, 28, 20, 14, 7, 6, 1, 0)]
    assert shown == [
        path,
        "Eth/Dot1Q/IPv4/UDP/VXLAN",
        "Eth/…/IPv4/UDP/VXLAN",
        "Eth/…/VXLAN",
        "…/VXLAN",
        "VXLAN",
        "…",
        "",
    ]


def test_nothing_is_wider_than_asked():
    for width in range(60):
        assert len(fit_path("Ethernet/IPv4/UDP/VXLAN", width)) <= width
        assert len(fit_end("[2001:db8:1111:2222:3333:4444:5555:6666]:50000", width)) <= width


def columns():
    return [
        Column("layers", ["Ethernet/IPv4/TCP"], 12, fit_path, right=False, gap=0, rank=1),
        Column("A", ["[2001:db8:1::20]:52002"], 18, fit_end, right=False),
        Column("bytes", ["12.3k"]),
    ]


def widths(width):
    chosen = fit_columns(columns(), [Column("RTT", ["20.1ms"])], width)
    assert sum(column.room for column in chosen) <= width
    return [column.width for column in chosen]


def test_columns_take_what_there_is():
    assert widths(30) == [7, 14, 5]
    assert widths(39) == [12, 18, 5]
    assert widths(47) == [12, 18, 5, 6]
    assert widths(52) == [13, 22, 5, 6]
    assert widths(200) == [17, 22, 5, 6]


def test_safe_text_prints_and_nothing_else():
    assert safe("plain → text") == "plain → text"
    assert safe("\x1b[1m\r\n\t\x7f\x9b\u202e\u2028\udcff") == r"\x1b[1m\r\n\t\x7f\x9b\u202e\u2028\udcff"


def test_pieces_for_a_terminal_may_be_cut_anywhere(tmp_path):
    text = "é→\x1b[2J\n\x07ü\n"
    for size in (1, 2, 3, 100):
        with (tmp_path / "terminal").open("wb") as file:
            writer = SafeWriter(file)
            data = text.encode()
            for at in range(0, len(data), size):
                writer.write(data[at : at + size])
        assert (tmp_path / "terminal").read_text() == "é→\\x1b[2J\n\\x07ü\n"
