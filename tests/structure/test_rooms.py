"""One way through the house: a room imports only from rooms to its left."""

import pytest
from sources import PACKAGE, files, imports_of, room_of

ROOMS = ["capture", "packet", "flow", "table", "enhance", "export"]
ON_TOP = {"query", "serve", "cli", "testing"}
COMMON = {"errors", "config", "constants", "background"}
COMMON |= {"_types", "_cursor", "_exact", "_hash", "_text", "_memory", "_sha1", "_atomic", "_wait"}
# What a set of flows writes, it writes by way of the room that knows the format, when it is asked to.
EXCEPTIONS = {
    ("flow/flowset.py", f"flowtable.export.{name}", True)
    for name in ("arrow", "csv", "json", "parquet", "pcap")
}
# And a filter given as text is read by the room that knows the syntax; its type is named at the top.
EXCEPTIONS |= {
    (name, "flowtable.query", inside)
    for name in ("flow/flowset.py", "table/reader.py")
    for inside in (True, False)
}
EXCEPTIONS |= {("table/scan.py", "flowtable.query", False)}
EXCEPTIONS |= {
    (name, "flowtable.query", inside)
    for name in ("table/live.py", "table/allocator.py")
    for inside in (True, False)
}


# And enhancers look at a set that asks for it.
EXCEPTIONS |= {
    ("flow/flowset.py", "flowtable.enhance", False),
    ("flow/flowset.py", "flowtable.enhance.pipeline", True),
}


def steps():
    """Give every import of one room by another, as (file, module, whether in a function)."""
    for path in files(".py", ".pyx", ".pxd"):
        for module, inside in imports_of(path):
            if module == "flowtable" or module.startswith("flowtable."):
                yield path, module, inside


def named(path):
    return path.relative_to(PACKAGE).as_posix()


def test_rooms_are_known():
    rooms = {room_of(path) for path in files(".py", ".pyx")} - {""}
    assert rooms <= {*ROOMS, *ON_TOP}


def test_a_room_imports_from_rooms_to_its_left_only():
    against = []
    for path, module, inside in steps():
        room, target = room_of(path), module.partition(".")[2].partition(".")[0]
        if room not in ROOMS or target in COMMON or target == room:
            continue
        if (named(path), module, inside) in EXCEPTIONS:
            continue
        if target not in ROOMS or ROOMS.index(target) > ROOMS.index(room):
            against.append((named(path), module))
    assert against == []


def test_the_exceptions_are_in_use():
    assert {(named(path), module, inside) for path, module, inside in steps()} >= EXCEPTIONS


def test_what_all_rooms_share_imports_from_none():
    """But for the types of what errors carry."""
    for path, module, _ in steps():
        if room_of(path) == "" and path.stem in COMMON:
            target = module.partition(".")[2].partition(".")[0]
            assert target in COMMON or (path.stem, module) == ("errors", "flowtable.flow.account")


def test_no_room_imports_what_is_for_tests_or_stands_on_top():
    for path, module, inside in steps():
        target = module.partition(".")[2].partition(".")[0]
        if (named(path), module, inside) in EXCEPTIONS or path.name in ("__main__.py", "__init__.py"):
            continue
        if target in ON_TOP:
            assert room_of(path) in {target, "cli", "serve"}, (named(path), module)


@pytest.mark.parametrize(
    "name", ["pyarrow", "pandas", "polars", "rich", "maxminddb", "psutil", "flowtable.enhance"]
)
def test_the_core_loads_big_packages_when_they_are_needed(name):
    import subprocess
    import sys

    program = f"import sys, flowtable; sys.exit({name!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
