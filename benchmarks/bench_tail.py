"""Measures how close a run with a heavy tail comes to the least time that is possible.

    python -m benchmarks.bench_tail [ITEMS [MEDIAN_MS]]

The makespan goes from the beginning of the first item to the end of the last; each row holds both, by the wall clock.
The bound is max(total / workers, longest item), where the total is the sum of the seconds that the rows say the items
took. "List scheduling" is what a plan would reach that gives each item, in the order that our job took them, to the
first free worker at no cost: nobody can do better in that order without knowing how long the items will take.

1.  Items that sleep: lognormal, sigma = 1, and 0.5 % of them 100 times the median; 32 workers (their sleep needs no
    core), the items in random order, cheapest first, and dearest first. There are so many items that the longest is
    short against the whole; and once so few that the last long one decides.
2.  The features of the zeolites in examples/, two workers.
"""

from __future__ import annotations

import heapq
import os
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import noop
from benchmarks.figures import Figure, show
from benchmarks.fresh import ROOT, call
from benchmarks.peers.dataset import structures

ITEMS, MEDIAN_MS = 60_000, 5.0
FEW = 30  # times fewer items, as many times longer
WORKERS = 32
GOAL = 1.05
ORDERS = ("random", "cheapest first", "dearest first")
SLEEP = """\
import time

def _process_input(path):
    begun = time.time()
    time.sleep(float(path.rsplit("-", 1)[1]))
    return {"begun": begun, "ended": time.time()}
"""
WRAP = """

import time as _time

def _process_input(path):
    return {"begun": _time.time(), **_features(path)}
"""
WRAP_LAST = """

def _process_output(path):
    return {**_labels(path), "ended": _time.time()}
"""


@dataclass(frozen=True)
class Outcome:
    """One run, in seconds; `listed` is the makespan of list scheduling."""

    makespan: float
    total: float
    longest: float
    listed: float
    workers: int

    @property
    def ratio(self) -> float:
        return self.makespan / max(self.total / self.workers, self.longest)


def lengths(count: int, median: float, order: str) -> list[float]:
    """Return the seconds of each item."""
    chance = random.Random(7)
    heavy = set(chance.sample(range(count), max(1, count // 200)))
    seconds = [median * (100 if n in heavy else chance.lognormvariate(0, 1)) for n in range(count)]
    if order != "random":
        seconds.sort(reverse=order == "dearest first")
    return seconds


def sleeping(folder: str, count: int, median: float, order: str) -> list[float]:
    """Run items that sleep; return an Outcome's fields."""
    Path(folder, "items").mkdir(exist_ok=True)
    seconds = lengths(count, median, order)
    paths = [f"{folder}/items/{order[0]}{n:06}-{each:.6f}" for n, each in enumerate(seconds)]
    for path in paths[: noop.REAL]:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    return _measured(folder, SLEEP, paths, WORKERS)


def zeolites(folder: str, copies: int) -> list[float]:
    """Run the example over its structures, each some times under another name; return an Outcome's fields."""
    from jupyter_featx.template import extract

    examples = ROOT / "examples"
    text = extract(examples / "zeolites.ipynb", folder=examples).text
    text = text.replace("def _process_input(", "def _features(").replace("def _process_output(", "def _labels(")
    text = text.partition("\nif __name__ ==")[0]
    wrapped = Path(folder, "wrapped.py")
    wrapped.write_text(text + WRAP + (WRAP_LAST if "def _labels(" in text else ""))
    Path(folder, "cif_fast.py").write_text((examples / "cif_fast.py").read_text())
    return _measured(folder, str(wrapped), structures(Path(folder, "copies"), copies), 2)


def _measured(folder: str, template: str, paths: list[str], workers: int) -> list[float]:
    import jupyter_featx as featx

    with noop.home(folder):
        job: Any = featx.submit(template, paths, cores=workers, preflight=False)
        job.wait()
        table, seconds = job.result(columns=["begun", "ended"]), job.timings()["seconds"]
    begun, ended = table["begun"].min(), table["ended"].max()
    order = list(range(len(paths)))
    random.Random(job.id).shuffle(order)  # as the leader does
    listed = list_scheduling((float(seconds.iloc[n]) for n in order), workers)
    return [float(ended - begun), float(seconds.sum()), float(seconds.max()), listed, workers]


def list_scheduling(seconds: Iterable[float], workers: int) -> float:
    """Return when the last item ends if each goes to the worker that is free first."""
    free = [0.0] * workers
    for each in seconds:
        heapq.heapreplace(free, free[0] + each)
    return max(free)


def _run(function: str, *arguments: object) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="featx-bench-") as folder:
        *times, workers = call(__name__, function, folder, *arguments)
    return Outcome(*times, int(workers))


def _shown(name: str, run: Outcome, goal: float | None) -> Iterator[Figure]:
    share = run.total / run.workers
    yield Figure.of(f"{name}: makespan {run.makespan:.2f} s to the bound", run.ratio, "x", goal)
    bound = max(share, run.longest)
    yield Figure.of(f"  list scheduling to the bound (a share {share:.2f}, longest {run.longest:.2f} s)",
                    run.listed / bound, "x")  # fmt: skip
    yield Figure.of("  ours to list scheduling", run.makespan / run.listed, "x", GOAL)


def figures(
    count: int = ITEMS, median_ms: float = MEDIAN_MS, orders: Sequence[str] = ORDERS, copies: Sequence[int] = (1, 4)
) -> Iterator[Figure]:
    """Yield for each load the makespan over the bound."""
    for order in orders:
        run = _run("sleeping", count, median_ms / 1000, order)
        yield from _shown(f"heavy tail, {count:,} items, {order}", run, GOAL)
    few = max(1, count // FEW)
    run = _run("sleeping", few, median_ms * FEW / 1000, "random")
    yield from _shown(f"heavy tail, {few:,} long items, random", run, None)
    for number in copies:
        run = _run("zeolites", number)
        yield from _shown(f"zeolites, each {number} times" if number > 1 else "zeolites", run, GOAL)


def main() -> None:
    """Print the table."""
    given = sys.argv[1:]
    show(figures(*map(int, given[:1]), *map(float, given[1:2])))


if __name__ == "__main__":
    from benchmarks import bench_tail  # under its own name, by which fresh processes find it

    bench_tail.main()
