"""Measures how long a user waits at the beginning: for the import, and for the first finished row.

    python -m benchmarks.bench_start [ROUNDS]

The import is a fresh `python -c "import jupyter_featx"` less a bare `python -c pass`, by turns. The first row is timed
in a fresh process from the call of `submit` (without its preflight) until the row stands in the shard.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from benchmarks import noop
from benchmarks.figures import Figure, show
from benchmarks.fresh import ROOT, call

ROUNDS = 7
IMPORT_GOAL_MS, ROW_GOAL_SECONDS = 50.0, 1.5
ITEMS = 1000


def first_row(folder: str) -> float:
    """Submit; return the seconds until the first row is in the shard."""
    found: list[float] = []

    def look(job: object) -> None:
        shards = job.path / "shards"  # type: ignore[attr-defined]
        while not any(path.stat().st_size for path in shards.glob("a*-r????.jsonl")):
            time.sleep(0.001)
        found.append(time.time())

    begun = time.time()
    noop.run(folder, ITEMS, look)
    return found[0] - begun


def _python(code: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    return time.perf_counter() - begun


def figures(rounds: int = ROUNDS) -> Iterator[Figure]:
    """Yield both figures, medians of the rounds."""
    _python("import jupyter_featx")  # the first one may have to compile it
    pairs = [(_python("import jupyter_featx"), _python("pass")) for _ in range(rounds)]
    milliseconds = max(0.0, statistics.median(loaded - bare for loaded, bare in pairs) * 1000)
    yield Figure.of("import jupyter_featx", milliseconds, "ms", IMPORT_GOAL_MS)
    with tempfile.TemporaryDirectory(prefix="featx-bench-") as folder:
        noop.write_items(folder, ITEMS)
        runs = [call(__name__, "first_row", folder) for _ in range(rounds)]
    name = f"submit to first finished row ({min(runs):.2g} to {max(runs):.2g})"
    yield Figure.of(name, statistics.median(runs), "s", ROW_GOAL_SECONDS)


def main() -> None:
    """Print the table."""
    show(figures(*map(int, sys.argv[1:])))


if __name__ == "__main__":
    from benchmarks import bench_start  # under its own name, by which fresh processes find it

    bench_start.main()
