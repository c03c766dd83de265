"""Every example of the documentation does what the page says."""

import doctest
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

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
        done = run(command)
        assert done.returncode == 0, done.stdout
        assert checker.check_output(shown, done.stdout, OPTIONS), f"$ {command}\n{done.stdout}"


def run(command):
    """Run a line of the page in a shell, with this interpreter's flowtable and 100 columns."""
    line = command.replace("flowtable ", f"{sys.executable} -m flowtable ")
    environment = {"PATH": "/usr/bin:/bin", "COLUMNS": "100", "LANG": "C.UTF-8", "TERM": "dumb"}
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(["sh", "-c", line], env=environment, text=True, check=False, **output)


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
