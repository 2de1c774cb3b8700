"""F. What a user writes and does, from a function that works on three items to the final table.

`effort/NAME.py` (or .sh) is what a careful user writes for each tool: results safe on disk, errors caught, what failed
tried once more, a table. It is run here on three items of which one fails at first, so that the count is of code that
works. `import work` is the user's function; nothing else is given.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.peers import measuring, showing
from benchmarks.peers.job import Job
from benchmarks.peers.lines import Line, spread
from benchmarks.peers.plots import Chart
from benchmarks.peers.scenarios import Cell, Goal

TITLE = "Effort"
FOLDER = Path(__file__).resolve().parent.parent / "effort"
CELL = "three items, one fails at first"
WORK = """\
import os


def _process_input(path):
    with open("{calls}", "a") as calls:
        calls.write(os.path.basename(path) + "\\n")
    if path.endswith("b.txt") and open("{calls}").read().count("b.txt") <= {failures}:
        raise ValueError("not yet")
    return {{"size": os.path.getsize(path)}}
"""
SAMPLED = {"featx": 1}  # how often the tool itself tries each of so few items before the run begins
INTRODUCTION = """\
What a careful user writes around the function: every result safe on disk, errors caught and written down, what
failed tried once more, nothing done twice, one table. Each script is run by this benchmark, on three items of which
one fails at first. Lines that are blank or a comment do not count. What becomes of a run when an item kills its
process or never ends stands in C."""
WRITE, RUN = "write the script", "run it"
STEPS: dict[str, tuple[str, ...]] = {
    "featx": ("`submit`", "`retry`, when it says that items failed", "`result`"),
    "concurrent_futures": (WRITE, RUN, "read errors.csv", "run it again for what still fails"),
    "joblib": (WRITE, RUN, "read errors.csv", "run it again for what still fails"),
    "mpi4py_futures": (WRITE, "run it with `mpiexec -n 3`", "read errors.csv", "run it again for what still fails"),
    "static_mpi": (WRITE, "run it with `mpiexec -n 2`", "read errors.csv", "run it again for what still fails"),
    **dict.fromkeys(
        ("dask", "parsl", "executorlib", "ipyparallel", "submitit", "hyperqueue"),
        (WRITE, RUN, "read errors.csv", "run it again for what still fails"),
    ),
    "disbatch": (
        "write the program for one item",
        "write the list of commands",
        "run disBatch",
        "read the status file and the folder of errors",
        "run disBatch again with `-r` for what still fails",
    ),
    "gnu_parallel": (
        "write the program for one item",
        "write the commands",
        "run them",
        "read the folder of errors and the log",
        "run the commands again for what still fails",
    ),
}
MPI = {"static_mpi": ["mpiexec", "-n", "2"], "mpi4py_futures": ["mpiexec", "-n", "3"]}
MODULES = {"static_mpi": ["-m", "mpi4py"], "mpi4py_futures": ["-m", "mpi4py.futures"]}


def cells() -> list[Cell]:
    return [Cell("F", CELL, 4, 300, 1, 1)]


def script(tool: str) -> Path | None:
    """Return what the user writes."""
    return next((path for end in ("py", "sh") if (path := FOLDER / f"{tool}.{end}").exists()), None)


def measure(tool: str, cell: Cell, folder: str) -> dict[str, Any]:
    text = script(tool)
    if text is None:
        return {"finished": False, "said": "there is no script yet"}
    sampled = SAMPLED.get(tool, 0)
    prepare(Path(folder), text, sampled)
    measuring.adopt()
    try:
        done = subprocess.run(
            command(tool, text.name), cwd=folder, env=_environment(folder), text=True, timeout=cell.deadline,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        said = done.stdout
    except subprocess.TimeoutExpired:
        said = "not done at the deadline"
    measuring.end_all()
    right = correct(Path(folder), sampled)
    return {"finished": right, "lines": count_lines(text), "said": "" if right else said[-2000:]}


def prepare(folder: Path, text: Path, sampled: int) -> None:
    """Put the user's function, three items and the script there."""
    (folder / "data").mkdir()
    for name in "abc":
        (folder / f"data/{name}.txt").write_text(name * 3)
    (folder / "work.py").write_text(WORK.format(failures=1 + sampled, calls=folder / "calls.txt"))
    # not under its own name: `import joblib` would find the script
    shutil.copy(text, folder / f"run_all{text.suffix}")


def command(tool: str, name: str) -> list[str]:
    """Return what the user types."""
    if name.endswith(".sh"):
        return ["bash", "run_all.sh"]
    return [*MPI.get(tool, []), sys.executable, *MODULES.get(tool, []), "run_all.py"]


def correct(folder: Path, sampled: int) -> bool:
    """Return whether the table has all three rows, in order, and nothing but the failed item was run twice."""
    table, calls = folder / "features.csv", folder / "calls.txt"
    if not table.exists() or not calls.exists():
        return False
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [os.path.basename(row.get("item", "")) for row in rows]
    ran = Counter(calls.read_text().split())
    expected = {"a.txt": 1 + sampled, "b.txt": 2 + sampled, "c.txt": 1 + sampled}
    return names == ["a.txt", "b.txt", "c.txt"] and ran == expected


def count_lines(path: Path) -> int:
    """Count the lines that say something: neither blank nor only a comment."""
    text = path.read_text()
    if path.suffix == ".sh":
        return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines())
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return len({number for t in tokens if t.type not in nothing for number in range(t.start[0], t.end[0] + 1)})


def _environment(folder: str) -> dict[str, str]:
    own = measuring.environment(Job("", "", folder))
    return own | {"PYTHONPATH": folder, "FEATX_HOME": f"{folder}/home/featx"}


def section(lines: list[Line], plots: Path) -> str:
    """Return a plot of the lines and a table with the steps."""
    chart = Chart("Lines to write", "from a function that works on three items to the table, what failed tried again")
    parts = [INTRODUCTION, showing.bars(plots / "effort.svg", chart, lines, "lines", showing.number)]
    rows = []
    for tool in showing.measured(lines):
        text = script(tool)
        link = f"[{text.name}](effort/{text.name})" if text else "–"
        count = spread(showing.of(lines, CELL, tool), "lines")
        steps = STEPS.get(tool, ())
        shown = "; ".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
        have = showing.number(count.median) if count else showing.why_not(showing.of(lines, CELL, tool))
        rows.append([showing.title(tool), link, have, str(len(steps)), shown])
    lines_ = ["| tool | script | lines | steps | what they are |", "|---|---|--:|--:|---|"]
    return "\n\n".join([*parts, "\n".join([*lines_, *(f"| {' | '.join(row)} |" for row in rows)])])


def goals(lines: list[Line]) -> list[Goal]:
    """There is none: lines are no obligation."""
    return []
