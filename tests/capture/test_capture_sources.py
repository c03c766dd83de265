"""What can be opened, and what the errors say about what cannot."""

import errno
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from capture_builders import open_descriptors, pcap, read, read_broken, save

from flowtable.capture import open_capture
from flowtable.capture.guess import looks_like
from flowtable.capture.streams import FileStream, StreamError, display_name
from flowtable.errors import CaptureError, CaptureWarning, OptionError

CAPTURE = pcap([(n, 0, b"data") for n in range(3)])


def refusal(path):
    with pytest.raises(CaptureError) as caught:
        open_capture(path)
    message = str(caught.value)
    assert "\n" not in message
    assert not message.startswith("[")
    return message, caught.value


def test_a_missing_file(tmp_path):
    path = tmp_path / "none.pcap"
    message, error = refusal(path)
    assert message == f"{path} cannot be opened: No such file or directory"
    assert (error.errno, error.filename) == (errno.ENOENT, str(path))
    assert isinstance(error, OSError)


def test_a_directory(tmp_path):
    message, error = refusal(tmp_path)
    assert message == f"{tmp_path} is a directory, not a capture"
    assert error.errno == errno.EISDIR


def test_an_empty_file_and_device(tmp_path):
    assert refusal(save(tmp_path / "a.pcap", b""))[0].endswith("a.pcap is not a capture: it is empty")
    assert refusal("/dev/null")[0] == "/dev/null is not a capture: it is empty"
    assert "zero bytes" in refusal("/dev/zero")[0]


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = save(tmp_path / "a.pcap", CAPTURE)

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)  # a test may run as root, who may read anything
    message, error = refusal(path)
    assert message == f"{path} cannot be opened: Permission denied"
    assert error.errno == errno.EACCES


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 300])
def test_names_that_no_file_has(name):
    assert "cannot be opened" in refusal(name)[0]


@pytest.mark.parametrize(
    "name", ["an\nother.pcap", "\x1b[31mred.pcap", "\udcff\udcfe.pcap", "\u202epacp.pcap"]
)
def test_odd_names_are_shown_harmlessly(tmp_path, name):
    message, _ = refusal(save(tmp_path / name, b"text"))
    assert message.isprintable()
    assert len(read(save(tmp_path / name, CAPTURE))) == 3


@pytest.mark.parametrize("end", range(1, 24))
def test_a_file_that_ends_within_its_header(tmp_path, end):
    message, _ = refusal(save(tmp_path / "a.pcap", CAPTURE[:end]))
    assert "file header" in message or "unknown kind" in message
    assert (f"at byte {end}" in message) == (end >= 4)


HEADS = {
    b"just some words\nand more": "text",
    "größe".encode() * 99: "text",
    b"a,b,c\n1,2,3\n": "text with commas (CSV)",
    b'{"a": 1}': "JSON",
    b"  [1, 2]": "JSON",
    b"<!DOCTYPE html><html>": "an HTML page",
    b"\n<HTML>": "an HTML page",
    b"<?xml version='1.0'?>": "XML",
    b"#!/bin/sh\n": "a script",
    b"\x7fELF\2\1\1": "an ELF program or library",
    b"%PDF-1.7": "a PDF document",
    b"PK\3\4": "a zip archive",
    b"PAR1": "a Parquet file",
    b"\xff\xfea\0": "UTF-16 text",
    b"\x1f\x8b\x08": "gzip data",
    bytes(100): "nothing but zero bytes",
    bytes(range(1, 200)): "data of an unknown kind, which begin with 01 02 03 04 05 06 07 08",
    bytes(257).replace(b"\0", b"n") + b"ustar\0": "a tar archive",
    b"text and then \0\0\0": "data of an unknown kind, which begin with 74 65 78 74 20 61 6e 64",
    b"snoop\0\0\0": "a snoop capture, which is neither pcap nor pcapng",
}


@pytest.mark.parametrize("head", HEADS)
def test_guesses(head):
    assert looks_like(head) == HEADS[head]


def test_a_guess_does_not_mind_a_character_cut_in_two():
    text = ("x" + "ä" * 300).encode()
    assert looks_like(text[:512]) == "text"


def test_text_is_refused_with_the_offset(tmp_path):
    message, _ = refusal(save(tmp_path / "a.pcap", b"id,direction,packets\n"))
    assert message.endswith("a.pcap is not a capture: at byte 0 it looks like text with commas (CSV)")


def test_kinds_of_paths(tmp_path):
    path = save(tmp_path / "a.pcap", CAPTURE)
    for given in (path, str(path), os.fsencode(path), [path], (str(path),), iter([path])):
        assert len(read(given)) == 3


def test_no_path_and_standard_input_twice():
    with pytest.raises(OptionError, match="at least one path"):
        open_capture([])
    with pytest.raises(OptionError, match="only once"):
        open_capture(["-", "-"])


def run(code, **keywords):
    program = f"from flowtable.capture import open_capture\n{code}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, **keywords)


def test_standard_input_is_a_pipe():
    done = run(
        "source = open_capture('-'); print(source.size, source.drain(), source.position)", input=CAPTURE
    )
    assert done.stdout.decode() == f"None 3 {len(CAPTURE)}\n"


def test_standard_input_is_a_file_among_others(tmp_path):
    path = save(tmp_path / "a.pcap", CAPTURE)
    with path.open("rb") as file:
        done = run(f"print([f.time for f in open_capture([{str(path)!r}, '-'])])", stdin=file)
    assert done.stdout.decode() == f"{sorted([0, 10**9, 2 * 10**9] * 2)}\n"


def test_standard_input_that_does_not_block(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with path.open("wb", buffering=0) as writer:
        child = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from flowtable.capture import open_capture; print(open_capture('-').drain())",
            ],
            stdin=reader,
            stdout=subprocess.PIPE,
        )
        for at in range(0, len(CAPTURE), 7):
            writer.write(CAPTURE[at : at + 7])
    os.close(reader)
    assert child.communicate()[0] == b"3\n"


def test_standard_input_that_is_closed_or_a_terminal():
    code = (
        "import flowtable.errors as e\ntry: open_capture('-')\nexcept e.CaptureError as error: print(error)"
    )
    closed = run("import os; os.close(0)\n" + code)
    assert closed.stdout == b"standard input cannot be opened: Bad file descriptor\n"
    _, terminal = os.openpty()
    assert run(code, stdin=terminal).stdout == b"standard input is a terminal, not a capture\n"


def test_a_fifo_is_opened_once(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    assert stat.S_ISFIFO(path.stat().st_mode)
    writer = threading.Thread(target=path.write_bytes, args=(CAPTURE,))
    writer.start()
    other = save(tmp_path / "a.pcap", CAPTURE)
    source = open_capture([path, other])
    assert source.size is None
    assert len(list(source)) == 6
    writer.join()


def test_a_file_that_fails_while_it_is_read(tmp_path, monkeypatch):
    path = save(tmp_path / "a.pcap", pcap([(n, 0, bytes(1000)) for n in range(3000)]))
    source = open_capture(path)

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "readv", fail)
    with pytest.warns(CaptureWarning, match=r"cannot be read on at byte \d+: Input/output error"):
        assert source.drain() < 3000
    assert source.incomplete == 1


def test_a_file_that_fails_at_its_first_byte(tmp_path):
    memory = Path("/proc/self/mem")  # reading at 0, which is not mapped, is an error
    assert re.fullmatch(r"/proc/self/mem cannot be opened: Input/output error", refusal(memory)[0])
    assert tmp_path.exists()


def test_a_warning_made_an_error_leaves_the_source_at_its_end(tmp_path):
    source = open_capture(save(tmp_path / "a.pcap", CAPTURE[:-1]))
    with pytest.raises(CaptureWarning, match="in the middle"):
        list(source)
    assert list(source) == []
    assert (source.frames, source.incomplete) == (2, 1)


def test_a_file_that_grows_is_read_to_its_new_end(tmp_path):
    path = save(tmp_path / "a.pcap", CAPTURE)
    source = open_capture(path)
    with path.open("ab") as file:
        file.write(CAPTURE[24:])
    assert len(list(source)) == 6


def test_a_file_that_shrinks_is_truncated(tmp_path):
    path = save(tmp_path / "a.pcap", pcap([(n, 0, bytes(1000)) for n in range(3000)]))
    source = open_capture(path)
    os.truncate(path, 2_000_000)
    with pytest.warns(CaptureWarning, match="ends in the middle"):
        assert source.drain() == (2_000_000 - 24) // 1016


def test_a_parked_file_takes_no_descriptor_and_minds_being_replaced(tmp_path):
    path = save(tmp_path / "a.pcap", CAPTURE)
    before = open_descriptors()
    stream = FileStream(str(path), parked=True)
    assert open_descriptors() == before
    room = memoryview(bytearray(30))
    assert stream.readinto(room) == 30
    save(tmp_path / "b.pcap", CAPTURE).replace(path)
    with pytest.raises(StreamError, match="another file has taken its place"):
        stream.readinto(room)
    stream.close()


def test_descriptors_are_given_back(tmp_path):
    whole, text = save(tmp_path / "a.pcap", CAPTURE), save(tmp_path / "b.pcap", b"text")
    before = open_descriptors()
    for _ in range(3):
        read(whole)
        read([whole, whole])
        refusal(text)
        refusal([whole, text])
        open_capture(whole).close()
        read_broken(save(tmp_path / "c.pcap", CAPTURE[:-1]))
        open_capture(whole)
    assert open_descriptors() == before


def test_display_names():
    assert display_name("-") == "standard input"
    assert display_name("") == "''"
    assert display_name("größe.pcap") == "größe.pcap"
