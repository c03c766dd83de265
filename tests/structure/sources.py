"""The package's own source, as it is installed, for the rules that it keeps."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import flowtable

PACKAGE = Path(flowtable.__file__).parent
CORE = ("capture", "packet", "flow", "table")


def files(*suffixes, rooms=None):
    """Give the source files with these suffixes, of some rooms or of all."""
    return sorted(
        path
        for path in PACKAGE.rglob("*")
        if path.suffix in suffixes and (rooms is None or room_of(path) in rooms)
    )


def room_of(path):
    """Give the folder under the package that a file is in, or "" for the package's own files."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def code_of(path):
    """Give a Cython file's code without its comments and texts, so that only code is searched."""
    text = re.sub(r'"""(?s:.*?)"""', '""', path.read_text())
    return "\n".join(
        line.partition("  #")[0] for line in text.splitlines() if not line.strip().startswith("#")
    )


def imports_of(path):
    """Give what a file imports, as (module, whether inside a function)."""
    if path.suffix == ".py":
        yield from python_imports(path)
        return
    pattern = r"^( *)(?:from ([\w.]+) c?import|c?import ([\w.]+))"
    for indent, module, plain in re.findall(pattern, code_of(path), re.MULTILINE):
        yield module or plain, bool(indent)


def python_imports(path):
    tree = ast.parse(path.read_text())
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module, id(node) in inside
        elif isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in inside) for alias in node.names)
