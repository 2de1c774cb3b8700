"""E. One million items that do nothing: first result, memory, merge, files, and what the browser is sent meanwhile."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.peers import browser, dataset, measuring, showing
from benchmarks.peers.job import Job
from benchmarks.peers.lines import Line, spread
from benchmarks.peers.plots import Chart
from benchmarks.peers.scenarios import Cell, Goal

TITLE = "One million items"
COUNT = 1_000_000
DEADLINE = 150
MEMORY_GOAL, FILES_GOAL = 500, 50
INTRODUCTION = """\
One million items that do nothing, two workers. *Merge* is from the last result to the CSV. Of the tools, this one
alone shows in the browser how far the job is; *to the browser* is what its events send, on average, to one open
page. The other tools send nothing there as they are used here."""
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
    """Return a plot of the memory and a table of everything."""
    own = [line for line in lines if line.cell == RUN]
    chart = Chart("One million items: memory", "the most that all processes held at one moment", MEMORY_GOAL,
                  f"goal {MEMORY_GOAL} MB", unit=" MB")  # fmt: skip
    parts = [INTRODUCTION, showing.bars(plots / "million.svg", chart, own, "together_mb", showing.megabytes)]
    forms = dict.fromkeys(("first", "wall", "merge", "cpu_seconds"), showing.seconds)
    forms |= dict.fromkeys(("driver_mb", "workers_mb", "together_mb"), showing.megabytes) | {"files": showing.number}
    rows = []
    for tool in showing.measured(own):
        mine = showing.of(own, RUN, tool)
        sent = spread(showing.of(lines, BROWSER, tool), "bytes_per_second")
        texts = [spread(mine, figure) for figure in forms]
        cells = [have.text(form) if have else "–" for have, form in zip(texts, forms.values(), strict=True)]
        cells[1] = showing.cell_text(mine, "wall", showing.seconds)
        rows.append([showing.title(tool), *cells, f"{sent.median:,.0f} B/s" if sent else "none"])
    head = ["tool", "first", "all in", "merge", "processor", "driver", "workers", "together", "files", "to the browser"]
    return "\n\n".join([*parts, showing.table(head, rows)])


def goals(lines: list[Line]) -> list[Goal]:
    """Return our memory and files."""
    found = []
    mine = showing.of(lines, RUN, showing.OURS)
    for what, figure, most, form in (
        ("memory of all processes together", "together_mb", MEMORY_GOAL, showing.megabytes),
        ("files", "files", FILES_GOAL, showing.number),
    ):
        have = spread(mine, figure)
        met = have and have.median <= most
        found.append(Goal("E", f"{RUN}: {what}", f"≤ {form(most)}", form(have.median) if have else "–", met))
    return found
