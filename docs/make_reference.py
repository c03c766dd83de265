"""Write the reference pages that come from the code: the fields of a flow, and the layers of a packet.

Run it after changing ``flow/schema.py`` or the registry; a test holds the pages to what it writes.
"""

from __future__ import annotations

import pathlib

from flowtable.flow import FIELDS, Field
from flowtable.packet import LayerType
from flowtable.packet._decode import registry

HERE = pathlib.Path(__file__).parent / "reference"
SPACES = ("", "link type", "EtherType", "IP protocol", "PPP type", "UDP port")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def fields_page() -> str:
    """What a flow holds: the schema as a table."""
    rows = [
        (f"`{f.path}`", f"`{f.column}`", f.kind.value, f.unit, meaning(f), ".".join(map(str, f.number)))
        for f in FIELDS
    ]
    return f"""# Fields of a flow

One rule makes the three names of a field: `Metric.ABBytes` in dictionaries and JSON is the attribute
`flow.metric.ab_bytes` and the column `metric_ab_bytes`. `Flow.get` and `FlowSet.sort` take any of them.

Times are Unix milliseconds in dictionaries and JSON, and nanoseconds in attributes and columns;
round-trip times are nanoseconds everywhere. A is the source of the flow's first packet. Columns are always
the same; what a flow does not have is null there and left out of dictionaries. The last column gives
protobuf field numbers.

{table(("name", "column", "type of the column", "unit", "meaning", "protobuf"), rows)}
"""


def meaning(f: Field) -> str:
    """A field's meaning, and the option that it takes to fill it."""
    if f.option is None:
        return f.meaning
    return f"{f.meaning} ({'with' if f.is_filled({f.option}) else 'not filled yet:'} `{f.option}`)"


def layers_page() -> str:
    """What the decoder knows: names, and the numbers that lead to them."""
    numbers: dict[int, list[str]] = {}
    for space, number, layer in registry():
        if space < len(SPACES):
            shown = f"{number:#06x}" if SPACES[space] in ("EtherType", "PPP type") else str(number)
            numbers.setdefault(layer, []).append(f"{SPACES[space]} {shown}")
    rows = [
        (f"`{layer}`", ", ".join(numbers.get(int(layer), [])))
        for layer in sorted(LayerType, key=str)
        if layer is not LayerType.RAW_IP
    ]
    return f"""# Layers

The names that `LayersPath` is made of, and the numbers by which a layer in front names them. A layer without
a number is named by the layer in front in another way. Raw IP link types (12, 14, 101) have no name of their
own: the first nibble of the frame decides between IPv4, IPv6 and ARP.

{table(("layer", "named by"), rows)}
"""


PAGES = {"fields.md": fields_page, "layers.md": layers_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
