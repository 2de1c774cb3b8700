"""Price a million items: seconds and peak memory to resolve, check and write a dataset."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

COUNT = 1_000_000
CHILDREN = 100_000  # real ones; the other items are names in one folder that holds few of them
FIGURES = "the figure to reach: 1,000,000 items in at most 10 s and 500 MB"

MEASURED = """
import itertools, os, resource, sys, time
from jupyter_featx.dataset import DatasetOptions, prepare
kind, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
names = (f"{folder}/mofs/mof_{i * 7919 % count}" for i in range(count))
data = {"folder": f"{folder}/mofs", "text file": f"{folder}/paths.txt", "CSV": f"{folder}/paths.csv",
        "one folder each": f"{folder}/apart.txt", "iterator": names}[kind]
start = time.perf_counter()
report = prepare(data, DatasetOptions(), f"{folder}/items.txt", f"{folder}/items.idx")
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{kind:16} {report.total:10,} {seconds:7.2f} {peak:7.0f} {report.checked:10,} {report.missing:9,}")
"""

READ = """
import resource, random, sys, time
from jupyter_featx.items import ItemFile
with ItemFile(f"{sys.argv[2]}/items.txt", f"{sys.argv[2]}/items.idx") as items:
    picked = [random.randrange(len(items)) for _ in range(100_000)]
    start = time.perf_counter()
    items.read(picked)
    micro = (time.perf_counter() - start) / len(picked) * 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"reading back at random: {micro:.2f} µs an item, peak {peak:.0f} MB")
"""


def main() -> None:
    """Print a table with one line per kind of data, each measured in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        _fill(Path(folder))
        print(
            f"{'data':16} {'items':>10} {'seconds':>7} {'peak MB':>7} {'checked':>10} {'missing':>9}",
            flush=True,
        )
        for kind in ("folder", "text file", "CSV", "iterator", "one folder each"):
            _run(MEASURED, kind, folder, str(COUNT))
        _run(READ, "", folder)
    print(FIGURES)


def _run(code: str, *arguments: str) -> None:
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, cwd=here)


def _fill(folder: Path) -> None:
    mofs = folder / "mofs"
    mofs.mkdir()
    for i in range(CHILDREN):
        os.close(os.open(mofs / f"mof_{i}", os.O_CREAT | os.O_WRONLY))
    # written line by line: a child's peak starts from that of the process that forked it
    with open(folder / "paths.txt", "w") as text, open(folder / "paths.csv", "w") as table:
        table.write("path\n")
        for i in range(COUNT):
            line = f"{mofs}/mof_{i * 7919 % COUNT}\n"
            text.write(line)
            table.write(line)
    with open(folder / "apart.txt", "w") as text:
        text.writelines(f"mofs/mof_{i // 10}\n" if i % 10 == 0 else f"sim_{i}/in\n" for i in range(COUNT))


if __name__ == "__main__":
    main()
