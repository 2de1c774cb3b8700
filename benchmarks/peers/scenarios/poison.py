"""C. A thousand items, eighty of them guilty: who is lost, who is named, and whether anybody has to be there.

Eight kinds of harm, ten items each. Every tool has its own protection turned on where it has one: a limit of time for
an item, a limit of memory, new workers, retries. Chunks are of one item, so that none takes its neighbours along. A
tool that brings no new row for `STALL_SECONDS` and starts no process hangs: it is ended, and what is on disk counts.
"""

from __future__ import annotations

import csv
import re
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers import dataset, durable, harm, lines, measuring, tools
from benchmarks.peers.job import Job
from benchmarks.peers.lines import Line
from benchmarks.peers.scenarios import Cell, Goal

TITLE = "Poison"
ALL, INNOCENT = "poison", "innocents alone"
TIMEOUT_SECONDS, MEMORY_MB = 4, 500
DEADLINE, STALL_SECONDS = 600, 30  # some tools start a Python for each item; what hangs is ended before
OWN_CHUNKS = ("featx", "submitit")  # they find the guilty item of a chunk
ERRORS = [kind for kind in harm.KINDS if kind not in (harm.OK, "nan")]
_DIED = r"crash|signal|sigkill|sigsegv|exit|terminat|died|lost|killed|broken|engine|worker|uncompleted|shut ?down"
_TIME = r"timed?[ -]?out|time limit|walltime"
RIGHT = {  # what a fitting name says, of whatever tool: error and reason together
    "raise": r"poison in",
    "segv": _DIED,
    "exit": _DIED,
    "hog": rf"memory|{_DIED}",
    "loop": _TIME,
    "blocked": _TIME,
    "unpicklable": r"pickl|serializ|_thread.lock|bad-value",
}


def cells() -> list[Cell]:
    return [
        Cell("C", INNOCENT, 25, DEADLINE, arguments={"kinds": [harm.OK]}),
        Cell("C", ALL, 60, DEADLINE, arguments={"kinds": list(harm.KINDS)}),
    ]


def measure(tool: str, cell: Cell, folder: str) -> dict[str, Any]:
    names = [name for name in harm.items() if harm.kind(name) in cell.arguments["kinds"]]
    protection = {
        "timeout": TIMEOUT_SECONDS,
        "memory_mb": MEMORY_MB,
        "submit": {"item_timeout": TIMEOUT_SECONDS, "item_memory": f"{MEMORY_MB}M"},
    }
    chunk = 0 if tool in OWN_CHUNKS else 1
    job = Job("poison", dataset.write(folder, names), folder, chunk=chunk, arguments=protection)
    cost = measuring.run(tool, job, cell.deadline, lambda process: end_when_stalled(process, job))
    return {**cost.figures(), **judge(job.lines(), outcomes(job))}


def end_when_stalled(process: psutil.Process, job: Job, seconds: float = STALL_SECONDS) -> None:
    """Kill a tool's driver when no row and no new process has come for so long; the first may take three times that."""
    size, since = -1, time.monotonic()
    known, before = set[int](), set[int]()
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        now, running = written(job), {each.pid for each in psutil.Process().children(recursive=True)}
        started = (running & before) - known  # seen twice: a look at the state of something is no work
        if now != size or started:
            size, since = now, time.monotonic()
        known, before = known | started, running
        if time.monotonic() - since > (seconds if size else 3 * seconds):
            process.kill()
            return
        time.sleep(0.5)


def written(job: Job) -> int:
    """Return how many bytes of rows there are on disk."""
    places = ("rows/*.jsonl", "featx/jobs/*/shards/*.jsonl")
    return sum(path.stat().st_size for place in places for path in Path(job.folder).glob(place))


def outcomes(job: Job) -> dict[str, dict[str, Any]]:
    """Return what the user has of each item in the end: the tables, else the rows on disk."""
    tables = [Path(job.folder, f"{name}.csv") for name in ("table", "errors")]
    if not all(path.exists() for path in tables):
        items = job.lines()
        return {items[number]: row for number, row in durable.read(job).items()}
    good, bad = map(_read, tables)
    found: dict[str, dict[str, Any]] = {row["item"]: row for row in good}
    for row in bad:
        reason = " ".join(str(value) for name, value in row.items() if name not in ("item", "kind"))
        found[row["item"]] = {"error": row["kind"], "reason": reason}
    return found


def _read(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as lines:
        return list(csv.DictReader(lines))


def judge(items: Sequence[str], found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Count innocents that are lost or accused, and the guilty that are named: by item, and with the right kind."""
    total, named, right = Counter(map(harm.kind, items)), Counter[str](), Counter[str]()
    lost = accused = nan_kept = 0
    for item in items:
        kind, row = harm.kind(item), found.get(item)
        error = f"{row['error']} {row.get('reason', '')}" if row and "error" in row else ""
        if kind == harm.OK:
            lost += row is None or bool(error)
            accused += bool(error)
        elif kind == "nan":
            nan_kept += row is not None and not error and "nan" in {str(value).lower() for value in row.values()}
        else:
            named[kind] += bool(error)
            right[kind] += bool(error) and bool(re.search(RIGHT[kind], error, re.IGNORECASE))
    return {
        "innocents": total[harm.OK],
        "lost": lost,
        "accused": accused,
        "guilty": sum(total[kind] for kind in ERRORS),
        "named": sum(named.values()),
        "right": sum(right.values()),
        "nan": total["nan"],
        "nan_kept": nan_kept,
        "right_by_kind": {kind: right[kind] for kind in ERRORS},
    }


def perfect(figures: Mapping[str, Any]) -> bool:
    """Whether nobody was lost or accused, all guilty are rightly named, every NaN is there, and nobody had to help."""
    whole = figures["right"] == figures["guilty"] and figures["nan_kept"] == figures["nan"]
    return bool(figures["finished"] and not figures["lost"] and whole)


def wasted(made: Sequence[Line], tool: str) -> float | None:
    """Return the seconds beyond those of the innocents alone, by the medians; None where one did not finish."""
    walls = [
        lines.spread((line for line in made if (line.tool, line.cell) == (tool, cell)), "wall")
        for cell in (ALL, INNOCENT)
    ]
    return walls[0].median - walls[1].median if walls[0] and walls[1] else None


def worst(made: Sequence[Line], tool: str, cell: str = ALL) -> dict[str, Any] | None:
    """Return the figures of a tool's run that lost and missed most."""
    runs = [
        line.figures
        for line in made
        if (line.scenario, line.tool, line.cell) == ("C", tool, cell) and "lost" in line.figures
    ]
    return max(runs, key=lambda run: (run["lost"], -run["right"], run["wall"])) if runs else None


def table(made: Sequence[Line]) -> str:
    """Return the Markdown table: each tool's worst run."""
    head = [
        "tool",
        "innocents lost",
        "guilty named",
        "with the right kind",
        *ERRORS,
        "NaN kept",
        "unattended",
        "seconds wasted",
        "runs",
    ]
    rows = [_row(made, tool) for tool in tools.names() if worst(made, tool)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def _row(made: Sequence[Line], tool: str) -> list[str]:
    run = worst(made, tool)
    assert run
    seconds = wasted(made, tool)
    runs = sum((line.scenario, line.tool, line.cell) == ("C", tool, ALL) for line in made)
    return [
        tools.about(tool).title,
        f"{run['lost']} of {run['innocents']}" + (f" ({run['accused']} accused)" if run["accused"] else ""),
        f"{run['named']} of {run['guilty']}",
        f"{run['right']} of {run['guilty']}",
        *(str(run["right_by_kind"][kind]) for kind in ERRORS),
        f"{run['nan_kept']} of {run['nan']}",
        "yes" if run["finished"] else f"no: {_why(run)}",
        "–" if seconds is None else f"{seconds:.0f}",
        str(runs),
    ]


def _why(run: Mapping[str, Any]) -> str:
    """Return how a run ended that made no table."""
    return "ended by hand" if run.get("exit_code") in (None, -signal.SIGKILL) else "it gave up"


def section(made: list[Line], plots: Path) -> str:
    """Return this scenario's part of the report."""
    ours = [line for line in made if line.scenario == "C"]
    return f"{TEXT}\n\n{table(ours)}\n" if ours else ""


def goals(made: list[Line]) -> list[Goal]:
    ours = [line for line in made if line.scenario == "C"]
    run = worst(ours, "featx")
    figure = f"{run['lost']} lost, {run['right']} of {run['guilty']} named" if run else ""
    return [Goal("C", "innocents lost; guilty rightly named", "0; all", figure, perfect(run) if run else None)]


TEXT = f"""\
1,000 items: 920 innocent ones of {harm.OK_SECONDS * 1000:.0f} ms, and ten each of eight kinds of harm, in one random
order: raises an exception; SIGSEGV; `os._exit`; grows to {harm.HOG_MB} MB and is then killed as by the kernel; loops
for ever; waits for ever for a program that it started; returns NaN; returns what cannot be pickled or written. Every
tool runs chunks of one item, with the protection that it has itself (limit of {TIMEOUT_SECONDS} s for an item, limit
of {MEMORY_MB} MB, new workers, a retry). NaN is data: it must be in the table as NaN. A name is right when it says
of the right item what kind of end it came to, in the tool's own words: a process that died for a crash, also for the
one that took too much memory; a limit of time for the loop and the wait. A tool that brought no row and started no
process for {STALL_SECONDS} s was ended by hand, another may give up by itself; what it had on disk counts. Seconds
wasted: the run's beyond those of the same tool with the innocents alone. Of several runs, the worst is shown."""
