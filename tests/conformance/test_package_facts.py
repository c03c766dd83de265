"""What the installed package promises: names, types, and one way to raise."""

import ast
import builtins
import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import flowtable
from flowtable import errors

PACKAGE = Path(flowtable.__file__).parent
PUBLIC = [
    "flowtable",
    *(
        f"flowtable.{name}"
        for name in ("capture", "packet", "flow", "table", "enhance", "query", "testing", "export")
    ),
]
LOADED_LATER = {
    "flowtable": {
        *("Filter", "MergeContext", "SearchQuery", "TableQuery", "TableReply"),
        *("FlowHandler", "FlowOpts", "FlowUUIDs", "Table", "TableOpts", "TableStatistics", "scan"),
    }
}
STUBS = sorted(PACKAGE.rglob("*.pyi"))


def public_names(module):
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    }


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_the_namespace(name):
    module = importlib.import_module(name)
    later = LOADED_LATER.get(name, set())
    assert public_names(module) | later == set(getattr(module, "__all__", ()))
    assert all(hasattr(module, each) for each in later)
    assert len(set(getattr(module, "__all__", ()))) == len(getattr(module, "__all__", ()))


def modules():
    return [
        name
        for _, name, _ in pkgutil.walk_packages([str(PACKAGE)], "flowtable.")
        if not name.endswith("__main__")
    ]


@pytest.mark.parametrize("name", modules())
def test_what_a_module_lists_is_there(name):
    module = importlib.import_module(name)
    for listed in getattr(module, "__all__", ()):
        assert hasattr(module, listed)


def test_the_front_page_is_short():
    assert len((PACKAGE / "__init__.py").read_text().splitlines()) < 145


def test_types_are_shipped():
    assert (PACKAGE / "py.typed").exists()
    compiled = {path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.pyx")}
    assert compiled
    assert {path.relative_to(PACKAGE).with_suffix("") for path in STUBS} == compiled


def parsed(stub):
    return ast.parse(stub.read_text()).body


def is_class(node):
    return isinstance(node, ast.ClassDef)


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: path.stem)
def test_what_a_stub_names_is_in_the_compiled_module(stub):
    module = importlib.import_module(".".join(stub.relative_to(PACKAGE.parent).with_suffix("").parts))
    assert not str(module.__file__).endswith(".py")
    for node in parsed(stub):
        if isinstance(node, ast.AnnAssign):
            assert hasattr(module, node.target.id)
        elif isinstance(node, ast.FunctionDef):
            assert callable(getattr(module, node.name))
        elif is_class(node):
            check_class(getattr(module, node.name), node)


def check_class(kind, node):
    assert inspect.isclass(kind)
    for member in node.body:
        if isinstance(member, ast.FunctionDef):
            assert hasattr(kind, member.name), f"{node.name}.{member.name}"
        elif isinstance(member, ast.AnnAssign):
            assert hasattr(kind, member.target.id), f"{node.name}.{member.target.id}"


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: path.stem)
def test_no_function_of_a_compiled_module_lacks_in_its_stub(stub):
    module = importlib.import_module(".".join(stub.relative_to(PACKAGE.parent).with_suffix("").parts))
    in_stub = {node.name for node in parsed(stub) if isinstance(node, ast.FunctionDef)}
    functions = {
        name
        for name, value in inspect.getmembers(module, inspect.isroutine)
        if not name.startswith("_") and value.__module__ == module.__name__
    }
    assert functions == in_stub


# ---- errors

TREE = [
    value for value in vars(errors).values() if inspect.isclass(value) and value.__module__ == errors.__name__
]


def test_every_error_is_a_flow_error_and_what_python_expects():
    for kind in TREE:
        if issubclass(kind, Warning):
            assert issubclass(kind, UserWarning)
        else:
            assert issubclass(kind, errors.FlowError)
            parents = [parent for parent in kind.__mro__ if hasattr(builtins, parent.__name__)]
            assert kind is errors.FlowError or parents[0] not in (Exception, object)


def test_the_tree_is_drawn_in_the_docstring():
    for kind in TREE:
        assert kind.__name__ in errors.__doc__
        assert kind.__name__ in errors.__all__


def test_every_module_says_what_it_is():
    for name in modules():
        assert importlib.import_module(name).__doc__ or name.endswith("protocols"), name
