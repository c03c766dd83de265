from collections.abc import Iterable, Sequence
from typing import Any

PLACES: dict[str, int]

class Records:
    count: int
    node_tid: str
    capture_id: str
    options: frozenset[str]
    def __init__(
        self,
        node_tid: str = "",
        capture_id: str = "",
        options: Iterable[str] = (),
        limits: Any = None,
    ) -> None: ...
    def __len__(self) -> int: ...
    def names(self, place: int) -> tuple[str, ...]: ...
    def value(self, number: int, place: int, kind: int) -> Any: ...
    def parent_of(self, number: int) -> int | None: ...
    def children(self, number: int) -> Sequence[int]: ...
