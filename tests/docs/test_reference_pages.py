"""What comes from the code is as the code has it: reference pages and the demo capture."""

import importlib.util
import pathlib

import pytest

from flowtable.testing import demo_capture

ROOT = pathlib.Path(__file__).parents[2]


def generator():
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["fields.md", "layers.md"])
def test_page_is_current(name):
    page = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert page == generator().PAGES[name](), "run python docs/make_reference.py"


def test_demo_capture_is_current():
    assert (ROOT / "examples" / "demo.pcapng").read_bytes() == demo_capture()
