"""Measures what an item costs that does nothing, against joblib with the same obligations.

    python -m benchmarks.bench_overhead [ITEMS [ROUNDS]]

Both get the paths as a list and two workers; both must have each row on disk soon after it is made (forced there at
least twice a second, as ours are), and all rows in one CSV, in order, at the end. The clock runs from the call to the
finished table, in a fresh process. Ours then also looked at each path, isolated and timed each item, and wrote Parquet.
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator

from benchmarks import noop
from benchmarks.figures import Figure, show
from benchmarks.fresh import call

ITEMS, ROUNDS = 100_000, 5
GOAL_MS = 0.02
FORMS = ("generator", "generator_unordered")  # joblib's two ways to give rows while it works; the faster one counts
COMMIT_SECONDS = 0.5


def ours(folder: str, count: int) -> dict[str, float]:
    """Run the job; return the seconds of its parts."""
    return noop.run(folder, count)[1]


def numbered(number: int, path: str) -> tuple[int, dict[str, object]]:
    return number, noop.noop(path)


def joblibs(folder: str, count: int, form: str) -> float:
    """Do the same with joblib; return the seconds."""
    import joblib

    given = noop.paths(folder, count)
    begun = time.time()
    rows: dict[int, dict[str, object]] = {}
    calls = (joblib.delayed(numbered)(number, path) for number, path in enumerate(given))
    with open(f"{folder}/rows.jsonl", "w") as file:
        committed = time.monotonic()
        for number, row in joblib.Parallel(n_jobs=2, batch_size="auto", return_as=form)(calls):
            file.write(json.dumps({"i": number, **row}) + "\n")
            file.flush()
            rows[number] = row
            if time.monotonic() - committed > COMMIT_SECONDS:
                os.fdatasync(file.fileno())
                committed = time.monotonic()
        os.fdatasync(file.fileno())
    with open(f"{folder}/rows.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["item", *rows[0]])
        table.writerows([path, *rows[number].values()] for number, path in enumerate(given))
    return time.time() - begun


def figures(count: int = ITEMS, rounds: int = ROUNDS) -> Iterator[Figure]:
    """Yield the cost of an item, its parts, joblib's, and the ratio; the sides take turns, medians count."""
    mine: list[dict[str, float]] = []
    others: dict[str, list[float]] = {form: [] for form in FORMS}
    with tempfile.TemporaryDirectory(prefix="featx-bench-") as folder:
        noop.write_items(folder, count)
        for _ in range(rounds):
            mine.append(call(__name__, "ours", folder, count))
            for form, seconds in others.items():
                seconds.append(call(__name__, "joblibs", folder, count, form))
    each = 1000 / count
    total = statistics.median(run["total"] for run in mine)
    low, high = (choose(run["total"] for run in mine) * each for choose in (min, max))
    yield Figure.of(f"overhead of an item, {count:,} items ({low:.3g} to {high:.3g})", total * each, "ms", GOAL_MS)
    for part in ("submit", "start", "run", "merge", "notice"):
        yield Figure.of(f"  of which {part}", statistics.median(run[part] for run in mine) * each, "ms")
    form = min(FORMS, key=lambda form: statistics.median(others[form]))
    low, high = min(others[form]) * each, max(others[form]) * each
    joblib = statistics.median(others[form])
    yield Figure.of(f"  joblib's, {form} ({low:.3g} to {high:.3g})", joblib * each, "ms")
    yield Figure.of("  ours to joblib's", total / joblib, "x", 1.0)


def main() -> None:
    """Print the table."""
    show(figures(*map(int, sys.argv[1:])))


if __name__ == "__main__":
    from benchmarks import bench_overhead  # under its own name, by which fresh processes find it

    bench_overhead.main()
