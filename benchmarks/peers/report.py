"""Makes REPORT.md and its plots from the measurements, and from nothing else."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import lines, losses, tools
from benchmarks.peers.lines import Line, Spread
from benchmarks.peers.scenarios import MODULES, Goal, load
from benchmarks.peers.showing import measured, title

HEAD = """\
# Measured beside what people use today

`make bench-peers` makes this page. Each tool does the same work under the same obligations: every result and every
error is on disk, in a file that is forced there at least every half second, before one CSV is made in the dataset's
order. Two workers, one thread each, every tool as its documentation advises ([how](#the-tools)). The tools take turns
within each round; each run has a fresh process, home and folder. A figure is the median, and the range stands beside
it; where there were fewer than five runs, n says how many. We publish where we lose.
"""
READING = """\
**How it is measured.** *All in* counts from the start of the tool's process, hence with interpreter, imports,
daemons and workers, to the finished CSV. *Steady* counts from the moment when the workers can take work; GNU
parallel, submitit and disBatch have no workers before the work and start a process for each chunk, so that they are
ready at once and their *steady* holds those starts. *First* is when the first result was on disk. Processor seconds
are those of every process that descends from the tool, also of daemons. Memory is the proportional set size, sampled
five times a second: a page that n processes share counts as an nth. *Driver* is the process that the user starts,
*workers* are all others at one moment, *together* is the most of all at one moment. *Files* are those that are left
in the end, without the items. A tool that is not done at its deadline says so, and is not tried again.
"""


def write(results: Path, folder: Path) -> Path:
    """Write the report into a folder; return its path."""
    found = lines.read(results)
    plots = folder / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    parts = [HEAD]
    if found:
        parts += ["## Goals\n", _goals(found), _conditions(found), READING]
        parts += ["## Where others are ahead\n", losses.text(found)]
        for letter in MODULES:
            own = [line for line in found if line.scenario == letter]
            if own and (scenario := load(letter)):
                parts += [f"## {letter}. {scenario.TITLE}\n", scenario.section(own, plots)]
        parts += ["## The tools\n", _tools(found)]
    path = folder / "REPORT.md"
    path.write_text("\n".join(part.rstrip() + "\n" for part in parts))
    return path


def _goals(found: Sequence[Line]) -> str:
    goals: list[Goal] = []
    for letter in MODULES:
        own = [line for line in found if line.scenario == letter]
        if own and (scenario := load(letter)):
            goals += scenario.goals(own)
    words = {True: "met", False: "**missed**", None: "not measured"}
    rows = [(goal.scenario, goal.what, goal.goal, goal.figure, words[goal.met]) for goal in goals]
    lines = ["| | what | goal | figure | |", "|---|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


def _conditions(found: Sequence[Line]) -> str:
    machine = Counter(line.machine for line in found).most_common(1)[0][0]
    days = sorted({time.strftime("%Y-%m-%d", time.gmtime(line.time)) for line in found})
    load = Spread.of(line.load for line in found)
    assert load
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    others = len({line.machine for line in found}) - 1
    more = f" {others} other machines or systems took part." if others else ""
    loads = f"median {load.median:.1f}, {load.low:.1f} to {load.high:.1f}"
    return f"{len(found)} runs, {when}; {machine}.{more} Load of the machine, the runs' own included: {loads}."


def _tools(found: Sequence[Line]) -> str:
    rows = []
    for tool in measured(found):
        versions = sorted({line.version for line in found if line.tool == tool})
        about = tools.about(tool)
        rows.append((title(tool), ", ".join(versions), about.configuration, "yes" if about.survives else "no"))
    head = ("tool", "version", "how it is used", "goes on when an item kills its process")
    lines = [f"| {' | '.join(head)} |", "|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    missing = [tools.about(name).title for name in tools.names() if name not in {line.tool for line in found}]
    return "\n".join([*lines, "", f"Not measured: {', '.join(missing)}." if missing else ""])
