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
COUNTS, MILLISECONDS = (1000, 10_000, 100_000), (0, 1, 10, 100)
FEW = 200  # items of 100 ms: a thousand would take longer than LONGEST
LONGEST = 25  # seconds that a cell may take at least
IMPORT = 2.0  # seconds
# What matters most is measured first, and oftener. The others are of the third priority, one round.
ORDER = {(0, 100_000): (1, 5), (0, 10_000): (1, 5), (1, 10_000): (1, 3), (10, 1000): (2, 3), (0, 1000): (2, 3)}


def cells() -> list[Cell]:
    found = [_cell(ms, count) for count in COUNTS for ms in MILLISECONDS if ideal(ms, count) <= LONGEST]
    return [*found, _cell(100, FEW), _cell(0, 10_000, IMPORT)]


def left_out() -> list[str]:
    """Return the names of the cells that would take too long."""
    return [name(ms, count) for count in COUNTS for ms in MILLISECONDS if ideal(ms, count) > LONGEST]


def ideal(milliseconds: float, count: int) -> float:
    return count * milliseconds / 1000 / WORKERS


def name(milliseconds: float, count: int, import_seconds: float = 0) -> str:
    return f"{count:,} of {milliseconds:g} ms" + (f", import {import_seconds:g} s" if import_seconds else "")


def _cell(milliseconds: float, count: int, import_seconds: float = 0) -> Cell:
    seconds = ideal(milliseconds, count)
    priority, rounds = ORDER.get((milliseconds, count), (3, 1)) if not import_seconds else (2, 3)
    arguments = {"count": count, "milliseconds": milliseconds, "import_seconds": import_seconds}
    cell = name(milliseconds, count, import_seconds)
    return Cell("A", cell, seconds + import_seconds, 45 + 2 * seconds, rounds, priority, arguments)


def measure(tool: str, cell: Cell, folder: str) -> dict[str, Any]:
    count, milliseconds = cell.arguments["count"], cell.arguments["milliseconds"]
    items = dataset.write(folder, dataset.plain(count, milliseconds))
    workload = "sleep" if milliseconds else "noop"
    arguments = {"item_seconds": milliseconds / 1000, "count": count}
    job = Job(workload, items, folder, WORKERS, 0, cell.arguments["import_seconds"], arguments)
    return measuring.run(tool, job, cell.deadline).figures()


def section(lines: list[Line], plots: Path) -> str:
    return ""


def goals(lines: list[Line]) -> list[Goal]:
    return []
