"""Flows of a source that no path names."""

from inspect import signature

from flowtable.flow._flow import Records
from flowtable.flow.flowset import FlowSet
from flowtable.table._engine import Engine
from flowtable.table.options import EngineOptions
from flowtable.table.reader import make_account, read

DEFAULTS = {
    name: option.default
    for name, option in signature(read).parameters.items()
    if name in signature(EngineOptions.checked).parameters
}


def flows_of(source, **options):
    """Read a source to its end, as ``read`` does with a capture."""
    checked = EngineOptions.checked(**DEFAULTS | options)
    records = Records("", "", checked.filled, checked.limits)
    engine = Engine(records, checked, None)
    assert engine.run(source) == "done"
    return FlowSet(records, make_account(engine.counts(), records, source), engine.rows())
