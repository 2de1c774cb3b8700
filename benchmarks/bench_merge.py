"""Measures the merge of 1,000,000 rows of 20 columns, against the engine alone writing the same two files.

    python benchmarks/bench_merge.py [ROWS [COLUMNS [MEMORY_MB]]]

Each side runs in a fresh process; best of three. The engine alone is measured twice: writing the finished
table from memory, one file after the other; and reading the shards, sorting and writing, which is the merge
without the items' names, reconciled types, several attempts, errors, torn lines, or a bound on the memory.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jupyter_featx.items import write_items
from jupyter_featx.rows import RowEncoder

SHARDS = 4
ROUNDS = 3
MEASURED = """
import json, resource, sys, time
from pathlib import Path
{imports}
here, memory_mb = Path(sys.argv[1]), int(sys.argv[2])
{prepare}
start = time.perf_counter()
{work}
seconds = time.perf_counter() - start
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
MERGE = MEASURED.format(
    imports="from jupyter_featx import merging, table",
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


def main() -> None:
    """Print one line for the merge, one for the engine, and the ratio."""
    rows, columns, memory_mb = ([*map(int, sys.argv[1:]), 0, 0, 0])[:3]
    rows, columns, memory_mb = rows or 1_000_000, columns or 20, memory_mb or 1000
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        write_shards(Path(folder), rows, columns)
        print(f"{rows:,} rows of {columns} columns, written in {time.perf_counter() - started:.0f} s")
        merged, merge_mb = best(MERGE, folder, memory_mb)
        alone, alone_mb = best(ENGINE, folder, memory_mb)
        whole, whole_mb = best(ENGINE_FROM_SHARDS, folder, memory_mb)
        same = (Path(folder) / "table.csv").read_bytes() == (Path(folder) / "alone.csv").read_bytes()
    print(f"{'':32}{'seconds':>8}{'peak MB':>9}{'merge is':>10}   same CSV: {same}")
    print(f"{'merge':32}{merged:8.2f}{merge_mb:9.0f}{'':10}   goal: at most 1000 MB")
    print(f"{'engine writes the table':32}{alone:8.2f}{alone_mb:9.0f}{merged / alone:9.2f}x   goal: at most 2x")
    print(f"{'engine reads, sorts and writes':32}{whole:8.2f}{whole_mb:9.0f}{merged / whole:9.2f}x")


def best(script: str, folder: str, memory_mb: int) -> tuple[float, float]:
    """Return the seconds and the peak memory of the fastest of some runs, each in a fresh process."""
    command = [sys.executable, "-c", script, folder, str(memory_mb)]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(ROUNDS)]
    seconds, peak_mb = min(json.loads(run.stdout) for run in runs)
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
