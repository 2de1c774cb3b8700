"""E. One million items that do nothing: first result, memory, merge, files, and what the browser is sent meanwhile."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.peers import browser, dataset, measuring
from benchmarks.peers.job import Job
from benchmarks.peers.lines import Line
from benchmarks.peers.scenarios import Cell, Goal

TITLE = "One million items"
COUNT = 1_000_000
DEADLINE = 150
MEMORY_GOAL, FILES_GOAL = 500, 50
RUN, BROWSER = "one million no-ops", "the browser's share"


def cells() -> list[Cell]:
    return [
        Cell("E", RUN, 20, DEADLINE, 1, 2, {"count": COUNT}),
        Cell("E", BROWSER, 30, DEADLINE, 1, 2, {"count": COUNT}, only=("featx",)),
    ]


def measure(tool: str, cell: Cell, folder: str) -> dict[str, Any]:
    items = dataset.write(folder, dataset.plain(cell.arguments["count"]))
    job = Job("noop", items, folder, 2, arguments={"count": cell.arguments["count"]})
    if cell.name == BROWSER:
        return _watched(tool, job, cell.deadline)
    figures = measuring.run(tool, job, cell.deadline).figures()
    marks = job.marks()
    if "merging" in marks and "done" in marks:
        figures["merge"] = round(marks["done"] - marks["merging"], 3)
    return figures


def _watched(tool: str, job: Job, deadline: float) -> dict[str, Any]:
    """Run the job while a Jupyter server shows it; count what a browser that listens is sent."""
    home = Path(job.folder, "featx")
    home.mkdir()
    with browser.listening(Path(job.folder), home) as counted:
        begun = time.time()
        code = measuring.start(tool, job).wait(deadline)
        seconds = time.time() - begun
        time.sleep(1.5)  # the last snapshot is on its way
        received = counted()
    measuring.end_all()
    figures = {"finished": code == 0, "wall": round(seconds, 3), "bytes": received}
    return {**figures, "bytes_per_second": round(received / seconds)}


def section(lines: list[Line], plots: Path) -> str:
    return ""


def goals(lines: list[Line]) -> list[Goal]:
    return []
