"""Measures the merge of 1,000,000 rows of 20 columns, against the engine alone writing the same two files.

    python -m benchmarks.bench_merge [ROWS [COLUMNS [MEMORY_MB]]]

Each run in a fresh process, by turns, the best of three. The engine alone is measured twice: writing the finished
table from memory, one file after the other; and reading the shards, sorting and writing, which is the merge
without the items' names, reconciled types, several attempts, errors, torn lines, or a bound on the memory.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, show
from benchmarks.fresh import ROOT
from jupyter_featx.items import write_items
from jupyter_featx.rows import RowEncoder

ROWS = 1_000_000
SHARDS = 4
ROUNDS = 3
MEASURED = """
import json, sys, time
from pathlib import Path
{imports}
here, memory_mb = Path(sys.argv[1]), int(sys.argv[2])
{prepare}
start = time.perf_counter()
{work}
seconds = time.perf_counter() - start
peak_kb = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([seconds, peak_kb / 1024]))
"""
MERGE = MEASURED.format(
    imports="from jupyter_featx import table; from jupyter_featx.table import merging",
    prepare="",
    work='table.merge(here / "shards", here / "items.txt", here / "items.idx", here, memory_mb=memory_mb)',
)
ENGINE = MEASURED.format(
    imports="import polars",
    prepare='frame = polars.read_parquet(here / "table.parquet")',
    work='frame.write_parquet(here / "alone.parquet"); frame.write_csv(here / "alone.csv", line_terminator="\\r\\n")',
)
ENGINE_FROM_SHARDS = MEASURED.format(
    imports="import polars",
    prepare='shards, both = here / "shards/a*-r000[0-9].jsonl", here / "all.parquet"',
    work='polars.scan_ndjson(shards).sort("i").sink_parquet(both); '
    'polars.scan_parquet(both).sink_csv(here / "all.csv", line_terminator="\\r\\n")',
)


def figures(rows: int = ROWS, columns: int = 20, memory_mb: int = 1000, rounds: int = ROUNDS) -> Iterator[Figure]:
    """Yield the seconds of the merge and of the engine, their ratio, and the merge's memory."""
    with tempfile.TemporaryDirectory(prefix="featx-bench-") as folder:
        write_shards(Path(folder), rows, columns)
        runs: dict[str, list[tuple[float, float]]] = {script: [] for script in (MERGE, ENGINE, ENGINE_FROM_SHARDS)}
        for _ in range(rounds):
            for script, found in runs.items():
                found.append(measure(script, folder, memory_mb))
        same = (Path(folder) / "table.csv").read_bytes() == (Path(folder) / "alone.csv").read_bytes()
    (merged, merge_mb), (alone, _), (whole, _) = map(min, runs.values())
    yield Figure.of(f"merge of {rows:,} rows of {columns} columns", merged, "s")
    yield Figure.of("  its memory", merge_mb, "MB", memory_mb)
    yield Figure.of("  the engine writes the finished table" + ("" if same else " (ANOTHER ONE)"), alone, "s")
    yield Figure.of("  merge to the engine that writes", merged / alone, "x", 2.0)
    yield Figure.of("  the engine reads, sorts and writes", whole, "s")
    yield Figure.of("  merge to the engine that does all", merged / whole, "x")


def main() -> None:
    """Print the table."""
    show(figures(*map(int, sys.argv[1:])))


def measure(script: str, folder: str, memory_mb: int) -> tuple[float, float]:
    """Return the seconds and the peak memory of one run in a fresh process."""
    command = [sys.executable, "-c", script, folder, str(memory_mb)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    seconds, peak_mb = json.loads(done.stdout)
    return seconds, peak_mb


def write_shards(folder: Path, rows: int, columns: int) -> None:
    """Write what four ranks leave behind after taking the items in shuffled order."""
    (folder / "shards").mkdir()
    write_items((b"/scratch/mof/structure-%07d.cif" % i for i in range(rows)), *items_files(folder))
    order = list(range(rows))
    random.Random(1).shuffle(order)
    for rank in range(SHARDS):
        write_shard(folder / "shards" / f"a0001-r{rank:04}", order[rank::SHARDS], columns)


def items_files(folder: Path) -> tuple[Path, Path]:
    return folder / "items.txt", folder / "items.idx"


def write_shard(stem: Path, items: list[int], columns: int) -> None:
    encoder, values = RowEncoder(), random.Random(stem.name)
    floats = [f"x{number}" for number in range(columns * 7 // 10)]
    ints = [f"n{number}" for number in range(columns - len(floats) - 2)]
    with open(f"{stem}.jsonl", "wb") as shard, open(f"{stem}.meta.jsonl", "wb") as meta:
        meta.write(b'{"host":"bench"}\n')
        for i in items:
            row: dict[str, object] = {
                name: values.random() * 10 ** (number % 9 - 3) for number, name in enumerate(floats)
            }
            row.update((name, int(values.random() * 1_000_000)) for name in ints)
            row["name"] = f"ABC{i}_clean"
            line, new = encoder.encode(i, values.random(), 34.5, 3, row, {"formula": 'C12 "H6"' if i % 3 else "a,b"})
            if new:
                meta.write(encoder.columns_line(new))
            shard.write(line)


if __name__ == "__main__":
    main()
