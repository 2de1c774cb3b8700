"""A. What a tool adds to items of 0, 1, 10 and 100 ms."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.peers import dataset, measuring, showing, tools
from benchmarks.peers.job import Job
from benchmarks.peers.lines import Line, spread
from benchmarks.peers.plots import Chart, Curve, curves
from benchmarks.peers.scenarios import Cell, Goal

TITLE = "Overhead"
WORKERS = 2
COUNTS, MILLISECONDS = (1000, 10_000, 100_000), (0, 1, 10, 100)
FEW = 200  # items of 100 ms: a thousand would take longer than LONGEST
LONGEST = 25  # seconds that a cell may take at least
IMPORT = 2.0  # seconds
SLOPE = ((1, 10_000), (10, 1000), (100, FEW))  # the cells of the efficiency
MANY = "100,000 of 0 ms"
INTRODUCTION = """\
Items that do nothing, or sleep so many milliseconds. Each tool has the chunks that suit it when the user knows how
long an item takes. In one cell the user's module takes two seconds to import, in each process that imports it."""
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
    """Return the plots and tables: the cells, what they cost, and how small items may be."""
    many = [line for line in lines if line.cell == MANY]
    made = [cell.name for cell in cells() if any(line.cell == cell.name for line in lines)]
    parts = [INTRODUCTION]
    if many:
        chart = Chart(
            "100,000 items that do nothing", "seconds from the start of the tool to the finished CSV", unit=" s"
        )
        parts.append(showing.bars(plots / "overhead.svg", chart, many, "wall", showing.seconds))
    efficiency = Chart("How small may an item be?", "share of the workers' time that goes into the items", unit="ms")
    found = {tool: efficiencies(lines, tool) for tool in showing.measured(lines)}
    given = [Curve(tools.about(tool).title, showing.kind(tool), points) for tool, points in found.items() if points]
    if given:
        curves(plots / "efficiency.svg", efficiency, given)
        parts.append(f"![{efficiency.title}](plots/efficiency.svg)")
    for figure, heading in (("wall", "All in"), ("steady", "Steady, from ready workers to the CSV")):
        rows = [[showing.title(t), *(_text(lines, c, t, figure) for c in made)] for t in showing.measured(lines)]
        parts += [f"**{heading}**", showing.table(["tool", *made], rows)]
    parts += ["**What an item may be at least, and what 100,000 no-ops cost**", _costs(lines)]
    parts.append(f"Left out, since the items alone would take more than {LONGEST} s: {'; '.join(left_out())}.")
    return "\n\n".join(parts)


def _text(lines: list[Line], cell: str, tool: str, figure: str) -> str:
    return showing.cell_text(showing.of(lines, cell, tool), figure, showing.seconds)


def efficiencies(lines: list[Line], tool: str) -> list[tuple[float, float]]:
    """Return for each length of items in ms the least seconds that they take over those that they took, steady."""
    found = []
    for milliseconds, count in SLOPE:
        took = spread(showing.of(lines, name(milliseconds, count), tool), "steady")
        if took:
            found.append((float(milliseconds), ideal(milliseconds, count) / took.median))
    return found


def smallest(lines: list[Line], tool: str) -> float | None:
    """Return the milliseconds of an item of which half of the workers' time is left.

    Between two measured lengths it is interpolated on the logarithmic axis. Below the shortest it is what one of
    100,000 items that do nothing costs, times the workers: an item of that length would double the time.
    """
    points = efficiencies(lines, tool)
    idle = spread(showing.of(lines, MANY, tool), "steady")
    if not points or points[-1][1] < 0.5:
        return None
    if points[0][1] >= 0.5:
        return idle and min(points[0][0], 1000 * WORKERS * idle.median / 100_000)
    (below, low), (above, high) = next((a, b) for a, b in pairwise(points) if a[1] < 0.5 <= b[1])
    share = (0.5 - low) / (high - low)
    return float(below * (above / below) ** share)


def _costs(lines: list[Line]) -> str:
    forms = {"startup": showing.seconds, "cpu_seconds": showing.seconds}
    forms |= {"driver_mb": showing.megabytes, "workers_mb": showing.megabytes, "files": showing.number}
    rows = []
    for tool in showing.measured(lines):
        least = smallest(lines, tool)
        cells = [showing.cell_text(showing.of(lines, MANY, tool), figure, form) for figure, form in forms.items()]
        rows.append([showing.title(tool), showing.milliseconds(least) if least else "–", *cells])
    head = ["tool", "item at 50 % efficiency", "start", "processor", "driver", "workers", "files"]
    return showing.table(head, rows)


def goals(lines: list[Line]) -> list[Goal]:
    """Return how our overhead stands to the fastest peer's, and to the fastest that survives a crash."""
    mine = spread(showing.of(lines, MANY, showing.OURS), "wall")
    many = [line for line in lines if line.cell == MANY]
    peers = [tool for tool in showing.measured(many) if tool != showing.OURS]
    found = []
    for what, most, names in (
        ("fastest peer of any kind", 1.5, peers),
        ("fastest peer that survives a crash", 1.0, [tool for tool in peers if tools.about(tool).survives]),
    ):
        other = showing.fastest(many, "wall", names)
        figure, met = "–", None
        if mine and other:
            ratio = mine.median / other[1].median
            took = f"{showing.seconds(mine.median)} to {showing.seconds(other[1].median)}"
            figure, met = f"{ratio:.2f}× ({tools.about(other[0]).title}: {took})", ratio <= most
        found.append(Goal("A", f"{MANY}, all in, to the {what}", f"≤ {most:g}×", figure, met))
    return found
