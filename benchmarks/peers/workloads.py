"""What is done to each item: the user's own module, as it were, imported by every process that runs it.

An item is one line of text. What a function returns is a flat dict: one row of the table.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

time.sleep(float(os.environ.get("PEERS_IMPORT_SECONDS", "0")))  # a user's module that imports something heavy


def noop(line: str) -> dict[str, Any]:
    """Do nothing; return a row as it may be."""
    return {"name": "noop", "length": len(line), "ratio": 0.5, "count": 3, "flag": True}


def sleep(line: str) -> dict[str, Any]:
    """Wait; the item ends with its milliseconds, as in `item_0007-12.5`."""
    begun = time.time()
    time.sleep(float(line.rpartition("-")[2]) / 1000)
    return {"begun": begun, "ended": time.time()}


def spin(line: str) -> dict[str, Any]:
    """Compute for so many milliseconds of this process's own time."""
    begun, until = time.time(), time.process_time() + float(line.rpartition("-")[2]) / 1000
    while time.process_time() < until:
        pass
    return {"begun": begun, "ended": time.time()}


def cif(line: str) -> dict[str, Any]:
    """Return the features and labels of examples/zeolites.ipynb; the harness has put them into a module."""
    import zeolites

    begun = time.time()
    features, labels = zeolites._process_input(line), zeolites._process_output(line)
    row = {**features, **{f"output.{name}": value for name, value in labels.items()}}
    return {**row, "begun": begun, "ended": time.time()}


def poison(line: str) -> dict[str, Any]:
    """Do the harm that the item asks for."""
    from benchmarks.peers import harm

    return harm.do(line)


def witness(line: str) -> dict[str, Any]:
    """Sleep, and note on the side that the item begins and ends."""
    from benchmarks.peers import witness

    return witness.do(line)


WORKLOADS: dict[str, Callable[[str], dict[str, Any]]] = {
    "noop": noop,
    "sleep": sleep,
    "spin": spin,
    "cif": cif,
    "poison": poison,
    "witness": witness,
}


def attempt(workload: str, line: str) -> dict[str, Any]:
    """Return the item's row, or what a careful user makes of its exception: `error` (its kind) and `reason`."""
    try:
        return WORKLOADS[workload](line)
    except Exception as error:
        return {"error": type(error).__name__, "reason": str(error)}
