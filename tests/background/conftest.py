"""A test that would hang ends the run instead, and says where it hung."""

import faulthandler
import sys

import pytest


@pytest.fixture(autouse=True)
def no_hanging():
    faulthandler.dump_traceback_later(300, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()
