"""B. How near a run with few very long items comes to the least time that is possible."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from benchmarks.peers import dataset, measuring
from benchmarks.peers.job import Job
from benchmarks.peers.lines import Line
from benchmarks.peers.scenarios import Cell, Goal

TITLE = "Heavy tail"
SLEEPERS = 32
COUNT, MEDIAN = 20_000, 16.0  # milliseconds; a run takes at least 21 s
COPIES = 3
GOAL = 1.05
CIF, LOOP = "real CIF features", "the same in a plain loop"


def cells() -> list[Cell]:
    copies = {"copies": COPIES}
    found = [Cell("B", CIF, 9, 90, arguments=copies), Cell("B", LOOP, 18, 90, arguments=copies, only=("plain_loop",))]
    for priority, order in enumerate(dataset.ORDERS, 2):
        ideal = bound(dataset.heavy_tail(COUNT, MEDIAN, order), SLEEPERS)
        found.append(Cell("B", order, ideal, 4 * ideal, 2, priority, {"order": order, "count": COUNT}))
    return found


def bound(milliseconds: list[float], workers: int) -> float:
    """Return the least seconds that any plan takes."""
    return max(sum(milliseconds) / workers, *milliseconds) / 1000


def measure(tool: str, cell: Cell, folder: str) -> dict[str, Any]:
    if "copies" in cell.arguments:
        items = dataset.zeolites(folder, cell.arguments["copies"])
        job = Job("cif", items, folder, 1 if cell.only else 2, arguments={"item_seconds": 0.1})
    else:
        milliseconds = dataset.heavy_tail(cell.arguments["count"], MEDIAN, cell.arguments["order"])
        items = dataset.write(folder, dataset.timed(milliseconds))
        mean = sum(milliseconds) / len(milliseconds) / 1000
        job = Job("sleep", items, folder, SLEEPERS, arguments={"item_seconds": mean})
    figures = measuring.run(tool, job, cell.deadline).figures()
    return {**figures, **makespan(Path(folder, "table.csv"), job.workers)} if figures["finished"] else figures


def makespan(table: Path, workers: int) -> dict[str, float]:
    """Return the seconds from the first item's beginning to the last one's end, over the least that is possible.

    The items' own seconds are as measured in this very run: a busy machine lengthens both.
    """
    with open(table, newline="") as file:
        times = [(float(row["begun"]), float(row["ended"])) for row in csv.DictReader(file)]
    took = [ended - begun for begun, ended in times]
    span = max(ended for _, ended in times) - min(begun for begun, _ in times)
    ideal = max(sum(took) / workers, *took)
    return {"makespan": round(span, 3), "bound": round(ideal, 3), "ratio": round(span / ideal, 4)}


def section(lines: list[Line], plots: Path) -> str:
    return ""


def goals(lines: list[Line]) -> list[Goal]:
    return []
