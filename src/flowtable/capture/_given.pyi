from collections.abc import Iterable

from flowtable.capture._walk import PacketSource
from flowtable.capture.frame import CapturedFrame

class GivenFrames(PacketSource):
    def __init__(self, frames: Iterable[CapturedFrame | tuple[int, bytes, int, int]]) -> None: ...
