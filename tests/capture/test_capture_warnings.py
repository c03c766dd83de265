"""Where warnings of captures point: at the line that has them read, whatever is in between."""

import inspect
import warnings

import pytest
from capture_builders import pcap, save

import flowtable
from flowtable.capture import open_capture


@pytest.fixture
def broken(tmp_path):
    """Two captures whose last record is cut."""
    content = pcap([(1, 0, b"data"), (2, 0, b"data")])[:-1]
    return [save(tmp_path / name, content) for name in ("a", "b")]


def warned(call, *args, **options):
    """Give where the warnings of a call are shown, and the line of the call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = inspect.currentframe().f_lineno + 1
        call(*args, **options)
    assert caught
    return {(each.filename, each.lineno) for each in caught}, {(__file__, line)}


def test_reading_flows(broken):
    for paths in (broken[0], broken):
        shown, here = warned(flowtable.read, paths, threads=1)
        assert shown == here


def test_walking_frames(broken):
    for paths in (broken[0], broken):
        shown, here = warned(open_capture(paths).drain)
        assert shown == here
        shown, here = warned(list, open_capture(paths))
        assert shown == here


def test_looking_into_captures_first(tmp_path, broken):
    nothing = [save(tmp_path / name, pcap([]) + b"123") for name in ("c", "d")]
    shown, here = warned(open_capture, [*nothing, *broken])
    assert shown == here


def test_one_that_has_gone(broken):
    source = open_capture(broken)
    broken[1].unlink()
    shown, here = warned(source.drain)
    assert shown == here


def test_a_thread_that_counts_has_no_such_line(broken):
    shown, _ = warned(flowtable.read, broken[0], threads=2)
    assert {name.strip("<>") for name, _ in shown} == {"sys"}
