"""Networks for tests of live capture."""

import pytest

from flowtable.testing.netns import Network, reason_against


@pytest.fixture(scope="session")
def why_no_network():
    return reason_against()


@pytest.fixture
def network(why_no_network):
    """A network of its own, which the test's thread is in, with a wire from ``left`` to ``right``."""
    yield from wired(why_no_network)


@pytest.fixture(scope="module")
def shared_network(why_no_network):
    """The same for all tests of a module, where they leave it as it was."""
    yield from wired(why_no_network)


def wired(why_not):
    if why_not:
        pytest.skip(why_not)
    with Network() as made:
        made.pair("left", "right")
        with made.entered():
            yield made
