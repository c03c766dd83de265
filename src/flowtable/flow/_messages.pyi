LAYERS: dict[str, int]
KINDS: dict[str, int]

def message_text(layer: str, data: bytes, time: int = 0) -> str: ...
