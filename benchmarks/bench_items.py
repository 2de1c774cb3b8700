"""Measures what a million items cost at submit: seconds and peak memory to resolve, check and write a dataset.

    python -m benchmarks.bench_items [ITEMS]

Each kind of data in a fresh process.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, show
from benchmarks.fresh import call

ITEMS = 1_000_000
CHILDREN = 100_000  # real ones; the other items are names in one folder that holds few of them
READ = 100_000
KINDS = ("folder", "text file", "CSV", "iterator", "one folder each")
GOAL_SECONDS, GOAL_MB = 10.0, 500.0


def prepared(kind: str, folder: str, count: int) -> list[float]:
    """Make the dataset; return the items, the seconds and the peak in MB."""
    from jupyter_featx.dataset import DatasetOptions, prepare

    names = (f"{folder}/mofs/mof_{i * 7919 % count}" for i in range(count))
    data = {
        "folder": f"{folder}/mofs",
        "text file": f"{folder}/paths.txt",
        "CSV": f"{folder}/paths.csv",
        "one folder each": f"{folder}/apart.txt",
        "iterator": names,
    }[kind]
    begun = time.perf_counter()
    report = prepare(data, DatasetOptions(), f"{folder}/items.txt", f"{folder}/items.idx")
    return [report.total, time.perf_counter() - begun, _peak_mb()]


def read(folder: str) -> list[float]:
    """Read items back at random; return microseconds for each, and the peak in MB."""
    from jupyter_featx.items import ItemFile

    with ItemFile(f"{folder}/items.txt", f"{folder}/items.idx") as items:
        picked = [random.randrange(len(items)) for _ in range(READ)]
        begun = time.perf_counter()
        items.read(picked)
        return [(time.perf_counter() - begun) / READ * 1e6, _peak_mb()]


def _peak_mb() -> float:
    # not ru_maxrss: a child's starts from that of the process that forked it
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def figures(count: int = ITEMS) -> Iterator[Figure]:
    """Yield seconds and memory for each kind of data, then the cost of reading back."""
    with tempfile.TemporaryDirectory(prefix="featx-bench-") as folder:
        _fill(Path(folder), count)
        for kind in KINDS:
            total, seconds, peak = call(__name__, "prepared", kind, folder, count)
            yield Figure.of(f"dataset of {total:,} items, {kind}", seconds, "s", GOAL_SECONDS)
            yield Figure.of("  its memory", peak, "MB", GOAL_MB)
        micro, peak = call(__name__, "read", folder)
        yield Figure.of("reading an item back, at random", micro, "µs")
        yield Figure.of("  its memory", peak, "MB")


def _fill(folder: Path, count: int) -> None:
    mofs = folder / "mofs"
    mofs.mkdir()
    for i in range(min(count, CHILDREN)):
        os.close(os.open(mofs / f"mof_{i}", os.O_CREAT | os.O_WRONLY))
    with open(folder / "paths.txt", "w") as text, open(folder / "paths.csv", "w") as table:
        table.write("path\n")
        for i in range(count):
            line = f"{mofs}/mof_{i * 7919 % count}\n"
            text.write(line)
            table.write(line)
    with open(folder / "apart.txt", "w") as text:
        text.writelines(f"mofs/mof_{i // 10}\n" if i % 10 == 0 else f"sim_{i}/in\n" for i in range(count))


def main() -> None:
    """Print the table."""
    show(figures(*map(int, sys.argv[1:])))


if __name__ == "__main__":
    from benchmarks import bench_items  # under its own name, by which fresh processes find it

    bench_items.main()
