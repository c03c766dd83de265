"""What an enhancer is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from flowtable.flow import Flow

__all__ = ["Enhancer"]


class Enhancer(ABC):
    """Adds to flows what it knows: ``flow.add_extra(name, text)``.

    ``name`` is what configurations and statistics call it. A flow may come several times: when it is made
    and when it is handed out, and a set may be enhanced again. A pipeline never calls two functions of an
    enhancer at the same time.
    """

    name: str

    def start(self) -> None:  # noqa: B027 - most have nothing to do
        """Get ready; called before the first flow."""

    def stop(self) -> None:  # noqa: B027 - likewise
        """Let go of everything; called at the end whatever happened, and even if ``start`` has raised."""

    @abstractmethod
    def enhance(self, flow: Flow) -> None:
        """Add to a flow what is known of it."""

    def enhance_many(self, flows: Collection[Flow]) -> None:
        """Add to some flows what is known of them, and may be given by looking at all of them.

        One that does not have this is called for each flow, so that one bad flow leaves the others alone.
        """
        for flow in flows:
            self.enhance(flow)
