"""Every example of the documentation does what the page says."""

import contextlib
import doctest
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import termios

import pytest

from flowtable.capture.rights import CAP_NET_RAW, held_rights
from flowtable.testing.netns import Network, reason_against

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def page_id(page):
    return str(page.relative_to(ROOT))


@pytest.fixture
def beside_the_examples(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)


def blocks(page, language):
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.usefixtures("beside_the_examples")
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "pycon")], ids=page_id)
def test_python_examples(page):
    source = "\n".join(blocks(page, "pycon"))
    with place_of(page):
        run_examples(page, source)


@contextlib.contextmanager
def place_of(page):
    """Where a page's examples run: what captures on loopback has a network of its own, if one can be made."""
    if "<!-- takes CAP_NET_RAW -->" not in page.read_text(encoding="utf-8") or network_missing():
        yield
    else:
        with Network() as network, network.entered():
            yield


def network_missing():
    if CAP_NET_RAW not in held_rights():
        pytest.skip("there is no right to capture: it takes CAP_NET_RAW")
    return reason_against()


def run_examples(page, source):
    test = doctest.DocTestParser().get_doctest(source, {}, page.name, str(page), 0)
    assert test.examples
    report = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    assert runner.run(test, out=report.append).failed == 0, "".join(report)


def commands(page):
    """Each `$ command` of a page with the output that the page shows for it."""
    for block in blocks(page, "console"):
        yield from re.findall(r"^\$ (.*?)\n((?:(?!\$ ).*\n?)*)", block, re.MULTILINE)


@pytest.mark.usefixtures("beside_the_examples")
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "console")], ids=page_id)
def test_commands(page):
    checker = doctest.OutputChecker()
    found = [(command, shown) for command, shown in commands(page) if command.startswith("flowtable")]
    assert found
    for command, shown in found:
        code, got = run(command)
        assert code == 0, got
        assert checker.check_output(shown, got, OPTIONS), f"$ {command}\n{got}"


def run(command):
    """Run a line of the page as on a terminal of 100 columns; gives the exit code and what was shown."""
    line = command.replace("flowtable ", f"{sys.executable} -m flowtable ")
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1"}
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (60, 100))
    with subprocess.Popen(
        ["sh", "-c", line], env=environment, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        shown = b"".join(read_terminal(ours)) + process.stderr.read()
    os.close(ours)
    return process.returncode, shown.decode().replace("\r\n", "\n")


def read_terminal(descriptor):
    """What appears on a terminal until the last program lets go of it, which Linux tells as an error."""
    with contextlib.suppress(OSError):
        while chunk := os.read(descriptor, 65536):
            yield chunk


def test_no_example_is_of_a_kind_that_is_not_run():
    known = {"pycon", "console", "cython", "bash", "toml", ""}
    for page in PAGES:
        kinds = set(re.findall(r"^```(\w*)$", page.read_text(encoding="utf-8"), re.MULTILINE))
        assert kinds <= known, page


def test_links_lead_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page}: {link}"
