"""Where exports go, and that every flow gets there once, whatever the size of the pieces."""

import io
import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv, ipc, parquet
from reading import read_frames

from flowtable.testing import TCP, Ethernet, IPv4

READERS = {
    "write_json": lambda data: [json.loads(line)["UUID"] for line in data.splitlines()],
    "write_csv": lambda data: csv.read_csv(
        io.BytesIO(data), convert_options=csv.ConvertOptions(column_types={"uuid": pa.string()})
    )["uuid"].to_pylist(),
    "write_parquet": lambda data: parquet.read_table(io.BytesIO(data))["uuid"].to_pylist(),
    "write_arrow": lambda data: ipc.open_file(io.BytesIO(data)).read_all()["uuid"].to_pylist(),
}
FORMATS = pytest.mark.parametrize("write", READERS)


@pytest.fixture
def flows(tmp_path):
    return read_frames(tmp_path, [Ethernet() / IPv4() / TCP(port, 80) for port in range(1, 41)])


def uuids(flows):
    return [flow.uuid for flow in flows]


@FORMATS
def test_paths_are_written_and_open_files_stay_open(flows, tmp_path, write):
    out = io.BytesIO()
    getattr(flows, write)(out)
    assert not out.closed
    for path in (tmp_path / "a", os.fspath(tmp_path / "b")):
        getattr(flows, write)(path)
        assert Path(path).read_bytes() == out.getvalue()
    assert READERS[write](out.getvalue()) == uuids(flows)


@FORMATS
def test_a_set_made_from_another_is_written_in_its_order(flows, write):
    out = io.BytesIO()
    chosen = flows[::-3]
    getattr(chosen, write)(out)
    assert READERS[write](out.getvalue()) == uuids(chosen)


@FORMATS
def test_a_set_of_none_has_its_columns(flows, write):
    out = io.BytesIO()
    getattr(flows[:0], write)(out)
    assert READERS[write](out.getvalue()) == []
    if write == "write_csv":
        assert out.getvalue().startswith(b'"uuid","layers_path"')


@FORMATS
def test_a_folder_that_is_not_there_is_the_systems_error(flows, tmp_path, write):
    with pytest.raises(FileNotFoundError):
        getattr(flows, write)(tmp_path / "no" / "such" / "folder")


@pytest.mark.parametrize("piece", [1, 5_000, 10_000, 1 << 20])
def test_ndjson_is_whole_across_pieces(tmp_path, monkeypatch, piece):
    monkeypatch.setattr("flowtable.export.json.CHUNK_BYTES", piece)
    count = 200
    flows = read_frames(
        tmp_path, [bytes(Ethernet() / IPv4() / TCP(port, 80)) for port in range(1, count + 1)]
    )
    out = io.BytesIO()
    flows.write_json(out)
    assert [json.loads(line)["Transport"]["A"] for line in out.getvalue().splitlines()] == list(
        range(1, count + 1)
    )
