from collections.abc import Sequence

from flowtable.flow._flow import Records

def columns(
    records: Records, fields: list[tuple[int, int]], rows: Sequence[int] | None, start: int, stop: int
) -> list[tuple[bytes | None, int, bytes | None, bytes | memoryview]]: ...
def text_rows(records: Records, rows: Sequence[int] | None, start: int, stop: int, most: int) -> int: ...
def json_lines(
    records: Records, programme: JsonProgramme, rows: Sequence[int] | None, start: int, stop: int
) -> tuple[memoryview | bytes, int]: ...
def packet_columns(
    records: Records, rows: Sequence[int] | None, start: int, stop: int
) -> tuple[bytes | None, int, bytes, int, bytes, bytes, bytes, bytes, bytes, bytes]: ...

class JsonProgramme:
    line_bytes: int
    def __init__(self, steps: list[tuple[bytes, bytes, int, int, bool, list[bytes]]]) -> None: ...
