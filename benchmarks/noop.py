"""The smallest job: a function that does nothing, over as many items as asked for, run as a user would run it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_featx.client import Job

TEMPLATE = """\
def _process_input(path):
    return {"name": "noop", "length": len(path), "ratio": 0.5, "count": 3, "flag": True}
"""
REAL = 10_000  # so many items are files; the others are names in the same folder, which is looked at just the same


def noop(path: str) -> dict[str, Any]:
    """Return what TEMPLATE returns."""
    return {"name": "noop", "length": len(path), "ratio": 0.5, "count": 3, "flag": True}


def paths(folder: str, count: int) -> list[str]:
    return [f"{folder}/items/structure_{number:07}.cif" for number in range(count)]


def write_items(folder: str, count: int) -> None:
    """Make the files that there are among the items."""
    Path(folder, "items").mkdir()
    for path in paths(folder, min(count, REAL)):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))


@contextmanager
def home(folder: str) -> Iterator[None]:
    """Keep the jobs in this folder, and nothing in the user's own."""
    before = os.environ.get("FEATX_HOME")
    os.environ["FEATX_HOME"] = f"{folder}/home"
    try:
        yield
    finally:
        os.environ.pop("FEATX_HOME")
        if before is not None:
            os.environ["FEATX_HOME"] = before


def run(folder: str, count: int, look: Callable[[Job], object] = lambda job: None) -> tuple[Job, dict[str, float]]:
    """Submit and wait; return the job and the times of each part in seconds, `total` as the user waits for it.

    `look` is called with the job as soon as it is submitted.
    """
    import jupyter_featx as featx

    given = paths(folder, count)
    with home(folder):
        begun = time.time()
        job = featx.submit(TEMPLATE, given, cores=2, preflight=False)
        look(job)  # type: ignore[arg-type]
        status = job.wait()  # type: ignore[union-attr]
        total = time.time() - begun
    assert status.done == count, status
    return job, _parts(job.path / "events", begun, total)  # type: ignore[return-value,union-attr]


def _parts(folder: Path, begun: float, total: float) -> dict[str, float]:
    """Return the seconds of each part, from what the job wrote down of itself."""
    from jupyter_featx import events

    found = events.read(folder)
    times = {type(event).__name__: event.time for event in found}  # of each kind the last: the run ends with a Progress
    return {
        "total": total,
        "submit": times["Submitted"] - begun,
        "start": times["Started"] - times["Submitted"],
        "run": times["Progress"] - times["Started"],
        "merge": times["Merged"] - times["Progress"],
        "notice": begun + total - times["Merged"],
    }
