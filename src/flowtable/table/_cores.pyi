from array import array
from collections.abc import Callable, Iterable

from flowtable.capture import PacketSource
from flowtable.table._engine import Engine

class Crew:
    def __init__(self, engines: list[Engine], tunnels: Iterable[str]) -> None: ...
    def run(
        self,
        source: PacketSource,
        progress: Callable[[PacketSource], None] | None = None,
        *,
        threads: int = ...,
    ) -> str: ...
    def work(self) -> None: ...
    def steps_back(self) -> int: ...
    def rows(self) -> array[int]: ...
