"""A. What a tool adds to items of 0, 1, 10 and 100 ms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.peers import dataset, measuring
from benchmarks.peers.job import Job
from benchmarks.peers.lines import Line
from benchmarks.peers.scenarios import Cell, Goal

TITLE = "Overhead"
WORKERS = 2
LONGEST = 26  # seconds that a cell may take at least


def cells() -> list[Cell]:
    found = []
    for count in (1000, 10_000, 100_000):
        for milliseconds in (0, 1, 10, 100):
            ideal = count * milliseconds / 1000 / WORKERS
            if ideal <= LONGEST:
                arguments = {"count": count, "milliseconds": milliseconds, "import_seconds": 0}
                found.append(Cell("A", f"{milliseconds} ms x {count}", ideal, 60 + 2 * ideal, arguments=arguments))
    return found


def measure(tool: str, cell: Cell, folder: str) -> dict[str, Any]:
    count, milliseconds = cell.arguments["count"], cell.arguments["milliseconds"]
    items = dataset.write(folder, dataset.plain(count, milliseconds))
    workload = "sleep" if milliseconds else "noop"
    job = Job(workload, items, folder, WORKERS, import_seconds=cell.arguments["import_seconds"])
    return measuring.run(tool, job, cell.deadline).figures()


def section(lines: list[Line], plots: Path) -> str:
    return ""


def goals(lines: list[Line]) -> list[Goal]:
    return []
