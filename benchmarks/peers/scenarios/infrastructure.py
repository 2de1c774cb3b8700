"""D. Half way through ten seconds of work something is killed: what is lost, doubled or done twice, and who goes on.

The victims: a worker process; the rank, driver or scheduler, whatever holds the run together; the notebook's kernel
that runs the tool in a cell; the Jupyter server above that kernel. Then nobody does anything until no item has ended
for `STALL_SECONDS`. When the table is not whole by then, a person has to: the steps are counted and done.
"""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers import dataset, durable, hosts, measuring, tools, tree, witness
from benchmarks.peers.job import Job
from benchmarks.peers.lines import Line
from benchmarks.peers.scenarios import Cell, Goal

TITLE = "Infrastructure"
COUNT, MILLISECONDS = 400, 50
DEADLINE, STALL_SECONDS = 90.0, 15.0
START_SECONDS = 180.0  # until half of the items have ended
VICTIMS = {"worker": "script", "rank or driver": "script", "kernel": "kernel", "server": "server"}
HEARTS = {  # what holds a run together, where it is not the driver's own process: a part of its command line
    "featx": r"jupyter_featx\.worker",
    "parsl": r"interchange",
    "mpi4py_futures": r"^\S*python\S* -m mpi4py\.futures",  # rank 0, which was started first
    "ipyparallel": r"ipyparallel\.controller",
    "gnu_parallel": r"/parallel ",
    "disbatch": r"disBatch",
}

LOGS = {  # where a tool writes how each task ended, and what a line of a failed one looks like
    "gnu_parallel": ("joblog", r"^\d+\t(?:[^\t]*\t){5}(?!0\t0\t)"),
    "disbatch": ("disbatch/run_status.txt", r"^[^\t]*R"),
}


def cells() -> list[Cell]:
    ideal = COUNT * MILLISECONDS / 2000
    return [Cell("D", name, ideal + 10, DEADLINE, arguments={"host": host}) for name, host in VICTIMS.items()]


@dataclass
class Run:
    """One run of a tool, watched."""

    tool: str
    job: Job
    environment: dict[str, str]

    @property
    def notes(self) -> Path:
        return Path(self.environment[witness.FILE])

    def seen(self) -> list[witness.Seen]:
        return witness.read(self.notes)

    def table(self) -> Counter[str]:
        """Return how often each item is in the result that the user has now."""
        path = Path(self.job.folder, "table.csv")
        if path.exists() and "done" in self.job.marks():
            with open(path, newline="") as file:
                return Counter(row["item"] for row in csv.DictReader(file))
        lines = self.job.lines()
        return Counter(lines[number] for number, row in durable.read(self.job).items() if "error" not in row)

    def whole(self) -> bool:
        """Whether the tool has made its table, with every item once."""
        return "done" in self.job.marks() and self.table() == Counter(self.job.lines())


def prepare(tool: str, folder: str, names: Sequence[str], notes: str | None = None) -> Run:
    """Write the dataset and the job."""
    job = Job("witness", dataset.write(folder, names), folder, arguments={"item_seconds": MILLISECONDS / 1000})
    job.write(f"{folder}/job.json")
    mark = {witness.FILE: notes or f"{folder}/witness.txt", tree.MARK: folder}
    return Run(tool, job, {**measuring.environment(job), **mark})


def measure(tool: str, cell: Cell, folder: str) -> dict[str, Any]:
    run = prepare(tool, folder, dataset.plain(COUNT, MILLISECONDS))
    begun, host = time.time(), None
    measuring.adopt(False)  # orphans go where a user's go: some processes end when they become init's
    try:
        host = hosts.HOSTS[cell.arguments["host"]](tool, f"{folder}/job.json", run.environment)
        workers = half_way(run, host, begun + START_SECONDS)
        before = _ended(run)
        victim = host.pid if cell.name in ("kernel", "server") else find(run, cell.name, host, workers)
        killed, what, item = time.time(), _what(victim), witness.running(run.seen()).get(victim)
        os.kill(victim, signal.SIGKILL)
        noticed = watch(run, host, item, killed, killed + cell.deadline)
        figures = {"killed": what, "ended_before": before, "noticed": noticed}
        figures |= finish(run)
        return {**figures, "wall": round(time.time() - begun, 2)}
    finally:
        tree.end(folder)
        if host:
            host.close()


def half_way(run: Run, host: hosts.Host, until: float) -> list[int]:
    """Wait until half of the items have ended; return the processes that are in the middle of another."""
    begun = time.time()
    while time.time() < until and not host.ended():
        # one look for both: a moment later each of them may be between two items
        if _ended(run) >= COUNT // 2 and (workers := busy(run, host)):
            return workers
        time.sleep(0.03)
    since = time.time() - begun
    raise TimeoutError(f"not half way after {since:.0f} s: {_ended(run)} of {COUNT} items have ended")


def busy(run: Run, host: hosts.Host) -> list[int]:
    """Return the processes that are in the middle of an item, other than the host's."""
    return [pid for pid in witness.running(run.seen()) if pid != host.pid and psutil.pid_exists(pid)]


def find(run: Run, cell: str, host: hosts.Host, workers: Sequence[int]) -> int:
    """Return the process to kill."""
    if cell == "worker":
        return max(workers)
    if run.tool == "static_mpi":  # every rank works; rank 0 was started first
        return min(workers)
    members = {process.pid: tree.command(process) for process in tree.members(run.job.folder)}
    pattern = HEARTS.get(run.tool)
    found = [pid for pid, command in members.items() if pattern and re.search(pattern, command)]
    if run.tool == "ipyparallel":  # the oldest is the hub; of its children the scheduler of tasks has work to do
        found = sorted((pid for pid in found if psutil.Process(pid).ppid() in found), key=_worked, reverse=True)
    return found[0] if found else host.pid


def watch(run: Run, host: hosts.Host, item: str | None, killed: float, until: float) -> float | None:
    """Wait until the run is over or hangs; return the seconds until the first sign that anybody noticed."""
    noticed, said = None, _said(run) + _logged(run)
    moved = time.time()
    notes = len(run.seen())
    while time.time() < until and time.time() - moved < STALL_SECONDS and not run.whole():
        time.sleep(0.05)
        seen = run.seen()
        if len(seen) != notes:
            notes, moved = len(seen), time.time()
        again = any(note.item == item and note.what == witness.BEGIN and note.time > killed for note in seen)
        if noticed is None and (again or host.ended() or _said(run) + _logged(run) != said):
            noticed = round(time.time() - killed, 2)
        if host.ended() and not tree.members(run.job.folder):
            break
    return noticed


def finish(run: Run) -> dict[str, Any]:
    """Do what a person has to do until the table is whole; return the steps and what is in the table then."""
    steps = []
    table = run.table()
    if not run.whole():
        steps, table = (resume if run.tool == "featx" else start_again)(run)
    lost = [item for item in run.job.lines() if not table[item]]
    return {
        "finished": not lost,
        "alone": not steps,
        "steps": steps,
        "lost": len(lost),
        "doubled": sum(count - 1 for count in table.values() if count > 1),
        "recomputed": witness.recomputed(run.seen()),
    }


def start_again(run: Run) -> tuple[list[str], Counter[str]]:
    """Kill what is left, then run the script over the items that have no row, then put the two tables together."""
    left = tree.end(run.job.folder)
    steps = [f"kill {left} processes that are left"] if left else []
    have = run.table()
    missing = [Path(item).name for item in run.job.lines() if not have[item]]
    if missing:
        folder = Path(run.job.folder, "again")
        folder.mkdir()
        more = prepare(run.tool, str(folder), missing, str(run.notes))
        host = hosts.script(run.tool, f"{folder}/job.json", more.environment)
        _until(lambda: host.ended() or "done" in more.job.marks(), time.time() + DEADLINE)
        tree.end(str(folder))
        host.close()
        have += Counter(f"{Path(run.job.items).parent}/items/{Path(item).name}" for item in more.table().elements())
        steps += ["start a script over the items without a row"]
    return [*steps, "put the rows together"], have


RESUME = """\
import jupyter_featx as featx
job = featx.job()
if str(job.status().state) != "completed":
    job.retry()
    job.wait()
job.result()
print(job.path)
"""


def resume(run: Run) -> tuple[list[str], Counter[str]]:
    """Type `%featx retry` where the job says so."""
    environment = {**run.environment, "FEATX_HOME": f"{run.job.folder}/featx"}
    ask = "import jupyter_featx; print(jupyter_featx.job().wait(120).state)"
    state = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True)
    steps = [] if state.stdout.strip() == "completed" else ["%featx retry"]
    done = subprocess.run([sys.executable, "-c", RESUME], env=environment, capture_output=True, text=True, check=True)
    with open(Path(done.stdout.split()[-1], "table.csv"), newline="") as file:
        return steps, Counter(row["item"] for row in csv.DictReader(file))


def _ended(run: Run) -> int:
    return sum(note.what == witness.END for note in run.seen())


def _said(run: Run) -> int:
    path = Path(run.job.folder, "said.txt")
    return path.stat().st_size if path.exists() else 0


def _logged(run: Run) -> int:
    """Count the failures in the log of a tool that has one."""
    name, pattern = LOGS.get(run.tool, ("", ""))
    path = Path(run.job.folder, name)
    return len(re.findall(pattern, path.read_text(), re.MULTILINE)) if name and path.exists() else 0


def _worked(pid: int) -> float:
    spent = psutil.Process(pid).cpu_times()
    return float(spent.user + spent.system)


def _what(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return str(pid)
    return " ".join(Path(word).name if "/" in word else word for word in words if word)[:120]


def _until(happened: Callable[[], bool], deadline: float) -> None:
    while not happened() and time.time() < deadline:
        time.sleep(0.03)


def perfect(figures: Mapping[str, Any]) -> bool:
    return bool(figures.get("finished")) and not figures["lost"] and not figures["doubled"]


def table(made: Sequence[Line]) -> str:
    """Return the Markdown table: a row for each tool and victim."""
    head = ["tool", "killed", "goes on by itself", "noticed after", "lost", "doubled", "recomputed", "steps by hand"]
    rows = [
        _row(tool, victim, found)
        for tool in tools.names()
        for victim in VICTIMS
        if (found := _runs(made, tool, victim))
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def _runs(made: Sequence[Line], tool: str, victim: str) -> list[dict[str, Any]]:
    return [
        line.figures
        for line in made
        if (line.scenario, line.tool, line.cell) == ("D", tool, victim) and "lost" in line.figures
    ]


def _row(tool: str, victim: str, found: list[dict[str, Any]]) -> list[str]:
    alone = sum(run["alone"] for run in found)
    seconds = [run["noticed"] for run in found]
    worst = max(found, key=lambda run: len(run["steps"]))
    noticed = "never" if None in seconds else f"{max(seconds):.1f} s"
    return [
        tools.about(tool).title,
        victim,
        "yes" if alone == len(found) else "no" if not alone else f"{alone} of {len(found)}",
        "–" if victim in ("kernel", "server") else noticed,
        *(str(max(run[name] for run in found)) for name in ("lost", "doubled", "recomputed")),
        "; ".join(worst["steps"]) or "none",
    ]


def section(made: list[Line], plots: Path) -> str:
    """Return this scenario's part of the report."""
    ours = [line for line in made if line.scenario == "D"]
    return f"{TEXT}\n\n{table(ours)}\n" if ours else ""


def goals(made: list[Line]) -> list[Goal]:
    found = [run for victim in VICTIMS for run in _runs(made, "featx", victim)]
    lost, doubled = (sum(run[name] for run in found) for name in ("lost", "doubled"))
    figure = f"{lost} lost, {doubled} doubled in {len(found)} runs"
    met = all(map(perfect, found)) if found else None
    return [Goal("D", "rows lost or doubled when something is killed", "0", figure if found else "", met)]


TEXT = f"""\
{COUNT} items of {MILLISECONDS} ms on two workers; when half of them have ended, SIGKILL to one process: a worker in
the middle of an item; the rank, the driver or the scheduler, whichever holds the run together; the kernel of the
notebook that runs the tool in a cell; the Jupyter server above that kernel. *By itself*: the whole table is there
though nobody did anything. *Noticed*: until the tool says something (in its log of tasks, too), ends, or begins the
killed item anew. Where the table is not whole, a person has to help; that is done, and the steps are named.
*Recomputed* counts items that had ended and were run to the end again; the items that ran when the process was
killed do not count. Of several runs, the worst is shown."""
