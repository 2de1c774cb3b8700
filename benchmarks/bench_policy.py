"""Measures how near the engine's own plan comes to the ideal on a dataset that takes days, in simulated time.

    python -m benchmarks.bench_policy [ITEMS [WORKERS]]

Two million items of a minute each (lognormal, sigma = 1) on 500 workers of 125 nodes, in an order that goes with their
cost, as when structures are sorted by size. The ideal is the sum of all the seconds over the workers. Beside ours: the
same order cut into one equal range for each worker, handed out in fixed chunks of 30, and list scheduling, which gives
each item in our own order to the first free worker at no cost.
"""

from __future__ import annotations

import heapq
import math
import random
import sys
import time
from collections.abc import Iterable, Iterator

from benchmarks.figures import Figure, show
from benchmarks.simulation import Run, in_chunks, shuffled
from jupyter_featx.worker.coordinator import Plan

ITEMS, WORKERS, PER_NODE = 2_000_000, 500, 4
MEAN_SECONDS, SIGMA = 60.0, 1.0
CHUNK = 30
GOAL = 0.99


def lengths(count: int) -> list[float]:
    """Return the seconds of each item, in an order that goes with them (correlation 0.7)."""
    draw = random.Random(11)
    middle = math.log(MEAN_SECONDS) - SIGMA**2 / 2
    noisy = []
    for _ in range(count):
        deviation = draw.gauss(0, 1)
        noisy.append((deviation + draw.gauss(0, 1), math.exp(middle + SIGMA * deviation)))
    return [seconds for _, seconds in sorted(noisy)]


def greedy(chunks: Iterable[float], workers: int) -> float:
    """Return when the last chunk ends if each goes to the worker that is free first."""
    free = [0.0] * workers
    for each in chunks:
        heapq.heapreplace(free, free[0] + each)
    return max(free)


def figures(count: int = ITEMS, workers: int = WORKERS) -> Iterator[Figure]:
    """Yield for each way of sharing out the makespan over the ideal."""
    seconds = lengths(count)
    ideal = sum(seconds) / workers
    order = shuffled(count, "policy-0000")
    nodes = [PER_NODE] * (workers // PER_NODE) + ([workers % PER_NODE] if workers % PER_NODE else [])
    begun = time.process_time()
    run = Run(seconds, order, Plan(nodes))
    makespan = run.go()
    if run.coordinator.stopped != "complete" or set(run.rows) != {1}:
        raise RuntimeError(f"not every item has one row: {run.coordinator.message}")
    spent = time.process_time() - begun
    days = makespan / 86400
    name = f"{count:,} items on {workers} workers, {days:.2f} days: {100 * ideal / makespan:.2f} % of the ideal"
    yield Figure.of(name, makespan / ideal, "x", 1 / GOAL)
    equal = max(sum(seconds[part[0] : part[-1] + 1]) for part in in_chunks(count, -(-count // workers)))
    fixed = greedy((sum(seconds[part[0] : part[-1] + 1]) for part in in_chunks(count, CHUNK)), workers)
    listed = greedy((seconds[item] for item in order), workers)
    for other, ended in (
        ("list scheduling in our order, at no cost", listed),
        (f"fixed chunks of {CHUNK}, in the dataset's order", fixed),
        ("one equal part for each worker", equal),
    ):
        yield Figure.of(f"  {other}: {100 * ideal / ended:.2f} %", ended / ideal, "x")
    yield Figure.of("  the plan's own time for one item, on all ranks together", spent / count * 1e6, "µs")


def main() -> None:
    """Print the table."""
    show(figures(*map(int, sys.argv[1:])))


if __name__ == "__main__":
    main()
