import pytest

from flowtable.testing import demo_capture


@pytest.fixture
def demo(tmp_path):
    path = tmp_path / "demo.pcapng"
    path.write_bytes(demo_capture())
    return path
