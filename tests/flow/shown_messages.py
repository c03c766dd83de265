"""Messages back into the dictionaries that they were made from, by what their classes say of their parts."""

import base64
import dataclasses


def shown(value):
    """Give what dictionaries show for a message, or for what is inside one."""
    if isinstance(value, tuple):
        return [shown(one) for one in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if not dataclasses.is_dataclass(value):
        return value
    out = {}
    for part in dataclasses.fields(value):
        inside = getattr(value, part.name)
        if inside != part.default:
            out[part.metadata["name"]] = time(inside) if part.name == "timestamp" else shown(inside)
    return out


def time(ns):
    seconds, nanos = divmod(ns, 1_000_000_000)
    return {name: value for name, value in (("seconds", seconds), ("nanos", nanos)) if value}
