"""Output into pipes that have a path."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_pipe_with_a_path_is_written_to(form, tmp_path):
    from flowtable.testing import demo_capture

    capture = tmp_path / "demo.pcapng"
    capture.write_bytes(demo_capture())
    ours, theirs = os.pipe()
    command = [
        sys.executable,
        "-m",
        "flowtable",
        "read",
        "-q",
        capture,
        "-o",
        form,
        "-w",
        f"/dev/fd/{theirs}",
    ]
    with subprocess.Popen(command, pass_fds=[theirs]) as process, os.fdopen(ours, "rb") as pipe:
        os.close(theirs)
        assert len(pipe.read()) > 1000
    assert process.returncode == 0
