"""Where flows go: standard output or a file, in each format, read back by that format's own reader."""

import csv
import io
import json
import subprocess
import sys

import pyarrow.feather
import pyarrow.parquet
import pytest
from command import COMMAND, run

import flowtable

BACK = {
    "json": lambda data: [json.loads(line)["UUID"] for line in data.splitlines()],
    "csv": lambda data: [row["uuid"] for row in csv.DictReader(io.StringIO(data.decode()))],
    "parquet": lambda data: pyarrow.parquet.read_table(io.BytesIO(data))["uuid"].to_pylist(),
    "arrow": lambda data: pyarrow.feather.read_table(io.BytesIO(data))["uuid"].to_pylist(),
}
SUFFIXES = {
    "json": (".json", ".ndjson", ".jsonl"),
    "csv": (".csv", ".CSV"),
    "parquet": (".parquet",),
    "arrow": (".arrow", ".feather"),
}


def uuids(path):
    return [flow.uuid for flow in flowtable.read(path)]


@pytest.mark.parametrize("name", BACK)
def test_a_format_that_is_named_goes_to_the_pipe(demo, name):
    outcome = run("read", demo, "-o", name)
    assert outcome.status == 0
    assert BACK[name](outcome.out) == uuids(demo)
    assert outcome.err.startswith("97 frames: 97 in 19 flows")


@pytest.mark.parametrize(("name", "suffix"), [(n, s) for n, all_of in SUFFIXES.items() for s in all_of])
def test_a_suffix_tells_the_format(demo, tmp_path, name, suffix):
    out = tmp_path / f"flows{suffix}"
    outcome = run("read", "-w", out, demo)
    assert (outcome.status, outcome.out) == (0, b"")
    assert BACK[name](out.read_bytes()) == uuids(demo)


def test_a_pipe_gets_ndjson(demo):
    assert BACK["json"](run("read", demo).out) == uuids(demo)
    assert BACK["json"](run("read", demo, "-w", "-").out) == uuids(demo)


def test_the_named_format_goes_before_the_suffix(demo, tmp_path):
    out = tmp_path / "flows.csv"
    run("read", "-o", "json", "-w", out, demo)
    assert BACK["json"](out.read_bytes()) == uuids(demo)


def test_an_unknown_suffix_names_those_that_are_known(demo, tmp_path):
    for name, told in (("flows.xlsx", "the suffix .xlsx tells no format"), ("flows", "there is no suffix")):
        outcome = run("read", demo, "-w", tmp_path / name)
        assert outcome.status == 2
        assert told in outcome.err
        assert all(suffix.lower() in outcome.err for all_of in SUFFIXES.values() for suffix in all_of)
        assert not (tmp_path / name).exists()


def test_a_table_in_a_file_is_as_wide_as_it_needs_and_has_no_colours(demo, tmp_path):
    out = tmp_path / "flows.txt"
    assert run("read", demo, "-o", "table", "-w", out).status == 0
    text = out.read_text()
    assert "\x1b" not in text
    assert "[2001:db8:1::20]:52002  [2001:db8:80::80]:443" in text
    assert "Ethernet/LinkLayerDiscovery/LinkLayerDiscoveryInfo" in text
    assert len(text.splitlines()) == 2 + 19


def test_writing_over_an_input_is_refused_by_any_name(demo, tmp_path):
    before = demo.read_bytes()
    link = tmp_path / "link.csv"
    link.symlink_to(demo)
    for out in (demo, link):
        outcome = run("read", demo, "-o", "csv", "-w", out)
        assert outcome.status == 2
        assert "is a capture that is read" in outcome.err
    with demo.open("rb") as stdin:
        command = [*COMMAND, "read", "-", "-o", "csv", "-w", str(demo)]
        assert subprocess.run(command, stdin=stdin, capture_output=True, check=False).returncode == 2
    assert demo.read_bytes() == before


def test_a_failure_leaves_nothing_behind_and_keeps_what_was_there(demo, tmp_path):
    out = tmp_path / "flows.csv"
    out.write_text("yesterday's")
    broken = tmp_path / "broken.pcap"
    broken.write_bytes(b"no capture")
    listing = sorted(tmp_path.iterdir())
    assert run("read", broken, "-w", out).status == 2
    assert run("read", demo, "--max-flows", 3, "-w", out).status == 2
    assert sorted(tmp_path.iterdir()) == listing
    assert out.read_text() == "yesterday's"


def test_a_file_that_is_replaced_keeps_its_permissions_and_its_links(demo, tmp_path):
    out, link = tmp_path / "flows.csv", tmp_path / "link.csv"
    out.touch(mode=0o640)
    link.symlink_to(out)
    assert run("read", demo, "-w", link).status == 0
    assert link.is_symlink()
    assert out.stat().st_mode & 0o777 == 0o640
    assert BACK["csv"](out.read_bytes()) == uuids(demo)


def test_what_cannot_be_written_is_one_line(demo, tmp_path):
    cases = {
        tmp_path: "Is a directory",
        tmp_path / "none" / "flows.csv": "No such file",
        "/dev/full": "No space left",
    }
    for out, reason in cases.items():
        outcome = run("read", demo, "-o", "csv", "-w", out)
        assert outcome.status == 2
        assert outcome.err.count("\n") == 1
        assert reason in outcome.err


@pytest.mark.parametrize("name", ["json", "table"])
def test_only_columns_load_pyarrow_and_only_bars_load_rich(demo, name):
    script = (
        "import sys; from flowtable.cli import main; "
        f"status = main(['read', {str(demo)!r}, '-o', {name!r}]); "
        "sys.exit(status or bool({'pyarrow', 'rich', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    assert run_script(script) == 0


def test_help_loads_neither():
    script = (
        "import sys; from flowtable.cli import main; status = main(['read', '--help']); "
        "sys.exit(status or bool({'pyarrow', 'rich', 'cypcap'} & set(sys.modules)))"
    )
    assert run_script(script) == 0


def run_script(script):
    return subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode
