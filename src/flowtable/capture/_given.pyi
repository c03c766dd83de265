from collections.abc import Iterable

from flowtable.capture._walk import PacketSource

class GivenFrames(PacketSource):
    def __init__(self, frames: Iterable[tuple[int, bytes, int, int]]) -> None: ...
