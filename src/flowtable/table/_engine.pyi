from collections.abc import Callable
from typing import Any

from flowtable.capture import PacketSource
from flowtable.capture.bpf import LinkFilters
from flowtable.flow._flow import Records
from flowtable.table.options import EngineOptions
from flowtable.table.streams import StreamListener

class Engine:
    records: Records
    max_flows: int
    def __init__(
        self,
        records: Records,
        options: EngineOptions,
        filter_set: LinkFilters | None,
        listener: StreamListener | None = None,
        *,
        engines: int = 1,
    ) -> None: ...
    def run(self, source: PacketSource, progress: Callable[[PacketSource], None] | None = None) -> str: ...
    def rows(self) -> None: ...
    def counts(self) -> dict[str, Any]: ...
