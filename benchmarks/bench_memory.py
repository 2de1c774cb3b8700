"""Measures the memory of a rank's own processes, and the seconds, of a job of a million items that do nothing.

    python -m benchmarks.bench_memory [ITEMS]

VmHWM, the most that a process ever had resident, of the rank (the event loop, with the coordinator in it) and of its
nursery (the parent of the workers), read from /proc while the job runs. The merge is a process of its own.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import noop
from benchmarks.figures import Figure, show
from benchmarks.fresh import call

ITEMS = 1_000_000
GOAL_MB = 200.0
KINDS = {b"jupyter_featx.worker": "rank", b"jupyter_featx.worker.nursery": "nursery", b"jupyter_featx.table": "merge"}


def watched(folder: str, count: int) -> dict[str, float]:
    """Run the job; return the peak of each kind of process in MB, and the seconds."""
    peaks = dict.fromkeys(KINDS.values(), 0.0)
    over = threading.Event()

    def watch(leader: int) -> None:
        while not over.wait(0.05):
            for pid in _family(leader):
                with contextlib.suppress(OSError, KeyError, StopIteration):
                    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                    kind = KINDS[words[words.index(b"-m") + 1] if b"-m" in words else b""]
                    peaks[kind] = max(peaks[kind], _peak_mb(pid))

    def look(job: object) -> None:
        native_id = job.status().attempts[-1].native_id  # type: ignore[attr-defined]
        watcher = threading.Thread(target=watch, args=[int(native_id.split("/")[1])], daemon=True)
        watcher.start()

    _, times = noop.run(folder, count, look)
    over.set()
    time.sleep(0.1)
    return {**{f"{kind}_mb": peak for kind, peak in peaks.items()}, **times}


def _family(leader: int) -> list[int]:
    """Return a process and its children; the workers, which are the nursery's, are not wanted."""
    with contextlib.suppress(OSError):
        return [leader, *map(int, Path(f"/proc/{leader}/task/{leader}/children").read_text().split())]
    return []


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def figures(count: int = ITEMS) -> Iterator[Figure]:
    """Yield the peaks and the seconds."""
    with tempfile.TemporaryDirectory(prefix="featx-bench-") as folder:
        noop.write_items(folder, count)
        found = call(__name__, "watched", folder, count)
    yield Figure.of(f"memory of a rank, {count:,} items", found["rank_mb"], "MB", GOAL_MB)
    yield Figure.of("  of its nursery", found["nursery_mb"], "MB", GOAL_MB)
    yield Figure.of("  of the merge, a process of its own", found["merge_mb"], "MB", 1000.0)
    yield Figure.of("  seconds from submit to table", found["total"], "s")
    for part in ("submit", "start", "run", "merge"):
        yield Figure.of(f"    of which {part}", found[part], "s")


def main() -> None:
    """Print the table."""
    show(figures(*map(int, sys.argv[1:])))


if __name__ == "__main__":
    from benchmarks import bench_memory  # under its own name, by which fresh processes find it

    bench_memory.main()
