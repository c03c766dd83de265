from collections.abc import Callable
from typing import Any

from flowtable.capture import PacketSource
from flowtable.capture.bpf import LinkFilters
from flowtable.flow._flow import Records

class Engine:
    records: Records
    max_flows: int
    def __init__(
        self,
        records: Records,
        layer_key: int,
        tunnels: tuple[str, ...],
        filter_set: LinkFilters | None,
        max_flows: int | None,
    ) -> None: ...
    def run(self, source: PacketSource, progress: Callable[[PacketSource], None] | None = None) -> str: ...
    def counts(self) -> dict[str, Any]: ...
