from collections.abc import Iterable

from flowtable.capture._walk import PacketSource
from flowtable.capture.pace import Clock
from flowtable.capture.statistics import SourceStatistics

class PcapOverTcpSource(PacketSource):
    wait_ms: int
    def __init__(
        self,
        address: str = "127.0.0.1",
        port: int = 57012,
        *,
        allow: str | Iterable[str] = ...,
        max_senders: int = 64,
        stalled_after: float = 30.0,
        once: bool = False,
        clock: Clock | None = None,
    ) -> None: ...
    def stop(self) -> None: ...
    @property
    def address(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def senders(self) -> int: ...
    @property
    def accepted(self) -> int: ...
    @property
    def discards(self) -> dict[str, int]: ...
    @property
    def statistics(self) -> SourceStatistics: ...
