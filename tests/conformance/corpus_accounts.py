"""Read every capture of a folder.

Each frame has to be accounted for, and each flow to be the same as JSON, and when several threads count, and
when flows are given as they end.

Run it as ``python tests/conformance/corpus_accounts.py FOLDER``; it exits with 1 if a capture fails.
"""

from __future__ import annotations

import io
import json
import pathlib
import sys
import warnings

import scans

import flowtable
from flowtable.capture import open_capture


def fault(path: pathlib.Path, *, defrag: bool) -> str | None:
    """What is wrong with the reading of a capture; nothing if it is none."""
    try:
        flows = flowtable.read(path, defrag=defrag, threads=1)
    except flowtable.CaptureError:
        return None
    if not flows.account.adds_up():
        return f"the account does not add up: {flows.account}"
    if open_capture(path).drain() != flows.account.frames:
        return "frames were lost between the capture and the table"
    lines = io.BytesIO()
    flows.write_json(lines)
    if [json.loads(line) for line in lines.getvalue().splitlines()] != [flow.to_dict() for flow in flows]:
        return "JSON and to_dict are not the same"
    if said := scans.fault_of_scan(path, flows, defrag=defrag):
        return said
    return None if defrag else fault_of_threads(path, flows)


def fault_of_threads(path: pathlib.Path, flows: flowtable.FlowSet) -> str | None:
    """What is another way when three threads count."""
    again = flowtable.read(path, threads=3)
    if again.account != flows.account:
        return f"with threads the account is another one: {again.account}"
    if [flow.to_dict() for flow in again] != [flow.to_dict() for flow in flows]:
        return "with threads the flows are other ones, or in another order"
    return None


def main(folder: str) -> int:
    """Look at every file below a folder."""
    warnings.simplefilter("ignore")
    files = sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file())
    faults = [
        (path, said) for path in files for defrag in (False, True) if (said := fault(path, defrag=defrag))
    ]
    for path, said in faults:
        print(f"{path}: {said}")  # noqa: T201 - a command
    print(f"{len(files):,} captures, {len(faults):,} faults")  # noqa: T201
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
