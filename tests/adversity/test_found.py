"""Every input that ever broke something, with all options: ``found/TARGET/NAME`` as fuzz targets take it."""

import warnings
from inspect import signature
from pathlib import Path

import pytest
from fuzz_inputs import (
    EVERY_MODE,
    EVERYTHING,
    LIVES,
    OPTIONS,
    ROOMS,
    START,
    TIMERS,
    filter_input,
    filter_of,
    frames_input,
    frames_of,
    life_of,
    options_of,
)
from promises import hold, hold_samples

import flowtable
from flowtable.capture._bpf import Program
from flowtable.capture._given import GivenFrames
from flowtable.errors import CaptureWarning, FilterError, FlowError
from flowtable.flow import Account, FlowSet
from flowtable.flow._flow import Records
from flowtable.table import read
from flowtable.table._live import LiveEngine
from flowtable.table.options import EngineOptions
from flowtable.testing import FrameSpec, write_pcap

FOUND = Path(__file__).with_name("found")
ENGINE = {
    name: option.default
    for name, option in signature(read).parameters.items()
    if name in signature(EngineOptions.checked).parameters
}


def found(target):
    """Give the inputs of a target; their names say what they are."""
    return [pytest.param(path, id=path.name) for path in sorted((FOUND / target).iterdir())]


def read_in_every_mode(path):
    for flags in EVERY_MODE:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CaptureWarning)
            try:
                flows = flowtable.read(path, **options_of(flags))
            except FlowError:
                continue
        hold(flows)
        yield flows


@pytest.mark.parametrize("path", found("captures"))
def test_captures(path):
    list(read_in_every_mode(path))


@pytest.mark.parametrize("path", found("frames"))
def test_frames(path, tmp_path):
    link_type, _, frames = frames_of(path.read_bytes())
    capture = tmp_path / "frames.pcap"
    specs = [FrameSpec(*frame) for frame in frames]
    write_pcap(capture, specs, link_type=link_type, nanoseconds=True)
    for flows in read_in_every_mode(capture):
        assert flows.account.frames == len(frames)


@pytest.mark.parametrize("path", found("lives"))
def test_lives(path):
    """Each flow is handed out once when it ends, whatever the table's timers are and however full it is."""
    link_type, flags, frames = frames_of(path.read_bytes())
    rows = [(frame.time, frame.data, frame.length, link_type) for frame in frames]
    for chosen in {flags, *(other << LIVES for other in range(len(TIMERS) * len(ROOMS)))}:
        timers, room = life_of(chosen)
        options = EngineOptions.checked(**ENGINE | options_of(chosen & EVERYTHING) | {"max_flows": room})
        table = LiveEngine(Records("", "", options.filled | {"update_every"}, options.limits), options, None)
        table.begin(timers, options.limits)
        source = GivenFrames(rows)
        while table.count_window(source) == "goes on" or table.refill(source):
            pass
        while table.stop_some():
            pass
        records, groups = table.handed()
        ended = [flow for is_end, _, rows in groups if is_end for flow in FlowSet(records, Account(), rows)]
        final = [flow.uuid for flow in ended if flow.finish_type != "ACTIVE_TIMEOUT"]
        assert len(final) == len(set(final)) == table.life_counts()["begun"]
        assert table.counts()["in_flows"] == len(frames)


@pytest.mark.parametrize("path", found("filters"))
def test_filters(path):
    instructions, frame = filter_of(path.read_bytes())
    try:
        program = Program(instructions)
    except FilterError:
        return
    assert program.filter(frame) == program.filter(bytearray(frame))


@pytest.mark.parametrize("path", found("samples"))
def test_samples(path):
    hold_samples(path.read_bytes(), START)


def test_every_folder_of_findings_is_read():
    assert {path.name for path in FOUND.iterdir()} == {"captures", "frames", "lives", "filters", "samples"}


# ---- the form of the inputs


def test_frames_come_back_from_an_input():
    data = frames_input([b"one", b""], link_type=101, flags=3, steps=(2, 0xFE))
    link_type, flags, frames = frames_of(data)
    assert (link_type, flags) == (101, 3)
    assert [frame.data for frame in frames] == [b"one", b""]
    assert frames[0].time - frames[1].time == 8_000_000
    assert len(frames_of(data + b"\xff\xff\0\1rest")[2]) == 3
    assert frames_of(data + b"\xff\xff\0\1rest")[2][2].data == b"rest"


def test_filters_come_back_from_an_input():
    program = [(0x28, 0, 0, 12), (0x15, 0, 1, 0x800), (6, 0, 0, 0xFFFFFFFF), (6, 0, 0, 0)]
    assert filter_of(filter_input(program, b"frame")) == (program, b"frame")
    assert filter_of(b"") == ([], b"")


def test_flags_turn_options_on():
    assert options_of(0) == {}
    assert options_of(EVERYTHING).keys() == {name for option in OPTIONS for name in option}
