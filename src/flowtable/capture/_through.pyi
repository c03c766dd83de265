from flowtable.capture._walk import PacketSource
from flowtable.capture.pace import Clock

class ThroughSource(PacketSource):
    wait_ms: int
    def stop(self) -> None: ...

class PacedSource(ThroughSource):
    def __init__(
        self,
        source: PacketSource,
        speed: float = 1.0,
        *,
        longest_gap: float = 60.0,
        clock: Clock | None = None,
    ) -> None: ...
    @property
    def gaps_cut(self) -> int: ...
    @property
    def steps_back(self) -> int: ...

class FilteredSource(ThroughSource):
    def __init__(self, source: PacketSource, expression: str) -> None: ...
    @property
    def filtered(self) -> int: ...
