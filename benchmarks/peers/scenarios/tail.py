"""B. How near a run with few very long items comes to the least time that is possible."""

from __future__ import annotations

import csv
import heapq
import random
from pathlib import Path
from typing import Any

from benchmarks.peers import dataset, measuring, showing
from benchmarks.peers.job import Job
from benchmarks.peers.lines import Line, spread
from benchmarks.peers.plots import Chart
from benchmarks.peers.scenarios import Cell, Goal

TITLE = "Heavy tail"
SLEEPERS = 32
COUNT, MEDIAN = 20_000, 16.0  # milliseconds; a run takes at least 21 s
COPIES = 3
GOAL = 1.05
PLOTS = (("random", "random", "32 sleepers, random order"), ("dearest", "dearest first", "32 sleepers, dearest first"))
INTRODUCTION = """\
{count:,} items that sleep, on {sleepers} workers: lognormal (median {median:g} ms, sigma 1) and 0.5 % of a hundred
times the median; once in random order, once in an order that goes with their cost. And the features of 78 real
zeolites, each {copies} times, on two workers. The ideal is the larger of the sum over the workers and the longest
item, by the seconds that the items took in the very same run, so that it is the tool's part alone that is seen;
beside it stands what a plain loop needs, over two. Who cannot know beforehand what an item will take does not reach
it: to give the sleepers in random order each to the first free worker, at no cost at all, comes to {unknowing:.2f}×
(the mean of {tries} orders)."""
TRIES = 20
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


def unknowing() -> float:
    """Return the mean makespan, over the ideal, of random orders each given to the first free worker at no cost."""
    milliseconds = dataset.heavy_tail(COUNT, MEDIAN, "random")
    chance, found = random.Random(1), []
    for _ in range(TRIES):
        chance.shuffle(milliseconds)
        free = [0.0] * SLEEPERS
        for each in milliseconds:
            heapq.heapreplace(free, free[0] + each)
        found.append(max(free) / 1000 / bound(milliseconds, SLEEPERS))
    return sum(found) / TRIES


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
    """Return a plot and a table of how far each tool is from the ideal."""
    facts = {"sleepers": SLEEPERS, "median": MEDIAN, "copies": COPIES, "unknowing": unknowing(), "tries": TRIES}
    parts = [INTRODUCTION.format(count=COUNT, **facts)]
    for name, cell, what in (("cif", CIF, "the features of real structures, two workers"), *PLOTS):
        own = [line for line in lines if line.cell == cell]
        if own:
            subtitle = "from the first item's beginning to the last one's end, over the least seconds possible (1×)"
            chart = Chart(f"Heavy tail: {what}", subtitle, GOAL, f"goal {GOAL}", 1.0, "×")
            parts.append(showing.bars(plots / f"tail-{name}.svg", chart, own, "ratio", showing.times))
    cells = [CIF, *dataset.ORDERS]
    rows = []
    for tool in showing.measured(lines):
        own = [showing.of(lines, cell, tool) for cell in cells]
        loop = to_loop(lines, tool)
        real = [showing.times(loop) if loop else "–", showing.cell_text(own[0], "wall", showing.seconds)]
        rows.append([showing.title(tool), *(showing.cell_text(each, "ratio", showing.times) for each in own), *real])
    head = ["tool", f"{CIF}, to the ideal", *(f"{SLEEPERS} sleepers, {order}" for order in dataset.ORDERS)]
    return "\n\n".join([*parts, showing.table([*head, "CIF to half a plain loop", "CIF, all in"], rows)])


def to_loop(lines: list[Line], tool: str) -> float | None:
    """Return the makespan of the real features over half of what one process needs for them in a loop."""
    mine = spread(showing.of(lines, CIF, tool), "makespan")
    loop = spread(showing.of(lines, LOOP, "plain_loop"), "makespan")
    return mine.median / (loop.median / 2) if mine and loop else None


def goals(lines: list[Line]) -> list[Goal]:
    """Return our makespans over the ideal."""
    found = []
    for cell in (CIF, *dataset.ORDERS):
        mine = spread(showing.of(lines, cell, showing.OURS), "ratio")
        what = cell if cell == CIF else f"{SLEEPERS} sleepers, {cell}"
        figure = mine.text(showing.times) if mine else "–"
        found.append(Goal("B", f"{what}: makespan to the ideal", f"≤ {GOAL}×", figure, mine and mine.median <= GOAL))
    return found
